import time
from typing import Any

import pytest
from django.test import Client

from backoffice.words import actor_words
from messaging.models import Message
from portal.sign_in import views
from tenants.models import AuditEntry, Role, Tenant
from tenants.scope import tenant_scope
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def in_no_hurry_to_hide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "ANSWER_SECONDS", 0.0)


@pytest.fixture
def tenant() -> Tenant:
    tenant = factories.TenantFactory(slug="acme", name="Acme Press", care_phone="+14165550100", language="en")
    with tenant_scope(tenant.pk):
        factories.CustomerFactory(first_name="Bob", last_name="Tremblay", email="Bob@Example.com")
        factories.MembershipFactory(role=Role.MANAGER, user__email="mia@acme.example", user__language="fr")
        factories.MembershipFactory(role=Role.AGENT, user__email="ann@acme.example")
    return tenant


def requests(tenant: Tenant) -> list[str]:
    with tenant_scope(tenant.pk):
        return [message.to for message in Message.objects.filter(template="link_requested")]


def test_shows_whom_to_ask(client: Client, tenant: Tenant) -> None:
    page = client.get("/portal/acme/sign-in/new-link/").content.decode()
    assert "Acme Press" in page
    assert "+1 416-555-0100" in page
    assert client.get("/portal/nowhere/sign-in/new-link/").status_code == 404


def test_a_customers_request_reaches_the_managers_once(client: Client, tenant: Tenant) -> None:
    for _time in range(3):
        assert client.post("/portal/acme/sign-in/new-link/", {"email": " bob@example.COM "}).status_code == 200
    assert requests(tenant) == ["mia@acme.example"]
    with tenant_scope(tenant.pk):
        entry = AuditEntry.objects.get(action="invitation.link_requested")
    assert actor_words(entry.actor_kind, entry.actor_label) == "Somebody on the sign-in page"
    assert entry.ip == "127.0.0.1"


def test_the_answer_is_the_same_for_strangers(client: Client, tenant: Tenant) -> None:
    known = client.post("/portal/acme/sign-in/new-link/", {"email": "bob@example.com"})
    stranger = client.post("/portal/acme/sign-in/new-link/", {"email": "eve@example.com"})

    def words(response: Any) -> str:
        return response.content.decode().split("<main")[1].split("</main>")[0]

    assert words(known) == words(stranger)
    assert (known.status_code, stranger.status_code) == (200, 200)


def test_the_time_that_an_answer_takes_does_not_tell_who_is_known(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ANSWER_SECONDS", 0.5)
    for email in ("bob@example.com", "eve@example.com"):
        started = time.monotonic()
        client.post("/portal/acme/sign-in/new-link/", {"email": email})
        assert time.monotonic() - started >= 0.5


def test_a_slip_of_the_keyboard_is_told_and_kept(client: Client, tenant: Tenant) -> None:
    response = client.post("/portal/acme/sign-in/new-link/", {"email": "bob@"})
    assert response.status_code == 422
    assert 'value="bob@"' in response.content.decode()


def test_one_subscribers_many_addresses_count_as_one(client: Client, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        for number in range(15):
            factories.CustomerFactory(email=f"neighbour{number}@example.com")
    for number in range(15):
        client.post(
            "/portal/acme/sign-in/new-link/",
            {"email": f"neighbour{number}@example.com"},
            REMOTE_ADDR=f"2001:db8::{number:x}",
        )
    assert len(requests(tenant)) == 10


def test_one_address_cannot_ask_for_everybody(client: Client, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        for number in range(15):
            factories.CustomerFactory(email=f"customer{number}@example.com")
    for number in range(15):
        assert (
            client.post("/portal/acme/sign-in/new-link/", {"email": f"customer{number}@example.com"}).status_code == 200
        )
    assert len(requests(tenant)) == 10
