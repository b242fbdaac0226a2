"""Many customers whose cards are replaced at once, and what must then be true on both sides."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.utils import timezone

from customers.models import Customer
from payments.models import GatewayCustomer, PaymentProfile, ProfileState
from propagation.models import Change, ChangeState, Step, StepState
from propagation.services import replace_or_add
from subscriptions.models import BilledBy, Invoice, InvoiceState, Price, Subscription
from tenants.actors import Actor
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests import factories
from tests.processes import Sandbox, wait_until

ACCOUNT = "acme"
AMOUNT_MINOR = 1999
#: attach, default, two subscriptions, two invoices, retirement
STEPS_EACH = 7


class MassChange:
    """Customer `n` has an old and a new card (`pm_old_n`, `pm_new_n`), a subscription of each kind of billing, pinned
    to the old card, and an invoice past due from each."""

    def __init__(self, sandbox: Sandbox, *, customers: int) -> None:
        self.sandbox = sandbox
        self.count = customers
        self.tenant: Tenant = factories.TenantFactory(slug=ACCOUNT)
        with tenant_scope(self.tenant.pk):
            factories.sandbox_account(sandbox, ACCOUNT)
            self._add_rows()
        sandbox.control("POST", f"accounts/{ACCOUNT}/rate_limit", json={"per_second": None})
        sandbox.seed(
            account=ACCOUNT,
            products=[{"id": "prod_1", "name": "Magazine"}],
            prices=[
                {
                    "id": "price_1",
                    "product": "prod_1",
                    "unit_amount": AMOUNT_MINOR,
                    "currency": "cad",
                    "interval": "month",
                }
            ],
            customers=[self._at_gateway(n) for n in range(customers)],
        )

    def _add_rows(self) -> None:
        people = Customer.objects.bulk_create(
            factories.CustomerFactory.build(number=1001 + n, email=f"bob{n}@example.com", tenant_id=self.tenant.pk)
            for n in range(self.count)
        )
        price: Price = factories.PriceFactory(amount_minor=AMOUNT_MINOR)
        GatewayCustomer.objects.bulk_create(
            GatewayCustomer(customer=person, gateway_id=f"cus_{n}") for n, person in enumerate(people)
        )
        old, new = (
            PaymentProfile.objects.bulk_create(
                PaymentProfile(
                    customer=person,
                    gateway_id=f"pm_{age}_{n}",
                    fingerprint=f"{age}{n}",
                    brand="visa",
                    last4=last4,
                    exp_month=12,
                    exp_year=2034,
                    is_default=age == "old",
                )
                for n, person in enumerate(people)
            )
            for age, last4 in (("old", "4242"), ("new", "4444"))
        )
        now = timezone.now()
        for kind, first in ((BilledBy.US, 1001), (BilledBy.GATEWAY, 5001)):
            there = kind == BilledBy.GATEWAY
            subscriptions = Subscription.objects.bulk_create(
                Subscription(
                    number=first + n,
                    customer=person,
                    price=price,
                    billed_by=kind,
                    state="past_due",
                    gateway_id=f"sub_{n}" if there else "",
                    payment_profile=old[n],
                    started_at=now - timedelta(days=40),
                )
                for n, person in enumerate(people)
            )
            Invoice.objects.bulk_create(
                Invoice(
                    number=first + n,
                    customer=subscription.customer,
                    subscription=subscription,
                    total_minor=AMOUNT_MINOR,
                    currency="CAD",
                    issued_at=now - timedelta(days=10),
                    due_at=now - timedelta(days=3),
                    attempts=1,
                    gateway_id=f"in_{n}" if there else "",
                )
                for n, subscription in enumerate(subscriptions)
            )
        self.pairs = list(zip(people, old, new, strict=True))

    def _at_gateway(self, n: int) -> dict[str, Any]:
        invoice = {"id": f"in_{n}", "status": "open", "amount_due": AMOUNT_MINOR}
        subscription = {
            "id": f"sub_{n}",
            "price": "price_1",
            "status": "past_due",
            "default_payment_method": f"pm_old_{n}",
            "invoice": invoice,
        }
        return {
            "id": f"cus_{n}",
            "name": f"Bob Tremblay {n}",
            "email": f"bob{n}@example.com",
            "payment_methods": [
                {"id": f"pm_old_{n}", "number": "4242424242424242"},
                {"id": f"pm_new_{n}", "number": "5555555555554444"},
            ],
            "default_payment_method": f"pm_old_{n}",
            "subscriptions": [subscription],
        }

    def begin(self) -> None:
        """Every customer's new card takes the old one's place; the worker sees all of the changes at one moment."""
        self.sandbox.control("DELETE", "requests")
        with tenant_scope(self.tenant.pk):
            for customer, old, new in self.pairs:
                replace_or_add(
                    customer=customer,
                    new_profile=new,
                    old_profile=old,
                    make_default=True,
                    actor=Actor.system("test"),
                    source="backoffice",
                )

    def settled(self) -> int:
        with tenant_scope(self.tenant.pk):
            return Step.objects.filter(state=StepState.DONE).count()

    def wait_for(self, steps: int, *, seconds: float = 300.0) -> None:
        """Until that many steps are done."""
        wait_until(lambda: self.settled() >= steps, what=f"{steps} steps to be done", seconds=seconds)

    def let_leases_run_out(self) -> int:
        """The time that a dead worker's steps stay taken passes at once; how many there were."""
        with tenant_scope(self.tenant.pk):
            return Step.objects.filter(state=StepState.RUNNING).update(lease_until=timezone.now())

    def check_everything_moved(self) -> None:
        """Our rows, the gateway's objects and its log of requests tell the same: everything moved, each thing once."""
        with tenant_scope(self.tenant.pk):
            self._check_rows()
        self._check_gateway()
        self._check_effects()

    def _check_rows(self) -> None:
        assert Counter(Step.objects.values_list("state", flat=True)) == {StepState.DONE: STEPS_EACH * self.count}
        assert Counter(Change.objects.values_list("state", flat=True)) == {ChangeState.DONE: self.count}
        assert Counter(Invoice.objects.values_list("state", flat=True)) == {InvoiceState.PAID: 2 * self.count}
        pinned = Subscription.objects.values_list("payment_profile__gateway_id", flat=True)
        assert Counter(str(name)[:6] for name in pinned) == {"pm_new": 2 * self.count}
        defaults = PaymentProfile.objects.filter(is_default=True, state=ProfileState.ACTIVE)
        assert sorted(defaults.values_list("gateway_id", flat=True)) == sorted(f"pm_new_{n}" for n in range(self.count))
        assert PaymentProfile.objects.filter(state=ProfileState.REPLACED, is_default=False).count() == self.count

    def objects(self, kind: str) -> dict[str, dict[str, Any]]:
        answer = self.sandbox.control("GET", f"objects/{kind}", params={"account": ACCOUNT})
        return {one["id"]: one for one in answer}

    def _check_gateway(self) -> None:
        customers, subscriptions = self.objects("customer"), self.objects("subscription")
        methods, invoices = self.objects("payment_method"), self.objects("invoice")
        for n in range(self.count):
            assert customers[f"cus_{n}"]["invoice_settings"]["default_payment_method"] == f"pm_new_{n}"
            assert subscriptions[f"sub_{n}"]["default_payment_method"] == f"pm_new_{n}"
            assert invoices[f"in_{n}"]["status"] == "paid"
            assert methods[f"pm_old_{n}"]["customer"] is None
            assert methods[f"pm_new_{n}"]["customer"] == f"cus_{n}"
        charges = Counter(charge["customer"] for charge in self.objects("charge").values() if charge["paid"])
        assert charges == {f"cus_{n}": 2 for n in range(self.count)}

    def _check_effects(self) -> None:
        """Each effect once, and the old card's detachment after everything else of its customer."""
        log = [line for line in self.sandbox.requests(account=ACCOUNT, limit=1_000_000) if line["effect"]]
        payments = {one["id"]: one["customer"] for one in self.objects("payment_intent").values()}
        seen = Counter[tuple[str, str]]()
        last: dict[str, str] = {}
        for line in log:
            customer, what = effect_of(line, payments)
            seen[customer, what] += 1
            assert last.get(customer) != "detach", f"{line['path']} after the old card was detached"
            last[customer] = what
        effects = ("default", "subscription", "note", "pay gateway's", "begin ours", "pay ours", "detach")
        assert seen == {(f"cus_{n}", effect): 1 for n in range(self.count) for effect in effects}


def effect_of(line: dict[str, Any], payments: dict[str, str]) -> tuple[str, str]:
    """(gateway customer, what was done) of a request that changed something."""
    _, _, kind, *rest = line["path"].split("/")
    name, action = rest[0] if rest else "", rest[1] if len(rest) > 1 else ""
    customer = f"cus_{name.rpartition('_')[2]}"
    if kind == "payment_intents":
        return (payments[name], "pay ours") if action == "confirm" else (line["params"]["customer"], "begin ours")
    words = {
        ("customers", ""): "default",
        ("subscriptions", ""): "subscription",
        ("payment_methods", ""): "note",
        ("payment_methods", "detach"): "detach",
        ("invoices", "pay"): "pay gateway's",
    }
    return customer, words[kind, action]
