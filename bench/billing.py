"""The billing run against a bare INSERT of the same rows."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import connection, connections

from bench.measurements import Figure
from customers.models import Address, AddressKind, Customer
from payments.models import PaymentProfile
from subscriptions.billing.run import bill_due
from subscriptions.models import Price, Product, Subscription, TaxRate
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests import factories

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
INVOICES, AUDIT = "subscriptions_invoice", "tenants_auditentry"
#: What else the run writes for each invoice, and the column that leads back to it.
OWNERS = {"subscriptions_invoiceline": "invoice_id", "subscriptions_invoicetax": "invoice_id", AUDIT: "target_id"}
TABLES = (INVOICES, *OWNERS)
INVOICES_PER_TRANSACTION = 200


def billing_run(count: int) -> Figure:
    """Invoices with a line, two taxes and an audit row each, by one process."""
    tenant: Any = factories.TenantFactory(slug="bench-billing")
    everything = count + INVOICES_PER_TRANSACTION
    _subscribe(tenant, everything)
    # The first batch is not counted: PostgreSQL keeps plans for tables that it has seen empty.
    bill_due(tenant.pk, now=START)
    analyze()
    start = time.perf_counter()
    while bill_due(tenant.pk, now=START).more:
        pass
    ours = count / (time.perf_counter() - start)
    limit = everything / _bare_inserts(tenant, everything)
    title = f"Billing run of {count:,} due subscriptions / INSERT"
    return Figure(title, ours / limit, f"{ours:.0f} invoices/s", f"{limit:.0f} invoices/s")


def _subscribe(tenant: Tenant, count: int) -> None:
    """Customers in Quebec, each with an address, a card and a subscription that is due."""
    with tenant_scope(tenant.pk):
        TaxRate.objects.create(code="GST", name_en="GST", percent=Decimal(5), country="CA")
        TaxRate.objects.create(code="QST", name_en="QST", percent=Decimal("9.975"), country="CA", region="QC")
        price = Price.objects.create(product=Product.objects.create(name_en="Plan"), amount_minor=1999, currency="CAD")
        made = Customer.objects.bulk_create(
            Customer(number=n, first_name="Person", last_name=f"Number {n}", email=f"person{n}@example.com")
            for n in range(count)
        )
        Address.objects.bulk_create(
            Address(
                customer=customer,
                kind=AddressKind.BILLING,
                line1="1 rue Peel",
                city="Montréal",
                region="QC",
                postal_code="H3B 4W5",
                country="CA",
            )
            for customer in made
        )
        PaymentProfile.objects.bulk_create(
            PaymentProfile(customer=customer, gateway_id=f"pm_{customer.number}", brand="visa", is_default=True)
            for customer in made
        )
        Subscription.objects.bulk_create(
            Subscription(
                number=n, customer=customer, price=price, started_at=START, anchor_at=START, next_billing_at=START
            )
            for n, customer in enumerate(made)
        )


def analyze() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")


type Row = dict[str, str | None]


def _bare_inserts(tenant: Tenant, count: int) -> float:
    """Seconds that the same rows take once more, under other keys: INSERTs of many rows, 200 invoices a transaction."""
    rows = {table: _read(tenant, table) for table in TABLES}
    new_ids = {row["id"]: str(uuid4()) for row in rows[INVOICES]}
    for row in rows[INVOICES]:
        row |= {"id": new_ids[row["id"]], "number": str(int(row["number"] or 0) + count)}
        row["period_start"] = row["period_end"]
    for table, owner in OWNERS.items():
        for row in rows[table]:
            row |= {"id": str(uuid4()), owner: new_ids[row[owner]]}
    start = time.perf_counter()
    for first in range(0, count, INVOICES_PER_TRANSACTION):
        with tenant_scope(tenant.pk), connection.cursor() as cursor:
            for table, found in rows.items():
                each = len(found) // count
                _insert(cursor, table, found[first * each : (first + INVOICES_PER_TRANSACTION) * each])
    return time.perf_counter() - start


def _read(tenant: Tenant, table: str) -> list[Row]:
    """What the run has written, as text, invoice by invoice; without what the database works out by itself."""
    invoice = "id" if table == INVOICES else OWNERS[table]
    action = " WHERE action = 'invoice.created'" if table == AUDIT else ""
    with tenant_scope(tenant.pk), connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall()]
        texts = ", ".join(f'"{name}"::text' for name in columns)
        cursor.execute(f'SELECT {texts} FROM "{table}"{action} ORDER BY "{invoice}", id')  # noqa: S608
        return [dict(zip(columns, values, strict=True)) for values in cursor.fetchall()]


def _insert(cursor: Any, table: str, rows: list[Row]) -> None:
    columns = ", ".join(f'"{name}"' for name in rows[0])
    places = ", ".join(["(" + ", ".join(["%s"] * len(rows[0])) + ")"] * len(rows))
    cursor.execute(
        f'INSERT INTO "{table}" ({columns}) VALUES {places}',  # noqa: S608
        [value for row in rows for value in row.values()],
    )
