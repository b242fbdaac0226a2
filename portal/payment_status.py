"""Where the payment of an invoice stands, for whoever is asked to pay it. Nothing is called paid before it is."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from payments.gateway.errors import explain_to_customer
from subscriptions.models import Charge, ChargeState, Invoice, InvoiceState


@dataclass(frozen=True)
class PaymentStatus:
    """`name`: paid, void; gateway (whose own billing collects it); running (being charged now), processing (by the
    bank, for days), confirm (the bank wants the customer's confirmation), failed (see `error`), or open. `charge` is
    the last try."""

    name: str
    error: str = ""
    charge: Charge | None = None

    @property
    def can_pay(self) -> bool:
        return self.name in ("open", "failed", "confirm")


def payment_status(invoice: Invoice) -> PaymentStatus:
    """By what was recorded, in the open scope; `invoice` as it is now."""
    if invoice.state in (InvoiceState.PAID, InvoiceState.VOID, InvoiceState.DRAFT):
        return PaymentStatus("paid" if invoice.state == InvoiceState.PAID else "void")
    if invoice.amount_due_minor <= 0:
        return PaymentStatus("paid")
    if invoice.gateway_id:
        return PaymentStatus("gateway", invoice.why_unpaid)
    charge = invoice.charges.select_related("profile").order_by("-number").first()
    if charge is None:
        return PaymentStatus("failed" if invoice.last_error_code else "open", invoice.why_unpaid)
    if charge.state == ChargeState.RUNNING:
        return PaymentStatus("running", charge=charge)
    if charge.state == ChargeState.PROCESSING:
        return PaymentStatus("processing", charge=charge)
    if invoice.needs_confirmation:
        return PaymentStatus("confirm", charge=charge)
    if charge.error_code:
        return PaymentStatus("failed", _in_own_words(charge.error_code), charge)
    return PaymentStatus("open", charge=charge)


def _in_own_words(code: str) -> str:
    if code == "no_payment_method":
        return _("There is no payment method to charge. Enter one.")
    return str(explain_to_customer(code))
