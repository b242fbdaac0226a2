"""From an offer to what was bought: offer, billing details, payment, done."""

from uuid import UUID

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.errors import CustomerDeleted
from customers.forms import AddressForm
from customers.models import Address, AddressKind
from customers.services import set_address
from invitations import card_entry
from invitations.card_entry import CardEntry
from payments.models import PaymentProfile
from portal.access import CustomerRequest, ask_to_sign_in, customer_page
from portal.models import Checkout, CheckoutState
from portal.offers.checkouts import LARGEST_QUANTITY, PURPOSE, finish_checkout, start_checkout
from portal.offers.queries import free_days_for, offered, offers_for, order_of, own_checkout, saved_methods
from portal.payment_status import payment_status
from propagation.card_setups import Completed
from propagation.services import change_billing_details
from subscriptions.collection import collect_now
from subscriptions.models import Invoice
from subscriptions.selectors import default_profile, usable
from tenants.errors import DomainError
from tenants.form_fields import WholeNumberField
from tenants.scope import tenant_scope

STEPS = [gettext_lazy("Offer"), gettext_lazy("Billing details"), gettext_lazy("Payment"), gettext_lazy("Done")]


class QuantityForm(forms.Form):
    quantity = WholeNumberField(
        label=gettext_lazy("Quantity"),
        least=1,
        most=LARGEST_QUANTITY,
        initial=1,
        widget=forms.NumberInput(attrs={"class": "form-control quantity", "inputmode": "numeric"}),
    )


def allow_offers(request: CustomerRequest) -> None:
    if not request.tenant.portal_shows_offers:
        raise Http404


@customer_page
@require_safe
def offers(request: CustomerRequest) -> HttpResponse:
    allow_offers(request)
    return render(request, "portal/offers/list.html", {"offers": offers_for(request.customer)})


@customer_page
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: CustomerRequest, price_id: UUID) -> HttpResponse:
    """What is bought, and how many."""
    allow_offers(request)
    price = get_object_or_404(offered(), pk=price_id)
    form = QuantityForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            checkout = start_checkout(
                actor=request.actor,
                customer=request.customer,
                price=price,
                quantity=form.cleaned_data["quantity"],
            )
        except CustomerDeleted:
            return ask_to_sign_in(request, request.tenant)
        except DomainError as error:
            form.add_error("quantity", str(error))
        else:
            return redirect("portal:checkout", request.tenant.slug, checkout.pk)
    order = order_of(request.customer, request.tenant, price, 1)
    context = {"price": price, "form": form, "order": order, "steps": STEPS}
    return render(request, "portal/offers/offer.html", context, status=422 if form.is_bound else 200)


@customer_page
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: CustomerRequest, checkout_id: UUID) -> HttpResponse:
    """The billing address, by which taxes are chosen; it becomes the customer's."""
    found = own_checkout(request.customer, checkout_id)
    if found.state != CheckoutState.OPEN:
        return to_done(request, found)
    address = _address_form(request)
    if address.is_bound and address.is_valid():
        values = address.values()
        if set_address(actor=request.actor, customer=request.customer, kind=AddressKind.BILLING, values=values):
            change_billing_details(actor=request.actor, customer=request.customer, source="portal")
        return redirect("portal:checkout_payment", request.tenant.slug, found.pk)
    context = {
        "checkout": found,
        "address": address,
        "order": order_of(request.customer, request.tenant, found.price, found.quantity),
        "steps": STEPS,
    }
    return render(request, "portal/offers/details.html", context, status=422 if address.is_bound else 200)


def _address_form(request: CustomerRequest) -> AddressForm:
    country = str(request.tenant.country)
    if request.POST.get("change_country"):
        return AddressForm.retyped(request.POST, prefix="billing", default_country=country)
    stored = _billing_address(request)
    return AddressForm(request.POST if request.method == "POST" else None, initial=stored, default_country=country)


def _billing_address(request: CustomerRequest) -> Address | None:
    return Address.objects.filter(customer=request.customer, kind=AddressKind.BILLING).first()


@csp_override(settings.PAYMENT_FORM_CSP)
@customer_page(gateway=True)
@require_http_methods(["GET", "HEAD", "POST"])
def checkout_payment(request: CustomerRequest, checkout_id: UUID) -> HttpResponse:
    """A method on file, or a new one (`?new=1`); nothing to choose where nothing will be charged."""
    refusal = ""
    if request.method == "POST":
        try:
            return _finish(request, checkout_id)
        except CustomerDeleted:
            return ask_to_sign_in(request, request.tenant)
        except DomainError as error:
            refusal = str(error)
    with tenant_scope(request.tenant.pk):
        found = own_checkout(request.customer, checkout_id)
        if found.state != CheckoutState.OPEN:
            return to_done(request, found)
        address = _billing_address(request)
        if address is None:
            return redirect("portal:checkout", request.tenant.slug, found.pk)
        context = _payment_context(request, found) | {"address": address, "refusal": refusal}
        return render(request, "portal/offers/payment.html", context, status=409 if refusal else 200)


def _finish(request: CustomerRequest, checkout_id: UUID) -> HttpResponse:
    """Buy with the chosen method; asking twice buys once."""
    with tenant_scope(request.tenant.pk):
        found = own_checkout(request.customer, checkout_id)
        order = order_of(request.customer, request.tenant, found.price, found.quantity)
        shown = request.POST.get("quantity", "")
        finish_checkout(
            actor=request.actor,
            checkout=found,
            profile=_chosen(request) if order.needs_method else None,
            quantity=int(shown) if shown.isdecimal() and len(shown) < 6 else 0,
            shown_free=bool(request.POST.get("free")),
        )
        found.refresh_from_db()
    if found.invoice_id:
        collect_now(request.tenant.pk, found.invoice_id)
    return to_done(request, found)


