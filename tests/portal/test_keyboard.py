"""Every page of the portal, found by its url map: for everybody, by keyboard alone, and with nothing failing unseen."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from customers.email_change import ask_email_change
from customers.email_change import make_token as email_token
from customers.models import Customer, PortalSession
from customers.sign_in.codes import make_token as sign_in_token
from customers.sign_in.codes import send_code
from payments.models import PaymentProfile
from payments.profiles import set_backup
from portal import urls
from portal.models import Checkout, CheckoutState
from propagation.services import edit_profile, set_default
from subscriptions.invoicing import bill_purchase
from subscriptions.lifecycle import cancel_subscription, pause_subscription
from subscriptions.models import CreditNote, Invoice, InvoiceState, SubscriptionState
from subscriptions.pay_links import pay_link
from subscriptions.services import mark_invoice_paid
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.accessibility import assert_accessible
from tests.factories import CreditNoteFactory, CustomerFactory, PortalPasswordFactory, TaxRateFactory
from tests.page_checks import assert_dialogs, assert_fits, assert_keyboard, watch
from tests.portal.conftest import DESK, PHONE, OpenPage, client_of, open_session, portal_url
from tests.portal.shop import ACTOR, price, shoot, subscribed, visa, world
from tests.portal.test_urls import OPEN, patterns
from tests.propagation.conftest import World

__all__ = ["world"]

#: What each part of an address may be; a page with a part that is not here has yet to be thought of.
type Parts = dict[str, list[Any]]
FORM_READY = "form[data-state=ready], form[data-state=verifying]"
BOTH_THEMES_AND_SIZES = [("light", "phone"), ("dark", "phone"), ("light", "desk"), ("dark", "desk")]
SIZES = {"phone": PHONE, "desk": DESK}


@pytest.fixture
def parts(world: World, bob: Customer) -> Parts:
    """Bob's account with something of everything, by the names that the url map uses."""
    card = visa(world, bob)
    old = world.card(bob, "pm_old", number="5555555555554444")
    spare = world.card(bob, "pm_spare", number="378282246310005")
    with world.scope():
        Tenant.objects.filter(pk=world.tenant.pk).update(portal_shows_social=True, portal_shows_offers=True)
        PaymentProfile.objects.filter(pk=old.pk).update(brand="mastercard", exp_month=1, exp_year=2025)
        PaymentProfile.objects.filter(pk=spare.pk).update(brand="amex")
        set_backup(actor=ACTOR, profile=PaymentProfile.objects.get(pk=spare.pk), is_backup=True)
        TaxRateFactory(code="gst", name_en="GST", name_fr="TPS", percent=Decimal(5), country="CA")
        TaxRateFactory(code="qst", name_en="QST", name_fr="TVQ", percent=Decimal("9.975"), country="CA", region="QC")
        PortalPasswordFactory(customer=bob)
        ask_email_change(actor=ACTOR, tenant=world.tenant, customer=bob, email="robert@example.com")
        address = card.billing_address
        finished = edit_profile(
            actor=ACTOR, profile=card, holder_name="Robert", exp_month=11, exp_year=2034, address=address
        )
    world.work()
    subscriptions, late_invoice = some_subscriptions(world, bob, card)
    atlas = price(world, "Atlas", "Atlas illustré", interval="one_time", amount_minor=4900)
    yearly = price(world, "The Long Read", "Le grand récit", interval="year", amount_minor=9900, trial_days=14)
    with world.scope():
        paid = bill_purchase(actor=ACTOR, customer=bob, price=atlas, quantity=2)
        mark_invoice_paid(actor=ACTOR, invoice=paid)
        note: CreditNote = CreditNoteFactory(invoice=Invoice.objects.get(pk=paid.pk), customer=bob)
        voided = bill_purchase(actor=ACTOR, customer=bob, price=atlas)
        Invoice.objects.filter(pk=voided.pk).update(state=InvoiceState.VOID)
        begun = Checkout.objects.create(customer=bob, price=yearly)
        bought = Checkout.objects.create(
            customer=bob, price=yearly, state=CheckoutState.DONE, subscription=subscriptions[0], invoice_id=paid.pk
        )
        running = set_default(actor=ACTOR, profile=PaymentProfile.objects.get(pk=spare.pk))
    other_browser = open_session(world.tenant, bob, "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)")[0]
    return {
        "profile_id": [card.pk, old.pk, spare.pk],
        "subscription_id": [subscription.pk for subscription in subscriptions],
        "invoice_id": [late_invoice.pk, paid.pk, voided.pk],
        "price_id": [yearly.pk, atlas.pk],
        "checkout_id": [begun.pk, bought.pk],
        "change_id": [finished.pk, running.pk],
        "note_id": [note.pk],
        "session_id": [other_browser.pk],
    }


