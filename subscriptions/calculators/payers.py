"""Which payment method pays next, and why."""

from collections.abc import Set as AbstractSet
from datetime import date
from enum import StrEnum
from uuid import UUID

from payments.models import PaymentProfile, ProfileState


class Why(StrEnum):
    """Why a profile pays next."""

    PINNED = "pinned"
    DEFAULT = "default"
    BACKUP = "backup"
    NONE = "none"


def successor(profile: PaymentProfile | None) -> PaymentProfile | None:
    """The profile itself, or what took its place, as far as that is known; None when it was removed."""
    seen = set()
    while profile is not None and profile.state == ProfileState.REPLACED and profile.pk not in seen:
        seen.add(profile.pk)
        profile = profile.replaced_by
    return None if profile is None or profile.state == ProfileState.REMOVED else profile


def usable(profile: PaymentProfile | None) -> PaymentProfile | None:
    """The profile, or the one that took its place, if it can be charged; else None."""
    profile = successor(profile)
    return profile if profile is not None and profile.state == ProfileState.ACTIVE else None


def paying_profile(
    pinned: PaymentProfile | None,
    default: PaymentProfile | None,
    backup: PaymentProfile | None = None,
    *,
    on: date | None = None,
    declined: AbstractSet[UUID] = frozenset(),
) -> tuple[PaymentProfile | None, Why]:
    """Which profile pays on that date, and why: the one pinned, else the customer's default, else their backup.

    A replaced profile stands for its successor; one that cannot be charged is passed over. One that is neither expired
    nor among the `declined` ids goes before one that is expired, which the card's network may have renewed, and that
    before one that was declined. Without a date, expiry is not looked at.
    """
    chosen: tuple[PaymentProfile | None, Why] = (None, Why.NONE)
    least_doubt = 3
    for candidate, why in ((pinned, Why.PINNED), (default, Why.DEFAULT), (backup, Why.BACKUP)):
        profile = usable(candidate)
        if profile is None:
            continue
        doubt = 2 if profile.pk in declined else 1 if on is not None and _is_expired(profile, on) else 0
        if doubt < least_doubt:
            chosen, least_doubt = (profile, why), doubt
    return chosen


def _is_expired(profile: PaymentProfile, on: date) -> bool:
    end = profile.expires_on()
    return end is not None and on >= end
