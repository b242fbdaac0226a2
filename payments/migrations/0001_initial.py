import django.db.models.deletion
import django.db.models.functions.uuid
import django.utils.timezone
from django.db import migrations, models

import tenants.fields
from tenants.migration_operations import FindDueTenants, SecureTenantTables


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0001_initial"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="PaymentProfile",
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
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("card", "Cards"),
                            ("sepa_debit", "SEPA direct debit"),
                            ("us_bank_account", "US bank accounts (ACH)"),
                        ],
                        default="card",
                        max_length=20,
                    ),
                ),
                ("gateway_id", models.CharField(max_length=64)),
                ("fingerprint", models.CharField(blank=True, max_length=64)),
                ("brand", models.CharField(max_length=60)),
                ("last4", models.CharField(max_length=4)),
                ("exp_month", models.PositiveSmallIntegerField(null=True)),
                ("exp_year", models.PositiveSmallIntegerField(null=True)),
                ("holder_name", models.CharField(blank=True, max_length=160, verbose_name="card holder")),
                ("billing_address", models.JSONField(blank=True, default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Being verified"),
                            ("active", "Active"),
                            ("disabled", "Disabled"),
                            ("replaced", "Replaced"),
                            ("removed", "Removed"),
                        ],
                        default="active",
                        max_length=10,
                    ),
                ),
                ("disabled_reason", models.CharField(blank=True, max_length=200)),
                ("is_default", models.BooleanField(default=False)),
                ("is_backup", models.BooleanField(default=False)),
                ("network_updated_at", models.DateTimeField(null=True)),
                ("verification_url", models.URLField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="payment_profiles",
                        to="customers.customer",
                    ),
                ),
                (
                    "replaced_by",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="replaces",
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
            name="CardSetup",
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
                ("gateway_id", models.CharField(max_length=64)),
                ("purpose", models.CharField(max_length=12)),
                ("purpose_id", models.UUIDField(null=True)),
                ("make_default", models.BooleanField(default=True)),
                ("billing_details", models.JSONField(default=dict)),
                ("consent", models.JSONField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("verifying", "Being verified"),
                            ("completed", "Completed"),
                            ("discarded", "Discarded"),
                            ("canceled", "Cancelled"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("ip", models.GenericIPAddressField(null=True)),
                ("failed_attempts", models.JSONField(default=list)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("last_decline", models.CharField(blank=True, max_length=64)),
                ("change_id", models.UUIDField(null=True)),
                ("actor", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("settled_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="card_setups",
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
                    "replaces",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="payments.paymentprofile",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GatewayAccount",
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
                ("account_id", models.CharField(max_length=64)),
                ("publishable_key", models.CharField(max_length=255, verbose_name="publishable key")),
                ("secret_key", tenants.fields.EncryptedTextField(verbose_name="secret key")),
                ("webhook_endpoint_id", models.CharField(blank=True, max_length=64)),
                (
                    "webhook_secret",
                    tenants.fields.EncryptedTextField(blank=True, verbose_name="webhook signing secret"),
                ),
                ("tested_at", models.DateTimeField()),
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
                "constraints": [models.UniqueConstraint(fields=("tenant",), name="one_gateway_account")],
            },
        ),
        migrations.CreateModel(
            name="GatewayCustomer",
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
                ("gateway_id", models.CharField(max_length=64)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="gateway_customers",
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
                    models.UniqueConstraint(fields=("tenant", "customer"), name="one_gateway_customer"),
                    models.UniqueConstraint(fields=("tenant", "gateway_id"), name="one_customer_per_gateway_id"),
                ],
            },
        ),
        migrations.CreateModel(
            name="GatewayEvent",
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
                ("gateway_id", models.CharField(max_length=64)),
                ("type", models.CharField(max_length=80)),
                ("payload", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("processed", "Processed"),
                            ("ignored", "Ignored"),
                            ("failed", "Failed"),
                        ],
                        default="received",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("error", models.TextField(blank=True)),
                ("received_at", models.DateTimeField(auto_now_add=True)),
                ("processed_at", models.DateTimeField(null=True)),
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
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "received")), fields=["tenant", "due_at"], name="event_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "gateway_id"), name="one_event_per_gateway_id")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="paymentprofile",
            index=models.Index(fields=["tenant", "last4"], name="profile_last4"),
        ),
        migrations.AddConstraint(
            model_name="paymentprofile",
            constraint=models.UniqueConstraint(fields=("tenant", "gateway_id"), name="one_profile_per_gateway_id"),
        ),
        migrations.AddConstraint(
            model_name="paymentprofile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)), fields=("tenant", "customer"), name="one_default_profile"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentprofile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_backup", True)), fields=("tenant", "customer"), name="one_backup_profile"
            ),
        ),
        migrations.AddIndex(
            model_name="cardsetup",
            index=models.Index(fields=["tenant", "state", "created_at"], name="setup_open"),
        ),
        migrations.AddIndex(
            model_name="cardsetup",
            index=models.Index(fields=["tenant", "purpose_id"], name="setup_purpose"),
        ),
        migrations.AddIndex(
            model_name="cardsetup",
            index=models.Index(fields=["tenant", "ip", "created_at"], name="setup_ip"),
        ),
        migrations.AddConstraint(
            model_name="cardsetup",
            constraint=models.UniqueConstraint(fields=("tenant", "gateway_id"), name="one_setup_per_gateway_id"),
        ),
        SecureTenantTables(["GatewayAccount", "GatewayCustomer", "PaymentProfile", "CardSetup", "GatewayEvent"]),
        FindDueTenants("events", "GatewayEvent", "state = 'received' AND due_at <= now()"),
        FindDueTenants(
            "card_setups", "CardSetup", "state IN ('open', 'verifying') AND created_at <= now() - interval '2 minutes'"
        ),
    ]
