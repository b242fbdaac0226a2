"""Rows for tests. Tenant rows are made inside `tenant_scope()`; the scope gives them their tenant."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import factory
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from factory.django import DjangoModelFactory

from customers.models import (
    Address,
    AddressKind,
    Customer,
    EmailChange,
    PortalPassword,
    PortalSession,
    SignInCode,
    SocialProfile,
)
from messaging.models import MessageTemplate
from payments.models import CardSetup, GatewayAccount, GatewayCustomer, PaymentProfile
from portal.models import Checkout
from subscriptions.models import (
    BalanceEntry,
    BalanceEntryKind,
    Charge,
    CreditDestination,
    CreditNote,
    CustomerBalance,
    Invoice,
    InvoiceLine,
    InvoiceState,
    InvoiceTax,
    MonthlyAmounts,
    MonthlyFigures,
    PaidThrough,
    Price,
    Product,
    Refund,
    Subscription,
    TaxRate,
)
from tenants.models import Membership, Role, Tenant, User
from tenants.numbers import next_number
from tenants.scope import current_tenant_id

PASSWORD = "correct horse battery staple"


class TenantFactory(DjangoModelFactory[Tenant]):
    class Meta:
        model = Tenant

    slug = factory.Sequence(lambda n: f"tenant-{n}")
    name = factory.Sequence(lambda n: f"Tenant {n}")
    sender_name = factory.SelfAttribute("name")


class UserFactory(DjangoModelFactory[User]):
    """Signs in with PASSWORD."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"alice{n}@example.com")
    full_name = "Alice Martin"

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        return User.objects.create_user(password=kwargs.pop("password", PASSWORD), **kwargs)


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    role = Role.AGENT


class GatewayAccountFactory(DjangoModelFactory[GatewayAccount]):
    """For a tenant with an account at the sandbox, give `account_id`, `publishable_key` and `secret_key` from there."""

    class Meta:
        model = GatewayAccount

    account_id = factory.Sequence(lambda n: f"acct_{n}")
    publishable_key = factory.Sequence(lambda n: f"pk_test_{n}")
    secret_key = factory.Sequence(lambda n: f"sk_test_{n}")
    webhook_secret = "whsec_for_tests"
    tested_at = factory.LazyFunction(timezone.now)


class CustomerFactory(DjangoModelFactory[Customer]):
    class Meta:
        model = Customer

    number = factory.LazyFunction(lambda: next_number("customer"))
    first_name = "Bob"
    last_name = factory.Sequence(lambda n: f"Tremblay {n}")
    email = factory.Sequence(lambda n: f"bob{n}@example.com")
    email_normalized = factory.LazyAttribute(lambda customer: customer.email.strip().lower())
    language = "en"


class AddressFactory(DjangoModelFactory[Address]):
    class Meta:
        model = Address

    customer = factory.SubFactory(CustomerFactory)
    kind = AddressKind.BILLING
    line1 = "1000 rue de la Gauchetière"
    city = "Montréal"
    region = "QC"
    postal_code = "H3B 4W5"
    country = "CA"


class GatewayCustomerFactory(DjangoModelFactory[GatewayCustomer]):
    class Meta:
        model = GatewayCustomer

    customer = factory.SubFactory(CustomerFactory)
    gateway_id = factory.Sequence(lambda n: f"cus_{n}")


class PaymentProfileFactory(DjangoModelFactory[PaymentProfile]):
    class Meta:
        model = PaymentProfile

    customer = factory.SubFactory(CustomerFactory)
    gateway_id = factory.Sequence(lambda n: f"pm_{n}")
    fingerprint = factory.Sequence(lambda n: f"fingerprint{n}")
    brand = "visa"
    last4 = "4242"
    exp_month = 12
    exp_year = 2034
    holder_name = factory.LazyAttribute(lambda profile: profile.customer.name)
    billing_address: ClassVar[dict[str, str]] = {}


class CardSetupFactory(DjangoModelFactory[CardSetup]):
    class Meta:
        model = CardSetup

    customer = factory.SubFactory(CustomerFactory)
    gateway_id = factory.Sequence(lambda n: f"seti_{n}")
    purpose = "backoffice"


class ProductFactory(DjangoModelFactory[Product]):
    class Meta:
        model = Product

    name_en = factory.Sequence(lambda n: f"Magazine {n}")
    name_fr = factory.Sequence(lambda n: f"Revue {n}")


class PriceFactory(DjangoModelFactory[Price]):
    class Meta:
        model = Price

    product = factory.SubFactory(ProductFactory)
    amount_minor = 1999
    currency = "CAD"


class SubscriptionFactory(DjangoModelFactory[Subscription]):
    class Meta:
        model = Subscription

    number = factory.LazyFunction(lambda: next_number("subscription"))
    customer = factory.SubFactory(CustomerFactory)
    price = factory.SubFactory(PriceFactory)
    started_at = datetime(2026, 1, 15, 12, tzinfo=UTC)
    current_period_start = factory.LazyFunction(lambda: timezone.now() - timedelta(days=10))
    current_period_end = factory.LazyFunction(lambda: timezone.now() + timedelta(days=20))


class InvoiceFactory(DjangoModelFactory[Invoice]):
    """Open and past due unless told otherwise."""

    class Meta:
        model = Invoice

    number = factory.LazyFunction(lambda: next_number("invoice"))
    customer = factory.SubFactory(CustomerFactory)
    total_minor = 1999
    currency = "CAD"
    issued_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=40))
    due_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=10))


