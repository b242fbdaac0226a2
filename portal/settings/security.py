"""The password, and where the customer is signed in."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.errors import SignInError
from customers.models import PortalSession
from customers.sign_in.passwords import has_password, is_current_password, remove_password, set_password
from customers.sign_in.sessions import end_all, end_session, live_sessions
from portal.access import CustomerRequest, customer_page
from portal.sessions import browser_words
from portal.settings.forms import CurrentPasswordForm, PasswordForm, RemovePasswordForm

#: Who has just come in by a code or link has shown who they are, and may have forgotten the password.
FRESH = timedelta(minutes=15)


def _needs_current(request: CustomerRequest) -> bool:
    session = request.portal_session
    is_fresh = session.signed_in_by in ("code", "link") and timezone.now() - session.created_at < FRESH
    return has_password(request.customer) and not is_fresh


@require_http_methods(["GET", "HEAD", "POST"])
@customer_page
def password(request: CustomerRequest) -> HttpResponse:
    """Set it, or change it."""
    form = PasswordForm(request.POST or None, needs_current=_needs_current(request))
    if form.is_valid():
        try:
            _check_current(request, form)
            set_password(
                actor=request.actor,
                tenant=request.tenant,
                customer=request.customer,
                password=form.cleaned_data["password"],
                but=request.portal_session,
            )
        except SignInError as error:
            form.add_error(next(iter(error.fields), None), str(error))
        else:
            messages.success(request, _("Your password is set."))
            return _to_settings(request)
    return _show_password(request, form=form)


@require_POST
@customer_page
def password_remove(request: CustomerRequest) -> HttpResponse:
    """Go back to codes alone."""
    form = RemovePasswordForm(request.POST, needs_current=_needs_current(request))
    if form.is_valid():
        try:
            _check_current(request, form)
            remove_password(
                actor=request.actor, tenant=request.tenant, customer=request.customer, but=request.portal_session
            )
        except SignInError as error:
            form.add_error(next(iter(error.fields), None), str(error))
        else:
            messages.success(request, _("Your password is removed. You sign in by a code from now on."))
            return _to_settings(request)
    return _show_password(request, remove_form=form)


def _check_current(request: CustomerRequest, form: CurrentPasswordForm) -> None:
    """Raises SignInError `wrong_password` or `too_many_passwords`."""
    if "current" in form.fields and not is_current_password(request.customer, form.cleaned_data["current"]):
        message = _("This is not your password.")
        raise SignInError("wrong_password", message, {"current": message})


def _show_password(
    request: CustomerRequest, form: PasswordForm | None = None, remove_form: RemovePasswordForm | None = None
) -> HttpResponse:
    needs_current = _needs_current(request)
    has_one = has_password(request.customer)
    context = {
        "tenant": request.tenant,
        "has_password": has_one,
        "form": form or PasswordForm(needs_current=needs_current),
        "remove_form": (remove_form or RemovePasswordForm(needs_current=needs_current)) if has_one else None,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "portal/password.html", context, status=status)


def _to_settings(request: CustomerRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("portal:settings", args=[request.tenant.slug]))


@require_safe
@customer_page
def sessions(request: CustomerRequest) -> HttpResponse:
    rows = [
        {"session": session, "browser": browser_words(session.user_agent), "is_this": session == request.portal_session}
        for session in live_sessions(request.customer)
    ]
    rows.sort(key=lambda row: not row["is_this"])
    return render(request, "portal/sessions.html", {"tenant": request.tenant, "rows": rows})


@require_POST
@customer_page
def end_one(request: CustomerRequest, session_id: UUID) -> HttpResponse:
    """Sign one other browser out."""
    session = get_object_or_404(live_sessions(request.customer).select_related("customer"), pk=session_id)
    end_session(actor=request.actor, session=session)
    messages.success(request, _("That browser is signed out."))
    return HttpResponseRedirect(reverse("portal:sessions", args=[request.tenant.slug]))


@require_POST
@customer_page
def end_others(request: CustomerRequest) -> HttpResponse:
    """Sign out everywhere else; with `everywhere` here as well."""
    kept: PortalSession | None = None if "everywhere" in request.POST else request.portal_session
    ended = end_all(actor=request.actor, customer=request.customer, but=kept)
    if kept is None:
        return HttpResponseRedirect(reverse("portal:sign_in", args=[request.tenant.slug]))
    text = ngettext("%(count)s other browser is signed out.", "%(count)s other browsers are signed out.", ended)
    messages.success(request, text % {"count": ended})
    return HttpResponseRedirect(reverse("portal:sessions", args=[request.tenant.slug]))
