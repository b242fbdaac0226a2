"""What staff do to a running subscription. Each action is a page of its own that says what it will do."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from backoffice.billing.preview import next_invoice
from backoffice.billing.queries import usable_profiles, with_payer
from backoffice.billing.subscribing import show_error
from backoffice.billing.subscription_forms import CancelForm, PauseForm, PayerForm, QuantityForm
from subscriptions.errors import BillingError
from subscriptions.lifecycle import (
    cancel_subscription,
    change_quantity,
    pause_subscription,
    pin_profile,
    resume_subscription,
    undo_cancellation,
)
from subscriptions.models import Subscription
from tenants.access import Right, StaffRequest, needs


def find_subscription(subscription_id: UUID) -> Subscription:
    rows = Subscription.objects.select_related("customer", "price__product", "payment_profile__replaced_by")
    return get_object_or_404(rows, pk=subscription_id)


def _back(request: StaffRequest, subscription: Subscription) -> HttpResponse:
    return redirect("backoffice:subscription", tenant_slug=request.tenant.slug, subscription_id=subscription.pk)


def _carry_out(
    request: StaffRequest,
    subscription: Subscription,
    form: forms.Form,
    act: Callable[[], Any],
    *,
    template: str,
    done: str,
    context: dict[str, Any] | None = None,
) -> HttpResponse:
    """Do it when what was typed is right, else show the page with what is wrong."""
    if form.is_bound and form.is_valid():
        try:
            act()
        except BillingError as error:
            show_error(form, error)
        else:
            messages.success(request, done % {"number": subscription.short_number})
            return _back(request, subscription)
    shown = {"subscription": subscription, "form": form} | (context or {})
    return render(request, f"backoffice/billing/{template}.html", shown, status=422 if form.errors else 200)


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def subscription_pause(request: StaffRequest, subscription_id: UUID) -> HttpResponse:
    found = find_subscription(subscription_id)
    form = PauseForm(request.POST if request.method == "POST" else None)
    return _carry_out(
        request,
        found,
        form,
        lambda: pause_subscription(actor=request.actor, subscription=found, resumes_at=form.resumes_at()),
        template="pause",
        done=_("%(number)s is paused."),
    )


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def subscription_cancel(request: StaffRequest, subscription_id: UUID) -> HttpResponse:
    found = find_subscription(subscription_id)
    form = CancelForm(request.POST if request.method == "POST" else None)

    def cancel() -> None:
        typed = form.cleaned_data
        cancel_subscription(
            actor=request.actor,
            subscription=found,
            at_period_end=typed["when"] == CancelForm.PERIOD_END,
            reason=typed["reason"],
            comment=typed["comment"],
        )

    ends = form.is_bound and form.data.get("when") == CancelForm.PERIOD_END
    done = _("%(number)s ends with its period.") if ends else _("%(number)s is cancelled.")
    return _carry_out(request, found, form, cancel, template="cancel", done=done)


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def subscription_quantity(request: StaffRequest, subscription_id: UUID) -> HttpResponse:
    found = find_subscription(subscription_id)
    data = request.POST if request.method == "POST" else None
    form = QuantityForm(data, initial={"quantity": found.quantity})
    asked = QuantityForm(request.GET) if "quantity" in request.GET else form
    quantity = asked.cleaned_data["quantity"] if asked.is_bound and asked.is_valid() else found.quantity
    context = {
        "invoice": next_invoice(found, request.tenant, quantity=quantity),
        "quantity": quantity,
    }
    if request.htmx:
        return render(request, "backoffice/billing/quantity.html#preview", {"subscription": found} | context)
    return _carry_out(
        request,
        found,
        form,
        lambda: change_quantity(actor=request.actor, subscription=found, quantity=form.cleaned_data["quantity"]),
        template="quantity",
        done=_("%(number)s has its new quantity from the next period on."),
        context=context,
    )


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def subscription_payer(request: StaffRequest, subscription_id: UUID) -> HttpResponse:
    found = find_subscription(subscription_id)
    profiles = usable_profiles(found.customer)
    form = PayerForm(
        request.POST if request.method == "POST" else None, profiles=profiles, pinned=found.payment_profile
    )
    return _carry_out(
        request,
        found,
        form,
        lambda: pin_profile(actor=request.actor, subscription=found, profile=form.chosen()),
        template="payer_choose",
        done=_("It is settled which payment method pays for %(number)s."),
        context={"shown": with_payer([found])[0], "profiles": profiles},
    )


@needs(Right.WORK)
@require_POST
def subscription_resume(request: StaffRequest, subscription_id: UUID) -> HttpResponse:
    found = find_subscription(subscription_id)
    return _at_once(request, found, resume_subscription, _("%(number)s goes on."))


@needs(Right.WORK)
@require_POST
def subscription_undo(request: StaffRequest, subscription_id: UUID) -> HttpResponse:
    found = find_subscription(subscription_id)
    return _at_once(request, found, undo_cancellation, _("%(number)s goes on; it will not be cancelled."))


def _at_once(request: StaffRequest, subscription: Subscription, act: Callable[..., Any], done: str) -> HttpResponse:
    try:
        act(actor=request.actor, subscription=subscription)
    except BillingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done % {"number": subscription.short_number})
    return _back(request, subscription)
