"""Invoices that are due, with customers and cards alike here and at the sandbox, and what the sandbox was paid."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.models import Customer
from messaging.models import Message
from payments.events import process_next_event
from payments.models import GatewayEvent, PaymentProfile
from subscriptions.collection.engine import collect_due
from subscriptions.models import Charge, Invoice, Subscription, SubscriptionState
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests import factories
from tests.processes import Sandbox
from tests.propagation.conftest import World

GOOD, MASTERCARD = "4242424242424242", "5555555555554444"
DECLINED, LOST, ASKS = "4000000000000341", "4000000000009987", "4000002760003184"


@dataclass
class Till(World):
    """Bob, who owes money. `start` is when his first invoice is due."""

    start: datetime

    def dunning(self, **values: Any) -> None:
        with self.scope():
            assert Tenant.objects.filter(pk=self.tenant.pk).update(**values)

    def bob(self, *numbers: str) -> Customer:
        """With a card of each number: the default, and the backup."""
        bob = self.customer()
        for name, number in zip(("pm_default", "pm_backup"), numbers, strict=False):
            card = self.card(bob, name, number=number, default=name == "pm_default")
            with self.scope():
                PaymentProfile.objects.filter(pk=card.pk).update(is_backup=name == "pm_backup")
        return bob

    def owes(self, bob: Customer, subscription: Subscription | None = None, **more: Any) -> Invoice:
        """An invoice that is due at `start`, and charged then."""
        options = {"due_at": self.start, "issued_at": self.start, "next_attempt_at": self.start} | more
        with self.scope():
            return factories.InvoiceFactory(customer=bob, subscription=subscription, **options)

    def subscribed(self, bob: Customer, **more: Any) -> Subscription:
        with self.scope():
            options = {"state": SubscriptionState.ACTIVE, "next_billing_at": self.start + timedelta(days=30)} | more
            return factories.SubscriptionFactory(customer=bob, price=self._price(), **options)

    def collect(self, days: float = 0) -> None:
        """Everything that is due so many days after `start`, as of then."""
        assert not collect_due(self.tenant.pk, now=self.start + timedelta(days=days))

    def read(self, row: Any) -> Any:
        with self.scope():
            row.refresh_from_db()
        return row

    def charges(self, invoice: Invoice) -> list[tuple[str, str, str]]:
        """State, error and method of each, in order."""
        with self.scope():
            rows = Charge.objects.filter(invoice=invoice).select_related("profile").order_by("number")
            return [(row.state, row.error_code, row.profile.gateway_id if row.profile else "") for row in rows]

    def listed(self, kind: str) -> list[dict[str, Any]]:
        answer = self.sandbox.control("GET", f"objects/{kind}", params={"account": self.account, "limit": 1000})
        return list(answer["data"] if isinstance(answer, dict) else answer)

    def taken(self) -> list[int]:
        """The amounts of the charges that succeeded at the gateway, smallest first."""
        return sorted(row["amount"] for row in self.listed("charge") if row["status"] == "succeeded")

    def mails(self) -> list[str]:
        with self.scope():
            return list(Message.objects.order_by("created_at", "id").values_list("template", flat=True))

    def event(self, kind: str, object_id: str, times: int = 1, **about: Any) -> None:
        """The gateway tells of something; every handler runs."""
        for number in range(times):
            with self.scope():
                GatewayEvent.objects.create(
                    gateway_id=f"evt_{GatewayEvent.objects.count()}_{number}",
                    type=kind,
                    payload={"data": {"object": {"id": object_id} | about}, "request": None},
                )
            assert process_next_event(self.tenant.pk)
        with self.scope():
            assert set(GatewayEvent.objects.values_list("error", flat=True)) == {""}


@pytest.fixture
def till(transactional_db: None, sandbox: Sandbox) -> Till:
    tenant = factories.TenantFactory(slug="acme", dunning_invites=False)
    with tenant_scope(tenant.pk):
        factories.sandbox_account(sandbox, "acme")
    return Till(tenant, sandbox, "acme", timezone.now() - timedelta(minutes=1))
