"""The customer's way on a phone: from the message to what moved. Browser, sandbox gateway, worker: all real."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from customers.models import Customer
from invitations.models import Invitation, InvitationState
from invitations.services import send_invitation
from payments.gateway.accounts import connect_account
from payments.models import PaymentProfile
from propagation.models import Change, ChangeState
from subscriptions.models import BilledBy, Invoice, InvoiceState, Subscription, SubscriptionState
from tenants.actors import Actor
from tests import factories
from tests.accessibility import assert_accessible
from tests.payment_fields import enter_card
from tests.processes import CeleryWorker, Sandbox, wait_until
from tests.propagation.conftest import World

GOOD, DECLINED, WITHOUT_FUNDS, NEEDS_3DS = (
    "5555555555554444",
    "4000000000000002",
    "4000000000009995",
    "4000002500003155",
)
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
#: Where pictures of every step are kept, for people to look at.
SHOTS = os.environ.get("INVITATION_SHOTS")


@dataclass
class Story:
    """Bob's Visa pays two subscriptions, one of each kind of billing, and one of them is past due."""

    world: World
    bob: Customer
    visa: PaymentProfile | None

    def invite(self, language: str = "en") -> str:
        """Send the invitation; the link as it arrived in Bob's inbox."""
        with self.world.scope():
            send_invitation(
                actor=Actor.system("test"),
                user=None,
                customer=self.bob,
                profile_id=self.visa.pk if self.visa else None,
                lifetime_hours=72,
                channels=["email"],
                email=self.bob.email,
                phone="",
                language=language,
            )
        mail = self.world.sandbox.wait_for_message(to=self.bob.email)
        return next(link for link in mail["links"] if "/i/acme/" in link)

    def invitation(self) -> Invitation:
        with self.world.scope():
            return Invitation.objects.get()

    def wait_until_everything_moved(self) -> Change:
        def finished() -> Change | None:
            with self.world.scope():
                change = Change.objects.first()
            return change if change is not None and change.state == ChangeState.DONE else None

        change = wait_until(finished, what="the change to be done")
        assert change is not None
        return change


@pytest.fixture
def world(
    transactional_db: None, sandbox: Sandbox, live_server: Any, celery_worker_process: CeleryWorker
) -> Iterator[World]:
    tenant = factories.TenantFactory(
        slug="acme",
        name="Northwind Press",
        primary_colour="#0b6e4f",
        time_zone="America/Toronto",
        care_email="care@northwind.example",
        care_phone="+14165550100",
        care_text="Weekdays, 9 to 5",
    )
    account = sandbox.create_account("acme", name="Northwind Press", country="CA")
    connect_account(
        tenant_id=tenant.pk,
        actor=Actor.system("test"),
        publishable_key=account["publishable_key"],
        secret_key=account["secret_key"],
    )
    yield World(tenant, sandbox, "acme")
    celery_worker_process.stop()


@pytest.fixture
def story(world: World) -> Story:
    bob = world.customer("bob")
    with world.scope():
        Customer.objects.filter(pk=bob.pk).update(last_name="Tremblay", email="bob@example.com")
        factories.AddressFactory(customer=bob)
        bob.refresh_from_db()
    visa = world.card(bob, "pm_old", default=True)
    with world.scope():
        PaymentProfile.objects.filter(pk=visa.pk).update(exp_month=12, exp_year=2026)
    ours = world.subscription(bob, visa, state=SubscriptionState.PAST_DUE)
    world.past_due(ours)
    world.subscription(bob, visa, by=BilledBy.GATEWAY)
    return Story(world, bob, visa)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)  # type: ignore[arg-type]
    yield context
    context.close()


@pytest.fixture
def phone(context: BrowserContext) -> Iterator[Page]:
    """A phone's page on which nothing was refused by the policy and no script failed."""
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    assert problems == []


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def save(page: Page) -> None:
    page.locator("[data-payment-save]").click()


