"""Having an invoice charged outside its schedule: by staff, in the portal, on the pay page, by a program."""

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.models import PaymentProfile, ProfileState
from subscriptions.collection.engine import payer_of_invoice
from subscriptions.collection.outcomes import new_charge, unsettled_charge
from subscriptions.collection.wakeups import COLLECTIONS
from subscriptions.errors import BillingError
from subscriptions.models import Charge, Invoice
from subscriptions.settlement import PAYABLE_STATES
from tenants.actors import Actor
from tenants.audit import record


def request_collection(
    *, actor: Actor, invoice: Invoice, through: str, profile: PaymentProfile | None = None, now: datetime | None = None
) -> Charge:
    """Charge an open or uncollectible invoice at once, to `profile` or to whoever pays it, in the open scope.

    It uses up none of the schedule's tries. A charge that is under way already is returned as it is, so that asking
    twice charges once. Call `collect_now` after the commit to have it done in this process.

    Raises BillingError `not_payable`, `gateway_billed`, `nothing_due`, `no_payment_method`, `other_customer`,
    `profile_not_active`.
    """
    now = now or timezone.now()
    locked = Invoice.objects.select_for_update(of=("self",)).select_related(
        "customer", "subscription__payment_profile__replaced_by", "payment_profile__replaced_by"
    )
    invoice = locked.get(pk=invoice.pk)
    _check_payable(invoice)
    if under_way := unsettled_charge(invoice):
        return under_way
    payer = profile or payer_of_invoice(invoice, now)
    if payer is None:
        message = _("There is no payment method that can be charged. Add one first.")
        raise BillingError("no_payment_method", message)
    _check_profile(invoice, payer)
    charge = new_charge(invoice=invoice, source=through, actor=actor, profile=payer)
    invoice.next_attempt_at = now
    invoice.save(update_fields=["next_attempt_at"])
    after = {"payment_method": str(payer), "through": str(through)}
    record(actor=actor, action="invoice.collection_requested", target=invoice, after=after)
    COLLECTIONS.wake_workers(invoice.tenant_id)
    return charge


def _check_payable(invoice: Invoice) -> None:
    if invoice.gateway_id:
        raise BillingError("gateway_billed", _("The payment gateway bills this invoice, and collects it by itself."))
    if invoice.state not in PAYABLE_STATES:
        raise BillingError("not_payable", _("This invoice is no longer open."))
    if invoice.total_minor <= invoice.balance_applied_minor:
        raise BillingError("nothing_due", _("Nothing is due on this invoice."))


def _check_profile(invoice: Invoice, profile: PaymentProfile) -> None:
    if profile.customer_id != invoice.customer_id:
        raise BillingError("other_customer", _("This payment method belongs to another customer."))
    if profile.state != ProfileState.ACTIVE:
        message = _("This payment method cannot be charged any more. Choose another one.")
        raise BillingError("profile_not_active", message)
