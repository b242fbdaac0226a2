"""What staff do to a saved payment method: edit, make default, delete. The gateway confirms before anything is said."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from backoffice.profiles.forms import EditProfileForm
from backoffice.text import typed_text
from customers.addresses import AddressValues
from customers.forms import AddressForm
from payments.gateway.errors import explain
from payments.models import PaymentProfile, ProfileState
from payments.profiles import set_backup
from propagation.engine import carry_out_now
from propagation.errors import ChangeRefused
from propagation.impact import preview
from propagation.models import Change, ChangeKind, ChangeState, Step, StepState
from propagation.services import edit_profile, remove_profile, set_default
from subscriptions.selectors import subscriptions_paid_by
from tenants.access import Right, StaffRequest, needs
from tenants.errors import DomainError
from tenants.scope import tenant_scope

SECONDS_TO_WAIT = 6.0


def find_profile(customer_id: UUID, profile_id: UUID, *states: ProfileState) -> PaymentProfile:
    """The customer's profile in one of the states; 404 otherwise."""
    profiles = PaymentProfile.objects.select_related("customer")
    return get_object_or_404(profiles, pk=profile_id, customer_id=customer_id, state__in=states)


@needs(Right.WORK, gateway=True)
@require_http_methods(["GET", "HEAD", "POST"])
def profile_edit(request: StaffRequest, customer_id: UUID, profile_id: UUID) -> HttpResponse:
    with tenant_scope(request.tenant.pk):
        profile = find_profile(customer_id, profile_id, ProfileState.ACTIVE)
        change_country = request.POST.get("change_country")
        data = request.POST if request.method == "POST" and not change_country else None
        form = EditProfileForm(data, profile=profile)
        country = str(request.tenant.country)
        if change_country:
            form.initial = {name: request.POST.get(name, "") for name in form.fields}
            address = AddressForm.retyped(request.POST, prefix="card", default_country=country, optional=True)
        else:
            stored = AddressValues.of(profile.billing_address)
            address = AddressForm(data, initial=stored, prefix="card", default_country=country, optional=True)
        change = _record_edit(request, profile, form, address) if data is not None else None
    if change is not None:
        answer = _carry_out(
            request, change, lambda: _("The gateway has the new details of %(card)s.") % {"card": profile}
        )
        if answer is not None:
            return answer
    with tenant_scope(request.tenant.pk):
        context = {"customer": profile.customer, "profile": profile, "form": form, "address": address}
        context["failed_step"] = _failed_step(change) if change else None
        context["failed_change"] = change
        return render(request, "backoffice/profiles/edit.html", context, status=422 if data is not None else 200)


def _record_edit(
    request: StaffRequest, profile: PaymentProfile, form: EditProfileForm, address: AddressForm
) -> Change | None:
    if {form.is_valid(), address.is_valid()} != {True}:
        return None
    try:
        return edit_profile(
            actor=request.actor,
            profile=profile,
            holder_name=form.cleaned_data["holder_name"],
            exp_month=form.cleaned_data.get("exp_month"),
            exp_year=form.cleaned_data.get("exp_year"),
            address=(address.values() or AddressValues()).as_dict(),
            reason=form.cleaned_data["reason"],
        )
    except ChangeRefused as error:
        form.add_error(None, str(error))
        return None


@needs(Right.WORK, gateway=True)
@require_http_methods(["GET", "HEAD", "POST"])
def profile_default(request: StaffRequest, customer_id: UUID, profile_id: UUID) -> HttpResponse:
    refusal, change = "", None
    with tenant_scope(request.tenant.pk):
        profile = find_profile(customer_id, profile_id, ProfileState.ACTIVE)
        if request.method == "POST":
            try:
                change = set_default(actor=request.actor, profile=profile, reason=typed_text(request.POST, "reason"))
            except ChangeRefused as error:
                refusal = str(error)
    if change is not None:
        carry_out_now(request.tenant.pk, change.pk, SECONDS_TO_WAIT)
        return redirect("backoffice:change", tenant_slug=request.tenant.slug, change_id=change.pk)
    with tenant_scope(request.tenant.pk):
        impact = preview(customer=profile.customer, kind=ChangeKind.SET_DEFAULT)
        context = {"customer": profile.customer, "profile": profile, "impact": impact, "refusal": refusal}
        return render(request, "backoffice/profiles/default.html", context, status=409 if refusal else 200)


@needs(Right.WORK)
@require_POST
def profile_backup(request: StaffRequest, customer_id: UUID, profile_id: UUID) -> HttpResponse:
    """Make it the one that is charged when nothing before it can be, or no longer. The gateway knows no backup."""
    profile = find_profile(customer_id, profile_id, ProfileState.ACTIVE)
    is_backup = request.POST.get("is_backup") == "1"
    try:
        set_backup(actor=request.actor, profile=profile, is_backup=is_backup)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        done = _("%(card)s is the backup.") if is_backup else _("%(card)s is no longer the backup.")
        messages.success(request, done % {"card": profile})
    return redirect("backoffice:customer", tenant_slug=request.tenant.slug, customer_id=customer_id)


@needs(Right.WORK, gateway=True)
@require_http_methods(["GET", "HEAD", "POST"])
def profile_remove(request: StaffRequest, customer_id: UUID, profile_id: UUID) -> HttpResponse:
    refusal, change = "", None
    with tenant_scope(request.tenant.pk):
        profile = find_profile(customer_id, profile_id, ProfileState.ACTIVE, ProfileState.DISABLED)
        if request.method == "POST":
            try:
                change = remove_profile(actor=request.actor, profile=profile, reason=typed_text(request.POST, "reason"))
            except ChangeRefused as error:
                refusal = str(error)
    if change is not None:
        answer = _carry_out(request, change, lambda: _("%(card)s was deleted.") % {"card": profile})
        return answer or redirect("backoffice:change", tenant_slug=request.tenant.slug, change_id=change.pk)
    with tenant_scope(request.tenant.pk):
        kept_by = subscriptions_paid_by(profile.customer, profile)
        context = {"customer": profile.customer, "profile": profile, "kept_by": kept_by, "refusal": refusal}
        return render(request, "backoffice/profiles/remove.html", context, status=409 if refusal else 200)


def _carry_out(request: StaffRequest, change: Change, done: Callable[[], str]) -> HttpResponse | None:
    """Carry the change to the gateway now. None when it refused; else where to go on, with what became of it."""
    carry_out_now(request.tenant.pk, change.pk, SECONDS_TO_WAIT)
    with tenant_scope(request.tenant.pk):
        change.refresh_from_db(fields=["state"])
    if change.state == ChangeState.NEEDS_ATTENTION:
        return None
    if change.state == ChangeState.DONE:
        messages.success(request, done())
        return redirect("backoffice:customer", tenant_slug=request.tenant.slug, customer_id=change.customer_id)
    url = reverse("backoffice:change", args=[request.tenant.slug, change.pk])
    text = _("The change is being carried to the payment gateway:")
    messages.info(request, format_html('{} <a href="{}">{}</a>', text, url, change.short_number))
    return redirect(url)


def _failed_step(change: Change) -> dict[str, object] | None:
    """What the gateway said to the step that failed: our words, its own, and its request id."""
    step = Step.objects.filter(change=change, state=StepState.FAILED).first()
    if step is None:
        return None
    return {"step": step, "words": explain(step.error_code)}
