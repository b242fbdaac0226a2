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
        ("payments", "0001_initial"),
        ("subscriptions", "0001_initial"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Change",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("replace", "Payment method replaced"),
                            ("add", "Payment method added"),
                            ("set_default", "Default payment method chosen"),
                            ("edit", "Payment method edited"),
                            ("remove", "Payment method removed"),
                            ("discard", "Unused card discarded"),
                            ("details", "Billing details changed"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("in_progress", "In progress"),
                            ("done", "Done"),
                            ("needs_attention", "Needs attention"),
                            ("superseded", "Superseded"),
                        ],
                        default="in_progress",
                        max_length=16,
                    ),
                ),
                ("source", models.CharField(max_length=12)),
                ("source_id", models.UUIDField(null=True)),
                ("actor_kind", models.CharField(max_length=20)),
                ("actor_id", models.CharField(max_length=64)),
                ("actor_label", models.CharField(max_length=160)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("values", models.JSONField(default=dict)),
                ("impact", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("failure_told_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="customers.customer",
                    ),
                ),
                (
                    "new_profile",
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
                    "old_profile",
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
                    "superseded_by",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="supersedes",
                        to="propagation.change",
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
            name="Step",
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
                    "stage",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (10, "Payment method"),
                            (20, "Customer"),
                            (30, "Subscriptions"),
                            (40, "Invoices"),
                            (50, "Retirement"),
                        ]
                    ),
                ),
                ("position", models.PositiveIntegerField(default=0)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("attach", "Method attached to the customer"),
                            ("profile_details", "Method's details"),
                            ("customer_details", "Customer's billing details"),
                            ("customer_default", "Customer's default method"),
                            ("subscription", "Subscription"),
                            ("invoice_move", "Open invoice moved"),
                            ("invoice_collect", "Invoice collected"),
                            ("retire", "Old method detached"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("retrying", "Retrying"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("waived", "Waived"),
                            ("superseded", "Superseded"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("due_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("key_generation", models.PositiveSmallIntegerField(default=0)),
                ("first_called_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(blank=True, max_length=60)),
                ("gateway_message", models.TextField(blank=True)),
                ("gateway_request_id", models.CharField(blank=True, max_length=80)),
                ("note", models.CharField(blank=True, max_length=300)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "change",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="steps",
                        to="propagation.change",
                    ),
                ),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
                (
                    "invoice",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="subscriptions.invoice",
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
                    "subscription",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="subscriptions.subscription",
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
            name="StepAttempt",
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
                ("number", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=20)),
                ("error_code", models.CharField(blank=True, max_length=60)),
                ("gateway_message", models.TextField(blank=True)),
                ("gateway_request_id", models.CharField(blank=True, max_length=80)),
                (
                    "step",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tries",
                        to="propagation.step",
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
        migrations.AddIndex(
            model_name="change",
            index=models.Index(fields=["tenant", "state", "-number"], name="change_state"),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(fields=["tenant", "source_id"], name="change_source"),
        ),
        migrations.AddConstraint(
            model_name="change",
            constraint=models.UniqueConstraint(fields=("tenant", "number"), name="one_change_per_number"),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "running", "retrying"])),
                fields=["tenant", "due_at", "position"],
                name="step_due",
            ),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                condition=models.Q(("state", "running")), fields=["tenant", "customer"], name="step_running"
            ),
        ),
        migrations.AddConstraint(
            model_name="stepattempt",
            constraint=models.UniqueConstraint(fields=("tenant", "step", "number"), name="one_attempt_per_number"),
        ),
        SecureTenantTables(["Change", "Step", "StepAttempt"]),
        FindDueTenants(
            "steps",
            "Step",
            "state IN ('waiting', 'retrying', 'running') AND (due_at <= now() OR state = 'running') AND (lease_until IS NULL OR lease_until <= now())",
        ),
    ]
