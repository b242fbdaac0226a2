"""The pages in a real browser: accessible in both themes and on a phone, and live."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from propagation.models import Change, ChangeState, Step, StepState
from subscriptions.models import Invoice
from tenants.models import Role
from tenants.scope import tenant_scope
from tests.accessibility import assert_accessible
from tests.backoffice.conftest import Office, join, make_change, make_invitation, make_office, make_step
from tests.factories import PASSWORD, CustomerFactory, PaymentProfileFactory, PriceFactory

pytestmark = pytest.mark.django_db(transaction=True)

DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def shop(transactional_db: None) -> Office:
    return make_office("acme", "Acme")


def sign_in(page: Page, live_server: LiveServer, office: Office, role: Role = Role.OWNER) -> None:
    user = join(office, role)
    page.goto(f"{live_server.url}/accounts/login/")
    page.fill("input[name=login]", user.email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.wait_for_load_state()


def open_page(browser: Browser, scheme: str, size: dict[str, int]) -> Page:
    context = browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    return context.new_page()


@pytest.fixture(params=[("light", DESKTOP), ("dark", PHONE)], ids=["light-desktop", "dark-phone"])
def signed_in(
    request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer, shop: Office
) -> Iterator[Page]:
    page = open_page(browser, *request.param)
    sign_in(page, live_server, shop)
    yield page
    page.context.close()


def test_every_page_is_accessible_and_fits(signed_in: Page, live_server: LiveServer, shop: Office) -> None:
    with tenant_scope(shop.tenant.pk):
        several = CustomerFactory()
        for _ in range(2):
            PaymentProfileFactory(customer=several)
    ids = shop.ids
    addresses = [
        *(shop.url(name) for name in ("overview", "invitations", "changes", "subscriptions", "invoices", "products")),
        *(shop.url(name) for name in ("settings", "team", "gateway", "gateway_connect", "audit", "product_create")),
        *(shop.url(name, **{f"{name}_id": ids[f"{name}_id"]}) for name in ("invitation", "change", "subscription")),
        *(shop.url(name, **{f"{name}_id": ids[f"{name}_id"]}) for name in ("invoice", "product")),
        *(shop.url(name) for name in ("settings_billing", "settings_dunning", "settings_portal", "tax_rates")),
        *(shop.url(name, customer_id=shop.customer.pk) for name in ("subscribe", "sell", "customer")),
        *(
            shop.url(f"subscription_{action}", subscription_id=ids["subscription_id"])
            for action in ("pause", "cancel", "quantity", "payer")
        ),
        *(
            shop.url(f"invoice_{action}", invoice_id=ids["invoice_id"])
            for action in ("collect", "refresh", "void", "uncollectible", "credit")
        ),
        *(shop.url(name, customer_id=shop.customer.pk) for name in ("balance", "balance_entry")),
        shop.url("invitation_choose", customer_id=several.pk),
        shop.url("invitation_send", customer_id=shop.customer.pk),
        shop.url("step_waive", step_id=shop.failed_step.pk),
        shop.url("search") + "?q=Tremblay",
        "/profile/",
    ]
    for address in addresses:
        signed_in.goto(live_server.url + address)
        assert_accessible(signed_in)
        assert signed_in.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} is too wide"


def test_a_subscription_is_put_together_while_its_cost_is_watched(
    browser: Browser, live_server: LiveServer, shop: Office
) -> None:
    with tenant_scope(shop.tenant.pk):
        price = PriceFactory(amount_minor=10_000)
    page = open_page(browser, "light", PHONE)
    sign_in(page, live_server, shop)
    page.goto(live_server.url + shop.url("subscribe", customer_id=shop.customer.pk))
    page.get_by_label("Product and price").select_option(str(price.pk))
    expect(page.locator("#preview")).to_contain_text("CA$105.00")
    page.get_by_label("Quantity").fill("2")
    expect(page.locator("#preview")).to_contain_text("CA$210.00")
    page.get_by_role("button", name="Start the subscription").click()
    expect(page.get_by_text("Next invoice")).to_be_visible()
    assert_accessible(page)
    page.context.close()


def test_a_tax_rate_is_ended_in_its_dialog(browser: Browser, live_server: LiveServer, shop: Office) -> None:
    page = open_page(browser, "dark", DESKTOP)
    sign_in(page, live_server, shop)
    page.goto(live_server.url + shop.url("tax_rates"))
    page.get_by_label("Country").select_option("US")
    expect(page.get_by_label("State")).to_be_visible()
    page.get_by_role("button", name="End GST, Canada").click()
    assert_accessible(page, within="dialog[open]")
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_role("cell", name="Expired")).to_be_visible()
    page.context.close()


def test_the_schedule_of_retries_follows_what_is_typed(browser: Browser, live_server: LiveServer, shop: Office) -> None:
    page = open_page(browser, "light", DESKTOP)
    sign_in(page, live_server, shop)
    page.goto(live_server.url + shop.url("settings_dunning"))
    page.get_by_label("Charge again on these days").fill("2, 9")
    expect(page.locator("#schedule")).to_contain_text("Day 9")
    page.get_by_label("Leave it past due").check()
    expect(page.locator("#schedule")).to_contain_text("stays past due")
    page.get_by_label("Charge again on these days").fill("9, 2")
    expect(page.locator("#schedule")).to_contain_text("after the one before it")
    page.context.close()


def test_a_change_is_watched_without_reloading(browser: Browser, live_server: LiveServer, shop: Office) -> None:
    with tenant_scope(shop.tenant.pk):
        change = make_change(shop.customer)
        first = make_step(change, subscription=shop.subscription, state=StepState.RUNNING, attempts=1)
        first.tries.create(number=1)
        second = make_step(change, stage=40, kind="invoice_collect", invoice=shop.invoice, due_at=None)
    page = open_page(browser, "light", DESKTOP)
    sign_in(page, live_server, shop, Role.READ_ONLY)
    page.goto(live_server.url + shop.url("change", change_id=change.pk))
    tries = page.locator(f"#tries-{first.pk}")
    tries.locator("summary").focus()
    page.keyboard.press("Enter")
    with tenant_scope(shop.tenant.pk):
        Step.objects.filter(pk=first.pk).update(state=StepState.DONE)
    expect(page.locator(f"#step-{first.pk}")).to_have_class("step-done")
    expect(tries).to_have_attribute("open", "")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    with tenant_scope(shop.tenant.pk):
        Step.objects.filter(pk=second.pk).update(state=StepState.DONE)
        Change.objects.filter(pk=change.pk).update(state=ChangeState.DONE)
        Invoice.objects.filter(pk=shop.invoice.pk).update(state="paid")
    expect(page.locator("#change-state")).to_contain_text("Done")
    expect(page.locator("#progress[hx-trigger]")).to_have_count(0)
    page.context.close()


def test_the_message_is_seen_as_it_will_be_sent(browser: Browser, live_server: LiveServer, shop: Office) -> None:
    page = open_page(browser, "light", DESKTOP)
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    sign_in(page, live_server, shop)
    page.goto(live_server.url + shop.url("invitation_send", customer_id=shop.customer.pk))
    mail = page.frame_locator("iframe.mail-frame")
    expect(mail.get_by_text("4242")).to_be_visible()
    page.get_by_role("checkbox", name="SMS").check()
    expect(page.locator(".sms-bubble")).to_contain_text("/i/acme/")
    page.get_by_role("checkbox", name="E-mail").uncheck()
    expect(page.locator("iframe.mail-frame")).to_have_count(0)
    assert refused == []
    page.context.close()


def test_the_keyboard_finds_what_it_looks_for(browser: Browser, live_server: LiveServer, shop: Office) -> None:
    with tenant_scope(shop.tenant.pk):
        make_invitation(CustomerFactory())
    page = open_page(browser, "light", DESKTOP)
    sign_in(page, live_server, shop, Role.READ_ONLY)
    page.keyboard.press("/")
    page.keyboard.insert_text("Tremblay of Acme")
    expect(page.locator("#search-results").get_by_text("Bob Tremblay of Acme")).to_be_visible()
    assert_accessible(page, within=".search")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(live_server.url + shop.url("customer", customer_id=shop.customer.pk))
    page.context.close()
