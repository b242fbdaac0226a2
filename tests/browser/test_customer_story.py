"""One customer on a phone, from the first sign-in to another subscription; then staff read on a timeline who did it.

Browser, worker with its beat, sandbox gateway and inbox are real.
"""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from customers.models import Customer
from payments.models import PaymentProfile
from subscriptions.models import BilledBy, Invoice, InvoiceState, Subscription
from tenants.models import Membership, Role, Tenant
from tenants.scope import tenant_scope
from tests.accessibility import assert_accessible
from tests.factories import PASSWORD, MembershipFactory, UserFactory
from tests.page_checks import assert_fits, watch
from tests.payment_fields import enter_card
from tests.portal.conftest import DESK, OpenPage, bob, signed_in_page, tenant
from tests.portal.shop import MASTERCARD, charges, live_world, price, save, shoot, subscribed, visa
from tests.processes import wait_until
from tests.propagation.conftest import World

__all__ = ["bob", "live_world", "signed_in_page", "tenant"]
pytestmark = pytest.mark.django_db(transaction=True)

#: What the timeline then tells, each with what it was about.
DONE_BY_BOB = [
    "Signed in to the portal",
    "Address changed",
    "Payment method added",
    "Cancellation at the end of the period",
    "Cancellation undone",
    "Picture set",
    "Customer edited",
    "Subscribing in the portal begun",
    "Subscribed in the portal",
    "Signed out of the portal",
]


@pytest.fixture(autouse=True)
def uploads_of_its_own(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def a_photo() -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize((900, 700)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def paid_invoices(world: World) -> list[Invoice]:
    with world.scope():
        return list(Invoice.objects.filter(state=InvoiceState.PAID).order_by("number"))


@pytest.fixture
def account(live_world: World, bob: Customer) -> World:
    """Bob pays two subscriptions by his Visa, one that we bill and one that the gateway bills; the first is paid."""
    card = visa(live_world, bob)
    subscribed(live_world, bob)
    live_world.subscription(bob, card, by=BilledBy.GATEWAY)
    price(live_world, "The Long Read", "Le grand récit", interval="year", amount_minor=9900)
    wait_until(lambda: paid_invoices(live_world), what="the first period to be paid")
    return live_world


def test_a_customer_does_it_all_and_staff_see_it(
    account: World, bob: Customer, signed_in_page: OpenPage, browser: Browser, live_server: Any
) -> None:
    page = signed_in_page(as_customer=None)
    problems = watch(page)
    sign_in_by_code(page, account)
    change_address(page, account)
    change_card(page, account, bob)
    cancel_and_undo(page, account)
    download_receipt(page)
    upload_picture(page)
    switch_to_french(page)
    subscribe_in_french(page, account)
    page.get_by_role("button", name="Votre compte").click()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_label("Votre adresse de courriel")).to_be_visible()
    assert [line for line in problems if "status of 422" not in line] == []  # the reason that was missing
    staff_read_it(browser, live_server.url, account.tenant, bob)


def sign_in_by_code(page: Page, world: World) -> None:
    page.goto("/portal/acme/")
    page.get_by_label("Your e-mail address").fill("bob@example.com")
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_role("heading", name="Look in your inbox")).to_be_visible()
    mail = wait_until(
        lambda: [mail for mail in world.sandbox.messages(to="bob@example.com") if "/sign-in/link/" in mail["text"]],
        what="the message with the code",
    )[0]
    page.get_by_label("Code").fill(re.search(r"(?<!\d)(\d{6})(?!\d)", mail["text"])[1])  # type: ignore[index]
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Hello Bob")).to_be_visible()
    shoot(page, "story-1-home")


def change_address(page: Page, world: World) -> None:
    page.get_by_role("link", name="Update my info").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Address", exact=True).fill("12 rue Saint-Paul")
    dialog.get_by_label("City").fill("Québec")
    dialog.get_by_label("Postal code").fill("G1K 3V7")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("12 rue Saint-Paul")).to_be_visible()
    wait_until(
        lambda: (world.at_gateway("customer", "cus_bob")["address"] or {}).get("city") == "Québec",
        what="the address to reach the gateway",
    )


