"""A session that ends while a form is filled in: people are led back to its page, and find what they had typed."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import Customer, PortalSession
from portal.sessions import COOKIE, cookie_path
from subscriptions.lifecycle import pause_subscription
from subscriptions.models import Subscription, SubscriptionState
from tenants.actors import Actor
from tenants.models import Role, Tenant, User
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office, join, make_office
from tests.factories import PASSWORD, AddressFactory, CustomerFactory, TenantFactory
from tests.page_checks import watch
from tests.portal.conftest import open_session

pytestmark = pytest.mark.django_db(transaction=True)
TYPED = "What you typed is here again. It is not saved yet."


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    page = browser.new_context(base_url=live_server.url).new_page()
    yield page
    page.context.close()


class TestInThePortal:
    @pytest.fixture
    def tenant(self, transactional_db: None) -> Tenant:
        made: Tenant = TenantFactory(slug="acme", name="Acme")
        return made

    @pytest.fixture
    def bob(self, tenant: Tenant) -> Customer:
        with tenant_scope(tenant.pk):
            made: Customer = CustomerFactory(first_name="Bob", last_name="Roy", email="bob@example.com")
            AddressFactory(customer=made)
            return made

    def enter(self, page: Page, live_server: LiveServer, tenant: Tenant, customer: Customer) -> None:
        cookie = {"name": COOKIE, "value": open_session(tenant, customer)[1], "path": cookie_path(tenant)}
        page.context.add_cookies([cookie | {"domain": urlsplit(live_server.url).hostname or ""}])  # type: ignore[list-item]

    def be_signed_out(self, tenant: Tenant) -> None:
        with tenant_scope(tenant.pk):
            PortalSession.objects.all().delete()

    def type_and_be_signed_out(self, page: Page, tenant: Tenant) -> None:
        page.goto("/portal/acme/")
        page.get_by_role("link", name="Update my info").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("First name").fill("Robert")
        dialog.get_by_label("Country").select_option("FR")
        expect(dialog.get_by_label("Province")).to_have_count(0)
        dialog.get_by_label("City").fill("Paris")
        self.save_signed_out(page, tenant)

    def save_signed_out(self, page: Page, tenant: Tenant) -> None:
        self.be_signed_out(tenant)
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="Sign in to your account")).to_be_visible()
        page.wait_for_load_state()  # its script puts aside what was typed

    def test_details_are_typed_once(self, page: Page, live_server: LiveServer, tenant: Tenant, bob: Customer) -> None:
        self.enter(page, live_server, tenant, bob)
        self.type_and_be_signed_out(page, tenant)
        self.enter(page, live_server, tenant, bob)
        page.goto("/portal/acme/")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("First name")).to_have_value("Robert")
        expect(dialog.get_by_label("Country")).to_have_value("FR")
        expect(dialog.get_by_label("Province")).to_have_count(0)
        expect(dialog.get_by_label("City")).to_have_value("Paris")
        expect(dialog.get_by_text(TYPED)).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Hello Bob")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)

    def test_what_is_corrected_afterwards_stays(
        self, page: Page, live_server: LiveServer, tenant: Tenant, bob: Customer
    ) -> None:
        self.enter(page, live_server, tenant, bob)
        page.goto("/portal/acme/")
        page.get_by_role("link", name="Update my info").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("First name").fill("Robert")
        self.save_signed_out(page, tenant)
        self.enter(page, live_server, tenant, bob)
        page.goto("/portal/acme/")
        expect(dialog.get_by_label("First name")).to_have_value("Robert")
        dialog.get_by_label("First name").fill("Roberta")
        dialog.get_by_label("Country").select_option("JP")
        expect(dialog.get_by_label("Prefecture")).to_be_visible()
        expect(dialog.get_by_label("First name")).to_have_value("Roberta")
        expect(dialog.get_by_label("Country")).to_have_value("JP")

    def test_nobody_else_finds_them(self, page: Page, live_server: LiveServer, tenant: Tenant, bob: Customer) -> None:
        with tenant_scope(tenant.pk):
            carol = CustomerFactory(first_name="Carol", email="carol@example.com")
        self.enter(page, live_server, tenant, bob)
        self.type_and_be_signed_out(page, tenant)
        self.enter(page, live_server, tenant, carol)
        page.goto("/portal/acme/")
        expect(page.get_by_role("heading", name="Hello Carol")).to_be_visible()
        assert page.evaluate("sessionStorage.getItem('draft')") is None

    def test_passwords_are_not_kept(self, page: Page, live_server: LiveServer, tenant: Tenant, bob: Customer) -> None:
        self.enter(page, live_server, tenant, bob)
        page.goto("/portal/acme/settings/password/")
        for field in page.locator("main input[type=password]").all():
            field.fill("three lamps and a kettle")
        self.be_signed_out(tenant)
        page.locator("main form button[type=submit]").last.click()
        expect(page.get_by_role("heading", name="Sign in to your account")).to_be_visible()
        assert "kettle" not in (page.evaluate("sessionStorage.getItem('draft')") or "")


class TestInTheOffice:
    @pytest.fixture
    def office(self, transactional_db: None) -> Office:
        return make_office("acme", "Acme")

    @pytest.fixture
    def alice(self, office: Office) -> User:
        return join(office, Role.OWNER)

    def sign_in(self, page: Page, alice: User) -> None:
        page.fill("input[name=login]", alice.email)
        page.fill("input[name=password]", PASSWORD)
        page.wait_for_load_state()
        page.press("input[name=password]", "Enter")
        expect(page.locator("body.staff")).to_be_visible()

    def test_a_form_is_typed_once(self, page: Page, office: Office, alice: User) -> None:
        watched = watch(page)
        address = office.url("customer_edit", customer_id=office.customer.pk)
        page.goto(address)
        self.sign_in(page, alice)
        page.fill("[name=first_name]", "Robert")
        page.check("[name=tax_exempt]")
        Session.objects.all().delete()
        page.locator("main form button[type=submit]").last.click()
        self.sign_in(page, alice)
        expect(page).to_have_url(address)
        expect(page.locator("[name=first_name]")).to_have_value("Robert")
        expect(page.locator("[name=tax_exempt]")).to_be_checked()
        expect(page.get_by_text(TYPED)).to_be_visible()
        assert watched == []

    def test_a_button_leads_back_to_its_page(self, page: Page, office: Office, alice: User) -> None:
        with tenant_scope(office.tenant.pk):
            pause_subscription(actor=Actor.system("tests"), subscription=office.subscription)
        address = office.url("subscription", subscription_id=office.subscription.pk)
        page.goto(address)
        self.sign_in(page, alice)
        Session.objects.all().delete()
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("dialog").get_by_role("button", name="Resume").click()
        self.sign_in(page, alice)
        expect(page).to_have_url(address)
        with tenant_scope(office.tenant.pk):
            assert Subscription.objects.get().state == SubscriptionState.PAUSED

    def test_a_form_that_was_open_in_another_tab_is_sent_after_signing_in_again(
        self, page: Page, office: Office, alice: User
    ) -> None:
        page.goto(office.url("customer_edit", customer_id=office.customer.pk))
        self.sign_in(page, alice)
        page.fill("[name=first_name]", "Robert")
        Session.objects.all().delete()
        beside = page.context.new_page()
        beside.goto(office.url("customers"))
        self.sign_in(beside, alice)
        page.locator("main form button[type=submit]").last.click()
        expect(page.get_by_role("heading", name="Robert")).to_be_visible()

    def test_a_fragment_asked_for_leads_the_whole_page_to_sign_in(
        self, client: Any, office: Office, alice: User
    ) -> None:
        shown = f"http://testserver{office.url('customers')}?q=bob"
        for current, back in ((shown, f"{office.url('customers')}%3Fq%3Dbob"), ("https://evil.example/t/acme/", "/")):
            answer = client.get(office.url("search"), headers={"HX-Request": "true", "HX-Current-URL": current})
            assert (answer.status_code, answer.content) == (204, b"")
            assert answer.headers["HX-Redirect"] == f"{reverse('account_login')}?next={back}"
