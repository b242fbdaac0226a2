"""Paying an invoice: with which method, through which payment intent, and what follows.

https://docs.stripe.com/api/invoices/pay, https://docs.stripe.com/api/invoice-payment
"""

from .. import cards
from ..errors import StripeError
from ..store import Json
from . import payment_intents
from .call import Call, new_id, public, snapshot
from .customers import require_attached
from .lists import page

NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider adding a default payment "
    "method. For more information, visit "
    "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority."
)
RETRY_AFTER = 3 * 24 * 3600


def method_for(call: Call, invoice: Json, explicit: str | None) -> Json | None:
    """Explicit, else the invoice's, else the subscription's, else the customer's default.

    https://docs.stripe.com/billing/subscriptions/payment-methods-setting#payment-method-priority
    """
    if explicit:
        return require_attached(call, explicit, invoice["customer"], param="payment_method")
    subscription = subscription_of(call, invoice)
    customer = call.find("customer", invoice["customer"])
    settings = customer.get("invoice_settings") or {}
    choices = (
        invoice["default_payment_method"],
        subscription["default_payment_method"] if subscription else None,
        settings.get("default_payment_method"),
    )
    chosen = next(filter(None, choices), None)
    return call.account.shelf("payment_method").items.get(chosen) if chosen else None


def subscription_of(call: Call, invoice: Json) -> Json | None:
    parent = invoice["parent"]
    if not parent or parent["type"] != "subscription_details":
        return None
    return call.account.shelf("subscription").items.get(parent["subscription_details"]["subscription"])


def intent_for(call: Call, invoice: Json) -> Json:
    """The invoice's payment intent: one for all of its attempts."""
    for payment in reversed(call.of_customer("invoice_payment", invoice["customer"])):
        if payment["invoice"] == invoice["id"]:
            return call.account.shelf("payment_intent").items[payment["payment"]["payment_intent"]]
    intent = payment_intents.build(call, invoice["amount_remaining"], invoice["currency"], invoice["customer"])
    intent["_invoice"] = invoice["id"]
    intent["description"] = invoice["description"] or (
        "Subscription update" if invoice["parent"] else f"Payment for Invoice {invoice['number']}"
    )
    call.created(intent)
    payment = {
        "id": new_id("invoice_payment"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": intent["amount"],
        "created": call.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
        "_customer": invoice["customer"],
    }
    call.save(payment)
    return intent


def charge(call: Call, invoice: Json, method: Json, *, off_session: bool) -> StripeError | None:
    intent = intent_for(call, invoice)
    intent["payment_method"] = method["id"]
    error = payment_intents.attempt(call, intent, off_session=off_session)
    if intent["status"] == "succeeded":
        mark_paid(call, invoice, intent)
        return None
    if intent["status"] == "processing":
        return None
    note_failure(call, invoice)
    if error is None:
        call.emit("invoice.payment_action_required", invoice)
        message = (
            "Payment for this invoice requires additional user action before it can be completed successfully. "
            "Payment can be "
            "completed using the PaymentIntent associated with the invoice. For more details see: "
            "https://stripe.com/docs/billing/subscriptions/overview#requires-action"
        )
        error = cards.card_error("invoice_payment_intent_requires_action", message, payment_intent=public(intent))
    else:
        call.emit("invoice.payment_failed", invoice)
    mark_subscription(call, invoice, paid=False)
    return error


def note_failure(call: Call, invoice: Json) -> None:
    before = snapshot(invoice)
    invoice["attempt_count"] += 1
    invoice["attempted"] = True
    if invoice["auto_advance"]:
        invoice["next_payment_attempt"] = call.now + RETRY_AFTER
    call.changed(invoice, before)


def mark_failed(call: Call, invoice: Json) -> None:
    """The bank has refused a payment that was being processed."""
    note_failure(call, invoice)
    call.emit("invoice.payment_failed", invoice)
    mark_subscription(call, invoice, paid=False)


def mark_paid(call: Call, invoice: Json, intent: Json) -> None:
    for payment in call.of_customer("invoice_payment", invoice["customer"]):
        if payment["payment"]["payment_intent"] == intent["id"]:
            payment.update(amount_paid=intent["amount"], status="paid")
            payment["status_transitions"]["paid_at"] = call.now
            call.save(payment)
    invoice["attempt_count"] += 1
    invoice["attempted"] = True
    invoice["_paid_with"] = intent["payment_method"]
    settle(call, invoice)


def settle(call: Call, invoice: Json) -> None:
    before = snapshot(invoice)
    invoice.update(
        status="paid", amount_paid=invoice["amount_due"], amount_remaining=0, next_payment_attempt=None, attempted=True
    )
    invoice["status_transitions"]["paid_at"] = call.now
    call.changed(invoice, before)
    call.emit("invoice.paid", invoice)
    call.emit("invoice.payment_succeeded", invoice)
    mark_subscription(call, invoice, paid=True)


def mark_subscription(call: Call, invoice: Json, *, paid: bool) -> None:
    """A subscription whose latest invoice fails is past due; paying that invoice makes it active again."""
    subscription = subscription_of(call, invoice)
    if subscription is None or subscription["latest_invoice"] != invoice["id"]:
        return
    before = snapshot(subscription)
    if paid and subscription["status"] in ("past_due", "unpaid", "incomplete"):
        subscription["status"] = "active"
    elif not paid and subscription["status"] == "active" and invoice["billing_reason"] == "subscription_cycle":
        subscription["status"] = "past_due"
    call.changed(subscription, before, "customer.subscription.updated")


def list_payments(call: Call) -> Json:
    invoice = call.params.get("invoice")
    return page(call, "invoice_payment", "/v1/invoice_payments", keep=lambda p: invoice in (None, p["invoice"]))
