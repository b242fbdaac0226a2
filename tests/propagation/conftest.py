"""Customers with cards, subscriptions of both kinds of billing and invoices, alike here and at the sandbox."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.models import Customer
from payments.models import PaymentProfile
from payments.profiles import record_profile
from propagation.engine import carry_out_next
from propagation.models import Change, Step, StepState
from subscriptions.models import BilledBy, Invoice, Product, Subscription, SubscriptionState
from tenants.actors import Actor
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests import factories
from tests.processes import Sandbox

ACTOR = Actor.system("test")
GOOD, MASTERCARD, DECLINED_LATER = "4242424242424242", "5555555555554444", "4000000000000341"

PRICE = {"id": "price_1", "product": "prod_1", "unit_amount": 1999, "currency": "cad", "interval": "month"}


@dataclass
class World:
    """`customer` is C-1001; ids at the gateway end in the customer's number."""

    tenant: Tenant
    sandbox: Sandbox
    account: str

    def scope(self) -> Any:
        return tenant_scope(self.tenant.pk)

    def customer(self, name: str = "bob") -> Customer:
        with self.scope():
            customer = factories.CustomerFactory()
            factories.GatewayCustomerFactory(customer=customer, gateway_id=f"cus_{name}")
        self.sandbox.seed(account=self.account, customers=[{"id": f"cus_{name}", "name": customer.name}])
        return customer

    def card(self, customer: Customer, gateway_id: str, *, number: str = GOOD, default: bool = False) -> PaymentProfile:
        """A card on file on both sides."""
        method = {"id": gateway_id, "number": number, "exp_month": 12, "exp_year": 2034}
        entry: dict[str, Any] = {"id": self.gateway_id(customer), "payment_methods": [method]}
        if default:
            entry["default_payment_method"] = gateway_id
        self.sandbox.seed(account=self.account, customers=[entry])
        with self.scope():
            return factories.PaymentProfileFactory(
                customer=customer, gateway_id=gateway_id, last4=number[-4:], is_default=default, fingerprint=gateway_id
            )

    def new_card(self, customer: Customer, gateway_id: str, *, number: str = MASTERCARD) -> PaymentProfile:
        """A card that the gateway has just confirmed, recorded as the services do."""
        from payments.gateway.accounts import gateway_for

        method = {"id": gateway_id, "number": number}
        self.sandbox.seed(
            account=self.account, customers=[{"id": self.gateway_id(customer), "payment_methods": [method]}]
        )
        facts = gateway_for(self.tenant.pk).read_method(gateway_id)
        with self.scope():
            return record_profile(customer=customer, method=facts, actor=ACTOR)[0]

    def subscription(
        self, customer: Customer, profile: PaymentProfile | None, *, by: str = BilledBy.US, **more: Any
    ) -> Subscription:
        with self.scope():
            made = factories.SubscriptionFactory(
                customer=customer, payment_profile=profile, billed_by=by, price=self._price(), **more
            )
            if by == BilledBy.US:
                return made
            made.gateway_id = f"sub_{made.number}"
            made.save()
        entry: dict[str, Any] = {
            "id": made.gateway_id,
            "price": "price_1",
            "status": "past_due" if made.state == SubscriptionState.PAST_DUE else "active",
        }
        if profile is not None:
            entry["default_payment_method"] = profile.gateway_id
        if made.state == SubscriptionState.PAST_DUE:
            entry["invoice"] = {"id": f"in_{made.number}", "status": "open", "amount_minor": 1999}
        self.sandbox.seed(
            account=self.account,
            products=[{"id": "prod_1", "name": "Magazine"}],
            prices=[
                {"id": "price_1", "product": "prod_1", "unit_amount": 1999, "currency": "cad", "interval": "month"}
            ],
            customers=[{"id": self.gateway_id(customer), "subscriptions": [entry]}],
        )
        return made

    def _price(self) -> Any:
        product = Product.objects.first() or factories.ProductFactory()
        return product.prices.first() or factories.PriceFactory(product=product)

    def past_due(self, subscription: Subscription, **more: Any) -> Invoice:
        gateway_id = f"in_{subscription.number}" if subscription.billed_by == BilledBy.GATEWAY else ""
        with self.scope():
            return factories.InvoiceFactory(
                customer=subscription.customer, subscription=subscription, gateway_id=gateway_id, attempts=1, **more
            )

    def gateway_id(self, customer: Customer) -> str:
        with self.scope():
            return customer.gateway_customers.get().gateway_id

    def work(self, *, seconds: int = 0) -> None:
        """Carry out everything due, `seconds` from now too, as a worker would."""
        with self.scope():
            if seconds:
                Step.objects.filter(state=StepState.RETRYING).update(due_at=timezone.now() - timedelta(seconds=1))
        while carry_out_next(self.tenant.pk):
            pass

    def states(self, change: Change) -> dict[str, str]:
        with self.scope():
            return {str(step): step.state for step in change.steps.select_related("subscription", "invoice", "profile")}

    def at_gateway(self, kind: str, object_id: str) -> dict[str, Any]:
        answer = self.sandbox.control("GET", f"objects/{kind}", params={"account": self.account, "limit": 1000})
        rows = answer["data"] if isinstance(answer, dict) else answer
        return next(row for row in rows if row["id"] == object_id)

    def effects(self, path_part: str) -> list[dict[str, Any]]:
        """Requests that changed something at the gateway."""
        return [
            request
            for request in self.sandbox.requests(account=self.account, limit=100000)
            if request["effect"] and path_part in request["path"]
        ]


@pytest.fixture
def world(transactional_db: None, sandbox: Sandbox) -> World:
    tenant = factories.TenantFactory(slug="acme")
    with tenant_scope(tenant.pk):
        factories.sandbox_account(sandbox, "acme")
    return World(tenant, sandbox, "acme")
