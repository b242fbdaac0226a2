"""Every call of the adapter against the gateway's stand-in, which checks each request against Stripe's own contract."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import stripe
from django.apps import apps
from django.conf import settings
from django.db import transaction

from payments.gateway.errors import Declined, GatewayError, Gone, NeedsAuthentication, Refused
from payments.gateway.port import CustomerDetails, PostalAddress
from payments.gateway.stripe_adapter import StripeGateway
from tenants.scope import OpenTransaction
from tests.payments.shelf import Shelf, gateway_of
from tests.processes import Sandbox

ADDRESS = PostalAddress(
    line1="1000 rue de la Gauchetière", city="Montréal", region="QC", postal_code="H3B 4W5", country="CA"
)
DETAILS = CustomerDetails(
    name="Bob Tremblay",
    email="bob@example.com",
    phone="+15145550100",
    address=ADDRESS,
    metadata={"number": "C-1001"},
    language="fr",
)


@pytest.fixture
def gateway(shelf: Shelf) -> StripeGateway:
    return shelf.gateway


def test_reads_the_account_that_the_key_belongs_to(gateway: StripeGateway) -> None:
    account = gateway.read_account()
    assert (account.name, account.livemode) == ("Acme", False)


def test_tells_whether_the_browsers_key_belongs_to_the_account(gateway: StripeGateway, shelf: Shelf) -> None:
    other = shelf.sandbox.create_account("other")
    assert gateway.accepts_publishable_key(shelf.account["publishable_key"], key="a")
    assert not gateway.accepts_publishable_key(other["publishable_key"], key="b")
    assert not gateway.accepts_publishable_key("pk_test_unknown", key="c")
    assert {setup["status"] for setup in shelf.objects("setup_intent")} == {"canceled"}


def test_registers_one_webhook_endpoint_per_address(gateway: StripeGateway, shelf: Shelf) -> None:
    url = "https://billing.example.com/webhooks/stripe/acme/"
    elsewhere, _ = gateway.register_webhook(url="https://example.com/", event_types=["invoice.paid"], key="other")
    first, secret = gateway.register_webhook(url=url, event_types=["invoice.paid"], key="first")
    again, _ = gateway.register_webhook(url=url, event_types=["invoice.paid", "customer.updated"], key="second")
    assert secret.startswith("whsec_")
    assert first != again
    assert {endpoint["id"] for endpoint in shelf.objects("webhook_endpoint")} == {elsewhere, again}


def test_creates_and_changes_a_customer(gateway: StripeGateway, shelf: Shelf) -> None:
    made = gateway.create_customer(details=DETAILS, key="create")
    assert made.default_method is None
    stored = shelf.object("customer", made.id)
    assert stored["address"]["state"] == "QC"
    assert stored["preferred_locales"] == ["fr"]
    gateway.update_customer(made.id, details=CustomerDetails(name="Robert Tremblay"), key="update")
    stored = shelf.object("customer", made.id)
    assert stored["name"] == "Robert Tremblay"
    assert (stored["email"], stored["phone"], stored["address"]) == (None, None, None)
    assert stored["metadata"] == {"number": "C-1001"}


def test_creates_a_customer_of_whom_only_the_name_is_known(gateway: StripeGateway) -> None:
    made = gateway.create_customer(details=CustomerDetails(name="Bob"), key="create")
    assert gateway.read_customer(made.id).id == made.id


def test_a_deleted_customer_is_gone(gateway: StripeGateway, shelf: Shelf) -> None:
    customer = shelf.customer()
    shelf.stripe.v1.customers.delete(customer)
    with pytest.raises(Gone):
        gateway.read_customer(customer)


def test_moves_the_customers_default(gateway: StripeGateway, shelf: Shelf) -> None:
    customer = shelf.customer()
    method = shelf.method(customer)
    gateway.set_default_method(customer, method=method, key="default")
    assert gateway.read_customer(customer).default_method == method


def test_reads_and_edits_a_method(gateway: StripeGateway, shelf: Shelf) -> None:
    method = shelf.method(shelf.customer(), card="mastercard")
    before = gateway.read_method(method)
    assert (before.kind, before.brand, before.last4, before.metadata) == ("card", "mastercard", "4444", {})
    assert before.fingerprint
    edited = gateway.update_method(
        method, key="a", holder_name="Bob T.", address=ADDRESS, exp_month=1, exp_year=2040, metadata={"S-1001": "us"}
    )
    assert (edited.holder_name, edited.address, edited.exp_month, edited.exp_year) == ("Bob T.", ADDRESS, 1, 2040)
    kept = gateway.update_method(method, key="b", metadata={"S-1002": "us", "S-1001": ""})
    assert (kept.holder_name, kept.address, kept.exp_year) == ("Bob T.", ADDRESS, 2040)
    assert kept.metadata == {"S-1002": "us"}
    cleared = gateway.update_method(method, key="c", holder_name="", address=PostalAddress(country="FR"))
    assert (cleared.holder_name, cleared.address) == ("", PostalAddress(country="FR"))


def test_a_method_that_vanished_is_gone(gateway: StripeGateway, shelf: Shelf) -> None:
    method = shelf.method(shelf.customer())
    shelf.sandbox.control("POST", f"vanish/{method}")
    with pytest.raises(Gone) as caught:
        gateway.read_method(method)
    assert caught.value.code == "resource_missing"
    assert caught.value.request_id.startswith("req_")


def test_attaches_a_method_and_says_so_again_when_it_is_attached(gateway: StripeGateway, shelf: Shelf) -> None:
    customer, method = shelf.customer(), shelf.loose_method()
    assert gateway.attach_method(method, customer=customer, key="a").customer == customer
    assert gateway.attach_method(method, customer=customer, key="b").customer == customer
    with pytest.raises(Refused):
        gateway.attach_method(method, customer=shelf.customer(), key="c")


def test_detaches_a_method_and_says_so_again_when_it_is_detached(gateway: StripeGateway, shelf: Shelf) -> None:
    customer = shelf.customer()
    method = shelf.method(customer)
    assert gateway.detach_method(method, key="a").customer is None
    assert gateway.detach_method(method, key="b").customer is None
    with pytest.raises(Refused):
        gateway.attach_method(method, customer=customer, key="c")


def test_takes_a_card_by_a_setup(gateway: StripeGateway, shelf: Shelf) -> None:
    customer = shelf.customer()
    setup = gateway.create_setup(customer=customer, metadata={"purpose": "portal"}, key="setup")
    assert (setup.status, setup.customer, setup.method) == ("requires_payment_method", customer, None)
    assert setup.client_secret.startswith(setup.id)
    shelf.fill_in(setup, card="visa")
    done = gateway.read_setup(setup.id)
    assert (done.status, done.metadata) == ("succeeded", {"purpose": "portal"})
    assert done.method is not None
    assert (done.method.customer, done.method.last4) == (customer, "4242")
    assert gateway.cancel_setup(setup.id, key="too-late").status == "succeeded"


def test_a_setup_tells_of_its_last_failed_try(gateway: StripeGateway, shelf: Shelf) -> None:
    setup = gateway.create_setup(customer=shelf.customer(), metadata={}, key="setup")
    shelf.fill_in(setup, card="visa_chargeDeclinedInsufficientFunds")
    first = gateway.read_setup(setup.id)
    assert isinstance(first.error, Declined)
    assert (first.error.code, first.status) == ("insufficient_funds", "requires_payment_method")
    shelf.fill_in(setup, card="chargeDeclinedExpiredCard")
    second = gateway.read_setup(setup.id)
    assert second.error is not None
    assert second.error.code == "expired_card"
    assert first.attempt
    assert first.attempt != second.attempt
    assert gateway.cancel_setup(setup.id, key="cancel").status == "canceled"


def test_moves_a_subscription_that_the_gateway_bills(gateway: StripeGateway, shelf: Shelf) -> None:
    customer = shelf.customer()
    method = shelf.method(customer)
    subscription = shelf.subscription(customer)
    before = gateway.read_subscription(subscription)
    assert (before.customer, before.status, before.default_method) == (customer, "active", None)
    assert before.current_period_start is not None
    assert before.current_period_end is not None
    assert before.current_period_start < before.current_period_end
    moved = gateway.set_subscription_method(subscription, method=method, key="move")
    assert moved.default_method == method


def test_pays_an_invoice_that_the_gateway_made_exactly_once(gateway: StripeGateway, shelf: Shelf) -> None:
    customer = shelf.customer()
    broken, good = shelf.method(customer, number="4000000000000341"), shelf.method(customer)
    subscription = shelf.subscription(customer, status="past_due")
    invoice = shelf.objects("invoice")[0]["id"]
    assert gateway.read_invoice(invoice).subscription == subscription
    assert gateway.set_invoice_method(invoice, method=good, key="move").default_method == good
    with pytest.raises(Declined):
        gateway.pay_invoice(invoice, method=broken, key="pay-1")
    paid = gateway.pay_invoice(invoice, method=good, key="pay-2")
    assert (paid.status, paid.amount_paid_minor, paid.currency) == ("paid", 1999, "CAD")
    assert paid.payment.startswith("pi_")
    again = gateway.pay_invoice(invoice, method=good, key="pay-3")
    assert again == paid
    assert len([charge for charge in shelf.objects("charge") if charge["status"] == "succeeded"]) == 1


def test_charges_a_payment_exactly_once(gateway: StripeGateway, shelf: Shelf) -> None:
    customer = shelf.customer()
    method = shelf.method(customer)
    made = gateway.create_payment(
        customer=customer,
        amount_minor=500,
        currency="CAD",
        description="INV-1001",
        metadata={"invoice_id": "1"},
        key="a",
    )
    assert (made.amount_minor, made.currency, made.status) == (500, "CAD", "requires_payment_method")
    paid = gateway.confirm_payment(made.id, method=method, key="b")
    assert (paid.status, paid.method) == ("succeeded", method)
    assert gateway.confirm_payment(made.id, method=method, key="c") == paid
    assert gateway.read_payment(made.id) == paid
    assert len(shelf.objects("charge")) == 1


def test_finds_a_payment_by_its_metadata(gateway: StripeGateway, shelf: Shelf) -> None:
    customer = shelf.customer()
    ids = [
        gateway.create_payment(
            customer=customer, amount_minor=500, currency="CAD", description="", metadata={"invoice_id": name}, key=name
        ).id
        for name in ("one", "two")
    ]
    found = gateway.find_payment(customer=customer, metadata={"invoice_id": "one"})
    assert found is not None
    assert found.id == ids[0]
    assert gateway.find_payment(customer=customer, metadata={"invoice_id": "three"}) is None


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        ("4000000000000341", Declined, "generic_decline"),
        ("4000002760003184", NeedsAuthentication, "authentication_required"),
        ("4000008260003178", Declined, "insufficient_funds"),
    ],
)
def test_explains_why_a_charge_failed(
    gateway: StripeGateway, shelf: Shelf, number: str, kind: type[GatewayError], code: str
) -> None:
    customer = shelf.customer()
    method = shelf.method(customer, number=number)
    made = gateway.create_payment(
        customer=customer, amount_minor=500, currency="CAD", description="", metadata={}, key="create"
    )
    with pytest.raises(kind) as caught:
        gateway.confirm_payment(made.id, method=method, key="confirm")
    assert caught.value.code == code
    assert caught.value.gateway_message
    recorded = gateway.read_payment(made.id)
    assert type(recorded.error) is kind
    assert recorded.method == method


def charged(gateway: StripeGateway, shelf: Shelf, number: str = "4242424242424242") -> str:
    """A payment of 5.00 CAD that succeeded."""
    customer = shelf.customer()
    made = gateway.create_payment(
        customer=customer, amount_minor=500, currency="CAD", description="", metadata={}, key=f"create-{customer}"
    )
    method = shelf.method(customer, number=number)
    return gateway.confirm_payment(made.id, method=method, key=f"confirm-{customer}").id


def test_a_payment_lets_the_payers_browser_confirm_it(gateway: StripeGateway, shelf: Shelf) -> None:
    customer = shelf.customer()
    method = shelf.method(customer, number="4000002760003184")
    made = gateway.create_payment(
        customer=customer, amount_minor=500, currency="CAD", description="", metadata={}, key="create"
    )
    assert made.client_secret.startswith(made.id)
    assert made.client_secret not in repr(made)
    browser = stripe.StripeClient(shelf.account["publishable_key"], base_addresses={"api": shelf.sandbox.url})
    browser.v1.payment_intents.confirm(
        made.id, cast(Any, {"client_secret": made.client_secret, "payment_method": method})
    )
    waiting = gateway.read_payment(made.id)
    assert (waiting.status, waiting.next_action, waiting.charge) == ("requires_action", "authenticate", "")
    shelf.sandbox.control("POST", f"authenticate/{made.id}", json={"outcome": "complete"})
    paid = gateway.read_payment(made.id)
    assert (paid.status, paid.next_action) == ("succeeded", "")
    assert paid.charge.startswith("ch_")


def test_cancels_a_payment_and_leaves_one_that_has_ended(gateway: StripeGateway, shelf: Shelf) -> None:
    made = gateway.create_payment(
        customer=shelf.customer(), amount_minor=500, currency="CAD", description="", metadata={}, key="create"
    )
    assert gateway.cancel_payment(made.id, key="a").status == "canceled"
    assert gateway.cancel_payment(made.id, key="b").status == "canceled"
    assert gateway.cancel_payment(charged(gateway, shelf), key="c").status == "succeeded"


def test_gives_money_back_once_and_finds_the_refund(gateway: StripeGateway, shelf: Shelf) -> None:
    payment = charged(gateway, shelf)
    made = gateway.create_refund(payment=payment, amount_minor=200, metadata={"refund": "one"}, key="refund-one-0")
    assert (made.status, made.amount_minor, made.currency, made.payment) == ("succeeded", 200, "CAD", payment)
    again = gateway.create_refund(payment=payment, amount_minor=200, metadata={"refund": "one"}, key="refund-one-0")
    assert again == made
    assert gateway.find_refund(payment=payment, metadata={"refund": "one"}) == made
    assert gateway.find_refund(payment=payment, metadata={"refund": "two"}) is None
    assert gateway.read_refund(made.id) == made
    with pytest.raises(Refused):
        gateway.create_refund(payment=payment, amount_minor=301, metadata={}, key="refund-two-0")
    gateway.create_refund(payment=payment, amount_minor=300, metadata={}, key="refund-three-0")
    with pytest.raises(Refused) as caught:
        gateway.create_refund(payment=payment, amount_minor=1, metadata={}, key="refund-four-0")
    assert caught.value.code == "charge_already_refunded"


@pytest.mark.parametrize(
    ("number", "first", "last"),
    [("4000000000007726", "pending", "succeeded"), ("4000000000005126", "succeeded", "failed")],
)
def test_a_refund_may_take_days_or_fail_later(
    gateway: StripeGateway, shelf: Shelf, number: str, first: str, last: str
) -> None:
    payment = charged(gateway, shelf, number)
    made = gateway.create_refund(payment=payment, amount_minor=500, metadata={}, key="refund")
    assert (made.status, made.failure_code) == (first, "")
    shelf.sandbox.control("POST", f"settle/{made.id}")
    now = gateway.read_refund(made.id)
    assert now.status == last
    assert now.failure_code == ("expired_or_canceled_card" if last == "failed" else "")


def test_leads_to_the_gateways_own_log(gateway: StripeGateway) -> None:
    assert gateway.log_url("req_1").endswith("/test/logs/req_1")
    assert gateway.log_url("") == ""


def every_call(gateway: StripeGateway) -> list[Callable[[], Any]]:
    return [
        gateway.read_account,
        lambda: gateway.accepts_publishable_key("pk_test_x", key="k"),
        lambda: gateway.register_webhook(url="https://example.com/", event_types=["invoice.paid"], key="k"),
        lambda: gateway.create_customer(details=DETAILS, key="k"),
        lambda: gateway.read_customer("cus_1"),
        lambda: gateway.update_customer("cus_1", details=DETAILS, key="k"),
        lambda: gateway.set_default_method("cus_1", method="pm_1", key="k"),
        lambda: gateway.read_method("pm_1"),
        lambda: gateway.attach_method("pm_1", customer="cus_1", key="k"),
        lambda: gateway.update_method("pm_1", key="k", holder_name="Bob"),
        lambda: gateway.detach_method("pm_1", key="k"),
        lambda: gateway.create_setup(customer="cus_1", metadata={}, key="k"),
        lambda: gateway.read_setup("seti_1"),
        lambda: gateway.cancel_setup("seti_1", key="k"),
        lambda: gateway.read_subscription("sub_1"),
        lambda: gateway.set_subscription_method("sub_1", method="pm_1", key="k"),
        lambda: gateway.read_invoice("in_1"),
        lambda: gateway.set_invoice_method("in_1", method="pm_1", key="k"),
        lambda: gateway.pay_invoice("in_1", method="pm_1", key="k"),
        lambda: gateway.create_payment(
            customer="cus_1", amount_minor=1, currency="CAD", description="", metadata={}, key="k"
        ),
        lambda: gateway.find_payment(customer="cus_1", metadata={}),
        lambda: gateway.read_payment("pi_1"),
        lambda: gateway.confirm_payment("pi_1", method="pm_1", key="k"),
        lambda: gateway.cancel_payment("pi_1", key="k"),
        lambda: gateway.create_refund(payment="pi_1", amount_minor=1, metadata={}, key="k"),
        lambda: gateway.find_refund(payment="pi_1", metadata={}),
        lambda: gateway.read_refund("re_1"),
    ]


@pytest.mark.django_db(transaction=True)
def test_no_call_is_made_inside_a_transaction(sandbox: Sandbox) -> None:
    calls = every_call(gateway_of(sandbox))
    public = {name for name in dir(StripeGateway) if not name.startswith("_")} - {"log_url"}
    assert len(calls) == len(public)
    for call in calls:
        with transaction.atomic(), pytest.raises(OpenTransaction):
            call()
    assert sandbox.requests() == []


def test_the_other_end_holds_requests_to_the_contract(shelf: Shelf) -> None:
    """What passes in this file would not, were it not in the installed version's own parameter types."""
    for params in ({"colour": "red"}, {"preferred_locales": "fr"}, {"address": {"postcode": "H3B"}}):
        with pytest.raises(stripe.InvalidRequestError):
            shelf.stripe.raw_request("post", "/v1/customers", **params)


def test_only_the_adapter_imports_stripe() -> None:
    importers = {
        path.relative_to(settings.BASE_DIR).as_posix()
        for package in apps.get_app_configs()
        if Path(package.path).parent == settings.BASE_DIR
        for path in Path(package.path).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "stripe" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "stripe")
    }
    assert importers
    assert all(path.startswith("payments/gateway/stripe_adapter/") for path in importers)


def test_what_is_sent_says_the_installed_version_and_our_own_keys(gateway: StripeGateway, shelf: Shelf) -> None:
    customer = gateway.create_customer(details=DETAILS, key="customer-1").id
    gateway.read_customer(customer)
    gateway.set_default_method(customer, method=shelf.method(customer), key="step-1-0")
    sent = [line for line in shelf.sandbox.requests(account="acme") if line["method"] == "POST"]
    assert {line["version"] for line in sent} == {stripe.api_version}
    assert [line["idempotency_key"] for line in sent] == ["customer-1", "step-1-0"]


def test_its_representation_keeps_the_key(shelf: Shelf) -> None:
    secret = shelf.account["secret_key"]
    assert secret not in repr(shelf.gateway)
    assert secret not in shelf.gateway.account_key
