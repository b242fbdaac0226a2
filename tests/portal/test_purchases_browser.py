"""Cancelling, papers and paying, as a customer does them: by keyboard, and without JavaScript."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from customers.models import Customer
from payments.models import PaymentProfile
from payments.profiles import set_backup
from subscriptions.invoicing import bill_purchase
from subscriptions.lifecycle import cancel_subscription
from subscriptions.models import Invoice, SubscriptionState
from subscriptions.services import mark_invoice_paid
from tests.factories import CreditNoteFactory, TaxRateFactory
from tests.portal.conftest import OpenPage, portal_url
from tests.portal.shop import ACTOR, price, subscribed, visa, world
from tests.propagation.conftest import World

__all__ = ["world"]


@pytest.fixture
def pages(world: World, bob: Customer) -> dict[str, str]:
    """Bob's account with something of everything; addresses by name."""
    card = visa(world, bob)
    old = world.card(bob, "pm_old", number="5555555555554444")
    spare = world.card(bob, "pm_spare", number="378282246310005")
    with world.scope():
        PaymentProfile.objects.filter(pk=old.pk).update(brand="mastercard", exp_month=1, exp_year=2025)
        PaymentProfile.objects.filter(pk=spare.pk).update(brand="amex")
        set_backup(actor=ACTOR, profile=PaymentProfile.objects.get(pk=spare.pk), is_backup=True)
        TaxRateFactory(code="gst", name_en="GST", name_fr="TPS", percent=Decimal(5), country="CA")
        TaxRateFactory(code="qst", name_en="QST", name_fr="TVQ", percent=Decimal("9.975"), country="CA", region="QC")
    ending, running = subscribed(world, bob), subscribed(world, bob, payment_profile=card, quantity=3)
    late = world.subscription(bob, card, state=SubscriptionState.PAST_DUE)
    open_one = world.past_due(late, last_error_code="insufficient_funds")
    atlas = price(world, "Atlas", "Atlas illustré", interval="one_time", amount_minor=4900)
    yearly = price(world, "The Long Read", "Le grand récit", interval="year", amount_minor=9900, trial_days=14)
    with world.scope():
        cancel_subscription(actor=ACTOR, subscription=ending, at_period_end=True)
        paid = bill_purchase(actor=ACTOR, customer=bob, price=atlas, quantity=2)
        mark_invoice_paid(actor=ACTOR, invoice=paid)
        CreditNoteFactory(invoice=Invoice.objects.get(pk=paid.pk), customer=bob)
        world_product = atlas.product
        world_product.description_en = "Maps of everywhere, in cloth, with a ribbon."
        world_product.description_fr = "Des cartes de partout, reliées en toile."
        world_product.save()
    slug = world.tenant
    return {
        "methods": portal_url(slug, "methods"),
        "method-update": portal_url(slug, "method_update", card.pk),
        "method-add": portal_url(slug, "method_add"),
        "method-edit": portal_url(slug, "method_edit", card.pk),
        "method-default": portal_url(slug, "method_default", spare.pk),
        "method-remove": portal_url(slug, "method_remove", old.pk),
        "method-needed": portal_url(slug, "method_remove", card.pk),
        "subscriptions": portal_url(slug, "subscriptions"),
        "subscription": portal_url(slug, "subscription", running.pk),
        "subscription-late": portal_url(slug, "subscription", late.pk),
        "subscription-ending": portal_url(slug, "subscription", ending.pk),
        "cancel": portal_url(slug, "cancel", running.pk),
        "purchases": portal_url(slug, "purchases"),
        "invoice": portal_url(slug, "invoice", paid.pk),
        "invoice-open": portal_url(slug, "invoice", open_one.pk),
        "offers": portal_url(slug, "offers"),
        "offer": portal_url(slug, "offer", yearly.pk),
        "pay": portal_url(slug, "invoice_pay", open_one.pk),
        "pay-card": portal_url(slug, "pay_card", open_one.pk),
        "pay-paid": portal_url(slug, "invoice_pay", paid.pk),
    }


def test_a_receipt_is_downloaded(pages: dict[str, str], signed_in_page: OpenPage) -> None:
    page = signed_in_page()
    page.goto(pages["invoice"])
    with page.expect_download() as download:
        page.get_by_role("link", name="Download receipt").click()
    assert download.value.suggested_filename.endswith(".pdf")


def test_cancel_and_undo_by_keyboard(world: World, pages: dict[str, str], signed_in_page: OpenPage) -> None:
    page = signed_in_page()
    page.goto(pages["cancel"])
    page.get_by_label("It costs too much").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Cancel subscription").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your subscription is cancelled.")).to_be_visible()
    expect(page.get_by_text("It is cancelled and stays yours until")).to_be_visible()
    page.get_by_role("button", name="Keep it").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your subscription goes on.")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel subscription")).to_be_visible()


def test_works_without_javascript(pages: dict[str, str], signed_in_page: OpenPage) -> None:
    page = signed_in_page(javascript=False)
    page.goto(pages["subscription"])
    page.get_by_role("link", name="Cancel subscription").click()
    page.get_by_label("Another reason").check()
    page.get_by_role("button", name="Cancel subscription").click()
    expect(page.get_by_text("It is cancelled and stays yours until")).to_be_visible()
    page.goto(pages["pay"])
    page.get_by_role("button", name="Pay now with").click()
    expect(page.get_by_role("heading", name="Paid, thank you")).to_be_visible()
