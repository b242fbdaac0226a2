"""What staff do about an invoice's money: charge it, void it, write it off, give some of it back."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from backoffice.billing.invoice_forms import CollectForm, CreditForm, ReasonForm
from backoffice.billing.invoices import back, find_invoice
from backoffice.billing.queries import usable_profiles
from backoffice.billing.subscribing import show_error
from payments.gateway.errors import GatewayError, explain
from subscriptions.collection import collect_now, request_collection
from subscriptions.credits import (
    credit_invoice,
    creditable_minor,
    divide_credit,
    refund_to_balance,
    refundable_minor,
    retry_refund,
)
from subscriptions.errors import BillingError
from subscriptions.invoicing import mark_uncollectible
from subscriptions.models import Charge, ChargeState, Invoice, PaidThrough, Refund
from subscriptions.voiding import void_invoice
from tenants.access import Right, StaffRequest, needs
from tenants.scope import tenant_scope


@needs(Right.WORK, gateway=True)
@require_http_methods(["GET", "HEAD", "POST"])
def invoice_collect(request: StaffRequest, invoice_id: UUID) -> HttpResponse:
    """Charge it now, to the method that staff choose, and tell what came of it."""
    with tenant_scope(request.tenant.pk):
        found = find_invoice(invoice_id)
        profiles = usable_profiles(found.customer)
        form = CollectForm(
            request.POST if request.method == "POST" else None,
            profiles=profiles,
            chosen=profiles[0] if profiles else None,
        )
        charge = _request(request, found, form) if form.is_bound and form.is_valid() else None
    if charge is not None:
        collect_now(request.tenant.pk, invoice_id)
        with tenant_scope(request.tenant.pk):
            _tell(request, Charge.objects.select_related("profile").get(pk=charge.pk))
        return back(request, invoice_id)
    with tenant_scope(request.tenant.pk):
        context = {"invoice": found, "form": form, "profiles": profiles}
        template = "backoffice/billing/invoice_collect.html"
        return render(request, template, context, status=422 if form.errors else 200)


def _request(request: StaffRequest, found: Invoice, form: CollectForm) -> Charge | None:
    try:
        return request_collection(actor=request.actor, invoice=found, through=PaidThrough.STAFF, profile=form.chosen())
    except BillingError as error:
        show_error(form, error)
        return None


def _tell(request: StaffRequest, charge: Charge) -> None:
    """The outcome as it is known now."""
    method = {"method": charge.profile}
    match charge.state:
        case ChargeState.SUCCEEDED:
            messages.success(request, _("Paid with %(method)s.") % method)
        case ChargeState.PROCESSING:
            told = _("The bank is processing the payment from %(method)s. This can take several days.")
            messages.info(request, told % method)
        case ChargeState.NEEDS_CONFIRMATION:
            told = _("The bank wants the customer to confirm the payment. They have been sent a link.")
            messages.warning(request, told)
        case ChargeState.RUNNING:
            messages.info(request, _("The gateway has not answered yet. This page shows what came of it."))
        case _:
            told = _("%(method)s was not charged. %(why)s")
            messages.error(request, told % (method | {"why": explain(charge.error_code)}))


@needs(Right.MANAGE, gateway=True)
@require_http_methods(["GET", "HEAD", "POST"])
def invoice_void(request: StaffRequest, invoice_id: UUID) -> HttpResponse:
    form = ReasonForm(request.POST if request.method == "POST" else None)
    with tenant_scope(request.tenant.pk):
        found = find_invoice(invoice_id)
    if form.is_bound and form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            void_invoice(request.tenant.pk, actor=request.actor, invoice_id=invoice_id, reason=reason)
        except BillingError as error:
            show_error(form, error)
        except GatewayError as error:
            form.add_error(None, str(explain(error.code)))
        else:
            messages.success(request, _("%(number)s is void.") % {"number": found.short_number})
            return back(request, invoice_id)
    with tenant_scope(request.tenant.pk):
        return _ask(request, "void", find_invoice(invoice_id), form)


@needs(Right.MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def invoice_uncollectible(request: StaffRequest, invoice_id: UUID) -> HttpResponse:
    found = find_invoice(invoice_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            mark_uncollectible(actor=request.actor, invoice=found, reason=form.cleaned_data["reason"])
        except BillingError as error:
            show_error(form, error)
        else:
            messages.success(request, _("%(number)s is written off.") % {"number": found.short_number})
            return back(request, invoice_id)
    return _ask(request, "uncollectible", found, form)


def _ask(request: StaffRequest, name: str, found: Invoice, form: forms.Form, **context: Any) -> HttpResponse:
    template = f"backoffice/billing/invoice_{name}.html"
    return render(request, template, {"invoice": found, "form": form} | context, status=422 if form.errors else 200)


def _credit_form(request: StaffRequest, found: Invoice) -> CreditForm:
    return CreditForm(
        request.POST if request.method == "POST" else request.GET if "amount" in request.GET else None,
        currency=found.currency,
        most_minor=creditable_minor(found),
        refundable=refundable_minor(found),
    )


@needs(Right.MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def invoice_credit(request: StaffRequest, invoice_id: UUID) -> HttpResponse:
    """A credit note: how much of a paid invoice goes back, where to, and why; the split of the tax is shown."""
    found = find_invoice(invoice_id)
    form = _credit_form(request, found)
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            note = credit_invoice(
                actor=request.actor,
                invoice=found,
                amount_minor=typed["amount_minor"],
                destination=typed["destination"],
                reason=typed["reason"],
            )
        except BillingError as error:
            show_error(form, error)
        else:
            messages.success(request, _("Credit note %(number)s is issued.") % {"number": note.short_number})
            return back(request, invoice_id)
    context = {
        "left": creditable_minor(found),
        "refundable": refundable_minor(found),
        "split": _split(found, form),
    }
    return _ask(request, "credit", found, form, **context)


@needs(Right.MANAGE)
@require_safe
def invoice_credit_preview(request: StaffRequest, invoice_id: UUID) -> HttpResponse:
    """How the amount that is being typed divides into net and taxes."""
    found = find_invoice(invoice_id)
    context = {"invoice": found, "split": _split(found, _credit_form(request, found))}
    return render(request, "backoffice/billing/invoice_credit.html#split", context)


def _split(found: Invoice, form: CreditForm) -> dict[str, Any] | None:
    """Net and each tax of the amount; None until it makes sense."""
    amount = creditable_minor(found)
    if form.is_bound:
        form.is_valid()
        amount = form.cleaned_data.get("amount_minor", 0)
    if not 0 < amount <= creditable_minor(found):
        return None
    divided, taxes = divide_credit(found, amount)
    return {
        "net": divided.subtotal_minor,
        "taxes": list(zip(taxes, divided.taxes, strict=True)),
        "total": amount,
    }


def _find_refund(refund_id: UUID) -> Refund:
    return get_object_or_404(Refund.objects.select_related("invoice"), pk=refund_id)


@needs(Right.MANAGE)
@require_POST
def refund_retry(request: StaffRequest, refund_id: UUID) -> HttpResponse:
    refund = _find_refund(refund_id)
    try:
        retry_refund(actor=request.actor, refund=refund)
    except BillingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The refund is tried again."))
    return back(request, refund.invoice_id)


@needs(Right.MANAGE)
@require_POST
def refund_move(request: StaffRequest, refund_id: UUID) -> HttpResponse:
    """What could not go back to the method becomes a credit of the customer's."""
    refund = _find_refund(refund_id)
    try:
        refund_to_balance(actor=request.actor, refund=refund)
    except BillingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The amount is on the customer's balance now."))
    return back(request, refund.invoice_id)
