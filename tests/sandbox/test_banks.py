"""Bank accounts: saved with a mandate, verified by small deposits, debited in their own time."""

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Collector, Tenant, error_of, wait_for

MANDATE = {"customer_acceptance": {"type": "offline"}}
HOLDER = {"name": "Alice", "email": "alice@example.com"}


def saved(shop: Tenant, method: str, kind: str = "sepa_debit") -> tuple[str, Any]:
    """A customer, and the setup of that method by our server."""
    customer = shop.customer().id
    setup = shop.v1.setup_intents.create(
        {
            "customer": customer,
            "allowed_payment_method_types": ["card", kind],
            "payment_method": method,
            "confirm": True,
            "mandate_data": MANDATE,
            "expand": ["payment_method"],
        }
    )
    return customer, setup


def debit(shop: Tenant, customer: str, method: str, currency: str = "eur") -> Any:
    return shop.v1.payment_intents.create(
        {
            "customer": customer,
            "amount": 1900,
            "currency": currency,
            "payment_method": method,
            "confirm": True,
            "off_session": True,
        }
    )


def settle(shop: Tenant, object_id: str, outcome: str | None = None) -> Any:
    return shop.control("POST", f"settle/{object_id}", json={"outcome": outcome} if outcome else {})


def verify(shop: Tenant, setup: str, **answer: Any) -> Any:
    return shop.v1.setup_intents.verify_microdeposits(setup, answer)


def test_an_iban_is_saved_with_a_mandate_and_debited_days_later(shop: Tenant) -> None:
    customer, setup = saved(shop, "pm_success_de")
    assert (setup.status, setup.payment_method.customer) == ("succeeded", customer)
    method = setup.payment_method
    assert (method.type, method.sepa_debit.last4, method.sepa_debit.country) == ("sepa_debit", "3000", "DE")
    assert shop.v1.mandates.retrieve(setup.mandate).payment_method == method.id
    payment = debit(shop, customer, method.id)
    assert payment.status == "processing"
    assert shop.v1.charges.retrieve(payment.latest_charge).status == "pending"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.payment_intents.cancel(payment.id)
    assert error_of(refused).code == "payment_intent_unexpected_state"
    settle(shop, payment.id)
    assert shop.v1.payment_intents.retrieve(payment.id).status == "succeeded"
    charge = shop.v1.charges.retrieve(payment.latest_charge)
    assert (charge.status, charge.amount_captured) == ("succeeded", 1900)
    assert shop.event_types()[-4:] == [
        "charge.pending",
        "payment_intent.processing",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


@pytest.mark.parametrize(
    ("token", "kind", "currency", "code"),
    [
        ("pm_failed_de", "sepa_debit", "eur", "generic_could_not_process"),
        ("pm_insufficientFunds_de", "sepa_debit", "eur", "insufficient_funds"),
        ("pm_usBankAccount_accountClosed", "us_bank_account", "usd", "account_closed"),
        ("pm_usBankAccount_debitNotAuthorized", "us_bank_account", "usd", "debit_not_authorized"),
    ],
)
def test_test_accounts_say_why_a_debit_fails(shop: Tenant, token: str, kind: str, currency: str, code: str) -> None:
    customer, setup = saved(shop, token, kind)
    if kind == "us_bank_account":
        setup = verify(shop, setup.id, descriptor_code="SM11AA", expand=["payment_method"])
    payment = debit(shop, customer, setup.payment_method.id, currency)
    settle(shop, payment.id)
    now = shop.v1.payment_intents.retrieve(payment.id)
    assert (now.status, now.last_payment_error.code) == ("requires_payment_method", code)
    assert now.last_payment_error.payment_method.id == setup.payment_method.id
    assert shop.v1.charges.retrieve(now.latest_charge).failure_code == code


@pytest.mark.parametrize("answer", [{"amounts": [32, 45]}, {"amounts": [45, 32]}, {"descriptor_code": "SM11AA"}])
def test_a_us_account_is_verified_by_its_deposits(shop: Tenant, answer: Any) -> None:
    customer, setup = saved(shop, "pm_usBankAccount_success", "us_bank_account")
    assert (setup.status, setup.next_action.type) == ("requires_action", "verify_with_microdeposits")
    assert setup.payment_method.customer is None
    with pytest.raises(stripe.InvalidRequestError) as refused:
        verify(shop, setup.id, descriptor_code="SM00XX")
    assert error_of(refused).code == "payment_method_microdeposit_verification_descriptor_code_mismatch"
    done = verify(shop, setup.id, **answer, expand=["payment_method"])
    assert (done.status, done.payment_method.customer) == ("succeeded", customer)
    assert shop.event_types()[-1] == "setup_intent.succeeded"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"amounts": [10, 11]}, "payment_method_microdeposit_verification_attempts_exceeded"),
        ({"descriptor_code": "SM44DD"}, "payment_method_microdeposit_verification_timeout"),
    ],
)
def test_a_verification_may_end_without_success(shop: Tenant, answer: Any, code: str) -> None:
    _, setup = saved(shop, "pm_usBankAccount_success", "us_bank_account")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        verify(shop, setup.id, **answer)
    assert error_of(refused).code == code
    now = shop.v1.setup_intents.retrieve(setup.id)
    assert (now.status, now.last_setup_error.code) == ("requires_payment_method", code)
    assert shop.event_types()[-1] == "setup_intent.setup_failed"