def expect_saved(page: Page, words: str = "Your payment method is saved") -> None:
    expect(page.get_by_role("heading", name=words)).to_be_visible()


def bank(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title='3D Secure authentication frame']")


def test_a_card_is_replaced_and_everything_moves(story: Story, phone: Page) -> None:
    link = story.invite()
    phone.goto(link)
    assert link.rpartition("/")[2] not in phone.url
    expect(phone.get_by_role("heading", name="Update your payment method")).to_be_visible()
    expect(phone.get_by_role("button", name="Save and pay CA$19.99")).to_be_visible()
    expect(phone.locator("form[data-state=ready]")).to_be_visible()
    shoot(phone, "form-phone-light")
    enter_card(phone, GOOD)
    save(phone)
    expect_saved(phone)
    shoot(phone, "done-phone-moving")
    expect(phone.get_by_text("Everything has moved to it.")).to_be_visible()
    assert_accessible(phone)
    shoot(phone, "done-phone-light")
    phone.reload()
    expect_saved(phone)
    change = story.wait_until_everything_moved()
    with story.world.scope():
        assert {s.payment_profile_id for s in Subscription.objects.all()} <= {change.new_profile_id, None}
        assert Invoice.objects.get().state == InvoiceState.PAID
        assert PaymentProfile.objects.get(is_default=True).pk == change.new_profile_id
    assert story.world.at_gateway("payment_method", "pm_old")["customer"] is None
    assert story.invitation().state == InvitationState.COMPLETED
    mail = story.world.sandbox.wait_for_message(to="bob@example.com", since=None)
    assert mail


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_is_accessible_to_everybody(story: Story, browser: Browser, scheme: str) -> None:
    link = story.invite()
    for size, viewport in (("phone", PHONE), ("desk", DESK)):
        context = browser.new_context(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(link)
        expect(page.locator("form[data-state=ready]")).to_be_visible()
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shoot(page, f"form-{size}-{scheme}")
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_that_say_no_are_accessible_too(story: Story, browser: Browser, scheme: str) -> None:
    link = story.invite()
    context = browser.new_context(viewport=PHONE, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    with story.world.scope():
        invitation = Invitation.objects.get()
    ends: dict[str, dict[str, Any]] = {
        "expired": {"expires_at": timezone.now() - timedelta(seconds=1)},
        "revoked": {"state": InvitationState.REVOKED},
        "used": {"state": InvitationState.COMPLETED},
    }
    for name, values in ends.items():
        with story.world.scope():
            Invitation.objects.filter(pk=invitation.pk).update(**values)
        page.goto(link)
        assert_accessible(page)
        shoot(page, f"{name}-phone-{scheme}")
    page.get_by_role("button", name="Ask for a new link").click()
    expect(page.get_by_text("Northwind Press has been asked.")).to_be_visible()
    shoot(page, f"asked-phone-{scheme}")
    page.goto(f"{link[:-1]}{'A' if link[-1] != 'A' else 'B'}")
    expect(page.get_by_role("heading", name="This link is not valid")).to_be_visible()
    assert_accessible(page)
    shoot(page, f"unknown-phone-{scheme}")
    page.get_by_role("link", name="Ask for a new link").click()
    expect(page.get_by_label("Your e-mail address")).to_be_visible()
    assert_accessible(page)
    shoot(page, f"portal-phone-{scheme}")
    page.get_by_label("Your e-mail address").fill("bob@example.com")
    page.get_by_role("button", name="Ask for a new link").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    context.close()


def test_the_bank_confirms_by_three_d_secure(story: Story, phone: Page) -> None:
    phone.goto(story.invite())
    enter_card(phone, NEEDS_3DS)
    save(phone)
    bank(phone).locator("button.complete").click()
    expect_saved(phone)
    story.wait_until_everything_moved()


@pytest.mark.parametrize("how", ["fail", "abandon"])
def test_a_confirmation_that_fails_keeps_everything_and_can_be_repeated(story: Story, phone: Page, how: str) -> None:
    phone.goto(story.invite())
    enter_card(phone, NEEDS_3DS)
    phone.get_by_label("Name on the card").fill("Robert Tremblay")
    save(phone)
    if how == "fail":
        bank(phone).locator("button.fail").click()
    else:
        expect(bank(phone).locator("h1")).to_be_visible()
        phone.keyboard.press("Escape")
    expect(phone.locator("[data-payment-error]")).to_contain_text("could not confirm that it was you")
    expect(phone.get_by_label("Name on the card")).to_have_value("Robert Tremblay")
    shoot(phone, f"3ds-{how}-phone")
    assert story.invitation().state == InvitationState.OPENED
    save(phone)
    bank(phone).locator("button.complete").click()
    expect_saved(phone)


def test_a_declined_card_then_a_good_one(story: Story, phone: Page) -> None:
    phone.goto(story.invite())
    enter_card(phone, WITHOUT_FUNDS)
    phone.get_by_label("City").fill("Laval")
    save(phone)
    error = phone.locator("[data-payment-error]")
    expect(error).to_contain_text("There are not enough funds.")
    expect(error).to_be_focused()
    assert_accessible(phone)
    shoot(phone, "declined-phone")
    enter_card(phone, DECLINED)
    save(phone)
    expect(error).to_contain_text("The card was declined.")
    expect(phone.get_by_label("City")).to_have_value("Laval")
    with story.world.scope():
        assert not Change.objects.exists()
    enter_card(phone, GOOD)
    save(phone)
    expect_saved(phone)
    story.wait_until_everything_moved()
    assert story.world.at_gateway("customer", "cus_bob")["address"]["city"] == "Laval"


def test_a_first_method_for_a_customer_without_any(world: World, phone: Page) -> None:
    bob = world.customer("bob")
    story = Story(world, bob, None)
    phone.goto(story.invite())
    expect(phone.get_by_role("heading", name="Add your payment method")).to_be_visible()
    enter_card(phone, GOOD)
    phone.get_by_label("Address", exact=True).fill("1 King St")
    phone.get_by_label("City").fill("Toronto")
    phone.get_by_label("Province").select_option("ON")
    shoot(phone, "first-phone")
    save(phone)
    expect(phone.get_by_label("Postal code")).to_be_focused()
    phone.get_by_label("Postal code").fill("10118")
    save(phone)
    expect(phone.get_by_text("This does not look right; it is written like")).to_be_visible()
    expect(phone.get_by_label("Postal code")).to_be_focused()
    shoot(phone, "wrong-phone")
    phone.get_by_label("Postal code").fill("m5h1a1")
    save(phone)
    expect_saved(phone)
    story.wait_until_everything_moved()
    with world.scope():
        assert PaymentProfile.objects.get().is_default


def test_the_address_follows_the_country_and_loses_nothing(story: Story, phone: Page) -> None:
    phone.goto(story.invite())
    enter_card(phone, GOOD)
    phone.get_by_label("Address", exact=True).fill("350 Fifth Avenue")
    phone.get_by_label("Country").select_option("US")
    expect(phone.get_by_label("ZIP code")).to_be_visible()
    expect(phone.get_by_label("Address", exact=True)).to_have_value("350 Fifth Avenue")
    phone.get_by_label("State").select_option("NY")
    phone.get_by_label("City").fill("New York")
    phone.get_by_label("ZIP code").fill("10118")
    save(phone)
    expect_saved(phone)
    story.wait_until_everything_moved()
    address = story.world.at_gateway("customer", "cus_bob")["address"]
    assert (address["state"], address["postal_code"], address["country"]) == ("NY", "10118", "US")


def test_in_french(story: Story, phone: Page) -> None:
    phone.goto(story.invite("fr"))
    assert phone.locator("html").get_attribute("lang") == "fr"
    expect(phone.get_by_role("heading", name="Mettez à jour votre moyen de paiement")).to_be_visible()
    enter_card(phone, WITHOUT_FUNDS)
    shoot(phone, "form-phone-french")
    save(phone)
    expect(phone.locator("[data-payment-error]")).to_contain_text("provision")
    enter_card(phone, GOOD)
    save(phone)
    expect_saved(phone, "Votre moyen de paiement est enregistré")
    expect(phone.get_by_text("Tout y est rattaché.")).to_be_visible()
    shoot(phone, "done-phone-french")
    phone.get_by_role("button", name="English").click()
    expect_saved(phone)


def test_a_browser_that_closes_after_the_bank_said_yes(story: Story, phone: Page) -> None:
    phone.goto(story.invite())
    phone.route("**/complete/", lambda route: route.abort())
    enter_card(phone, GOOD)
    with phone.expect_request("**/complete/"):
        save(phone)
    phone.close()
    wait_until(lambda: story.invitation().state == InvitationState.COMPLETED, what="the event to finish it")
    change = story.wait_until_everything_moved()
    assert change.source == "invitation"


def test_while_the_gateway_cannot_be_read_the_page_waits_and_then_goes_on(
    story: Story, phone: Page, settings: Any
) -> None:
    phone.goto(story.invite())
    enter_card(phone, GOOD)
    story.world.sandbox.set_faults(
        {"kind": "server_error", "method": "GET", "path": "/v1/setup_intents/*", "stored": False, "probability": 1.0}
    )
    save(phone)
    expect(phone.locator("[data-payment-status]")).to_contain_text("We are finishing")
    shoot(phone, "pending-phone")
    assert "done" not in phone.url
    story.world.sandbox.clear_faults()
    expect_saved(phone)


def test_card_fields_that_cannot_be_loaded_can_be_asked_for_again(story: Story, phone: Page) -> None:
    link = story.invite()
    story.world.sandbox.set_faults({"kind": "drop_before", "path": "/v1/setup_intents", "probability": 1.0})
    phone.goto(link)
    expect(phone.get_by_text("cannot be loaded just now")).to_be_visible()
    shoot(phone, "unavailable-phone")
    story.world.sandbox.clear_faults()
    phone.get_by_role("button", name="Try again").click()
    enter_card(phone, GOOD)
    save(phone)
    expect_saved(phone)


def start_and_confirm(story: Story, page: Page, card: str) -> str:
    """The page's own card entry, confirmed at the gateway without the page; the gateway's id of it."""
    with page.expect_response("**/setup/") as answer:
        page.goto(story.invite())
    setup = answer.value.json()
    story.world.sandbox.http.post(
        f"/v1/setup_intents/{setup['setup_intent']}/confirm",
        data={"client_secret": setup["client_secret"], "payment_method": card},
        headers={"Authorization": f"Bearer {setup['publishable_key']}"},
    )
    return str(setup["setup_intent"])


def test_coming_back_from_a_banks_own_page(story: Story, phone: Page) -> None:
    setup = start_and_confirm(story, phone, "pm_card_mastercard")
    phone.goto(f"{phone.url}?setup_intent={setup}&setup_intent_client_secret=x&redirect_status=succeeded")
    expect_saved(phone)
    assert "setup_intent" not in phone.url


def test_coming_back_from_a_bank_that_said_no(story: Story, phone: Page) -> None:
    setup = start_and_confirm(story, phone, "pm_card_visa_chargeDeclinedInsufficientFunds")
    phone.goto(f"{phone.url}?setup_intent={setup}&setup_intent_client_secret=x&redirect_status=failed")
    expect(phone.locator("form[data-payment-form]")).to_have_attribute("data-state", "ready")
    expect(phone.locator("[data-payment-error]")).to_contain_text("There are not enough funds.")
    assert "setup_intent" not in phone.url
    enter_card(phone, GOOD)
    save(phone)
    expect_saved(phone)