class InvoiceLineFactory(DjangoModelFactory[InvoiceLine]):
    class Meta:
        model = InvoiceLine

    invoice = factory.SubFactory(InvoiceFactory)
    position = 1
    description_en = "Magazine"
    description_fr = "Revue"
    quantity = 1
    unit_amount_minor = 1999
    amount_minor = factory.LazyAttribute(lambda line: line.quantity * line.unit_amount_minor)


class InvoiceTaxFactory(DjangoModelFactory[InvoiceTax]):
    class Meta:
        model = InvoiceTax

    invoice = factory.SubFactory(InvoiceFactory)
    position = 1
    code = "GST"
    name_en = "GST"
    name_fr = "TPS"
    percent = Decimal(5)
    taxable_minor = 1999
    tax_minor = 100


class TaxRateFactory(DjangoModelFactory[TaxRate]):
    class Meta:
        model = TaxRate

    code = "GST"
    name_en = "GST"
    name_fr = "TPS"
    percent = Decimal(5)
    country = "CA"


class ChargeFactory(DjangoModelFactory[Charge]):
    """The first try to collect its invoice."""

    class Meta:
        model = Charge

    invoice = factory.SubFactory(InvoiceFactory)
    number = 1
    source = PaidThrough.RENEWAL


class CreditNoteFactory(DjangoModelFactory[CreditNote]):
    class Meta:
        model = CreditNote

    number = factory.LazyFunction(lambda: next_number("credit_note"))
    invoice = factory.SubFactory(InvoiceFactory, state=InvoiceState.PAID)
    customer = factory.SelfAttribute("invoice.customer")
    destination = CreditDestination.REFUND
    reason = "Billed twice"
    subtotal_minor = factory.SelfAttribute("total_minor")
    tax_minor = 0
    total_minor = 1999
    currency = "CAD"
    issued_at = factory.LazyFunction(timezone.now)


class RefundFactory(DjangoModelFactory[Refund]):
    class Meta:
        model = Refund

    credit_note = factory.SubFactory(CreditNoteFactory)
    invoice = factory.SelfAttribute("credit_note.invoice")
    amount_minor = factory.SelfAttribute("credit_note.total_minor")
    currency = "CAD"


class CustomerBalanceFactory(DjangoModelFactory[CustomerBalance]):
    class Meta:
        model = CustomerBalance

    customer = factory.SubFactory(CustomerFactory)
    currency = "CAD"
    amount_minor = 500


class BalanceEntryFactory(DjangoModelFactory[BalanceEntry]):
    """One line of the ledger; the balance itself is another row."""

    class Meta:
        model = BalanceEntry

    customer = factory.SubFactory(CustomerFactory)
    currency = "CAD"
    amount_minor = 500
    balance_after_minor = 500
    kind = BalanceEntryKind.MANUAL
    actor_label = "Alice Martin"


class MonthlyFiguresFactory(DjangoModelFactory[MonthlyFigures]):
    """January 2026, in UTC."""

    class Meta:
        model = MonthlyFigures

    month = date(2026, 1, 1)
    starts_at = datetime(2026, 1, 1, tzinfo=UTC)
    ends_at = closed_at = datetime(2026, 2, 1, tzinfo=UTC)
    active = trialing = past_due = paused = started = lost = 1


class MonthlyAmountsFactory(DjangoModelFactory[MonthlyAmounts]):
    class Meta:
        model = MonthlyAmounts

    figures = factory.SubFactory(MonthlyFiguresFactory)
    currency = "CAD"
    revenue_minor = 1999


class SocialProfileFactory(DjangoModelFactory[SocialProfile]):
    class Meta:
        model = SocialProfile

    customer = factory.SubFactory(CustomerFactory)
    bio = "Reads on trains."


class EmailChangeFactory(DjangoModelFactory[EmailChange]):
    class Meta:
        model = EmailChange

    customer = factory.SubFactory(CustomerFactory)
    email = factory.Sequence(lambda n: f"bob.new{n}@example.com")
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))


class MessageTemplateFactory(DjangoModelFactory[MessageTemplate]):
    class Meta:
        model = MessageTemplate

    name = "invitation"
    language = "en"
    subject = "Your payment method"
    body = "Hello {{ first_name }}"


class PortalPasswordFactory(DjangoModelFactory[PortalPassword]):
    """The customer signs in with PASSWORD."""

    class Meta:
        model = PortalPassword

    customer = factory.SubFactory(CustomerFactory)
    password = factory.LazyFunction(lambda: make_password(PASSWORD))


class PortalSessionFactory(DjangoModelFactory[PortalSession]):
    class Meta:
        model = PortalSession

    customer = factory.SubFactory(CustomerFactory)
    key_hash = factory.Sequence(lambda n: f"{n:064x}")
    signed_in_by = "code"
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=14))


class SignInCodeFactory(DjangoModelFactory[SignInCode]):
    class Meta:
        model = SignInCode

    email_normalized = factory.Sequence(lambda n: f"bob{n}@example.com")
    code_hash = factory.Sequence(lambda n: f"{n:064x}")
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=15))


class CheckoutFactory(DjangoModelFactory[Checkout]):
    class Meta:
        model = Checkout

    customer = factory.SubFactory(CustomerFactory)
    price = factory.SubFactory(PriceFactory)


def sandbox_account(sandbox: Any, slug: str = "acme", **more: Any) -> GatewayAccount:
    """The open scope's tenant gets an account at the running sandbox."""
    made = sandbox.create_account(slug, **more)
    return GatewayAccountFactory(
        tenant_id=current_tenant_id(),
        account_id=made["id"],
        publishable_key=made["publishable_key"],
        secret_key=made["secret_key"],
    )
