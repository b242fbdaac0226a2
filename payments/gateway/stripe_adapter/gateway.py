"""`port.Gateway` by Stripe's API, version 2026-10-28: https://docs.stripe.com/api"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import stripe
from django.conf import settings

from payments.gateway.errors import Gone, NeedsAuthentication
from payments.gateway.port import (
    AccountFacts,
    CustomerDetails,
    CustomerFacts,
    InvoiceFacts,
    MethodFacts,
    PaymentFacts,
    PostalAddress,
    RefundFacts,
    SetupFacts,
    SubscriptionFacts,
)
from payments.gateway.stripe_adapter import facts
from payments.gateway.stripe_adapter.calls import gateway_call, stripe_client, under

API_VERSION = stripe.api_version
#: How many of a customer's payments are looked through for one with certain metadata.
SEARCHED_PAYMENTS = 300
#: The only currency that a bank debit can pay: https://docs.stripe.com/payments/payment-methods/payment-method-support
BANK_CURRENCIES = {"sepa_debit": "EUR", "us_bank_account": "USD"}


class StripeGateway:
    """One account at Stripe, by its secret (or restricted) key. The key appears in no representation of this."""

    def __init__(self, secret_key: str) -> None:
        self.account_key = hashlib.sha256(secret_key.encode()).hexdigest()[:24]
        self.livemode = "_live_" in secret_key
        self._client = stripe_client(secret_key)
        self._v1 = self._client.v1

    def __repr__(self) -> str:
        return f"<StripeGateway {self.account_key[:8]}>"

    def log_url(self, request_id: str) -> str:
        mode = "" if self.livemode else "/test"
        return f"{settings.STRIPE_DASHBOARD_BASE}{mode}/logs/{request_id}" if request_id else ""

    # The account

    @gateway_call
    def read_account(self) -> AccountFacts:
        return facts.account_facts(self._v1.accounts.retrieve_current().to_dict(), livemode=self.livemode)

    @gateway_call
    def accepts_publishable_key(self, publishable_key: str, *, key: str) -> bool:
        """A browser may read an intent only with the key of the intent's own account, so let one be read."""
        setup = self._v1.setup_intents.create(
            {"allowed_payment_method_types": ["card"], "metadata": {"purpose": "key check"}}, under(key)
        )
        browser = stripe_client(publishable_key).v1.setup_intents
        try:
            browser.retrieve(setup.id, {"client_secret": setup.client_secret or ""})
        except (stripe.AuthenticationError, stripe.PermissionError, stripe.InvalidRequestError):
            return False
        finally:
            self._v1.setup_intents.cancel(setup.id, {}, under(f"{key}-cancel"))
        return True

    @gateway_call
    def register_webhook(self, *, url: str, event_types: Sequence[str], key: str) -> tuple[str, str]:
        """The older endpoints are removed after the new one is made, so that no event falls between them."""
        params = {"url": url, "enabled_events": list(event_types), "api_version": API_VERSION}
        endpoint = self._v1.webhook_endpoints.create(cast(Any, params), under(key))
        for other in self._v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter():
            if other.url == url and other.id != endpoint.id:
                self._v1.webhook_endpoints.delete(other.id)
        return endpoint.id, endpoint.secret or ""

    # Customers

    @gateway_call
    def create_customer(self, *, details: CustomerDetails, key: str) -> CustomerFacts:
        params = {name: value for name, value in _customer_params(details).items() if value}
        return facts.customer_facts(self._v1.customers.create(cast(Any, params), under(key)).to_dict())

    @gateway_call
    def read_customer(self, customer: str) -> CustomerFacts:
        found = self._v1.customers.retrieve(customer).to_dict()
        if found.get("deleted"):
            raise Gone(code="resource_missing", gateway_message="The customer was deleted at the gateway.")
        return facts.customer_facts(found)

    @gateway_call
    def update_customer(self, customer: str, *, details: CustomerDetails, key: str) -> CustomerFacts:
        params = _customer_params(details)
        return facts.customer_facts(self._v1.customers.update(customer, cast(Any, params), under(key)).to_dict())

    @gateway_call
    def set_default_method(self, customer: str, *, method: str, key: str) -> CustomerFacts:
        params: Any = {"invoice_settings": {"default_payment_method": method}}
        return facts.customer_facts(self._v1.customers.update(customer, params, under(key)).to_dict())

    # Payment methods

    @gateway_call
    def read_method(self, method: str) -> MethodFacts:
        return facts.method_facts(self._v1.payment_methods.retrieve(method).to_dict())

    @gateway_call
    def attach_method(self, method: str, *, customer: str, key: str) -> MethodFacts:
        try:
            attached = self._v1.payment_methods.attach(method, {"customer": customer}, under(key))
        except stripe.InvalidRequestError:
            now = self._v1.payment_methods.retrieve(method)
            if facts.id_of(now.to_dict().get("customer")) != customer:
                raise
            attached = now
        return facts.method_facts(attached.to_dict())

    @gateway_call
    def update_method(
        self,
        method: str,
        *,
        key: str,
        holder_name: str | None = None,
        address: PostalAddress | None = None,
        exp_month: int | None = None,
        exp_year: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> MethodFacts:
        holder: dict[str, Any] = {}
        if holder_name is not None:
            holder["name"] = holder_name
        if address is not None:
            holder["address"] = facts.address_params(address)
        card = {name: value for name, value in (("exp_month", exp_month), ("exp_year", exp_year)) if value is not None}
        given = {"billing_details": holder, "card": card, "metadata": dict(metadata or {})}
        params: Any = {name: value for name, value in given.items() if value}
        return facts.method_facts(self._v1.payment_methods.update(method, params, under(key)).to_dict())

    @gateway_call
    def detach_method(self, method: str, *, key: str) -> MethodFacts:
        try:
            detached = self._v1.payment_methods.detach(method, {}, under(key))
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                raise
            detached = self._v1.payment_methods.retrieve(method)
            if detached.customer:
                raise
        return facts.method_facts(detached.to_dict())

    # Card entries: https://docs.stripe.com/api/setup_intents

    @gateway_call
    def create_setup(
        self, *, customer: str, metadata: Mapping[str, str], key: str, kinds: Sequence[str] = ("card",)
    ) -> SetupFacts:
        params: Any = {
            "customer": customer,
            "usage": "off_session",
            "allowed_payment_method_types": list(kinds),
            "metadata": dict(metadata),
        }
        return facts.setup_facts(self._v1.setup_intents.create(params, under(key)).to_dict())

    @gateway_call
    def read_setup(self, setup: str) -> SetupFacts:
        return facts.setup_facts(self._v1.setup_intents.retrieve(setup, {"expand": ["payment_method"]}).to_dict())

    @gateway_call
    def cancel_setup(self, setup: str, *, key: str) -> SetupFacts:
        """One that has ended already is returned as it is."""
        try:
            cancelled = self._v1.setup_intents.cancel(setup, {"expand": ["payment_method"]}, under(key))
        except stripe.InvalidRequestError as error:
            if error.code != "setup_intent_unexpected_state":
                raise
            cancelled = self._v1.setup_intents.retrieve(setup, {"expand": ["payment_method"]})
        return facts.setup_facts(cancelled.to_dict())

    # Subscriptions and invoices that the gateway bills

    @gateway_call
    def read_subscription(self, subscription: str) -> SubscriptionFacts:
        return facts.subscription_facts(self._v1.subscriptions.retrieve(subscription).to_dict())

    @gateway_call
    def set_subscription_method(self, subscription: str, *, method: str, key: str) -> SubscriptionFacts:
        params: Any = {"default_payment_method": method}
        return facts.subscription_facts(self._v1.subscriptions.update(subscription, params, under(key)).to_dict())

    def _invoice(self, invoice: str) -> InvoiceFacts:
        return facts.invoice_facts(self._v1.invoices.retrieve(invoice, {"expand": ["payments"]}).to_dict())

    @gateway_call
    def read_invoice(self, invoice: str) -> InvoiceFacts:
        return self._invoice(invoice)

    @gateway_call
    def set_invoice_method(self, invoice: str, *, method: str, key: str) -> InvoiceFacts:
        params: Any = {"default_payment_method": method, "expand": ["payments"]}
        return facts.invoice_facts(self._v1.invoices.update(invoice, params, under(key)).to_dict())

    @gateway_call
    def pay_invoice(self, invoice: str, *, method: str, key: str) -> InvoiceFacts:
        params: Any = {"payment_method": method, "off_session": True, "expand": ["payments"]}
        try:
            return facts.invoice_facts(self._v1.invoices.pay(invoice, params, under(key)).to_dict())
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                raise
            now = self._invoice(invoice)
            if now.status != "paid":
                raise
            return now

    # Payments of our own billing: https://docs.stripe.com/api/payment_intents

    @gateway_call
    def create_payment(
        self,
        *,
        customer: str,
        amount_minor: int,
        currency: str,
        description: str,
        metadata: Mapping[str, str],
        key: str,
        kinds: Sequence[str] = ("card",),
    ) -> PaymentFacts:
        params: Any = {
            "customer": customer,
            "amount": amount_minor,
            "currency": currency.lower(),
            "description": description,
            "allowed_payment_method_types": [
                kind for kind in kinds if BANK_CURRENCIES.get(kind, currency.upper()) == currency.upper()
            ]
            or ["card"],
            "metadata": dict(metadata),
        }
        return facts.payment_facts(self._v1.payment_intents.create(params, under(key)).to_dict())

    @gateway_call
    def find_payment(self, *, customer: str, metadata: Mapping[str, str]) -> PaymentFacts | None:
        payments = self._v1.payment_intents.list({"customer": customer, "limit": 100}).auto_paging_iter()
        for _, payment in zip(range(SEARCHED_PAYMENTS), payments, strict=False):
            found = facts.payment_facts(payment.to_dict())
            if metadata.items() <= found.metadata.items():
                return found
        return None

    @gateway_call
    def read_payment(self, payment: str) -> PaymentFacts:
        return facts.payment_facts(self._v1.payment_intents.retrieve(payment).to_dict())

    @gateway_call
    def confirm_payment(self, payment: str, *, method: str, key: str) -> PaymentFacts:
        params: Any = {"payment_method": method, "off_session": True}
        try:
            confirmed = self._v1.payment_intents.confirm(payment, params, under(key))
        except stripe.InvalidRequestError as error:
            if error.code != "payment_intent_unexpected_state":
                raise
            confirmed = self._v1.payment_intents.retrieve(payment)
            if confirmed.status not in ("succeeded", "processing"):
                raise
        if confirmed.status == "requires_action":
            raise NeedsAuthentication(
                code="authentication_required", gateway_message="The payment waits for the customer."
            )
        return facts.payment_facts(confirmed.to_dict())

    @gateway_call
    def cancel_payment(self, payment: str, *, key: str) -> PaymentFacts:
        try:
            cancelled = self._v1.payment_intents.cancel(payment, {}, under(key))
        except stripe.InvalidRequestError as error:
            if error.code != "payment_intent_unexpected_state":
                raise
            cancelled = self._v1.payment_intents.retrieve(payment)
        return facts.payment_facts(cancelled.to_dict())

    # Refunds: https://docs.stripe.com/api/refunds

    @gateway_call
    def create_refund(self, *, payment: str, amount_minor: int, metadata: Mapping[str, str], key: str) -> RefundFacts:
        params: Any = {"payment_intent": payment, "amount": amount_minor, "metadata": dict(metadata)}
        return facts.refund_facts(self._v1.refunds.create(params, under(key)).to_dict())

    @gateway_call
    def find_refund(self, *, payment: str, metadata: Mapping[str, str]) -> RefundFacts | None:
        refunds = self._v1.refunds.list({"payment_intent": payment, "limit": 100}).auto_paging_iter()
        for _, refund in zip(range(SEARCHED_PAYMENTS), refunds, strict=False):
            found = facts.refund_facts(refund.to_dict())
            if metadata.items() <= found.metadata.items():
                return found
        return None

    @gateway_call
    def read_refund(self, refund: str) -> RefundFacts:
        return facts.refund_facts(self._v1.refunds.retrieve(refund).to_dict())


def _customer_params(details: CustomerDetails) -> dict[str, Any]:
    """Empty text clears a field: https://docs.stripe.com/api/customers/update"""
    address = facts.address_params(details.address)
    params: dict[str, Any] = {
        "name": details.name,
        "email": details.email,
        "phone": details.phone,
        "address": address if any(address.values()) else "",
    }
    if details.metadata:
        params["metadata"] = dict(details.metadata)
    if details.language:
        params["preferred_locales"] = [details.language]
    return params
