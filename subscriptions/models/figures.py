"""What a month came to, written down once it is over."""

from django.db import models

from tenants.fields import TenantForeignKey, TenantModel


class MonthlyFigures(TenantModel):
    """A month of the tenant's calendar that is closed. Never changed; the database refuses it.

    `month` is its first day, `starts_at` and `ends_at` its bounds, [start, end). The counts are of subscriptions: by
    what they were at its end, and those that began to pay or left in it. `closed_at`: when it was worked out.
    """

    month = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    active = models.PositiveIntegerField()
    trialing = models.PositiveIntegerField()
    past_due = models.PositiveIntegerField()
    paused = models.PositiveIntegerField()
    started = models.PositiveIntegerField()
    lost = models.PositiveIntegerField()
    closed_at = models.DateTimeField()

    class Meta:
        ordering = ("month",)
        constraints = [
            models.UniqueConstraint(fields=["tenant", "month"], name="month_closed_once"),
            models.CheckConstraint(
                condition=models.Q(starts_at__lt=models.F("ends_at"), ends_at__lte=models.F("closed_at")),
                name="month_closed_when_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class MonthlyAmounts(TenantModel):
    """A closed month's money in one currency, in its minor units.

    `revenue_minor`: recurring revenue at the month's end; `lost_minor`: that of those who left in it; `recovered`: what
    had failed or was late and came in, by what brought it (`PaidThrough`), from so many `recovered_invoices`.
    """

    figures = TenantForeignKey(MonthlyFigures, on_delete=models.PROTECT, related_name="amounts")
    currency = models.CharField(max_length=3)
    revenue_minor = models.BigIntegerField(default=0)
    lost_minor = models.BigIntegerField(default=0)
    recovered = models.JSONField(default=dict)
    recovered_invoices = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("figures", "currency")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "figures", "currency"], name="one_row_per_currency_of_month")
        ]

    def __str__(self) -> str:
        return f"{self.currency}: {self.revenue_minor}"
