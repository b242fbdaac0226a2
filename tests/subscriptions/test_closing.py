"""Closed months: a story over five months, against what a calculation that knows only the story makes of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Customer
from subscriptions import metrics
from subscriptions.billing.run import bill_due
from subscriptions.closing import ACTOR, SETTLES_IN, close_due_months, close_month, months_to_close
from subscriptions.errors import BillingError
from subscriptions.history import history
from subscriptions.lifecycle import cancel_subscription, change_quantity, pause_subscription, resume_subscription
from subscriptions.metrics import Phase
from subscriptions.models import Invoice, InvoiceState, MonthlyAmounts, MonthlyFigures, Price, Subscription
from subscriptions.services import create_subscription, mark_invoice_failed, mark_invoice_paid
from subscriptions.tasks import sweep_months
from tenants.actors import Actor
from tenants.due import tenants_with_due
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, InvoiceFactory, PriceFactory, SubscriptionFactory, TenantFactory
from tests.processes import PATIENCE_SECONDS, CeleryWorker, wait_until
from tests.races import meanwhile, wait_for_a_lock

ALICE = Actor.system("alice")
TORONTO = ZoneInfo("America/Toronto")
JAN, FEB, MAR, APR, MAY = (date(2026, month, 1) for month in range(1, 6))
pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant(db: None) -> Tenant:
    return TenantFactory.create(country="CA", time_zone="America/Toronto")


@pytest.fixture
def scope(tenant: Tenant) -> Iterator[None]:
    with tenant_scope(tenant.pk):
        yield


def at(month: int, day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=TORONTO)


#: What a month of each price is worth, in minor units: 10.00 a month, 120.00 a year, 20.00 every two months in dollars.
WORTH = {"plain": 1000, "yearly": 1000, "dollars": 1000}
CURRENCY = {"plain": "CAD", "yearly": "CAD", "dollars": "USD"}
TRIAL_DAYS = {"yearly": 20}

type Deed = tuple[datetime, str, str, Any]
#: When, who, what: written as it was told, not as the rows have it.
STORY: list[Deed] = [
    (at(1, 5), "bob", "subscribes", "plain"),
    (at(1, 10), "carol", "subscribes", "yearly"),
    (at(1, 12), "dave", "subscribes", "dollars"),
    (at(1, 15), "erin", "subscribes", "plain"),
    (at(1, 20), "bob", "takes", 3),
    (at(1, 20), "frank", "subscribes", "plain"),
    (at(2, 10), "erin", "pauses", None),
    (at(2, 14), "grace", "subscribes", "yearly"),  # on trial until 6 March
    (at(2, 20), "frank", "stops paying", None),
    (at(2, 27), "dave", "takes", 2),
    (at(2, 28, 23, 59), "bob", "takes", 5),
    (at(3, 1, 0, 0), "bob", "takes", 2),  # before February is closed
    (at(3, 9), "erin", "resumes", None),
    (at(3, 10), "frank", "pays again", None),
    (at(3, 11), "heidi", "subscribes", "yearly"),
    (at(3, 12), "heidi", "cancels", None),  # in her trial
    (at(3, 31, 22), "dave", "pauses", None),
    (at(4, 1, 9), "dave", "resumes", None),
    (at(4, 2), "bob", "takes", 9),
    (at(4, 2), "erin", "pauses", None),
    (at(4, 3), "carol", "cancels", None),
    (at(4, 3), "dave", "pauses", None),
    (at(4, 4), "bob", "takes", 4),  # still before March is closed
    (at(4, 20), "erin", "resumes", None),
    (at(4, 21), "dave", "resumes", None),
    (at(5, 2), "bob", "takes", 1),
]
#: When the sweep is there: an hour and a bit after the month's end, but in April, when it was out for four days.
SWEEPS = {at(2, 1, 1, 5), at(3, 1, 1, 5), at(4, 5, 3), at(5, 1, 1, 5)}


@dataclass
class Told:
    """What a listener to the story knows at some moment."""

    price: str
    since: datetime
    quantity: int = 1
    paused: bool = False
    cancelled: datetime | None = None
    owes_since: datetime | None = None

    @property
    def pays_from(self) -> datetime:
        return self.since + timedelta(days=TRIAL_DAYS.get(self.price, 0))

    def worth(self) -> int:
        return WORTH[self.price] * self.quantity

    def phase(self, moment: datetime) -> str:
        if moment <= self.pays_from and self.price in TRIAL_DAYS:
            return "trialing"
        if self.paused:
            return "paused"
        return "past_due" if self.owes_since and moment > self.owes_since + timedelta(days=1) else "active"


def listen(until: datetime) -> dict[str, Told]:
    told: dict[str, Told] = {}
    for moment, who, does, what in STORY:
        if moment >= until:
            break
        if does == "subscribes":
            told[who] = Told(what, moment)
        one = told[who]
        match does:
            case "takes":
                one.quantity = what
            case "pauses" | "resumes":
                one.paused = does == "pauses"
            case "cancels":
                one.cancelled = moment
            case "stops paying":
                one.owes_since = moment
            case "pays again":
                one.owes_since = None
    return told


def expected(first: date) -> dict[str, Any]:
    """A month's figures by the story alone."""
    start, end = at(first.month, 1, 0), at(first.month + 1, 1, 0)
    told = listen(end)
    running = [one for one in told.values() if one.cancelled is None]
    lost = [one for one in told.values() if one.cancelled and one.pays_from < one.cancelled and one.cancelled >= start]
    revenue: dict[str, int] = {}
    for one in running:
        if one.phase(end) in ("active", "past_due"):
            revenue[CURRENCY[one.price]] = revenue.get(CURRENCY[one.price], 0) + one.worth()
    came = [one for one in told.values() if start <= one.pays_from < end]
    return {
        **{str(phase): sum(one.phase(end) == phase for one in running) for phase in Phase},
        "started": sum(one.cancelled is None or one.cancelled > one.pays_from for one in came),
        "lost": len(lost),
        "revenue": revenue,
        "lost_minor": {"CAD": sum(one.worth() for one in lost)} if lost else {},
        "recovered": {"CAD": {"invitation": 1000}} if first == MAR else {},
    }


