from uuid import UUID

import pytest
from django.db import transaction
from pytest_django import Settings

from payments.errors import GatewayAccountError
from payments.gateway.accounts import connect_account, gateway_for
from payments.gateway.errors import BadKeys
from payments.models import GatewayAccount
from tenants.actors import Actor
from tenants.models import AuditEntry
from tenants.scope import OpenTransaction, tenant_scope
from tests.factories import PaymentProfileFactory, TenantFactory
from tests.payments.shelf import Shelf

ALICE = Actor.system("alice")


@pytest.fixture
def tenant_id(transactional_db: None) -> UUID:
    return TenantFactory(slug="acme").pk


def connect(tenant_id: UUID, shelf: Shelf, **keys: str) -> GatewayAccount:
    both = {"publishable_key": shelf.account["publishable_key"], "secret_key": shelf.account["secret_key"]} | keys
    return connect_account(tenant_id=tenant_id, actor=ALICE, **both)


def refusal(tenant_id: UUID, shelf: Shelf, **keys: str) -> GatewayAccountError:
    with pytest.raises(GatewayAccountError) as caught:
        connect(tenant_id, shelf, **keys)
    with tenant_scope(tenant_id):
        assert not GatewayAccount.objects.exists()
    return caught.value


def test_connects_an_account_and_asks_for_its_events(tenant_id: UUID, shelf: Shelf, settings: Settings) -> None:
    account = connect(tenant_id, shelf, secret_key=f"  {shelf.account['secret_key']}\n")
    assert account.account_id == shelf.account["id"]
    (endpoint,) = shelf.objects("webhook_endpoint")
    assert endpoint["url"] == f"{settings.STRIPE_WEBHOOK_BASE_URL}/webhooks/stripe/acme/"
    wanted = {"payment_method.detached", "setup_intent.setup_failed", "customer.subscription.updated", "invoice.paid"}
    assert wanted <= set(endpoint["enabled_events"])
    assert gateway_for(tenant_id).read_account().id == account.account_id


def test_secrets_are_encrypted_at_rest_and_absent_from_the_audit_log(tenant_id: UUID, shelf: Shelf) -> None:
    from django.db import connection

    secret = shelf.account["secret_key"]
    account = connect(tenant_id, shelf)
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT secret_key, webhook_secret FROM payments_gatewayaccount")
        stored = " ".join(cursor.fetchone())
        entry = AuditEntry.objects.get(action="gateway_account.connected")
    assert secret not in stored
    assert account.webhook_secret not in stored
    assert secret not in repr((entry.before, entry.after))
    assert entry.after["secret_key"] == f"…{secret[-4:]}"


def test_connecting_again_replaces_keys_and_webhook(tenant_id: UUID, shelf: Shelf) -> None:
    first = connect(tenant_id, shelf)
    other_key = shelf.sandbox.create_account("acme", secret_key="sk_test_rotated_key")["secret_key"]
    second = connect(tenant_id, shelf, secret_key="sk_test_rotated_key")
    assert other_key
    assert (second.pk, second.secret_key) == (first.pk, "sk_test_rotated_key")
    assert [endpoint["id"] for endpoint in shelf.objects("webhook_endpoint")] == [second.webhook_endpoint_id]


@pytest.mark.parametrize(
    ("keys", "code", "field"),
    [
        ({"publishable_key": "sk_test_other_key"}, "keys_swapped", "publishable_key"),
        ({"publishable_key": "nonsense"}, "bad_publishable_key", "publishable_key"),
        ({"publishable_key": "pk_test_\u00e9t\u00e9\n"}, "bad_publishable_key", "publishable_key"),
        ({"secret_key": "pk_test_other_key"}, "bad_secret_key", "secret_key"),
        ({"secret_key": ""}, "bad_secret_key", "secret_key"),
        ({"secret_key": "sk_live_other_key"}, "keys_of_two_modes", "secret_key"),
        ({"secret_key": "sk_test_wrong"}, "bad_secret_key", "secret_key"),
        ({"publishable_key": "pk_test_someone_elses"}, "keys_of_two_accounts", "publishable_key"),
    ],
)
def test_says_which_key_is_wrong_and_keeps_none(
    tenant_id: UUID, shelf: Shelf, keys: dict[str, str], code: str, field: str
) -> None:
    error = refusal(tenant_id, shelf, **keys)
    assert error.code == code
    assert str(error.fields[field])
    assert shelf.objects("webhook_endpoint") == []


def test_says_so_when_the_gateway_does_not_answer(tenant_id: UUID, shelf: Shelf) -> None:
    shelf.sandbox.set_faults({"account": "acme", "kind": "drop_before", "times": 1})
    assert refusal(tenant_id, shelf).code == "gateway_unreachable"


def test_says_so_when_the_gateway_will_not_send_events(tenant_id: UUID, shelf: Shelf, settings: Settings) -> None:
    settings.STRIPE_WEBHOOK_BASE_URL = "ftp://example.com"
    error = refusal(tenant_id, shelf)
    assert error.code == "webhook_refused"
    assert "ftp://example.com" in str(error)


def test_refuses_an_account_that_does_not_have_the_saved_methods(tenant_id: UUID, shelf: Shelf) -> None:
    connect(tenant_id, shelf)
    other = shelf.sandbox.create_account("other")
    keys = {"publishable_key": other["publishable_key"], "secret_key": other["secret_key"]}
    assert connect(tenant_id, shelf, **keys).account_id == other["id"]
    connect(tenant_id, shelf)
    with tenant_scope(tenant_id):
        PaymentProfileFactory()
    with pytest.raises(GatewayAccountError) as caught:
        connect(tenant_id, shelf, **keys)
    assert caught.value.code == "other_account"
    assert gateway_for(tenant_id).read_account().id == shelf.account["id"]


def test_a_tenant_without_an_account_is_told_so(tenant_id: UUID) -> None:
    with pytest.raises(BadKeys) as caught:
        gateway_for(tenant_id)
    assert caught.value.code == "no_gateway_account"
    assert "settings" in str(caught.value.message)


def test_is_never_tried_inside_a_transaction(tenant_id: UUID, shelf: Shelf) -> None:
    with transaction.atomic(), pytest.raises(OpenTransaction):
        connect(tenant_id, shelf)
    assert shelf.sandbox.requests() == []