def test_three_wrong_amounts_end_a_verification(shop: Tenant) -> None:
    _, setup = saved(shop, "pm_usBankAccount_success", "us_bank_account")
    codes = []
    for _turn in range(3):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            verify(shop, setup.id, amounts=[1, 2])
        codes.append(error_of(refused).code.rpartition("verification_")[2])
    assert codes == ["amounts_mismatch", "amounts_mismatch", "attempts_exceeded"]


def test_deposits_that_cannot_be_sent_end_the_entry(shop: Tenant) -> None:
    _, setup = saved(shop, "pm_usBankAccount_failMicrodeposits", "us_bank_account")
    settle(shop, setup.id)
    now = shop.v1.setup_intents.retrieve(setup.id)
    assert (now.status, now.last_setup_error.code) == ("requires_payment_method", "payment_method_microdeposit_failed")


def test_the_holder_verifies_on_the_gateways_own_page(shop: Tenant) -> None:
    _, setup = saved(shop, "pm_usBankAccount_success", "us_bank_account")
    page = setup.next_action.verify_with_microdeposits.hosted_verification_url
    http = shop.box.http
    assert "Stripe Test Bank" not in http.get(page.partition("?")[0] + "?token=guess").text
    assert http.get(page).status_code == 200
    address, _, token = page.partition("?token=")
    wrong = http.post(address, data={"token": token, "code": "SM00XX"})
    assert wrong.status_code == 422
    assert "did not match" in wrong.text
    assert "is verified" in http.post(address, data={"token": token, "code": "sm11aa"}).text
    assert shop.v1.setup_intents.retrieve(setup.id).status == "succeeded"
    assert "is verified" in http.get(page).text


def test_what_a_bank_account_needs(shop: Tenant) -> None:
    customer = shop.customer().id
    setup = {"customer": customer, "allowed_payment_method_types": ["sepa_debit"], "confirm": True}
    details: dict[str, Any] = {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"payment_method": "pm_success_de"}, "payment_intent_mandate_invalid"),
        ({"payment_method": "pm_card_visa"}, "setup_intent_invalid_parameter"),
        ({"payment_method_data": details}, "parameter_missing"),
        (
            {"payment_method_data": {**details, "sepa_debit": {"iban": "DE89370400440532013001"}}},
            "invalid_bank_account_iban",
        ),
    ]
    for more, code in cases:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.setup_intents.create({**setup, **more})
        assert error_of(refused).code == code
    method = shop.v1.payment_methods.create({**details, "billing_details": HOLDER})
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.payment_methods.attach(method.id, {"customer": customer})


