"""What is really done at the sandbox while loading: a change that meets a decline, and a sale that is refunded."""

from uuid import UUID

from backoffice.demo import gateway
from backoffice.demo.cards import DECLINING_CARD
from backoffice.demo.ids import gateway_id
from backoffice.demo.tour import EMAIL as TOUR_EMAIL
from customers.models import Customer
from payments.gateway.accounts import gateway_for
from payments.models import GatewayCustomer, PaymentProfile, ProfileState
from payments.profiles import record_profile
from propagation.engine import carry_out_now
from propagation.services import replace_or_add
from subscriptions.collection import collect_now, request_collection
from subscriptions.credits import credit_invoice, refund_due
from subscriptions.invoicing import bill_purchase
from subscriptions.models import CreditDestination, Interval, Invoice, InvoiceState, PaidThrough, Price
from tenants.actors import Actor
from tenants.models import Membership, Role, Tenant
from tenants.scope import tenant_scope


def meet_a_decline(tenant_id: UUID, slug: str) -> None:
    """A customer who owes an invoice gets a card that can be saved and is declined when the invoice is collected."""
    with tenant_scope(tenant_id):
        customer = _who_owes()
        record = GatewayCustomer.objects.get(customer=customer)
        holder = customer.name
    card = {
        "id": gateway_id("pm", slug, "declining"),
        "number": DECLINING_CARD,
        "exp_month": 11,
        "exp_year": 2031,
        "billing_details": {"name": holder},
    }
    gateway.control(
        "POST", "seed", {"account": slug, "customers": [{"id": record.gateway_id, "payment_methods": [card]}]}
    )
    method = gateway_for(tenant_id).read_method(str(card["id"]))
    with tenant_scope(tenant_id):
        actor = _agent()
        old = PaymentProfile.objects.get(customer=customer, is_default=True)
        new, _same = record_profile(customer=customer, method=method, actor=actor)
        change = replace_or_add(
            customer=customer, new_profile=new, old_profile=old, actor=actor, source="backoffice", reason="By telephone"
        )
    carry_out_now(tenant_id, change.pk, seconds=10.0)


def _agent() -> Actor:
    agent = Membership.objects.select_related("user").get(role=Role.AGENT).user
    return Actor.staff(agent.pk, agent.full_name)


def sell_and_refund(tenant_id: UUID) -> None:
    """Sell something that is charged at the sandbox, so that there is a payment of which a part can go back."""
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
        price = Price.objects.filter(interval=Interval.ONE_TIME, currency=tenant.currency).order_by("amount_minor")[0]
        sold = bill_purchase(actor=_agent(), customer=_who_pays(), price=price)
        request_collection(actor=_agent(), invoice=sold, through=PaidThrough.STAFF)
    collect_now(tenant_id, sold.pk)
    with tenant_scope(tenant_id):
        invoice = Invoice.objects.get(pk=sold.pk)
        half = invoice.total_minor // 2
        reason = "One of the two had been bought elsewhere"
        credit_invoice(
            actor=_agent(), invoice=invoice, amount_minor=half, destination=CreditDestination.REFUND, reason=reason
        )
    refund_due(tenant_id)


def _who_pays() -> Customer:
    """Someone whose default is a good visa, who owes nothing, and gets no mail about it."""
    good = PaymentProfile.objects.filter(is_default=True, state=ProfileState.ACTIVE, brand="visa", customer__email="")
    owing = Invoice.objects.filter(state=InvoiceState.OPEN).values("customer")
    chosen = good.exclude(customer__in=owing).select_related("customer").order_by("customer__number")
    return next(profile.customer for profile in chosen if not profile.is_expired)


def _who_owes() -> Customer:
    owing = Invoice.objects.filter(state=InvoiceState.OPEN, attempts__gt=0, payment_profile__state=ProfileState.ACTIVE)
    fit = owing.filter(payment_profile__is_default=True).exclude(customer__email=TOUR_EMAIL)
    return fit.select_related("customer").order_by("number").first().customer  # type: ignore[union-attr]
