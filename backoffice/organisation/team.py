"""The team: members, their roles, and invitations to join."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from backoffice.organisation.forms import RoleForm, StaffInviteForm
from messaging.services import queue_email
from tenants.access import Right, StaffRequest, needs
from tenants.models import Membership, Role, StaffInvitation
from tenants.services import (
    TeamError,
    change_role,
    invite_staff,
    remove_member,
    revoke_staff_invitation,
    staff_invitation_token,
)


@needs(Right.VIEW)
def team(request: StaffRequest) -> HttpResponse:
    return _team_page(request, StaffInviteForm())


def _team_page(request: StaffRequest, form: StaffInviteForm) -> HttpResponse:
    open_invitations = StaffInvitation.objects.filter(accepted_at=None, revoked_at=None)
    context = {
        "form": form,
        "members": Membership.objects.select_related("user").order_by("user__full_name"),
        "invitations": open_invitations.select_related("invited_by").order_by("-created_at"),
        "now": timezone.now(),
        "roles": Role.choices,
    }
    return render(request, "backoffice/organisation/team.html", context, status=422 if form.errors else 200)


@needs(Right.OWN)
@require_POST
def team_invite(request: StaffRequest) -> HttpResponse:
    form = StaffInviteForm(request.POST)
    if not form.is_valid():
        return _team_page(request, form)
    try:
        invitation = invite_staff(
            actor=request.actor,
            email=form.cleaned_data["email"],
            role=form.cleaned_data["role"],
            invited_by=request.user,
        )
    except TeamError as error:
        form.add_error("email" if "email" in error.fields else None, str(error))
        return _team_page(request, form)
    send_staff_invitation(request, invitation)
    messages.success(request, _("The invitation to %(email)s is on its way.") % {"email": invitation.email})
    return _to_team(request)


def send_staff_invitation(request: StaffRequest, invitation: StaffInvitation) -> None:
    token = staff_invitation_token(invitation)
    queue_email(
        template="staff_invitation",
        language=request.tenant.language,
        to=invitation.email,
        context={
            "inviter_name": request.user.full_name,
            "role": invitation.get_role_display(),
            "link": settings.BASE_URL + reverse("team_join", args=[token]),
            "expires_at": invitation.expires_at,
        },
        about=invitation,
    )


@needs(Right.OWN)
@require_POST
def team_role(request: StaffRequest, membership_id: UUID) -> HttpResponse:
    membership = get_object_or_404(Membership.objects.select_related("user"), pk=membership_id)
    form = RoleForm(request.POST)
    try:
        if form.is_valid() and form.cleaned_data["role"] != membership.role:
            change_role(actor=request.actor, membership=membership, role=form.cleaned_data["role"])
            messages.success(request, _("The role of %(name)s is changed.") % {"name": membership.user})
    except TeamError as error:
        messages.error(request, str(error))
    return _to_team(request)


@needs(Right.OWN)
@require_POST
def team_remove(request: StaffRequest, membership_id: UUID) -> HttpResponse:
    membership = get_object_or_404(Membership.objects.select_related("user"), pk=membership_id)
    try:
        remove_member(actor=request.actor, membership=membership)
    except TeamError as error:
        messages.error(request, str(error))
        return _to_team(request)
    messages.success(request, _("%(name)s is no longer on the team.") % {"name": membership.user})
    return redirect("home") if membership.user_id == request.user.pk else _to_team(request)


@needs(Right.OWN)
@require_POST
def team_invitation_revoke(request: StaffRequest, invitation_id: UUID) -> HttpResponse:
    invitation = get_object_or_404(StaffInvitation, pk=invitation_id)
    try:
        revoke_staff_invitation(actor=request.actor, invitation=invitation)
        messages.success(request, _("The invitation is revoked; its link no longer works."))
    except TeamError as error:
        messages.error(request, str(error))
    return _to_team(request)


def _to_team(request: StaffRequest) -> HttpResponse:
    return redirect("backoffice:team", tenant_slug=request.tenant.slug)
