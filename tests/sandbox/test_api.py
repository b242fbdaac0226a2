from typing import Any

import httpx
import pytest
import stripe

from sandbox import cards
from sandbox.api.routes import TABLE
from sandbox.contract import compiled
from tests.sandbox.conftest import Tenant


def refusal(call: Any, *arguments: object) -> Any:
    with pytest.raises(stripe.StripeError) as refused:
        call(*arguments)
    return refused.value


def test_every_contract_compiles() -> None:
    for _, contract, _ in TABLE:
        compiled(contract)


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"nickname": "x"}, "parameter_unknown", "nickname"),
        ({"address": {"planet": "x"}}, "parameter_unknown", "address[planet]"),
        ({"balance": "much"}, "parameter_invalid_integer", "balance"),
        ({"email": "nobody"}, "email_invalid", "email"),
        ({"metadata": {"k" * 41: "x"}}, None, "metadata"),
        ({"tax_exempt": "perhaps"}, None, "tax_exempt"),
    ],
)
def test_refuses_what_does_not_fit_the_contract(
    shop: Tenant, params: dict[str, Any], code: str | None, param: str
) -> None:
    error = refusal(shop.v1.customers.create, params)
    assert error.error.type == "invalid_request_error"
    assert (error.code, error.param, error.http_status) == (code, param, 400)
    assert error.error.request_log_url.endswith(f"/logs/{error.request_id}")
    assert shop.box.http.get(error.error.request_log_url).status_code == 200


def test_names_what_is_missing(shop: Tenant) -> None:
    error = refusal(shop.v1.subscriptions.create, {"items": [{"price": "price_x"}]})
    assert (error.code, error.param) == ("parameter_missing", "customer")
    assert refusal(shop.v1.setup_intents.create, {"payment_method_types": ["card"]}).code == "parameter_unknown"


def test_authentication(shop: Tenant) -> None:
    url = shop.box.url + "/v1/customers"
    assert httpx.get(url).status_code == 401
    wrong = httpx.get(url, headers={"Authorization": "Bearer sk_test_nobody12345"})
    assert wrong.status_code == 401
    assert wrong.json()["error"]["message"].startswith("Invalid API Key provided: sk_test_")
    assert "nobody1" not in wrong.text
    assert httpx.get(url, auth=(shop.keys["secret_key"], "")).status_code == 200
    assert httpx.get(url, headers={"Authorization": f"Bearer {shop.keys['publishable_key']}"}).status_code == 403
    assert httpx.get(url, auth=(f"sk_test_sandbox_{shop.slug}_any", "")).status_code == 200


def test_unknown_address(shop: Tenant) -> None:
    answer = httpx.get(shop.box.url + "/v1/planets", auth=(shop.keys["secret_key"], ""))
    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith("Unrecognized request URL (GET: /v1/planets)")


def test_pages_through_a_list(shop: Tenant) -> None:
    made = [shop.customer(name=str(number)).id for number in range(7)]
    found = shop.v1.customers.list({"limit": 3})
    assert [one.id for one in found.data] == made[:3:-1]
    assert found.has_more
    assert [one.id for one in found.auto_paging_iter()] == made[::-1]
    newer = shop.v1.customers.list({"limit": 2, "ending_before": made[2]})
    assert [one.id for one in newer.data] == [made[4], made[3]]
    assert newer.has_more
    error = refusal(shop.v1.customers.list, {"starting_after": "cus_none"})
    assert (error.code, error.param) == ("resource_missing", "starting_after")
    assert refusal(shop.v1.customers.list, {"limit": 101}).param == "limit"


def test_customer_fields_and_clearing(shop: Tenant) -> None:
    customer = shop.customer(metadata={"a": "1", "b": "2"}, address={"country": "FR", "city": "Lyon"})
    changed = shop.v1.customers.update(customer.id, {"address": "", "name": "", "metadata": {"a": ""}})
    assert (changed.address, changed.name, changed.metadata.to_dict()) == (None, None, {"b": "2"})
    assert shop.v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}
    assert [one.id for one in shop.v1.customers.list({"email": "alice@example.com"}).data] == [customer.id]
    previous = shop.v1.events.list({"type": "customer.updated"}).data[-1].data.previous_attributes.to_dict()
    assert previous["name"] == "Alice"
    assert previous["metadata"] == {"a": "1"}


