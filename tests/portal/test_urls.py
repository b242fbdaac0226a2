"""Every address of the portal: what strangers get, and what another tenant's customer gets."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from customers.models import Customer
from portal import urls
from tenants.models import Tenant
from tests.factories import TenantFactory
from tests.portal.conftest import client_of

pytestmark = pytest.mark.django_db(transaction=True)
#: Names that anyone may open, each with why.
OPEN = {
    "sign_in", "code", "sign_in_password", "sign_in_confirm", "sign_in_link", "sign_in_choose",  # ways in
    "new_link", "email_link", "email_confirm",  # for those with a link, or without one any more
    "sign_out", "language", "style",
}  # fmt: skip


def patterns(of: list[Any]) -> list[URLPattern]:
    found: list[URLPattern] = []
    for item in of:
        found += patterns(item.url_patterns) if isinstance(item, URLResolver) else [item]
    return found


def guarded() -> list[str]:
    names = {str(pattern.name) for pattern in patterns(urls.urlpatterns)}
    return sorted(name for name in names if name not in OPEN and not name.startswith("pay"))


def url_of(name: str, slug: str) -> str:
    pattern = next(pattern for pattern in patterns(urls.urlpatterns) if pattern.name == name)
    return reverse(f"portal:{name}", args=[slug, *(uuid.uuid4() for _argument in pattern.pattern.converters)])


@pytest.mark.parametrize("name", guarded())
def test_strangers_are_led_to_sign_in(client: Client, tenant: Tenant, name: str) -> None:
    url = url_of(name, "acme")
    for answer in (client.get(url), client.post(url)):
        assert answer.status_code in (302, 405), url
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/portal/acme/sign-in/")


def test_another_tenants_customer_is_a_stranger(tenant: Tenant, bob: Customer) -> None:
    TenantFactory(slug="globex", name="Globex")
    client = client_of(tenant, bob)
    for name in guarded():
        answer = client.get(url_of(name, "globex"))
        assert answer.status_code in (302, 405), name
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/portal/globex/sign-in/"), name


def test_there_is_no_portal_without_a_tenant(client: Client, tenant: Tenant) -> None:
    for pattern in patterns(urls.urlpatterns):
        url = reverse(f"portal:{pattern.name}", args=["nowhere", *(uuid.uuid4() for _a in pattern.pattern.converters)])
        assert client.get(url).status_code in (404, 405), url
