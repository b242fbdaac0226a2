"""One invoice, paid without signing in, by whoever has its link."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from payments.gateway.errors import GatewayError, explain_to_customer
from portal.access import speak, with_headers
from portal.pay.access import VISIT, PayRequest, find_invoice, pay_page, say_no
from portal.payment_status import PaymentStatus, payment_status
from portal.purchases.papers import invoice_file, receipt_file
from portal.purchases.queries import bill_of
from subscriptions.collection import (
    collect_now,
    confirmation_of,
    payer_of_invoice,
    request_collection,
    settle_payment,
)
from subscriptions.errors import BillingError
from subscriptions.models import InvoiceState
from subscriptions.pay_links import read_pay_token
from tenants.limits import is_over
from tenants.middleware import find_tenant
from tenants.scope import tenant_scope

#: How often, in an hour, an invoice can be charged from its page: each declined charge costs money and trust.
CHARGES_PER_HOUR = 6
#: How often, in an hour, an invoice's page can have the gateway asked what became of the payment.
READS_PER_HOUR = 60


@require_safe
def open_link(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """Trade the link for a short session and go on without the token. It changes nothing."""
    tenant = find_tenant(slug)
    speak(request, tenant)
    try:
        invoice_id = read_pay_token(tenant.pk, token)
    except BillingError as error:
        is_expired = error.code == "link_expired"
        return _unlinked(say_no(request, tenant, "expired" if is_expired else "unknown", 410 if is_expired else 404))
    with tenant_scope(tenant.pk):
        if find_invoice(invoice_id) is None:
            return _unlinked(say_no(request, tenant, "unknown", 404))
    response = redirect("portal:pay", slug, invoice_id)
    VISIT.begin(response, tenant, invoice_id)
    return _unlinked(response)


def _unlinked(response: HttpResponse) -> HttpResponse:
    """The address has the token in it: nobody is told where the reader came from."""
    response["Referrer-Policy"] = "no-referrer"
    return with_headers(response)


@csp_override(settings.PAYMENT_FORM_CSP)
@pay_page
@require_safe
def pay(request: PayRequest) -> HttpResponse:
    """The invoice, and what can be done about it now."""
    with tenant_scope(request.tenant.pk):
        return render(request, "portal/pay/page.html", pay_context(request))


@pay_page
@require_safe
def pay_status(request: PayRequest) -> HttpResponse:
    """The part of the page that is fetched again while the invoice is being charged; then the whole page anew."""
    with tenant_scope(request.tenant.pk):
        context = pay_context(request)
        status: PaymentStatus = context["status"]  # type: ignore[assignment]
        if status.name == "running":
            return render(request, "portal/pay/page.html#waiting", context)
    return HttpResponse(status=204, headers={"HX-Redirect": reverse("portal:pay", args=page_args(request))})


def pay_context(request: PayRequest) -> dict[str, object]:
    """In the open scope."""
    invoice = request.invoice
    status = payment_status(invoice)
    return bill_of(invoice) | {
        "tenant": request.tenant,
        "status": status,
        "payer": payer_of_invoice(invoice, timezone.now()) if status.can_pay else None,
        "stripe_js_url": settings.STRIPE_JS_URL,
        "locale": get_language(),
    }


def page_args(request: PayRequest) -> list[object]:
    return [request.tenant.slug, request.invoice.pk]


@pay_page
@require_POST
def pay_now(request: PayRequest) -> HttpResponse:
    """Charge the method on file now; the page then says what became of it."""
    with tenant_scope(request.tenant.pk):
        payer = payer_of_invoice(request.invoice, timezone.now())
        if payment_status(request.invoice).can_pay and payer is not None:
            if _is_too_often(request, "charges", CHARGES_PER_HOUR):
                messages.error(request, _("This was tried several times. Use another payment method, or wait an hour."))
                return redirect("portal:pay", *page_args(request))
            try:
                request_collection(actor=request.actor, invoice=request.invoice, through=request.through, profile=payer)
            except BillingError:
                # Being charged, paid or voided meanwhile: the page tells which.
                return redirect("portal:pay", *page_args(request))
    collect_now(request.tenant.pk, request.invoice.pk)
    return redirect("portal:pay", *page_args(request))


def _is_too_often(request: PayRequest, what: str, limit: int) -> bool:
    return is_over(f"pay-{what}", str(request.invoice.pk), limit=limit, seconds=3600, without_count=False)


def _wait() -> JsonResponse:
    return JsonResponse({"message": _("This was tried several times. Wait an hour, then try again.")}, status=429)


@pay_page
@require_POST
def pay_confirmation(request: PayRequest) -> JsonResponse:
    """What the page's script needs to let the bank ask its customer. Only where the bank wants that: with it, any card
    can be tried for this invoice, past our own count of tries."""
    with tenant_scope(request.tenant.pk):
        is_wanted = payment_status(request.invoice).name == "confirm"
    if not is_wanted:
        return _nothing_to_confirm()
    if _is_too_often(request, "confirmations", CHARGES_PER_HOUR):
        return _wait()
    try:
        found = confirmation_of(request.tenant.pk, request.invoice.pk)
    except GatewayError as error:
        return JsonResponse({"message": str(error.message)}, status=503)
    if found is None:
        return _nothing_to_confirm()
    return JsonResponse(
        {
            "client_secret": found.client_secret,
            "publishable_key": found.publishable_key,
            "payment_method": found.method,
        }
    )


def _nothing_to_confirm() -> JsonResponse:
    return JsonResponse({"message": _("There is nothing to confirm any more. Reload the page.")}, status=409)


@pay_page
@require_POST
def pay_settled(request: PayRequest) -> JsonResponse:
    """The bank's window has closed: ask the gateway what it says, and record that.

    `code` and `decline_code` are what the browser was told; they only choose the words.
    """
    code = request.POST.get("decline_code") or request.POST.get("code", "")
    payment_id = request.invoice.gateway_payment_id
    if _is_too_often(request, "reads", READS_PER_HOUR):
        return _wait()
    try:
        if payment_id:
            settle_payment(request.tenant.pk, payment_id, actor=request.actor)
    except GatewayError as error:
        return JsonResponse({"message": str(error.message)}, status=503)
    with tenant_scope(request.tenant.pk):
        request.invoice.refresh_from_db()
        state = payment_status(request.invoice).name
    message = str(explain_to_customer(code)) if code else ""
    return JsonResponse({"state": state, "message": message, "url": reverse("portal:pay", args=page_args(request))})


@pay_page
@require_safe
def pay_invoice_pdf(request: PayRequest) -> HttpResponse:
    return invoice_file(request, request.tenant, request.invoice)


@pay_page
@require_safe
def pay_receipt_pdf(request: PayRequest) -> HttpResponse:
    if request.invoice.state != InvoiceState.PAID:
        raise Http404
    return receipt_file(request, request.tenant, request.invoice)
