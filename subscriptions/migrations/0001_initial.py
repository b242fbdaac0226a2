import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.uuid
import django.utils.timezone
import django_countries.fields
from django.db import migrations, models

import tenants.fields
from tenants.migration_operations import FindDueTenants, SecureTenantTables


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0001_initial"),
        ("payments", "0001_initial"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Invoice",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveBigIntegerField(editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("open", "Open"),
                            ("paid", "Paid"),
                            ("void", "Void"),
                            ("uncollectible", "Uncollectible"),
                        ],
                        default="open",
                        max_length=14,
                    ),
                ),
                ("subtotal_minor", models.BigIntegerField(default=0)),
                ("tax_minor", models.BigIntegerField(default=0)),
                ("total_minor", models.BigIntegerField()),
                ("balance_applied_minor", models.BigIntegerField(default=0)),
                (
                    "amount_due_minor",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.expressions.CombinedExpression(
                            models.F("total_minor"), "-", models.F("balance_applied_minor")
                        ),
                        output_field=models.BigIntegerField(),
                    ),
                ),
                ("credited_minor", models.BigIntegerField(default=0)),
                ("refunded_minor", models.BigIntegerField(default=0)),
                ("currency", models.CharField(max_length=3)),
                (
                    "tax_treatment",
                    models.CharField(
                        choices=[("standard", "Taxed"), ("exempt", "Tax exempt"), ("reverse_charge", "Reverse charge")],
                        default="standard",
                        max_length=14,
                    ),
                ),
                ("customer_details", models.JSONField(default=dict)),
                ("issuer", models.JSONField(default=dict)),
                ("language", models.CharField(default="en", max_length=8)),
                ("issued_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("period_start", models.DateTimeField(null=True)),
                ("period_end", models.DateTimeField(null=True)),
                ("gateway_id", models.CharField(blank=True, max_length=64)),
                ("gateway_payment_id", models.CharField(blank=True, max_length=64)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("dunning_attempts", models.PositiveSmallIntegerField(default=0)),
                ("last_error_code", models.CharField(blank=True, max_length=60)),
                ("needs_confirmation", models.BooleanField(default=False)),
                ("first_failed_at", models.DateTimeField(null=True)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("collection_lease_until", models.DateTimeField(null=True)),
                (
                    "paid_through",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("renewal", "Charged when due"),
                            ("retry", "A scheduled retry"),
                            ("updater", "A card refreshed by its network"),
                            ("invitation", "An invitation"),
                            ("portal", "The customer portal"),
                            ("pay_page", "The pay page"),
                            ("staff", "Staff"),
                            ("api", "The API"),
                            ("balance", "The customer's balance"),
                            ("gateway", "The gateway's own billing"),
                        ],
                        max_length=10,
                    ),
                ),
                ("is_recovered", models.BooleanField(default=False)),
                ("paid_with", models.JSONField(default=dict)),
                ("paid_at", models.DateTimeField(null=True)),
                ("voided_at", models.DateTimeField(null=True)),
                ("uncollectible_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoices",
                        to="customers.customer",
                    ),
                ),
                (
                    "payment_profile",
                    tenants.fields.TenantForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="invoices",
                        to="payments.paymentprofile",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CreditNote",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveBigIntegerField(editable=False)),
                (
                    "destination",
                    models.CharField(
                        choices=[("refund", "Back to the payment method"), ("balance", "To the customer's balance")],
                        max_length=8,
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("subtotal_minor", models.BigIntegerField()),
                ("tax_minor", models.BigIntegerField()),
                ("total_minor", models.BigIntegerField()),
                ("taxes", models.JSONField(default=list)),
                ("currency", models.CharField(max_length=3)),
                ("customer_details", models.JSONField(default=dict)),
                ("issuer", models.JSONField(default=dict)),
                ("language", models.CharField(default="en", max_length=8)),
                ("issued_at", models.DateTimeField()),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_notes",
                        to="customers.customer",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "invoice",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_notes",
                        to="subscriptions.invoice",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Charge",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("renewal", "Charged when due"),
                            ("retry", "A scheduled retry"),
                            ("updater", "A card refreshed by its network"),
                            ("invitation", "An invitation"),
                            ("portal", "The customer portal"),
                            ("pay_page", "The pay page"),
                            ("staff", "Staff"),
                            ("api", "The API"),
                            ("balance", "The customer's balance"),
                            ("gateway", "The gateway's own billing"),
                        ],
                        max_length=10,
                    ),
                ),
                ("actor", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Under way"),
                            ("processing", "Being processed by the bank"),
                            ("succeeded", "Succeeded"),
                            ("declined", "Declined"),
                            ("needs_confirmation", "Waits for the customer's confirmation"),
                            ("failed", "Failed"),
                            ("not_tried", "Not tried"),
                        ],
                        default="running",
                        max_length=20,
                    ),
                ),
                ("error_code", models.CharField(blank=True, max_length=60)),
                ("gateway_message", models.TextField(blank=True)),
                ("gateway_request_id", models.CharField(blank=True, max_length=80)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("key_generation", models.PositiveSmallIntegerField(default=0)),
                ("first_called_at", models.DateTimeField(null=True)),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "profile",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="payments.paymentprofile",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "invoice",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="charges",
                        to="subscriptions.invoice",
                    ),
                ),
            ],
            options={
                "ordering": ("invoice", "number"),
            },
        ),
        migrations.CreateModel(
            name="BalanceEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("balance_after_minor", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("manual", "Entered by staff"),
                            ("applied", "Applied to an invoice"),
                            ("returned", "Given back when an invoice was voided"),
                            ("credit_note", "Credit note"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                ("actor_label", models.CharField(max_length=160)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="balance_entries",
                        to="customers.customer",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "credit_note",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="balance_entries",
                        to="subscriptions.creditnote",
                    ),
                ),
                (
                    "invoice",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="balance_entries",
                        to="subscriptions.invoice",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="InvoiceTax",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("code", models.CharField(max_length=20)),
                ("name_en", models.CharField(max_length=60)),
                ("name_fr", models.CharField(blank=True, max_length=60)),
                ("percent", models.DecimalField(decimal_places=4, max_digits=7)),
                ("taxable_minor", models.BigIntegerField()),
                ("tax_minor", models.BigIntegerField()),
                (
                    "invoice",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="taxes",
                        to="subscriptions.invoice",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ("invoice", "position"),
            },
        ),
        migrations.CreateModel(
            name="MonthlyFigures",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("month", models.DateField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("active", models.PositiveIntegerField()),
                ("trialing", models.PositiveIntegerField()),
                ("past_due", models.PositiveIntegerField()),
                ("paused", models.PositiveIntegerField()),
                ("started", models.PositiveIntegerField()),
                ("lost", models.PositiveIntegerField()),
                ("closed_at", models.DateTimeField()),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ("month",),
            },
        ),
        migrations.CreateModel(
            name="MonthlyAmounts",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("revenue_minor", models.BigIntegerField(default=0)),
                ("lost_minor", models.BigIntegerField(default=0)),
                ("recovered", models.JSONField(default=dict)),
                ("recovered_invoices", models.PositiveIntegerField(default=0)),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "figures",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="amounts",
                        to="subscriptions.monthlyfigures",
                    ),
                ),
            ],
            options={
                "ordering": ("figures", "currency"),
            },
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name_en", models.CharField(max_length=120, verbose_name="name (English)")),
                ("name_fr", models.CharField(blank=True, max_length=120, verbose_name="name (French)")),
                ("description_en", models.CharField(blank=True, max_length=400, verbose_name="description (English)")),
                ("description_fr", models.CharField(blank=True, max_length=400, verbose_name="description (French)")),
                ("gateway_id", models.CharField(blank=True, max_length=64)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ("name_en",),
            },
        ),
        migrations.CreateModel(
            name="Price",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("amount_minor", models.BigIntegerField(verbose_name="amount")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "interval",
                    models.CharField(
                        choices=[
                            ("one_time", "One-time"),
                            ("day", "Day"),
                            ("week", "Week"),
                            ("month", "Month"),
                            ("year", "Year"),
                        ],
                        default="month",
                        max_length=8,
                        verbose_name="interval",
                    ),
                ),
                ("interval_count", models.PositiveSmallIntegerField(default=1, verbose_name="every")),
                ("trial_days", models.PositiveSmallIntegerField(default=0, verbose_name="trial days")),
                ("gateway_id", models.CharField(blank=True, max_length=64)),
                ("is_active", models.BooleanField(default=True)),
                ("is_public", models.BooleanField(default=False, verbose_name="offered in the customer portal")),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "product",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prices",
                        to="subscriptions.product",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="InvoiceLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("description_en", models.CharField(max_length=200)),
                ("description_fr", models.CharField(blank=True, max_length=200)),
                ("quantity", models.PositiveIntegerField()),
                ("unit_amount_minor", models.BigIntegerField()),
                ("amount_minor", models.BigIntegerField()),
                ("tax_codes", models.JSONField(default=list)),
                ("period_start", models.DateTimeField(null=True)),
                ("period_end", models.DateTimeField(null=True)),
                (
                    "invoice",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="subscriptions.invoice",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "price",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="subscriptions.price",
                    ),
                ),
                (
                    "product",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="subscriptions.product",
                    ),
                ),
            ],
            options={
                "ordering": ("invoice", "position"),
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Under way"),
                            ("pending", "Being processed by the bank"),
                            ("succeeded", "Refunded"),
                            ("failed", "Failed"),
                            ("to_balance", "Moved to the balance"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("gateway_id", models.CharField(blank=True, max_length=64)),
                ("error_code", models.CharField(blank=True, max_length=60)),
                ("gateway_message", models.TextField(blank=True)),
                ("gateway_request_id", models.CharField(blank=True, max_length=80)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("key_generation", models.PositiveSmallIntegerField(default=0)),
                ("first_called_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("actor", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "credit_note",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="subscriptions.creditnote",
                    ),
                ),
                (
                    "invoice",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="subscriptions.invoice",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveBigIntegerField(editable=False)),
                ("quantity", models.PositiveIntegerField(default=1, verbose_name="quantity")),
                (
                    "billed_by",
                    models.CharField(
                        choices=[("us", "Billed by us"), ("gateway", "Billed by the gateway")],
                        default="us",
                        max_length=8,
                        verbose_name="billed by",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("trialing", "Trial"),
                            ("active", "Active"),
                            ("past_due", "Past due"),
                            ("unpaid", "Unpaid"),
                            ("paused", "Paused"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="active",
                        max_length=10,
                    ),
                ),
                ("gateway_id", models.CharField(blank=True, max_length=64)),
                ("started_at", models.DateTimeField()),
                ("trial_end", models.DateTimeField(null=True)),
                ("current_period_start", models.DateTimeField(null=True)),
                ("current_period_end", models.DateTimeField(null=True)),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
                ("anchor_at", models.DateTimeField(null=True)),
                ("next_period", models.PositiveIntegerField(default=0)),
                ("next_billing_at", models.DateTimeField(null=True)),
                ("billing_error", models.CharField(blank=True, max_length=300)),
                ("billing_retry_at", models.DateTimeField(null=True)),
                ("past_due_since", models.DateTimeField(null=True)),
                ("paused_at", models.DateTimeField(null=True)),
                ("resumes_at", models.DateTimeField(null=True)),
                ("cancel_at_period_end", models.BooleanField(default=False)),
                (
                    "cancel_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("too_expensive", "It costs too much"),
                            ("not_used", "I do not use it enough"),
                            ("missing_features", "It lacks something that I need"),
                            ("switched", "I use something else now"),
                            ("service", "I was not happy with the service"),
                            ("unpaid", "It was not paid"),
                            ("other", "Another reason"),
                        ],
                        max_length=20,
                        verbose_name="reason",
                    ),
                ),
                ("cancel_comment", models.CharField(blank=True, max_length=400, verbose_name="comment")),
                ("cancelled_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="customers.customer",
                    ),
                ),
                (
                    "payment_profile",
                    tenants.fields.TenantForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="subscriptions",
                        to="payments.paymentprofile",
                    ),
                ),
                (
                    "price",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="subscriptions.price",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="invoice",
            name="subscription",
            field=tenants.fields.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="invoices",
                to="subscriptions.subscription",
            ),
        ),
        migrations.CreateModel(
            name="TaxRate",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("code", models.CharField(max_length=20, verbose_name="tax")),
                ("name_en", models.CharField(max_length=60, verbose_name="name on invoices (English)")),
                ("name_fr", models.CharField(blank=True, max_length=60, verbose_name="name on invoices (French)")),
                ("percent", models.DecimalField(decimal_places=4, max_digits=7, verbose_name="rate (%)")),
                ("country", django_countries.fields.CountryField(blank=True, max_length=2, verbose_name="country")),
                ("region", models.CharField(blank=True, max_length=80, verbose_name="region")),
                (
                    "reverse_charge",
                    models.BooleanField(default=False, verbose_name="reverse charge for businesses abroad"),
                ),
                ("valid_from", models.DateField(blank=True, null=True, verbose_name="from")),
                ("valid_until", models.DateField(blank=True, null=True, verbose_name="until")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "product",
                    tenants.fields.TenantForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tax_rates",
                        to="subscriptions.product",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ("code", "country", "region", "valid_from"),
            },
        ),
        migrations.CreateModel(
            name="CustomerBalance",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField(default=0)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="balances",
                        to="customers.customer",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.OwnerForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "customer", "currency"), name="one_balance_per_currency")
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.UniqueConstraint(fields=("tenant", "number"), name="one_credit_note_per_number"),
        ),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.CheckConstraint(condition=models.Q(("total_minor__gt", 0)), name="credit_note_positive"),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.UniqueConstraint(fields=("tenant", "invoice", "number"), name="one_charge_per_number"),
        ),
        migrations.AddIndex(
            model_name="balanceentry",
            index=models.Index(fields=["tenant", "customer", "-created_at"], name="balance_newest"),
        ),
        migrations.AddConstraint(
            model_name="invoicetax",
            constraint=models.UniqueConstraint(fields=("tenant", "invoice", "position"), name="one_tax_per_position"),
        ),
        migrations.AddConstraint(
            model_name="monthlyfigures",
            constraint=models.UniqueConstraint(fields=("tenant", "month"), name="month_closed_once"),
        ),
        migrations.AddConstraint(
            model_name="monthlyfigures",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__lte", models.F("closed_at")), ("starts_at__lt", models.F("ends_at"))),
                name="month_closed_when_over",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthlyamounts",
            constraint=models.UniqueConstraint(
                fields=("tenant", "figures", "currency"), name="one_row_per_currency_of_month"
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(condition=models.Q(("amount_minor__gte", 0)), name="price_not_negative"),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(("interval_count__gte", 1)), name="price_interval_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.UniqueConstraint(fields=("tenant", "invoice", "position"), name="one_line_per_position"),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(fields=["tenant", "state", "due_at"], name="refund_due"),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("gateway_id", ""), _negated=True),
                fields=["tenant", "gateway_id"],
                name="refund_gateway",
            ),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["tenant", "state", "current_period_end"], name="subscription_due"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("next_billing_at__isnull", False)),
                fields=["tenant", "next_billing_at"],
                name="subscription_billing",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.UniqueConstraint(fields=("tenant", "number"), name="one_subscription_per_number"),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.UniqueConstraint(
                condition=models.Q(("gateway_id", ""), _negated=True),
                fields=("tenant", "gateway_id"),
                name="one_subscription_per_gateway",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gte", 1)), name="subscription_quantity_positive"
            ),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["tenant", "state", "due_at"], name="invoice_due"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("next_attempt_at__isnull", False), ("state__in", ["open", "uncollectible"])),
                fields=["tenant", "next_attempt_at"],
                name="invoice_collection",
            ),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("state", "paid")), fields=["tenant", "-paid_at"], name="invoice_paid"
            ),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("gateway_payment_id", ""), _negated=True),
                fields=["tenant", "gateway_payment_id"],
                name="invoice_payment",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(fields=("tenant", "number"), name="one_invoice_per_number"),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("gateway_id", ""), _negated=True),
                fields=("tenant", "gateway_id"),
                name="one_invoice_per_gateway",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("gateway_id", ""), ("period_start__isnull", False)),
                fields=("tenant", "subscription", "period_start"),
                name="one_invoice_per_period",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(condition=models.Q(("total_minor__gte", 0)), name="invoice_not_negative"),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("balance_applied_minor__lte", models.F("total_minor"))),
                name="invoice_due_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("credited_minor__gte", 0),
                    ("credited_minor__lte", models.F("total_minor")),
                    ("refunded_minor__gte", 0),
                ),
                name="invoice_credit_within_total",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("percent__gte", 0), ("percent__lte", 100)), name="tax_rate_per_cent"
            ),
        ),
        SecureTenantTables(
            [
                "Product",
                "Price",
                "TaxRate",
                "Subscription",
                "Invoice",
                "InvoiceLine",
                "InvoiceTax",
                "Charge",
                "CreditNote",
                "Refund",
                "CustomerBalance",
                "BalanceEntry",
                "MonthlyFigures",
                "MonthlyAmounts",
            ],
            append_only=("BalanceEntry", "MonthlyFigures", "MonthlyAmounts"),
        ),
        FindDueTenants(
            "billing",
            "Subscription",
            "next_billing_at <= now() AND (billing_retry_at IS NULL OR billing_retry_at <= now())",
        ),
        FindDueTenants(
            "collections",
            "Invoice",
            "state IN ('open', 'uncollectible') AND next_attempt_at <= now() AND (collection_lease_until IS NULL OR collection_lease_until <= now())",
        ),
        FindDueTenants(
            "refunds",
            "Refund",
            "state IN ('waiting', 'running', 'pending') AND due_at <= now() AND (lease_until IS NULL OR lease_until <= now())",
        ),
        FindDueTenants(
            "months",
            "Subscription",
            "NOT EXISTS (SELECT 1 FROM subscriptions_monthlyfigures WHERE ends_at > now() - interval '28 days')",
        ),
    ]