def _chosen(request: CustomerRequest) -> PaymentProfile:
    """Raises DomainError `no_method` when none of the customer's own is named."""
    named = request.POST.get("method", "")
    found = next((profile for profile in saved_methods(request.customer) if str(profile.pk) == named), None)
    if found is None:
        raise DomainError("no_method", _("Choose how you want to pay."))
    return found


def _payment_context(request: CustomerRequest, found: Checkout) -> dict[str, object]:
    order = order_of(request.customer, request.tenant, found.price, found.quantity)
    methods = saved_methods(request.customer)
    is_new = order.needs_method and (not methods or bool(request.GET.get("new")))
    entry = _entry(request, found)
    urls = {
        part: reverse(f"portal:checkout_{part}", args=[request.tenant.slug, found.pk]) for part in card_entry.ENDPOINTS
    }
    return card_entry.form_context(entry, urls) | {
        "checkout": found,
        "order": order,
        "methods": methods,
        "is_new": is_new,
        "steps": STEPS,
    }


def to_done(request: CustomerRequest, found: Checkout) -> HttpResponse:
    return redirect("portal:checkout_done", request.tenant.slug, found.pk)


def _entry(request: CustomerRequest, found: Checkout) -> CardEntry:
    """In the open scope. A first method becomes the default; another one is pinned to what is bought."""

    def done_url(completed: Completed) -> str:
        return reverse("portal:checkout_done", args=[request.tenant.slug, found.pk])

    def charge(completed: Completed) -> None:
        """Here, so that the page can tell what became of it."""
        with tenant_scope(request.tenant.pk):
            found.refresh_from_db(fields=["invoice_id"])
        if found.invoice_id:
            collect_now(request.tenant.pk, found.invoice_id)

    return CardEntry(
        tenant=request.tenant,
        customer=request.customer,
        actor=request.actor,
        purpose=PURPOSE,
        purpose_id=found.pk,
        done_url=done_url,
        make_default=usable(default_profile(request.customer)) is None,
        after=charge,
    )


def _entry_of(request: CustomerRequest, checkout_id: UUID) -> CardEntry:
    with tenant_scope(request.tenant.pk):
        return _entry(request, own_checkout(request.customer, checkout_id))


@customer_page(gateway=True)
@require_POST
def checkout_setup(request: CustomerRequest, checkout_id: UUID) -> JsonResponse:
    with tenant_scope(request.tenant.pk):
        if own_checkout(request.customer, checkout_id).state != CheckoutState.OPEN:
            return card_entry.refuse(409, _("This order is finished. Reload the page."))
    return card_entry.start(request, _entry_of(request, checkout_id))


@customer_page(gateway=True)
@require_POST
def checkout_details(request: CustomerRequest, checkout_id: UUID) -> JsonResponse:
    """The last word before the bank is asked: the order must still be what the page shows."""
    with tenant_scope(request.tenant.pk):
        found = own_checkout(request.customer, checkout_id)
        no_longer_free = request.POST.get("free") and not free_days_for(request.customer, found.price)
        other_quantity = str(found.quantity) != request.POST.get("quantity", "")
        if found.state == CheckoutState.OPEN and (other_quantity or no_longer_free):
            message = _("The order was changed in the meantime. Reload the page, check it and confirm again.")
            return card_entry.refuse(409, message)
    return card_entry.keep_details(request, _entry_of(request, checkout_id))


@customer_page(gateway=True)
@require_POST
def checkout_failed(request: CustomerRequest, checkout_id: UUID) -> JsonResponse:
    return card_entry.note_decline(request, _entry_of(request, checkout_id))


@customer_page(gateway=True)
@require_POST
def checkout_complete(request: CustomerRequest, checkout_id: UUID) -> JsonResponse:
    return card_entry.complete(request, _entry_of(request, checkout_id))


@customer_page
@require_safe
def checkout_done(request: CustomerRequest, checkout_id: UUID) -> HttpResponse:
    """What was bought and whether it is paid, as it is now."""
    found = own_checkout(request.customer, checkout_id)
    if found.state == CheckoutState.OPEN:
        return redirect("portal:checkout_payment", request.tenant.slug, found.pk)
    return render(request, "portal/offers/done.html", _done_context(found))


@customer_page
@require_safe
def checkout_status(request: CustomerRequest, checkout_id: UUID) -> HttpResponse:
    """The part of the page that is fetched again while the first payment is under way; then the whole page anew."""
    context = _done_context(own_checkout(request.customer, checkout_id))
    if context["status"] and context["status"].name == "running":  # type: ignore[attr-defined]
        return render(request, "portal/offers/done.html#waiting", context)
    url = reverse("portal:checkout_done", args=[request.tenant.slug, checkout_id])
    return HttpResponse(status=204, headers={"HX-Redirect": url})


def _done_context(found: Checkout) -> dict[str, object]:
    invoice = Invoice.objects.filter(pk=found.invoice_id).first() if found.invoice_id else None
    status = payment_status(invoice) if invoice else None
    return {"checkout": found, "invoice": invoice, "status": status, "steps": STEPS}
