"""How an invoice of ours is charged at the gateway: through its one payment there, which can succeed only once.

https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from collections.abc import Sequence
from dataclasses import dataclass

from payments.gateway.errors import Busy, Declined, GatewayError, Refused
from payments.gateway.port import Gateway, PaymentFacts
from subscriptions.models import Invoice
from subscriptions.settlement import PAYABLE_STATES
from tenants.numbers import written
from tenants.scope import tenant_scope

SUCCEEDED, PROCESSING, CANCELLED = "succeeded", "processing", "canceled"


@dataclass(frozen=True)
class Order:
    """Charge this invoice's amount due to this method. `customer` and `method` are the gateway's ids.

    `kinds` are the kinds of method that may pay it, now or later. `is_retry`: it was begun before, so that the gateway
    may have more than we know of.
    """

    invoice: Invoice
    customer: str
    method: str
    kinds: Sequence[str]
    key: str
    is_retry: bool


def charge_invoice(gateway: Gateway, order: Order) -> PaymentFacts:
    """The payment, succeeded or being processed. Raises GatewayError; see `payments.gateway.errors`.

    The caller holds the invoice's lease. A payment that has succeeded, or is being processed, is not charged again.
    """
    payment = known_payment(gateway, order.invoice) or begin_payment(gateway, order)
    if payment.status not in (SUCCEEDED, PROCESSING):
        payment = gateway.confirm_payment(payment.id, method=order.method, key=order.key)
    if payment.status not in (SUCCEEDED, PROCESSING):
        raise Refused(code="not_paid", gateway_message=f"The payment is {payment.status}.")
    return payment


def known_payment(gateway: Gateway, invoice: Invoice) -> PaymentFacts | None:
    """The invoice's one payment; None when none was begun, or it was cancelled at the gateway, unpaid for good."""
    payment = gateway.read_payment(invoice.gateway_payment_id) if invoice.gateway_payment_id else None
    return None if payment is None or payment.status == CANCELLED else payment


def begin_payment(gateway: Gateway, order: Order) -> PaymentFacts:
    """Make the invoice's payment, or find the one that was made by a call whose answer was lost; nothing is charged."""
    invoice, metadata = order.invoice, {"invoice_id": str(order.invoice.pk)}
    found = gateway.find_payment(customer=order.customer, metadata=metadata) if order.is_retry else None
    payment = found if found is not None and found.status != CANCELLED else None
    payment = payment or gateway.create_payment(
        customer=order.customer,
        amount_minor=invoice.total_minor - invoice.balance_applied_minor,
        currency=invoice.currency,
        description=written("invoice", invoice.number),
        metadata=metadata,
        kinds=order.kinds,
        key=f"{order.key}-payment",
    )
    _remember(invoice, payment.id)
    return payment


def _remember(invoice: Invoice, payment_id: str) -> None:
    """Keep the payment's id before it is charged, so that whoever comes next charges the same one.

    Raises Busy when there is another one meanwhile, or the invoice was voided: then this one is never confirmed.
    """
    with tenant_scope(invoice.tenant_id):
        payable = Invoice.objects.filter(pk=invoice.pk, state__in=PAYABLE_STATES)
        as_read = payable.filter(gateway_payment_id=invoice.gateway_payment_id)
        taken = as_read.update(gateway_payment_id=payment_id)
        known = taken or payable.filter(gateway_payment_id=payment_id).exists()
    if not known:
        raise Busy(code="busy", gateway_message="This invoice was voided, or another payment begun.")
    invoice.gateway_payment_id = payment_id


def why_unpaid(payment: PaymentFacts) -> GatewayError:
    """Why a payment that was being processed is not paid after all."""
    if payment.error is not None:
        return payment.error
    return Declined(code="payment_not_made", gateway_message=f"The payment is {payment.status}.")