def test_a_debit_pays_its_own_currency_only(shop: Tenant) -> None:
    customer, setup = saved(shop, "pm_success_de")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        debit(shop, customer, setup.payment_method.id, "usd")
    assert error_of(refused).code == "payment_intent_incompatible_payment_method"
    card_only = shop.v1.payment_intents.create(
        {"customer": customer, "amount": 100, "currency": "eur", "allowed_payment_method_types": ["card"]}
    )
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.payment_intents.confirm(card_only.id, {"payment_method": setup.payment_method.id})


def test_a_bank_takes_its_time_over_refunds_too(shop: Tenant) -> None:
    customer, setup = saved(shop, "pm_success_de")
    payment = debit(shop, customer, setup.payment_method.id)
    settle(shop, payment.id)
    refund = shop.v1.refunds.create({"payment_intent": payment.id, "amount": 900})
    assert refund.status == "pending"
    settle(shop, refund.id)
    assert shop.v1.refunds.retrieve(refund.id).status == "succeeded"
    settle(shop, refund.id, "fail")
    assert shop.v1.refunds.retrieve(refund.id).failure_reason == "unknown"
    assert shop.v1.charges.retrieve(payment.latest_charge).amount_refunded == 0
    assert shop.event_types()[-5:] == [
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "refund.updated",
        "refund.failed",
    ]


def test_an_invoice_of_the_gateways_waits_for_the_bank(shop: Tenant) -> None:
    customer, setup = saved(shop, "pm_success_de")
    method = setup.payment_method.id
    subscription = shop.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": shop.price()}], "default_payment_method": method}
    )
    invoice = subscription.latest_invoice
    assert shop.v1.invoices.retrieve(invoice).status == "open"
    payment = shop.control("GET", "objects/payment_intent")[0]["id"]
    settle(shop, payment)
    assert shop.v1.invoices.retrieve(invoice).status == "paid"


def test_bank_accounts_can_be_seeded_and_debited(shop: Tenant) -> None:
    methods = [
        {"id": "pm_eu", "iban": "FR1420041010050500013M02606"},
        {"id": "pm_us", "account_number": "000123456789"},
    ]
    shop.control(
        "POST", "seed", json={"account": shop.slug, "customers": [{"id": "cus_b", "payment_methods": methods}]}
    )
    assert debit(shop, "cus_b", "pm_eu").status == "processing"
    assert debit(shop, "cus_b", "pm_us", "usd").status == "processing"


def test_account_numbers_are_not_in_the_request_log(shop: Tenant) -> None:
    shop.v1.payment_methods.create(
        {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}, "billing_details": HOLDER}
    )
    assert shop.requests(path="/v1/payment_methods")[0]["params"]["sepa_debit"]["iban"] == "****3000"


def test_the_end_of_a_debit_is_told_by_a_signed_webhook(shop: Tenant, collector: Collector) -> None:
    endpoint = shop.v1.webhook_endpoints.create(
        {"url": f"{collector.url}/hook", "enabled_events": ["payment_intent.succeeded"]}
    )
    customer, setup = saved(shop, "pm_success_de")
    payment = debit(shop, customer, setup.payment_method.id)
    settle(shop, payment.id)
    wait_for(lambda: collector.received)
    _, headers, body = collector.received[0]
    event = stripe.Webhook.construct_event(body, headers["stripe-signature"], endpoint.secret)
    assert event.data.object.id == payment.id


def test_pages_offer_the_banks_answer(shop: Tenant) -> None:
    customer, setup = saved(shop, "pm_success_de")
    payment = debit(shop, customer, setup.payment_method.id)
    http = shop.box.http
    assert "SEPA •••• 3000" in http.get(f"/accounts/{shop.slug}/customers/{customer}").text
    shown = http.get(f"/accounts/{shop.slug}/objects/payment_intent/{payment.id}")
    assert "The bank accepts" in shown.text
    done = http.post(f"/accounts/{shop.slug}/settle/{payment.id}", data={"outcome": "fail"})
    assert done.status_code == 303
    assert shop.v1.payment_intents.retrieve(payment.id).status == "requires_payment_method"
