"""What can be wrong with a change to a customer."""

from django.http import Http404
from django.utils.translation import gettext_lazy as _

from tenants.errors import DomainError


class CustomerError(DomainError):
    """A rule about customers was broken: `reference_taken`, `name_missing`, `cannot_delete`, `customer_deleted`."""


class CustomerDeleted(CustomerError, Http404):
    """Someone deleted the customer while something was done to them. Where no form tells it, the page is not there."""

    def __init__(self) -> None:
        super().__init__("customer_deleted", _("This customer was deleted in the meantime."))


class SignInError(DomainError):
    """A rule about signing in was broken: `too_many_codes`, `wrong_code`, `code_dead`, `codes_locked`,
    `wrong_password`, `too_many_passwords`, `weak_password`, `no_password`, `no_email`."""
