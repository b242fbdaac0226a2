"""What an invoice keeps of its customer and of its issuer, so that later edits change nothing on it."""

from typing import Any

from customers.addresses import AddressValues
from customers.models import Address, Customer
from payments.models import PaymentProfile
from tenants.models import Tenant


def freeze_customer(customer: Customer, address: Address | None) -> dict[str, Any]:
    """The customer as they are now, as plain JSON; `address` is their billing address, {} where there is none."""
    values = AddressValues.of(address)
    return {
        "name": customer.name,
        "organisation": customer.organisation,
        "email": customer.email,
        "number": customer.short_number,
        "reference": customer.reference,
        "vat_number": customer.vat_number,
        "tax_exempt": customer.tax_exempt,
        "address": values.as_dict() if values else {},
    }


def freeze_issuer(tenant: Tenant) -> dict[str, Any]:
    """The tenant as it stands on invoices issued now, as plain JSON; `logo` is the file's name in the storage."""
    return {
        "name": tenant.name,
        "legal_name": tenant.legal_name,
        "legal_address": tenant.legal_address,
        "tax_numbers": tenant.tax_numbers,
        "country": str(tenant.country),
        "logo": tenant.logo.name or "",
        "colour": tenant.primary_colour,
        "note_en": tenant.invoice_note_en,
        "note_fr": tenant.invoice_note_fr,
        "care_email": tenant.care_email,
        "care_phone": str(tenant.care_phone or ""),
        "time_zone": tenant.time_zone,
    }


def freeze_method(profile: PaymentProfile | None) -> dict[str, str]:
    """The payment method as receipts name it, for `Invoice.paid_with`; {} where none was charged."""
    return {"kind": profile.kind, "brand": profile.brand, "last4": profile.last4} if profile else {}
