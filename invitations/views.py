"""The pages that a customer sees, by an invitation's link and without an account."""

from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from customers.models import Customer
from invitations.card_entry import save_label
from invitations.completion import PURPOSE
from invitations.forms import BillingForm
from invitations.link_requests import is_asked_too_often, request_link
from invitations.models import Invitation, InvitationState
from invitations.pages import chosen_language, private_page, remember_language, say_no, speak
from invitations.progress import progress_of
from invitations.services import mark_opened
from invitations.session import FINISHED, OPENED, is_visiting
from invitations.tokens import read_token
from payments.models import CardSetup, PaymentProfile, SetupState
from propagation.impact import preview
from propagation.models import Change, ChangeKind
from subscriptions.selectors import successor
from tenants.actors import Actor
from tenants.middleware import client_ip, find_tenant
from tenants.models import Tenant
from tenants.scope import tenant_scope

#: What an ended invitation's page says.
ENDINGS = {
    InvitationState.EXPIRED: "expired",
    InvitationState.REVOKED: "revoked",
    InvitationState.COMPLETED: "used",
}


@private_page
@require_safe
def open_link(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """Trade the link for a short session and go on without the token. It changes nothing and uses nothing up."""
    tenant = find_tenant(slug)
    invitation_id = read_token(tenant.pk, token)
    if invitation_id is None:
        return say_no(request, tenant, "unknown", 404)
    response = redirect("invitations:form", slug, invitation_id)
    OPENED.begin(response, tenant, invitation_id)
    return response


@private_page
@csp_override(settings.PAYMENT_FORM_CSP)
@require_safe
def show_form(request: HttpRequest, slug: str, invitation_id: UUID) -> HttpResponse:
    """The form, or what became of the invitation."""
    tenant = find_tenant(slug)
    if asked := chosen_language(request):
        response: HttpResponse = redirect("invitations:form", slug, invitation_id)
        remember_language(response, asked)
        return response
    if not is_visiting(request, tenant, invitation_id):
        return say_no(request, tenant, "closed", 403)
    with tenant_scope(tenant.pk):
        invitation = find_invitation(invitation_id)
        if invitation is None:
            return say_no(request, tenant, "unknown", 404)
        if FINISHED.is_begun(request, tenant, invitation_id) or _was_finished_here(request, invitation):
            return _to_done(tenant, invitation)
        if not invitation.is_open:
            return say_no(
                request, tenant, ENDINGS[InvitationState(invitation.display_state)], 410, invitation=invitation
            )
        speak(request, tenant, invitation.language)
        if _is_shown_to_someone(request):
            mark_opened(actor=actor_of(request, invitation), invitation=invitation)
        return render(request, "invitations/form.html", _form_context(tenant, invitation))


def find_invitation(invitation_id: UUID) -> Invitation | None:
    """The invitation with its customer and its method, in the open scope."""
    rows = Invitation.objects.select_related("customer", "profile__replaced_by")
    return rows.filter(pk=invitation_id).first()


def entries_of(invitation: Invitation, gateway_id: str) -> QuerySet[CardSetup]:
    """The invitation's own card entry of that id at the gateway, in the open scope; the id is as a browser says it."""
    if "\x00" in gateway_id:
        return CardSetup.objects.none()
    own = CardSetup.objects.filter(purpose=PURPOSE, purpose_id=invitation.pk, customer_id=invitation.customer_id)
    return own.filter(gateway_id=gateway_id)


def actor_of(request: HttpRequest, invitation: Invitation) -> Actor:
    return Actor.invitation(invitation.pk, invitation.customer.name, client_ip(request))


def method_to_replace(invitation: Invitation) -> PaymentProfile | None:
    """The method as it is now: its successor when it was replaced since, None when it was deleted."""
    return successor(invitation.profile)


def _is_shown_to_someone(request: HttpRequest) -> bool:
    """Not a HEAD, nor a browser or preview that only fetches ahead."""
    purpose = request.headers.get("Sec-Purpose", request.headers.get("Purpose", "")).lower()
    return request.method == "GET" and "prefetch" not in purpose and "preview" not in purpose


def _was_finished_here(request: HttpRequest, invitation: Invitation) -> bool:
    """Whether the bank has sent this browser back with the very card entry that used the invitation up."""
    returned = request.GET.get("setup_intent", "")
    return bool(returned) and entries_of(invitation, returned).filter(state=SetupState.COMPLETED).exists()


def _to_done(tenant: Tenant, invitation: Invitation) -> HttpResponseRedirect:
    response = HttpResponseRedirect(reverse("invitations:done", args=[tenant.slug, invitation.pk]))
    FINISHED.begin(response, tenant, invitation.pk)
    return response


def _form_context(tenant: Tenant, invitation: Invitation) -> dict[str, object]:
    method = method_to_replace(invitation)
    impact = preview(
        customer=invitation.customer,
        kind=ChangeKind.REPLACE if method else ChangeKind.ADD,
        old_profile=method,
        makes_default=method is None,
    )
    return {
        "tenant": tenant,
        "invitation": invitation,
        "customer": invitation.customer,
        "method": method,
        "impact": impact,
        "collect_totals": list(impact.collect_totals.items()),
        "save_label": save_label(tenant, impact),
        "form": BillingForm(invitation.customer, tenant),
        "stripe_js_url": settings.STRIPE_JS_URL,
        "locale": get_language(),
    }


@private_page
@require_safe
def show_done(request: HttpRequest, slug: str, invitation_id: UUID) -> HttpResponse:
    """What moved, live; for the browser that saved the method, as long as its session lasts."""
    tenant = find_tenant(slug)
    if asked := chosen_language(request):
        response: HttpResponse = redirect("invitations:done", slug, invitation_id)
        remember_language(response, asked)
        return response
    found = _finished(request, tenant, invitation_id)
    if found is None:
        return redirect("invitations:form", slug, invitation_id)
    with tenant_scope(tenant.pk):
        return render(request, "invitations/done.html", _done_context(tenant, *found))


@private_page
@require_safe
def show_progress(request: HttpRequest, slug: str, invitation_id: UUID) -> HttpResponse:
    """The part of the done page that is fetched again until everything has moved."""
    tenant = find_tenant(slug)
    found = _finished(request, tenant, invitation_id)
    if found is None:
        return HttpResponse(status=403)
    with tenant_scope(tenant.pk):
        return render(request, "invitations/done.html#progress", _done_context(tenant, *found))


def _finished(request: HttpRequest, tenant: Tenant, invitation_id: UUID) -> tuple[Invitation, Change] | None:
    if not FINISHED.is_begun(request, tenant, invitation_id):
        return None
    with tenant_scope(tenant.pk):
        invitation = find_invitation(invitation_id)
        if invitation is None or invitation.change_id is None:
            return None
        change = Change.objects.select_related("new_profile", "old_profile").get(pk=invitation.change_id)
    speak(request, tenant, invitation.language)
    return invitation, change


def _done_context(tenant: Tenant, invitation: Invitation, change: Change) -> dict[str, object]:
    return {
        "tenant": tenant,
        "invitation": invitation,
        "customer": invitation.customer,
        "change": change,
        "progress": progress_of(change, tenant),
    }


@private_page
@require_POST
def ask_for_link(request: HttpRequest, slug: str, invitation_id: UUID) -> HttpResponse:
    """Pass on that whoever has this ended link would like a new one. The answer is always the same."""
    tenant = find_tenant(slug)
    if not is_visiting(request, tenant, invitation_id):
        return say_no(request, tenant, "closed", 403)
    with tenant_scope(tenant.pk):
        invitation = find_invitation(invitation_id)
        if invitation is not None and not invitation.is_open and not is_asked_too_often(client_ip(request)):
            why = ENDINGS[InvitationState(invitation.display_state)]
            customer = Customer.objects.get(pk=invitation.customer_id)
            request_link(actor=actor_of(request, invitation), customer=customer, why=why)
    speak(request, tenant)
    template = "invitations/ended.html#asked" if request.headers.get("HX-Request") else "invitations/asked.html"
    return render(request, template, {"tenant": tenant})
