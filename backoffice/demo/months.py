"""The months behind the demonstration: pauses that are over, and what each month came to, closed when it was over."""

from datetime import datetime, timedelta

from backoffice.demo.book import given_times
from backoffice.demo.history import Historian
from subscriptions.closing import ACTOR, KEPT_MONTHS, SETTLES_IN, told, work_out
from subscriptions.metrics import Month, last_months
from subscriptions.models import (
    BilledBy,
    Interval,
    MonthlyAmounts,
    MonthlyFigures,
    Subscription,
    SubscriptionState,
)
from tenants.models import AuditEntry, Tenant

#: How many were paused over the end of each month, the oldest first.
PAUSED = [1, 0, 2, 1, 3, 2, 0, 1, 4, 3, 1, 2]
#: A pause this long on either side of the month's end lies within one period, so that no invoice is missed.
BEFORE, AFTER = timedelta(days=4, hours=3), timedelta(days=5, hours=7)


def past_months(now: datetime, zone: str) -> list[Month]:
    """Those that the dashboard shows and that are over and closed by now, oldest first."""
    return last_months(now - SETTLES_IN, zone, KEPT_MONTHS + 1)[:-1]


def add_pauses(historian: Historian) -> None:
    """What the log holds of pauses that are over: each within a period that was paid."""
    book, chance = historian.book, historian.book.chance
    for month, count in zip(past_months(book.now, book.tenant.time_zone), PAUSED, strict=True):
        own = [row for row in book.of(Subscription) if row.price.currency == book.tenant.currency and row.quantity == 1]
        fit = [row for row in own if _may_have_paused(row, month.end, book.now)]
        for subscription in chance.sample(fit, min(count, len(fit))):
            who, running, paused = historian.member(), {"state": "active"}, {"state": "paused"}
            began, ended = month.end - BEFORE, month.end + AFTER
            historian.note(who, "subscription.paused", subscription, began, before=running, after=paused)
            historian.note(who, "subscription.resumed", subscription, ended, before=paused, after=running)


def _may_have_paused(row: Subscription, end: datetime, now: datetime) -> bool:
    """Whether it ran in peace, from month to month, and its period went on well beyond the month's end."""
    if row.state != SubscriptionState.ACTIVE or row.past_due_since or row.billed_by != BilledBy.US:
        return False
    if row.price.interval != Interval.MONTH or row.anchor_at is None or end + AFTER > now:
        return False
    return row.anchor_at < end - timedelta(days=31) and 8 <= row.anchor_at.day <= 24


def close_past_months(tenant: Tenant, now: datetime) -> None:
    """Each month with its figures and its audit row, in the open scope, of the hour when it was over."""
    for month in past_months(now, tenant.time_zone):
        counts, amounts = work_out(month)
        closed_at = month.end + SETTLES_IN
        figures = MonthlyFigures.objects.create(
            month=month.first, starts_at=month.start, ends_at=month.end, closed_at=closed_at, **counts
        )
        MonthlyAmounts.objects.bulk_create(MonthlyAmounts(figures=figures, **row) for row in amounts)
        with given_times(AuditEntry):
            AuditEntry.objects.create(
                at=closed_at,
                actor_kind=ACTOR.kind,
                actor_id=ACTOR.id,
                actor_label=ACTOR.label,
                action="month.closed",
                target_type=figures._meta.label_lower,
                target_id=figures.pk,
                target_label=str(figures),
                after=told(counts, amounts),
            )
