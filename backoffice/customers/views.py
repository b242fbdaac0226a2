"""The customers' pages: list, create, page, edit, delete."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from backoffice.customers.forms import CustomerEntry, CustomerFilterForm
from backoffice.customers.page import customer_page
from backoffice.customers.queries import CustomersPage, customers_page
from backoffice.customers.timeline import timeline
from backoffice.filters import chips
from backoffice.paging import capped_count
from backoffice.text import typed_text
from customers.addresses import AddressValues
from customers.deletion import deletion_blockers
from customers.models import AddressKind, Customer
from customers.services import (
    GATEWAY_FIELDS,
    CannotDelete,
    create_customer,
    delete_customer,
    set_address,
    update_customer,
)
from propagation.services import change_billing_details
from subscriptions.services import create_subscription
from tenants.access import Right, StaffRequest, needs
from tenants.errors import DomainError


def _states() -> dict[str, str]:
    return {"": _("All"), "active": _("Active"), "inactive": _("Inactive"), "past_due": _("Past due")}


@needs(Right.VIEW)
@require_safe
def customers(request: StaffRequest) -> HttpResponse:
    filters = CustomerFilterForm(request.GET)
    rows = filters.customer_filters().rows()
    page = customers_page(rows, request.GET)
    context = {
        "filters": filters,
        "page": page,
        "is_narrowed": filters.is_filtered or bool(request.GET.get("state")),
        "chips": chips(request.GET, "state", _states()),
        "total": _total(rows, page),
    }
    is_part = request.htmx and request.htmx.target == "customers"
    return render(
        request, "backoffice/customers/list.html#results" if is_part else "backoffice/customers/list.html", context
    )


def _total(rows: QuerySet[Customer], page: CustomersPage) -> str:
    """Counted only where one page does not tell it all."""
    return capped_count(rows) if page.previous or page.next else str(len(page.rows))


@needs(Right.VIEW)
@require_safe
def customer(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    shown = get_object_or_404(Customer, pk=customer_id)
    return render(request, "backoffice/customers/page.html", customer_page(shown, request.tenant.slug))


@needs(Right.VIEW)
@require_safe
def customer_timeline(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    shown = get_object_or_404(Customer, pk=customer_id)
    page = timeline(shown, request.tenant.slug, before=request.GET.get("before", ""))
    part = "#more" if request.htmx and request.GET.get("before") else ""
    return render(request, f"backoffice/customers/timeline.html{part}", {"customer": shown, "timeline": page})


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def customer_create(request: StaffRequest) -> HttpResponse:
    entry = CustomerEntry(_posted(request), default_country=str(request.tenant.country))
    if entry.is_bound and entry.is_valid():
        try:
            created = _create(request, entry)
        except DomainError as error:
            _show_error(entry, error)
        else:
            messages.success(request, _("%(name)s is customer %(number)s now.") % _names(created))
            _warn_of_shared_email(request, created)
            return redirect(_customer_url(request, created))
    context = {"entry": entry, "customer": None}
    return render(request, "backoffice/customers/form.html", context, status=_status(entry))


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def customer_edit(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    edited = get_object_or_404(Customer, pk=customer_id)
    addresses = {address.kind: AddressValues.of(address) for address in edited.addresses.all()}
    entry = CustomerEntry(
        _posted(request), customer=edited, addresses=addresses, default_country=str(request.tenant.country)
    )
    if entry.is_bound and entry.is_valid():
        try:
            with transaction.atomic():
                _save(request, edited, entry)
        except DomainError as error:
            edited = Customer.objects.filter(pk=customer_id).first() or edited
            _show_error(entry, error)
        else:
            return redirect(_customer_url(request, edited))
    context = {"entry": entry, "customer": edited}
    return render(request, "backoffice/customers/form.html", context, status=_status(entry))


def _create(request: StaffRequest, entry: CustomerEntry) -> Customer:
    """The customer and, where one was chosen, the first subscription: both or neither."""
    with transaction.atomic():
        created = create_customer(
            actor=request.actor,
            billing_address=entry.billing.values(),
            shipping_address=entry.shipping.values(),
            **entry.form.cleaned_data,
        )
        first = entry.subscription
        if first is not None and (price := first.cleaned_data["price"]):
            create_subscription(
                actor=request.actor,
                customer=created,
                price=price,
                quantity=first.cleaned_data["quantity"],
                started_at=first.started_at(),
            )
    return created


def _save(request: StaffRequest, edited: Customer, entry: CustomerEntry) -> None:
    """Save what was entered, have the gateway follow, and say so."""
    actor = request.actor
    changed = update_customer(actor=actor, customer=edited, values=entry.form.cleaned_data)
    billing = set_address(actor=actor, customer=edited, kind=AddressKind.BILLING, values=entry.billing.values())
    shipping = set_address(actor=actor, customer=edited, kind=AddressKind.SHIPPING, values=entry.shipping.values())
    if not (changed or billing or shipping):
        messages.info(request, _("Nothing was changed."))
        return
    messages.success(request, _("The details of %(name)s are saved.") % _names(edited))
    if "email" in changed:
        _warn_of_shared_email(request, edited)
    if billing or changed & GATEWAY_FIELDS:
        change = change_billing_details(actor=actor, customer=edited)
        if change is not None:
            url = reverse("backoffice:change", args=[request.tenant.slug, change.pk])
            text = _("They are being carried to the payment gateway:")
            messages.info(request, format_html('{} <a href="{}">{}</a>', text, url, change.short_number))


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def customer_delete(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    doomed = get_object_or_404(Customer, pk=customer_id)
    blockers = deletion_blockers(doomed)
    if request.method == "POST" and not blockers:
        try:
            delete_customer(actor=request.actor, customer=doomed, reason=typed_text(request.POST, "reason"))
        except CannotDelete as error:
            blockers = error.blockers
        else:
            messages.success(request, _("%(name)s (%(number)s) was deleted.") % _names(doomed))
            return redirect("backoffice:customers", tenant_slug=request.tenant.slug)
    context = {"customer": doomed, "blockers": blockers}
    refused = request.method == "POST" and blockers
    return render(request, "backoffice/customers/delete.html", context, status=409 if refused else 200)


def _posted(request: StaffRequest) -> Mapping[str, Any] | None:
    return request.POST if request.method == "POST" else None


def _status(entry: CustomerEntry) -> int:
    return 422 if entry.is_bound and not entry.changes_country else 200


def _customer_url(request: StaffRequest, shown: Customer) -> str:
    return reverse("backoffice:customer", args=[request.tenant.slug, shown.pk])


def _names(shown: Customer) -> dict[str, str]:
    return {"name": shown.name, "number": shown.short_number}


def _show_error(entry: CustomerEntry, error: DomainError) -> None:
    for name, message in error.fields.items():
        entry.form.add_error(name if name in entry.form.fields else None, str(message))
    if not error.fields:
        entry.form.add_error(None, str(error.message))


def _warn_of_shared_email(request: StaffRequest, shown: Customer) -> None:
    if not shown.email_normalized:
        return
    others = Customer.objects.filter(email_normalized=shown.email_normalized).exclude(pk=shown.pk).order_by("number")
    numbers = [other.short_number for other in others[:3]]
    if numbers:
        message = _("%(email)s is also the address of %(numbers)s. Check that this is meant.")
        messages.warning(request, message % {"email": shown.email, "numbers": ", ".join(numbers)})
