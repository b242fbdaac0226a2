"""Invoices with their lines and taxes, the charges made for them, credit notes and refunds."""

from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from payments.gateway.errors import explain, explain_to_customer
from payments.models import PaymentProfile
from subscriptions.models.catalogue import Price, Product, in_reader_language
from subscriptions.models.subscriptions import Subscription
from tenants.fields import StoredField, TenantForeignKey, TenantModel
from tenants.money import to_major
from tenants.numbers import written


class InvoiceState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    OPEN = "open", _("Open")
    PAID = "paid", _("Paid")
    VOID = "void", _("Void")
    UNCOLLECTIBLE = "uncollectible", _("Uncollectible")


class TaxTreatment(models.TextChoices):
    STANDARD = "standard", _("Taxed")
    EXEMPT = "exempt", _("Tax exempt")
    REVERSE_CHARGE = "reverse_charge", _("Reverse charge")


class PaidThrough(models.TextChoices):
    """What brought an invoice's money in."""

    RENEWAL = "renewal", _("Charged when due")
    RETRY = "retry", _("A scheduled retry")
    UPDATER = "updater", _("A card refreshed by its network")
    INVITATION = "invitation", _("An invitation")
    PORTAL = "portal", _("The customer portal")
    PAY_PAGE = "pay_page", _("The pay page")
    STAFF = "staff", _("Staff")
    API = "api", _("The API")
    BALANCE = "balance", _("The customer's balance")
    GATEWAY = "gateway", _("The gateway's own billing")


class Invoice(TenantModel):
    """What a customer owes, in minor units of `currency`. Past due = OPEN after `due_at`.

    `total_minor` = net + tax; `balance_applied_minor` is what the customer's credit paid of it (below zero: a debt that
    was added); what is left is `amount_due_minor`, which is charged. `customer_details` and `issuer` are as they were
    at issue (see `subscriptions.documents`). `payment_profile` is the profile last tried; `gateway_id` the gateway's
    invoice, where it bills; `gateway_payment_id` the invoice's one payment there.
    `next_attempt_at`: when it is to be charged next, if at all; `dunning_attempts` counts the scheduled tries that
    failed. `paid_through` tells what brought the money in; `is_recovered`, that it had failed or was late before;
    `paid_with`, the payment method as it was then (kind, brand, last4), for the receipt: {} where none was charged.
    """

    number = models.PositiveBigIntegerField(editable=False)
    customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, null=True, related_name="invoices")
    state = models.CharField(max_length=14, choices=InvoiceState, default=InvoiceState.OPEN)
    subtotal_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField()
    balance_applied_minor = models.BigIntegerField(default=0)
    amount_due_minor = StoredField(
        expression=F("total_minor") - F("balance_applied_minor"), output_field=models.BigIntegerField()
    )
    credited_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    tax_treatment = models.CharField(max_length=14, choices=TaxTreatment, default=TaxTreatment.STANDARD)
    customer_details = models.JSONField(default=dict)
    issuer = models.JSONField(default=dict)
    language = models.CharField(max_length=8, default="en")
    issued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)
    payment_profile = TenantForeignKey(
        PaymentProfile, on_delete=models.SET_NULL, null=True, blank=True, related_name="invoices"
    )
    gateway_id = models.CharField(max_length=64, blank=True)
    gateway_payment_id = models.CharField(max_length=64, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    dunning_attempts = models.PositiveSmallIntegerField(default=0)
    last_error_code = models.CharField(max_length=60, blank=True)
    needs_confirmation = models.BooleanField(default=False)
    first_failed_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    collection_lease_until = models.DateTimeField(null=True)
    paid_through = models.CharField(max_length=10, choices=PaidThrough, blank=True)
    is_recovered = models.BooleanField(default=False)
    paid_with = models.JSONField(default=dict)
    paid_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)
    uncollectible_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="one_invoice_per_number"),
            models.UniqueConstraint(
                fields=["tenant", "gateway_id"], condition=~models.Q(gateway_id=""), name="one_invoice_per_gateway"
            ),
            models.UniqueConstraint(
                fields=["tenant", "subscription", "period_start"],
                condition=models.Q(period_start__isnull=False, gateway_id=""),
                name="one_invoice_per_period",
            ),
            models.CheckConstraint(condition=models.Q(total_minor__gte=0), name="invoice_not_negative"),
            models.CheckConstraint(
                condition=models.Q(balance_applied_minor__lte=F("total_minor")), name="invoice_due_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(refunded_minor__gte=0, credited_minor__gte=0, credited_minor__lte=F("total_minor")),
                name="invoice_credit_within_total",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "state", "due_at"], name="invoice_due"),
            models.Index(
                fields=["tenant", "next_attempt_at"],
                condition=models.Q(state__in=["open", "uncollectible"], next_attempt_at__isnull=False),
                name="invoice_collection",
            ),
            models.Index(fields=["tenant", "-paid_at"], condition=models.Q(state="paid"), name="invoice_paid"),
            models.Index(
                fields=["tenant", "gateway_payment_id"],
                condition=~models.Q(gateway_payment_id=""),
                name="invoice_payment",
            ),
        ]

    def __str__(self) -> str:
        return self.short_number

    @property
    def short_number(self) -> str:
        return written("invoice", self.number)

    @property
    def is_past_due(self) -> bool:
        return self.state == InvoiceState.OPEN and self.due_at <= timezone.now()

    @property
    def display_state(self) -> str:
        return "past_due" if self.is_past_due else self.state

    @property
    def last_error(self) -> str:
        """Why the last try to collect it failed, in the reader's language."""
        return str(explain(self.last_error_code)) if self.last_error_code else ""

    @property
    def why_unpaid(self) -> str:
        """The same, said to the customer."""
        return str(explain_to_customer(self.last_error_code)) if self.last_error_code else ""


