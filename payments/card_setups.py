"""Card entries: begun here, filled in between the browser and the gateway, limited against card testing.

https://docs.stripe.com/disputes/prevention/card-testing: whoever can try cards at will tries stolen ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.locking import lock_customer
from payments.errors import CardSetupError
from payments.gateway.accounts import paced_gateway_for
from payments.gateway.errors import GatewayError
from payments.gateway.port import PostalAddress
from payments.gateway_customers import ensure_gateway_customer
from payments.models import CardSetup, GatewayAccount, SetupState
from payments.profiles import drop_unverified
from tenants.actors import Actor, ActorKind
from tenants.models import Tenant
from tenants.networks import network_of
from tenants.scope import tenant_scope

log = structlog.get_logger(__name__)

HOUR = timedelta(hours=1)
#: Forms that may be opened for each card that may be tried.
FORMS_PER_TRY = 4
#: An entry that may still lead to a method.
UNSETTLED = [SetupState.OPEN, SetupState.VERIFYING]
_ADDRESS_PARTS = [part.name for part in fields(PostalAddress)]


@dataclass(frozen=True)
class StartedSetup:
    """What the browser needs to show the gateway's card fields; `setup_id` is our row's."""

    setup_id: UUID
    gateway_id: str
    client_secret: str
    publishable_key: str

    def __repr__(self) -> str:
        return f"<StartedSetup {self.gateway_id}>"


@dataclass(frozen=True)
class Failures:
    """How many tries of a card entry have failed, and whether that was the last one allowed."""

    count: int
    stopped: bool


def start_card_setup(
    tenant_id: UUID,
    *,
    customer_id: UUID,
    purpose: str,
    purpose_id: UUID | None = None,
    replaces_id: UUID | None = None,
    make_default: bool = True,
    actor: Actor,
    ip: str | None,
) -> StartedSetup:
    """Begin the entry of a payment method, of the kinds that the tenant takes, for a customer. Opens its own scopes.

    Raises CardSetupError `too_many_attempts`, BadKeys `no_gateway_account`, or another GatewayError.
    """
    gateway = paced_gateway_for(tenant_id)
    with tenant_scope(tenant_id):
        kinds = Tenant.objects.get(pk=tenant_id).method_kinds
        lock_customer(customer_id)
        _check_limits(customer_id, purpose_id, None if actor.kind == ActorKind.STAFF else ip)
        setup = _reserve(
            customer_id=customer_id,
            purpose=purpose,
            purpose_id=purpose_id,
            replaces_id=replaces_id,
            make_default=make_default,
            actor=actor.as_json(),
            ip=ip,
        )
    marks = {
        "tenant": tenant_id,
        "customer": customer_id,
        "purpose": purpose,
        "purpose_id": purpose_id,
        "setup": setup.pk,
    }
    facts = gateway.create_setup(
        customer=ensure_gateway_customer(tenant_id, customer_id),
        metadata={name: str(mark) for name, mark in marks.items() if mark},
        key=f"setup-{setup.pk}",
        kinds=kinds,
    )
    with tenant_scope(tenant_id):
        CardSetup.objects.filter(pk=setup.pk).update(gateway_id=facts.id, state=SetupState.OPEN)
        publishable_key = GatewayAccount.objects.get().publishable_key
    return StartedSetup(setup.pk, facts.id, facts.client_secret, publishable_key)


def _reserve(**values: Any) -> CardSetup:
    """The row comes first, so that a try counts whatever happens next; until the gateway has answered it is closed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuidv7()")
        setup_id = cursor.fetchone()[0]
    return CardSetup.objects.create(pk=setup_id, gateway_id=f"none-{setup_id}", state=SetupState.CANCELED, **values)


def _check_limits(customer_id: UUID, link_id: UUID | None, ip: str | None) -> None:
    recent = CardSetup.objects.filter(created_at__gt=timezone.now() - HOUR)
    if link_id is not None and _failures(link_id) >= settings.CARD_FAILURES_PER_LINK:
        raise _too_many(_("Too many cards were tried with this link. Ask for a new one."), link=str(link_id))
    if _used_up(recent.filter(customer_id=customer_id), settings.CARD_TRIES_PER_CUSTOMER):
        raise _too_many(_("Too many cards were tried. Wait an hour, then try again."), customer=str(customer_id))
    if ip is not None and _used_up(_from_network(recent, ip), settings.CARD_TRIES_PER_ADDRESS):
        raise _too_many(_("Too many cards were tried. Wait an hour, then try again."), ip=ip)


def _from_network(setups: QuerySet[CardSetup], ip: str) -> QuerySet[CardSetup]:
    network = network_of(ip)
    return setups.filter(ip__gte=str(network[0]), ip__lte=str(network[-1]))


def _too_many(message: str | Promise, **where: str) -> CardSetupError:
    log.warning("card_tries_exceeded", **where)
    return CardSetupError("too_many_attempts", message)


def _used_up(setups: QuerySet[CardSetup], limit: int) -> bool:
    """Whether that many cards were tried. A form that was only opened is no try, until there are very many of them."""
    saved = Count("pk", filter=Q(state__in=[SetupState.COMPLETED, SetupState.DISCARDED, SetupState.VERIFYING]))
    counts = setups.aggregate(begun=Count("pk"), saved=saved, failed=Sum("failures", default=0))
    return counts["saved"] + counts["failed"] >= limit or counts["begun"] >= limit * FORMS_PER_TRY


def _failures(link_id: UUID) -> int:
    return CardSetup.objects.filter(purpose_id=link_id).aggregate(n=Sum("failures"))["n"] or 0


