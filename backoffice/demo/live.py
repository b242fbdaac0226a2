"""One change that is really carried out at the sandbox while loading, and meets a decline that staff must see to."""

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
from subscriptions.models import Invoice, InvoiceState
from tenants.actors import Actor
from tenants.models import Membership, Role
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
        agent = Membership.objects.select_related("user").get(role=Role.AGENT).user
        actor = Actor.staff(agent.pk, agent.full_name)
        old = PaymentProfile.objects.get(customer=customer, is_default=True)
        new, _same = record_profile(customer=customer, method=method, actor=actor)
        change = replace_or_add(
            customer=customer, new_profile=new, old_profile=old, actor=actor, source="backoffice", reason="By telephone"
        )
    carry_out_now(tenant_id, change.pk, seconds=10.0)


def _who_owes() -> Customer:
    owing = Invoice.objects.filter(state=InvoiceState.OPEN, attempts__gt=0, payment_profile__state=ProfileState.ACTIVE)
    fit = owing.filter(payment_profile__is_default=True).exclude(customer__email=TOUR_EMAIL)
    return fit.select_related("customer").order_by("number").first().customer  # type: ignore[union-attr]
