"""A new payment method entered by staff at the gateway's own fields, by `invitations.card_entry`."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from backoffice.profiles.views import find_profile
from customers.models import Customer
from invitations import card_entry
from invitations.card_entry import CardEntry
from payments.models import PaymentProfile, ProfileState
from propagation.card_setups import Completed
from propagation.impact import Impact, preview
from propagation.models import ChangeKind
from tenants.access import Right, StaffRequest, needs
from tenants.scope import tenant_scope

PURPOSE = "backoffice"
STOPPED = gettext_lazy("Too many cards were tried. Wait an hour, then try again.")
LOST = gettext_lazy("This card entry has ended. Reload the page and try again.")


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
    is_first = not customer.payment_profiles.filter(state=ProfileState.ACTIVE).exists()
    makes_default = is_first or bool(replaced and replaced.is_default)
    parts = (*card_entry.ENDPOINTS, "impact")
    urls = {part: reverse(f"backoffice:profile_{part}", args=[request.tenant.slug, customer.pk]) for part in parts}
    context = card_entry.form_context(_entry(request, customer, replaced), urls) | {
        "customer": customer,
        "replaced": replaced,
        "default_is_given": makes_default,
        "impact": _impact(customer, replaced, makes_default),
        "query": f"?replaces={replaced.pk}" if replaced else "",
    }
    return render(request, "backoffice/profiles/card.html", context)


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


def _entry(request: StaffRequest, customer: Customer, replaced: PaymentProfile | None) -> CardEntry:
    def done_url(completed: Completed) -> str:
        if completed.change is None:
            return reverse("backoffice:customer", args=[request.tenant.slug, customer.pk])
        return reverse("backoffice:change", args=[request.tenant.slug, completed.change.pk])

    return CardEntry(
        tenant=request.tenant,
        customer=customer,
        actor=request.actor,
        purpose=PURPOSE,
        done_url=done_url,
        replaces_id=replaced.pk if replaced else None,
        make_default=None,
        by_staff=True,
        stopped=STOPPED,
        lost=LOST,
    )


def _entry_of(request: StaffRequest, customer_id: UUID) -> CardEntry:
    with tenant_scope(request.tenant.pk):
        customer = get_object_or_404(Customer, pk=customer_id)
        return _entry(request, customer, _replaced(request, customer_id))


@needs(Right.WORK, gateway=True)
@require_POST
def profile_setup(request: StaffRequest, customer_id: UUID) -> JsonResponse:
    return card_entry.start(request, _entry_of(request, customer_id))


@needs(Right.WORK, gateway=True)
@require_POST
def profile_details(request: StaffRequest, customer_id: UUID) -> JsonResponse:
    return card_entry.keep_details(request, _entry_of(request, customer_id))


@needs(Right.WORK, gateway=True)
@require_POST
def profile_failed(request: StaffRequest, customer_id: UUID) -> JsonResponse:
    return card_entry.note_decline(request, _entry_of(request, customer_id))


@needs(Right.WORK, gateway=True)
@require_POST
def profile_complete(request: StaffRequest, customer_id: UUID) -> JsonResponse:
    return card_entry.complete(request, _entry_of(request, customer_id))
