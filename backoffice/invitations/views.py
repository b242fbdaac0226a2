"""Every invitation and its life, with what staff may still do about it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backoffice.changes.queries import with_progress
from backoffice.filters import FilterForm, chips, choice, period_choice, set_choices, since
from backoffice.invitations.life import life_of
from backoffice.paging import NUMBER, keyset_page
from invitations.errors import InvitationError
from invitations.models import Invitation, InvitationState
from invitations.selectors import Funnel, funnel, messages_of
from invitations.selectors import invitations as find_invitations
from invitations.services import invitation_link, resend_allowed_from, resend_invitation, revoke_invitation
from messaging.models import Channel
from propagation.models import Change
from tenants.access import Right, StaffRequest, needs
from tenants.models import Membership

STATE_CHIPS = {
    "": gettext_lazy("All"),
    "open": gettext_lazy("Open"),
    **{state.value: state.label for state in InvitationState},
}
#: Having come at least this far, whatever happened afterwards.
REACHED = {
    "delivered": gettext_lazy("Delivered or further"),
    "opened": gettext_lazy("Opened or further"),
    "completed": gettext_lazy("Completed"),
}


class InvitationFilters(FilterForm):
    placeholder = gettext_lazy("Search customer or I-number")
    channel = choice(gettext_lazy("Any channel"), Channel.choices)
    who = choice(gettext_lazy("Sent by anyone"), [])
    reached = choice(gettext_lazy("Any stage"), list(REACHED.items()))
    period = period_choice()

    def prepare(self) -> None:
        members = Membership.objects.select_related("user").order_by("user__full_name")
        set_choices(self.fields["who"], [(str(member.user_id), str(member.user)) for member in members])

    @property
    def since(self) -> datetime | None:
        return since(self.value("period"))

    def rows(self) -> QuerySet[Invitation]:
        who = self.value("who")
        rows = find_invitations(
            state=self.query.get("state", ""),
            channel=self.value("channel"),
            sent_by=UUID(who) if who else None,
            text=self.text,
            since=self.since,
        )
        match self.value("reached"):
            case "delivered":
                return rows.exclude(delivered_at=None, opened_at=None)
            case "opened":
                return rows.exclude(opened_at=None)
            case "completed":
                return rows.filter(state=InvitationState.COMPLETED)
        return rows


def counts_by_state(found: Funnel) -> dict[str, int]:
    """For the chips: how many are open, and in each of the ends."""
    return {name: getattr(found, name) for name in ("open", "bounced", "completed", "expired", "revoked")}


@needs(Right.VIEW)
def invitations(request: StaffRequest) -> HttpResponse:
    filters = InvitationFilters(request.GET)
    found = funnel(filters.since)
    context = {
        "filters": filters,
        "funnel": found,
        "chips": chips(request.GET, "state", STATE_CHIPS, counts_by_state(found)),
        "page": keyset_page(filters.rows(), request.GET, key=NUMBER),
        "any_filter": filters.is_filtered or request.GET.get("state"),
    }
    return render(request, "backoffice/invitations/list.html", context)


def find_invitation(invitation_id: UUID) -> Invitation:
    rows = Invitation.objects.select_related("customer", "profile", "sent_by", "replaced_by")
    return get_object_or_404(rows, pk=invitation_id)


@needs(Right.VIEW)
def invitation(request: StaffRequest, invitation_id: UUID) -> HttpResponse:
    return _invitation_page(request, find_invitation(invitation_id))


def _invitation_page(request: StaffRequest, found: Invitation, link: str = "") -> HttpResponse:
    allowed_from = resend_allowed_from(found)
    changes = Change.objects.filter(pk__in=[found.change_id]).select_related("old_profile", "new_profile")
    context: dict[str, Any] = {
        "invitation": found,
        "link": link,
        "shown_state": found.display_state,
        "life": life_of(found, list(messages_of(found)), request.tenant.slug),
        "changes": with_progress(changes),
        "resend_from": allowed_from,
        "may_resend": allowed_from is not None and allowed_from <= timezone.now(),
    }
    part = "#link" if request.htmx else ""
    return never_stored(render(request, f"backoffice/invitations/page.html{part}", context))


def never_stored(response: HttpResponse) -> HttpResponse:
    """A page that may hold a link that opens doors is not kept by any cache."""
    response["Cache-Control"] = "no-store"
    return response


@needs(Right.WORK)
@require_POST
def invitation_link_show(request: StaffRequest, invitation_id: UUID) -> HttpResponse:
    """The link, for copying; only while it works."""
    found = find_invitation(invitation_id)
    return _invitation_page(request, found, invitation_link(found) if found.is_open else "")


@needs(Right.WORK)
@require_POST
def invitation_resend(request: StaffRequest, invitation_id: UUID) -> HttpResponse:
    found = find_invitation(invitation_id)
    try:
        resend_invitation(actor=request.actor, invitation=found)
        messages.success(request, _("The link is on its way once more."))
    except InvitationError as error:
        messages.error(request, str(error))
    return redirect("backoffice:invitation", tenant_slug=request.tenant.slug, invitation_id=found.pk)


@needs(Right.WORK)
@require_POST
def invitation_revoke(request: StaffRequest, invitation_id: UUID) -> HttpResponse:
    found = find_invitation(invitation_id)
    try:
        revoke_invitation(actor=request.actor, invitation=found)
        messages.success(request, _("The invitation is revoked; its link no longer works."))
    except InvitationError as error:
        messages.error(request, str(error))
    return redirect("backoffice:invitation", tenant_slug=request.tenant.slug, invitation_id=found.pk)
