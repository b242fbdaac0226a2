"""Reads for the customers' pages, across customers, payments and subscriptions."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import QueryDict
from django.utils import timezone

from backoffice.paging import with_query
from backoffice.text import customer_match
from customers.models import Address, AddressKind, Customer
from payments.models import PaymentProfile, ProfileState
from subscriptions.models import LIVE_STATES, Invoice, InvoiceState, Subscription, SubscriptionState
from tenants.models import MethodKind

PAGE_SIZE = 25
EXPIRES_SOON_DAYS = 45
SORTS: dict[str, tuple[str, ...]] = {
    "number": ("number",),
    "name": ("last_name", "first_name", "id"),
    "email": ("email_normalized", "id"),
    "created": ("created_at", "id"),
}
DEFAULT_SORT = "-created"
_LAST4 = re.compile(r"\d{4}", re.ASCII)


# Search and filters


def matching(text: str) -> Q:
    """Customers that the text means: their number, a card's last 4, or words of name, e-mail or reference."""
    text = text.strip()
    if not text:
        return Q()
    found = customer_match(text, path="")
    if _LAST4.fullmatch(text):
        found |= Q(Exists(_profiles_of_row().filter(last4=text).exclude(state=ProfileState.REMOVED)))
    return found


def search(text: str, limit: int = 6) -> list[Customer]:
    """The newest few customers that the text means."""
    if not text.strip():
        return []
    return list(Customer.objects.filter(matching(text)).order_by("-number")[:limit])


def _profiles_of_row() -> QuerySet[PaymentProfile]:
    return PaymentProfile.objects.filter(customer=OuterRef("pk"))


def _month_index(days: int = 0) -> int:
    day = timezone.localdate() + timedelta(days=days)
    return day.year * 12 + day.month


def has_live_subscription() -> Exists:
    return Exists(Subscription.objects.filter(customer=OuterRef("pk"), state__in=LIVE_STATES))


def has_past_due() -> Q:
    due = Invoice.objects.filter(customer=OuterRef("pk"), state=InvoiceState.OPEN, due_at__lte=timezone.now())
    late = [SubscriptionState.PAST_DUE, SubscriptionState.UNPAID]
    return Q(Exists(due)) | Q(Exists(Subscription.objects.filter(customer=OuterRef("pk"), state__in=late)))


def pays_by(state: str) -> Q:
    """How the customer's payment method stands: `ok`, `expiring`, `expired` (all of the default), `ach` or `none`."""
    active = _profiles_of_row().filter(state=ProfileState.ACTIVE)
    if state == "none":
        return ~Q(Exists(active))
    if state == "ach":
        return Q(Exists(active.filter(kind=MethodKind.US_BANK_ACCOUNT)))
    month = F("exp_year") * 12 + F("exp_month")
    default = active.filter(is_default=True).annotate(last_month=month)
    soon = _month_index(EXPIRES_SOON_DAYS)
    within = {
        "expired": Q(last_month__lt=_month_index()),
        "expiring": Q(last_month__gte=_month_index(), last_month__lt=soon),
        "ok": Q(last_month__gte=soon) | Q(last_month=None),
    }
    return Q(Exists(default.filter(within[state])))


@dataclass(frozen=True)
class CustomerFilters:
    """What the list is narrowed to; an empty value does not narrow. `state` is active, inactive or past_due."""

    text: str = ""
    state: str = ""
    payment: str = ""
    country: str = ""

    def rows(self) -> QuerySet[Customer]:
        rows = Customer.objects.filter(matching(self.text))
        conditions = {"active": Q(has_live_subscription()), "inactive": ~Q(has_live_subscription())}
        if self.state == "past_due":
            rows = rows.filter(has_past_due())
        elif self.state in conditions:
            rows = rows.filter(conditions[self.state])
        if self.payment:
            rows = rows.filter(pays_by(self.payment))
        if self.country:
            billing = Address.objects.filter(customer=OuterRef("pk"), kind=AddressKind.BILLING, country=self.country)
            rows = rows.filter(Exists(billing))
        return rows


# The list


