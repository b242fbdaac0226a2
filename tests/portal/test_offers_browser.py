"""Subscribing, and changing how one pays, on a phone; gateway, worker and browser are real."""

import re

from playwright.sync_api import expect

from customers.models import Customer, PortalSession
from payments.models import PaymentProfile
from propagation.models import Change, ChangeState
from subscriptions.models import Invoice, InvoiceState, Subscription, SubscriptionState
from tests.accessibility import assert_accessible
from tests.payment_fields import enter_card
from tests.portal.conftest import OpenPage, portal_url
from tests.portal.shop import (
    DECLINED,
    GOOD,
    MASTERCARD,
    bank,
    charges,
    live_world,
    price,
    save,
    shoot,
    subscribed,
    visa,
    world,
)
from tests.processes import wait_until
from tests.propagation.conftest import World

__all__ = ["live_world", "world"]
SETUP_3DS = "4000002500003155"


def test_subscribes_with_a_first_card(live_world: World, bob: Customer, signed_in_page: OpenPage) -> None:
    price(live_world)
    page = signed_in_page()
    page.goto(portal_url(live_world.tenant, "offers"))
    page.get_by_role("link", name="Subscribe Field Notes per month").click()
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Billing details")).to_be_visible()
    assert_accessible(page)
    shoot(page, "checkout-details")
    page.get_by_label("City").fill("Laval")
    page.get_by_role("button", name="Continue to payment").click()
    expect(page.get_by_role("button", name="Pay CA$24.00")).to_be_visible()
    enter_card(page, DECLINED)
    assert_accessible(page)
    shoot(page, "checkout-payment")
    save(page)
    expect(page.locator("[data-payment-error]")).to_contain_text("The card was declined.")
    enter_card(page, SETUP_3DS)
    save(page)
    bank(page).locator("button.complete").click()
    done = page.get_by_role("heading", name="You are subscribed")
    expect(done.or_(page.get_by_text("One more step"))).to_be_visible()
    shoot(page, "checkout-done")
    assert_accessible(page)
    with live_world.scope():
        assert Subscription.objects.get().state == SubscriptionState.ACTIVE
    page.go_back()
    page.reload()
    with live_world.scope():
        assert Subscription.objects.count() == Invoice.objects.count() == 1


def test_subscribes_with_the_saved_card(world: World, bob: Customer, signed_in_page: OpenPage) -> None:
    visa(world, bob)
    price(world, trial_days=14)
    page = signed_in_page()
    page.goto(portal_url(world.tenant, "offers"))
    page.get_by_role("link", name="Subscribe Field Notes per month").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue to payment").click()
    shoot(page, "checkout-saved")
    assert_accessible(page)
    page.get_by_role("button", name="Start for free").click()
    expect(page.get_by_role("heading", name="You are subscribed")).to_be_visible()
    shoot(page, "checkout-done-trial")
    assert_accessible(page)
    assert charges(world) == []


def test_a_new_card_takes_the_place_of_the_old_and_everything_follows(
    live_world: World, bob: Customer, signed_in_page: OpenPage
) -> None:
    card = visa(live_world, bob)
    late = live_world.past_due(live_world.subscription(bob, card, state=SubscriptionState.PAST_DUE))
    page = signed_in_page()
    page.goto(portal_url(live_world.tenant, "methods"))
    page.get_by_role("link", name="Update Visa •••• 4242").click()
    enter_card(page, MASTERCARD)
    save(page)
    expect(page.get_by_role("heading", name="Your payment method is saved")).to_be_visible()
    expect(page.get_by_text("Everything has moved to it.")).to_be_visible()
    assert_accessible(page)
    shoot(page, "method-change")
    with live_world.scope():
        assert Change.objects.get().state == ChangeState.DONE
        assert Invoice.objects.get(pk=late.pk).state == InvoiceState.PAID
    page.get_by_role("link", name="Payment methods").click()
    expect(page.get_by_role("link", name="Update Mastercard •••• 4444")).to_be_visible()


def test_whoever_is_signed_out_over_the_card_fields_signs_in_beside_them_and_goes_on(
    live_world: World, bob: Customer, signed_in_page: OpenPage
) -> None:
    visa(live_world, bob)
    subscribed(live_world, bob)
    page = signed_in_page()
    page.goto(portal_url(live_world.tenant, "methods"))
    page.get_by_role("link", name="Update Visa •••• 4242").click()
    enter_card(page, MASTERCARD)
    with live_world.scope():
        PortalSession.objects.all().delete()
    save(page)
    expect(page.locator("[data-payment-error]")).to_contain_text("You have been signed out.")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open the sign-in page in a new tab, then go on here.").click()
    beside = opened.value
    beside.get_by_label("Your e-mail address").fill(bob.email)
    beside.get_by_role("button", name="Send me a code").click()
    sent = live_world.sandbox.wait_for_message(to=bob.email)
    beside.get_by_label("Code").fill(re.search(r"(?<!\d)\d{6}(?!\d)", sent["text"])[0])  # type: ignore[index]
    beside.get_by_role("button", name="Sign in").click()
    expect(beside.get_by_role("heading", name="Update your payment method")).to_be_visible()
    beside.close()
    save(page)
    expect(page.get_by_role("heading", name="Your payment method is saved")).to_be_visible()


def test_a_browser_that_closes_after_the_banks_yes_has_subscribed(
    live_world: World, bob: Customer, signed_in_page: OpenPage
) -> None:
    chosen = price(live_world)
    page = signed_in_page()
    page.route("**/complete/", lambda route: route.abort())
    page.goto(portal_url(live_world.tenant, "offer", chosen.pk))
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue to payment").click()
    enter_card(page, GOOD)
    with page.expect_request("**/complete/"):
        save(page)
    page.close()

    def is_paid() -> bool:
        with live_world.scope():
            return Invoice.objects.filter(state=InvoiceState.PAID).exists()

    wait_until(is_paid, what="the subscription to be paid")
    with live_world.scope():
        assert Subscription.objects.count() == 1
        assert PaymentProfile.objects.count() == 1
    assert len(charges(live_world)) == 1
