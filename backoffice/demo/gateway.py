"""The sandbox's side of the demonstration: an account per tenant, and the same objects under the same ids."""

import ipaddress
import os
import socket
from collections import defaultdict
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.core.management.base import CommandError

from backoffice.demo.cards import DECLINING_CARD, TEST_ACCOUNTS, TEST_CARDS
from customers.models import Address, AddressKind, Customer
from payments.models import GatewayCustomer, PaymentProfile, ProfileState
from subscriptions.models import BilledBy, Interval, Invoice, InvoiceState, Price, Product, Subscription
from tenants.models import MethodKind

type Json = dict[str, Any]


def refuse_real_gateway() -> None:
    """Demonstration data, with its public passwords, only ever goes beside a gateway on this machine or network."""
    host = urlsplit(settings.STRIPE_API_BASE).hostname or ""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise CommandError(f"STRIPE_API_BASE leads nowhere: {host}.") from error
    if not found or not all(ipaddress.ip_address(str(address)).is_private for address in found):
        raise CommandError(f"STRIPE_API_BASE ({host}) is not a sandbox of ours: demonstration data is not loaded.")


def control(method: str, path: str, body: Json | None = None) -> Any:
    """Call the sandbox's control API (SANDBOX_URL, else STRIPE_API_BASE)."""
    base = os.environ.get("SANDBOX_URL") or settings.STRIPE_API_BASE
    try:
        answer = httpx.request(method, f"{base}/_control/{path}", json=body, timeout=30)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise CommandError(f"The sandbox at {base} does not take the demonstration data: {error}") from error
    return answer.json()


def make_account(slug: str, name: str, country: str, currency: str) -> Json:
    """The tenant's account at the sandbox, emptied of what an earlier database left there."""
    account: Json = control(
        "POST",
        "accounts",
        {"slug": slug, "name": name, "country": country, "default_currency": currency.lower()},
    )
    control("POST", "reset", {"account": slug})
    return account


def gateway_objects() -> Json:
    """The open scope's rows as the sandbox's seed wants them."""
    return {
        "products": [{"id": row.gateway_id, "name": row.name_en} for row in Product.objects.all()],
        "prices": [_price(row) for row in Price.objects.select_related("product")],
        "customers": _customers(),
    }


def _price(price: Price) -> Json:
    return {
        "id": price.gateway_id,
        "product": price.product.gateway_id,
        "unit_amount": price.amount_minor,
        "currency": price.currency.lower(),
        "interval": price.interval if price.interval != Interval.ONE_TIME else None,
        "interval_count": price.interval_count,
    }


def _customers() -> list[Json]:
    methods, subscriptions, older = (defaultdict[Any, list[Json]](list) for _ in range(3))
    invoices: dict[Any, list[Json]] = {}
    unpaid = _declining()
    addresses = {row.customer_id: row for row in Address.objects.filter(kind=AddressKind.BILLING)}
    profiles = PaymentProfile.objects.exclude(state=ProfileState.DISABLED).select_related("customer")
    for profile in profiles.order_by("created_at"):
        methods[profile.customer_id].append(_method(profile, declines=profile.pk in unpaid))
    for invoice in Invoice.objects.exclude(gateway_id="").select_related("payment_profile").order_by("number"):
        invoices.setdefault(invoice.subscription_id, []).append(_invoice(invoice))
    there = Subscription.objects.filter(billed_by=BilledBy.GATEWAY).select_related("price", "payment_profile")
    for subscription in there.order_by("number"):
        mine = invoices.get(subscription.pk, [])
        subscriptions[subscription.customer_id].append(_subscription(subscription, mine[-1] if mine else None))
        older[subscription.customer_id] += [one | {"subscription": subscription.gateway_id} for one in mine[:-1]]
    known = GatewayCustomer.objects.select_related("customer").order_by("customer__number")
    return [
        _customer(row, addresses.get(row.customer_id), methods[row.customer_id])
        | {"subscriptions": subscriptions[row.customer_id], "invoices": older[row.customer_id]}
        for row in known
    ]


def _declining() -> set[Any]:
    """Cards that a payment has failed on: the sandbox declines them too."""
    failed = Invoice.objects.filter(state=InvoiceState.OPEN, attempts__gt=0).exclude(last_error_code="")
    return set(failed.values_list("payment_profile_id", flat=True))


def _customer(row: GatewayCustomer, address: Address | None, methods: list[Json]) -> Json:
    customer: Customer = row.customer
    default = PaymentProfile.objects.filter(customer=customer, is_default=True, state=ProfileState.ACTIVE).first()
    given = {
        "id": row.gateway_id,
        "created": _epoch(customer.created_at),
        "name": customer.organisation or customer.name,
        "email": customer.email or None,
        "phone": str(customer.phone) or None,
        "address": _address(address) if address else None,
        "preferred_locales": [customer.language],
        "metadata": {"tenant": str(customer.tenant_id), "customer": str(customer.pk)},
        "payment_methods": methods,
        "default_payment_method": default.gateway_id if default else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _address(address: Address | Json) -> Json:
    def get(name: str) -> str:
        return str(address.get(name, "") if isinstance(address, dict) else getattr(address, name))

    names = {"line1": "line1", "line2": "line2", "city": "city", "state": "region", "postal_code": "postal_code"}
    return {there: get(here) or None for there, here in names.items()} | {"country": get("country")}


def _method(profile: PaymentProfile, *, declines: bool) -> Json:
    holder: Json = {"name": profile.holder_name, "address": _address(profile.billing_address)}
    if profile.customer.email:
        holder["email"] = profile.customer.email
    given = {
        "id": profile.gateway_id,
        "created": _epoch(profile.created_at),
        "last4": profile.last4,
        "billing_details": holder,
    }
    if profile.kind != MethodKind.CARD:
        return given | {"bank_name": profile.brand} | TEST_ACCOUNTS[MethodKind(profile.kind)]
    return given | {
        "number": DECLINING_CARD if declines and profile.brand == "visa" else TEST_CARDS[profile.brand],
        "exp_month": profile.exp_month,
        "exp_year": profile.exp_year,
        "fingerprint": profile.fingerprint,
        "detached": profile.state in (ProfileState.REPLACED, ProfileState.REMOVED),
    }


def _subscription(subscription: Subscription, invoice: Json | None) -> Json:
    pinned = subscription.payment_profile
    given = {
        "id": subscription.gateway_id,
        "created": _epoch(subscription.created_at),
        "start_date": _epoch(subscription.started_at),
        "price": subscription.price.gateway_id,
        "quantity": subscription.quantity,
        "status": "canceled" if subscription.state == "cancelled" else subscription.state,
        "current_period_start": _epoch(subscription.current_period_start),
        "current_period_end": _epoch(subscription.current_period_end),
        "trial_end": _epoch(subscription.trial_end),
        "ended_at": _epoch(subscription.cancelled_at),
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "default_payment_method": pinned.gateway_id if pinned else None,
        "metadata": {"subscription": subscription.short_number},
        "invoice": invoice,
    }
    return {name: value for name, value in given.items() if value is not None}


def _invoice(invoice: Invoice) -> Json:
    profile = invoice.payment_profile
    return {
        "id": invoice.gateway_id,
        "created": _epoch(invoice.created_at),
        "status": invoice.state,
        "amount_due": invoice.total_minor,
        "currency": invoice.currency.lower(),
        "attempt_count": invoice.attempts,
        "paid_with": profile.gateway_id if profile and invoice.state == InvoiceState.PAID else None,
        "number": invoice.short_number,
        "metadata": {"invoice": invoice.short_number},
    }


def _epoch(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None
