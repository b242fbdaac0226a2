"""A payment method entered at the gateway's own fields, whichever of our pages shows them.

What the form's script calls; templates/ui/payment_form.html says in which order and what it expects. Each answers JSON.
Gateway calls are made outside any transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from customers.models import Customer
from invitations.forms import BillingForm, for_browser
from payments.card_setups import note_failure, read_consent, save_billing_details, start_card_setup
from payments.gateway.errors import GatewayError, explain, explain_to_customer
from payments.models import CardSetup
from propagation.card_setups import Completed, complete_card_setup, verifying_answer
from propagation.impact import Impact
from tenants.actors import Actor
from tenants.errors import DomainError
from tenants.middleware import client_ip
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.templatetags.ui import money_text

log = structlog.get_logger(__name__)

#: The parts of the form's addresses, as `urls` of `form_context` names them.
ENDPOINTS = ("setup", "details", "failed", "complete")
STOPPED = gettext_lazy(
    "Too many cards were tried, so this was stopped for your safety. Wait an hour and try again, or ask us for help."
)
LOST = gettext_lazy("This was finished or ended in the meantime. The card you entered was not kept.")


@dataclass(frozen=True)
class CardEntry:
    """What a card entered on a page is for. `done_url` tells where to go on once the method is saved.

    `make_default` None: whoever enters it chooses, by the form's check box of that name. `email` goes with the billing
    details, by default the customer's. `stopped` is said after too many tries, `lost` where the method was not kept.
    `after` is called outside any scope once the method is saved, before the browser goes on. `by_staff`: they may leave
    the address as it is, and are told what the gateway says rather than what a customer can do about it.
    """

    tenant: Tenant
    customer: Customer
    actor: Actor
    purpose: str
    done_url: Callable[[Completed], str]
    purpose_id: UUID | None = None
    replaces_id: UUID | None = None
    make_default: bool | None = False
    email: str = ""
    stopped: str | Promise = STOPPED
    lost: str | Promise = LOST
    after: Callable[[Completed], None] | None = None
    by_staff: bool = False

    def billing_form(self, data: Mapping[str, Any] | None = None) -> BillingForm:
        """In the open scope."""
        return BillingForm(self.customer, self.tenant, data, address_is_optional=self.by_staff)

    def explain(self, code: str) -> str | Promise:
        return explain(code) if self.by_staff else explain_to_customer(code)


def form_context(entry: CardEntry, urls: dict[str, str]) -> dict[str, object]:
    """What a page with the form needs (templates/ui/payment_form.html); `urls` by ENDPOINTS. In the open scope."""
    return {
        "tenant": entry.tenant,
        "form": entry.billing_form(),
        "card_urls": urls,
        "stripe_js_url": settings.STRIPE_JS_URL,
        "locale": get_language(),
    }


def save_label(tenant: Tenant, impact: Impact) -> str:
    """The button says what pressing it costs, unless the customer is still to say what may be charged."""
    amounts = [money_text(amount, currency) for currency, amount in impact.collect_totals.items()]
    if tenant.ask_consent or not amounts:
        return _("Save payment method")
    return _("Save and pay %(amount)s") % {"amount": " + ".join(amounts)}


def start(request: HttpRequest, entry: CardEntry) -> JsonResponse:
    """Begin a card entry at the gateway; asked for by a page that is ready, never by opening it."""
    try:
        started = start_card_setup(
            entry.tenant.pk,
            customer_id=entry.customer.pk,
            purpose=entry.purpose,
            purpose_id=entry.purpose_id,
            replaces_id=entry.replaces_id,
            make_default=bool(entry.make_default),
            actor=entry.actor,
            ip=client_ip(request),
        )
    except DomainError as error:
        return refuse(429, error.message)
    except GatewayError as error:
        log.warning("card_fields_unavailable", error=error.code, gateway_request_id=error.request_id)
        words = _("The secure card fields cannot be loaded just now. Please try again in a few minutes.")
        return refuse(503, error.message if entry.by_staff else words)
    return JsonResponse(
        {
            "setup_id": str(started.setup_id),
            "setup_intent": started.gateway_id,
            "client_secret": started.client_secret,
            "publishable_key": started.publishable_key,
        }
    )


def keep_details(request: HttpRequest, entry: CardEntry) -> JsonResponse:
    """Check and keep the holder's name and address, before the bank is asked."""
    with tenant_scope(entry.tenant.pk):
        setup = _own_setup(request, entry)
        if setup is None or str(setup.pk) != request.POST.get("setup_id"):
            return _not_yours()
        form = entry.billing_form(request.POST)
        if errors := form.errors():
            return JsonResponse({"errors": errors, "message": _("Please check the marked fields.")}, status=422)
        details = form.details()
        chosen = bool(request.POST.get("make_default")) if entry.make_default is None else None
        try:
            consent = read_consent(request.POST)
            save_billing_details(setup_id=setup.pk, details=details, make_default=chosen, consent=consent)
        except DomainError as error:
            return refuse(409, error.message)
    email = entry.email or entry.customer.email
    return JsonResponse({"billing_details": for_browser(details, customer=entry.customer, email=email)})


