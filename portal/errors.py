"""What can be wrong with a customer's way through the portal."""

from tenants.errors import DomainError


class CheckoutError(DomainError):
    """An offer cannot be bought as asked."""
