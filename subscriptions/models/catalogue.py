"""What is sold, at what price, and what tax is due on it."""

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from tenants.fields import TenantForeignKey, TenantModel
from tenants.money import to_major


def in_reader_language(english: str, french: str) -> str:
    """The French text where the reader's language is French and there is one; else the English one."""
    return french if (get_language() or "").startswith("fr") and french else english


class Product(TenantModel):
    """Something sold. The French texts may be empty; then the English ones are shown."""

    name_en = models.CharField(_("name (English)"), max_length=120)
    name_fr = models.CharField(_("name (French)"), max_length=120, blank=True)
    description_en = models.CharField(_("description (English)"), max_length=400, blank=True)
    description_fr = models.CharField(_("description (French)"), max_length=400, blank=True)
    gateway_id = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name_en",)

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return in_reader_language(self.name_en, self.name_fr)

    @property
    def description(self) -> str:
        return in_reader_language(self.description_en, self.description_fr)


class Interval(models.TextChoices):
    ONE_TIME = "one_time", _("One-time")
    DAY = "day", _("Day")
    WEEK = "week", _("Week")
    MONTH = "month", _("Month")
    YEAR = "year", _("Year")


class Price(TenantModel):
    """An amount, in minor units of `currency`, charged every `interval_count` intervals, or once.

    `is_public`: customers are offered it in their portal.
    """

    product = TenantForeignKey(Product, on_delete=models.CASCADE, related_name="prices")
    amount_minor = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    interval = models.CharField(_("interval"), max_length=8, choices=Interval, default=Interval.MONTH)
    interval_count = models.PositiveSmallIntegerField(_("every"), default=1)
    trial_days = models.PositiveSmallIntegerField(_("trial days"), default=0)
    gateway_id = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    is_public = models.BooleanField(_("offered in the customer portal"), default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gte=0), name="price_not_negative"),
            models.CheckConstraint(condition=models.Q(interval_count__gte=1), name="price_interval_positive"),
        ]

    def __str__(self) -> str:
        amount = to_major(self.amount_minor, self.currency)
        every = self.interval if self.interval_count == 1 else f"{self.interval_count} {self.interval}"
        return f"{self.product.name_en} {amount} {self.currency}/{every}"

    @property
    def is_recurring(self) -> bool:
        return self.interval != Interval.ONE_TIME


class TaxRate(TenantModel):
    """A tax that the tenant must charge, in per cent of the net amount.

    Rates of one `code` exclude each other: the one for the product goes before the one for all products, then the one
    for the region before the one for the country, before the one for every country (empty). Rates of different codes
    add up, each on the net amount. `valid_until` is the first day on which the rate no longer holds.
    `reverse_charge`: a customer with a VAT number, in another country than the tenant, accounts for the tax themselves.
    """

    code = models.CharField(_("tax"), max_length=20)
    name_en = models.CharField(_("name on invoices (English)"), max_length=60)
    name_fr = models.CharField(_("name on invoices (French)"), max_length=60, blank=True)
    percent = models.DecimalField(_("rate (%)"), max_digits=7, decimal_places=4)
    country = CountryField(_("country"), blank=True)
    region = models.CharField(_("region"), max_length=80, blank=True)
    product = TenantForeignKey(Product, on_delete=models.CASCADE, null=True, blank=True, related_name="tax_rates")
    reverse_charge = models.BooleanField(_("reverse charge for businesses abroad"), default=False)
    valid_from = models.DateField(_("from"), null=True, blank=True)
    valid_until = models.DateField(_("until"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("code", "country", "region", "valid_from")
        constraints = [
            models.CheckConstraint(condition=models.Q(percent__gte=0, percent__lte=100), name="tax_rate_per_cent"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.percent.normalize():f} % {self.country}{self.region and '-' + self.region}"

    @property
    def name(self) -> str:
        return in_reader_language(self.name_en, self.name_fr)
