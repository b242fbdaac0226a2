import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.uuid
import django_countries.fields
import phonenumber_field.modelfields
from django.db import migrations, models

import tenants.fields
from tenants.migration_operations import SecureTenantTables


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Customer",
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
                ("first_name", models.CharField(max_length=80, verbose_name="first name")),
                ("last_name", models.CharField(max_length=80, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                ("email_normalized", models.CharField(blank=True, editable=False, max_length=254)),
                (
                    "cc_emails",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.EmailField(max_length=254),
                        blank=True,
                        default=list,
                        verbose_name="CC e-mails",
                    ),
                ),
                ("organisation", models.CharField(blank=True, max_length=160, verbose_name="organisation")),
                (
                    "phone",
                    phonenumber_field.modelfields.PhoneNumberField(
                        blank=True, max_length=128, region=None, verbose_name="phone"
                    ),
                ),
                ("reference", models.CharField(blank=True, max_length=80, verbose_name="reference ID")),
                ("external_user_id", models.CharField(blank=True, max_length=80, verbose_name="external user ID")),
                ("vat_number", models.CharField(blank=True, max_length=32, verbose_name="VAT number")),
                ("tax_exempt", models.BooleanField(default=False, verbose_name="tax exempt")),
                ("language", models.CharField(blank=True, max_length=8, verbose_name="language")),
                ("time_zone", models.CharField(blank=True, max_length=64, verbose_name="time zone")),
                ("avatar", models.ImageField(blank=True, upload_to="avatars/", verbose_name="picture")),
                (
                    "muted_mails",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("receipts", "Receipts for payments"),
                                ("method_updates", "Changes to payment methods"),
                                ("subscription_changes", "Changes to subscriptions"),
                            ],
                            max_length=30,
                        ),
                        blank=True,
                        default=list,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="customer since")),
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
            name="Address",
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
                        choices=[("billing", "Billing address"), ("shipping", "Shipping address")], max_length=10
                    ),
                ),
                ("line1", models.CharField(blank=True, max_length=160, verbose_name="address")),
                ("line2", models.CharField(blank=True, max_length=160, verbose_name="apartment, suite")),
                ("city", models.CharField(blank=True, max_length=80, verbose_name="city")),
                ("region", models.CharField(blank=True, max_length=80, verbose_name="region")),
                ("postal_code", models.CharField(blank=True, max_length=20, verbose_name="postal code")),
                ("country", django_countries.fields.CountryField(max_length=2, verbose_name="country")),
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
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="addresses",
                        to="customers.customer",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="EmailChange",
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
                ("email", models.EmailField(max_length=254)),
                ("expires_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="email_changes",
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
        ),
        migrations.CreateModel(
            name="PortalPassword",
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
                ("password", models.CharField(max_length=255)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="portal_passwords",
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
        ),
        migrations.CreateModel(
            name="PortalSession",
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
                ("key_hash", models.CharField(max_length=64)),
                ("signed_in_by", models.CharField(max_length=10)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("seen_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="portal_sessions",
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
        ),
        migrations.CreateModel(
            name="SignInCode",
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
                ("email_normalized", models.CharField(max_length=254)),
                ("code_hash", models.CharField(max_length=128)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
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
            name="SocialProfile",
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
                ("bio", models.TextField(blank=True, max_length=600, verbose_name="about you")),
                ("location", models.CharField(blank=True, max_length=120, verbose_name="location")),
                ("usernames", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    tenants.fields.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="social_profiles",
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
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(fields=["tenant", "email_normalized"], name="customer_email"),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(fields=["tenant", "last_name", "first_name", "id"], name="customer_name"),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(fields=["tenant", "-created_at", "id"], name="customer_newest"),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(fields=("tenant", "number"), name="one_customer_per_number"),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reference", ""), _negated=True),
                fields=("tenant", "reference"),
                name="one_customer_per_reference",
            ),
        ),
        migrations.AddConstraint(
            model_name="address",
            constraint=models.UniqueConstraint(fields=("tenant", "customer", "kind"), name="one_address_per_kind"),
        ),
        migrations.AddConstraint(
            model_name="emailchange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("confirmed_at", None), ("withdrawn_at", None)),
                fields=("tenant", "customer"),
                name="one_open_email_change",
            ),
        ),
        migrations.AddConstraint(
            model_name="portalpassword",
            constraint=models.UniqueConstraint(fields=("tenant", "customer"), name="one_portal_password"),
        ),
        migrations.AddConstraint(
            model_name="portalsession",
            constraint=models.UniqueConstraint(fields=("tenant", "key_hash"), name="one_session_per_key"),
        ),
        migrations.AddIndex(
            model_name="signincode",
            index=models.Index(fields=["tenant", "email_normalized", "-created_at"], name="sign_in_code_newest"),
        ),
        migrations.AddConstraint(
            model_name="socialprofile",
            constraint=models.UniqueConstraint(fields=("tenant", "customer"), name="one_social_profile"),
        ),
        SecureTenantTables(
            ["Customer", "Address", "SocialProfile", "EmailChange", "PortalPassword", "PortalSession", "SignInCode"]
        ),
    ]
