"""A customer's subscriptions: see them, cancel where the tenant lets them, and think better of it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access import CustomerRequest, customer_page
from portal.subscriptions.forms import CancelForm
from portal.subscriptions.queries import SubscriptionRow, own_subscription, subscriptions_of, tell
from subscriptions import lifecycle
from subscriptions.errors import BillingError
from subscriptions.models import Invoice, Subscription, SubscriptionState
from tenants.models import PortalCancellation

SHOWN_INVOICES = 12


@customer_page
@require_safe
def subscriptions(request: CustomerRequest) -> HttpResponse:
    rows = tell(subscriptions_of(request.customer), request.customer, request.tenant)
    context = {
        "running": [row for row in rows if row.subscription.state != SubscriptionState.CANCELLED],
        "ended": [row for row in rows if row.subscription.state == SubscriptionState.CANCELLED],
    }
    return render(request, "portal/subscriptions/list.html", context)


def _row_of(request: CustomerRequest, found: Subscription) -> SubscriptionRow:
    return tell([found], request.customer, request.tenant)[0]


@customer_page
@require_safe
def subscription(request: CustomerRequest, subscription_id: UUID) -> HttpResponse:
    found = own_subscription(request.customer, subscription_id)
    invoices = Invoice.objects.filter(subscription=found).order_by("-number")[:SHOWN_INVOICES]
    context = {"row": _row_of(request, found), "invoices": invoices}
    return render(request, "portal/subscriptions/page.html", context)


@customer_page
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: CustomerRequest, subscription_id: UUID) -> HttpResponse:
    """When it ends is the tenant's choice and told before; 404 where customers may not cancel."""
    if request.tenant.portal_cancellation == PortalCancellation.NO:
        raise Http404
    found = own_subscription(request.customer, subscription_id)
    row = _row_of(request, found)
    if not row.can_cancel:
        return redirect("portal:subscription", request.tenant.slug, found.pk)
    at_period_end = request.tenant.portal_cancellation == PortalCancellation.PERIOD_END
    form = CancelForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            lifecycle.cancel_subscription(
                actor=request.actor,
                subscription=found,
                at_period_end=at_period_end,
                reason=form.cleaned_data["reason"],
                comment=form.cleaned_data["comment"],
            )
        except BillingError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Your subscription is cancelled."))
            return redirect("portal:subscription", request.tenant.slug, found.pk)
    context = {"row": row, "form": form, "at_period_end": at_period_end}
    return render(request, "portal/subscriptions/cancel.html", context, status=422 if form.is_bound else 200)


@customer_page
@require_POST
def undo(request: CustomerRequest, subscription_id: UUID) -> HttpResponse:
    """Keep a subscription that was to end with its period."""
    if request.tenant.portal_cancellation == PortalCancellation.NO:
        raise Http404
    found = own_subscription(request.customer, subscription_id)
    try:
        lifecycle.undo_cancellation(actor=request.actor, subscription=found)
    except BillingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Your subscription goes on."))
    return redirect("portal:subscription", request.tenant.slug, found.pk)
