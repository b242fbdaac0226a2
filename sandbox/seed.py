"""Bulk creation for demonstration and load data: ids are the caller's, no events are sent, one commit.

What exists already under an id is left as it is, so a seed can be repeated.
"""

from typing import Any

from . import banks, cards
from .api import bank_methods, catalog, customers, invoices, mandates, payment_methods, subscriptions
from .api.call import Call, new_id
from .store import Json

DAY = 86400


def seed_account(call: Call, given: Json) -> Json:
    """``{products, prices, customers: [{payment_methods, subscriptions, invoices}]}`` -> counts of what was made."""
    counts = dict.fromkeys(("products", "prices", "customers", "payment_methods", "subscriptions", "invoices"), 0)
    for one in given.get("products") or []:
        counts["products"] += put(call, catalog.build_product(call, one["id"], one), one)
    for one in given.get("prices") or []:
        recurring = (
            {"interval": one["interval"], "interval_count": one.get("interval_count", 1)}
            if one.get("interval")
            else None
        )
        price = catalog.build_price(call, {**one, "recurring": one.get("recurring") or recurring})
        counts["prices"] += put(call, price, one)
    for one in given.get("customers") or []:
        seed_customer(call, one, counts)
    return counts


def put(call: Call, obj: Json, given: Json) -> int:
    """Save under the caller's id and creation time, unless it is there already."""
    obj["id"] = given.get("id") or obj["id"]
    obj["created"] = given.get("created", obj["created"])
    if obj["id"] in call.account.shelf(obj["object"]).items:
        return 0
    call.save(obj)
    return 1


def seed_customer(call: Call, given: Json, counts: Json) -> None:
    customer_id = given.get("id") or new_id("customer")
    customer = call.account.shelf("customer").items.get(customer_id)
    if customer is None:
        maker = Call(call.store, call.account, {}, now=given.get("created", call.now))
        customer = customers.create(maker)
        call.store.remove(call.account, "customer", customer["id"])
        drop_last_event(call)
        customer["id"] = customer_id
        fields = (
            "name",
            "email",
            "phone",
            "description",
            "address",
            "shipping",
            "metadata",
            "preferred_locales",
            "tax_exempt",
        )
        present = {name: given[name] for name in fields if given.get(name) is not None}
        customers.apply(call, customer, present)
        counts["customers"] += put(call, customer, given)
    for one in given.get("payment_methods") or []:
        counts["payment_methods"] += seed_method(call, customer_id, one)
    if given.get("default_payment_method"):
        customer["invoice_settings"]["default_payment_method"] = given["default_payment_method"]
        call.save(customer)
    for one in given.get("subscriptions") or []:
        counts["subscriptions"] += seed_subscription(call, customer, one, counts)
    for one in given.get("invoices") or []:
        counts["invoices"] += seed_invoice(call, customer, one, None)


def drop_last_event(call: Call) -> None:
    shelf = call.account.shelf("event")
    event_id = shelf.order.pop()
    shelf.position.pop(event_id)
    shelf.items.pop(event_id)
    call.store.dirty.pop((call.account.slug, "event", event_id), None)


def seed_method(call: Call, customer_id: str, given: Json) -> int:
    """``number`` is a test card's, or ``card`` its name (``visa``, ``mastercard``, ...); any expiry, past ones too.

    ``iban``, or ``account_number`` (with ``routing_number``), makes a bank account, verified and with its mandate.
    """
    if given.get("iban") or given.get("account_number"):
        return seed_bank_account(call, customer_id, given)
    number = str(given.get("number") or "").replace(" ", "")
    card = cards.BY_NUMBER[number] if number else cards.BY_TOKEN[given.get("card") or "visa"]
    method = payment_methods.from_test_card(call, card, given.get("exp_month", 12), given.get("exp_year", 2034))
    details = given.get("billing_details")
    method["billing_details"] = payment_methods.billing_details(method["billing_details"], details)
    method["metadata"] = given.get("metadata") or {}
    if given.get("last4"):
        method["card"]["last4"] = given["last4"]
    if given.get("fingerprint"):
        method["card"]["fingerprint"] = given["fingerprint"]
    method["card"]["checks"]["cvc_check"] = "pass"
    method["_authenticated"] = card.setup_auth
    method["customer"] = customer_id
    made = put(call, method, given)
    if made and given.get("detached"):
        method.update(customer=None, _used_up=True, _detached_from=customer_id, _detached_at=call.now)
        call.save(method)
    return made


