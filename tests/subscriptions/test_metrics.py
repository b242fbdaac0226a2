"""The dashboard's numbers, against ones worked out by hand."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from subscriptions.metrics import (
    Churn,
    Month,
    Phase,
    Recovered,
    Standing,
    churn,
    last_months,
    monthly,
    moves,
    past_due_by_age,
    recovered,
    rounded,
    standing,
)
from subscriptions.models import BilledBy, Interval, InvoiceState, Price, Subscription, SubscriptionState
from tenants.scope import tenant_scope
from tests.factories import InvoiceFactory, PriceFactory, SubscriptionFactory, TenantFactory

TORONTO = "America/Toronto"
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.fixture
def scope(db: None) -> Iterator[None]:
    with tenant_scope(TenantFactory(time_zone=TORONTO).pk):
        yield


def day(month: int, number: int, year: int = 2026) -> datetime:
    return datetime(year, month, number, 12, tzinfo=UTC)


def months(count: int = 4) -> list[Month]:
    return last_months(NOW, TORONTO, count)


@pytest.mark.parametrize(
    ("amount", "interval", "count", "expected"),
    [
        (1200, Interval.MONTH, 1, 1200),
        (3600, Interval.MONTH, 3, 1200),
        (12_000, Interval.YEAR, 1, 1000),
        (100, Interval.YEAR, 1, Fraction(100, 12)),
        (700, Interval.WEEK, 1, Fraction(700 * 365, 84)),
        (700, Interval.WEEK, 2, Fraction(700 * 365, 168)),
        (10, Interval.DAY, 1, Fraction(3650, 12)),
        (9900, Interval.ONE_TIME, 1, 0),
        (0, Interval.MONTH, 1, 0),
    ],
)
def test_tells_what_an_amount_is_worth_in_a_month(amount: int, interval: str, count: int, expected: Any) -> None:
    assert monthly(amount, interval, count) == expected


def test_rounds_half_up() -> None:
    assert [rounded(Fraction(n, 2)) for n in (1, 2, 3)] == [1, 1, 2]
    assert rounded(Fraction(833, 100)) == 8


def test_months_are_those_of_the_tenants_calendar() -> None:
    found = last_months(datetime(2026, 4, 1, 2, tzinfo=UTC), TORONTO, 2)
    assert [month.start.astimezone(ZoneInfo(TORONTO)).date() for month in found] == [date(2026, 2, 1), date(2026, 3, 1)]
    assert found[0].end == found[1].start == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert found[1].at == datetime(2026, 4, 1, 2, tzinfo=UTC)
    assert found[1].end == datetime(2026, 4, 1, 4, tzinfo=UTC)


def standings(asked: list[Month]) -> list[Standing]:
    return [standing(month) for month in asked]


def left(asked: list[Month]) -> list[Churn]:
    return churn(standings(asked), moves(asked))


def subscribed(price: Price | None = None, **more: Any) -> Subscription:
    options: dict[str, Any] = {"price": price or PriceFactory(amount_minor=1000), "started_at": day(1, 10)} | more
    return SubscriptionFactory(**options)


def test_counts_who_ran_at_each_months_end(scope: None) -> None:
    subscribed()
    subscribed(started_at=day(4, 2), quantity=3)
    subscribed(started_at=day(3, 5), trial_end=day(4, 5))
    subscribed(cancelled_at=day(4, 15), state=SubscriptionState.CANCELLED)
    subscribed(state=SubscriptionState.PAUSED, paused_at=day(5, 1))
    feb, mar, apr, may = standings(months())
    assert feb.counts == {Phase.ACTIVE: 3, Phase.TRIALING: 0, Phase.PAST_DUE: 0, Phase.PAUSED: 0}
    assert mar.counts == {Phase.ACTIVE: 3, Phase.TRIALING: 1, Phase.PAST_DUE: 0, Phase.PAUSED: 0}
    assert apr.counts == {Phase.ACTIVE: 4, Phase.TRIALING: 0, Phase.PAST_DUE: 0, Phase.PAUSED: 0}
    assert may.counts == {Phase.ACTIVE: 3, Phase.TRIALING: 0, Phase.PAST_DUE: 0, Phase.PAUSED: 1}
    assert [one.revenue_minor["CAD"] for one in (feb, mar, apr, may)] == [3000, 3000, 6000, 5000]


def test_what_the_gateway_paused_or_gave_up_brings_nothing(scope: None) -> None:
    """The gateway tells the state, not since when."""
    there: dict[str, Any] = {"billed_by": BilledBy.GATEWAY, "gateway_id": "sub_1"}
    subscribed(state=SubscriptionState.PAUSED, **there)
    subscribed(state=SubscriptionState.UNPAID, **there | {"gateway_id": "sub_2"})
    subscribed(**there | {"gateway_id": "sub_3"})
    (now,) = standings(months(1))
    assert (now.counts[Phase.PAUSED], now.counts[Phase.PAST_DUE], now.counts[Phase.ACTIVE]) == (1, 1, 1)
    assert now.revenue_minor == {"CAD": 1000}


def test_a_month_ends_just_before_the_next_begins(scope: None) -> None:
    turn = months(2)[0].end
    subscribed(started_at=turn)
    subscribed(cancelled_at=turn, state=SubscriptionState.CANCELLED)
    subscribed(trial_end=turn)
    before, now = standings(months(2))
    assert (before.counts[Phase.ACTIVE], before.counts[Phase.TRIALING]) == (1, 1)
    assert (now.counts[Phase.ACTIVE], now.counts[Phase.TRIALING]) == (2, 0)
    april, may = moves(months(2))
    assert (april.started, april.lost, may.started, may.lost) == (0, 0, 2, 1)


def test_an_invoice_written_off_is_no_longer_late(scope: None) -> None:
    for state, ended in (
        (InvoiceState.VOID, {"voided_at": day(4, 10)}),
        (InvoiceState.UNCOLLECTIBLE, {"uncollectible_at": day(4, 10)}),
        (InvoiceState.PAID, {"uncollectible_at": day(4, 10), "paid_at": day(5, 2)}),
    ):
        row = subscribed()
        InvoiceFactory(customer=row.customer, subscription=row, due_at=day(3, 5), state=state, **ended)
    assert [one.counts[Phase.PAST_DUE] for one in standings(months())] == [0, 3, 0, 0]


def test_revenue_keeps_currencies_apart_and_rounds_once(scope: None) -> None:
    yearly = PriceFactory(amount_minor=100, interval=Interval.YEAR)
    for _ in range(3):
        subscribed(yearly)
    subscribed(PriceFactory(amount_minor=900, currency="USD"))
    (now,) = standings(months(1))
    assert now.revenue_minor == {"CAD": 25, "USD": 900}


def test_an_invoice_that_stays_open_makes_its_subscription_past_due(scope: None) -> None:
    late, unpaid = subscribed(), subscribed(state=SubscriptionState.UNPAID, past_due_since=day(4, 3))
    times = {"issued_at": day(3, 20), "due_at": day(3, 20)}
    invoice = {"customer": late.customer, "subscription": late, **times}
    InvoiceFactory(**invoice, state=InvoiceState.PAID, paid_at=day(4, 12))
    InvoiceFactory(customer=unpaid.customer, subscription=unpaid, issued_at=day(4, 2), due_at=day(4, 2))
    quick = subscribed()
    quickly = {"issued_at": day(4, 30), "due_at": day(4, 30), "paid_at": day(4, 30) + timedelta(hours=3)}
    InvoiceFactory(customer=quick.customer, subscription=quick, state=InvoiceState.PAID, **quickly)
    feb, mar, apr, may = standings(months())
    assert [one.counts[Phase.PAST_DUE] for one in (feb, mar, apr, may)] == [0, 1, 1, 1]
    assert [one.revenue_minor["CAD"] for one in (feb, mar, apr, may)] == [3000, 3000, 2000, 2000]
    assert mar.paying == 3


def test_tells_who_came_and_who_left(scope: None) -> None:
    subscribed()
    subscribed(started_at=day(3, 5), trial_end=day(4, 5))
    gone = {"state": SubscriptionState.CANCELLED}
    subscribed(PriceFactory(amount_minor=12_000, interval=Interval.YEAR), cancelled_at=day(4, 15), **gone)
    subscribed(started_at=day(3, 25), trial_end=day(4, 25), cancelled_at=day(4, 2), **gone)
    mar, apr, may = left(months())
    assert (mar.moves.started, mar.moves.lost, mar.moves.lost_minor, mar.rate) == (0, 0, {}, 0)
    assert (apr.moves.started, apr.moves.lost, apr.moves.lost_minor, apr.rate) == (1, 1, {"CAD": 1000}, 0.5)
    assert (may.moves.started, may.moves.lost) == (0, 0)


def test_counts_what_was_recovered_by_what_brought_it(scope: None) -> None:
    def paid(amount: int, through: str, at: datetime, **more: Any) -> None:
        values = {"state": InvoiceState.PAID, "is_recovered": True} | more
        InvoiceFactory(total_minor=amount, paid_through=through, paid_at=at, **values)

    paid(500, "invitation", day(3, 2))
    paid(700, "invitation", datetime(2026, 4, 1, 3, 59, tzinfo=UTC))  # still March in Toronto
    paid(900, "portal", day(4, 9), balance_applied_minor=100)
    paid(900, "renewal", day(4, 9), is_recovered=False)
    paid(400, "retry", day(5, 9), currency="USD")
    feb, mar, apr, may = months()
    assert recovered([feb, mar, apr, may]) == [
        {},
        {"CAD": Recovered(mar, {"invitation": 1200}, 2)},
        {"CAD": Recovered(apr, {"portal": 800}, 1)},
        {"USD": Recovered(may, {"retry": 400}, 1)},
    ]


def test_ages_what_is_past_due(scope: None) -> None:
    for days, amount in ((0.1, 1), (7.9, 10), (8.1, 100), (30.5, 1000), (31.5, 10_000), (90, 100_000)):
        InvoiceFactory(total_minor=amount, due_at=NOW - timedelta(days=days))
    InvoiceFactory(total_minor=5, due_at=NOW + timedelta(days=1))
    InvoiceFactory(total_minor=5, due_at=NOW - timedelta(days=3), state=InvoiceState.VOID)
    (ages,) = past_due_by_age(NOW).values()
    assert [(age.amount_minor, age.invoices) for age in ages] == [(11, 2), (1100, 2), (10_000, 1), (100_000, 1)]


def test_nothing_at_all_is_no_error(scope: None) -> None:
    assert all(not any(one.counts.values()) and one.revenue_minor == {} for one in standings(months()))
    assert [row.rate for row in left(months())] == [None, None, None]
    assert recovered(months()) == [{}, {}, {}, {}]
    assert past_due_by_age(NOW) == {}


def test_asks_the_database_once_for_each_whatever_the_number(scope: None) -> None:
    for _ in range(5):
        subscribed()
    with CaptureQueriesContext(connection) as asked:
        standing(months()[-1])
        moves(months(13))
        recovered(months(13))
        past_due_by_age(NOW)
    assert len(asked) == 4
