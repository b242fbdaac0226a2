"""Rows under way: collected with their ids and their own times, then written table by table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from random import Random
from typing import Any

from django.db import connection
from django.db.models import Model

from customers.models import Address, AddressKind, Customer
from invitations.models import Invitation
from messaging.models import DeliveryEvent, Message
from payments.models import CardSetup, GatewayCustomer, PaymentProfile
from propagation.models import Change, Step, StepAttempt
from subscriptions.billing.issue import as_rate
from subscriptions.calculators.amounts import Rate
from subscriptions.models import (
    BalanceEntry,
    Charge,
    CreditNote,
    CustomerBalance,
    Invoice,
    InvoiceLine,
    InvoiceTax,
    Price,
    Product,
    Refund,
    Subscription,
    TaxRate,
)
from tenants.models import AuditEntry, Tenant

IDS_AT_ONCE = 1000
#: A table comes after those that it refers to.
ORDER: tuple[type[Model], ...] = (
    Product,
    Price,
    TaxRate,
    Customer,
    Address,
    GatewayCustomer,
    PaymentProfile,
    Subscription,
    Invoice,
    InvoiceLine,
    InvoiceTax,
    Charge,
    CreditNote,
    Refund,
    CustomerBalance,
    BalanceEntry,
    Change,
    Step,
    StepAttempt,
    Invitation,
    CardSetup,
    Message,
    DeliveryEvent,
    AuditEntry,
)


class Book:
    """The rows of one tenant. `now` is whole seconds, so that the gateway's epoch seconds say the same."""

    def __init__(self, now: datetime, chance: Random, tenant: Tenant) -> None:
        self.now = now.replace(microsecond=0)
        self.chance = chance
        self.tenant = tenant
        self.rows: dict[type[Model], list[Any]] = {model: [] for model in ORDER}
        self._ids: list[Any] = []

    def add[M: Model](self, model: type[M], **values: Any) -> M:
        """A new row with its id, so that others may refer to it before anything is written."""
        row = model(id=self._next_id(), **values)
        self.rows[model].append(row)
        return row

    def _next_id(self) -> Any:
        if not self._ids:
            with connection.cursor() as cursor:
                cursor.execute("SELECT uuidv7() FROM generate_series(1, %s)", [IDS_AT_ONCE])
                self._ids = [row[0] for row in reversed(cursor.fetchall())]
        return self._ids.pop()

    def of[M: Model](self, model: type[M]) -> Sequence[M]:
        return self.rows[model]

    def billing_address(self, customer: Customer) -> Address:
        mine = (row for row in self.of(Address) if row.customer_id == customer.pk)
        return next(row for row in mine if row.kind == AddressKind.BILLING)

    def rates(self) -> list[Rate]:
        return [as_rate(row) for row in self.of(TaxRate)]

    def save(self) -> None:
        """Write everything in the open scope."""
        for model, rows in self.rows.items():
            with given_times(model):
                for batch in _in_order(rows):
                    model._default_manager.bulk_create(batch)


def _in_order(rows: list[Any]) -> Iterator[list[Any]]:
    """A row after the one that took its place (`replaced_by`, `superseded_by`)."""
    waiting, written = list(rows), set[Any]()
    while waiting:
        ready = [row for row in waiting if _newer_one(row) is None or _newer_one(row) in written]
        yield ready
        written |= {row.pk for row in ready}
        waiting = [row for row in waiting if row.pk not in written]


def _newer_one(row: Any) -> Any:
    return getattr(row, "replaced_by_id", None) or getattr(row, "superseded_by_id", None)


@contextmanager
def given_times(model: type[Model]) -> Iterator[None]:
    """Let history keep its own times where the model would write the present one."""
    fields: list[Any] = [field for field in model._meta.local_fields if getattr(field, "auto_now_add", False)]
    for field in fields:
        field.auto_now_add = False
    try:
        yield
    finally:
        for field in fields:
            field.auto_now_add = True
