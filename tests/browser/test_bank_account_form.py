"""A customer gives a bank account instead of a card, and says what may move to it."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from payments.models import PaymentProfile, ProfileState
from propagation.models import Change, ChangeKind
from subscriptions.models import BilledBy, Invoice, InvoiceState, Subscription
from tenants.models import MethodKind, Tenant
from tests.accessibility import assert_accessible
from tests.browser.test_invitation_form import (
    GOOD,
    Story,
    context,  # noqa: F401
    expect_saved,
    phone,  # noqa: F401
    save,
    shoot,
    story,  # noqa: F401
    world,  # noqa: F401
)
from tests.payment_fields import enter_card, payment_fields, type_into
from tests.processes import wait_until


def allow(told: Story, **settings: Any) -> None:
    with told.world.scope():
        Tenant.objects.filter(pk=told.world.tenant.pk).update(method_kinds=MethodKind.values, **settings)


def choose(page: Page, kind: str) -> None:
    expect(page.locator("form[data-state=ready]")).to_be_visible()
    payment_fields(page).get_by_role("tab", name=kind).click()


def test_an_iban_takes_the_cards_place(story: Story, phone: Page) -> None:  # noqa: F811
    allow(story)
    phone.goto(story.invite())
    choose(phone, "SEPA debit")
    expect(payment_fields(phone).get_by_text("you authorise (A) Northwind Press")).to_be_visible()
    type_into(payment_fields(phone).get_by_label("IBAN"), "DE89370400440532013000")
    shoot(phone, "form-phone-sepa")
    assert_accessible(phone)
    save(phone)
    expect_saved(phone)
    expect(phone.get_by_role("img", name="SEPA debit")).to_be_visible()
    shoot(phone, "done-phone-sepa")


def test_a_us_account_waits_until_its_holder_has_verified_it(story: Story, phone: Page) -> None:  # noqa: F811
    allow(story)
    phone.goto(story.invite())
    choose(phone, "US bank account")
    fields = payment_fields(phone)
    fields.get_by_label("By a small deposit").check()
    for label, value in (("Routing number", "110000000"), ("Account number again", "000123456789")):
        type_into(fields.get_by_label(label), value)
    type_into(fields.get_by_label("Account number", exact=True), "000123456789")
    shoot(phone, "form-phone-us-account")
    save(phone)
    expect(phone.get_by_role("heading", name="One step left: verify your bank account")).to_be_visible()
    expect(phone.get_by_text("A small deposit reaches Stripe Test Bank •••• 6789")).to_be_visible()
    expect(phone.locator("[data-payment-save]")).to_have_count(0)
    assert_accessible(phone)
    shoot(phone, "verify-phone")
    with story.world.scope():
        assert PaymentProfile.objects.get(state=ProfileState.PENDING).last4 == "6789"
        assert Change.objects.count() == 0
    with phone.expect_popup() as opened:
        phone.get_by_role("link", name="Open the verification page").click()
    opened.value.get_by_label("The code").fill("SM11AA")
    opened.value.get_by_role("button", name="Verify").click()
    expect(opened.value.get_by_role("status")).to_contain_text("is verified")

    def moved() -> bool:
        with story.world.scope():
            return Change.objects.filter(kind=ChangeKind.REPLACE).exists()

    wait_until(moved, what="the gateway's event to be carried out")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_only_what_the_customer_ticks_moves(story: Story, phone: Page, language: str) -> None:  # noqa: F811
    allow(story, ask_consent=True)
    phone.goto(story.invite(language))
    enter_card(phone, GOOD)
    expect(phone.locator("input[name=subscription]")).to_have_count(2)
    shoot(phone, f"consent-phone-{language}")
    assert_accessible(phone)
    with story.world.scope():
        ours = Subscription.objects.get(billed_by=BilledBy.US)
    phone.locator("input[name=invoice]").uncheck()
    phone.locator(f"input[name=subscription][value='{ours.pk}']").uncheck()
    save(phone)
    expect(phone.locator("form[data-payment-form]")).to_have_count(0)
    with story.world.scope():
        new = PaymentProfile.objects.get(brand="mastercard")
        assert Invoice.objects.get().state == InvoiceState.OPEN
        assert Subscription.objects.get(pk=ours.pk).payment_profile_id != new.pk
        assert story.visa is not None
        assert PaymentProfile.objects.get(pk=story.visa.pk).state == ProfileState.ACTIVE
