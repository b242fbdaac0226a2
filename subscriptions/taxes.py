"""The taxes that a tenant charges. Every function runs in the open scope.

A rate is never edited: what invoices rest on it would no longer be understood. It is ended, and the next one begins.
"""

from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from subscriptions.calculators.periods import local_date
from subscriptions.errors import BillingError
from subscriptions.models import Product, TaxRate
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import Tenant
from tenants.scope import current_tenant_id


def create_tax_rate(
    *,
    actor: Actor,
    code: str,
    name_en: str,
    percent: Decimal,
    name_fr: str = "",
    country: str = "",
    region: str = "",
    product: Product | None = None,
    reverse_charge: bool = False,
    valid_from: date | None = None,
    valid_until: date | None = None,
) -> TaxRate:
    """Charge a tax of `percent` per cent; no country means everywhere, no product every one.

    Raises BillingError `code_missing`, `name_missing`, `bad_percent`, `region_without_country`, `bad_dates`, and
    `overlaps` where another rate of the same code holds for the same place and product on some of these days.
    """
    code, name_en, name_fr, region = code.strip().upper(), name_en.strip(), name_fr.strip(), region.strip()
    if not code:
        raise _refusal("code_missing", "code", _("Give the tax a short name, such as GST."))
    if not name_en:
        raise _refusal("name_missing", "name_en", _("Give the name that invoices show."))
    if not (percent.is_finite() and 0 <= percent <= 100 and percent == round(percent, 4)):
        raise _refusal("bad_percent", "percent", _("Enter a rate from 0 to 100 with at most four decimals."))
    if region and not country:
        raise _refusal("region_without_country", "country", _("Choose the region's country."))
    if valid_from and valid_until and valid_until <= valid_from:
        raise _refusal("bad_dates", "valid_until", _("The last day must come after the first."))
    # One at a time, so that of two alike the second one is refused.
    Tenant.objects.select_for_update().get(pk=current_tenant_id())
    place = TaxRate.objects.filter(code=code, country=country, region__iexact=region, product=product)
    if rival := _overlapping(place, valid_from, valid_until).first():
        message = _("%(rate)s holds there already on some of these days. End it first.") % {"rate": rival}
        raise BillingError("overlaps", message, {"valid_from": message})
    rate = TaxRate.objects.create(
        code=code,
        name_en=name_en,
        name_fr=name_fr,
        percent=percent,
        country=country,
        region=region,
        product=product,
        reverse_charge=reverse_charge,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    record(actor=actor, action="tax_rate.created", target=rate, after=_told(rate))
    return rate


def _refusal(code: str, field: str, message: Promise | str) -> BillingError:
    return BillingError(code, message, {field: message})


def _overlapping(rates: QuerySet[TaxRate], first: date | None, end: date | None) -> QuerySet[TaxRate]:
    if first is not None:
        rates = rates.filter(Q(valid_until=None) | Q(valid_until__gt=first))
    if end is not None:
        rates = rates.filter(Q(valid_from=None) | Q(valid_from__lt=end))
    return rates


def _told(rate: TaxRate) -> dict[str, str]:
    return {
        "rate": str(rate),
        "product": str(rate.product or ""),
        "valid_from": str(rate.valid_from or ""),
        "valid_until": str(rate.valid_until or ""),
    }


def end_tax_rate(*, actor: Actor, rate: TaxRate, valid_until: date) -> TaxRate:
    """Charge the tax no longer from that day on. Raises BillingError `bad_dates`."""
    rate = TaxRate.objects.select_for_update().get(pk=rate.pk)
    if rate.valid_from and valid_until < rate.valid_from:
        raise _refusal("bad_dates", "valid_until", _("This is before the rate's first day."))
    if rate.valid_until != valid_until:
        before = _told(rate)
        rate.valid_until = valid_until
        rate.save(update_fields=["valid_until"])
        record(actor=actor, action="tax_rate.ended", target=rate, before=before, after=_told(rate))
    return rate


def rates_in_force(on: date | None = None) -> list[TaxRate]:
    """The rates that hold on that day, by default today in the tenant's zone."""
    if on is None:
        on = local_date(timezone.now(), Tenant.objects.get(pk=current_tenant_id()).time_zone)
    rates = TaxRate.objects.select_related("product")
    return list(
        rates.filter(Q(valid_from=None) | Q(valid_from__lte=on)).filter(Q(valid_until=None) | Q(valid_until__gt=on))
    )