def written(row: MonthlyFigures) -> dict[str, Any]:
    """A closed month in the same words."""
    amounts = list(row.amounts.all())
    return {
        **{name: getattr(row, name) for name in (*map(str, Phase), "started", "lost")},
        "revenue": {one.currency: one.revenue_minor for one in amounts if one.revenue_minor},
        "lost_minor": {one.currency: one.lost_minor for one in amounts if one.lost_minor},
        "recovered": {one.currency: one.recovered for one in amounts if one.recovered},
    }


@dataclass
class Life:
    """The story as it happens to our rows, by our services, at its own moments."""

    tenant: Tenant
    prices: dict[str, Price]
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    not_paying: set[str] = field(default_factory=set)

    def happen(self, who: str, does: str, what: Any) -> None:
        actions: dict[str, Callable[[], Any]] = {
            "subscribes": lambda: self.subscribe(who, what),
            "takes": lambda: change_quantity(actor=ALICE, subscription=self.subscriptions[who], quantity=what),
            "pauses": lambda: pause_subscription(actor=ALICE, subscription=self.subscriptions[who]),
            "resumes": lambda: resume_subscription(actor=ALICE, subscription=self.subscriptions[who]),
            "cancels": lambda: cancel_subscription(
                actor=ALICE, subscription=self.subscriptions[who], at_period_end=False
            ),
            "stops paying": lambda: self.not_paying.add(who),
            "pays again": lambda: self.not_paying.discard(who),
        }
        actions[does]()

    def subscribe(self, who: str, price: str) -> None:
        customer: Customer = CustomerFactory.create(first_name=who, email="")
        made = create_subscription(actor=ALICE, customer=customer, price=self.prices[price])
        self.subscriptions[who] = made

    def bill_and_collect(self, now: datetime) -> None:
        bill_due(self.tenant.pk, now=now)
        owing = {self.subscriptions[who].pk for who in self.not_paying}
        for invoice in Invoice.objects.filter(state=InvoiceState.OPEN):
            if invoice.subscription_id in owing:
                mark_invoice_failed(actor=ALICE, invoice=invoice, error_code="card_declined")
            else:
                mark_invoice_paid(actor=ALICE, invoice=invoice, through="invitation" if invoice.attempts else "renewal")


