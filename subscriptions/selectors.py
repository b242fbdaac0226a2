"""Reads about subscriptions that more than one caller needs."""

from enum import StrEnum

from payments.models import PaymentProfile, ProfileState


class Why(StrEnum):
    """Why a profile pays next."""

    PINNED = "pinned"
    DEFAULT = "default"
    NONE = "none"


def usable(profile: PaymentProfile | None) -> PaymentProfile | None:
    """The profile, or the one that took its place, if it can be charged; else None."""
    seen = set()
    while profile is not None and profile.state == ProfileState.REPLACED and profile.pk not in seen:
        seen.add(profile.pk)
        profile = profile.replaced_by
    return profile if profile is not None and profile.state == ProfileState.ACTIVE else None


def paying_profile(
    pinned: PaymentProfile | None, default: PaymentProfile | None
) -> tuple[PaymentProfile | None, Why]:
    """Which profile pays next, and why: the one pinned to the subscription while it works, else the customer's default.

    A replaced profile stands for its successor.
    """
    if payer := usable(pinned):
        return payer, Why.PINNED
    if payer := usable(default):
        return payer, Why.DEFAULT
    return None, Why.NONE
