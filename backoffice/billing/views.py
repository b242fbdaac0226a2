"""Subscriptions and invoices: the lists, and a subscription's page with the changes that moved it."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from backoffice.billing.lifecycle import find_subscription
from backoffice.billing.preview import next_invoice
from backoffice.billing.queries import (
    INVOICE_CHIPS,
    SUBSCRIPTION_CHIPS,
    InvoiceFilters,
    SubscriptionFilters,
    with_payer,
)
from backoffice.changes.queries import with_progress
from backoffice.customers.timeline import entry_item
from backoffice.filters import chips
from backoffice.paging import NUMBER, keyset_page
from propagation.models import Change
from subscriptions.models import LIVE_STATES, BilledBy
from tenants.access import Right, StaffRequest, needs
from tenants.models import AuditEntry


@needs(Right.VIEW)
def subscriptions(request: StaffRequest) -> HttpResponse:
    filters = SubscriptionFilters(request.GET)
    page = keyset_page(filters.rows(), request.GET, key=NUMBER)
    context = {
        "filters": filters,
        "chips": chips(request.GET, "state", SUBSCRIPTION_CHIPS),
        "page": page,
        "rows": with_payer(page.items),
        "any_filter": filters.is_filtered or request.GET.get("state"),
    }
    return render(request, "backoffice/billing/subscriptions.html", context)


@needs(Right.VIEW)
def subscription(request: StaffRequest, subscription_id: UUID) -> HttpResponse:
    found = find_subscription(subscription_id)
    changes = Change.objects.filter(steps__subscription=found).select_related("old_profile", "new_profile")
    events = AuditEntry.objects.filter(target_type="subscriptions.subscription", target_id=found.pk)
    context = {
        "shown": with_payer([found])[0],
        "subscription": found,
        "is_ours": found.billed_by == BilledBy.US,
        "is_live": found.state in LIVE_STATES,
        "has_begun": found.started_at <= timezone.now(),
        "next_invoice": next_invoice(found, request.tenant),
        "invoices": found.invoices.select_related("payment_profile").order_by("-number")[:25],
        "changes": with_progress(changes.order_by("-number").distinct()[:25]),
        "events": [entry_item(entry, request.tenant.slug, found.pk) for entry in events.order_by("-at", "-id")[:25]],
    }
    return render(request, "backoffice/billing/subscription.html", context)


@needs(Right.VIEW)
def invoices(request: StaffRequest) -> HttpResponse:
    filters = InvoiceFilters(request.GET)
    page = keyset_page(filters.rows(), request.GET, key=NUMBER)
    context = {
        "filters": filters,
        "chips": chips(request.GET, "state", INVOICE_CHIPS),
        "page": page,
        "any_filter": filters.is_filtered or request.GET.get("state"),
    }
    return render(request, "backoffice/billing/invoices.html", context)
