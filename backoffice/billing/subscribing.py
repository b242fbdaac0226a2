"""Selling to a customer: a new subscription, or something bought once. Each shows first what it will cost."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from backoffice.billing.preview import NextInvoice, invoice_at, starting
from backoffice.billing.queries import usable_profiles
from backoffice.billing.subscription_forms import PayerForm, SellForm, SubscribeForm
from customers.models import Customer
from subscriptions.errors import BillingError
from subscriptions.invoicing import bill_purchase
from subscriptions.services import create_subscription
from tenants.access import Right, StaffRequest, needs


def show_error(form: Any, error: BillingError) -> None:
    """A refusal beside the fields that it names, else above the form."""
    for name, message in (error.fields or {"": error.message}).items():
        form.add_error(name if name in form.fields else None, str(message))


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    customer = get_object_or_404(Customer, pk=customer_id)
    data = request.POST if request.method == "POST" else None
    form = SubscribeForm(data, initial={"price": request.GET.get("price", ""), "quantity": 1})
    profiles = usable_profiles(customer)
    payer = PayerForm(data, profiles=profiles)
    if data is not None and {form.is_valid(), payer.is_valid()} == {True}:
        try:
            made = create_subscription(
                actor=request.actor,
                customer=customer,
                price=form.cleaned_data["price"],
                quantity=form.cleaned_data["quantity"],
                payment_profile=payer.chosen(),
                started_at=form.started_at(),
            )
        except BillingError as error:
            show_error(form, error)
        else:
            messages.success(request, _("%(number)s has started.") % {"number": made.short_number})
            return redirect("backoffice:subscription", tenant_slug=request.tenant.slug, subscription_id=made.pk)
    preview = _preview(request, customer, form)
    context = {"customer": customer, "form": form, "payer": payer, "profiles": profiles, "preview": preview}
    return render(
        request, "backoffice/billing/subscribe.html", context, status=422 if form.errors or payer.errors else 200
    )


@needs(Right.WORK)
@require_safe
def subscribe_preview(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    """What the subscription that is being put together will cost, and when."""
    customer = get_object_or_404(Customer, pk=customer_id)
    form = SubscribeForm(request.GET)
    context = {"customer": customer, "form": form, "preview": _preview(request, customer, form)}
    return render(request, "backoffice/billing/subscribe.html#preview", context)


def _preview(request: StaffRequest, customer: Customer, form: SubscribeForm) -> dict[str, Any] | None:
    """None until price, quantity and day make sense."""
    if not form.is_bound or not form.is_valid():
        return None
    price = form.cleaned_data["price"]
    start = starting(price, form.started_at() or timezone.now(), request.tenant.time_zone)
    invoice = invoice_at(customer, request.tenant, price, form.cleaned_data["quantity"], start.first_charge)
    return {"price": price, "start": start, "invoice": invoice}


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def sell(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    customer = get_object_or_404(Customer, pk=customer_id)
    form = SellForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        price, quantity = form.cleaned_data["price"], form.cleaned_data["quantity"]
        try:
            invoice = bill_purchase(actor=request.actor, customer=customer, price=price, quantity=quantity)
        except BillingError as error:
            show_error(form, error)
        else:
            messages.success(request, _("Invoice %(number)s is issued.") % {"number": invoice.short_number})
            return redirect("backoffice:invoice", tenant_slug=request.tenant.slug, invoice_id=invoice.pk)
    context = {
        "customer": customer,
        "form": form,
        "invoice": _sale(request, customer, form),
        "profiles": usable_profiles(customer),
        "sellable": form.fields["price"].queryset.exists(),  # type: ignore[attr-defined]
    }
    return render(request, "backoffice/billing/sell.html", context, status=422 if form.errors else 200)


@needs(Right.WORK)
@require_safe
def sell_preview(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    customer = get_object_or_404(Customer, pk=customer_id)
    context = {"customer": customer, "invoice": _sale(request, customer, SellForm(request.GET))}
    return render(request, "backoffice/billing/sell.html#preview", context)


def _sale(request: StaffRequest, customer: Customer, form: SellForm) -> NextInvoice | None:
    if not form.is_bound or not form.is_valid():
        return None
    typed = form.cleaned_data
    return invoice_at(customer, request.tenant, typed["price"], typed["quantity"], timezone.now())
