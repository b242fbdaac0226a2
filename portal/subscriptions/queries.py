"""A customer's subscriptions as their own page shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone

from customers.models import Customer
from payments.models import PaymentProfile
from subscriptions.models import BilledBy, Invoice, InvoiceState, Subscription, SubscriptionState
from subscriptions.selectors import Why, next_charge_at, payer_of, profiles_of
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


def tell(subscriptions: Iterable[Subscription], customer: Customer, tenant: Tenant) -> list[SubscriptionRow]:
    """Each of the customer's subscriptions as a page shows it, in the open scope; two queries for all."""
    subscriptions, profiles = list(subscriptions), profiles_of(customer.pk)
    late: dict[UUID | None, list[Invoice]] = {}
    open_ones = Invoice.objects.filter(subscription__in=subscriptions, state=InvoiceState.OPEN, amount_due_minor__gt=0)
    for invoice in open_ones.filter(due_at__lte=timezone.now()).order_by("number"):
        late.setdefault(invoice.subscription_id, []).append(invoice)
    return [
        _row(subscription, tenant, payer_of(subscription, profiles=profiles), late.get(subscription.pk, []))
        for subscription in subscriptions
    ]


def _row(
    subscription: Subscription, tenant: Tenant, paid_by: tuple[PaymentProfile | None, Why], late: list[Invoice]
) -> SubscriptionRow:
    payer, why = paid_by
    is_over = subscription.state == SubscriptionState.CANCELLED
    is_ours = subscription.billed_by == BilledBy.US
    allowed = tenant.portal_cancellation != PortalCancellation.NO
    return SubscriptionRow(
        subscription=subscription,
        payer=payer,
        why=why,
        next_charge_at=next_charge_at(subscription),
        past_due=late if is_ours else [],
        can_cancel=allowed and is_ours and not is_over and not subscription.cancel_at_period_end,
        can_undo=allowed and is_ours and subscription.is_ending,
    )
