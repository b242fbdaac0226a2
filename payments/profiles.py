"""Payment profiles: what is on file about a customer's payment methods. The gateway has the methods themselves."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from customers.locking import lock_customer
from customers.models import Customer
from payments.errors import ProfileError
from payments.gateway.port import MethodFacts
from payments.models import PaymentProfile, ProfileState
from tenants.actors import Actor
from tenants.audit import record

#: Reasons are kept in English and translated when they are shown.
VANISHED = gettext_noop("The payment gateway no longer knows this payment method.")
DETACHED = gettext_noop("This payment method was removed at the payment gateway.")
NOT_VERIFIED = gettext_noop("The bank account could not be verified.")

_FACTS = ("kind", "brand", "last4", "exp_month", "exp_year", "fingerprint", "holder_name")


def record_profile(
    *, customer: Customer, method: MethodFacts, actor: Actor, verification_url: str = ""
) -> tuple[PaymentProfile, list[PaymentProfile]]:
    """Put a method that the gateway confirmed on file, once, and bring it up to date.

    With `verification_url` it is a bank account that its holder is yet to verify there: PENDING until this is called
    without. Also returns the customer's other active profiles of the same card, recognised by its fingerprint. The
    method must be this customer's at the gateway; the caller has checked that.
    """
    lock_customer(customer.pk)
    profile = PaymentProfile.objects.filter(gateway_id=method.id).first()
    if profile is None:
        values = _values(method) | {"verification_url": verification_url}
        state = ProfileState.PENDING if verification_url else ProfileState.ACTIVE
        profile = PaymentProfile.objects.create(customer=customer, gateway_id=method.id, state=state, **values)
        record(actor=actor, action="payment_profile.added", target=profile, after=_shown(profile))
    else:
        apply_method_facts(profile, method, actor=actor)
        if not verification_url:
            _activate(profile, actor)
    if not method.fingerprint or verification_url:
        return profile, []
    same_card = PaymentProfile.objects.filter(
        customer=customer, fingerprint=method.fingerprint, state=ProfileState.ACTIVE
    ).exclude(pk=profile.pk)
    return profile, list(same_card.order_by("created_at"))


def _activate(profile: PaymentProfile, actor: Actor) -> None:
    """A bank account that waited has been verified."""
    waiting = PaymentProfile.objects.filter(pk=profile.pk, state=ProfileState.PENDING)
    if waiting.update(state=ProfileState.ACTIVE, verification_url=""):
        profile.state, profile.verification_url = ProfileState.ACTIVE, ""
        record(actor=actor, action="payment_profile.verified", target=profile, after=_shown(profile))


def drop_unverified(*, actor: Actor, profile: PaymentProfile, reason: str = NOT_VERIFIED) -> bool:
    """A bank account that its holder could not verify is of no use; the gateway never had it on the customer.

    False when it was not waiting any more.
    """
    waiting = PaymentProfile.objects.filter(pk=profile.pk, state=ProfileState.PENDING)
    changes = {"state": ProfileState.REMOVED, "disabled_reason": reason[:200], "verification_url": ""}
    if not waiting.update(**changes):
        return False
    for name, value in changes.items():
        setattr(profile, name, value)
    record(
        actor=actor,
        action="payment_profile.verification_failed",
        target=profile,
        before={"state": ProfileState.PENDING},
        after={"state": ProfileState.REMOVED},
        reason=reason,
    )
    return True


def set_backup(*, actor: Actor, profile: PaymentProfile, is_backup: bool) -> PaymentProfile:
    """Make a profile the one that is charged when neither the pinned one nor the default can be, or end that.

    A customer has one backup at most; it takes the place of another. Raises ProfileError `profile_not_active`,
    `is_default`.
    """
    lock_customer(profile.customer_id)
    profile = PaymentProfile.objects.select_for_update().get(pk=profile.pk)
    if profile.is_backup == is_backup:
        return profile
    if is_backup:
        _check_can_back_up(profile)
        others = PaymentProfile.objects.filter(customer_id=profile.customer_id, is_backup=True)
        for other in others:
            _mark_backup(other, actor, is_backup=False)
    _mark_backup(profile, actor, is_backup=is_backup)
    return profile


def hand_over_backup(*, actor: Actor, old: PaymentProfile, new: PaymentProfile | None) -> None:
    """The backup was replaced: `new` takes its part, unless that is to be the default. The customer is locked."""
    _mark_backup(old, actor, is_backup=False)
    if new is not None:
        _mark_backup(new, actor, is_backup=True)


def _check_can_back_up(profile: PaymentProfile) -> None:
    if profile.state != ProfileState.ACTIVE:
        raise ProfileError("profile_not_active", _("Only a payment method that can be charged can be the backup."))
    if profile.is_default:
        raise ProfileError("is_default", _("The default payment method cannot be its own backup. Choose another one."))


def _mark_backup(profile: PaymentProfile, actor: Actor, *, is_backup: bool) -> None:
    profile.is_backup = is_backup
    profile.save(update_fields=["is_backup"])
    record(
        actor=actor,
        action="payment_profile.backup_set" if is_backup else "payment_profile.backup_cleared",
        target=profile,
        before={"is_backup": not is_backup},
        after={"is_backup": is_backup},
    )


def apply_method_facts(profile: PaymentProfile, facts: MethodFacts, *, actor: Actor) -> bool:
    """Bring a profile up to what the gateway has. True when something differed."""
    before = _shown(profile)
    changed = [name for name, value in _values(facts).items() if getattr(profile, name) != value]
    if not changed:
        return False
    for name, value in _values(facts).items():
        setattr(profile, name, value)
    profile.save(update_fields=changed)
    record(actor=actor, action="payment_profile.updated", target=profile, before=before, after=_shown(profile))
    return True


def note_network_update(profile: PaymentProfile, *, at: datetime) -> None:
    """Remember when the card's network last renewed it; an older event that comes late changes nothing."""
    if profile.network_updated_at is None or profile.network_updated_at < at:
        profile.network_updated_at = at
        profile.save(update_fields=["network_updated_at"])


def disable_profile(*, actor: Actor, profile: PaymentProfile, reason: str) -> bool:
    """Mark a profile that the gateway can no longer charge; all that is left to do with it is to delete it.

    `reason` is one of this module's, or a sentence. False when the profile was not active any more.
    """
    changed = PaymentProfile.objects.filter(pk=profile.pk, state=ProfileState.ACTIVE).update(
        state=ProfileState.DISABLED, disabled_reason=reason[:200], is_default=False, is_backup=False
    )
    if not changed:
        return False
    before = {"state": ProfileState.ACTIVE, "is_default": profile.is_default}
    profile.state, profile.disabled_reason = ProfileState.DISABLED, reason[:200]
    profile.is_default = profile.is_backup = False
    after = {"state": ProfileState.DISABLED, "is_default": False}
    record(
        actor=actor, action="payment_profile.disabled", target=profile, before=before, after=after, reason=str(reason)
    )
    return True


def _values(facts: MethodFacts) -> dict[str, Any]:
    values = {name: getattr(facts, name) for name in _FACTS}
    address = {name: value for name, value in asdict(facts.address).items() if value}
    values["holder_name"] = facts.holder_name[:160]
    values["brand"] = facts.brand[:60]
    return values | {"billing_address": address}


def _shown(profile: PaymentProfile) -> dict[str, Any]:
    """What the audit log keeps of a profile."""
    return {
        "method": str(profile),
        "expires": f"{profile.exp_month:02}/{profile.exp_year}" if profile.exp_month and profile.exp_year else "",
        "holder": profile.holder_name,
        "billing_address": profile.billing_address,
    }
