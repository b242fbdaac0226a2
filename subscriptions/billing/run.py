"""The billing run of one tenant: exactly once per period, whatever is restarted or run twice.

A batch is one transaction: it locks due subscriptions that nobody else holds, does the next thing that each of them is
due for, and moves them on. A run that dies leaves them as they were; two runs at once share them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from subscriptions.billing import transitions
from subscriptions.billing.issue import Sale, issue_invoices
from subscriptions.billing.transitions import Event
from subscriptions.errors import BillingError
from subscriptions.models import BilledBy, Subscription
from tenants import audit
from tenants.actors import Actor
from tenants.models import Tenant
from tenants.scope import current_tenant_id, tenant_scope

log = structlog.get_logger(__name__)

ACTOR = Actor.system("billing run")
#: Subscriptions in one transaction.
BATCH = 200
#: One that could not be billed is tried again after as long as it has been due, but at least and at most this long.
SHORTEST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Billed:
    """What a run has done. `more`: it stopped at its limit, and there may be more to do."""

    invoices: int = 0
    ended: int = 0
    resumed: int = 0
    failed: int = 0
    more: bool = False

    def add(self, other: "Billed") -> None:
        self.invoices += other.invoices
        self.ended += other.ended
        self.resumed += other.resumed
        self.failed += other.failed


def bill_due(tenant_id: UUID, *, now: datetime | None = None, limit: int = BATCH) -> Billed:
    """Do what the tenant's subscriptions are due for at `now`, up to `limit` things, the longest due first.

    One that has missed several periods is billed for each of them, in order. A subscription that cannot be billed keeps
    its place, says why, and is tried again later; it holds up no other. Opens its own scopes.
    """
    moment, total, left = now or timezone.now(), Billed(), limit
    while left > 0:
        done, looked_at = _bill_batch(tenant_id, moment, min(left, BATCH))
        if not looked_at:
            return total
        total.add(done)
        left -= looked_at
    total.more = True
    return total


def _due(now: datetime) -> QuerySet[Subscription]:
    due = Subscription.objects.filter(Q(billing_retry_at=None) | Q(billing_retry_at__lte=now))
    return due.filter(next_billing_at__lte=now, billed_by=BilledBy.US)


def _lock(rows: QuerySet[Subscription], limit: int) -> list[Subscription]:
    """Lock what nobody else holds, in the index's own order; what is read beside it is read for these alone."""
    chosen = rows.select_for_update(skip_locked=True).order_by("next_billing_at").values_list("pk", flat=True)
    joined = Subscription.objects.select_related("customer", "price__product", "payment_profile__replaced_by")
    return list(joined.filter(pk__in=list(chosen[:limit])).order_by("next_billing_at", "id"))


def _bill_batch(tenant_id: UUID, now: datetime, limit: int) -> tuple[Billed, int]:
    """What was done, and at how many subscriptions it looked."""
    due: list[Subscription] = []
    try:
        with tenant_scope(tenant_id):
            due = _lock(_due(now), limit)
            return bill_locked(due, now=now), len(due)
    except Exception:
        if not due:
            raise
        log.warning("billing_batch_failed", subscriptions=len(due), exc_info=True)
    done = Billed()
    for subscription in due:
        done.add(_bill_alone(tenant_id, subscription.pk, now))
    return done, len(due)


def _bill_alone(tenant_id: UUID, subscription_id: UUID, now: datetime) -> Billed:
    try:
        with tenant_scope(tenant_id):
            return bill_locked(_lock(_due(now).filter(pk=subscription_id), 1), now=now)
    except Exception as error:
        log.exception("billing_failed", subscription=str(subscription_id))
        with tenant_scope(tenant_id):
            _postpone(subscription_id, error, now)
        return Billed(failed=1)


def _postpone(subscription_id: UUID, error: Exception, now: datetime) -> None:
    subscription = Subscription.objects.select_for_update().get(pk=subscription_id)
    before = {"error": subscription.billing_error}
    subscription.billing_error = str(error)[:300] if isinstance(error, BillingError) else type(error).__name__
    overdue = now - (subscription.next_billing_at or now)
    subscription.billing_retry_at = now + min(max(overdue, SHORTEST_DELAY), LONGEST_DELAY)
    subscription.save(update_fields=["billing_error", "billing_retry_at"])
    after = {"error": subscription.billing_error}
    if after != before:
        action = "subscription.billing_failed"
        audit.record(actor=ACTOR, action=action, target=subscription, before=before, after=after)


@dataclass
class _Plan:
    sales: list[Sale] = field(default_factory=list)
    events: list[audit.Event] = field(default_factory=list)
    ended: list[Subscription] = field(default_factory=list)
    resumed: list[Subscription] = field(default_factory=list)


def bill_locked(subscriptions: Sequence[Subscription], *, now: datetime, actor: Actor = ACTOR) -> Billed:
    """Do the next thing that each of these locked subscriptions is due for, in the open scope."""
    if not subscriptions:
        return Billed()
    plan = _Plan()
    for subscription in subscriptions:
        _advance(subscription, plan, now)
    tenant = Tenant.objects.get(pk=current_tenant_id())
    invoices = issue_invoices(plan.sales, actor=actor, tenant=tenant, now=now)
    _save(subscriptions)
    audit.record_many(actor=actor, events=plan.events)
    _tell(plan)
    return Billed(invoices=len(invoices), ended=len(plan.ended), resumed=len(plan.resumed))


def _advance(subscription: Subscription, plan: _Plan, now: datetime) -> None:
    before = {"state": str(subscription.state)}
    match transitions.due_event(subscription, now):
        case Event.BILL:
            found = transitions.next_to_bill(subscription)
            plan.sales.append(
                Sale(subscription.customer, subscription.price, subscription.quantity, subscription, found)
            )
            transitions.begin(subscription, found)
        case Event.END:
            transitions.end(subscription, transitions.covered_until(subscription))
            plan.ended.append(subscription)
        case Event.RESUME:
            transitions.resume(subscription, subscription.resumes_at or now)
            plan.resumed.append(subscription)
        case Event.NOTHING:
            subscription.next_billing_at = transitions.next_look(subscription)
    after = {"state": str(subscription.state)}
    if after != before:
        plan.events.append(audit.Event("subscription.state_changed", subscription, before, after))


def _tell(plan: _Plan) -> None:
    from subscriptions import mails

    for subscription in plan.ended:
        mails.tell_cancelled(subscription)
    for subscription in plan.resumed:
        mails.tell_changed(subscription, mails.Changed.RESUMED)


def _save(subscriptions: Sequence[Subscription]) -> None:
    """One UPDATE for all; whatever hindered their billing is over."""
    names = transitions.FIELDS
    kinds = {"state": "text", "next_period": "int"}
    arrays = ", ".join(f"%s::{kinds.get(name, 'timestamptz')}[]" for name in names)
    values = [[getattr(subscription, name) for subscription in subscriptions] for name in names]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE subscriptions_subscription s
            SET {", ".join(f"{name} = new.{name}" for name in names)}, billing_error = '', billing_retry_at = NULL
            FROM unnest(%s::uuid[], {arrays}) AS new (id, {", ".join(names)})
            WHERE s.tenant_id = %s AND s.id = new.id
            """,  # noqa: S608 (names of our own columns)
            [[subscription.pk for subscription in subscriptions], *values, current_tenant_id()],
        )
