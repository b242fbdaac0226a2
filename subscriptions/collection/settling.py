"""What the gateway says of an invoice's payment, recorded: after its events, and after the customer's own browser."""

from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from payments.gateway.accounts import paced_gateway_for
from payments.gateway.port import PaymentFacts
from payments.gateway_customers import ensure_gateway_customer
from payments.models import GatewayAccount, PaymentProfile
from subscriptions.collection.charging import (
    CANCELLED,
    PROCESSING,
    SUCCEEDED,
    Order,
    begin_payment,
    known_payment,
    why_unpaid,
)
from subscriptions.collection.engine import payer_of_invoice, payment_kinds
from subscriptions.collection.outcomes import (
    new_charge,
    record_failure,
    record_paid,
    record_processing,
    unsettled_charge,
)
from subscriptions.limits import hold_customer
from subscriptions.models import Charge, ChargeState, Invoice, PaidThrough
from subscriptions.selectors import usable
from subscriptions.settlement import PAYABLE_STATES
from tenants.actors import Actor
from tenants.scope import forbid_open_transaction, tenant_scope

#: A payment in one of these states has failed, unless the customer tries again.
_NOT_PAID = ("requires_payment_method", CANCELLED)


@dataclass(frozen=True)
class Confirmation:
    """What the payer's browser needs to confirm an invoice's payment with stripe.js; `method` is the gateway's id of
    the payment method that is charged, empty when there is none."""

    client_secret: str = field(repr=False)
    publishable_key: str
    payment_id: str
    method: str


def confirmation_of(tenant_id: UUID, invoice_id: UUID) -> Confirmation | None:
    """How the payer can confirm, on the page that they have before them, the payment of an invoice.

    The payment is made at the gateway if there is none yet. None when the invoice is not to be paid any more; one that
    the gateway says is paid is settled. Raises GatewayError.
    """
    forbid_open_transaction()
    with tenant_scope(tenant_id):
        invoice = Invoice.objects.select_related(
            "customer", "subscription__payment_profile__replaced_by", "payment_profile__replaced_by"
        ).get(pk=invoice_id)
        due = invoice.total_minor > invoice.balance_applied_minor
        if invoice.gateway_id or invoice.state not in PAYABLE_STATES or not due:
            return None
        payer = usable(invoice.payment_profile) or payer_of_invoice(invoice, timezone.now())
        account, kinds = GatewayAccount.objects.first(), payment_kinds(payer)
    payment = _payment_of(tenant_id, invoice, payer, kinds)
    if payment.status in (SUCCEEDED, PROCESSING) or account is None:
        settle_payment(tenant_id, payment.id, actor=Actor.system("pay page"))
        return None
    return Confirmation(
        client_secret=payment.client_secret,
        publishable_key=account.publishable_key,
        payment_id=payment.id,
        method=payer.gateway_id if payer else "",
    )


def _payment_of(tenant_id: UUID, invoice: Invoice, payer: PaymentProfile | None, kinds: list[str]) -> PaymentFacts:
    gateway = paced_gateway_for(tenant_id)
    order = Order(
        invoice=invoice,
        customer=ensure_gateway_customer(tenant_id, invoice.customer_id),
        method=payer.gateway_id if payer else "",
        kinds=kinds,
        # Another one once the payment before was cancelled.
        key=f"charge-{invoice.pk}-{invoice.gateway_payment_id or 'first'}",
        is_retry=True,
    )
    return known_payment(gateway, invoice) or begin_payment(gateway, order)


def settle_payment(tenant_id: UUID, payment_id: str, *, actor: Actor) -> Invoice | None:
    """Read a payment at the gateway and record what it says; safe to repeat, in any order.

    The invoice, or None when the payment is not one of ours. A charge that a worker is making is left to that worker,
    unless the money is there. Raises GatewayError.
    """
    forbid_open_transaction()
    with tenant_scope(tenant_id):
        known = _invoices(payment_id).first()
        if known is None:
            return None
    payment = paced_gateway_for(tenant_id).read_payment(payment_id)
    with tenant_scope(tenant_id):
        # The customer before the invoice: a failure may invite them.
        hold_customer(known.customer, alone=True)
        invoice = _invoices(payment_id).select_for_update(of=("self",)).first()
        if invoice is not None:
            _record(invoice, payment, actor)
            invoice.refresh_from_db()
        return invoice


def _invoices(payment_id: str) -> QuerySet[Invoice]:
    """The invoice of ours that has this payment."""
    ours = Invoice.objects.filter(gateway_payment_id=payment_id or "-", gateway_id="")
    return ours.select_related("customer", "subscription")


def _record(invoice: Invoice, payment: PaymentFacts, actor: Actor) -> None:
    now, charge = timezone.now(), unsettled_charge(invoice)
    if payment.status == SUCCEEDED:
        if charge is not None or invoice.state in PAYABLE_STATES:
            charge = charge or _charge_on_the_pay_page(invoice, payment, actor)
            profile = _profile_of(payment) or charge.profile
            record_paid(actor=actor, invoice=invoice, charge=charge, payment_id=payment.id, now=now, profile=profile)
    elif payment.status == PROCESSING:
        if charge is None and invoice.state in PAYABLE_STATES:
            record_processing(invoice=invoice, charge=_charge_on_the_pay_page(invoice, payment, actor), now=now)
    elif payment.status in _NOT_PAID and charge is not None and charge.state == ChargeState.PROCESSING:
        record_failure(actor=actor, invoice=invoice, charge=charge, error=why_unpaid(payment), now=now)


def _charge_on_the_pay_page(invoice: Invoice, payment: PaymentFacts, actor: Actor) -> Charge:
    """Nobody here made this charge: it was the payer's browser, which got the means for it on the pay page."""
    return new_charge(invoice=invoice, source=PaidThrough.PAY_PAGE, actor=actor, profile=_profile_of(payment))


def _profile_of(payment: PaymentFacts) -> PaymentProfile | None:
    return PaymentProfile.objects.filter(gateway_id=payment.method or "-").first()
