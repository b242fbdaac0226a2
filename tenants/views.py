"""The front door of the staff, their own profile, and joining a team by invitation."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django.views.i18n import set_language

from tenants.forms import JoinForm, ProfileForm
from tenants.middleware import memberships_of
from tenants.models import StaffInvitation, Tenant, User
from tenants.scope import tenant_scope
from tenants.services import (
    TeamError,
    accept_staff_invitation,
    join_as_new_user,
    open_staff_invitation,
    read_staff_invitation_token,
)


def signed_in(request: HttpRequest) -> User:
    """The person behind a request that `login_required` has let through."""
    return cast(User, request.user)


@never_cache
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """To the one organisation that the person works for, or to the choice among several."""
    memberships = memberships_of(signed_in(request))
    if len(memberships) == 1:
        return redirect("backoffice:overview", tenant_slug=memberships[0].tenant.slug)
    return render(request, "team/choose.html", {"memberships": memberships})


@require_POST
def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Django's own language switch; a signed-in person's choice is kept with them as well."""
    code = request.POST.get("language", "")
    if request.user.is_authenticated and code in dict(settings.LANGUAGES):
        request.user.language = code
        request.user.save(update_fields=["language"])
    return set_language(request)


@never_cache
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=User.objects.get(pk=user.pk))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your profile is saved."))
        return redirect("my_profile")
    return render(request, "team/profile.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join_team(request: HttpRequest, token: str) -> HttpResponse:
    """Where a staff invitation's link leads: join, sign in first, or set a name and password."""
    try:
        tenant_id, invitation_id = read_staff_invitation_token(token)
        with tenant_scope(tenant_id):
            invitation = open_staff_invitation(invitation_id)
            tenant = Tenant.objects.get(pk=tenant_id)
            response = _join(request, tenant, invitation)
    except TeamError as error:
        response = render(request, "team/join_closed.html", {"error": error}, status=410)
    # Other sites learn no path. "no-referrer" would have browsers send forms with `Origin: null`, which is refused.
    response["Referrer-Policy"] = "strict-origin"
    return response


def _join(request: HttpRequest, tenant: Tenant, invitation: StaffInvitation) -> HttpResponse:
    context = {"tenant": tenant, "invitation": invitation}
    if request.user.is_authenticated:
        if request.user.email != invitation.email:
            return render(request, "team/join_other.html", context, status=409)
        if request.method != "POST":
            return render(request, "team/join.html", context)
        accept_staff_invitation(invitation_id=invitation.pk, user=request.user)
        return _welcome(request, tenant)
    if User.objects.filter(email=invitation.email).exists():
        return render(request, "team/join_sign_in.html", context)
    form = JoinForm(request.POST if request.method == "POST" else None, email=invitation.email)
    if request.method != "POST" or not form.is_valid():
        return render(request, "team/join_new.html", context | {"form": form}, status=422 if form.errors else 200)
    user = join_as_new_user(
        invitation_id=invitation.pk,
        full_name=form.cleaned_data["full_name"],
        password=form.cleaned_data["password"],
    )
    login(request, user)
    return _welcome(request, tenant)


def _welcome(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    messages.success(request, _("Welcome to the team of %(tenant)s.") % {"tenant": tenant.name})
    return redirect("backoffice:overview", tenant_slug=tenant.slug)
