"""A customer's subscriptions as their own page shows them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone

from customers.models import Customer
from payments.models import PaymentProfile
from subscriptions.models import BILLED_STATES, BilledBy, Invoice, InvoiceState, Subscription, SubscriptionState
from subscriptions.selectors import Why, payer_of
from tenants.models import PortalCancellation, Tenant


@dataclass(frozen=True)
class SubscriptionRow:
    """`payer` pays `next_charge_at`, because of `why`; `past_due` are the open invoices that are late, oldest first."""

    subscription: Subscription
    payer: PaymentProfile | None
    why: Why
    next_charge_at: datetime | None
    past_due: list[Invoice]
    can_cancel: bool
    can_undo: bool

    @property
    def amount_minor(self) -> int:
        return self.subscription.amount_minor


def subscriptions_of(customer: Customer) -> QuerySet[Subscription]:
    """Running ones first, the newest first."""
    rows = Subscription.objects.filter(customer=customer)
    return rows.select_related("customer", "price__product", "payment_profile__replaced_by").order_by("-number")


def own_subscription(customer: Customer, subscription_id: UUID) -> Subscription:
    return get_object_or_404(subscriptions_of(customer), pk=subscription_id)


def tell(subscription: Subscription, tenant: Tenant) -> SubscriptionRow:
    """In the open scope."""
    payer, why = payer_of(subscription)
    late = Invoice.objects.filter(
        subscription=subscription, state=InvoiceState.OPEN, due_at__lte=timezone.now(), amount_due_minor__gt=0
    )
    is_over = subscription.state == SubscriptionState.CANCELLED
    is_ours = subscription.billed_by == BilledBy.US
    allowed = tenant.portal_cancellation != PortalCancellation.NO
    return SubscriptionRow(
        subscription=subscription,
        payer=payer,
        why=why,
        next_charge_at=next_charge(subscription),
        past_due=list(late.order_by("number")) if is_ours else [],
        can_cancel=allowed and is_ours and not is_over and not subscription.cancel_at_period_end,
        can_undo=allowed and is_ours and subscription.is_ending,
    )


def next_charge(subscription: Subscription) -> datetime | None:
    """When the next period is billed; None when no further one will be."""
    if subscription.cancel_at_period_end or subscription.state not in BILLED_STATES:
        return None
    return subscription.next_billing_at or subscription.current_period_end
