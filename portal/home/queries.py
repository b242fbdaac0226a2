"""What the first page tells."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from customers.addresses import format_address
from customers.email_change import open_email_change
from customers.models import AddressKind, Customer, EmailChange
from payments.models import PaymentProfile
from portal.subscriptions.queries import SubscriptionRow, subscriptions_of, tell
from propagation.models import Change, ChangeKind, ChangeState
from subscriptions.models import LIVE_STATES, Invoice, InvoiceState
from subscriptions.selectors import default_profile, usable
from tenants.models import Tenant

SHOWN_SUBSCRIPTIONS = 4
SHOWN_INVOICES = 5


@dataclass(frozen=True)
class NextCharge:
    """`amount_minor` before taxes: all that is charged on that day in that currency."""

    at: datetime
    amount_minor: int
    currency: str


@dataclass(frozen=True)
class Summary:
    """`profile` pays by default, None when none works. `saving` is a change of details that is still under way."""

    address: list[str]
    email_change: EmailChange | None
    subscriptions: list[SubscriptionRow]
    subscription_count: int
    next_charge: NextCharge | None
    open_invoices: list[Invoice]
    profile: PaymentProfile | None
    saving: Change | None

    @property
    def late(self) -> list[Invoice]:
        return [invoice for invoice in self.open_invoices if invoice.is_past_due]

    @property
    def payment_problem(self) -> str:
        """`missing`, `expired` or `expiring`, where something runs that is to be paid; else ""."""
        if not self.next_charge and not self.open_invoices:
            return ""
        if self.profile is None:
            return "missing"
        return self.profile.display_state if self.profile.display_state in ("expired", "expiring") else ""


def summary_of(customer: Customer, tenant: Tenant, saving: UUID | None = None) -> Summary:
    """Runs in the open scope. `saving` is the change that was just begun."""
    live = subscriptions_of(customer).filter(state__in=LIVE_STATES)
    rows = tell(live[: SHOWN_SUBSCRIPTIONS * 3], customer, tenant)
    billing = customer.addresses.filter(kind=AddressKind.BILLING).first()
    unpaid = Invoice.objects.filter(customer=customer, state=InvoiceState.OPEN, amount_due_minor__gt=0)
    return Summary(
        address=format_address(billing),
        email_change=open_email_change(customer),
        subscriptions=rows[:SHOWN_SUBSCRIPTIONS],
        subscription_count=live.count(),
        next_charge=_next_charge(rows),
        open_invoices=list(unpaid.prefetch_related("lines").order_by("due_at", "number")[:SHOWN_INVOICES]),
        profile=usable(default_profile(customer)),
        saving=change_being_saved(customer, saving),
    )


def _next_charge(rows: list[SubscriptionRow]) -> NextCharge | None:
    """All that is charged on the first day on which anything is, in the first one's currency."""
    due = sorted(
        ((row.next_charge_at, row) for row in rows if row.next_charge_at is not None),
        key=lambda pair: (pair[0], pair[1].subscription.number),
    )
    if not due:
        return None
    first_at, first = due[0]
    currency = first.subscription.price.currency
    day = timezone.localdate(first_at)
    same = [row for at, row in due if timezone.localdate(at) == day and row.subscription.price.currency == currency]
    return NextCharge(first_at, sum(row.amount_minor for row in same), currency)


def change_being_saved(customer: Customer, asked: UUID | None) -> Change | None:
    """The change of details to tell of: the one asked for, else one that is still under way."""
    changes = Change.objects.filter(customer=customer, kind=ChangeKind.DETAILS).order_by("-number")
    newest = changes.first()
    if newest is None:
        return None
    if asked is not None and changes.filter(pk=asked).exists():
        return newest  # a later change carries the earlier one's values too
    return newest if newest.state == ChangeState.IN_PROGRESS else None
