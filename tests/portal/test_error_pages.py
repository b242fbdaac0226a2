"""Where nothing is, and where something went wrong, a customer still stands before the company that they pay."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from tenants.models import Tenant
from tests.accessibility import assert_accessible
from tests.portal.conftest import DESK, PHONE, OpenPage

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY = "01997f00-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/portal/acme/nonsense/", 404),
        (f"/portal/acme/purchases/{NOBODY}/", 404),
        ("/i/acme/v/nonsense/", 404),
        ("/portal/acme/sign-out/", 405),
        ("/portal/acme/settings/sessions/others/", 405),
    ],
)
def test_an_error_page_is_in_the_companys_look(signed_in: Client, path: str, status: int) -> None:
    answer = signed_in.get(path)
    page = answer.content.decode()
    assert answer.status_code == status
    for words in ("Northwind Press", "care@northwind.example", "--tenant-primary", 'href="/portal/acme/"'):
        assert words in page
    assert 'href="/"' not in page


def test_a_forged_form_is_refused_in_the_companys_look(tenant: Tenant, bob: Customer) -> None:
    answer = Client(enforce_csrf_checks=True).post("/portal/acme/sign-in/", {"email": "bob@example.com"})
    assert answer.status_code == 403
    assert "Northwind Press" in answer.content.decode()


@pytest.mark.parametrize("path", ["/portal/nobody/", "/nonsense/", "/t/acme/nonsense/", "/portal/"])
def test_elsewhere_no_company_is_named(client: Client, tenant: Tenant, path: str) -> None:
    page = client.get(path, follow=True).content.decode()
    assert "Northwind Press" not in page


def test_it_can_be_read_by_everyone(signed_in_page: OpenPage, tmp_path: Path) -> None:
    looks: list[dict[str, Any]] = [{"viewport": PHONE, "scheme": "dark"}, {"viewport": DESK}]
    for look in looks:
        page = signed_in_page(**look)
        page.goto("/portal/acme/nonsense/")
        assert_accessible(page)
        page.get_by_role("link", name="Go to your account").click()
        page.wait_for_url("**/portal/acme/")
