"""How a subscription of ours goes on: pure changes to a row that the caller has locked and will save."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from subscriptions.calculators.periods import Period, boundary, period
from subscriptions.models import BILLED_STATES, Subscription, SubscriptionState

#: The fields that these functions change.
FIELDS = [
    "state",
    "anchor_at",
    "next_period",
    "next_billing_at",
    "current_period_start",
    "current_period_end",
    "paused_at",
    "resumes_at",
    "cancelled_at",
]


class Event(StrEnum):
    """What the billing run finds at a subscription's moment."""

    BILL = "bill"
    END = "end"
    RESUME = "resume"
    NOTHING = "nothing"


def covered_until(subscription: Subscription) -> datetime:
    """Where the next period to bill begins: all before it is billed, or free."""
    return _at(subscription, subscription.next_period)


def next_to_bill(subscription: Subscription) -> Period:
    price = subscription.price
    return period(
        _anchor(subscription), subscription.time_zone, price.interval, price.interval_count, subscription.next_period
    )


def _at(subscription: Subscription, number: int) -> datetime:
    price = subscription.price
    return boundary(_anchor(subscription), subscription.time_zone, price.interval, price.interval_count, number)


def _anchor(subscription: Subscription) -> datetime:
    return subscription.anchor_at or subscription.trial_end or subscription.started_at


def due_event(subscription: Subscription, now: datetime) -> Event:
    """What must be done to it at `now`, one thing at a time. Of an end and a resumption, what comes first."""
    if subscription.state == SubscriptionState.CANCELLED:
        return Event.NOTHING
    covered = covered_until(subscription)
    ends = covered if subscription.cancel_at_period_end and covered <= now else None
    if subscription.state == SubscriptionState.PAUSED:
        resumes = subscription.resumes_at
        if resumes is not None and resumes <= now and (ends is None or resumes < ends):
            return Event.RESUME
    if ends is not None:
        return Event.END
    return Event.BILL if subscription.state in BILLED_STATES and covered <= now else Event.NOTHING


def next_look(subscription: Subscription) -> datetime | None:
    """When the billing run must look at the subscription again, in its present state."""
    match subscription.state:
        case SubscriptionState.CANCELLED:
            return None
        case SubscriptionState.PAUSED | SubscriptionState.UNPAID:
            ends = covered_until(subscription) if subscription.cancel_at_period_end else None
            resumes = subscription.resumes_at if subscription.state == SubscriptionState.PAUSED else None
            return min((moment for moment in (ends, resumes) if moment is not None), default=None)
    return covered_until(subscription)


def billing_from(subscription: Subscription, moment: datetime) -> dict[str, Any]:
    """Where billing goes on when it does at `moment`: after what is covered, or else anew from that moment."""
    covered = covered_until(subscription)
    if moment < covered:
        return {"next_billing_at": covered}
    return {"anchor_at": moment, "next_period": 0, "next_billing_at": moment}


def begin(subscription: Subscription, found: Period) -> None:
    """The period is billed: it is the current one, and a trial is over."""
    subscription.current_period_start, subscription.current_period_end = found.start, found.end
    subscription.next_period, subscription.next_billing_at = found.following, found.end
    if subscription.state == SubscriptionState.TRIALING:
        subscription.state = SubscriptionState.ACTIVE


def pause(subscription: Subscription, *, at: datetime, resumes_at: datetime | None) -> None:
    """The running period is kept; nothing is billed until it is resumed."""
    subscription.state = SubscriptionState.PAUSED
    subscription.paused_at, subscription.resumes_at = at, resumes_at
    subscription.next_billing_at = next_look(subscription)


def resume(subscription: Subscription, at: datetime) -> None:
    """Back to the state that it would have without the pause; billed from the end of what is covered, or from `at`."""
    for name, value in billing_from(subscription, at).items():
        setattr(subscription, name, value)
    subscription.paused_at = subscription.resumes_at = None
    if subscription.trial_end is not None and at < subscription.trial_end:
        subscription.state = SubscriptionState.TRIALING
    elif subscription.past_due_since is not None:
        subscription.state = SubscriptionState.PAST_DUE
    else:
        subscription.state = SubscriptionState.ACTIVE


def end(subscription: Subscription, at: datetime) -> None:
    """Cancelled as of that moment."""
    subscription.state, subscription.cancelled_at = SubscriptionState.CANCELLED, at
    subscription.next_billing_at = subscription.resumes_at = None