def live(tenant: Tenant, until: datetime) -> None:
    """From January on: what the story tells, the billing run every noon, and the sweep when it is there."""
    life = Life(
        tenant,
        {
            "plain": PriceFactory.create(amount_minor=1000, currency="CAD"),
            "yearly": PriceFactory.create(amount_minor=12_000, currency="CAD", interval="year", trial_days=20),
            "dollars": PriceFactory.create(amount_minor=2000, currency="USD", interval_count=2),
        },
    )
    noons = {at(1, 1) + timedelta(days=day) for day in range(150)}
    for moment in sorted(noons | SWEEPS | {deed[0] for deed in STORY}):
        if moment >= until:
            return
        with time_machine.travel(moment.astimezone(UTC), tick=False):
            for _when, who, does, what in (deed for deed in STORY if deed[0] == moment):
                life.happen(who, does, what)
            life.bill_and_collect(moment)
            if moment in SWEEPS:
                close_due_months(tenant.pk, now=moment)


@pytest.fixture
def lived(tenant: Tenant, scope: None) -> dict[date, MonthlyFigures]:
    live(tenant, until=at(5, 3))
    return {row.month: row for row in MonthlyFigures.objects.all()}


def test_closed_months_are_those_of_the_story(lived: dict[date, MonthlyFigures]) -> None:
    for month in (JAN, FEB, MAR, APR):
        assert (month, written(lived[month])) == (month, expected(month))
    assert expected(MAR)["revenue"] == {"CAD": 2000 + 1000 + 1000 + 1000 + 1000}
    entries = AuditEntry.objects.filter(action="month.closed", target_label__gte="2026-01").order_by("target_label")
    assert [entry.target_label for entry in entries] == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert entries[2].after["recurring_revenue"] == {"CAD": "60.00"}
    assert (entries[2].actor_kind, entries[2].actor_label) == (ACTOR.kind, ACTOR.label)


def test_the_rows_of_today_tell_another_story(lived: dict[date, MonthlyFigures]) -> None:
    """Without what was written down, and without the log of what has changed since, February would read otherwise."""
    end = at(3, 1, 0)
    ran = Subscription.objects.filter(started_at__lt=end, price__currency="CAD").exclude(cancelled_at__lt=end)
    worths = [
        row.quantity * metrics.monthly(row.price.amount_minor, row.price.interval, row.price.interval_count)
        for row in ran.exclude(trial_end__gt=end).exclude(state="paused").select_related("price")
    ]
    assert (sum(worths), expected(FEB)["revenue"]["CAD"], written(lived[FEB])["revenue"]["CAD"]) == (4000, 7000, 7000)


def test_what_is_closed_stays_whatever_changes_later(tenant: Tenant, lived: dict[date, MonthlyFigures]) -> None:
    before = {month: written(row) for month, row in lived.items()}
    Price.objects.update(amount_minor=77_700)
    Subscription.objects.update(quantity=50, cancelled_at=at(2, 3))
    Invoice.objects.update(is_recovered=True)
    with time_machine.travel(at(5, 11).astimezone(UTC), tick=False):
        assert close_due_months(tenant.pk) == 0
        for month in (JAN, FEB, MAR, APR):
            close_month(actor=ACTOR, month=month)
    assert {row.month: written(row) for row in MonthlyFigures.objects.all()} == before
    found = history(at(5, 11), "America/Toronto", 5)
    assert [one.revenue_minor for one in found.standings()][1] == expected(FEB)["revenue"]
    assert [one.started for one in found.moves()][:4] == [expected(month)["started"] for month in (JAN, FEB, MAR, APR)]
    assert found.recovered()["CAD"][2].amounts_minor == {"invitation": 1000}


def test_the_database_refuses_to_change_a_closed_month(lived: dict[date, MonthlyFigures]) -> None:
    for change in (
        lambda: MonthlyFigures.objects.filter(month=FEB).update(active=99),
        lambda: MonthlyAmounts.objects.filter(figures__month=FEB).update(revenue_minor=1),
        lambda: MonthlyAmounts.objects.filter(figures__month=FEB).delete(),
    ):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            change()


