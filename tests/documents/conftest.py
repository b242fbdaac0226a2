"""An invoice with everything on it, frozen as the billing run freezes it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from PIL import Image

from subscriptions.documents.freeze import freeze_customer, freeze_issuer
from subscriptions.models import Invoice
from tenants.scope import tenant_scope
from tests import factories


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def scope(db: None) -> Iterator[Any]:
    """The tenant whose scope is open."""
    tenant = factories.TenantFactory(
        slug="maple",
        name="Maple Streaming",
        legal_name="Maple Streaming Inc.",
        legal_address="500 King Street West\nToronto ON  M5V 1L9",
        tax_numbers="GST/HST 81234 5678 RT0001",
        invoice_note_en="Thank you.",
        invoice_note_fr="Merci.",
        care_email="care@maple.example",
        care_phone="+14165550123",
        time_zone="America/Toronto",
        country="CA",
    )
    with tenant_scope(tenant.pk):
        yield tenant


@pytest.fixture
def invoice(scope: Any) -> Invoice:
    return bill(scope)


def bill(tenant: Any, *, customer: Any = None, address: dict[str, Any] | None = None, **fields: Any) -> Any:
    """An invoice of one line and two taxes; `fields` overrule its own."""
    customer = customer or factories.CustomerFactory(
        first_name="Camille", last_name="Tremblay", organisation="Librairie du Port", email="camille@example.com"
    )
    home = factories.AddressFactory(customer=customer, **(address or {}))
    subscription = factories.SubscriptionFactory(customer=customer, time_zone="America/Toronto")
    made = factories.InvoiceFactory(
        **{
            "customer": customer,
            "subscription": subscription,
            "subtotal_minor": 3998,
            "tax_minor": 599,
            "total_minor": 4597,
            "customer_details": freeze_customer(customer, home),
            "issuer": freeze_issuer(tenant),
            "issued_at": datetime(2026, 11, 22, 2, tzinfo=UTC),
            "due_at": datetime(2026, 12, 6, 2, tzinfo=UTC),
        }
        | fields
    )
    factories.InvoiceLineFactory(
        invoice=made,
        description_en="Daily paper",
        description_fr="Journal quotidien",
        quantity=2,
        unit_amount_minor=1999,
        period_start=datetime(2026, 11, 22, 2, tzinfo=UTC),
        period_end=datetime(2026, 12, 22, 2, tzinfo=UTC),
    )
    if made.tax_minor:
        factories.InvoiceTaxFactory(invoice=made, taxable_minor=3998, tax_minor=200)
        factories.InvoiceTaxFactory(
            invoice=made,
            position=2,
            code="QST",
            name_en="QST",
            name_fr="TVQ",
            percent=Decimal("9.9750"),
            taxable_minor=3998,
            tax_minor=399,
        )
    made.refresh_from_db()
    return made


def draw(tenant: Any, *, size: tuple[int, int] = (300, 80)) -> None:
    """Give the tenant a logo."""
    picture = BytesIO()
    Image.new("RGBA", size, "#1f6f43").save(picture, "PNG")
    tenant.logo.save("maple.png", ContentFile(picture.getvalue()))
