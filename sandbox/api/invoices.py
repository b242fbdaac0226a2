"""https://docs.stripe.com/api/invoices"""

from typing import Any

from ..errors import invalid_request
from ..store import Json
from . import invoice_payments
from .call import Call, merge_metadata, new_id, none_if_empty, snapshot
from .customers import require_attached
from .lists import in_range, page


def create(call: Call) -> Json:
    params = call.params
    subscription_id = params.get("subscription")
    if subscription_id:
        subscription = call.find("subscription", subscription_id, param="subscription")
        customer_id: str = params.get("customer") or subscription["customer"]
    else:
        customer_id = params.get("customer") or ""
        if not customer_id:
            raise invalid_request("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = call.live("customer", customer_id, param="customer")
    if params.get("default_payment_method"):
        require_attached(call, params["default_payment_method"], customer_id, param="default_payment_method")
    pending = [item for item in call.of_customer("invoiceitem", customer_id) if item["invoice"] is None]
    if params.get("pending_invoice_items_behavior", "exclude") != "include":
        pending = []
    currency = params.get("currency") or (pending[0]["currency"] if pending else None)
    invoice = build(call, customer, currency or call.account.default_currency, subscription_id)
    invoice["auto_advance"] = params.get("auto_advance", False)
    invoice["collection_method"] = params.get("collection_method", "charge_automatically")
    if invoice["collection_method"] == "send_invoice" and not (params.get("days_until_due") or params.get("due_date")):
        message = "If invoice `collection_method` is `send_invoice`, you must specify `due_date` or `days_until_due`."
        raise invalid_request(message, param="days_until_due")
    if params.get("days_until_due"):
        invoice["due_date"] = call.now + params["days_until_due"] * 86400
    invoice["due_date"] = params.get("due_date", invoice["due_date"])
    invoice["default_payment_method"] = params.get("default_payment_method")
    for name in ("description", "footer", "statement_descriptor"):
        invoice[name] = none_if_empty(params.get(name))
    invoice["metadata"] = merge_metadata({}, params.get("metadata"))
    for item in pending:
        item["invoice"] = invoice["id"]
        call.save(item)
        add_line(call, invoice, item["amount"], item["description"], item["id"])
    return call.created(invoice)


def build(call: Call, customer: Json, currency: str, subscription_id: str | None = None) -> Json:
    invoice_id = new_id("invoice")
    parent = None
    if subscription_id:
        details = {"metadata": {}, "subscription": subscription_id}
        parent = {"quote_details": None, "subscription_details": details, "type": "subscription_details"}
    return {
        "id": invoice_id,
        "object": "invoice",
        "account_country": call.account.country,
        "account_name": call.account.name,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "billing_reason": "subscription_cycle" if subscription_id else "manual",
        "collection_method": "charge_automatically",
        "created": call.now,
        "currency": currency,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "ending_balance": None,
        "footer": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": {"object": "list", "data": [], "has_more": False, "url": f"/v1/invoices/{invoice_id}/lines"},
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "parent": parent,
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": call.now,
        "period_start": call.now,
        "receipt_number": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": 0,
        "total": 0,
        "total_taxes": [],
        "webhooks_delivered_at": None,
    }


def add_line(call: Call, invoice: Json, amount: int, description: Any, item_id: str | None = None) -> Json:
    line = {
        "id": new_id("line_item"),
        "object": "line_item",
        "amount": amount,
        "currency": invoice["currency"],
        "description": description,
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": {},
        "parent": {"type": "invoice_item_details", "invoice_item_details": {"invoice_item": item_id}}
        if item_id
        else None,
        "period": {"start": call.now, "end": call.now},
        "quantity": 1,
    }
    invoice["lines"]["data"].append(line)
    total = sum(entry["amount"] for entry in invoice["lines"]["data"])
    invoice.update(subtotal=total, total=total, amount_due=max(total, 0), amount_remaining=max(total, 0))
    return line


def create_item(call: Call) -> Json:
    params = call.params
    customer = call.live("customer", params.get("customer") or "", param="customer")
    amount = params.get("amount")
    if amount is None and params.get("pricing", {}).get("price"):
        price = call.find("price", params["pricing"]["price"], param="pricing[price]")
        amount = price["unit_amount"] * params.get("quantity", 1)
        params.setdefault("currency", price["currency"])
    item: Json = {
        "id": new_id("invoiceitem"),
        "object": "invoiceitem",
        "amount": amount or 0,
        "currency": (params.get("currency") or call.account.default_currency).lower(),
        "customer": customer["id"],
        "date": call.now,
        "description": params.get("description"),
        "discountable": True,
        "discounts": [],
        "invoice": params.get("invoice"),
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "parent": None,
        "period": {"start": call.now, "end": call.now},
        "proration": False,
        "quantity": params.get("quantity", 1),
    }
    if item["invoice"]:
        invoice = draft(call, call.find("invoice", item["invoice"], param="invoice"))
        before = snapshot(invoice)
        add_line(call, invoice, item["amount"], item["description"], item["id"])
        call.changed(invoice, before)
    call.save(item)
    return item


def retrieve_item(call: Call) -> Json:
    return call.find("invoiceitem", call.ids[0])


def list_items(call: Call) -> Json:
    return page(call, "invoiceitem", "/v1/invoiceitems", customer=call.params.get("customer"))


def draft(call: Call, invoice: Json) -> Json:
    if invoice["status"] != "draft":
        message = "This invoice is already finalized, so it can no longer be edited."
        raise invalid_request(message, code="invoice_not_editable")
    return invoice


def retrieve(call: Call) -> Json:
    return call.find("invoice", call.ids[0])


def update(call: Call) -> Json:
    invoice = call.find("invoice", call.ids[0])
    params = call.params
    if invoice["status"] in ("paid", "void") and set(params) - {"metadata", "expand"}:
        raise invalid_request("Finalized invoices can't be updated in this way", code="invoice_not_editable")
    if params.get("default_payment_method"):
        require_attached(call, params["default_payment_method"], invoice["customer"], param="default_payment_method")
    before = snapshot(invoice)
    for name in ("auto_advance", "collection_method", "default_payment_method", "description", "due_date", "footer"):
        if name in params:
            invoice[name] = none_if_empty(params[name])
    invoice["metadata"] = merge_metadata(invoice["metadata"], params.get("metadata"))
    call.changed(invoice, before)
    return invoice


def delete(call: Call) -> Json:
    invoice = draft(call, call.find("invoice", call.ids[0]))
    call.emit("invoice.deleted", invoice)
    call.store.remove(call.account, "invoice", invoice["id"])
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


def finalize(call: Call) -> Json:
    invoice = draft(call, call.find("invoice", call.ids[0]))
    finalize_now(call, invoice)
    if (
        call.params.get("auto_advance", invoice["auto_advance"])
        and invoice["collection_method"] == "charge_automatically"
    ):
        method = invoice_payments.method_for(call, invoice, None)
        if method and invoice["status"] == "open":
            invoice_payments.charge(call, invoice, method, off_session=True)
    return invoice


def finalize_now(call: Call, invoice: Json) -> None:
    number = sum(1 for other in call.of_customer("invoice", invoice["customer"]) if other["number"]) + 1
    prefix = call.find("customer", invoice["customer"]).get("invoice_prefix") or "INV"
    before = snapshot(invoice)
    invoice["number"] = f"{prefix}-{number:04d}"
    invoice["status"] = "open"
    invoice["status_transitions"]["finalized_at"] = call.now
    invoice["hosted_invoice_url"] = f"{call.base_url}/invoice/{invoice['id']}"
    call.save(invoice)
    call.emit("invoice.finalized", invoice)
    call.emit("invoice.updated", invoice, {"status": before["status"], "number": before["number"]})
    if invoice["amount_due"] == 0:
        invoice_payments.settle(call, invoice)


def open_invoice(call: Call, invoice: Json, verb: str) -> Json:
    if invoice["status"] != "open":
        message = (
            "Invoice is already paid"
            if invoice["status"] == "paid" and verb == "pay"
            else (f"You can only {verb} an open invoice. This invoice is {invoice['status']}.")
        )
        raise invalid_request(message)
    return invoice


def pay(call: Call) -> Json:
    invoice = call.find("invoice", call.ids[0])
    params = call.params
    if invoice["status"] == "draft":
        finalize_now(call, invoice)
    if invoice["status"] == "uncollectible":
        invoice["status"] = "open"
    open_invoice(call, invoice, "pay")
    if params.get("paid_out_of_band"):
        invoice_payments.settle(call, invoice)
        return invoice
    method = invoice_payments.method_for(call, invoice, params.get("payment_method"))
    if method is None:
        raise invalid_request(invoice_payments.NO_METHOD, code="resource_missing")
    error = invoice_payments.charge(call, invoice, method, off_session=params.get("off_session", True))
    if error is not None:
        raise error
    return invoice


def void(call: Call) -> Json:
    return close(call, "void", "voided_at", "invoice.voided")


def mark_uncollectible(call: Call) -> Json:
    return close(call, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")


def close(call: Call, status: str, moment: str, event: str) -> Json:
    invoice = call.find("invoice", call.ids[0])
    if not (status == "void" and invoice["status"] == "uncollectible"):
        open_invoice(call, invoice, "void" if status == "void" else "mark as uncollectible")
    before = snapshot(invoice)
    invoice["status"] = status
    invoice["next_payment_attempt"] = None
    invoice["status_transitions"][moment] = call.now
    call.changed(invoice, before, event)
    return invoice


def listing(call: Call) -> Json:
    params = call.params

    def keep(invoice: Json) -> bool:
        parent = invoice["parent"]
        subscription = parent["subscription_details"]["subscription"] if parent else None
        return (
            params.get("status") in (None, invoice["status"])
            and params.get("subscription") in (None, subscription)
            and params.get("collection_method") in (None, invoice["collection_method"])
            and in_range(invoice, params.get("due_date"), "due_date")
        )

    return page(call, "invoice", "/v1/invoices", keep=keep, customer=params.get("customer"))
