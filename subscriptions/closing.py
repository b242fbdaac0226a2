"""Closing a month: its figures are worked out once, soon after it is over, and stay."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from subscriptions import metrics
from subscriptions.errors import BillingError
from subscriptions.history import follow
from subscriptions.metrics import Month, Phase
from subscriptions.models import BilledBy, MonthlyAmounts, MonthlyFigures, Subscription
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import Tenant
from tenants.money import to_major
from tenants.scope import current_tenant_id, tenant_scope

log = structlog.get_logger(__name__)

ACTOR = Actor.system("monthly closing")
#: What was begun before a month's end is written by then.
SETTLES_IN = timedelta(hours=1)
#: As many months as the dashboard shows before the running one.
KEPT_MONTHS = 12


def close_month(*, actor: Actor, month: date, now: datetime | None = None) -> MonthlyFigures:
    """Write down what the month of this first day came to. One that is closed is returned as it is.

    Its figures are those of its end, however late it is closed; see `metrics.standing`. In the open scope.
    Raises BillingError `month_not_over`, `month_not_billed` while the billing run owes it something.
    """
    now = now or timezone.now()
    if closed := MonthlyFigures.objects.filter(month=month).first():
        return closed
    bounds = _bounds(month)
    if now < bounds.end + SETTLES_IN:
        raise BillingError("month_not_over", _("This month is not over yet."))
    if _owed_by_the_run(bounds):
        raise BillingError("month_not_billed", _("The billing run is not through with this month yet."))
    found, amounts = work_out(bounds)
    values: dict[str, Any] = {"starts_at": bounds.start, "ends_at": bounds.end, "closed_at": now, **found}
    figures, is_new = MonthlyFigures.objects.get_or_create(month=month, defaults=values)
    if is_new:
        MonthlyAmounts.objects.bulk_create(MonthlyAmounts(figures=figures, **row) for row in amounts)
        record(actor=actor, action="month.closed", target=figures, after=told(found, amounts))
    return figures


def _bounds(first: date) -> Month:
    zone = Tenant.objects.get(pk=current_tenant_id()).time_zone
    month = metrics.calendar_month(first, zone)
    before = (first - timedelta(days=1)).replace(day=1)
    return follow(month, MonthlyFigures.objects.filter(month=before).first())


def _owed_by_the_run(month: Month) -> bool:
    """Whether something is due before the month's end. What cannot be billed is not waited for."""
    due = Subscription.objects.filter(billed_by=BilledBy.US, next_billing_at__lt=month.end, billing_error="")
    return due.exists()


def work_out(month: Month) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """The month's counts, and its money by currency: fields of MonthlyFigures and of MonthlyAmounts."""
    standing, (moved,), (recovered,) = metrics.standing(month), metrics.moves([month]), metrics.recovered([month])
    counts = {str(phase): standing.counts[phase] for phase in Phase}
    amounts = [
        {
            "currency": currency,
            "revenue_minor": standing.revenue_minor.get(currency, 0),
            "lost_minor": moved.lost_minor.get(currency, 0),
            "recovered": recovered[currency].amounts_minor if currency in recovered else {},
            "recovered_invoices": recovered[currency].invoices if currency in recovered else 0,
        }
        for currency in sorted({*standing.revenue_minor, *moved.lost_minor, *recovered})
    ]
    return counts | {"started": moved.started, "lost": moved.lost}, amounts


def told(found: dict[str, int], amounts: list[dict[str, Any]]) -> dict[str, Any]:
    """What the audit row says of it."""
    revenue = {row["currency"]: str(to_major(row["revenue_minor"], row["currency"])) for row in amounts}
    return found | {"recurring_revenue": revenue}


def months_to_close(now: datetime) -> list[date]:
    """The open scope's months that are over, settled and not closed, oldest first.

    A tenant's months are closed once it has a subscription: the year before its first month with one as well, as far as
    its rows tell of it, since by then what it brought along is there.
    """
    zone = Tenant.objects.get(pk=current_tenant_id()).time_zone
    months = metrics.last_months(now - SETTLES_IN, zone, KEPT_MONTHS + 1)[:-1]
    oldest = Subscription.objects.order_by("number").values_list("created_at", flat=True).first()
    if oldest is None or oldest >= months[-1].end:
        return []
    closed = set(MonthlyFigures.objects.filter(month__gte=months[0].first).values_list("month", flat=True))
    return [month.first for month in months if month.first not in closed]


def close_due_months(tenant_id: UUID, *, now: datetime | None = None) -> int:
    """Close what is due of the tenant's months, each in a scope of its own, up to one that has to wait; how many."""
    now = now or timezone.now()
    with tenant_scope(tenant_id):
        due = months_to_close(now)
    for done, month in enumerate(due):
        try:
            with tenant_scope(tenant_id):
                close_month(actor=ACTOR, month=month, now=now)
        except BillingError as error:
            log.info("month_waits", month=month.isoformat(), error=error.code)
            return done
    return len(due)
