"""What the form's script calls; templates/ui/payment_form.html says in which order and what it expects.

Each answers JSON. Gateway calls are made outside any transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from uuid import UUID

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from invitations.completion import PURPOSE
from invitations.forms import BillingForm, for_browser
from invitations.models import Invitation
from invitations.pages import private_page, speak
from invitations.session import begin_visit, visit_of
from invitations.views import actor_of, entries_of, find_invitation, method_to_replace
from payments.card_setups import note_failure, read_consent, save_billing_details, start_card_setup
from payments.gateway.errors import GatewayError, explain
from payments.models import CardSetup
from propagation.card_setups import Completed, complete_card_setup, verifying_answer
from tenants.errors import DomainError
from tenants.middleware import client_ip, find_tenant
from tenants.models import Tenant
from tenants.scope import tenant_scope

log = structlog.get_logger(__name__)

STOPPED = gettext_lazy(
    "Too many cards were tried, so this was stopped for your safety."
    " Wait an hour and open the link again, or ask us for help."
)


@dataclass(frozen=True)
class Visited:
    """The invitation that this browser has opened, as it was when the request came in."""

    tenant: Tenant
    invitation: Invitation


type Endpoint = Callable[[HttpRequest, Visited], JsonResponse]


def endpoint(*, ended_too: bool = False) -> Callable[[Endpoint], Callable[[HttpRequest, str, UUID], HttpResponse]]:
    """Only for the browser that opened the link, and only while the invitation can be used, unless `ended_too`."""

    def decorate(view: Endpoint) -> Callable[[HttpRequest, str, UUID], HttpResponse]:
        @private_page
        @require_POST
        @wraps(view)
        def wrapped(request: HttpRequest, slug: str, invitation_id: UUID) -> HttpResponse:
            tenant = find_tenant(slug)
            speak(request, tenant)
            if visit_of(request, tenant, invitation_id) is None:
                message = _("This page was open for too long. Open the link in your message again; nothing was saved.")
                return refuse(403, message)
            with tenant_scope(tenant.pk):
                invitation = find_invitation(invitation_id)
            if invitation is None or not (invitation.is_open or ended_too):
                return refuse(410, _("This link can no longer be used. Reload the page to see why."))
            speak(request, tenant, invitation.language)
            return view(request, Visited(tenant, invitation))

        return wrapped

    return decorate


def refuse(status: int, message: str | Promise, state: str = "blocked") -> JsonResponse:
    return JsonResponse({"state": state, "message": str(message)}, status=status)


def not_yours() -> JsonResponse:
    """A card entry of another customer, or of another invitation: neither confirmed nor denied."""
    return refuse(403, _("This card entry does not belong here. Reload the page and try again."))


def _entry(request: HttpRequest, visited: Visited) -> CardSetup | None:
    """The card entry that the script names, if it is this invitation's own; in the open scope."""
    return entries_of(visited.invitation, request.POST.get("setup_intent", "")).first()


@endpoint()
def start_setup(request: HttpRequest, visited: Visited) -> JsonResponse:
    """Begin a card entry at the gateway; asked for by a page that is ready, never by opening it."""
    invitation = visited.invitation
    with tenant_scope(visited.tenant.pk):
        method = method_to_replace(invitation)
    try:
        started = start_card_setup(
            visited.tenant.pk,
            customer_id=invitation.customer_id,
            purpose=PURPOSE,
            purpose_id=invitation.pk,
            replaces_id=method.pk if method else None,
            make_default=method is None,
            actor=actor_of(request, invitation),
            ip=client_ip(request),
        )
    except DomainError as error:
        return refuse(429, error.message)
    except GatewayError as error:
        log.warning("card_fields_unavailable", code=error.code, request_id=error.request_id)
        return refuse(503, _("The secure card fields cannot be loaded just now. Please try again in a few minutes."))
    return JsonResponse(
        {
            "setup_id": str(started.setup_id),
            "setup_intent": started.gateway_id,
            "client_secret": started.client_secret,
            "publishable_key": started.publishable_key,
        }
    )


@endpoint()
def keep_details(request: HttpRequest, visited: Visited) -> JsonResponse:
    """Check and keep the holder's name and address, before the bank is asked."""
    invitation = visited.invitation
    with tenant_scope(visited.tenant.pk):
        entry = _entry(request, visited)
        if entry is None or str(entry.pk) != request.POST.get("setup_id"):
            return not_yours()
        form = BillingForm(invitation.customer, visited.tenant, request.POST)
        if errors := form.errors():
            return JsonResponse({"errors": errors, "message": _("Please check the marked fields.")}, status=422)
        details = form.details()
        try:
            save_billing_details(setup_id=entry.pk, details=details, consent=read_consent(request.POST))
        except DomainError as error:
            return refuse(409, error.message)
    return JsonResponse({"billing_details": for_browser(details, customer=invitation.customer, email=invitation.email)})


@endpoint()
def note_decline(request: HttpRequest, visited: Visited) -> JsonResponse:
    """The bank said no: the sentence to show, and whether that was one try too many."""
    code = request.POST.get("decline_code") or request.POST.get("code", "")
    with tenant_scope(visited.tenant.pk):
        entry = _entry(request, visited)
    if entry is None:
        return not_yours()
    try:
        failures = note_failure(visited.tenant.pk, entry.gateway_id, code)
    except GatewayError as error:
        log.warning("card_failure_not_counted", code=error.code, request_id=error.request_id)
    else:
        if failures.stopped:
            return refuse(200, STOPPED)
    return refuse(200, explain(code), state="failed")


@endpoint(ended_too=True)
def complete(request: HttpRequest, visited: Visited) -> JsonResponse:
    """Whether the method is saved, by what the gateway itself says of the card entry."""
    with tenant_scope(visited.tenant.pk):
        entry = _entry(request, visited)
    if entry is None:
        return not_yours()
    try:
        completed = complete_card_setup(visited.tenant.pk, entry.gateway_id, expected_setup_id=entry.pk)
    except DomainError as error:
        return refuse(409, error.message)
    except GatewayError as error:
        log.warning("card_setup_unread", code=error.code, request_id=error.request_id)
        return refuse(
            200, _("Your bank has accepted it. We are finishing; this page continues by itself."), state="pending"
        )
    return _answer(visited, completed)


def _answer(visited: Visited, completed: Completed) -> JsonResponse:
    if completed.outcome in ("completed", "already"):
        url = reverse("invitations:done", args=[visited.tenant.slug, visited.invitation.pk])
        response = JsonResponse({"state": "done", "url": url})
        begin_visit(response, visited.tenant, visited.invitation.pk, finished=True)
        return response
    if completed.outcome == "verifying":
        return JsonResponse(verifying_answer(completed))
    if completed.outcome == "lost":
        return refuse(200, _("This link was used or withdrawn in the meantime. The card you entered was not kept."))
    if completed.outcome == "failed" and completed.error is not None:
        return refuse(200, completed.error.message, state="failed")
    if completed.status == "processing":
        return refuse(200, _("Your bank is still at it. This page continues by itself."), state="pending")
    return refuse(
        200, _("The bank’s confirmation was not finished, so nothing was saved. Please try again."), state="failed"
    )