def some_subscriptions(world: World, bob: Customer, card: PaymentProfile) -> tuple[list[Any], Invoice]:
    """One that runs, one that ends, one that pauses, one that is late, and what is late about it."""
    running, ending, paused = (subscribed(world, bob, payment_profile=card, quantity=n) for n in (1, 2, 3))
    late = world.subscription(bob, card, state=SubscriptionState.PAST_DUE)
    invoice = world.past_due(late, last_error_code="insufficient_funds")
    with world.scope():
        cancel_subscription(actor=ACTOR, subscription=ending, at_period_end=True)
        pause_subscription(actor=ACTOR, subscription=paused)
    return [running, ending, paused, late], invoice


def addresses(tenant: Tenant, parts: Parts) -> Iterator[str]:
    """Every address of the url map that a signed-in customer may ask for, each of its parts in turn."""
    for pattern in patterns(urls.urlpatterns):
        name, needed = str(pattern.name), list(pattern.pattern.converters)
        if name in OPEN or name == "pay_link":
            continue
        for values in zip(*(parts[part] for part in needed), strict=True) if needed else [()]:
            yield reverse(f"portal:{name}", args=[tenant.slug, *values])


def pages(tenant: Tenant, bob: Customer, parts: Parts) -> list[str]:
    """Those of the addresses at which there is a page: no form's target, file, or piece of a page."""
    client = client_of(tenant, bob)
    found = []
    for address in addresses(tenant, parts):
        answer = client.get(address)
        assert answer.status_code in (200, 204, 302, 404, 405), f"{address} answers {answer.status_code}"
        is_html = answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming
        if answer.status_code == 200 and is_html and b"<html" in answer.content:
            found.append(address)
    return found


def settle(page: Page) -> None:
    """Until the card fields, if there are any, are there."""
    if page.locator("form[data-payment-form]").count():
        expect(page.locator(FORM_READY)).to_be_visible()


def shot_name(address: str, parts: Parts) -> str:
    for name, values in parts.items():
        for number, value in enumerate(values):
            address = address.replace(str(value), f"{name.removesuffix('_id')}{number}")
    return "walk-" + re.sub(r"\W+", "-", address.removeprefix("/portal/acme/")).strip("-")


def check(page: Page) -> None:
    assert_accessible(page)
    assert_fits(page)
    assert_keyboard(page)


#: Names that anyone may open and that are no pages.
NO_PAGES = {"sign_out", "language", "style"}
#: Fewer than these were found when this was written; a walk that finds next to nothing checks nothing.
PAGES_AT_LEAST = 40


@pytest.mark.parametrize(("scheme", "size"), BOTH_THEMES_AND_SIZES)
def test_every_page_is_for_everybody(
    world: World, bob: Customer, parts: Parts, signed_in_page: OpenPage, scheme: str, size: str
) -> None:
    page = signed_in_page(scheme=scheme, viewport=SIZES[size])
    problems = watch(page)
    found = pages(world.tenant, bob, parts)
    assert len(found) >= PAGES_AT_LEAST, found
    for address in found:
        page.goto(address)
        settle(page)
        shoot(page, f"{shot_name(address, parts)}-{size}-{scheme}")
        assert_accessible(page)
        assert_fits(page)
    assert problems == []


