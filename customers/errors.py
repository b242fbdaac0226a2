"""What can be wrong with a change to a customer."""

from tenants.errors import DomainError


class CustomerError(DomainError):
    """A rule about customers was broken: `reference_taken`, `name_missing`, `cannot_delete`."""
