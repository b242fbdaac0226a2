"""The portal's first page, and what customers change of their details."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.email_change import ask_email_change, withdraw_email_change
from customers.models import AddressKind, Customer
from customers.services import GATEWAY_FIELDS, set_address, update_customer
from customers.validation import normalize_email
from portal.access import CustomerRequest, customer_page
from portal.home.forms import TEXT_FIELDS, Details
from portal.home.queries import change_being_saved, summary_of
from propagation.engine import carry_out_now
from propagation.models import Change
from propagation.services import change_billing_details
from tenants.errors import DomainError
from tenants.scope import tenant_scope

#: How long a form waits for the gateway before the page that follows watches instead.
WAIT_SECONDS = 3.0


@require_safe
@customer_page
def home(request: CustomerRequest) -> HttpResponse:
    context = {
        "tenant": request.tenant,
        "customer": request.customer,
        "summary": summary_of(request.customer, request.tenant, _uuid(request.GET.get("saving", ""))),
        "details": Details(request.customer, request.tenant),
    }
    return render(request, "portal/home.html", context)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@require_safe
@customer_page
def saving(request: CustomerRequest, change_id: UUID) -> HttpResponse:
    """The part of the page that is fetched again until the gateway has confirmed."""
    change = change_being_saved(request.customer, change_id)
    if change is None:
        raise Http404(_("There is no such page."))
    return render(request, "portal/home.html#saving", {"tenant": request.tenant, "change": change})


@require_http_methods(["GET", "HEAD", "POST"])
@customer_page(gateway=True)
def details(request: CustomerRequest) -> HttpResponse:
    """A page of its own, and what the first page's dialog sends its form to."""
    change: Change | None = None
    with tenant_scope(request.tenant.pk):
        typed = Details(request.customer, request.tenant, request.POST if request.method == "POST" else None)
        is_saved = False
        if typed.is_bound and typed.is_valid():
            try:
                with tenant_scope(request.tenant.pk):
                    change = _save(request, typed)
                is_saved = True
            except DomainError as error:
                request.customer = Customer.objects.filter(pk=request.customer.pk).first() or request.customer
                typed.add_error(error.fields, error.message)
        if not is_saved:
            return _show(request, typed)
    if change is not None:
        carry_out_now(request.tenant.pk, change.pk, WAIT_SECONDS)
    return _to_home(request, change)


def _show(request: CustomerRequest, typed: Details) -> HttpResponse:
    template = "portal/details.html#form" if "HX-Request" in request.headers else "portal/details.html"
    context = {"tenant": request.tenant, "customer": request.customer, "details": typed}
    status = 422 if typed.is_bound and not typed.changes_country else 200
    return render(request, template, context, status=status)


def _to_home(request: CustomerRequest, change: Change | None) -> HttpResponse:
    where = reverse("portal:home", args=[request.tenant.slug]) + (f"?saving={change.pk}" if change else "")
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": where})
    return HttpResponseRedirect(where)


def _save(request: CustomerRequest, typed: Details) -> Change | None:
    """Save all or nothing; the change that carries it to the gateway, if there is something to carry."""
    actor, customer = request.actor, request.customer
    given: Mapping[str, Any] = typed.form.cleaned_data
    changed = update_customer(
        actor=actor, customer=customer, values={name: given[name] for name in (*TEXT_FIELDS, "phone")}
    )
    moved = set_address(actor=actor, customer=customer, kind=AddressKind.BILLING, values=typed.address_values)
    asks_email = normalize_email(given["email"]) != customer.email_normalized
    if asks_email:
        ask_email_change(actor=actor, tenant=request.tenant, customer=customer, email=given["email"])
        text = _("We have sent a message to %(email)s. Press the button in it, and the address counts.")
        messages.info(request, text % {"email": given["email"]})
    change = None
    if moved or changed & GATEWAY_FIELDS:
        change = change_billing_details(actor=actor, customer=customer, source="portal")
    if change is None and (moved or changed):
        messages.success(request, _("Your details are saved."))
    elif not (moved or changed or asks_email):
        messages.info(request, _("Nothing was changed."))
    return change


@require_POST
@customer_page
def withdraw_email(request: CustomerRequest) -> HttpResponse:
    """Let the new address be that waits to be confirmed."""
    if withdraw_email_change(actor=request.actor, customer=request.customer):
        messages.success(request, _("Your address stays as it is."))
    return HttpResponseRedirect(reverse("portal:home", args=[request.tenant.slug]))