def seed_bank_account(call: Call, customer_id: str, given: Json) -> int:
    account = (
        banks.read_iban(given["iban"])
        if given.get("iban")
        else banks.read_us_account(given.get("routing_number") or banks.TEST_ROUTING, given["account_number"])
    )
    method = bank_methods.from_account(call, account)
    method["billing_details"] = payment_methods.billing_details(method["billing_details"], given.get("billing_details"))
    if given.get("last4"):
        method[account.kind]["last4"] = given["last4"]
    if given.get("bank_name") and account.kind == banks.US:
        method[account.kind]["bank_name"] = given["bank_name"]
    method["metadata"] = given.get("metadata") or {}
    method["customer"], method["_verified"] = customer_id, True
    made = put(call, method, given)
    if made:
        mandates.record(call, method)
    return made


def seed_subscription(call: Call, customer: Json, given: Json, counts: Json) -> int:
    """``price`` (an id) or ``items``; ``status``; ``current_period_start/end``; ``invoice`` becomes the latest one."""
    if given.get("id") in call.account.shelf("subscription").items:
        return 0
    items = given.get("items") or [{"price": given["price"], "quantity": given.get("quantity", 1)}]
    subscription = subscriptions.build(call, customer, {**given, "items": items})
    subscription_id = given.get("id") or subscription["id"]
    status = given.get("status", "active")
    start = given.get("current_period_start", call.now)
    for index, item in enumerate(subscription["items"]["data"]):
        end = given.get("current_period_end", start + subscriptions.period_of(item["price"]))
        item.update(
            id=items[index].get("id") or item["id"],
            subscription=subscription_id,
            current_period_start=start,
            current_period_end=end,
        )
    subscription["items"]["url"] = f"/v1/subscription_items?subscription={subscription_id}"
    subscription["status"] = status
    if status == "trialing":
        end = subscription["items"]["data"][0]["current_period_end"]
        subscription.update(trial_start=start, trial_end=given.get("trial_end", end))
    if status == "canceled":
        ended = given.get("ended_at", call.now)
        subscription.update(ended_at=ended, canceled_at=ended)
    subscription["start_date"] = given.get("start_date", given.get("created", call.now))
    made = put(call, subscription, {**given, "id": subscription_id})
    invoice = given.get("invoice")
    if invoice is None and status in ("past_due", "unpaid", "incomplete"):
        invoice = {"status": "open"}
    if invoice is not None:
        counts["invoices"] += seed_invoice(call, customer, invoice, subscription)
    return made


def seed_invoice(call: Call, customer: Json, given: Json, subscription: Json | None) -> int:
    if given.get("id") in call.account.shelf("invoice").items:
        return 0
    currency = given.get("currency") or (subscription or {}).get("currency") or call.account.default_currency
    linked = subscription["id"] if subscription else given.get("subscription")
    invoice = invoices.build(call, customer, currency, linked)
    invoice_id = given.get("id") or invoice["id"]
    invoice["id"] = invoice_id
    invoice["lines"]["url"] = f"/v1/invoices/{invoice_id}/lines"
    invoices.add_line(call, invoice, amount_of(given, subscription), given.get("description"))
    status = given.get("status", "open")
    failed = status == "open" and invoice["billing_reason"] == "subscription_cycle"
    invoice.update(
        status=status,
        auto_advance=True,
        attempted=given.get("attempted", failed or status == "paid"),
        attempt_count=given.get("attempt_count", 1 if failed or status == "paid" else 0),
        next_payment_attempt=given.get("next_payment_attempt", call.now + 3 * DAY if failed else None),
        default_payment_method=given.get("default_payment_method"),
        due_date=given.get("due_date"),
        description=given.get("description"),
        collection_method=given.get("collection_method", "charge_automatically"),
        metadata=given.get("metadata") or {},
        number=given.get("number") or f"{customer.get('invoice_prefix') or 'INV'}-{counted(call, customer):04d}",
    )
    invoice["status_transitions"]["finalized_at"] = given.get("created", call.now)
    if status == "paid":
        invoice.update(amount_paid=invoice["amount_due"], amount_remaining=0, _paid_with=given.get("paid_with"))
        invoice["status_transitions"]["paid_at"] = given.get("paid_at", given.get("created", call.now))
    made = put(call, invoice, {**given, "id": invoice_id})
    if subscription is not None:
        subscription["latest_invoice"] = invoice_id
        call.save(subscription)
    return made


def counted(call: Call, customer: Json) -> int:
    return len(call.of_customer("invoice", customer["id"])) + 1


def amount_of(given: Json, subscription: Json | None) -> int:
    amount: Any = given.get("amount_due", given.get("amount"))
    if amount is None and subscription is not None:
        amount = sum((item["price"]["unit_amount"] or 0) * item["quantity"] for item in subscription["items"]["data"])
    return int(amount or 0)
