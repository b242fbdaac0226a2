"""What can be wrong with a change to a customer."""

from tenants.errors import DomainError


class CustomerError(DomainError):
    """A rule about customers was broken: `reference_taken`, `name_missing`, `cannot_delete`."""


class SignInError(DomainError):
    """A rule about signing in was broken: `too_many_codes`, `wrong_code`, `code_dead`, `codes_locked`,
    `wrong_password`, `too_many_passwords`, `weak_password`, `no_password`, `no_email`."""