def test_deleting_a_customer(shop: Tenant) -> None:
    customer, method = shop.with_card()
    shop.v1.customers.delete(customer.id)
    assert shop.v1.customers.retrieve(customer.id).deleted
    assert refusal(shop.v1.customers.update, customer.id, {"name": "x"}).http_status == 404
    assert shop.v1.payment_methods.retrieve(method.id).customer is None
    assert shop.event_types()[-1] == "customer.deleted"


def test_default_must_be_attached_to_that_customer(shop: Tenant) -> None:
    customer, _ = shop.with_card()
    _, other = shop.with_card()
    error = refusal(shop.v1.customers.update, customer.id, {"invoice_settings": {"default_payment_method": other.id}})
    assert (error.code, error.param) == ("resource_missing", "invoice_settings[default_payment_method]")


def test_detaching_forgets_every_default(shop: Tenant) -> None:
    customer, method = shop.with_card()
    subscription = shop.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.price()}], "default_payment_method": method.id}
    )
    shop.v1.payment_methods.detach(method.id)
    assert shop.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    assert shop.v1.subscriptions.retrieve(subscription.id).default_payment_method is None
    assert "may not be used again" in str(refusal(shop.v1.payment_methods.attach, method.id, {"customer": customer.id}))
    assert "not attached" in str(refusal(shop.v1.payment_methods.detach, method.id))
    detached = shop.v1.events.list({"type": "payment_method.detached"}).data[0]
    assert detached.data.previous_attributes.to_dict() == {"customer": customer.id}


def test_edits_only_what_a_saved_card_allows(shop: Tenant) -> None:
    _, method = shop.with_card()
    changed = shop.v1.payment_methods.update(
        method.id, {"card": {"exp_month": 3, "exp_year": 2040}, "billing_details": {"name": "Al"}}
    )
    assert (changed.card.exp_month, changed.card.exp_year, changed.billing_details.name) == (3, 2040, "Al")
    assert refusal(shop.v1.payment_methods.update, method.id, {"card": {"number": "4"}}).code == "parameter_unknown"
    past = refusal(shop.v1.payment_methods.update, method.id, {"card": {"exp_month": 1, "exp_year": 2020}})
    assert past.code == "invalid_expiry_year"


def test_expands(shop: Tenant) -> None:
    customer, method = shop.with_card()
    price = shop.price()
    subscription = shop.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price}],
            "default_payment_method": method.id,
            "expand": ["latest_invoice.payments", "default_payment_method", "customer"],
        }
    )
    assert subscription.status == "active"
    assert subscription.default_payment_method.card.last4 == "4242"
    assert subscription.latest_invoice.payments.data[0].payment.payment_intent.startswith("pi_")
    found = shop.v1.subscriptions.list({"customer": customer.id, "expand": ["data.customer"]})
    assert found.data[0].customer.name == "Alice"
    assert "cannot be expanded" in str(refusal(shop.v1.customers.retrieve, customer.id, {"expand": ["shoe"]}))


def test_nothing_private_leaves(shop: Tenant) -> None:
    _, method = shop.with_card()
    answer = httpx.get(f"{shop.box.url}/v1/payment_methods/{method.id}", auth=(shop.keys["secret_key"], ""))
    assert "4242424242424242" not in answer.text
    assert not [name for name in answer.json() if name.startswith("_")]


def test_pays_a_past_due_invoice_once(shop: Tenant) -> None:
    customer, _ = shop.past_due("in_pd", "sub_pd", card="4000000000000341")
    assert refusal(shop.v1.invoices.pay, "in_pd").http_status == 402
    assert shop.v1.invoices.retrieve("in_pd").attempt_count == 2
    good = shop.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    invoice = shop.v1.invoices.pay("in_pd", {"payment_method": good.id, "off_session": True, "expand": ["payments"]})
    assert (invoice.status, invoice.amount_paid, invoice.payments.data[0].status) == ("paid", 1900, "paid")
    assert shop.v1.subscriptions.retrieve("sub_pd").status == "active"
    assert str(refusal(shop.v1.invoices.pay, "in_pd").user_message) == "Invoice is already paid"
    assert sum(charge.paid for charge in shop.v1.charges.list({"customer": customer}).data) == 1


