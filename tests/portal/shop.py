"""Northwind Press with an account at the sandbox, and Bob, who has a card there. Import the fixtures where needed."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page

from customers.models import Customer
from payments.gateway.accounts import connect_account
from payments.models import PaymentProfile
from subscriptions.models import Price
from subscriptions.services import create_price, create_product, create_subscription
from tenants.actors import Actor
from tenants.models import Tenant
from tests import factories
from tests.invitations.story import confirm
from tests.processes import CeleryWorker, Sandbox
from tests.propagation.conftest import World

#: Where pictures of the pages are kept, for people to look at.
SHOTS = os.environ.get("PORTAL_SHOTS")
ACTOR = Actor.system("test")
GOOD, MASTERCARD, DECLINED, WITHOUT_FUNDS, NEEDS_3DS = (
    "4242424242424242",
    "5555555555554444",
    "4000000000000002",
    "4000000000009995",
    "4000002760003184",
)
#: Its setup succeeds, its charges are declined.
DECLINED_LATER = "4000000000000341"
ADDRESS = {
    "holder_name": "Bob Tremblay",
    "billing-country": "CA",
    "billing-line1": "1 King St",
    "billing-city": "Toronto",
    "billing-region": "ON",
    "billing-postal_code": "m5h1a1",
}


@pytest.fixture
def world(tenant: Tenant, bob: Customer, sandbox: Sandbox) -> World:
    """Without a worker: what is due is done by the test, or by the page itself."""
    made = World(tenant, sandbox, "acme")
    with made.scope():
        factories.sandbox_account(sandbox, "acme")
    at_gateway(made, bob)
    return made


@pytest.fixture
def live_world(
    tenant: Tenant, bob: Customer, sandbox: Sandbox, live_server: Any, celery_worker_process: CeleryWorker
) -> Iterator[World]:
    """With a worker, and a gateway that sends its events."""
    account = sandbox.create_account("acme", name="Northwind Press", country="CA")
    connect_account(
        tenant_id=tenant.pk,
        actor=ACTOR,
        publishable_key=account["publishable_key"],
        secret_key=account["secret_key"],
    )
    made = World(tenant, sandbox, "acme")
    at_gateway(made, bob)
    yield made
    celery_worker_process.stop()


def at_gateway(world: World, bob: Customer) -> None:
    world.sandbox.seed(account=world.account, customers=[{"id": "cus_bob", "name": bob.name}])
    with world.scope():
        factories.GatewayCustomerFactory(customer=bob, gateway_id="cus_bob")


def visa(world: World, bob: Customer, **more: Any) -> PaymentProfile:
    return world.card(bob, "pm_visa", **{"default": True} | more)


def price(world: World, name: str = "Field Notes", french: str = "Carnets de terrain", **more: Any) -> Price:
    """A public price, 12.00 CAD a month unless told otherwise."""
    values: dict[str, Any] = {"amount_minor": 1200, "currency": "CAD", "interval": "month", "is_public": True}
    with world.scope():
        product = create_product(actor=ACTOR, name_en=name, name_fr=french)
        return create_price(actor=ACTOR, product=product, **values | more)


def subscribed(world: World, bob: Customer, **more: Any) -> Any:
    with world.scope():
        return create_subscription(actor=ACTOR, customer=bob, price=price(world), **more)


def save(page: Page) -> None:
    page.locator("[data-payment-save]").click()


def bank(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title='3D Secure authentication frame']")


def enter_by_hand(client: Any, world: World, start: str, card: str, **more: str) -> Any:
    """What the form's script does at `start` (the address before "setup/"): enter, confirm at the gateway, complete."""
    setup = client.post(f"{start}setup/").json()
    told = {"setup_id": setup["setup_id"], "setup_intent": setup["setup_intent"]}
    details = client.post(f"{start}details/", ADDRESS | told | more)
    assert details.status_code == 200, details.content
    confirm(world, setup, card)
    return client.post(f"{start}complete/", {"setup_intent": setup["setup_intent"]})


def charges(world: World) -> list[dict[str, Any]]:
    """What the gateway took."""
    answer = world.sandbox.control("GET", "objects/payment_intent", params={"account": world.account, "limit": 1000})
    rows = answer["data"] if isinstance(answer, dict) else answer
    return [row for row in rows if row["status"] == "succeeded"]


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)
