"""Rules about products, subscriptions and invoices that can be broken."""

from customers.errors import CustomerDeleted
from tenants.errors import DomainError


class BillingError(DomainError):
    """A rule about products, prices, subscriptions or invoices was broken."""


class BuyerDeleted(CustomerDeleted, BillingError):
    """Nothing is sold to someone who is gone: `customer_deleted`."""
