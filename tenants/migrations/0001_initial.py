import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.uuid
import django_countries.fields
import phonenumber_field.modelfields
from django.conf import settings
from django.db import migrations, models

import tenants.fields
import tenants.models
from tenants.migration_operations import SCOPE, SecureTenantTables


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("email", models.EmailField(max_length=254, unique=True, verbose_name="e-mail")),
                ("full_name", models.CharField(max_length=120, verbose_name="name")),
                ("language", models.CharField(blank=True, max_length=8, verbose_name="language")),
                ("is_active", models.BooleanField(default=True)),
                ("date_joined", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Tenant",
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
                ("slug", models.SlugField(max_length=40, unique=True, verbose_name="short name in addresses")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("logo", models.ImageField(blank=True, upload_to="logos/", verbose_name="logo")),
                ("primary_colour", models.CharField(default="#206bc4", max_length=7, verbose_name="main colour")),
                (
                    "country",
                    django_countries.fields.CountryField(default="CA", max_length=2, verbose_name="default country"),
                ),
                ("currency", models.CharField(default="CAD", max_length=3, verbose_name="default currency")),
                ("language", models.CharField(default="en", max_length=8, verbose_name="language")),
                ("time_zone", models.CharField(default="UTC", max_length=64, verbose_name="time zone")),
                (
                    "invitation_lifetime",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "1 hour"), (24, "24 hours"), (72, "3 days"), (168, "7 days"), (720, "30 days")],
                        default=72,
                        verbose_name="invitation links live for",
                    ),
                ),
                ("invite_by_email", models.BooleanField(default=True, verbose_name="invite by e-mail")),
                ("invite_by_sms", models.BooleanField(default=False, verbose_name="invite by SMS")),
                ("sender_name", models.CharField(blank=True, max_length=120, verbose_name="sender's name")),
                ("sender_email", models.EmailField(blank=True, max_length=254, verbose_name="sender's address")),
                ("reply_to_email", models.EmailField(blank=True, max_length=254, verbose_name="replies go to")),
                ("sms_sender", models.CharField(blank=True, max_length=20, verbose_name="SMS sender")),
                ("care_email", models.EmailField(blank=True, max_length=254, verbose_name="customer care e-mail")),
                (
                    "care_phone",
                    phonenumber_field.modelfields.PhoneNumberField(
                        blank=True, max_length=128, region=None, verbose_name="customer care phone"
                    ),
                ),
                ("care_text", models.CharField(blank=True, max_length=200, verbose_name="customer care hours or note")),
                ("legal_name", models.CharField(blank=True, max_length=160, verbose_name="legal name")),
                ("legal_address", models.TextField(blank=True, max_length=400, verbose_name="address on invoices")),
                ("tax_numbers", models.CharField(blank=True, max_length=160, verbose_name="tax numbers on invoices")),
                (
                    "invoice_note_en",
                    models.CharField(blank=True, max_length=300, verbose_name="note on invoices (English)"),
                ),
                (
                    "invoice_note_fr",
                    models.CharField(blank=True, max_length=300, verbose_name="note on invoices (French)"),
                ),
                ("payment_terms_days", models.PositiveSmallIntegerField(default=0, verbose_name="days to pay")),
                (
                    "method_kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("card", "Cards"),
                                ("sepa_debit", "SEPA direct debit"),
                                ("us_bank_account", "US bank accounts (ACH)"),
                            ],
                            max_length=20,
                        ),
                        default=tenants.models.default_method_kinds,
                        verbose_name="payment methods",
                    ),
                ),
                (
                    "dunning_retry_days",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        default=tenants.models.default_retry_days,
                        verbose_name="charge again after (days)",
                    ),
                ),
                (
                    "dunning_invites",
                    models.BooleanField(default=True, verbose_name="send an invitation when a renewal fails"),
                ),
                (
                    "dunning_outcome",
                    models.CharField(
                        choices=[
                            ("cancel", "Cancel the subscription"),
                            ("unpaid", "Mark it unpaid: no new invoices until it is paid up"),
                            ("keep", "Leave it past due"),
                        ],
                        default="cancel",
                        max_length=8,
                        verbose_name="when every retry has failed",
                    ),
                ),
                (
                    "ask_consent",
                    models.BooleanField(default=False, verbose_name="let customers choose what moves to a new method"),
                ),
                ("portal_shows_payment", models.BooleanField(default=True, verbose_name="show payment methods")),
                ("portal_shows_offers", models.BooleanField(default=True, verbose_name="show offers")),
                ("portal_shows_social", models.BooleanField(default=False, verbose_name="show the social profile")),
                (
                    "portal_cancellation",
                    models.CharField(
                        choices=[
                            ("period_end", "At the end of the period"),
                            ("now", "At once"),
                            ("no", "Not in the portal"),
                        ],
                        default="period_end",
                        max_length=10,
                        verbose_name="cancellation",
                    ),
                ),
                ("portal_css", models.TextField(blank=True, max_length=20000, verbose_name="own style (CSS)")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="StaffInvitation",
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
                ("email", models.EmailField(max_length=254, verbose_name="e-mail")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("read_only", "Read-only"),
                            ("agent", "Agent"),
                            ("manager", "Manager"),
                            ("owner", "Owner"),
                        ],
                        default="agent",
                        max_length=12,
                        verbose_name="role",
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "invited_by",
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
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("accepted_at", None), ("revoked_at", None)),
                        fields=("tenant", "email"),
                        name="one_open_staff_invitation",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="NumberSequence",
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
                ("name", models.CharField(max_length=30)),
                ("last", models.PositiveBigIntegerField()),
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
                "constraints": [models.UniqueConstraint(fields=("tenant", "name"), name="one_sequence_per_name")],
            },
        ),
        migrations.CreateModel(
            name="Membership",
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
                    "role",
                    models.CharField(
                        choices=[
                            ("read_only", "Read-only"),
                            ("agent", "Agent"),
                            ("manager", "Manager"),
                            ("owner", "Owner"),
                        ],
                        default="agent",
                        max_length=12,
                        verbose_name="role",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
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
                "constraints": [models.UniqueConstraint(fields=("tenant", "user"), name="one_membership_per_user")],
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
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
                ("at", models.DateTimeField(auto_now_add=True)),
                ("actor_kind", models.CharField(max_length=20)),
                ("actor_id", models.CharField(max_length=64)),
                ("actor_label", models.CharField(max_length=160)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("action", models.CharField(max_length=60)),
                ("target_type", models.CharField(max_length=40)),
                ("target_id", models.UUIDField()),
                ("target_label", models.CharField(max_length=160)),
                ("customer_id", models.UUIDField(null=True)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("request_id", models.CharField(blank=True, max_length=64)),
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
                    models.Index(fields=["tenant", "-at"], name="audit_newest"),
                    models.Index(fields=["tenant", "target_type", "target_id"], name="audit_target"),
                    models.Index(fields=["tenant", "customer_id", "-at"], name="audit_customer"),
                ],
            },
        ),
        SecureTenantTables(
            ["Membership", "StaffInvitation", "NumberSequence", "AuditEntry"], append_only=("AuditEntry",)
        ),
        migrations.RunSQL(
            # The tenant switcher: people see their own memberships, of whichever tenant.
            "CREATE POLICY own_memberships ON tenants_membership FOR SELECT"
            " USING (user_id = NULLIF(current_setting('app.user_id', true), '')::uuid)",
            "DROP POLICY own_memberships ON tenants_membership",
        ),
        migrations.RunSQL(
            # The list of tenants is read to find one by its name in an address; each is changed in its own scope alone.
            f"""
            ALTER TABLE tenants_tenant ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
            CREATE POLICY anyone_reads ON tenants_tenant FOR SELECT USING (true);
            CREATE POLICY anyone_adds ON tenants_tenant FOR INSERT WITH CHECK (true);
            CREATE POLICY own_scope_changes ON tenants_tenant FOR UPDATE USING (id = {SCOPE}) WITH CHECK (id = {SCOPE});
            CREATE POLICY own_scope_removes ON tenants_tenant FOR DELETE USING (id = {SCOPE})
            """,
            """
            DROP POLICY own_scope_removes ON tenants_tenant;
            DROP POLICY own_scope_changes ON tenants_tenant;
            DROP POLICY anyone_adds ON tenants_tenant;
            DROP POLICY anyone_reads ON tenants_tenant;
            ALTER TABLE tenants_tenant NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY
            """,
        ),
    ]
