"""Finishing a card entry: whatever door it came through, the gateway's own word decides, and it counts once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.errors import CustomerDeleted
from customers.locking import lock_customer
from customers.models import AddressKind
from customers.services import set_address
from payments.card_setups import UNSETTLED, stop_card_setup
from payments.gateway.accounts import paced_gateway_for
from payments.gateway.errors import GatewayError
from payments.gateway.port import MethodFacts, SetupFacts
from payments.models import CardSetup, GatewayCustomer, PaymentProfile, ProfileState, SetupState
from payments.profiles import record_profile
from propagation.errors import ChangeRefused
from propagation.impact import Consent
from propagation.models import Change
from propagation.services import discard_card, replace_or_add
from tenants.actors import Actor
from tenants.scope import tenant_scope

#: Tries to use up what the card was entered for; False when someone else was first.
type Claim = Callable[[CardSetup, Actor], bool]
#: Told of the change that came of it, in the same transaction.
type Link = Callable[[CardSetup, Change], None]

_claims: dict[str, Claim] = {}
_links: dict[str, Link] = {}


def register_purpose(purpose: str, *, claim: Claim, link: Link) -> None:
    """Let a package have its say when a card entered for its purpose is confirmed."""
    _claims[purpose] = claim
    _links[purpose] = link


@dataclass(frozen=True)
class Completed:
    """`outcome`: `completed` now; `already` before; `lost` to someone else; `not_yet`: the gateway waits for the
    customer or is still at it, as its own word `status` tells; `verifying`: the holder must verify the bank account
    first, at the gateway's `verification_url` of the `profile`; `failed`: the gateway said no, see `error`."""

    outcome: str
    change: Change | None = None
    profile: PaymentProfile | None = None
    error: GatewayError | None = None
    status: str = ""


def complete_card_setup(tenant_id: UUID, gateway_id: str, *, expected_setup_id: UUID | None = None) -> Completed:
    """Read the card entry at the gateway and, if it succeeded, record the method and the change. Safe to repeat.

    Reads the gateway outside any transaction; raises its errors. Raises ChangeRefused `unknown_setup` when the entry is
    not one of ours, or not `expected_setup_id`, or belongs to another customer.
    """
    with tenant_scope(tenant_id):
        _find(gateway_id, expected_setup_id)
    facts = paced_gateway_for(tenant_id).read_setup(gateway_id)
    if facts.verification in ("pending", "failed"):
        return _follow_verification(tenant_id, gateway_id, facts)
    if facts.status != "succeeded" or facts.method is None:
        failed = facts.error is not None or facts.status == "canceled"
        return Completed("failed" if failed else "not_yet", error=facts.error, status=facts.status)
    with tenant_scope(tenant_id):
        found = _find(gateway_id, expected_setup_id)
        _lock_customer(found)
        setup = CardSetup.objects.select_for_update().get(pk=found.pk)
        _verify(setup, facts)
        return _settle(setup, facts.method)


def verifying_answer(completed: Completed) -> dict[str, str]:
    """What a payment form's script is told of a bank account that waits (templates/ui/payment_form.html)."""
    profile = completed.profile
    message = _(
        "A small deposit reaches %(account)s within two business days. Then open the payment gateway's page and enter "
        "the code that stands beside it. Until then nothing changes."
    )
    return {
        "state": "verifying",
        "message": str(message) % {"account": profile},
        "url": profile.verification_url if profile else "",
    }


def _follow_verification(tenant_id: UUID, gateway_id: str, facts: SetupFacts) -> Completed:
    """Small deposits are on their way: keep the account as one that waits; or its holder could not verify it."""
    with tenant_scope(tenant_id):
        found = _find(gateway_id, None)
        _lock_customer(found)
        setup = CardSetup.objects.select_for_update().get(pk=found.pk)
        _verify(setup, facts)
        if facts.verification == "pending" and facts.method is not None:
            return _keep_waiting(setup, facts.method, facts.hosted_verification_url)
        waited = setup.state == SetupState.VERIFYING
    if waited:
        stop_card_setup(tenant_id, gateway_id)
    return Completed("failed", error=facts.error, status=facts.status)


