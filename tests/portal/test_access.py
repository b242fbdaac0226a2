"""The guard of every portal page: who is let in, in which tenant, and what the browser is told."""

import pytest
from django.test import Client

from customers.models import Customer
from portal.sessions import COOKIE
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, TenantFactory
from tests.portal.conftest import client_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_stranger_is_led_to_the_sign_in_page_and_back(client: Client, tenant: Tenant) -> None:
    assert client.get("/portal/acme/").headers["Location"] == "/portal/acme/sign-in/"
    answer = client.get("/portal/acme/settings/?a=b")
    assert answer.headers["Location"] == "/portal/acme/sign-in/?next=%2Fportal%2Facme%2Fsettings%2F%3Fa%3Db"


def test_a_customer_is_let_in(signed_in: Client) -> None:
    answer = signed_in.get("/portal/acme/")
    assert answer.status_code == 200
    assert "Bob" in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store, private"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_a_session_of_another_tenant_opens_nothing(tenant: Tenant, bob: Customer) -> None:
    TenantFactory(slug="globex", name="Globex")
    thief = Client()
    thief.cookies[COOKIE] = client_of(tenant, bob).cookies[COOKIE].value
    assert thief.get("/portal/acme/").status_code == 200
    assert thief.get("/portal/globex/").status_code == 302


@pytest.mark.parametrize("spoil", [lambda c: c[:-1], lambda c: c.split(".")[0], lambda c: "x", lambda c: "." + c])
def test_a_spoilt_cookie_opens_nothing(tenant: Tenant, bob: Customer, spoil: object) -> None:
    client = client_of(tenant, bob)
    client.cookies[COOKIE] = spoil(client.cookies[COOKIE].value)  # type: ignore[operator]
    assert client.get("/portal/acme/").status_code == 302


def test_two_customers_each_see_themselves(tenant: Tenant, bob: Customer) -> None:
    with tenant_scope(tenant.pk):
        carol = CustomerFactory(first_name="Carol", last_name="Roy")
    assert "Carol" in client_of(tenant, carol).get("/portal/acme/").content.decode()
    assert "Carol" not in client_of(tenant, bob).get("/portal/acme/").content.decode()