@dataclass
class CustomerRow:
    """A customer as the list shows one."""

    customer: Customer
    profile: PaymentProfile | None = None
    profile_count: int = 0
    subscriptions: dict[str, int] = field(default_factory=dict)
    purchases: int = 0
    past_due: int = 0
    ach_verified: bool = False

    @property
    def is_active(self) -> bool:
        return any(state in LIVE_STATES for state in self.subscriptions)

    @property
    def other_profiles(self) -> int:
        return self.profile_count - 1

    @property
    def subscription_count(self) -> int:
        return sum(self.subscriptions.values())

    @property
    def payment_state(self) -> str:
        """`none`, `disabled`, or the profile's state as people see it."""
        return self.profile.display_state if self.profile else "none"


@dataclass(frozen=True)
class CustomersPage:
    """`previous` and `next` are query strings of the neighbouring pages, empty at an end."""

    rows: list[CustomerRow]
    previous: str
    next: str


def customers_page(rows: QuerySet[Customer], query: QueryDict, size: int = PAGE_SIZE) -> CustomersPage:
    """One page of customers, by `?sort=` (a key of SORTS, - for descending) and the cursor `?after=` or `?before=`.

    Every page costs the same: it starts from the sort key of the row at the edge left behind.
    """
    sort = query.get("sort", DEFAULT_SORT)
    if sort.removeprefix("-") not in SORTS:
        sort = DEFAULT_SORT
    columns = SORTS[sort.removeprefix("-")]
    descending = sort.startswith("-")
    after, before = _cursor(query.get("after"), columns), _cursor(query.get("before"), columns)
    backwards = before is not None
    edge = before if backwards else after
    if edge is not None:
        compare = TupleLessThan if descending != backwards else TupleGreaterThan
        rows = rows.filter(compare(Tuple(*(F(column) for column in columns)), edge))
    minus = "-" if descending != backwards else ""
    found = list(rows.order_by(*(f"{minus}{column}" for column in columns))[: size + 1])
    items = found[:size][::-1] if backwards else found[:size]
    more_behind, more_ahead = (len(found) > size, True) if backwards else (edge is not None, len(found) > size)
    return CustomersPage(
        rows=describe(items),
        previous=_page_link(query, "before", items[:1], columns) if more_behind else "",
        next=_page_link(query, "after", items[-1:], columns) if more_ahead else "",
    )


def _page_link(query: QueryDict, name: str, edge: list[Customer], columns: tuple[str, ...]) -> str:
    if not edge:
        return with_query(query)
    values = [getattr(edge[0], column) for column in columns]
    raw = json.dumps([value if isinstance(value, int) else str(value) for value in values])
    return with_query(query) + ("&" if with_query(query) else "") + f"{name}={urlsafe_b64encode(raw.encode()).decode()}"


def _cursor(text: str | None, columns: tuple[str, ...]) -> tuple[Any, ...] | None:
    """The values of a cursor; one that cannot be read counts as none."""
    try:
        values = json.loads(urlsafe_b64decode((text or "").encode()))
        fields: list[Any] = [Customer._meta.get_field(column) for column in columns]
        cursor = tuple(field.to_python(value) for field, value in zip(fields, values, strict=True))
        for field, value in zip(fields, cursor, strict=True):
            field.run_validators(value)
    except (ValueError, TypeError, ValidationError):
        return None
    return None if None in cursor or any("\x00" in str(value) for value in cursor) else cursor


def describe(customers: Iterable[Customer]) -> list[CustomerRow]:
    """What the list shows of each, in one query per kind of thing whatever the number of customers."""
    rows = {customer.pk: CustomerRow(customer) for customer in customers}
    of_page = {"customer_id__in": list(rows)}
    for counted in Subscription.objects.filter(**of_page).values("customer_id", "state").annotate(n=Count("id")):
        rows[counted["customer_id"]].subscriptions[counted["state"]] = counted["n"]
    for profile in PaymentProfile.objects.filter(**of_page, state=ProfileState.ACTIVE).order_by("is_default", "id"):
        row = rows[profile.customer_id]
        row.profile, row.profile_count = profile, row.profile_count + 1
        row.ach_verified |= profile.kind == MethodKind.US_BANK_ACCOUNT  # one is active once it is verified
    late = Q(state=InvoiceState.OPEN, due_at__lte=timezone.now())
    single = Q(subscription=None) & ~Q(state__in=[InvoiceState.DRAFT, InvoiceState.VOID])
    invoices = Invoice.objects.filter(late | single, **of_page).values("customer_id")
    for found in invoices.annotate(late=Count("id", filter=late), single=Count("id", filter=single)):
        rows[found["customer_id"]].past_due = found["late"]
        rows[found["customer_id"]].purchases = found["single"]
    return list(rows.values())
