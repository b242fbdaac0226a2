"""The portal's own pages in a real browser: on a phone and at a desk, in light and dark, by keyboard, in French."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from customers.models import Customer
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.accessibility import assert_accessible
from tests.factories import (
    InvoiceFactory,
    InvoiceLineFactory,
    PaymentProfileFactory,
    PriceFactory,
    ProductFactory,
    SubscriptionFactory,
)
from tests.portal.conftest import DESK, PHONE, OpenPage, open_session

pytestmark = pytest.mark.django_db(transaction=True)
#: Where pictures are kept, for people to look at.
SHOTS = os.environ.get("PORTAL_SHOTS")
PAGES = {
    "home": "",
    "details": "details/",
    "settings": "settings/",
    "password": "settings/password/",
    "sessions": "settings/sessions/",
}
OUTSIDE = {
    "sign-in": "sign-in/",
    "sign-in-password": "sign-in/password/",
    "sign-in-link": "sign-in/link/",
    "new-link": "sign-in/new-link/",
    "email-confirm": "sign-in/email/",
}


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.fixture
def with_everything(tenant: Tenant, bob: Customer) -> None:
    """Two subscriptions, a card about to expire, an invoice that is late, a second browser."""
    with tenant_scope(tenant.pk):
        Tenant.objects.filter(pk=tenant.pk).update(portal_shows_social=True)
        card = PaymentProfileFactory(customer=bob, is_default=True, exp_month=12, exp_year=2026)
        for name, amount in (("The Northwind Weekly", 1999), ("Archive", 500)):
            price = PriceFactory(product=ProductFactory(name_en=name, name_fr=f"{name} (fr)"), amount_minor=amount)
            subscription = SubscriptionFactory(customer=bob, price=price, payment_profile=card)
        InvoiceFactory(customer=bob, subscription=subscription, last_error_code="insufficient_funds", attempts=1)
    open_session(tenant, bob, "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1")


@pytest.fixture
def with_long_words(tenant: Tenant, bob: Customer) -> None:
    """Names of sixty characters without a space, large amounts, and an invoice that is late."""
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunte"
    with tenant_scope(tenant.pk):
        Tenant.objects.filter(pk=tenant.pk).update(name=word, care_email=f"{word[:20]}.{word[:40]}@example.com")
        Customer.objects.filter(pk=bob.pk).update(last_name=word, organisation=word)
        product = ProductFactory(name_en=word, name_fr=word)
        for currency, amount in (("JPY", 99_999_999_999), ("KWD", 12_345_678)):
            price = PriceFactory(product=product, amount_minor=amount, currency=currency, is_public=True)
            subscription = SubscriptionFactory(customer=bob, price=price, state="past_due")
            invoice = InvoiceFactory(
                customer=bob, subscription=subscription, total_minor=amount, currency=currency, last_error_code="new"
            )
            InvoiceLineFactory(invoice=invoice, product=product, description_en=word, unit_amount_minor=amount)


def test_long_words_fit_a_phone(with_long_words: None, signed_in_page: OpenPage) -> None:
    page = signed_in_page(viewport=PHONE)
    for name in ("", "subscriptions/", "purchases/", "offers/", "methods/", "settings/", "details/"):
        page.goto(f"/portal/acme/{name}")
        shoot(page, f"long-{name.strip('/') or 'home'}")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
        assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "viewport"), [("phone", PHONE), ("desk", DESK)])
def test_pages_are_accessible(
    with_everything: None, signed_in_page: OpenPage, scheme: str, size: str, viewport: dict[str, int]
) -> None:
    page = signed_in_page(scheme=scheme, viewport=viewport)
    for name, path in PAGES.items():
        page.goto(f"/portal/acme/{path}")
        shoot(page, f"{name}-{size}-{scheme}")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], name
    page.goto("/portal/acme/")
    page.get_by_role("button", name="Your account").click()
    expect(page.get_by_role("link", name="Settings")).to_be_visible()
    shoot(page, f"menu-{size}-{scheme}")
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Update my info").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"dialog-{size}-{scheme}.png")
    assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_before_signing_in_are_accessible(tenant: Tenant, signed_in_page: OpenPage, scheme: str) -> None:
    for size, viewport in (("phone", PHONE), ("desk", DESK)):
        page = signed_in_page(scheme=scheme, viewport=viewport, as_customer=None)
        for name, path in OUTSIDE.items():
            page.goto(f"/portal/acme/{path}")
            shoot(page, f"{name}-{size}-{scheme}")
            assert_accessible(page)
        page.goto("/portal/acme/sign-in/")
        page.fill("input[name=email]", "bob@example.com")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Look in your inbox")).to_be_visible()
        shoot(page, f"code-{size}-{scheme}")
        page.fill("input[name=code]", "12")
        page.keyboard.press("Enter")
        expect(page.get_by_text("The code has six digits.")).to_be_visible()
        assert_accessible(page)
        shoot(page, f"code-wrong-{size}-{scheme}")
