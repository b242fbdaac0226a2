"""What staff do to several customers at once: first shown for each, then done; what cannot be done is said for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from backoffice.invitations.forms import can_send_texts, starting_values
from customers.deletion import deletion_blockers
from customers.models import Customer
from customers.services import delete_customer
from invitations.selectors import open_invitation_of
from invitations.services import check_can_invite, invitable_profiles, send_invitation
from payments.models import PaymentProfile
from tenants.access import Right, StaffRequest, needs
from tenants.errors import DomainError

#: No page of the list has more rows.
MOST = 100


@dataclass(frozen=True)
class Row:
    """One customer; `obstacle` says why nothing will be done. `profile` is the method that an invitation replaces."""

    customer: Customer
    obstacle: str | Promise = ""
    profile: PaymentProfile | None = None


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def customers_bulk(request: StaffRequest) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    action = asked.get("action", "")
    chosen = _chosen(asked)
    if not chosen or action not in ("invite", "delete"):
        messages.warning(request, _("Tick the customers first."))
        return redirect("backoffice:customers", tenant_slug=request.tenant.slug)
    rows = [_invitable(customer) if action == "invite" else _deletable(customer) for customer in chosen]
    if request.method == "POST":
        _carry_out(request, action, rows)
        return redirect("backoffice:customers", tenant_slug=request.tenant.slug)
    context = {
        "action": action,
        "rows": rows,
        "possible": sum(not row.obstacle for row in rows),
        "lifetime": request.tenant.get_invitation_lifetime_display(),
    }
    return render(request, "backoffice/customers/bulk.html", context)


def _chosen(asked: QueryDict) -> list[Customer]:
    """The ticked customers in their order; 404 when one of them is not there."""
    try:
        ids = list(dict.fromkeys(UUID(value) for value in asked.getlist("customer")[:MOST]))
    except ValueError:
        raise Http404 from None
    found = Customer.objects.in_bulk(ids)
    if len(found) != len(ids):
        raise Http404
    return [found[customer_id] for customer_id in ids]


def _invitable(customer: Customer) -> Row:
    try:
        check_can_invite(customer)
    except DomainError as error:
        return Row(customer, error.message)
    if open_invitation_of(customer) is not None:
        return Row(customer, _("Has an open invitation already."))
    profiles = invitable_profiles(customer)
    if len(profiles) > 1:
        return Row(customer, _("Has several payment methods: choose one on the customer's own page."))
    return Row(customer, profile=profiles[0] if profiles else None)


def _deletable(customer: Customer) -> Row:
    return Row(customer, " ".join(str(blocker.sentence) for blocker in deletion_blockers(customer)))


def _carry_out(request: StaffRequest, action: str, rows: Iterable[Row]) -> None:
    """One after the other, each whole or not at all; who was refused meanwhile is named."""
    done = 0
    for row in rows:
        if row.obstacle:
            continue
        try:
            with transaction.atomic():
                _invite(request, row) if action == "invite" else delete_customer(
                    actor=request.actor, customer=row.customer
                )
        except DomainError as error:
            messages.error(request, f"{row.customer.short_number}: {error.message}")
        else:
            done += 1
    if action == "invite":
        text = ngettext("%(n)s invitation was sent.", "%(n)s invitations were sent.", done)
    else:
        text = ngettext("%(n)s customer was deleted.", "%(n)s customers were deleted.", done)
    messages.success(request, text % {"n": done})


def _invite(request: StaffRequest, row: Row) -> None:
    """As the form for one customer would, with nothing changed in it."""
    send_invitation(
        actor=request.actor,
        user=request.user,
        customer=row.customer,
        profile_id=row.profile.pk if row.profile else None,
        **starting_values(row.customer, request.tenant, can_text=can_send_texts()),
    )
