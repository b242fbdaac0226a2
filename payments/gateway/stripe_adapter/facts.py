"""Stripe's objects, as plain dictionaries, turned into our facts. API version 2026-10-28."""

from typing import Any

from payments.gateway.errors import Declined, GatewayError, NeedsAuthentication
from payments.gateway.port import (
    AccountFacts,
    CustomerFacts,
    InvoiceFacts,
    MethodFacts,
    PaymentFacts,
    PostalAddress,
    RefundFacts,
    SetupFacts,
    SubscriptionFacts,
)

type Json = dict[str, Any]

#: Codes by which Stripe says that the customer must be there: https://docs.stripe.com/error-codes
AUTHENTICATION_CODES = frozenset(
    {
        "authentication_required",
        "invoice_payment_intent_requires_action",
        "subscription_payment_intent_requires_action",
        "payment_intent_action_required",
    }
)


def id_of(value: Any) -> str | None:
    """The id of a reference, expanded or not."""
    return value["id"] if isinstance(value, dict) else value or None


def account_facts(account: Json, *, livemode: bool) -> AccountFacts:
    dashboard = (account.get("settings") or {}).get("dashboard") or {}
    profile = account.get("business_profile") or {}
    name = dashboard.get("display_name") or profile.get("name") or account.get("email") or account["id"]
    return AccountFacts(id=account["id"], name=name, livemode=livemode)


def customer_facts(customer: Json) -> CustomerFacts:
    settings = customer.get("invoice_settings") or {}
    return CustomerFacts(
        id=customer["id"],
        default_method=id_of(settings.get("default_payment_method")),
        name=customer.get("name") or "",
        email=customer.get("email") or "",
        phone=customer.get("phone") or "",
        address=postal_address(customer.get("address")),
    )


def postal_address(address: Json | None) -> PostalAddress:
    given = address or {}
    return PostalAddress(
        line1=given.get("line1") or "",
        line2=given.get("line2") or "",
        city=given.get("city") or "",
        region=given.get("state") or "",
        postal_code=given.get("postal_code") or "",
        country=given.get("country") or "",
    )


def address_params(address: PostalAddress) -> dict[str, str]:
    """All parts, so that an empty one is cleared."""
    return {
        "line1": address.line1,
        "line2": address.line2,
        "city": address.city,
        "state": address.region,
        "postal_code": address.postal_code,
        "country": address.country,
    }


def method_facts(method: Json) -> MethodFacts:
    """Cards say brand and expiry; a bank account's `brand` is its bank's name, as far as Stripe tells."""
    details = method.get(method["type"]) or {}
    holder = method.get("billing_details") or {}
    return MethodFacts(
        id=method["id"],
        kind=method["type"],
        customer=id_of(method.get("customer")),
        brand=details.get("brand") or details.get("bank_name") or "",
        last4=details.get("last4") or "",
        exp_month=details.get("exp_month"),
        exp_year=details.get("exp_year"),
        fingerprint=details.get("fingerprint") or "",
        holder_name=holder.get("name") or "",
        address=postal_address(holder.get("address")),
        metadata=dict(method.get("metadata") or {}),
    )


def recorded_error(error: Json | None) -> GatewayError | None:
    """`last_setup_error` or `last_payment_error` of an intent."""
    if not error:
        return None
    code = error.get("decline_code") or error.get("code") or "generic_decline"
    kind = NeedsAuthentication if code in AUTHENTICATION_CODES else Declined
    return kind(code=code, gateway_message=error.get("message") or "", param=error.get("param") or "")


def verification_of(setup: Json, kind: str) -> str:
    """How far the verification by small deposits is: https://docs.stripe.com/payments/ach-direct-debit/set-up-payment"""
    error = setup.get("last_setup_error") or {}
    if next_action(setup) == "verify_deposits":
        return "pending"
    if setup["status"] == "succeeded" and kind == "us_bank_account":
        return "verified"
    failed = setup["status"] != "succeeded" and (error.get("code") or "").startswith("payment_method_microdeposit")
    return "failed" if failed else ""


def next_action(intent: Json) -> str:
    if intent["status"] != "requires_action":
        return ""
    kind = (intent.get("next_action") or {}).get("type")
    return "verify_deposits" if kind == "verify_with_microdeposits" else "authenticate"


def setup_facts(setup: Json) -> SetupFacts:
    """`payment_method` must have been expanded."""
    method = setup.get("payment_method")
    deposits = (setup.get("next_action") or {}).get("verify_with_microdeposits") or {}
    return SetupFacts(
        id=setup["id"],
        status=setup["status"],
        client_secret=setup.get("client_secret") or "",
        customer=id_of(setup.get("customer")),
        metadata=dict(setup.get("metadata") or {}),
        method=method_facts(method) if isinstance(method, dict) else None,
        error=recorded_error(setup.get("last_setup_error")),
        attempt=id_of(setup.get("latest_attempt")) or "",
        next_action=next_action(setup),
        verification=verification_of(setup, method["type"] if isinstance(method, dict) else ""),
        hosted_verification_url=deposits.get("hosted_verification_url") or "",
        mandate=id_of(setup.get("mandate")) or "",
    )


def subscription_facts(subscription: Json) -> SubscriptionFacts:
    """The period is told by the items; the first item's stands for the subscription."""
    items = (subscription.get("items") or {}).get("data") or [{}]
    return SubscriptionFacts(
        id=subscription["id"],
        customer=id_of(subscription["customer"]) or "",
        status=subscription["status"],
        default_method=id_of(subscription.get("default_payment_method")),
        current_period_start=items[0].get("current_period_start"),
        current_period_end=items[0].get("current_period_end"),
        cancel_at_period_end=bool(subscription.get("cancel_at_period_end")),
    )


def invoice_facts(invoice: Json) -> InvoiceFacts:
    """`payments` must have been expanded for `payment` to be told."""
    parent = (invoice.get("parent") or {}).get("subscription_details") or {}
    payments = [entry for entry in (invoice.get("payments") or {}).get("data") or [] if entry["status"] == "paid"]
    settled_by = payments[0].get("payment") or {} if payments else {}
    return InvoiceFacts(
        id=invoice["id"],
        customer=id_of(invoice["customer"]) or "",
        subscription=id_of(parent.get("subscription")),
        status=invoice["status"] or "",
        amount_due_minor=invoice["amount_due"],
        amount_paid_minor=invoice["amount_paid"],
        currency=invoice["currency"].upper(),
        attempt_count=invoice["attempt_count"],
        default_method=id_of(invoice.get("default_payment_method")),
        payment=id_of(settled_by.get("payment_intent")) or "",
        created=invoice["created"],
        due=invoice.get("due_date"),
    )


def payment_facts(payment: Json) -> PaymentFacts:
    error = payment.get("last_payment_error")
    return PaymentFacts(
        id=payment["id"],
        status=payment["status"],
        amount_minor=payment["amount"],
        currency=payment["currency"].upper(),
        method=id_of(payment.get("payment_method")) or id_of((error or {}).get("payment_method")),
        metadata=dict(payment.get("metadata") or {}),
        error=recorded_error(error),
        client_secret=payment.get("client_secret") or "",
        next_action=next_action(payment),
        charge=id_of(payment.get("latest_charge")) or "",
    )


def refund_facts(refund: Json) -> RefundFacts:
    return RefundFacts(
        id=refund["id"],
        status=refund.get("status") or "",
        amount_minor=refund["amount"],
        currency=refund["currency"].upper(),
        payment=id_of(refund.get("payment_intent")) or "",
        metadata=dict(refund.get("metadata") or {}),
        failure_code=refund.get("failure_reason") or "",
    )
