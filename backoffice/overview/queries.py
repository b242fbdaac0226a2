"""What matters now, in a handful of numbers."""

from dataclasses import dataclass

from django.db.models import Count, Sum
from django.utils import timezone

from backoffice.billing.queries import ends_before_next_charge, past_due
from backoffice.paging import capped_count
from customers.models import Customer
from invitations.models import OPEN_STATES, Invitation
from subscriptions.models import LIVE_STATES, Invoice, Subscription


@dataclass(frozen=True)
class Owed:
    """What is past due in one currency, in minor units, and by how many invoices."""

    currency: str
    amount_minor: int
    invoices: int


def owed_past_due() -> list[Owed]:
    rows = (
        past_due(Invoice.objects.all())
        .values("currency")
        .annotate(amount=Sum("amount_due_minor"), invoices=Count("id"))
    )
    return [Owed(row["currency"], row["amount"], row["invoices"]) for row in rows.order_by("-amount")]


def counts() -> dict[str, str]:
    """Capped counts as text; "0" means none."""
    open_invitations = Invitation.objects.filter(state__in=OPEN_STATES, expires_at__gt=timezone.now())
    return {
        "customers": capped_count(Customer.objects.all(), 10_000),
        "subscriptions": capped_count(Subscription.objects.filter(state__in=LIVE_STATES), 10_000),
        "ending": capped_count(ends_before_next_charge()),
        "invitations": capped_count(open_invitations),
    }