def subscribed(**more: Any) -> Subscription:
    """One since 10 January, that our rows have known since then."""
    created: datetime = more.pop("created_at", at(1, 10))
    row: Subscription = SubscriptionFactory.create(**({"started_at": at(1, 10)} | more))
    Subscription.objects.filter(pk=row.pk).update(created_at=created)
    return row


def refused(month: date, now: datetime) -> str:
    with pytest.raises(BillingError) as error:
        close_month(actor=ACTOR, month=month, now=now)
    return error.value.code


def test_a_month_is_closed_an_hour_after_it_is_over_where_the_tenant_is(scope: None) -> None:
    subscribed()
    assert refused(JAN, datetime(2026, 2, 1, 5, 59, tzinfo=UTC)) == "month_not_over"
    assert months_to_close(datetime(2026, 2, 1, 5, 59, tzinfo=UTC)) == []
    now = datetime(2026, 2, 1, 6, tzinfo=UTC)
    assert months_to_close(now)[-1] == JAN
    row = close_month(actor=ACTOR, month=JAN, now=now)
    assert (row.starts_at, row.ends_at, row.closed_at) == (at(1, 1, 0), at(2, 1, 0), now)


def test_a_month_waits_for_the_billing_run(tenant: Tenant, scope: None) -> None:
    late = subscribed(next_billing_at=at(1, 31))
    assert refused(JAN, at(2, 2)) == "month_not_billed"
    assert close_due_months(tenant.pk, now=at(2, 2)) == 11
    Subscription.objects.filter(pk=late.pk).update(next_billing_at=at(2, 1, 0))
    assert close_due_months(tenant.pk, now=at(2, 2)) == 1


def test_a_month_does_not_wait_for_what_cannot_be_billed(scope: None) -> None:
    subscribed(next_billing_at=at(1, 31), billing_error="No address")
    assert close_month(actor=ACTOR, month=JAN, now=at(2, 2)).active == 1


def test_months_are_closed_once_there_is_a_subscription_and_with_them_the_year_before(tenant: Tenant) -> None:
    def due(now: datetime) -> list[date]:
        with tenant_scope(tenant.pk):
            return months_to_close(now)

    assert due(at(3, 5)) == []
    with tenant_scope(tenant.pk):
        subscribed(started_at=datetime(2025, 6, 1, tzinfo=UTC), created_at=at(3, 2))
    assert due(at(3, 5)) == []
    assert due(at(4, 5)) == [date(2025, month, 1) for month in range(4, 13)] + [JAN, FEB, MAR]
    assert close_due_months(tenant.pk, now=at(4, 5)) == 12
    with tenant_scope(tenant.pk):
        rows = list(MonthlyFigures.objects.values_list("month", "active", "started"))
    assert rows[:3] == [(date(2025, 4, 1), 0, 0), (date(2025, 5, 1), 1, 1), (date(2025, 6, 1), 1, 0)]


def test_an_outage_is_caught_up_with_month_by_month(tenant: Tenant, scope: None) -> None:
    subscribed()
    close_due_months(tenant.pk, now=at(2, 2))
    assert close_due_months(tenant.pk, now=at(5, 20)) == 3
    assert months_to_close(at(5, 20)) == []
    starts, ends = zip(*MonthlyFigures.objects.values_list("starts_at", "ends_at"), strict=True)
    assert starts[1:] == ends[:-1]


def test_a_moved_time_zone_leaves_no_moment_out_and_counts_none_twice(tenant: Tenant, scope: None) -> None:
    subscribed()
    close_due_months(tenant.pk, now=at(2, 2))
    Tenant.objects.filter(pk=tenant.pk).update(time_zone="Pacific/Auckland")
    subscribed(started_at=at(1, 31, 9))  # February in Auckland, closed with January
    february = close_month(actor=ACTOR, month=FEB, now=at(3, 2))
    assert february.starts_at == at(2, 1, 0)
    assert february.ends_at == datetime(2026, 3, 1, tzinfo=ZoneInfo("Pacific/Auckland"))
    assert february.started == 0
    shown = history(at(3, 2), "Pacific/Auckland", 3).months
    assert [month.first for month in shown] == [JAN, FEB, MAR]
    assert [month.end for month in shown[:-1]] == [month.start for month in shown[1:]]