def change_card(page: Page, world: World, bob: Customer) -> None:
    page.get_by_role("link", name="Payment", exact=True).click()
    page.get_by_role("link", name="Update Visa •••• 4242").click()
    enter_card(page, MASTERCARD)
    save(page)
    expect(page.get_by_text("Everything has moved to it.")).to_be_visible()
    shoot(page, "story-2-moved")
    page.get_by_role("link", name="Subscriptions", exact=True).click()
    expect(page.get_by_role("heading", name="Subscriptions", exact=True)).to_be_visible()
    expect(page.get_by_text("4444")).to_have_count(2)
    expect(page.get_by_text("4242")).to_have_count(0)
    shoot(page, "story-3-follow")
    with world.scope():
        new = PaymentProfile.objects.get(is_default=True)
        follower = Subscription.objects.get(billed_by=BilledBy.GATEWAY)
    assert new.last4 == "4444"
    assert world.at_gateway("subscription", follower.gateway_id)["default_payment_method"] == new.gateway_id


def cancel_and_undo(page: Page, world: World) -> None:
    page.get_by_role("link", name="Details Field Notes S-1001").click()
    page.get_by_role("link", name="Cancel subscription").click()
    page.get_by_role("button", name="Cancel subscription").click()
    expect(page.locator("#reason_error")).to_be_visible()
    page.get_by_label("It costs too much").check()
    page.get_by_label("Anything you would like to add").fill("I will miss the maps.")
    page.get_by_role("button", name="Cancel subscription").click()
    expect(page.get_by_text("It is cancelled and stays yours until")).to_be_visible()
    shoot(page, "story-4-cancelled")
    with world.scope():
        ending = Subscription.objects.get(cancel_at_period_end=True)
    assert (ending.cancel_reason, ending.cancel_comment) == ("too_expensive", "I will miss the maps.")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("Your subscription goes on.")).to_be_visible()
    with world.scope():
        assert not Subscription.objects.filter(cancel_at_period_end=True).exists()


def download_receipt(page: Page) -> None:
    page.get_by_role("link", name="Purchases", exact=True).click()
    page.get_by_role("link", name="INV-1001", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download receipt").click()
    content = download.value.path().read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")


def upload_picture(page: Page) -> None:
    page.goto("/portal/acme/settings/")
    photo: Any = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": a_photo()}
    page.get_by_label("Choose a picture").set_input_files(photo)
    page.get_by_role("button", name="Save picture").click()
    picture = page.locator("img.portal-picture-now")
    expect(picture).to_be_visible()
    picture.evaluate("e => e.decode()")  # fails when it is no picture
    shoot(page, "story-5-picture")


def switch_to_french(page: Page) -> None:
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("heading", name="Paramètres")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "fr"
    page.get_by_role("link", name="Aperçu").click()
    shoot(page, "story-6-french")


def subscribe_in_french(page: Page, world: World) -> None:
    taken = len(charges(world))
    page.get_by_role("link", name="Offres", exact=True).click()
    page.get_by_role("link", name=re.compile("S’abonner Le grand récit")).click()
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_label("Ville")).to_have_value("Québec")
    page.get_by_role("button", name="Passer au paiement").click()
    shoot(page, "story-7-pay")
    page.get_by_role("button", name=re.compile(r"Payer 99,00")).click()
    expect(page.get_by_role("heading", name="Vous êtes abonné")).to_be_visible()
    assert_accessible(page)
    shoot(page, "story-8-subscribed")
    assert len(charges(world)) == taken + 1
    assert charges(world)[0]["amount"] == 9900


def staff_read_it(browser: Browser, site: str, tenant: Tenant, bob: Customer) -> None:
    with tenant_scope(tenant.pk):
        alice: Membership = MembershipFactory(user=UserFactory(full_name="Alice Martin"), role=Role.AGENT)
    context = browser.new_context(viewport=DESK, base_url=site)  # type: ignore[arg-type]
    page = context.new_page()
    problems = watch(page)
    page.goto("/accounts/login/")
    page.fill("input[name=login]", alice.user.email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.goto(reverse("backoffice:customer_timeline", args=[tenant.slug, bob.pk]))
    while (older := page.get_by_role("link", name="Show older")).count():
        address = older.get_attribute("href")
        older.click()
        expect(page.locator(f'a[href="{address}"]')).to_have_count(0)
    shoot(page, "story-9-timeline")
    assert_accessible(page)
    assert_fits(page)
    entries = [re.sub(r"\s+", " ", line) for line in page.locator(".timeline-title").all_inner_texts()]
    for sentence in DONE_BY_BOB:
        assert any(line.startswith(f"{sentence} Bob Tremblay, in the portal") for line in entries), (sentence, entries)
    assert problems == []
    context.close()
