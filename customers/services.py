"""What is done to customers. Every function runs in the open scope and leaves an audit row."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.addresses import AddressValues
from customers.avatars import discard_picture
from customers.deletion import DeletionBlocker, deletion_blockers
from customers.errors import CustomerError
from customers.locking import lock_customer
from customers.models import Address, AddressKind, Customer, EmailChange, PortalSession
from customers.validation import normalize_email
from tenants.actors import Actor
from tenants.audit import record, snapshot
from tenants.numbers import next_number

CUSTOMER_FIELDS = [
    "first_name",
    "last_name",
    "email",
    "cc_emails",
    "organisation",
    "phone",
    "reference",
    "external_user_id",
    "vat_number",
    "tax_exempt",
    "language",
    "time_zone",
    "muted_mails",
]
#: What the gateway keeps of a customer: a change to one of these is carried there.
GATEWAY_FIELDS = {"first_name", "last_name", "email", "phone", "organisation", "language"}


def create_customer(
    *,
    actor: Actor,
    first_name: str,
    last_name: str,
    email: str = "",
    cc_emails: Sequence[str] = (),
    organisation: str = "",
    phone: str = "",
    reference: str = "",
    external_user_id: str = "",
    vat_number: str = "",
    tax_exempt: bool = False,
    language: str = "",
    time_zone: str = "",
    billing_address: AddressValues | None = None,
    shipping_address: AddressValues | None = None,
) -> Customer:
    """A new customer with the next number. `phone` is E.164.

    Raises CustomerError `name_missing` or `reference_taken`.
    """
    customer = Customer(
        number=next_number("customer"),
        first_name=first_name,
        last_name=last_name,
        email=email,
        cc_emails=list(cc_emails),
        organisation=organisation,
        phone=phone,
        reference=reference,
        external_user_id=external_user_id,
        vat_number=vat_number,
        tax_exempt=tax_exempt,
        language=language,
        time_zone=time_zone,
    )
    _require_name(customer)
    _save(customer)
    addresses = {AddressKind.BILLING: billing_address, AddressKind.SHIPPING: shipping_address}
    given = {kind: values for kind, values in addresses.items() if values is not None}
    Address.objects.bulk_create(Address(customer=customer, kind=kind, **v.as_dict()) for kind, v in given.items())
    after = snapshot(customer, CUSTOMER_FIELDS)
    for kind, values in given.items():
        after |= _address_snapshot(kind, values)
    record(actor=actor, action="customer.created", target=customer, after={k: v for k, v in after.items() if v})
    return customer


def update_customer(*, actor: Actor, customer: Customer, values: Mapping[str, Any]) -> set[str]:
    """Change some of CUSTOMER_FIELDS to clean values; the names of those that differ now.

    Raises CustomerError `name_missing` or `reference_taken`.
    """
    if unknown := values.keys() - set(CUSTOMER_FIELDS):
        raise ValueError(unknown)
    return _change(actor, "customer.updated", customer, values)


def update_contact(*, actor: Actor, customer: Customer, email: str | None = None, phone: str | None = None) -> set[str]:
    """Change the e-mail address or phone number (E.164) alone; None leaves it. The names of those that differ now."""
    values = {name: value for name, value in (("email", email), ("phone", phone)) if value is not None}
    return _change(actor, "customer.contact_updated", customer, values)


def _change(actor: Actor, action: str, customer: Customer, values: Mapping[str, Any]) -> set[str]:
    stored = lock_customer(customer.pk)
    before = snapshot(stored, CUSTOMER_FIELDS)
    for name, value in values.items():
        setattr(stored, name, value)
    _require_name(stored)
    after = snapshot(stored, CUSTOMER_FIELDS)
    changed = {name for name in CUSTOMER_FIELDS if before[name] != after[name]}
    if changed:
        _save(stored)
        if "email" in changed:
            _let_asked_changes_be(stored)
        record(actor=actor, action=action, target=stored, before=before, after=after)
    for name in values:
        setattr(customer, name, getattr(stored, name))
    customer.email_normalized = stored.email_normalized
    return changed


def _let_asked_changes_be(customer: Customer) -> None:
    """An address that was asked for before the one that counts now is not to replace it any more."""
    waiting = EmailChange.objects.filter(customer=customer, confirmed_at=None, withdrawn_at=None)
    waiting.update(withdrawn_at=timezone.now())


def _require_name(customer: Customer) -> None:
    if not (customer.first_name.strip() and customer.last_name.strip()) and not customer.organisation.strip():
        message = _("A customer needs a first and a last name, or an organisation.")
        raise CustomerError("name_missing", message, {"first_name": message})


def _save(customer: Customer) -> None:
    """Raises CustomerError `reference_taken`."""
    customer.email = customer.email.strip()
    customer.email_normalized = normalize_email(customer.email)
    try:
        with transaction.atomic():
            customer.save()
    except IntegrityError as error:
        if "one_customer_per_reference" not in str(error):
            raise
        message = _("Another customer has this reference ID already.")
        raise CustomerError("reference_taken", message, {"reference": message}) from error


def set_address(
    *, actor: Actor, customer: Customer, kind: AddressKind, values: AddressValues | Mapping[str, Any] | None
) -> bool:
    """Put the billing or shipping address in place, or take it away (None). Whether anything changed."""
    if not isinstance(values, AddressValues):
        values = AddressValues.of(values)
    lock_customer(customer.pk)
    stored = Address.objects.filter(customer=customer, kind=kind).first()
    before = AddressValues.of(stored)
    if before == values:
        return False
    if values is None:
        Address.objects.filter(customer=customer, kind=kind).delete()
    else:
        Address.objects.update_or_create(customer=customer, kind=kind, defaults=values.as_dict())
    record(
        actor=actor,
        action="customer.address_updated",
        target=customer,
        before=_address_snapshot(kind, before),
        after=_address_snapshot(kind, values),
    )
    return True


def _address_snapshot(kind: AddressKind, values: AddressValues | None) -> dict[str, Any]:
    return {f"{kind}_address": ", ".join(part for part in values.as_dict().values() if part) if values else ""}


def delete_customer(*, actor: Actor, customer: Customer, reason: str = "") -> None:
    """Delete a customer whom nothing depends on.

    Raises CannotDelete, whose `blockers` say what stands in the way, and CustomerDeleted.
    """
    sessions = PortalSession.objects.filter(customer=customer).order_by("pk").select_for_update()
    list(sessions.values_list("pk"))  # before the customer, as whoever asks for a page of the portal holds them
    customer = lock_customer(customer.pk, for_deletion=True)
    if blockers := deletion_blockers(customer):
        raise CannotDelete(blockers)
    record(
        actor=actor,
        action="customer.deleted",
        target=customer,
        before={"number": customer.short_number} | snapshot(customer, ["first_name", "last_name", "reference"]),
        reason=reason,
    )
    picture = customer.avatar.name or ""
    customer.delete()
    transaction.on_commit(lambda: discard_picture(picture))


class CannotDelete(CustomerError):
    """Something still depends on the customer."""

    def __init__(self, blockers: list[DeletionBlocker]) -> None:
        super().__init__("cannot_delete", _("This customer cannot be deleted yet."))
        self.blockers = blockers
