"""Every page of the back office, found by its url map: it fits a phone, and nothing on it fails unseen."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from backoffice.urls import urlpatterns
from customers.models import Customer
from payments.models import GatewayAccount, PaymentProfile
from subscriptions.models import Price, Product
from tenants.models import Role, Tenant, User
from tenants.scope import tenant_scope
from tests.accessibility import assert_accessible
from tests.backoffice.conftest import Office, join, make_office
from tests.backoffice.test_urls import arguments, kwargs_of
from tests.factories import PASSWORD, GatewayCustomerFactory, InvoiceLineFactory
from tests.page_checks import assert_dialogs, assert_fits, assert_keyboard, watch
from tests.processes import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
#: Where pictures are kept, for people to look at.
SHOTS = os.environ.get("OFFICE_SHOTS")
#: Fewer than these were found when this was written; a walk that finds next to nothing checks nothing.
PAGES_AT_LEAST = 45


@pytest.fixture
def office(transactional_db: None, sandbox: Sandbox) -> Office:
    """With an account at the sandbox, so that its fields for a card are there."""
    made = make_office("acme", "Acme")
    account = sandbox.create_account("acme")
    sandbox.seed(account="acme", customers=[{"id": "cus_bob", "name": made.customer.name}])
    with tenant_scope(made.tenant.pk):
        GatewayCustomerFactory(customer=made.customer, gateway_id="cus_bob")
        connected = GatewayAccount.objects.get()
        connected.account_id, connected.publishable_key = account["id"], account["publishable_key"]
        connected.secret_key = account["secret_key"]
        connected.save()
    return made


@pytest.fixture
def alice(office: Office) -> User:
    return join(office, Role.OWNER)


def pages(office: Office, alice: User) -> dict[str, str]:
    """The addresses at which there is a page, by their names: no form's target, file, or piece of a page."""
    client = Client()
    client.force_login(alice)
    found = {}
    for name, ids, _view in arguments(urlpatterns):
        address = office.url(name, **kwargs_of(name, ids, office))
        answer = client.get(address)
        assert answer.status_code < 500, f"{address} answers {answer.status_code}"
        is_html = answer.headers.get("Content-Type", "").startswith("text/html")
        is_framed = answer.headers.get("X-Frame-Options") == "SAMEORIGIN"  # a mail as it will look, without scripts
        is_page = answer.status_code == 200 and is_html and not is_framed and not answer.streaming
        if is_page and b"<html" in answer.content:
            found[name] = address
    return found


def signed_in(browser: Browser, site: str, alice: User, scheme: str, viewport: dict[str, int]) -> Page:
    context = browser.new_context(color_scheme=scheme, viewport=viewport, base_url=site)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("input[name=login]", alice.email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.wait_for_load_state()
    return page


@pytest.mark.parametrize(
    ("scheme", "size", "viewport"), [("light", "phone", PHONE), ("dark", "desk", DESK)], ids=["phone", "desk"]
)
def test_every_page_is_for_everybody(
    office: Office, alice: User, browser: Browser, live_server: Any, scheme: str, size: str, viewport: dict[str, int]
) -> None:
    page = signed_in(browser, live_server.url, alice, scheme, viewport)
    problems = watch(page)
    found = pages(office, alice)
    assert len(found) >= PAGES_AT_LEAST, sorted(found)
    for name, address in found.items():
        page.goto(address)
        if page.locator("form[data-payment-form]").count():
            expect(page.locator("form[data-state=ready]")).to_be_visible()
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"office-{name}-{size}.png", full_page=True)
        assert_accessible(page)
        assert_fits(page)
        assert_keyboard(page)
    assert problems == []
    page.context.close()


def test_long_words_fit_a_phone(office: Office, alice: User, browser: Browser, live_server: Any) -> None:
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunte"
    with tenant_scope(office.tenant.pk):
        Tenant.objects.filter(pk=office.tenant.pk).update(name=word)
        Customer.objects.update(last_name=word, organisation=word, reference="9" * 60, email=f"{word[:64]}@example.com")
        Product.objects.update(name_en=word, name_fr=word)
        Price.objects.update(amount_minor=99_999_999_999, currency="JPY")
        PaymentProfile.objects.update(holder_name=word)
        InvoiceLineFactory(invoice=office.invoice, description_en=word)
    page = signed_in(browser, live_server.url, alice, "light", PHONE)
    found = pages(office, alice)
    for name in ("customer", "subscription", "subscriptions", "invoice", "invoices", "product", "balance", "sell"):
        page.goto(found[name])
        assert_fits(page)
    page.context.close()


def test_what_opens_closes_again(office: Office, alice: User, browser: Browser, live_server: Any) -> None:
    page = signed_in(browser, live_server.url, alice, "light", DESK)
    problems = watch(page)
    opened = 0
    for address in pages(office, alice).values():
        page.goto(address)
        opened += assert_dialogs(page)
    assert opened >= 2  # of the team and of taxes; menus are Tabler's, with their own keys
    assert problems == []
    page.context.close()
