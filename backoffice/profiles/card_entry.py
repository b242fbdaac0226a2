"""A new card entered by staff at the gateway's own fields: the page, and what its script asks for.

The script is static/ui/payment-form.js; templates/ui/payment_form.html tells what it sends and expects.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from backoffice.profiles.forms import CardHolderForm, address_for_gateway
from backoffice.profiles.views import find_profile
from backoffice.text import typed_text
from customers.addresses import AddressValues
from customers.forms import AddressForm
from customers.models import AddressKind, Customer
from payments.card_setups import note_failure, save_billing_details, start_card_setup
from payments.gateway.errors import GatewayError, explain
from payments.models import CardSetup, PaymentProfile, ProfileState, SetupState
from propagation.card_setups import Completed, complete_card_setup, verifying_answer
from propagation.errors import ChangeRefused
from propagation.impact import Impact, preview
from propagation.models import ChangeKind
from tenants.access import Right, StaffRequest, needs
from tenants.errors import DomainError
from tenants.middleware import client_ip
from tenants.scope import tenant_scope

PURPOSE = "backoffice"


@csp_override(settings.PAYMENT_FORM_CSP)
@needs(Right.WORK, gateway=True)
@require_safe
def profile_add(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    with tenant_scope(request.tenant.pk):
        return _page(request, get_object_or_404(Customer, pk=customer_id), None)


@csp_override(settings.PAYMENT_FORM_CSP)
@needs(Right.WORK, gateway=True)
@require_safe
def profile_replace(request: StaffRequest, customer_id: UUID, profile_id: UUID) -> HttpResponse:
    with tenant_scope(request.tenant.pk):
        replaced = find_profile(customer_id, profile_id, ProfileState.ACTIVE, ProfileState.DISABLED)
        return _page(request, replaced.customer, replaced)


def _page(request: StaffRequest, customer: Customer, replaced: PaymentProfile | None) -> HttpResponse:
    billing = customer.addresses.filter(kind=AddressKind.BILLING).first()
    is_first = not customer.payment_profiles.filter(state=ProfileState.ACTIVE).exists()
    makes_default = is_first or bool(replaced and replaced.is_default)
    args = [request.tenant.slug, customer.pk]
    context = {
        "customer": customer,
        "replaced": replaced,
        "form": CardHolderForm(initial={"holder_name": customer.name, "make_default": makes_default}),
        "address": AddressForm(
            initial=AddressValues.of(billing), default_country=str(request.tenant.country), optional=True
        ),
        "default_is_given": makes_default,
        "impact": _impact(customer, replaced, makes_default),
        "stripe_js_url": settings.STRIPE_JS_URL,
        "locale": get_language(),
        "query": f"?replaces={replaced.pk}" if replaced else "",
        "urls": {name: reverse(f"backoffice:profile_{name}", args=args) for name in _URLS},
    }
    return render(request, "backoffice/profiles/card.html", context)


_URLS = ("setup", "details", "failed", "complete", "impact")


def _impact(customer: Customer, replaced: PaymentProfile | None, makes_default: bool) -> Impact:
    kind = ChangeKind.REPLACE if replaced else ChangeKind.ADD
    return preview(customer=customer, kind=kind, old_profile=replaced, makes_default=makes_default)


@needs(Right.WORK)
@require_safe
def profile_impact(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    """What the new card will move, as the form stands now."""
    customer = get_object_or_404(Customer, pk=customer_id)
    impact = _impact(customer, _replaced(request, customer_id), bool(request.GET.get("make_default")))
    return render(request, "backoffice/profiles/impact.html", {"impact": impact})


def _replaced(request: HttpRequest, customer_id: UUID) -> PaymentProfile | None:
    """The profile named by `?replaces=`, which must be this customer's; 404 otherwise."""
    named = request.GET.get("replaces", "")
    if not named:
        return None
    try:
        profile_id = UUID(named)
    except ValueError:
        profile_id = UUID(int=0)
    return find_profile(customer_id, profile_id, ProfileState.ACTIVE, ProfileState.DISABLED)


@needs(Right.WORK, gateway=True)
@require_POST
def profile_setup(request: StaffRequest, customer_id: UUID) -> JsonResponse:
    with tenant_scope(request.tenant.pk):
        get_object_or_404(Customer, pk=customer_id)
        replaced = _replaced(request, customer_id)
    try:
        started = start_card_setup(
            request.tenant.pk,
            customer_id=customer_id,
            purpose=PURPOSE,
            replaces_id=replaced.pk if replaced else None,
            make_default=False,
            actor=request.actor,
            ip=client_ip(request),
        )
    except DomainError as error:
        return JsonResponse({"message": str(error)}, status=429)
    except GatewayError as error:
        return JsonResponse({"message": str(error.message)}, status=502)
    return JsonResponse(
        {
            "setup_id": str(started.setup_id),
            "setup_intent": started.gateway_id,
            "client_secret": started.client_secret,
            "publishable_key": started.publishable_key,
        }
    )