def _keep_waiting(setup: CardSetup, method: MethodFacts, url: str) -> Completed:
    if setup.state not in UNSETTLED:
        return Completed("lost")
    profile, _duplicates = record_profile(
        customer=setup.customer, method=method, actor=_actor_of(setup), verification_url=url
    )
    setup.state, setup.profile = SetupState.VERIFYING, profile
    setup.save(update_fields=["state", "profile"])
    return Completed("verifying", profile=profile)


def _actor_of(setup: CardSetup) -> Actor:
    return Actor.from_json(setup.actor, str(setup.ip) if setup.ip else None)


def _find(gateway_id: str, expected_setup_id: UUID | None) -> CardSetup:
    setup = CardSetup.objects.filter(gateway_id=gateway_id).first()
    if setup is None or (expected_setup_id is not None and setup.pk != expected_setup_id):
        raise _unknown()
    return setup


def _lock_customer(setup: CardSetup) -> None:
    """The customer first, as whoever sends or records something for them, or deletes them, does."""
    try:
        lock_customer(setup.customer_id)
    except CustomerDeleted as error:
        raise _unknown() from error


def _unknown() -> ChangeRefused:
    return ChangeRefused("unknown_setup", _("This card entry does not belong here. Reload the page and try again."))


def _verify(setup: CardSetup, facts: SetupFacts) -> None:
    """The gateway's object must carry our own marks: this tenant, this customer, this entry."""
    known = GatewayCustomer.objects.filter(customer_id=setup.customer_id, gateway_id=facts.customer or "").exists()
    marks = {"tenant": str(setup.tenant_id), "customer": str(setup.customer_id), "setup": str(setup.pk)}
    if not known or any(facts.metadata.get(name) != value for name, value in marks.items()):
        raise _unknown()


def _settle(setup: CardSetup, method: MethodFacts) -> Completed:
    if setup.state == SetupState.DISCARDED:
        return Completed("lost")
    if setup.state == SetupState.COMPLETED:
        change = Change.objects.get(pk=setup.change_id) if setup.change_id else None
        return Completed("already", change, setup.profile)
    if setup.profile is not None and setup.profile.state != ProfileState.PENDING:
        # It waited to be verified, and was removed meanwhile.
        return _discard(setup, method, _actor_of(setup))
    actor = _actor_of(setup)
    claim = _claims.get(setup.purpose)
    if claim is not None and not claim(setup, actor):
        return _discard(setup, method, actor)
    profile, duplicates = record_profile(customer=setup.customer, method=method, actor=actor)
    carries_details = _use_billing_address(setup, actor)
    change = replace_or_add(
        customer=setup.customer,
        new_profile=profile,
        old_profile=setup.replaces,
        duplicates=duplicates,
        make_default=setup.make_default,
        carry_details=carries_details,
        consent=Consent.read(setup.consent),
        actor=actor,
        source=setup.purpose,
        source_id=setup.purpose_id,
    )
    _close(setup, SetupState.COMPLETED, profile, change)
    if link := _links.get(setup.purpose):
        link(setup, change)
    return Completed("completed", change, profile)


def _discard(setup: CardSetup, method: MethodFacts, actor: Actor) -> Completed:
    profile, _duplicates = record_profile(customer=setup.customer, method=method, actor=actor)
    PaymentProfile.objects.filter(pk=profile.pk).update(state=ProfileState.REMOVED)
    change = discard_card(
        actor=actor,
        profile=profile,
        source=setup.purpose,
        source_id=setup.purpose_id,
        reason=str(_("Another card had been saved first.")),
    )
    _close(setup, SetupState.DISCARDED, profile, change)
    return Completed("lost", change)


def _use_billing_address(setup: CardSetup, actor: Actor) -> bool:
    """The address typed with the card becomes the customer's billing address. True when there was one."""
    address: dict[str, Any] = setup.billing_details.get("address") or {}
    if not address.get("country"):
        return False
    set_address(actor=actor, customer=setup.customer, kind=AddressKind.BILLING, values=address)
    return True


def _close(setup: CardSetup, state: SetupState, profile: PaymentProfile, change: Change) -> None:
    setup.state = state
    setup.profile = profile
    setup.change_id = change.pk
    setup.settled_at = timezone.now()
    setup.save(update_fields=["state", "profile", "change_id", "settled_at"])
