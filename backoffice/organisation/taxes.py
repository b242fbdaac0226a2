"""The taxes that the organisation charges. A rate is never edited: it ends, and another one begins."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_countries import countries

from backoffice.billing.subscribing import show_error
from backoffice.organisation.tax_forms import EndTaxRateForm, TaxRateForm
from customers.addresses import rules_for
from subscriptions.billing.issue import as_rate
from subscriptions.calculators.amounts import Amounts, Buyer, LineInput, Rate, compute_amounts
from subscriptions.errors import BillingError
from subscriptions.models import TaxRate
from subscriptions.taxes import create_tax_rate, end_tax_rate, rates_in_force
from tenants.access import Right, StaffRequest, needs
from tenants.money import minor_digits, step_of

MOST_EXAMPLES = 8
EXAMPLE_MAJOR = 100


def place(country: str, region: str) -> str:
    """ "Québec, Canada", "Canada", or every country, in the reader's language."""
    if not country:
        return _("Every country")
    name = str(countries.name(country))
    return f"{dict(rules_for(country).regions).get(region, region)}, {name}" if region else name


@dataclass(frozen=True)
class ShownRate:
    """`state` is active, waiting (not yet) or expired."""

    rate: TaxRate
    place: str
    state: str


def shown(rate: TaxRate, today: date) -> ShownRate:
    state = "active"
    if rate.valid_until is not None and rate.valid_until <= today:
        state = "expired"
    elif rate.valid_from is not None and today < rate.valid_from:
        state = "waiting"
    return ShownRate(rate, place(str(rate.country), rate.region), state)


@dataclass(frozen=True)
class Example:
    """What a round amount comes to somewhere today."""

    place: str
    amounts: Amounts


def examples(rates: Iterable[Rate], *, currency: str, seller_country: str, today: date) -> list[Example]:
    """One for each place that some rate names, and the seller's own country; by the calculators that bill."""
    rates = list(rates)
    places = {(rate.country, rate.region) for rate in rates if rate.country} | {(seller_country, "")}
    line = LineInput(None, 1, EXAMPLE_MAJOR * 10 ** minor_digits(currency), today)
    found = [
        Example(
            place(country, region),
            compute_amounts(
                [line], rates, buyer=Buyer(country, region), seller_country=seller_country, step=step_of(currency)
            ),
        )
        for country, region in sorted(places, key=lambda at: (at[0] != seller_country, at))
    ]
    return found[:MOST_EXAMPLES]


@needs(Right.MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def tax_rates(request: StaffRequest) -> HttpResponse:
    country = str(request.tenant.country)
    form = TaxRateForm(request.POST if request.method == "POST" else None, default_country=country)
    if form.is_bound and form.is_valid():
        try:
            rate = create_tax_rate(actor=request.actor, valid_until=None, **form.cleaned_data)
        except BillingError as error:
            show_error(form, error)
        else:
            messages.success(request, _("%(tax)s is charged on invoices from now on.") % {"tax": rate.name})
            return redirect("backoffice:tax_rates", tenant_slug=request.tenant.slug)
    return _page(request, form)


def _page(request: StaffRequest, form: TaxRateForm, *, refused: TaxRate | None = None, why: str = "") -> HttpResponse:
    today = timezone.localdate()
    rows = [shown(rate, today) for rate in TaxRate.objects.select_related("product")]
    rows.sort(key=lambda row: row.state == "expired")
    context = {
        "form": form,
        "rows": rows,
        "refused": refused,
        "why": why,
        "today": today,
        "examples": examples(
            [as_rate(rate) for rate in rates_in_force()],
            currency=request.tenant.currency,
            seller_country=str(request.tenant.country),
            today=today,
        ),
    }
    wrong = form.errors or refused
    return render(request, "backoffice/organisation/taxes.html", context, status=422 if wrong else 200)


@needs(Right.MANAGE)
@require_safe
def tax_region(request: StaffRequest) -> HttpResponse:
    """The regions of the country that was just chosen."""
    form = TaxRateForm(default_country=request.GET.get("country", ""))
    return render(request, "backoffice/organisation/taxes.html#region", {"form": form})


@needs(Right.MANAGE)
@require_POST
def tax_rate_end(request: StaffRequest, rate_id: UUID) -> HttpResponse:
    rate = get_object_or_404(TaxRate, pk=rate_id)
    form = EndTaxRateForm(request.POST)
    why = ""
    if form.is_valid():
        try:
            end_tax_rate(actor=request.actor, rate=rate, valid_until=form.cleaned_data["valid_until"])
        except BillingError as error:
            why = str(error)
        else:
            messages.success(request, _("%(tax)s ends. Invoices already issued keep it.") % {"tax": rate.name})
            return redirect("backoffice:tax_rates", tenant_slug=request.tenant.slug)
    else:
        why = " ".join(str(error) for errors in form.errors.values() for error in errors)
    fresh = TaxRateForm(default_country=str(request.tenant.country))
    return _page(request, fresh, refused=rate, why=why)
