"""Another method for an invoice: entered on its pay page, and charged as soon as the gateway has confirmed it."""

from django.conf import settings
from django.db.models import Q
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from invitations import card_entry
from invitations.card_entry import CardEntry
from payments.models import CardSetup
from portal.pay.access import PayRequest, pay_page
from portal.pay.views import page_args
from portal.payment_status import payment_status
from portal.purchases.queries import bill_of
from propagation.card_setups import Completed
from propagation.models import Change
from subscriptions.collection import collect_now, request_collection
from subscriptions.errors import BillingError
from subscriptions.models import Invoice, PaidThrough
from subscriptions.selectors import default_profile, usable
from tenants.actors import Actor
from tenants.scope import tenant_scope

PURPOSE = "pay_page"
#: As the purpose, for a customer who is signed in.
SIGNED_IN_PURPOSE = "pay_portal"


@csp_override(settings.PAYMENT_FORM_CSP)
@pay_page
@require_safe
def pay_card(request: PayRequest) -> HttpResponse:
    with tenant_scope(request.tenant.pk):
        if not payment_status(request.invoice).can_pay:
            return redirect("portal:pay", *page_args(request))
        entry = _entry(request)
        urls = {part: reverse(f"portal:pay_card_{part}", args=page_args(request)) for part in card_entry.ENDPOINTS}
        context = card_entry.form_context(entry, urls) | bill_of(request.invoice)
        context |= {"tenant": request.tenant, "asks_default": entry.make_default is None}
        return render(request, "portal/pay/card.html", context)


def _entry(request: PayRequest) -> CardEntry:
    """In the open scope. A first method becomes the default; of another one the payer may choose."""
    customer = request.invoice.customer
    is_first = usable(default_profile(customer)) is None

    def done_url(completed: Completed) -> str:
        return reverse("portal:pay", args=page_args(request))

    def charge(completed: Completed) -> None:
        """Here, so that the page can tell what became of it."""
        collect_now(request.tenant.pk, request.invoice.pk)

    return CardEntry(
        tenant=request.tenant,
        customer=customer,
        actor=request.actor,
        purpose=SIGNED_IN_PURPOSE if request.through == PaidThrough.PORTAL else PURPOSE,
        purpose_id=request.invoice.pk,
        done_url=done_url,
        make_default=True if is_first else None,
        after=charge,
    )


def _entry_of(request: PayRequest) -> CardEntry:
    with tenant_scope(request.tenant.pk):
        return _entry(request)


@pay_page
@require_POST
def pay_card_setup(request: PayRequest) -> JsonResponse:
    return card_entry.start(request, _entry_of(request))


@pay_page
@require_POST
def pay_card_details(request: PayRequest) -> JsonResponse:
    return card_entry.keep_details(request, _entry_of(request))


@pay_page
@require_POST
def pay_card_failed(request: PayRequest) -> JsonResponse:
    return card_entry.note_decline(request, _entry_of(request))


@pay_page
@require_POST
def pay_card_complete(request: PayRequest) -> JsonResponse:
    return card_entry.complete(request, _entry_of(request))


def claim_invoice(setup: CardSetup, actor: Actor) -> bool:
    """A method is worth keeping whatever became of the invoice meanwhile."""
    return True


def charge_invoice(setup: CardSetup, change: Change) -> None:
    """Have the invoice charged to the new method, in the transaction that records it."""
    invoice = Invoice.objects.filter(Q(pk=setup.purpose_id), customer_id=setup.customer_id).first()
    if invoice is None or not payment_status(invoice).can_pay:
        return
    through = PaidThrough.PORTAL if setup.purpose == SIGNED_IN_PURPOSE else PaidThrough.PAY_PAGE
    actor = Actor.from_json(setup.actor)
    try:
        request_collection(actor=actor, invoice=invoice, through=through, profile=setup.profile)
    except BillingError:
        # Charged or voided at this very moment; the method is saved all the same.
        return
