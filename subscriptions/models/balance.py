"""What a customer has to their credit, per currency, and how it came about."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from subscriptions.models.invoices import CreditNote, Invoice
from tenants.fields import TenantForeignKey, TenantModel


class CustomerBalance(TenantModel):
    """The sum of a customer's entries in one currency, in minor units; below zero the customer owes it.

    The row is locked by whoever adds an entry, so that a credit is spent once.
    """

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="balances")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "customer", "currency"], name="one_balance_per_currency")
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class BalanceEntryKind(models.TextChoices):
    MANUAL = "manual", _("Entered by staff")
    APPLIED = "applied", _("Applied to an invoice")
    RETURNED = "returned", _("Given back when an invoice was voided")
    CREDIT_NOTE = "credit_note", _("Credit note")


class BalanceEntry(TenantModel):
    """One movement: a credit above zero, a debit below. Never changed; a mistake is mended by another entry."""

    customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="balance_entries")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    balance_after_minor = models.BigIntegerField()
    kind = models.CharField(max_length=12, choices=BalanceEntryKind)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    invoice = TenantForeignKey(Invoice, on_delete=models.PROTECT, null=True, related_name="balance_entries")
    credit_note = TenantForeignKey(CreditNote, on_delete=models.PROTECT, null=True, related_name="balance_entries")
    actor_label = models.CharField(max_length=160)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "customer", "-created_at"], name="balance_newest")]

    def __str__(self) -> str:
        return f"{self.amount_minor:+} {self.currency}"
