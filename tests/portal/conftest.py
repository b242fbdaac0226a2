"""A tenant with a customer, Bob, and ways to be him: a test client and a browser that are signed in to his portal."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page

from customers.models import Customer, PortalSession
from customers.sign_in.sessions import start_session
from portal.sessions import COOKIE, cookie_path
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories import AddressFactory, CustomerFactory, TenantFactory

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    made: Tenant = TenantFactory(
        slug="acme",
        name="Northwind Press",
        primary_colour="#0b6e4f",
        time_zone="America/Toronto",
        care_email="care@northwind.example",
        care_phone="+14165550100",
        care_text="Weekdays, 9 to 5",
    )
    return made


@pytest.fixture
def bob(tenant: Tenant) -> Customer:
    with tenant_scope(tenant.pk):
        made: Customer = CustomerFactory(
            first_name="Bob", last_name="Tremblay", email="bob@example.com", phone="+15145550123"
        )
        AddressFactory(customer=made)
        return made


def open_session(tenant: Tenant, customer: Customer, user_agent: str = "") -> tuple[PortalSession, str]:
    """A session of the customer's, and what its cookie holds."""
    with tenant_scope(tenant.pk):
        started = start_session(customer=customer, signed_in_by="code", ip="192.0.2.7", user_agent=user_agent)
    return started.session, started.cookie


def client_of(tenant: Tenant, customer: Customer, **options: Any) -> Client:
    """A test client that is signed in to the tenant's portal as the customer."""
    client = Client(**options)
    client.cookies[COOKIE] = open_session(tenant, customer, "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0")[1]
    client.cookies[COOKIE]["path"] = cookie_path(tenant)
    return client


@pytest.fixture
def signed_in(tenant: Tenant, bob: Customer) -> Client:
    """Bob's browser, without the browser."""
    return client_of(tenant, bob)


def portal_url(tenant: Tenant, name: str, *args: Any) -> str:
    return reverse(f"portal:{name}", args=[tenant.slug, *args])


type OpenPage = Callable[..., Page]


@pytest.fixture
def signed_in_page(browser: Browser, live_server: Any, tenant: Tenant, bob: Customer) -> Iterator[OpenPage]:
    """signed_in_page(scheme="light", viewport=PHONE, javascript=True, as_customer=bob): a page of Bob's own browser.

    `page.goto("/portal/acme/...")` goes to the live server. At the end nothing was refused by the pages' policy, and no
    script failed.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_page(
        *,
        scheme: str = "light",
        viewport: dict[str, int] = PHONE,
        javascript: bool = True,
        as_customer: Customer | None = bob,
    ) -> Page:
        context = browser.new_context(
            viewport=viewport,  # type: ignore[arg-type]
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=javascript,
            base_url=live_server.url,
        )
        contexts.append(context)
        if as_customer is not None:
            cookie: Any = {"name": COOKIE, "value": open_session(tenant, as_customer)[1], "path": cookie_path(tenant)}
            context.add_cookies([cookie | {"domain": urlsplit(live_server.url).hostname}])
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
