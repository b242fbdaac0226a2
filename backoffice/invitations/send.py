"""Update by invitation, the staff's side: choose the method, check where the link goes, see the message, send."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override

from backoffice.billing.queries import with_payer
from backoffice.invitations.forms import ChooseForm, InvitationForm, can_send_texts, starting_values
from backoffice.invitations.messages import preview_messages
from customers.models import Customer
from invitations.errors import AlreadyOpen, InvitationError
from invitations.models import Invitation
from invitations.selectors import open_invitation_of
from invitations.services import check_can_invite, invitable_profiles, send_invitation
from payments.models import GatewayAccount, PaymentProfile
from propagation.impact import Impact, live_subscriptions, preview
from propagation.models import ChangeKind
from tenants.access import Right, StaffRequest, needs

#: The mail in its frame: its own inline styles, pictures, and nothing that runs or leads away.
MAIL_CSP = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, settings.BASE_URL, "data:"],
    "frame-ancestors": [CSP.SELF],
    "sandbox": [""],
}


@needs(Right.WORK)
def invitation_choose(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    """The first step, when there is something to choose; else straight to the second."""
    customer = get_object_or_404(Customer, pk=customer_id)
    try:
        check_can_invite(customer)
    except InvitationError as error:
        context = {"customer": customer, "error": error}
        return render(request, "backoffice/invitations/cannot.html", context, status=409)
    profiles = invitable_profiles(customer)
    if len(profiles) <= 1:
        return redirect(_send_url(request, customer, profiles[0] if profiles else None))
    form = ChooseForm(request.POST if request.method == "POST" else None, profiles=profiles)
    if request.method == "POST" and form.is_valid():
        return redirect(_send_url(request, customer, form.cleaned_data["profile"]))
    context = {"customer": customer, "form": form, "options": _with_what_they_pay(customer, profiles)}
    return render(request, "backoffice/invitations/choose.html", context, status=422 if form.errors else 200)


def _send_url(request: StaffRequest, customer: Customer, profile: PaymentProfile | None) -> str:
    kwargs = {"tenant_slug": request.tenant.slug, "customer_id": customer.pk}
    url = reverse("backoffice:invitation_send", kwargs=kwargs)
    return f"{url}?profile={profile.pk}" if profile else url


def _with_what_they_pay(customer: Customer, profiles: list[PaymentProfile]) -> list[dict[str, Any]]:
    shown = with_payer(live_subscriptions(customer))
    return [
        {"profile": profile, "pays": [row.subscription for row in shown if row.pays and row.pays.pk == profile.pk]}
        for profile in profiles
    ]


@needs(Right.WORK)
def invitation_send(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    """The second step: where to, how long, what it will say and move; and Send."""
    customer = get_object_or_404(Customer, pk=customer_id)
    profiles = invitable_profiles(customer)
    chosen = _chosen_profile(request, profiles)
    if chosen is None and profiles:
        if request.GET.get("profile"):
            messages.warning(request, _("This payment method can no longer be replaced. Choose another one."))
        return redirect("backoffice:invitation_choose", tenant_slug=request.tenant.slug, customer_id=customer.pk)
    can_text = can_send_texts()
    initial = starting_values(customer, request.tenant, can_text=can_text)
    form = InvitationForm(request.POST if request.method == "POST" else None, initial=initial, can_text=can_text)
    if request.method == "POST" and form.is_valid():
        invitation = _send(request, customer, chosen, form)
        if invitation is not None:
            messages.success(request, _("The invitation is on its way."))
            return redirect("backoffice:invitation", tenant_slug=request.tenant.slug, invitation_id=invitation.pk)
    context = {
        "customer": customer,
        "profile": chosen,
        "several": len(profiles) > 1,
        "form": form,
        "can_text": can_text,
        "open_invitation": open_invitation_of(customer),
        "impact": expected_impact(customer, chosen),
        "has_gateway": GatewayAccount.objects.exists(),
        **_preview_context(request, customer, chosen, _previewed_values(form, initial)),
    }
    return render(request, "backoffice/invitations/send.html", context, status=422 if form.errors else 200)


def _chosen_profile(request: StaffRequest, profiles: list[PaymentProfile]) -> PaymentProfile | None:
    """The method that the address names; without a name, the only one."""
    wanted = request.GET.get("profile", "")
    if not wanted:
        return profiles[0] if len(profiles) == 1 else None
    return next((profile for profile in profiles if str(profile.pk) == wanted), None)


def _send(
    request: StaffRequest, customer: Customer, profile: PaymentProfile | None, form: InvitationForm
) -> Invitation | None:
    """The invitation; None when it was refused, with the reason in the form."""
    try:
        return send_invitation(
            actor=request.actor,
            user=request.user,
            customer=customer,
            profile_id=profile.pk if profile else None,
            lifetime_hours=form.cleaned_data["lifetime_hours"],
            channels=form.cleaned_data["channels"],
            email=form.cleaned_data["email"],
            phone=form.cleaned_data["phone"],
            language=form.cleaned_data["language"],
            replace_open="replace_open" in request.POST,
        )
    except AlreadyOpen as error:
        form.add_error(None, str(error))
    except InvitationError as error:
        for name, message in (error.fields or {"": error.message}).items():
            form.add_error(name or None, str(message))
    return None


def expected_impact(customer: Customer, profile: PaymentProfile | None) -> Impact:
    """What the new method will move when it takes the place of `profile`, or is the first one."""
    kind = ChangeKind.REPLACE if profile else ChangeKind.ADD
    return preview(customer=customer, kind=kind, old_profile=profile)


def _previewed_values(form: InvitationForm, initial: dict[str, Any]) -> dict[str, Any]:
    return (
        {name: form[name].value() for name in ("lifetime_hours", "language", "channels")} if form.is_bound else initial
    )


def _preview_context(
    request: StaffRequest, customer: Customer, profile: PaymentProfile | None, values: dict[str, Any]
) -> dict[str, Any]:
    return {"shown": preview_messages(request.tenant, customer, profile, values)}


@needs(Right.WORK)
def invitation_preview(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    """The messages as the customer will get them, while staff choose."""
    customer = get_object_or_404(Customer, pk=customer_id)
    profile = _chosen_profile(request, invitable_profiles(customer))
    values = {
        "lifetime_hours": request.GET.get("lifetime_hours"),
        "language": request.GET.get("language"),
        "channels": request.GET.getlist("channels"),
    }
    context = {"customer": customer, **_preview_context(request, customer, profile, values)}
    return render(request, "backoffice/invitations/send.html#preview", context)


@needs(Right.WORK)
@xframe_options_sameorigin
@csp_override(MAIL_CSP)
def invitation_preview_mail(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    """The mail itself, for the frame in the preview."""
    customer = get_object_or_404(Customer, pk=customer_id)
    profile = _chosen_profile(request, invitable_profiles(customer))
    rendered = preview_messages(request.tenant, customer, profile, dict(request.GET.items()))
    return HttpResponse(rendered.mail.html)