def note_decline(request: HttpRequest, entry: CardEntry) -> JsonResponse:
    """The bank said no: the sentence to show, and whether that was one try too many."""
    code = request.POST.get("decline_code") or request.POST.get("code", "")
    with tenant_scope(entry.tenant.pk):
        setup = _own_setup(request, entry)
    if setup is None:
        return _not_yours()
    try:
        failures = note_failure(entry.tenant.pk, setup.gateway_id, code)
    except GatewayError as error:
        log.warning("card_failure_not_counted", error=error.code, gateway_request_id=error.request_id)
    else:
        if failures.stopped:
            return refuse(200, entry.stopped)
    return refuse(200, entry.explain(code), state="failed")


def complete(request: HttpRequest, entry: CardEntry) -> JsonResponse:
    """Whether the method is saved, by what the gateway itself says of the card entry."""
    with tenant_scope(entry.tenant.pk):
        setup = _own_setup(request, entry)
    if setup is None:
        return _not_yours()
    try:
        completed = complete_card_setup(entry.tenant.pk, setup.gateway_id, expected_setup_id=setup.pk)
    except DomainError as error:
        return refuse(409, error.message)
    except GatewayError as error:
        log.warning("card_setup_unread", error=error.code, gateway_request_id=error.request_id)
        return refuse(
            200, _("The bank has accepted it. We are finishing; this page continues by itself."), state="pending"
        )
    return _answer(entry, completed)


def refuse(status: int, message: str | Promise, state: str = "blocked") -> JsonResponse:
    answer = {"state": state, "message": str(message), "blocked": state == "blocked"}
    return JsonResponse(answer, status=status)


def _own_setup(request: HttpRequest, entry: CardEntry) -> CardSetup | None:
    """The card entry that the script names, if it was begun for this very customer and page; in the open scope."""
    named = request.POST.get("setup_intent", "")
    if "\x00" in named:
        return None
    return _setups_of(entry).filter(gateway_id=named).first()


def _setups_of(entry: CardEntry) -> QuerySet[CardSetup]:
    return CardSetup.objects.filter(purpose=entry.purpose, purpose_id=entry.purpose_id, customer_id=entry.customer.pk)


def _not_yours() -> JsonResponse:
    """A card entry of another customer, or of another page: neither confirmed nor denied."""
    return refuse(403, _("This card entry does not belong here. Reload the page and try again."))


def _answer(entry: CardEntry, completed: Completed) -> JsonResponse:
    if completed.outcome in ("completed", "already"):
        if entry.after is not None:
            entry.after(completed)
        return JsonResponse({"state": "done", "url": entry.done_url(completed)})
    if completed.outcome == "verifying":
        return JsonResponse(verifying_answer(completed))
    if completed.outcome == "lost":
        return refuse(200, entry.lost)
    if completed.outcome == "failed" and completed.error is not None:
        return refuse(200, completed.error.message, state="failed")
    if completed.status == "processing":
        return refuse(200, _("The bank is still at it. This page continues by itself."), state="pending")
    return refuse(
        200, _("The bank’s confirmation was not finished, so nothing was saved. Please try again."), state="failed"
    )
