"""What a person is told when a change cannot be made."""

from tenants.errors import DomainError


class ChangeRefused(DomainError):
    """A rule forbids this change, or this step's retry or waiver."""
