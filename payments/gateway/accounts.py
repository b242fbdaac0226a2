"""Each tenant's own account at the gateway: connecting it, and reaching it."""

import re
from typing import cast
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from payments.errors import GatewayAccountError
from payments.events import handled_types
from payments.gateway.errors import BadKeys, GatewayError, Refused
from payments.gateway.pacing import Paced
from payments.gateway.port import AccountFacts, Gateway
from payments.gateway.stripe_adapter import StripeGateway
from payments.models import GatewayAccount, GatewayCustomer, PaymentProfile
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import Tenant
from tenants.scope import forbid_open_transaction, tenant_scope

#: https://docs.stripe.com/keys: publishable keys for browsers, secret or restricted ones for servers.
_PUBLISHABLE_KEY = re.compile(r"pk_(test|live)_[\w-]{4,}", re.ASCII)
_SECRET_KEY = re.compile(r"(?:sk|rk)_(test|live)_[\w-]{4,}", re.ASCII)


def gateway_for(tenant_id: UUID) -> Gateway:
    """The tenant's account at the gateway. Raises BadKeys `no_gateway_account` when none is connected."""
    with tenant_scope(tenant_id):
        account = GatewayAccount.objects.first()
    if account is None:
        raise BadKeys(code="no_gateway_account")
    return StripeGateway(account.secret_key)


def paced_gateway() -> Gateway | None:
    """The open scope's account, to be called once the scope is left; None when none is connected."""
    account = GatewayAccount.objects.first()
    return cast(Gateway, Paced(StripeGateway(account.secret_key))) if account else None


def paced_gateway_for(tenant_id: UUID) -> Gateway:
    """Like `gateway_for`; every call waits for its turn under the account's rate limit."""
    return cast(Gateway, Paced(gateway_for(tenant_id)))


def connect_account(*, tenant_id: UUID, actor: Actor, publishable_key: str, secret_key: str) -> GatewayAccount:
    """Try the keys at the gateway, register our webhook there, and keep the keys, encrypted.

    Opens its own scopes. Raises GatewayAccountError with `fields`: `bad_publishable_key`, `bad_secret_key`,
    `keys_swapped`, `keys_of_two_modes`, `keys_of_two_accounts`, `other_account`, `webhook_refused`,
    `gateway_unreachable`.
    """
    forbid_open_transaction()
    publishable_key, secret_key = publishable_key.strip(), secret_key.strip()
    _check_shape(publishable_key, secret_key)
    gateway = StripeGateway(secret_key)
    attempt = f"{tenant_id}-{timezone.now().timestamp()}"
    facts = _try_keys(gateway, publishable_key, attempt)
    with tenant_scope(tenant_id):
        _refuse_to_leave_methods_behind(facts)
        slug = Tenant.objects.get(pk=tenant_id).slug
    endpoint, webhook_secret = _register_webhook(gateway, slug, attempt)
    with tenant_scope(tenant_id):
        _refuse_to_leave_methods_behind(facts)
        account = GatewayAccount.objects.select_for_update().first() or GatewayAccount()
        before = _described(account)
        account.account_id = facts.id
        account.publishable_key, account.secret_key = publishable_key, secret_key
        account.webhook_endpoint_id, account.webhook_secret = endpoint, webhook_secret
        account.tested_at = timezone.now()
        account.save()
        record(
            actor=actor,
            action="gateway_account.connected",
            target=cast(Model, account),
            before=before,
            after=_described(account),
        )
    return account


def _described(account: GatewayAccount) -> dict[str, str]:
    """What the audit log may know of an account."""
    if not account.account_id:
        return {}
    return {
        "account": account.account_id,
        "publishable_key": f"…{account.publishable_key[-4:]}",
        "secret_key": f"…{account.secret_key[-4:]}",
        "webhook": account.webhook_endpoint_id,
    }


def _error(code: str, message: str | Promise, *fields: str) -> GatewayAccountError:
    return GatewayAccountError(code, message, dict.fromkeys(fields, message))


def _check_shape(publishable_key: str, secret_key: str) -> None:
    publishable, secret = _PUBLISHABLE_KEY.fullmatch(publishable_key), _SECRET_KEY.fullmatch(secret_key)
    if _SECRET_KEY.fullmatch(publishable_key):
        message = _(
            "This is a secret key. Put it into the field for the secret key, and the one that begins with pk_ here."
        )
        raise _error("keys_swapped", message, "publishable_key")
    if publishable is None:
        raise _error("bad_publishable_key", _("A publishable key begins with pk_test_ or pk_live_."), "publishable_key")
    if secret is None:
        message = _("A secret key begins with sk_test_ or sk_live_; a restricted one with rk_test_ or rk_live_.")
        raise _error("bad_secret_key", message, "secret_key")
    if publishable[1] != secret[1]:
        message = _("One key is for tests and the other for real payments. Give two keys of one kind.")
        raise _error("keys_of_two_modes", message, "publishable_key", "secret_key")


def _try_keys(gateway: StripeGateway, publishable_key: str, attempt: str) -> AccountFacts:
    try:
        facts = gateway.read_account()
        together = gateway.accepts_publishable_key(publishable_key, key=f"keys-{attempt}")
    except BadKeys as error:
        message = _("The gateway does not accept this secret key, or the key lacks the rights that we need.")
        raise _error("bad_secret_key", message, "secret_key") from error
    except GatewayError as error:
        raise GatewayAccountError("gateway_unreachable", error.message) from error
    if not together:
        message = _("This publishable key does not belong to the same account as the secret key.")
        raise _error("keys_of_two_accounts", message, "publishable_key")
    return facts


def _refuse_to_leave_methods_behind(facts: AccountFacts) -> None:
    """Payment methods live in the account that they were saved in; no other account can charge them."""
    account = GatewayAccount.objects.first()
    if account is None or account.account_id == facts.id:
        return
    if PaymentProfile.objects.exists() or GatewayCustomer.objects.exists():
        message = _(
            "Your customers' payment methods are saved in another account of the gateway. Give that account's keys."
        )
        raise _error("other_account", message, "secret_key")


def _register_webhook(gateway: StripeGateway, slug: str, attempt: str) -> tuple[str, str]:
    url = urljoin(f"{settings.STRIPE_WEBHOOK_BASE_URL}/", reverse("payments:stripe_webhook", args=[slug]).lstrip("/"))
    try:
        return gateway.register_webhook(url=url, event_types=handled_types(), key=f"webhook-{attempt}")
    except (BadKeys, Refused) as error:
        message = _("The gateway refused to send its events to %(url)s: %(words)s")
        raise GatewayAccountError(
            "webhook_refused", message % {"url": url, "words": Truncator(error.gateway_message).chars(200)}
        ) from error
    except GatewayError as error:
        raise GatewayAccountError("gateway_unreachable", error.message) from error
