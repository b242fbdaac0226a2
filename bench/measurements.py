"""What is measured, and against which limit."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from payments.gateway.accounts import gateway_for
from payments.gateway.rate_limit import reserve_slot
from payments.models import PaymentProfile
from propagation.engine import carry_out_next
from propagation.models import Step
from propagation.services import replace_or_add
from subscriptions.models import Price, Product, Subscription
from tenants.actors import Actor
from tenants.models import Membership, Role, Tenant, User
from tenants.scope import tenant_scope
from tests import factories
from tests.processes import Sandbox

ACTOR = Actor.system("bench")
WORKERS = 8


@dataclass(frozen=True)
class Figure:
    """`ratio` is ours by the limit's; `ours` and `limit` say what was measured."""

    name: str
    ratio: float
    ours: str
    limit: str

    def __str__(self) -> str:
        return f"{self.name:<46} {self.ratio:>7.2f}   {self.ours}  /  {self.limit}"


def measure_all(sandbox: Sandbox, *, customers: int, changes: int) -> Iterator[Figure]:
    tenant: Any = factories.TenantFactory(slug="bench")
    with tenant_scope(tenant.pk):
        factories.sandbox_account(sandbox, "bench")
    sandbox.control("POST", "accounts/bench/rate_limit", json={"per_second": None})
    yield scope_cost(tenant)
    make_customers(tenant, customers)
    yield from list_page(tenant, customers)
    yield slots()
    yield propagation(tenant, sandbox, changes)


def seconds(action: Callable[[], object], *, times: int = 30) -> float:
    """The median of several runs, after one that is not counted."""
    action()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return median(taken)


def scope_cost(tenant: Tenant) -> Figure:
    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def scoped() -> None:
        with tenant_scope(tenant.pk), connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    limit, ours = seconds(bare, times=300), seconds(scoped, times=300)
    return Figure("A query in a tenant scope / without", ours / limit, f"{ours * 1e6:.0f} µs", f"{limit * 1e6:.0f} µs")


def make_customers(tenant: Tenant, count: int) -> None:
    with tenant_scope(tenant.pk):
        price = Price.objects.create(product=Product.objects.create(name_en="Plan"), amount_minor=900, currency="CAD")
        made = Customer.objects.bulk_create(
            Customer(
                number=5000 + n,
                first_name="Person",
                last_name=f"Number {n:06}",
                email=f"person{n}@example.com",
                email_normalized=f"person{n}@example.com",
            )
            for n in range(count)
        )
        PaymentProfile.objects.bulk_create(
            PaymentProfile(
                customer=customer,
                gateway_id=f"pm_list_{customer.number}",
                brand="visa",
                last4="4242",
                exp_month=12,
                exp_year=2034,
                is_default=True,
            )
            for customer in made
        )
        Subscription.objects.bulk_create(
            Subscription(
                number=9000 + n, customer=customer, price=price, started_at="2026-01-01T00:00Z", state="active"
            )
            for n, customer in enumerate(made)
        )
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")


def list_page(tenant: Tenant, count: int) -> Iterator[Figure]:
    """The customers page over HTTP's own code path, against the SQL that fetches the same 50 rows."""
    user = User.objects.create_user("bench@example.com", "a long enough password", full_name="Bench")
    with tenant_scope(tenant.pk):
        Membership.objects.create(user=user, role=Role.OWNER)
    client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
    client.force_login(user)
    address = reverse("backoffice:customers", args=[tenant.slug])

    def page(query: str = "") -> None:
        response = client.get(address + query)
        if response.status_code != 200:
            raise RuntimeError(f"{address}{query} answered {response.status_code}")

    def rows() -> None:
        with tenant_scope(tenant.pk):
            list(Customer.objects.order_by("-number").values_list("number", "first_name", "last_name", "email")[:50])

    limit = seconds(rows)
    for name, query in (("Customers page", ""), ("Customers search", "?q=number+0042")):
        ours = seconds(lambda query=query: page(query))  # type: ignore[misc]
        title = f"{name}, {count:,} rows / SQL for 50 rows"
        yield Figure(title, ours / limit, f"{ours * 1e3:.1f} ms", f"{limit * 1e3:.2f} ms")


def slots() -> Figure:
    """Slots that many threads reserve in a burst, against the account's own rate."""
    count = 400
    with ThreadPoolExecutor(WORKERS) as pool:
        at = sorted(pool.map(lambda _: reserve_slot("bench").at, range(count)))
    rate = (count - 1) / (at[-1] - at[0])
    allowed = settings.GATEWAY_CALLS_PER_SECOND
    return Figure("Gateway slots handed out / allowed", rate / allowed, f"{rate:.1f}/s", f"{allowed:.1f}/s")


def propagation(tenant: Tenant, sandbox: Sandbox, changes: int) -> Figure:
    """Steps carried out by several workers, against bare calls through the same adapter by as many threads."""
    settings.GATEWAY_CALLS_PER_SECOND = 1_000_000
    pairs = [_customer_with_two_cards(tenant, n) for n in range(changes)]
    sandbox.seed(account="bench", customers=[entry for _old, _new, entry in pairs])
    gateway = gateway_for(tenant.pk)
    calls = changes * 4

    def call(n: int) -> None:
        gateway.read_method(pairs[n % changes][0].gateway_id)

    with ThreadPoolExecutor(WORKERS) as pool:
        start = time.perf_counter()
        list(pool.map(call, range(calls)))
        limit = calls / (time.perf_counter() - start)
    with tenant_scope(tenant.pk):
        for old, new, _entry in pairs:
            replace_or_add(customer=new.customer, new_profile=new, old_profile=old, actor=ACTOR, source="bench")

    def work(_: int) -> None:
        while carry_out_next(tenant.pk):
            pass
        connection.close()

    start = time.perf_counter()
    # A worker that finds nothing due may be early for a step that another is about to make due.
    while _open_steps(tenant):
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(work, range(WORKERS)))
    taken = time.perf_counter() - start
    with tenant_scope(tenant.pk):
        done = Step.objects.filter(state="done").count()
    ours = done / taken
    return Figure("Steps carried out / bare gateway calls", ours / limit, f"{ours:.0f} steps/s", f"{limit:.0f} calls/s")


def _open_steps(tenant: Tenant) -> int:
    with tenant_scope(tenant.pk):
        return Step.objects.exclude(state__in=["done", "waived", "failed", "superseded"]).count()


def _customer_with_two_cards(tenant: Tenant, n: int) -> tuple[PaymentProfile, PaymentProfile, dict[str, object]]:
    with tenant_scope(tenant.pk):
        customer = factories.CustomerFactory()
        old: Any
        new: Any
        factories.GatewayCustomerFactory(customer=customer, gateway_id=f"cus_bench_{n}")
        old = factories.PaymentProfileFactory(customer=customer, gateway_id=f"pm_old_{n}", is_default=True)
        new = factories.PaymentProfileFactory(customer=customer, gateway_id=f"pm_new_{n}")
        factories.SubscriptionFactory(customer=customer, payment_profile=old)
    methods = [{"id": f"pm_{which}_{n}", "number": "4242424242424242"} for which in ("old", "new")]
    return old, new, {"id": f"cus_bench_{n}", "payment_methods": methods, "default_payment_method": f"pm_old_{n}"}
