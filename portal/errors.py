"""What can be wrong with a customer's way into the portal, and through it."""

from tenants.errors import DomainError


class PortalError(DomainError):
    """A rule about signing in was broken: `too_many_codes`, `wrong_code`, `code_dead`, `codes_locked`,
    `wrong_password`, `too_many_passwords`, `weak_password`, `no_password`."""


class CheckoutError(DomainError):
    """An offer cannot be bought as asked."""
