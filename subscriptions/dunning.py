"""What follows when an invoice could not be collected: when it is tried again, who is told, and how it ends.

https://docs.stripe.com/billing/revenue-recovery/smart-retries names the declines after which a retry is useless.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from payments.models import PaymentProfile
from subscriptions import mails
from subscriptions.billing.transitions import next_look
from subscriptions.calculators.dunning import PAUSE, after_refused_request, next_attempt_at
from subscriptions.models import (
    BilledBy,
    CancelReason,
    Charge,
    ChargeState,
    Invoice,
    PaidThrough,
    Subscription,
    SubscriptionState,
)
from subscriptions.settlement import change_subscription, mark_invoice_failed
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import DunningOutcome, Tenant

#: Sends an invitation to put in another method in place of the one that failed (None: the first one). True when sent.
type Inviter = Callable[[Invoice, PaymentProfile | None], bool]

#: The charges of the schedule; all others were asked for by someone, and use up none of its tries.
SCHEDULED = (PaidThrough.RENEWAL, PaidThrough.RETRY, PaidThrough.UPDATER)
#: The bank will not say yes to this method, however often it is asked: https://docs.stripe.com/declines/codes
HARD_DECLINES = frozenset(
    {
        "lost_card",
        "stolen_card",
        "pickup_card",
        "restricted_card",
        "incorrect_number",
        "invalid_number",
        "invalid_account",
        "new_account_information_available",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "stop_payment_order",
        "transaction_not_allowed",
        "highest_risk_level",
        "account_closed",
        "no_account",
        "debit_not_authorized",
        "resource_missing",
    }
)

#: Less than the gateway charges at all; no retry helps, and nobody is late for want of paying it.
TOO_SMALL = "amount_too_small"

_inviters: list[Inviter] = []


def register_inviter(inviter: Inviter) -> None:
    """Let a package above send an invitation by itself when a charge has failed."""
    if inviter not in _inviters:
        _inviters.append(inviter)


def refused_for_good(invoice: Invoice) -> dict[UUID, str]:
    """The ids of the profiles with which this invoice is not tried again, each with the bank's last word on it.

    A card that its network has refreshed since may be tried.
    """
    declines = invoice.charges.filter(state=ChargeState.DECLINED, error_code__in=HARD_DECLINES, profile__isnull=False)
    refused: dict[UUID, str] = {}
    for charge in declines.select_related("profile").order_by("number"):
        profile = charge.profile
        refreshed = profile is not None and profile.network_updated_at
        if profile is not None and not (refreshed and charge.finished_at and refreshed > charge.finished_at):
            refused[profile.pk] = charge.error_code
    return refused


def scheduled_at(invoice: Invoice, tenant: Tenant) -> datetime | None:
    """When the schedule says that an open invoice is charged next; None when it has run out."""
    subscription = invoice.subscription
    if subscription is not None and _gave_up(subscription):
        return None
    if invoice.first_failed_at is None:
        return invoice.due_at
    return next_attempt_at(invoice.first_failed_at, tenant.dunning_retry_days, invoice.dunning_attempts)


def _gave_up(subscription: Subscription) -> bool:
    cancelled = subscription.state == SubscriptionState.CANCELLED
    return subscription.state == SubscriptionState.UNPAID or (
        cancelled and subscription.cancel_reason == CancelReason.UNPAID
    )


def apply_failure(*, actor: Actor, invoice: Invoice, charge: Charge, error_code: str, now: datetime) -> None:
    """Record in the open scope, on a locked invoice, that a charge failed: the next try, the mails, the outcome.

    `charge.state` tells whether it was declined or waits for the customer's confirmation. An amount that the gateway
    does not charge is nobody's failure: the invoice stays open for staff to write off or credit, and is not dunned.
    """
    if error_code == TOO_SMALL:
        Invoice.objects.filter(pk=invoice.pk).update(next_attempt_at=None, last_error_code=error_code)
        record(actor=actor, action="invoice.too_small_to_charge", target=invoice)
        return
    before = (invoice.dunning_attempts, invoice.first_failed_at)
    if not mark_invoice_failed(actor=actor, invoice=invoice, profile=charge.profile, error_code=error_code, now=now):
        Invoice.objects.filter(pk=invoice.pk).update(next_attempt_at=None)
        return
    tenant = Tenant.objects.get(pk=invoice.tenant_id)
    scheduled = charge.source in SCHEDULED
    if scheduled:
        invoice.dunning_attempts, invoice.first_failed_at = before[0] + 1, before[1] or now
    invoice.needs_confirmation = charge.state == ChargeState.NEEDS_CONFIRMATION
    invoice.next_attempt_at = _next_try(scheduled_at(invoice, tenant), scheduled, now)
    fields = ["dunning_attempts", "first_failed_at", "needs_confirmation", "next_attempt_at"]
    invoice.save(update_fields=fields)
    ended = scheduled and invoice.next_attempt_at is None
    cancels = ended and tenant.dunning_outcome == DunningOutcome.CANCEL
    _tell(invoice, charge, tenant, may_invite=not cancels)
    if ended:
        _conclude(invoice, tenant, actor, now)


def _next_try(planned: datetime | None, scheduled: bool, now: datetime) -> datetime | None:
    """Retries that an outage has made late are not made up for in one go: the customer must have a chance to act."""
    if planned is None:
        return None
    if not scheduled:
        return after_refused_request(planned, now)
    return planned if planned > now else now + PAUSE


def _tell(invoice: Invoice, charge: Charge, tenant: Tenant, *, may_invite: bool) -> None:
    """Who had it charged sees what came of it; the schedule's failures are told, and that the bank wants a yes."""
    if invoice.needs_confirmation:
        if charge.source != PaidThrough.PAY_PAGE:
            mails.ask_to_confirm(invoice)
    elif charge.source in SCHEDULED:
        invites = may_invite and tenant.dunning_invites and any(send(invoice, charge.profile) for send in _inviters)
        if not invites:
            mails.tell_payment_failed(invoice, next_attempt_at=invoice.next_attempt_at)


def _conclude(invoice: Invoice, tenant: Tenant, actor: Actor, now: datetime) -> None:
    """Every retry has failed: the tenant's outcome for the subscription. The invoice stays open."""
    if invoice.subscription_id is None:
        return
    subscription = Subscription.objects.select_for_update().get(pk=invoice.subscription_id)
    late = (SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE)
    if subscription.billed_by != BilledBy.US:
        return
    if tenant.dunning_outcome == DunningOutcome.CANCEL and subscription.state in (*late, SubscriptionState.PAUSED):
        changes: dict[str, Any] = {
            "state": SubscriptionState.CANCELLED,
            "cancel_reason": CancelReason.UNPAID,
            "cancelled_at": now,
            "cancel_at_period_end": False,
            "next_billing_at": None,
            "resumes_at": None,
        }
        change_subscription(subscription, actor=actor, changes=changes)
        mails.tell_cancelled(subscription)
    elif tenant.dunning_outcome == DunningOutcome.UNPAID and subscription.state in late:
        change_subscription(subscription, actor=actor, changes={"state": SubscriptionState.UNPAID})
        subscription.next_billing_at = next_look(subscription)
        subscription.save(update_fields=["next_billing_at"])
