"""Tenants whose subscriptions all come due at once, here and at the sandbox; and runs in processes of their own."""

import os
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import connection
from django.utils import timezone

from customers.models import Customer
from messaging.models import Message
from payments.models import GatewayCustomer, PaymentProfile
from subscriptions.models import Charge, Invoice, InvoiceState, Price, Subscription
from tenants.scope import tenant_scope
from tests import factories
from tests.processes import Sandbox

GOOD, DECLINES = "4242424242424242", "4000000000000341"
AMOUNT_MINOR = 1999
#: The number that a tenant's first invoice gets.
FIRST = 1001


class Dues:
    """Customer `n` has the card `pm_<slug>_<n>`; the first `declining` cards say no, and the first
    `with_mail` have an e-mail address."""

    def __init__(self, sandbox: Sandbox, slug: str, *, customers: int, declining: int = 0, with_mail: int = 0) -> None:
        self.sandbox, self.slug, self.count = sandbox, slug, customers
        self.declining, self.with_mail = declining, with_mail
        self.tenant = factories.TenantFactory(slug=slug, country="CA", dunning_invites=False)
        with self.scope():
            factories.sandbox_account(sandbox, slug)
        sandbox.control("POST", f"accounts/{slug}/rate_limit", json={"per_second": None})
        sandbox.seed(account=slug, customers=[self._at_gateway(n) for n in range(customers)])
        with self.scope():
            self.people = self._add_customers()
            self.price: Price = factories.PriceFactory(amount_minor=AMOUNT_MINOR)

    def scope(self) -> Any:
        return tenant_scope(self.tenant.pk)

    def _at_gateway(self, n: int) -> dict[str, Any]:
        number = DECLINES if n < self.declining else GOOD
        card = {"id": f"pm_{self.slug}_{n}", "number": number, "exp_month": 12, "exp_year": 2034}
        return {
            "id": f"cus_{self.slug}_{n}",
            "name": f"Bob {n}",
            "payment_methods": [card],
            "default_payment_method": card["id"],
        }

    def _add_customers(self) -> list[Customer]:
        people = Customer.objects.bulk_create(
            factories.CustomerFactory.build(
                number=FIRST + n,
                email=f"bob{n}@example.com" if n < self.with_mail else "",
                language=("en", "fr")[n % 2],
                tenant_id=self.tenant.pk,
            )
            for n in range(self.count)
        )
        GatewayCustomer.objects.bulk_create(
            GatewayCustomer(customer=person, gateway_id=f"cus_{self.slug}_{n}") for n, person in enumerate(people)
        )
        PaymentProfile.objects.bulk_create(
            PaymentProfile(
                customer=person,
                gateway_id=f"pm_{self.slug}_{n}",
                brand="visa",
                last4="4242",
                exp_month=12,
                exp_year=2034,
                is_default=True,
            )
            for n, person in enumerate(people)
        )
        return people

    def fall_due(self, *, each: int = 1, since: timedelta = timedelta(), interval: str = "month") -> None:
        """So many subscriptions of each customer, all together; `since` ago, so that several periods may be due."""
        start = timezone.now() - since
        with self.scope():
            Price.objects.filter(pk=self.price.pk).update(interval=interval)
            Subscription.objects.bulk_create(
                Subscription(
                    number=FIRST + n,
                    customer=self.people[n // each],
                    price=self.price,
                    started_at=start,
                    anchor_at=start,
                    next_billing_at=start,
                )
                for n in range(each * self.count)
            )

    def invoices(self) -> list[Invoice]:
        with self.scope():
            return list(Invoice.objects.order_by("number"))

    def count_of(self, **filters: Any) -> int:
        with self.scope():
            return Invoice.objects.filter(**filters).count()

    def let_leases_run_out(self) -> None:
        """The time for which dead workers hold invoices and messages passes at once."""
        now = timezone.now()
        with self.scope():
            Invoice.objects.filter(collection_lease_until__isnull=False).update(collection_lease_until=now)
            Message.objects.filter(lease_until__isnull=False).update(lease_until=now)

    def let_pauses_pass(self) -> None:
        """What the gateway's failures have put off is due at once."""
        with self.scope():
            put_off = Invoice.objects.filter(state=InvoiceState.OPEN, attempts=0, collection_lease_until=None)
            put_off.update(next_attempt_at=timezone.now())

    def listed(self, kind: str) -> list[dict[str, Any]]:
        answer = self.sandbox.control("GET", f"objects/{kind}", params={"account": self.slug, "limit": 1_000_000})
        return list(answer["data"] if isinstance(answer, dict) else answer)

    def charges(self, status: str = "succeeded") -> Counter[str]:
        """How many charges of each invoice (by its id) came to that at the gateway."""
        charged = [row["payment_intent"] for row in self.listed("charge") if row["status"] == status]
        payments = {row["id"]: row["metadata"]["invoice_id"] for row in self.listed("payment_intent")}
        return Counter(payments[name] for name in charged)

    def check_each_invoice_is_there_once(self, periods: int = 1) -> None:
        """One invoice for each period of each subscription, their numbers without a gap."""
        made = self.invoices()
        with self.scope():
            subscriptions = dict(Subscription.objects.values_list("pk", "next_period"))
        assert set(subscriptions.values()) == {periods}
        assert len({(one.subscription_id, one.period_start) for one in made}) == len(made)
        assert Counter(one.subscription_id for one in made) == dict.fromkeys(subscriptions, periods)
        assert [one.number for one in made] == list(range(FIRST, FIRST + len(made)))

    def check_each_charge_was_made_once(self) -> None:
        """What is paid here was charged there once; what was declined, once too; no payment was begun twice."""
        paid = [str(one.pk) for one in self.invoices() if one.state == InvoiceState.PAID]
        left = [str(one.pk) for one in self.invoices() if one.state == InvoiceState.OPEN]
        assert self.charges() == dict.fromkeys(paid, 1)
        assert self.charges("failed") == dict.fromkeys(left, 1)
        begun = Counter(row["metadata"]["invoice_id"] for row in self.listed("payment_intent"))
        assert begun == dict.fromkeys(paid + left, 1)
        with self.scope():
            assert Counter(str(pk) for pk in Charge.objects.values_list("invoice_id", flat=True)) == begun


def run_in_a_process(dues: Dues, moment: datetime) -> subprocess.Popen[bytes]:
    """A billing run and its charges as of `moment`, in a process of its own on this test's database."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    command = [sys.executable, "-m", "tests.scenarios.billing_day", str(dues.tenant.pk), moment.isoformat()]
    return subprocess.Popen(command, env=os.environ | {"DATABASE_URL": url}, start_new_session=True)
