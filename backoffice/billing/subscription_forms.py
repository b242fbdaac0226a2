"""Forms about a customer's subscriptions. They clean input and save nothing."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext_lazy as _

from payments.models import PaymentProfile, ProfileState
from subscriptions.models import CancelReason, Interval, Price
from tenants.form_fields import WholeNumberField
from tenants.money import format_money
from tenants.text import on_one_line

MOST = 100_000
FURTHEST = timedelta(days=366)


def how_often(price: Price) -> str:
    """ "monthly", "every 3 weeks", "once"."""
    count = price.interval_count
    match price.interval:
        case Interval.DAY:
            text = ngettext("per day", "every %(n)s days", count)
        case Interval.WEEK:
            text = ngettext("per week", "every %(n)s weeks", count)
        case Interval.MONTH:
            text = ngettext("per month", "every %(n)s months", count)
        case Interval.YEAR:
            text = ngettext("per year", "every %(n)s years", count)
        case _:
            return str(_("once"))
    return text % {"n": count}


class PriceField(forms.ModelChoiceField):
    """A price by its product, amount and interval."""

    def label_from_instance(self, obj: Any) -> str:
        amount = format_money(obj.amount_minor, obj.currency, to_locale(get_language() or "en"))
        text = f"{obj.product.name} · {amount} {how_often(obj)}"
        if not obj.trial_days:
            return text
        trial = ngettext("%(n)s day of trial", "%(n)s days of trial", obj.trial_days) % {"n": obj.trial_days}
        return f"{text} · {trial}"


def offered_prices(*, recurring: bool) -> QuerySet[Price]:
    """What can be sold today, by product."""
    prices = Price.objects.filter(is_active=True, product__is_active=True)
    once = {"interval": Interval.ONE_TIME}
    prices = prices.exclude(**once) if recurring else prices.filter(**once)
    return prices.select_related("product").order_by("product__name_en", "currency", "amount_minor")


def date_field(label: Any, **options: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)


def local_midnight(day: date) -> datetime:
    """Where the day begins in the active zone, the tenant's; a midnight that a clock change skips moves on."""
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())


class SubscribeForm(forms.Form):
    """A new subscription. `started_at()` is None for "now"."""

    price = PriceField(label=_("Product and price"), queryset=Price.objects.none(), empty_label=_("Choose a price"))
    quantity = WholeNumberField(label=_("Quantity"), initial=1, least=1, most=MOST)
    starts_on = date_field(_("Starts on"), required=False, help_text=_("Left empty, it starts now."))

    def __init__(self, data: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(data, **options)
        field: Any = self.fields["price"]
        field.queryset = offered_prices(recurring=True)

    def clean_starts_on(self) -> date | None:
        day: date | None = self.cleaned_data["starts_on"]
        if day is None or day == timezone.localdate():
            return None
        if day < timezone.localdate() - FURTHEST:
            raise forms.ValidationError(_("This is more than a year ago. Choose a later day."), code="too_early")
        if day > timezone.localdate() + FURTHEST:
            raise forms.ValidationError(_("This is more than a year ahead. Choose an earlier day."), code="too_late")
        return day

    def started_at(self) -> datetime | None:
        day = self.cleaned_data.get("starts_on")
        return local_midnight(day) if day else None


def payer_choices(profiles: list[PaymentProfile]) -> list[tuple[str, Any]]:
    """The customer's default first, then each method that can be charged."""
    default = next((profile for profile in profiles if profile.is_default), None)
    follows = _("The customer's default: %(card)s") % {"card": default} if default else _("The customer's default")
    return [("", follows), *((str(profile.pk), str(profile)) for profile in profiles)]


class PayerForm(forms.Form):
    """Which method pays: the one chosen, or the customer's default."""

    payer = forms.ChoiceField(label=_("Who pays"), choices=[], required=False, widget=forms.RadioSelect)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        profiles: list[PaymentProfile],
        pinned: PaymentProfile | None = None,
    ) -> None:
        usable = [profile for profile in profiles if profile.state == ProfileState.ACTIVE]
        super().__init__(data, initial={"payer": str(pinned.pk) if pinned in usable and pinned else ""})
        self.profiles = {str(profile.pk): profile for profile in usable}
        field: Any = self.fields["payer"]
        field.choices = payer_choices(usable)

    def chosen(self) -> PaymentProfile | None:
        return self.profiles.get(self.cleaned_data["payer"])


class SellForm(forms.Form):
    """A one-time price to be billed now."""

    price = PriceField(label=_("What is bought"), queryset=Price.objects.none(), empty_label=_("Choose a price"))
    quantity = WholeNumberField(label=_("Quantity"), initial=1, least=1, most=MOST)

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        field: Any = self.fields["price"]
        field.queryset = offered_prices(recurring=False)


class QuantityForm(forms.Form):
    quantity = WholeNumberField(label=_("Quantity"), least=1, most=MOST)


class PauseForm(forms.Form):
    """`resumes_at()` is None for a pause without an end."""

    resumes_on = date_field(
        _("Resumes on"), required=False, help_text=_("Left empty, it stays paused until someone resumes it.")
    )

    def clean_resumes_on(self) -> date | None:
        day: date | None = self.cleaned_data["resumes_on"]
        if day is not None and day <= timezone.localdate():
            raise forms.ValidationError(_("Choose a day after today."), code="too_early")
        if day is not None and day > timezone.localdate() + 2 * FURTHEST:
            raise forms.ValidationError(_("Choose a day within two years."), code="too_late")
        return day

    def resumes_at(self) -> datetime | None:
        day = self.cleaned_data["resumes_on"]
        return local_midnight(day) if day else None


class CancelForm(forms.Form):
    PERIOD_END, NOW = "period_end", "now"
    when = forms.ChoiceField(
        label=_("When"),
        choices=[(PERIOD_END, _("At the end of the period")), (NOW, _("At once"))],
        initial=PERIOD_END,
        widget=forms.RadioSelect,
    )
    reason = forms.ChoiceField(label=_("The customer's reason"), required=False, choices=[])
    comment = forms.CharField(
        label=_("Comment"), required=False, max_length=400, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        reasons = [(reason.value, reason.label) for reason in CancelReason if reason != CancelReason.UNPAID]
        field: Any = self.fields["reason"]
        field.choices = [("", _("Not told")), *reasons]

    def clean_comment(self) -> str:
        return on_one_line(self.cleaned_data["comment"])
