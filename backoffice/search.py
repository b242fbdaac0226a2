"""The box at the top: customers, invitations, changes, subscriptions and invoices by what people type."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.customers.queries import search as search_customers
from backoffice.text import read_number
from invitations.models import Invitation
from propagation.models import Change
from subscriptions.models import Invoice, Subscription
from tenants.access import Right, StaffRequest, needs

SHOWN = 8


@dataclass(frozen=True)
class Result:
    url: str
    title: str
    detail: str
    icon: str
    state: str = ""


@dataclass(frozen=True)
class Group:
    label: str | Promise
    results: list[Result]


#: Things with a short number: (its kind in tenants.numbers, label, rows, icon, URL name).
NUMBERED: list[tuple[str, str | Promise, type[Model], str]] = [
    ("invitation", _("Invitations"), Invitation, "mail-forward"),
    ("change", _("Changes"), Change, "arrows-exchange"),
    ("subscription", _("Subscriptions"), Subscription, "repeat"),
    ("invoice", _("Invoices"), Invoice, "file-invoice"),
]


@needs(Right.VIEW)
def search(request: StaffRequest) -> HttpResponse:
    """The panel below the box for htmx; else the same on a page of its own."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:120]
    groups = [group for group in find(text, request.tenant.slug) if group.results] if text else []
    template = "backoffice/search.html#results" if request.htmx else "backoffice/search.html"
    return render(request, template, {"query": text, "groups": groups})


def find(text: str, slug: str) -> list[Group]:
    """What the text may mean, grouped by kind; a few of each."""
    customers = [
        Result(
            url=_url(slug, "customer", customer),
            title=customer.name,
            detail=" · ".join(part for part in (customer.short_number, customer.email, customer.organisation) if part),
            icon="user",
        )
        for customer in search_customers(text, SHOWN)
    ]
    return [Group(_("Customers"), customers), *(_numbered(text, slug, *kind) for kind in NUMBERED)]


def _numbered(text: str, slug: str, name: str, label: str | Promise, model: type[Model], icon: str) -> Group:
    number = read_number(text, name)
    if number is None:
        return Group(label, [])
    rows: QuerySet[Any] = model._default_manager.filter(number=number).select_related("customer")
    return Group(
        label,
        [
            Result(
                url=_url(slug, name, row),
                title=row.short_number,
                detail=row.customer.name,
                icon=icon,
                state=getattr(row, "display_state", row.state),
            )
            for row in rows
        ],
    )


def _url(slug: str, name: str, row: Model) -> str:
    return reverse(f"backoffice:{name}", kwargs={"tenant_slug": slug, f"{name}_id": row.pk})
