"""What the form's script calls: `invitations.card_entry`, for the browser that has opened an invitation's link."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from invitations import card_entry
from invitations.card_entry import CardEntry, refuse
from invitations.completion import PURPOSE
from invitations.models import Invitation
from invitations.pages import private_page, speak
from invitations.session import FINISHED, is_visiting
from invitations.views import actor_of, find_invitation, method_to_replace
from propagation.card_setups import Completed
from tenants.middleware import find_tenant
from tenants.models import Tenant
from tenants.scope import tenant_scope

STOPPED = gettext_lazy(
    "Too many cards were tried, so this was stopped for your safety."
    " Wait an hour and open the link again, or ask us for help."
)
LOST = gettext_lazy("This link was used or withdrawn in the meantime. The card you entered was not kept.")


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
            if not is_visiting(request, tenant, invitation_id):
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


def _entry(request: HttpRequest, visited: Visited, after: Callable[[Completed], None] | None = None) -> CardEntry:
    tenant, invitation = visited.tenant, visited.invitation
    with tenant_scope(tenant.pk):
        method = method_to_replace(invitation)

    def done_url(completed: Completed) -> str:
        return reverse("invitations:done", args=[tenant.slug, invitation.pk])

    return CardEntry(
        tenant=tenant,
        customer=invitation.customer,
        actor=actor_of(request, invitation),
        purpose=PURPOSE,
        purpose_id=invitation.pk,
        replaces_id=method.pk if method else None,
        make_default=method is None,
        email=invitation.email,
        stopped=STOPPED,
        lost=LOST,
        done_url=done_url,
        after=after,
    )


@endpoint()
def start_setup(request: HttpRequest, visited: Visited) -> JsonResponse:
    return card_entry.start(request, _entry(request, visited))


@endpoint()
def keep_details(request: HttpRequest, visited: Visited) -> JsonResponse:
    return card_entry.keep_details(request, _entry(request, visited))


@endpoint()
def note_decline(request: HttpRequest, visited: Visited) -> JsonResponse:
    return card_entry.note_decline(request, _entry(request, visited))


@endpoint(ended_too=True)
def complete(request: HttpRequest, visited: Visited) -> JsonResponse:
    """Once the method is saved, this browser may see the page that tells of it."""
    done: list[Completed] = []
    response = card_entry.complete(request, _entry(request, visited, after=done.append))
    if done:
        FINISHED.begin(response, visited.tenant, visited.invitation.pk)
    return response
