"""A customer's balance: what it is in each currency, how it came about, and a new entry."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from backoffice.billing.invoice_forms import BalanceForm
from backoffice.billing.subscribing import show_error
from customers.models import Customer
from subscriptions.balance import add_balance_entry
from subscriptions.errors import BillingError
from subscriptions.models import BalanceEntry, CustomerBalance
from tenants.access import Right, StaffRequest, needs

SHOWN_ENTRIES = 100


@dataclass(frozen=True)
class ShownBalance:
    """One currency's balance, in minor units: above zero a credit, below a debt."""

    currency: str
    amount_minor: int

    @property
    def owed_minor(self) -> int:
        return -self.amount_minor


def balances_of(customer: Customer) -> list[ShownBalance]:
    """Every currency that has ever had an entry."""
    rows = CustomerBalance.objects.filter(customer=customer).order_by("currency")
    return [ShownBalance(*row) for row in rows.values_list("currency", "amount_minor")]


def entries_of(customer: Customer, most: int) -> list[BalanceEntry]:
    """The newest entries first."""
    rows = BalanceEntry.objects.filter(customer=customer).select_related("invoice", "credit_note__invoice")
    return list(rows.order_by("-created_at", "-id")[:most])


@needs(Right.VIEW)
@require_safe
def balance(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    customer = get_object_or_404(Customer, pk=customer_id)
    context = {
        "customer": customer,
        "balances": balances_of(customer),
        "entries": entries_of(customer, SHOWN_ENTRIES),
    }
    return render(request, "backoffice/billing/balance.html", context)


@needs(Right.MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def balance_entry(request: StaffRequest, customer_id: UUID) -> HttpResponse:
    """Credit or debit the customer; the next invoice in that currency takes it into account."""
    customer = get_object_or_404(Customer, pk=customer_id)
    known = balances_of(customer)
    currency = known[0].currency if known else request.tenant.currency
    form = BalanceForm(request.POST if request.method == "POST" else None, initial={"currency": currency})
    if form.is_bound and form.is_valid():
        typed = form.cleaned_data
        try:
            add_balance_entry(
                actor=request.actor,
                customer=customer,
                currency=typed["currency"],
                amount_minor=typed["amount_minor"],
                reason=typed["reason"],
            )
        except BillingError as error:
            show_error(form, error)
        else:
            messages.success(request, _("The balance of %(name)s is changed.") % {"name": customer.name})
            return redirect("backoffice:balance", tenant_slug=request.tenant.slug, customer_id=customer.pk)
    context = {"customer": customer, "form": form, "balances": known}
    return render(request, "backoffice/billing/balance_entry.html", context, status=422 if form.errors else 200)