def test_invoice_pays_by_priority(shop: Tenant) -> None:
    customer, own = shop.past_due("in_pr", "sub_pr")
    other = shop.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer})
    shop.v1.subscriptions.update("sub_pr", {"default_payment_method": other.id})
    shop.v1.invoices.pay("in_pr")
    assert shop.v1.charges.list({"customer": customer}).data[0].payment_method == other.id != own


def test_invoice_without_a_method(shop: Tenant) -> None:
    _, method = shop.past_due("in_no", "sub_no")
    shop.v1.payment_methods.detach(method)
    assert "no attached payment source" in str(refusal(shop.v1.invoices.pay, "in_no"))


def test_drafts_an_invoice_and_voids_it(shop: Tenant) -> None:
    customer, _ = shop.with_card()
    shop.v1.invoice_items.create({"customer": customer.id, "amount": 700, "currency": "eur"})
    invoice = shop.v1.invoices.create({"customer": customer.id, "pending_invoice_items_behavior": "include"})
    assert (invoice.status, invoice.amount_due) == ("draft", 700)
    assert shop.v1.invoices.finalize_invoice(invoice.id).status == "open"
    assert shop.v1.invoices.void_invoice(invoice.id).status == "void"
    assert [one.id for one in shop.v1.invoices.list({"status": "void"}).data] == [invoice.id]


def test_subscription_life(shop: Tenant) -> None:
    customer, _ = shop.with_card()
    made = shop.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.price()}], "trial_period_days": 7}
    )
    assert (made.status, made.items.data[0].current_period_end) == ("trialing", made.trial_end)
    ending = shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert ending.cancel_at == made.trial_end
    assert shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": False}).cancel_at is None
    assert shop.v1.subscriptions.cancel(made.id).status == "canceled"
    assert shop.v1.subscriptions.list({"customer": customer.id}).data == []
    assert len(shop.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data) == 1


def test_refund(shop: Tenant) -> None:
    customer, method = shop.with_card()
    terms = {"amount": 500, "currency": "eur", "customer": customer.id, "payment_method": method.id}
    intent = shop.v1.payment_intents.create({**terms, "confirm": True, "off_session": True})
    assert intent.status == "succeeded"
    assert shop.v1.refunds.create({"payment_intent": intent.id, "amount": 200}).status == "succeeded"
    shop.v1.refunds.create({"payment_intent": intent.id})
    assert refusal(shop.v1.refunds.create, {"payment_intent": intent.id}).code == "charge_already_refunded"
    assert shop.v1.charges.retrieve(intent.latest_charge).refunded


def test_vanished_and_refreshed_by_the_network(shop: Tenant) -> None:
    _, method = shop.with_card()
    shop.box.control("POST", f"card_updater/{method.id}", json={"exp_year": 2041, "last4": "0005"})
    assert shop.v1.payment_methods.retrieve(method.id).card.last4 == "0005"
    assert shop.event_types()[-1] == "payment_method.automatically_updated"
    shop.box.control("POST", f"vanish/{method.id}")
    assert refusal(shop.v1.payment_methods.retrieve, method.id).code == "resource_missing"


def test_a_seed_can_be_repeated(shop: Tenant) -> None:
    shop.past_due("in_sd", "sub_sd")
    shop.v1.subscriptions.update("sub_sd", {"metadata": {"mine": "1"}})
    shop.past_due("in_sd", "sub_sd")
    assert shop.v1.subscriptions.retrieve("sub_sd").metadata.mine == "1"
    assert len(shop.v1.customers.list().data) == 1


def test_every_test_card_is_well_formed() -> None:
    assert [card.number for card in cards.CARDS if not cards.passes_luhn(card.number)] == []
