"""Products and their prices."""

from collections.abc import Iterable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Count, Prefetch, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from backoffice.billing.forms import NewProductForm, PriceForm, ProductForm
from backoffice.billing.subscribing import show_error
from subscriptions.catalogue import set_price_active, set_price_public, update_product
from subscriptions.errors import BillingError
from subscriptions.models import LIVE_STATES, Interval, InvoiceLine, InvoiceState, Price, Product, Subscription
from subscriptions.services import create_price, create_product
from tenants.access import Right, StaffRequest, needs


def live_counts(column: str) -> dict[UUID, int]:
    """How many live subscriptions each product (`price__product`) or price (`price`) has."""
    live = Subscription.objects.filter(state__in=LIVE_STATES)
    return dict(live.values_list(column).annotate(count=Count("id")).order_by())


def sold_counts(price_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many of each one-time price were invoiced, voided invoices left out."""
    lines = InvoiceLine.objects.filter(price__in=list(price_ids)).exclude(invoice__state=InvoiceState.VOID)
    return dict(lines.values_list("price").annotate(sold=Sum("quantity")).order_by())


@needs(Right.VIEW)
def products(request: StaffRequest) -> HttpResponse:
    rows = Product.objects.prefetch_related(Prefetch("prices", Price.objects.order_by("currency", "amount_minor")))
    live = live_counts("price__product")
    context = {"rows": [(product, live.get(product.pk, 0)) for product in rows.order_by("-is_active", "name_en")[:200]]}
    return render(request, "backoffice/billing/products.html", context)


@needs(Right.MANAGE)
def product_create(request: StaffRequest) -> HttpResponse:
    form = NewProductForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        product = create_product(actor=request.actor, **form.cleaned_data)
        messages.success(request, _("The product is created. Add what it costs."))
        return redirect("backoffice:product", tenant_slug=request.tenant.slug, product_id=product.pk)
    context = {"form": form}
    return render(request, "backoffice/billing/product_create.html", context, status=422 if form.errors else 200)


@needs(Right.VIEW)
def product(request: StaffRequest, product_id: UUID) -> HttpResponse:
    return _product_page(request, get_object_or_404(Product, pk=product_id))


def _product_page(request: StaffRequest, found: Product, *bound: forms.BaseForm) -> HttpResponse:
    """`bound` are forms with errors to be shown instead of fresh ones."""
    live = live_counts("price")
    prices = list(found.prices.order_by("-is_active", "currency", "amount_minor"))
    sold = sold_counts(price.pk for price in prices if price.interval == Interval.ONE_TIME)
    context = {
        "product": found,
        "prices": [(price, live.get(price.pk, 0), sold.get(price.pk, 0)) for price in prices],
        "form": next((form for form in bound if isinstance(form, ProductForm)), ProductForm(instance=found)),
        "price_form": next(
            (form for form in bound if isinstance(form, PriceForm)),
            PriceForm(initial={"currency": request.tenant.currency}, prefix="price"),
        ),
    }
    return render(request, "backoffice/billing/product.html", context, status=422 if bound else 200)


@needs(Right.MANAGE)
@require_POST
def product_edit(request: StaffRequest, product_id: UUID) -> HttpResponse:
    found = get_object_or_404(Product, pk=product_id)
    form = ProductForm(request.POST, instance=Product.objects.get(pk=found.pk))
    if not form.is_valid():
        return _product_page(request, found, form)
    update_product(actor=request.actor, product=found, **form.cleaned_data)
    messages.success(request, _("The product is saved."))
    return redirect("backoffice:product", tenant_slug=request.tenant.slug, product_id=found.pk)


@needs(Right.MANAGE)
@require_POST
def price_create(request: StaffRequest, product_id: UUID) -> HttpResponse:
    found = get_object_or_404(Product, pk=product_id)
    form = PriceForm(request.POST, prefix="price")
    if not form.is_valid():
        return _product_page(request, found, form)
    try:
        create_price(
            actor=request.actor,
            product=found,
            amount_minor=form.cleaned_data["amount_minor"],
            currency=form.cleaned_data["currency"],
            interval=form.cleaned_data["interval"],
            interval_count=form.cleaned_data["interval_count"],
            trial_days=form.cleaned_data["trial_days"],
            is_public=form.cleaned_data["is_public"],
        )
    except BillingError as error:
        show_error(form, error)
        return _product_page(request, found, form)
    messages.success(request, _("The price is added."))
    return redirect("backoffice:product", tenant_slug=request.tenant.slug, product_id=found.pk)


@needs(Right.MANAGE)
@require_POST
def price_active(request: StaffRequest, price_id: UUID) -> HttpResponse:
    """Offer a price again, or no longer; running subscriptions keep it."""
    price = get_object_or_404(Price.objects.select_related("product"), pk=price_id)
    set_price_active(actor=request.actor, price=price, is_active=request.POST.get("is_active") == "1")
    return redirect("backoffice:product", tenant_slug=request.tenant.slug, product_id=price.product_id)


@needs(Right.MANAGE)
@require_POST
def price_public(request: StaffRequest, price_id: UUID) -> HttpResponse:
    """Offer a price in the customer portal, or no longer."""
    price = get_object_or_404(Price.objects.select_related("product"), pk=price_id)
    set_price_public(actor=request.actor, price=price, is_public=request.POST.get("is_public") == "1")
    return redirect("backoffice:product", tenant_slug=request.tenant.slug, product_id=price.product_id)