def save_billing_details(
    *,
    setup_id: UUID,
    details: Mapping[str, Any],
    make_default: bool | None = None,
    consent: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Keep what the holder typed beside the card: `holder_name`, and `address` with PostalAddress's parts.

    `make_default`, where given, says whether the card is to become the default; `consent`, where the customer was
    asked, holds the ids of the `subscriptions` and `invoices` that may move to it (`read_consent`). In the open scope.
    Raises CardSetupError `not_open` once the entry has been settled.
    """
    address = details.get("address") or {}
    kept = {
        "holder_name": str(details.get("holder_name") or "").strip()[:160],
        "address": asdict(
            PostalAddress(**{part: str(address.get(part) or "").strip()[:160] for part in _ADDRESS_PARTS})
        ),
    }
    chosen: dict[str, Any] = {} if make_default is None else {"make_default": make_default}
    if consent is not None:
        chosen["consent"] = {name: list(ids) for name, ids in consent.items()}
    if not CardSetup.objects.filter(pk=setup_id, state=SetupState.OPEN).update(billing_details=kept, **chosen):
        raise CardSetupError("not_open", _("This card entry has ended. Reload the page and try again."))


def read_consent(form: QueryDict) -> dict[str, list[str]] | None:
    """What a form with templates/ui/consent.html lets move; None when it did not ask. What is no id is left out."""
    if "consent_asked" not in form:
        return None
    return {
        f"{name}s": [value for value in form.getlist(name) if _is_uuid(value)] for name in ("subscription", "invoice")
    }


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


def note_failure(tenant_id: UUID, gateway_id: str, code: str = "") -> Failures:
    """The browser says that a try failed: look at the gateway, and count what is found there.

    `code` is the browser's word for it and only logged. Opens its own scopes. Raises GatewayError.
    """
    with tenant_scope(tenant_id):
        setup = CardSetup.objects.filter(gateway_id=gateway_id, state=SetupState.OPEN).first()
    if setup is None:
        return Failures(0, stopped=True)
    facts = paced_gateway_for(tenant_id).read_setup(gateway_id)
    if facts.error is None:
        log.info("card_failure_not_confirmed", setup=gateway_id, browser_code=code[:64])
        return Failures(setup.failures, stopped=False)
    attempt = facts.attempt or f"{facts.status}-{facts.error.code}"
    return count_failure(tenant_id, gateway_id, attempt=attempt, code=facts.error.code)


def count_failure(tenant_id: UUID, gateway_id: str, *, attempt: str, code: str) -> Failures:
    """Count a failed try, once by the gateway's id of it, and end the entry when it was one too many.

    Opens its own scopes. Raises GatewayError when an entry cannot be cancelled; the count is kept all the same.
    """
    with tenant_scope(tenant_id):
        setup = CardSetup.objects.select_for_update().filter(gateway_id=gateway_id).first()
        if setup is None:
            return Failures(0, stopped=True)
        if attempt not in setup.failed_attempts:
            setup.failed_attempts = [*setup.failed_attempts, attempt]
            setup.failures = len(setup.failed_attempts)
            setup.last_decline = code[:64]
            setup.save(update_fields=["failed_attempts", "failures", "last_decline"])
        to_stop = _over_the_limit(setup)
    if to_stop:
        log.warning("card_failures_exceeded", setup=gateway_id, stopped=len(to_stop))
    for entry in to_stop:
        stop_card_setup(tenant_id, entry)
    return Failures(setup.failures, stopped=bool(to_stop) or setup.state != SetupState.OPEN)


def _over_the_limit(setup: CardSetup) -> list[str]:
    """The gateway's ids of open entries that must end: all of the link's, or all begun for the customer in the hour."""
    open_ones = CardSetup.objects.filter(state=SetupState.OPEN)
    if setup.purpose_id is not None and _failures(setup.purpose_id) >= settings.CARD_FAILURES_PER_LINK:
        return list(open_ones.filter(purpose_id=setup.purpose_id).values_list("gateway_id", flat=True))
    recent = CardSetup.objects.filter(customer_id=setup.customer_id, created_at__gt=timezone.now() - HOUR)
    if (recent.aggregate(n=Sum("failures"))["n"] or 0) >= settings.CARD_TRIES_PER_CUSTOMER:
        return list(open_ones.filter(pk__in=recent).values_list("gateway_id", flat=True))
    return []


def stop_card_setup(tenant_id: UUID, gateway_id: str) -> None:
    """End an entry at the gateway first, so that one that has just succeeded is left to be completed.

    Opens its own scopes. Raises GatewayError.
    """
    try:
        status = paced_gateway_for(tenant_id).cancel_setup(gateway_id, key=f"stop-{gateway_id}").status
    except GatewayError:
        log.warning("card_setup_not_stopped", setup=gateway_id)
        raise
    if status != "canceled":
        return
    close_card_setup(tenant_id, gateway_id)
    log.info("card_setup_stopped", setup=gateway_id)


def close_card_setup(tenant_id: UUID, gateway_id: str) -> None:
    """Close our row of an entry that has ended at the gateway without a method. Opens its own scope."""
    with tenant_scope(tenant_id):
        setup = CardSetup.objects.select_for_update().filter(gateway_id=gateway_id, state__in=UNSETTLED).first()
        if setup is None:
            return
        if setup.profile is not None:
            drop_unverified(actor=Actor.system("card entries"), profile=setup.profile)
        setup.state, setup.settled_at = SetupState.CANCELED, timezone.now()
        setup.save(update_fields=["state", "settled_at"])
