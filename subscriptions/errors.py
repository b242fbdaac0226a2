"""Rules about products, subscriptions and invoices that can be broken."""

from tenants.errors import DomainError


class BillingError(DomainError):
    """A rule about products, prices, subscriptions or invoices was broken."""