def test_what_is_recorded_after_its_month_is_closed_counts_in_the_next(tenant: Tenant, scope: None) -> None:
    subscribed()
    close_due_months(tenant.pk, now=at(2, 1, 2))
    subscribed(started_at=at(1, 30), created_at=at(2, 9))
    subscribed(started_at=at(2, 3), created_at=at(2, 9))
    subscribed(started_at=at(1, 30), cancelled_at=at(1, 31), created_at=at(2, 9))
    assert [moved.started for moved in history(at(2, 20), "America/Toronto", 2).moves()] == [1, 2]
    assert close_month(actor=ACTOR, month=FEB, now=at(3, 2)).started == 2


def test_money_that_comes_later_is_the_later_months(tenant: Tenant, scope: None) -> None:
    subscribed()
    paid = {"state": InvoiceState.PAID, "is_recovered": True, "paid_through": "portal", "total_minor": 500}
    InvoiceFactory.create(issued_at=at(1, 3), due_at=at(1, 3), paid_at=at(1, 31, 23, 59), **paid)
    InvoiceFactory.create(issued_at=at(1, 3), due_at=at(1, 3), paid_at=at(2, 1, 0), **paid)
    close_due_months(tenant.pk, now=at(3, 2))
    amounts = MonthlyAmounts.objects.filter(currency="CAD").values_list("figures__month", "recovered")
    assert [row for row in amounts if row[1]] == [(JAN, {"portal": 500}), (FEB, {"portal": 500})]
    assert {row.recovered_invoices for row in MonthlyAmounts.objects.filter(figures__month=FEB)} == {1}


def test_a_sweep_finds_those_with_a_month_to_close() -> None:
    now = timezone.now()
    alices, bobs, carols = TenantFactory.create_batch(3)
    for tenant in (alices, bobs):
        with tenant_scope(tenant.pk):
            subscribed(started_at=now - timedelta(days=80), created_at=now - timedelta(days=80))
    assert set(tenants_with_due("months")) == {alices.pk, bobs.pk}
    assert close_due_months(alices.pk) == 12
    last = metrics.last_months(now - SETTLES_IN, alices.time_zone, 1)[0].start
    settled = now - last < timedelta(days=28)
    assert (alices.pk in tenants_with_due("months")) is not settled
    assert carols.pk not in tenants_with_due("months")


@pytest.mark.django_db(transaction=True)
def test_two_that_close_a_month_at_once_close_it_once(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        subscribed()
        close = close_month(actor=ACTOR, month=JAN, now=at(2, 2))
        other = meanwhile(lambda: closed_in_a_scope(tenant))
        wait_for_a_lock("the other one, for the first")
    assert other.result(PATIENCE_SECONDS) == close.pk
    with tenant_scope(tenant.pk):
        assert MonthlyFigures.objects.count() == MonthlyAmounts.objects.count() == 1
        assert AuditEntry.objects.filter(action="month.closed").count() == 1


def closed_in_a_scope(tenant: Tenant) -> Any:
    with tenant_scope(tenant.pk):
        return close_month(actor=ACTOR, month=JAN, now=at(2, 3)).pk


def test_a_worker_closes_what_the_sweep_finds(transactional_db: None, celery_worker_process: CeleryWorker) -> None:
    tenant: Tenant = TenantFactory.create()
    now = timezone.now()
    with tenant_scope(tenant.pk):
        subscribed(started_at=now - timedelta(days=80), created_at=now - timedelta(days=80))

    def closed() -> int:
        with tenant_scope(tenant.pk):
            return MonthlyFigures.objects.count()

    sweep_months.delay()
    wait_until(lambda: closed() == 12, what="twelve closed months")


def test_closed_months_are_read_and_the_running_one_is_worked_out(tenant: Tenant, scope: None) -> None:
    subscribed()
    close_due_months(tenant.pk, now=at(5, 2))
    with CaptureQueriesContext(connection) as asked:
        found = history(at(5, 20), "America/Toronto", 13)
        found.standings(), found.moves(), found.recovered()
    assert len(asked) == 5
    assert found.not_closed == [found.months[-1]]
