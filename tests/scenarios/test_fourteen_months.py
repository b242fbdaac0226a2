"""Fourteen months of 200 subscriptions, day by day: every invoice that a second calculation expects, and no other."""

from datetime import date
from typing import Any

from subscriptions.models import InvoiceState, SubscriptionState
from subscriptions.models import Subscription as SubscriptionRow
from tests.processes import Sandbox
from tests.scenarios.billing_calculator import Expected, expected_invoices
from tests.scenarios.billing_plans import DAYS, OUTAGE, RATES, plans
from tests.scenarios.billing_world import ACCOUNT, BillingWorld

#: Month ends, when much is due: the run's process is killed and another goes on.
KILLED = {date(2024, 2, 29): 3, date(2024, 3, 31): 5, date(2024, 8, 31): 1, date(2024, 12, 31): 4}
#: Days on which the gateway fails: the effect is made and the answer lost, or it is not made at all.
BAD_DAYS = {date(2024, 2, 15), date(2024, 4, 30), date(2024, 10, 31), date(2025, 1, 31)}
FAULTS = [
    {"account": ACCOUNT, "method": "POST", "path": "/v1/payment_intents*", "kind": kind, "probability": 0.2, "seed": 3}
    for kind in ("drop_after", "drop_before", "server_error", "rate_limited")
]


def test_every_period_is_billed_once_and_nothing_is_charged_twice(
    transactional_db: None, sandbox: Sandbox, settings: Any
) -> None:
    settings.GATEWAY_CALLS_PER_SECOND = 1000.0
    world = BillingWorld(sandbox, plans())
    expected, states = expected_invoices(world.plans, RATES, DAYS, OUTAGE)
    for day in DAYS:
        world.people_act(day)
        if day in OUTAGE:
            continue
        if day in KILLED:
            world.run_and_be_killed(day, KILLED[day])
        if day in BAD_DAYS:
            sandbox.set_faults(*FAULTS)
        world.run(day)
        sandbox.clear_faults()
    _check_invoices(world, expected)
    _check_states(world, states)
    _check_money(world)


def _check_invoices(world: BillingWorld, expected: list[Expected]) -> None:
    keys = {pk: key for key, pk in world.subscriptions.items()}
    made = [
        Expected(
            keys[row.subscription_id],
            row.period_start,
            row.period_end,
            row.subtotal_minor,
            row.tax_minor,
            row.total_minor,
            row.balance_applied_minor,
        )
        for row in world.invoices()
    ]
    missing, unexpected = set(expected) - set(made), set(made) - set(expected)
    assert not missing, sorted(missing, key=str)[:5]
    assert not unexpected, sorted(unexpected, key=str)[:5]
    assert len(made) == len(expected) > 1500
    numbers = [row.number for row in world.invoices()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _check_states(world: BillingWorld, states: dict[int, str]) -> None:
    with world.scope():
        rows = dict(SubscriptionRow.objects.values_list("pk", "state"))
    over = {key for key, pk in world.subscriptions.items() if rows[pk] == SubscriptionState.CANCELLED}
    assert over == {key for key, state in states.items() if state == "over"}


def _check_money(world: BillingWorld) -> None:
    """Whatever is paid here was taken there, once, to the cent; what is not was not."""
    taken = world.money_taken()
    assert set(taken.values()) == {1}
    paid = {
        (str(row.pk), row.amount_due_minor)
        for row in world.invoices()
        if row.state == InvoiceState.PAID and row.amount_due_minor
    }
    assert set(taken) == paid
    declining = {world.subscriptions[plan.key] for plan in world.plans if plan.declines}
    left = {row.subscription_id for row in world.invoices() if row.state == InvoiceState.OPEN}
    assert left == declining