@pytest.mark.parametrize(("scheme", "size"), [("light", "phone"), ("dark", "desk")])
def test_every_page_by_keyboard_alone(
    world: World, bob: Customer, parts: Parts, signed_in_page: OpenPage, scheme: str, size: str
) -> None:
    page = signed_in_page(scheme=scheme, viewport=SIZES[size])
    opened = 0
    for address in pages(world.tenant, bob, parts):
        page.goto(address)
        settle(page)
        assert_keyboard(page)
        page.reload()
        settle(page)
        opened += assert_dialogs(page)
    assert opened >= PAGES_AT_LEAST  # most pages have the account menu at least


def test_every_page_in_french(world: World, bob: Customer, parts: Parts, signed_in_page: OpenPage) -> None:
    with world.scope():
        Customer.objects.filter(pk=bob.pk).update(language="fr")
    page = signed_in_page()
    problems = watch(page)
    for address in pages(world.tenant, bob, parts):
        page.goto(address)
        settle(page)
        assert page.locator("html").get_attribute("lang") == "fr"
        shoot(page, f"{shot_name(address, parts)}-french")
        assert_fits(page)
    assert problems == []


@pytest.mark.parametrize(("scheme", "size"), BOTH_THEMES_AND_SIZES)
def test_every_page_before_signing_in_is_for_everybody(
    world: World, bob: Customer, signed_in_page: OpenPage, scheme: str, size: str
) -> None:
    tenant = world.tenant
    links = links_by_mail(world, bob)
    page = signed_in_page(scheme=scheme, viewport=SIZES[size], as_customer=None)
    problems = watch(page)
    seen: set[str] = set()
    for name in (*sorted(OPEN - NO_PAGES - links.keys()), *links):
        page.context.clear_cookies()
        page.goto(links.get(name) or portal_url(tenant, name))
        seen.add(page.url)
        shoot(page, f"outside-{name}-{size}-{scheme}")
        check(page)
    page.goto(portal_url(tenant, "sign_in"))
    page.get_by_label("Your e-mail address").fill(bob.email)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look in your inbox")).to_be_visible()
    check(page)
    assert len(seen) >= 6, seen
    assert [line for line in problems if "status of 410" not in line] == []  # links that have ended say so


def links_by_mail(world: World, bob: Customer) -> dict[str, str]:
    """What Bob's messages lead to, by the name of the address."""
    tenant = world.tenant
    atlas = price(world, "Atlas", "Atlas illustré", interval="one_time", amount_minor=4900)
    with tenant_scope(tenant.pk):
        code = send_code(tenant=tenant, email=bob.email, ip=None)
        change = ask_email_change(actor=ACTOR, tenant=tenant, customer=bob, email="robert@example.com")
        invoice = bill_purchase(actor=ACTOR, customer=bob, price=atlas)
        to_pay = pay_link(Invoice.objects.get(pk=invoice.pk)).partition("/portal/")[2]
    return {
        "sign_in_link": portal_url(tenant, "sign_in_link", sign_in_token(code)),
        "email_link": portal_url(tenant, "email_link", email_token(change)),
        "pay_link": f"/portal/{to_pay}",
    }


@pytest.mark.parametrize("size", SIZES)
def test_a_choice_of_accounts_is_made_by_keyboard(
    world: World, bob: Customer, signed_in_page: OpenPage, size: str
) -> None:
    with world.scope():
        CustomerFactory(first_name="Bobby", last_name="Tremblay", organisation="Tremblay & Fils", email=bob.email)
        code = send_code(tenant=world.tenant, email=bob.email, ip=None)
    page = signed_in_page(viewport=SIZES[size], as_customer=None)
    page.goto(portal_url(world.tenant, "sign_in_link", sign_in_token(code)))
    page.get_by_role("button", name="Sign in").press("Enter")
    expect(page.get_by_role("heading", name="Which account?")).to_be_visible()
    shoot(page, f"outside-choose-{size}")
    check(page)
    page.get_by_role("button", name="Bobby Tremblay").press("Enter")
    expect(page.get_by_role("heading", name="Hello Bobby")).to_be_visible()
    with world.scope():
        assert PortalSession.objects.get().customer.first_name == "Bobby"
