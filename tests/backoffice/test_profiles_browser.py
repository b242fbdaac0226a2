"""Staff enter a card at the gateway's own fields, in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import Customer
from payments.models import PaymentProfile, ProfileState
from propagation.models import Change, ChangeKind
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.accessibility import assert_accessible
from tests.factories import (
    PASSWORD,
    AddressFactory,
    CustomerFactory,
    InvoiceFactory,
    MembershipFactory,
    PaymentProfileFactory,
    SubscriptionFactory,
    TenantFactory,
    UserFactory,
    sandbox_account,
)
from tests.payment_fields import enter_card

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant(sandbox: Any) -> Tenant:
    tenant = TenantFactory(slug="acme", name="Acme")
    user = UserFactory(email="alice@example.com")
    with tenant_scope(tenant.pk):
        MembershipFactory(user=user)
        sandbox_account(sandbox, "acme")
    return tenant


@pytest.fixture
def bob(tenant: Tenant) -> Customer:
    with tenant_scope(tenant.pk):
        customer = CustomerFactory(first_name="Bob", last_name="Roy")
        AddressFactory(customer=customer)
        return customer


@pytest.fixture
def signed_in(page: Page, live_server: LiveServer, tenant: Tenant) -> Iterator[Page]:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{live_server.url}/accounts/login/")
    page.fill("input[name=login]", "alice@example.com")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/t/acme/**")
    yield page
    assert errors == []


def save_card(page: Page, number: str) -> None:
    enter_card(page, number)
    page.locator("[data-payment-save]").click()


def test_a_declined_card_is_explained_in_place_and_a_good_one_is_saved(
    signed_in: Page, live_server: LiveServer, tenant: Tenant, bob: Customer
) -> None:
    page = signed_in
    page.goto(f"{live_server.url}/t/acme/customers/{bob.pk}/payment-methods/add/")
    page.get_by_label("Name on the card").fill("Robert Roy")
    save_card(page, "4000000000009995")
    expect(page.locator("[data-payment-error]")).to_contain_text("not enough funds")
    expect(page.get_by_label("Name on the card")).to_have_value("Robert Roy")
    with tenant_scope(tenant.pk):
        assert not PaymentProfile.objects.exists()
    save_card(page, "5555555555554444")
    page.wait_for_url("**/changes/**")
    with tenant_scope(tenant.pk):
        profile = PaymentProfile.objects.get()
        change = Change.objects.get()
    assert (profile.brand, profile.last4, profile.holder_name) == ("mastercard", "4444", "Robert Roy")
    assert (change.kind, change.new_profile_id) == (ChangeKind.ADD, profile.pk)


def test_a_card_that_its_bank_wants_confirmed_replaces_the_old_one(
    signed_in: Page, live_server: LiveServer, tenant: Tenant, bob: Customer
) -> None:
    page = signed_in
    with tenant_scope(tenant.pk):
        old = PaymentProfileFactory(customer=bob, is_default=True)
    page.goto(f"{live_server.url}/t/acme/customers/{bob.pk}/payment-methods/{old.pk}/replace/")
    save_card(page, "4000002500003155")
    challenge = page.frame_locator("iframe[src*=authenticate]")
    challenge.get_by_role("button", name="Fail").click()
    expect(page.locator("[data-payment-error]")).to_contain_text("could not confirm")
    save_card(page, "4000002500003155")
    challenge.get_by_role("button", name="Complete").click()
    page.wait_for_url("**/changes/**")
    with tenant_scope(tenant.pk):
        old.refresh_from_db()
        assert (old.state, old.replaced_by.last4) == (ProfileState.REPLACED, "3155")


def test_an_address_with_an_error_is_marked_before_the_bank_is_asked(
    signed_in: Page, live_server: LiveServer, bob: Customer, sandbox: Any
) -> None:
    page = signed_in
    page.goto(f"{live_server.url}/t/acme/customers/{bob.pk}/payment-methods/add/")
    page.get_by_label("Postal code").fill("K1P 5K7")
    save_card(page, "4242424242424242")
    expect(page.locator("#id_billing-postal_code")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("This code is not in Quebec.")).to_be_visible()
    assert not [request for request in sandbox.requests() if request["path"].endswith("/confirm")]


def test_typing_in_the_list_and_another_country_in_the_form_work_without_reloading(
    signed_in: Page, live_server: LiveServer, tenant: Tenant, bob: Customer
) -> None:
    page = signed_in
    with tenant_scope(tenant.pk):
        CustomerFactory(first_name="Eve", last_name="Roy")
    page.goto(f"{live_server.url}/t/acme/customers/")
    page.locator(".live-filters input[name=q]").press_sequentially("eve", delay=20)
    expect(page.locator("#customers tbody tr")).to_have_count(1)
    page.wait_for_url("**q=eve**")
    page.goto(f"{live_server.url}/t/acme/customers/{bob.pk}/edit/")
    billing = page.locator("#billing-address")
    billing.get_by_label("Address").fill("1 Peel")
    billing.get_by_label("Country").select_option("JP")
    expect(billing.get_by_label("Prefecture")).to_be_visible()
    expect(billing.get_by_label("Address")).to_have_value("1 Peel")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_can_be_used_by_everyone(
    signed_in: Page, live_server: LiveServer, tenant: Tenant, bob: Customer, scheme: Any
) -> None:
    page = signed_in
    page.emulate_media(color_scheme=scheme)
    with tenant_scope(tenant.pk):
        card = PaymentProfileFactory(customer=bob, is_default=True, exp_year=2024)
        PaymentProfileFactory(customer=bob, state=ProfileState.DISABLED)
        other = PaymentProfileFactory(customer=bob)
        SubscriptionFactory(customer=bob)
        InvoiceFactory(customer=bob)
        lonely = CustomerFactory(email="", email_normalized="")
    customers = f"{live_server.url}/t/acme/customers/"
    method = f"{customers}{bob.pk}/payment-methods/{card.pk}/"
    for url in (
        customers,
        f"{customers}new/",
        f"{customers}{bob.pk}/",
        f"{customers}{lonely.pk}/",
        f"{customers}{bob.pk}/timeline/",
        f"{customers}{bob.pk}/delete/",
        f"{method}edit/",
        f"{method}remove/",
        f"{customers}{bob.pk}/payment-methods/{other.pk}/default/",
        f"{method}replace/",
    ):
        page.goto(url)
        if url.endswith("replace/"):
            expect(page.locator("form[data-payment-form]")).to_have_attribute("data-state", "ready")
        assert_accessible(page)
