"""Paying one invoice on a phone: by the card on file, with the bank's confirmation, by another card."""

from typing import Any

from playwright.sync_api import Page, expect

from customers.models import Customer
from subscriptions.invoicing import bill_purchase
from subscriptions.models import Invoice, InvoiceState, PaidThrough
from subscriptions.pay_links import pay_link
from tests.accessibility import assert_accessible
from tests.payment_fields import enter_card
from tests.portal.conftest import OpenPage
from tests.portal.shop import (
    ACTOR,
    DECLINED,
    MASTERCARD,
    NEEDS_3DS,
    bank,
    charges,
    live_world,
    price,
    save,
    shoot,
    visa,
    world,
)
from tests.processes import wait_until
from tests.propagation.conftest import World

__all__ = ["live_world", "world"]
PAID = "Paid, thank you"


def bill(world: World, bob: Customer) -> str:
    """A purchase of 49.00 CAD that is due; the link's path."""
    product = price(world, "Atlas", "Atlas illustré", interval="one_time", amount_minor=4900)
    with world.scope():
        invoice = bill_purchase(actor=ACTOR, customer=bob, price=product)
        return "/portal/" + pay_link(Invoice.objects.get(pk=invoice.pk)).partition("/portal/")[2]


def visitor(signed_in_page: OpenPage) -> Page:
    return signed_in_page(as_customer=None)


def invoice_of(world: World) -> Any:
    with world.scope():
        return Invoice.objects.get()


def expect_paid(page: Page) -> None:
    expect(page.get_by_role("heading", name=PAID)).to_be_visible()


def test_pays_with_the_card_on_file(world: World, bob: Customer, signed_in_page: OpenPage) -> None:
    visa(world, bob)
    page = visitor(signed_in_page)
    link = bill(world, bob)
    page.goto(link)
    assert link.rpartition("/")[2] not in page.url
    page.get_by_role("button", name="Pay now with Visa •••• 4242").click()
    expect_paid(page)
    assert_accessible(page)
    page.reload()
    expect_paid(page)
    assert [charge["amount"] for charge in charges(world)] == [4900]


def test_a_decline_then_a_good_card(world: World, bob: Customer, signed_in_page: OpenPage) -> None:
    page = visitor(signed_in_page)
    page.goto(bill(world, bob))
    page.get_by_role("link", name="Enter a payment method and pay").click()
    enter_card(page, DECLINED)
    save(page)
    expect(page.locator("[data-payment-error]")).to_contain_text("The card was declined.")
    assert charges(world) == []
    enter_card(page, MASTERCARD)
    shoot(page, "pay-card-declined")
    save(page)
    expect_paid(page)
    assert invoice_of(world).paid_through == PaidThrough.PAY_PAGE
    assert len(charges(world)) == 1


def wants_confirmation(world: World, bob: Customer, page: Page) -> None:
    """Up to the page that asks for the bank's confirmation."""
    world.card(bob, "pm_3ds", number=NEEDS_3DS, default=True)
    page.goto(bill(world, bob))
    page.get_by_role("button", name="Pay now with").click()
    expect(page.get_by_text("Your bank wants you to confirm this payment")).to_be_visible()
    assert_accessible(page)
    shoot(page, "pay-confirm")


def test_the_bank_confirms(world: World, bob: Customer, signed_in_page: OpenPage) -> None:
    page = visitor(signed_in_page)
    wants_confirmation(world, bob, page)
    page.get_by_role("button", name="Confirm with your bank").click()
    bank(page).locator("button.complete").click()
    expect_paid(page)
    assert invoice_of(world).state == InvoiceState.PAID
    assert len(charges(world)) == 1


def test_the_bank_confirms_after_a_sign_in_in_another_tab(
    world: World, bob: Customer, signed_in_page: OpenPage
) -> None:
    page = visitor(signed_in_page)
    wants_confirmation(world, bob, page)
    page.context.clear_cookies(name="csrftoken")
    beside = page.context.new_page()
    beside.goto(f"/portal/{world.tenant.slug}/sign-in/")
    assert "csrftoken" in {cookie["name"] for cookie in page.context.cookies()}
    page.get_by_role("button", name="Confirm with your bank").click()
    bank(page).locator("button.complete").click()
    expect_paid(page)


def test_nothing_offers_a_confirmation_that_the_page_cannot_carry_out(
    world: World, bob: Customer, signed_in_page: OpenPage
) -> None:
    world.card(bob, "pm_3ds", number=NEEDS_3DS, default=True)
    page = signed_in_page(as_customer=None, javascript=False)
    page.goto(bill(world, bob))
    page.get_by_role("button", name="Pay now with").click()
    expect(page.get_by_role("button", name="Confirm with your bank")).to_be_disabled()


def test_a_confirmation_that_fails_charges_nothing_and_can_be_repeated(
    world: World, bob: Customer, signed_in_page: OpenPage
) -> None:
    page = visitor(signed_in_page)
    wants_confirmation(world, bob, page)
    page.get_by_role("button", name="Confirm with your bank").click()
    bank(page).locator("button.fail").click()
    expect(page.get_by_text("The bank could not confirm the payment.")).to_be_visible()
    shoot(page, "pay-confirm-failed")
    assert charges(world) == []
    assert invoice_of(world).state == InvoiceState.OPEN
    page.get_by_role("button", name="Confirm with your bank").click()
    bank(page).locator("button.complete").click()
    expect_paid(page)
    assert len(charges(world)) == 1


def test_a_link_that_does_not_work_is_for_everybody(world: World, signed_in_page: OpenPage) -> None:
    page = visitor(signed_in_page)
    page.goto("/portal/acme/pay/nothing")
    expect(page.get_by_role("heading", name="This link is not valid")).to_be_visible()
    assert_accessible(page)
    shoot(page, "pay-no")


def test_a_browser_that_closes_after_the_banks_yes_has_paid(
    live_world: World, bob: Customer, signed_in_page: OpenPage
) -> None:
    page = visitor(signed_in_page)
    page.route("**/complete/", lambda route: route.abort())
    page.goto(bill(live_world, bob))
    page.get_by_role("link", name="Enter a payment method and pay").click()
    enter_card(page, MASTERCARD)
    with page.expect_request("**/complete/"):
        save(page)
    page.close()
    wait_until(lambda: invoice_of(live_world).state == InvoiceState.PAID, what="the invoice to be paid")
    assert len(charges(live_world)) == 1
