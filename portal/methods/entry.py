"""A first or another method, or one in place of another: the gateway's own fields, opened by Add or Update only."""

import dataclasses
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from invitations import card_entry
from invitations.card_entry import CardEntry
from payments.models import PaymentProfile, ProfileState
from portal.access import CustomerRequest, customer_page
from portal.methods.queries import own_method
from portal.methods.views import SOURCE, allow_methods, to_methods
from propagation.card_setups import Completed
from propagation.impact import Impact, preview
from propagation.models import ChangeKind
from subscriptions.selectors import default_profile, usable
from tenants.scope import tenant_scope


@csp_override(settings.PAYMENT_FORM_CSP)
@customer_page
@require_safe
def method_add(request: CustomerRequest) -> HttpResponse:
    return _page(request, None) if allow_methods(request) else to_methods(request)


@csp_override(settings.PAYMENT_FORM_CSP)
@customer_page
@require_safe
def method_update(request: CustomerRequest, profile_id: UUID) -> HttpResponse:
    if not allow_methods(request):
        return to_methods(request)
    return _page(request, own_method(request.customer, profile_id, ProfileState.ACTIVE, ProfileState.DISABLED))


def _page(request: CustomerRequest, replaced: PaymentProfile | None) -> HttpResponse:
    entry = _entry(request, replaced)
    query = f"?replaces={replaced.pk}" if replaced else ""
    urls = {part: reverse(f"portal:method_{part}", args=[request.tenant.slug]) + query for part in card_entry.ENDPOINTS}
    impact = _impact(request, replaced, bool(entry.make_default))
    context = card_entry.form_context(entry, urls) | {
        "replaced": replaced,
        "asks_default": entry.make_default is None,
        "save_label": card_entry.save_label(request.tenant, impact),
    }
    context |= _impact_context(request, impact)
    return render(request, "portal/methods/card.html", context)


def _impact(request: CustomerRequest, replaced: PaymentProfile | None, makes_default: bool) -> Impact:
    """Whatever follows the default is paid with a new one without being moved, and is shown all the same."""
    kind = ChangeKind.REPLACE if replaced else ChangeKind.ADD
    impact = preview(customer=request.customer, kind=kind, old_profile=replaced, makes_default=makes_default)
    if replaced or not makes_default or usable(default_profile(request.customer)) is None:
        return impact
    follow = preview(customer=request.customer, kind=ChangeKind.SET_DEFAULT).subscriptions
    return dataclasses.replace(impact, subscriptions=follow)


def _impact_context(request: CustomerRequest, impact: Impact) -> dict[str, object]:
    return {"tenant": request.tenant, "impact": impact, "collect_totals": list(impact.collect_totals.items())}


@customer_page
@require_safe
def method_impact(request: CustomerRequest) -> HttpResponse:
    """What another method will move, as the form stands now."""
    if not allow_methods(request):
        raise Http404
    impact = _impact(request, None, bool(request.GET.get("make_default")))
    return render(request, "portal/methods/card.html#impact", _impact_context(request, impact))


def _entry(request: CustomerRequest, replaced: PaymentProfile | None) -> CardEntry:
    """In the open scope. A first method becomes the default; of another one the customer may choose, save where they
    are asked what may move: then nothing else does."""
    has_default = usable(default_profile(request.customer)) is not None
    offered = False if request.tenant.ask_consent else None
    slug = request.tenant.slug

    def done_url(completed: Completed) -> str:
        if completed.change is None:
            return reverse("portal:methods", args=[slug])
        return reverse("portal:method_change", args=[slug, completed.change.pk])

    return CardEntry(
        tenant=request.tenant,
        customer=request.customer,
        actor=request.actor,
        purpose=SOURCE,
        done_url=done_url,
        replaces_id=replaced.pk if replaced else None,
        make_default=(offered if has_default else True) if replaced is None else replaced.is_default,
    )


def _entry_of(request: CustomerRequest) -> CardEntry:
    """The entry as the page's address says it; `?replaces=` must name a method of this customer's."""
    with tenant_scope(request.tenant.pk):
        if not allow_methods(request):
            raise Http404
        return _entry(request, _replaced(request))


def _replaced(request: CustomerRequest) -> PaymentProfile | None:
    named = _named(request, "replaces")
    return own_method(request.customer, named, ProfileState.ACTIVE, ProfileState.DISABLED) if named else None


def _named(request: HttpRequest, name: str) -> UUID | None:
    """The id in the address; None without one, 404 for what is none."""
    text = request.GET.get(name, "")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Http404 from None


@customer_page(gateway=True)
@require_POST
def method_setup(request: CustomerRequest) -> JsonResponse:
    return card_entry.start(request, _entry_of(request))


@customer_page(gateway=True)
@require_POST
def method_details(request: CustomerRequest) -> JsonResponse:
    return card_entry.keep_details(request, _entry_of(request))


@customer_page(gateway=True)
@require_POST
def method_failed(request: CustomerRequest) -> JsonResponse:
    return card_entry.note_decline(request, _entry_of(request))


@customer_page(gateway=True)
@require_POST
def method_complete(request: CustomerRequest) -> JsonResponse:
    """A method that was replaced meanwhile is no longer the customer's to name, so the address is not looked at."""
    with tenant_scope(request.tenant.pk):
        entry = _entry(request, None)
    return card_entry.complete(request, entry)
