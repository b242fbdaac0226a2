"""The first page of the back office."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.audit.views import entry_words
from backoffice.changes.queries import with_progress
from backoffice.overview.queries import counts, owed_past_due
from invitations.selectors import funnel
from payments.models import GatewayAccount
from propagation.models import Change, ChangeState
from tenants.access import Right, StaffRequest, needs
from tenants.models import AuditEntry

FUNNEL_DAYS = 30


@needs(Right.VIEW)
def overview(request: StaffRequest) -> HttpResponse:
    in_flight = (
        Change.objects.filter(state__in=[ChangeState.IN_PROGRESS, ChangeState.NEEDS_ATTENTION])
        .select_related("customer", "old_profile", "new_profile")
        .order_by("-number")[:8]
    )
    recent = AuditEntry.objects.order_by("-at", "-id")[:10]
    numbers = counts()
    context = {
        "counts": numbers,
        "ending_tone": "" if numbers["ending"] == "0" else "warn",
        "owed": owed_past_due(),
        "funnel_days": FUNNEL_DAYS,
        "funnel": funnel_rows(),
        "changes": with_progress(in_flight),
        "recent": [entry_words(entry, request.tenant.slug) for entry in recent],
        "has_gateway": GatewayAccount.objects.exists(),
    }
    return render(request, "backoffice/overview.html", context)


def funnel_rows() -> list[dict[str, object]]:
    """Each stage with its count, its share of all sent (percent), and the list that shows it."""
    found = funnel(timezone.now() - timedelta(days=FUNNEL_DAYS))
    stages = [
        (_("Sent"), found.sent, ""),
        (_("Delivered"), found.delivered, "delivered"),
        (_("Opened"), found.opened, "opened"),
        (_("Completed"), found.completed, "completed"),
    ]
    return [
        {
            "label": label,
            "count": count,
            "percent": round(100 * count / found.sent) if found.sent else 0,
            "reached": reached,
        }
        for label, count, reached in stages
    ]