def _own_setup(request: StaffRequest, customer_id: UUID) -> CardSetup:
    """The card entry that the script names, if it is one of this customer's, begun here; 404 otherwise."""
    return get_object_or_404(
        CardSetup, gateway_id=typed_text(request.POST, "setup_intent"), customer_id=customer_id, purpose=PURPOSE
    )


@needs(Right.WORK)
@require_POST
def profile_details(request: StaffRequest, customer_id: UUID) -> JsonResponse:
    setup = _own_setup(request, customer_id)
    form = CardHolderForm(request.POST)
    address = AddressForm(request.POST, default_country=str(request.tenant.country), optional=True)
    if {form.is_valid(), address.is_valid()} != {True}:
        return JsonResponse({"errors": _errors(form, address)}, status=422)
    values = address_for_gateway(address.values())
    details = {"holder_name": form.cleaned_data["holder_name"], "address": values}
    try:
        save_billing_details(setup_id=setup.pk, details=details, make_default=form.cleaned_data["make_default"])
    except DomainError as error:
        return JsonResponse({"message": str(error)}, status=422)
    return JsonResponse({"billing_details": billing_details(setup.customer, details)})


def _errors(*forms: Any) -> dict[str, str]:
    return {form.add_prefix(name): " ".join(errors) for form in forms for name, errors in form.errors.items()}


def billing_details(customer: Customer, details: dict[str, Any]) -> dict[str, Any]:
    """What Stripe.js takes as `billing_details`; null where nothing is known."""
    address = dict(details["address"])
    address["state"] = address.pop("region")
    return {
        "name": details["holder_name"] or None,
        "email": customer.email or None,
        "phone": str(customer.phone) or None,
        "address": {part: value or None for part, value in address.items()},
    }


@needs(Right.WORK, gateway=True)
@require_POST
def profile_failed(request: StaffRequest, customer_id: UUID) -> JsonResponse:
    """The bank said no: have it counted, and give the reader's words for it."""
    with tenant_scope(request.tenant.pk):
        setup = _own_setup(request, customer_id)
    code = typed_text(request.POST, "decline_code") or typed_text(request.POST, "code")
    try:
        stopped = note_failure(request.tenant.pk, setup.gateway_id, code).stopped
    except GatewayError:
        stopped = False
    if stopped:
        return JsonResponse({"message": _("Too many cards were tried. Wait an hour, then try again."), "blocked": True})
    return JsonResponse({"message": str(explain(code)), "blocked": False})


@needs(Right.WORK, gateway=True)
@require_POST
def profile_complete(request: StaffRequest, customer_id: UUID) -> JsonResponse:
    """Ask the gateway itself what became of the card; only then is anything saved."""
    with tenant_scope(request.tenant.pk):
        setup = _own_setup(request, customer_id)
    try:
        completed = complete_card_setup(request.tenant.pk, setup.gateway_id, expected_setup_id=setup.pk)
    except ChangeRefused as error:
        return JsonResponse({"state": "blocked", "message": str(error)})
    except GatewayError as error:
        return JsonResponse({"state": "pending" if error.transient else "failed", "message": str(error.message)})
    return JsonResponse(_answer(request, setup, completed))


#: Where a card entry stands that the browser did not finish (https://docs.stripe.com/payments/paymentintents/lifecycle).
_NOT_REACHED = gettext_lazy("The bank was not reached, and nothing was saved. Try again.")
_UNFINISHED = {
    "requires_payment_method": _NOT_REACHED,
    "requires_confirmation": _NOT_REACHED,
    "requires_action": gettext_lazy("The bank's confirmation was not finished, and nothing was saved. Try again."),
}


def _answer(request: StaffRequest, setup: CardSetup, completed: Completed) -> dict[str, str]:
    if completed.change is not None:
        return {"state": "done", "url": reverse("backoffice:change", args=[request.tenant.slug, completed.change.pk])}
    if completed.outcome == "verifying":
        return verifying_answer(completed)
    if completed.outcome == "not_yet":
        unfinished = _UNFINISHED.get(completed.status)
        return {"state": "failed", "message": str(unfinished)} if unfinished else {"state": "pending"}
    if setup.state != SetupState.OPEN:
        return {"state": "blocked", "message": _("This card entry has ended. Reload the page and try again.")}
    words = completed.error.message if completed.error else _("The card was not accepted. Try again.")
    return {"state": "failed", "message": str(words)}
