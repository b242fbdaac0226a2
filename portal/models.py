"""Customers' way through the subscribe funnel."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from payments.models import CardSetup
from subscriptions.models import Price, Subscription
from tenants.fields import TenantForeignKey, TenantModel


class CheckoutState(models.TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    ABANDONED = "abandoned", _("Abandoned")


class Checkout(TenantModel):
    """A customer's way through the subscribe funnel: one offer, bought once however often it is finished."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="checkouts")
    price = TenantForeignKey(Price, on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=CheckoutState, default=CheckoutState.OPEN)
    setup = TenantForeignKey(CardSetup, on_delete=models.SET_NULL, null=True, related_name="+")
    subscription = TenantForeignKey(Subscription, on_delete=models.SET_NULL, null=True, related_name="+")
    invoice_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """As staff read it in the timeline: what is bought."""
        name = self.price.product.name_en
        return f"{name} × {self.quantity}" if self.quantity > 1 else name
