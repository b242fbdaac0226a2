import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.uuid
import django.utils.timezone
import phonenumber_field.modelfields
from django.conf import settings
from django.db import migrations, models

import tenants.fields
from tenants.migration_operations import FindDueTenants, SecureTenantTables


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0001_initial"),
        ("payments", "0001_initial"),
        ("tenants", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Invitation",
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
                            ("sent", "Sent"),
                            ("delivered", "Delivered"),
                            ("bounced", "Bounced"),
                            ("opened", "Opened"),
                            ("completed", "Completed"),
                            ("expired", "Expired"),
                            ("revoked", "Revoked"),
                        ],
                        default="sent",
                        max_length=10,
                    ),
                ),
                (
                    "channels",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(choices=[("email", "E-mail"), ("sms", "SMS")], max_length=5)
                    ),
                ),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                (
                    "phone",
                    phonenumber_field.modelfields.PhoneNumberField(
                        blank=True, max_length=128, region=None, verbose_name="phone"
                    ),
                ),
                ("language", models.CharField(max_length=8)),
                (
                    "lifetime_hours",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "1 hour"), (24, "24 hours"), (72, "3 days"), (168, "7 days"), (720, "30 days")]
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("sent_by_label", models.CharField(max_length=160)),
                ("sends", models.PositiveSmallIntegerField(default=1)),
                ("last_sent_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("delivered_at", models.DateTimeField(null=True)),
                ("bounced_at", models.DateTimeField(null=True)),
                ("opened_at", models.DateTimeField(null=True)),
                ("completed_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("change_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to="customers.customer",
                    ),
                ),
                (
                    "profile",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="invitations",
                        to="payments.paymentprofile",
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
                        to="invitations.invitation",
                    ),
                ),
                (
                    "sent_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                "indexes": [
                    models.Index(fields=["tenant", "state", "-number"], name="invitation_state"),
                    models.Index(fields=["tenant", "expires_at"], name="invitation_expiry"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "number"), name="one_invitation_per_number"),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["sent", "delivered", "bounced", "opened"])),
                        fields=("tenant", "customer"),
                        name="one_open_invitation_per_customer",
                    ),
                ],
            },
        ),
        SecureTenantTables(["Invitation"]),
        FindDueTenants(
            "invitations", "Invitation", "state IN ('sent','delivered','bounced','opened') AND expires_at <= now()"
        ),
    ]