class InvoiceLine(TenantModel):
    """One line, as it was at issue: `amount_minor` = `quantity` x `unit_amount_minor`, before tax."""

    invoice = TenantForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    product = TenantForeignKey(Product, on_delete=models.SET_NULL, null=True, related_name="+")
    price = TenantForeignKey(Price, on_delete=models.SET_NULL, null=True, related_name="+")
    description_en = models.CharField(max_length=200)
    description_fr = models.CharField(max_length=200, blank=True)
    quantity = models.PositiveIntegerField()
    unit_amount_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    tax_codes = models.JSONField(default=list)
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)

    class Meta:
        ordering = ("invoice", "position")
        constraints = [models.UniqueConstraint(fields=["tenant", "invoice", "position"], name="one_line_per_position")]

    def __str__(self) -> str:
        return self.description

    @property
    def description(self) -> str:
        return in_reader_language(self.description_en, self.description_fr)


class InvoiceTax(TenantModel):
    """One tax on an invoice, as it was at issue, rounded once on the sum of the lines that it is due on."""

    invoice = TenantForeignKey(Invoice, on_delete=models.CASCADE, related_name="taxes")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=20)
    name_en = models.CharField(max_length=60)
    name_fr = models.CharField(max_length=60, blank=True)
    percent = models.DecimalField(max_digits=7, decimal_places=4)
    taxable_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()

    class Meta:
        ordering = ("invoice", "position")
        constraints = [models.UniqueConstraint(fields=["tenant", "invoice", "position"], name="one_tax_per_position")]

    def __str__(self) -> str:
        return f"{self.code} {self.tax_minor}"

    @property
    def name(self) -> str:
        return in_reader_language(self.name_en, self.name_fr)


class ChargeState(models.TextChoices):
    RUNNING = "running", _("Under way")
    PROCESSING = "processing", _("Being processed by the bank")
    SUCCEEDED = "succeeded", _("Succeeded")
    DECLINED = "declined", _("Declined")
    NEEDS_CONFIRMATION = "needs_confirmation", _("Waits for the customer's confirmation")
    FAILED = "failed", _("Failed")
    NOT_TRIED = "not_tried", _("Not tried")


#: A charge that may still take money.
UNSETTLED_CHARGE_STATES = [ChargeState.RUNNING, ChargeState.PROCESSING]


class Charge(TenantModel):
    """One try to collect an invoice. It names the profile and what came of it; the invoice holds the lease."""

    invoice = TenantForeignKey(Invoice, on_delete=models.CASCADE, related_name="charges")
    number = models.PositiveSmallIntegerField()
    profile = TenantForeignKey(PaymentProfile, on_delete=models.SET_NULL, null=True, related_name="+")
    source = models.CharField(max_length=10, choices=PaidThrough)
    actor = models.JSONField(default=dict)
    state = models.CharField(max_length=20, choices=ChargeState, default=ChargeState.RUNNING)
    error_code = models.CharField(max_length=60, blank=True)
    gateway_message = models.TextField(blank=True)
    gateway_request_id = models.CharField(max_length=80, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    key_generation = models.PositiveSmallIntegerField(default=0)
    first_called_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("invoice", "number")
        constraints = [models.UniqueConstraint(fields=["tenant", "invoice", "number"], name="one_charge_per_number")]

    def __str__(self) -> str:
        return f"{self.number}: {self.state}"


class CreditDestination(models.TextChoices):
    REFUND = "refund", _("Back to the payment method")
    BALANCE = "balance", _("To the customer's balance")


class CreditNote(TenantModel):
    """A correction of a paid invoice: what of it is given back, net and tax, and where to. Frozen as the invoice is."""

    number = models.PositiveBigIntegerField(editable=False)
    invoice = TenantForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_notes")
    customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="credit_notes")
    destination = models.CharField(max_length=8, choices=CreditDestination)
    reason = models.CharField(max_length=300)
    subtotal_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    taxes = models.JSONField(default=list)
    currency = models.CharField(max_length=3)
    customer_details = models.JSONField(default=dict)
    issuer = models.JSONField(default=dict)
    language = models.CharField(max_length=8, default="en")
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="one_credit_note_per_number"),
            models.CheckConstraint(condition=models.Q(total_minor__gt=0), name="credit_note_positive"),
        ]

    def __str__(self) -> str:
        return self.short_number

    @property
    def short_number(self) -> str:
        return written("credit_note", self.number)


class RefundState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Under way")
    PENDING = "pending", _("Being processed by the bank")
    SUCCEEDED = "succeeded", _("Refunded")
    FAILED = "failed", _("Failed")
    TO_BALANCE = "to_balance", _("Moved to the balance")


class Refund(TenantModel):
    """Money that goes back through the gateway for a credit note: carried out by workers, once."""

    credit_note = TenantForeignKey(CreditNote, on_delete=models.PROTECT, related_name="refunds")
    invoice = TenantForeignKey(Invoice, on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=10, choices=RefundState, default=RefundState.WAITING)
    gateway_id = models.CharField(max_length=64, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    gateway_message = models.TextField(blank=True)
    gateway_request_id = models.CharField(max_length=80, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    key_generation = models.PositiveSmallIntegerField(default=0)
    first_called_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, default=timezone.now)
    lease_until = models.DateTimeField(null=True)
    actor = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "state", "due_at"], name="refund_due"),
            models.Index(fields=["tenant", "gateway_id"], condition=~models.Q(gateway_id=""), name="refund_gateway"),
        ]

    def __str__(self) -> str:
        return f"{to_major(self.amount_minor, self.currency)} {self.currency}"
