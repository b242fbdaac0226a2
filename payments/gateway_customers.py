"""Our customers as the gateway knows them."""

import hashlib
from dataclasses import asdict
from uuid import UUID

from customers.models import Address, AddressKind, Customer
from payments.gateway.accounts import paced_gateway_for
from payments.gateway.errors import Refused
from payments.gateway.port import CustomerDetails, PostalAddress
from payments.models import GatewayCustomer
from tenants.scope import tenant_scope


def customer_details(customer: Customer) -> CustomerDetails:
    """The customer as the gateway is to know them now; reads the billing address in the open scope."""
    address = Address.objects.filter(customer=customer, kind=AddressKind.BILLING).first()
    return CustomerDetails(
        name=customer.organisation or customer.name,
        email=customer.email,
        phone=str(customer.phone or ""),
        address=_postal(address) if address else PostalAddress(),
        metadata={"customer": str(customer.pk), "number": customer.short_number},
        language=customer.language,
    )


def _postal(address: Address) -> PostalAddress:
    return PostalAddress(
        line1=address.line1,
        line2=address.line2,
        city=address.city,
        region=address.region,
        postal_code=address.postal_code,
        country=str(address.country),
    )


def ensure_gateway_customer(tenant_id: UUID, customer_id: UUID) -> str:
    """The customer's id at the gateway, where they are made known if they are not yet. Raises GatewayError.

    Opens its own scopes. Whoever asks at the same time, or again after a lost answer, gets the same one: the
    idempotency key is the customer's own.
    """
    with tenant_scope(tenant_id):
        known = GatewayCustomer.objects.filter(customer_id=customer_id).first()
        if known is not None:
            return known.gateway_id
        details = customer_details(Customer.objects.get(pk=customer_id))
    gateway_id = _create(tenant_id, customer_id, details)
    with tenant_scope(tenant_id):
        kept, _ = GatewayCustomer.objects.get_or_create(customer_id=customer_id, defaults={"gateway_id": gateway_id})
        return kept.gateway_id


def _create(tenant_id: UUID, customer_id: UUID, details: CustomerDetails) -> str:
    gateway, key = paced_gateway_for(tenant_id), f"customer-{customer_id}"
    try:
        return gateway.create_customer(details=details, key=key).id
    except Refused as error:
        if error.code != "key_reused":
            raise
    # An earlier try was never recorded, and the customer has been edited since: the key must say so.
    digest = hashlib.sha256(repr(asdict(details)).encode()).hexdigest()[:16]
    return gateway.create_customer(details=details, key=f"{key}-{digest}").id
