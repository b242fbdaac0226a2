"""Payment profiles: what is on file about a customer's payment methods. The gateway has the methods themselves."""

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext_noop

from customers.models import Customer
from payments.gateway.port import MethodFacts
from payments.models import PaymentProfile, ProfileState
from tenants.actors import Actor
from tenants.audit import record

#: Reasons are kept in English and translated when they are shown.
VANISHED = gettext_noop("The payment gateway no longer knows this payment method.")
DETACHED = gettext_noop("This payment method was removed at the payment gateway.")

_FACTS = ("kind", "brand", "last4", "exp_month", "exp_year", "fingerprint", "holder_name")


def record_profile(
    *, customer: Customer, method: MethodFacts, actor: Actor
) -> tuple[PaymentProfile, list[PaymentProfile]]:
    """Put a method that the gateway confirmed on file, once, and bring it up to date.

    Also returns the customer's other active profiles of the same card, recognised by its fingerprint. The method must
    be this customer's at the gateway; the caller has checked that.
    """
    Customer.objects.select_for_update().get(pk=customer.pk)
    profile = PaymentProfile.objects.filter(gateway_id=method.id).first()
    if profile is None:
        values = _values(method)
        profile = PaymentProfile.objects.create(customer=customer, gateway_id=method.id, **values)
        record(actor=actor, action="payment_profile.added", target=profile, after=_shown(profile))
    else:
        apply_method_facts(profile, method, actor=actor)
    if not method.fingerprint:
        return profile, []
    same_card = PaymentProfile.objects.filter(
        customer=customer, fingerprint=method.fingerprint, state=ProfileState.ACTIVE
    ).exclude(pk=profile.pk)
    return profile, list(same_card.order_by("created_at"))


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


def disable_profile(*, actor: Actor, profile: PaymentProfile, reason: str) -> bool:
    """Mark a profile that the gateway can no longer charge; all that is left to do with it is to delete it.

    `reason` is one of this module's, or a sentence. False when the profile was not active any more.
    """
    changed = PaymentProfile.objects.filter(pk=profile.pk, state=ProfileState.ACTIVE).update(
        state=ProfileState.DISABLED, disabled_reason=reason[:200], is_default=False
    )
    if not changed:
        return False
    before = {"state": ProfileState.ACTIVE, "is_default": profile.is_default}
    profile.state, profile.disabled_reason, profile.is_default = ProfileState.DISABLED, reason[:200], False
    after = {"state": ProfileState.DISABLED, "is_default": False}
    record(
        actor=actor, action="payment_profile.disabled", target=profile, before=before, after=after, reason=str(reason)
    )
    return True


def _values(facts: MethodFacts) -> dict[str, Any]:
    values = {name: getattr(facts, name) for name in _FACTS}
    address = {name: value for name, value in asdict(facts.address).items() if value}
    values["holder_name"] = facts.holder_name[:160]
    values["brand"] = facts.brand[:20]
    return values | {"billing_address": address}


def _shown(profile: PaymentProfile) -> dict[str, Any]:
    """What the audit log keeps of a profile."""
    return {
        "method": str(profile),
        "expires": f"{profile.exp_month:02}/{profile.exp_year}" if profile.exp_month and profile.exp_year else "",
        "holder": profile.holder_name,
        "billing_address": profile.billing_address,
    }
