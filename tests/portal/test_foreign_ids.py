"""Ids that are not the customer's, in every address of the portal that carries one: as if there were no such thing."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from customers.models import Customer, PortalSession
from payments.models import SetupState
from portal import urls
from portal.pay.access import VISIT
from propagation.models import Change
from tenants.models import Tenant
from tenants.numbers import next_number
from tenants.scope import tenant_scope
from tests.factories import (
    CardSetupFactory,
    CheckoutFactory,
    CreditNoteFactory,
    CustomerFactory,
    GatewayAccountFactory,
    InvoiceFactory,
    PaymentProfileFactory,
    PriceFactory,
    SubscriptionFactory,
    TenantFactory,
)
from tests.portal.conftest import client_of, open_session
from tests.portal.test_urls import patterns

#: What an address that carries an id may answer to one that is not the customer's.
NOTHING, ONLY_POST_OR_GET, NOT_THIS_INVOICE = 404, 405, 403
WITH_IDS = sorted(
    (str(pattern.name), kind)
    for pattern in patterns(urls.urlpatterns)
    for kind in pattern.pattern.converters
    if kind.endswith("_id")
)


def everything_of(customer: Customer) -> dict[str, UUID]:
    """One of each thing that an address of the portal may name, in the open scope."""
    profile = PaymentProfileFactory(customer=customer, is_default=True)
    subscription = SubscriptionFactory(customer=customer, payment_profile=profile)
    invoice = InvoiceFactory(customer=customer, subscription=subscription)
    change = Change.objects.create(
        number=next_number("change"), customer=customer, kind="replace", source="portal", actor_kind="system"
    )
    return {
        "profile_id": profile.pk,
        "subscription_id": subscription.pk,
        "invoice_id": invoice.pk,
        "note_id": CreditNoteFactory(invoice__customer=customer).pk,
        "change_id": change.pk,
        "checkout_id": CheckoutFactory(customer=customer).pk,
        "price_id": PriceFactory(is_public=False).pk,
        "session_id": PortalSession.objects.filter(customer=customer).values_list("pk", flat=True)[0],
    }


@pytest.fixture
def theirs(tenant: Tenant, bob: Customer) -> list[dict[str, UUID]]:
    """What is Carol's at the same tenant, what is Dave's at another, and what is nobody's."""
    globex = TenantFactory(slug="globex", name="Globex")
    found = []
    for owner in (tenant, globex):
        with tenant_scope(owner.pk):
            if owner == tenant:
                GatewayAccountFactory()
                SubscriptionFactory(customer=bob)
            other = CustomerFactory(first_name="Carol", email="carol@example.com")
        open_session(owner, other)
        with tenant_scope(owner.pk):
            found.append(everything_of(other))
    return [*found, dict.fromkeys(found[0], uuid4())]


def test_what_is_somebody_elses_is_not_there(signed_in: Client, theirs: list[dict[str, UUID]], tenant: Tenant) -> None:
    for name, kind in WITH_IDS:
        for ids in theirs:
            url = reverse(f"portal:{name}", args=["acme", ids[kind]])
            answers = {signed_in.get(url).status_code, signed_in.post(url, {"reason": "other"}).status_code}
            refused = NOT_THIS_INVOICE if name.startswith("pay") else NOTHING
            assert answers <= {refused, ONLY_POST_OR_GET}, url
            assert refused in answers, url
    with tenant_scope(tenant.pk):
        assert PortalSession.objects.get(pk=theirs[0]["session_id"]).ended_at is None


def test_a_card_entry_of_another_customer_is_not_taken(
    signed_in: Client, tenant: Tenant, bob: Customer, theirs: list[dict[str, UUID]]
) -> None:
    """Whoever learns the gateway's id of somebody's card entry can do nothing with it on a page of their own."""
    with tenant_scope(tenant.pk):
        carol = Customer.objects.get(email="carol@example.com")
        invoice, checkout = InvoiceFactory(customer=bob), CheckoutFactory(customer=bob)
    places: dict[str, tuple[str, UUID | None]] = {
        "method": ("portal", None),
        "checkout": ("checkout", checkout.pk),
        "pay_card": ("pay_portal", invoice.pk),
    }
    for place, (purpose, purpose_id) in places.items():
        with tenant_scope(tenant.pk):
            setup = CardSetupFactory(customer=carol, purpose=purpose, purpose_id=purpose_id, state=SetupState.OPEN)
        args: list[Any] = ["acme", *([purpose_id] if purpose_id else [])]
        told = {"setup_id": str(setup.pk), "setup_intent": setup.gateway_id, "quantity": "1"}
        for part in ("details", "failed", "complete"):
            answer = signed_in.post(reverse(f"portal:{place}_{part}", args=args), told)
            assert answer.status_code == 403, (place, part)
            assert answer.json()["blocked"]


def test_the_visit_of_one_invoice_opens_no_other(
    client: Client, tenant: Tenant, bob: Customer, theirs: list[dict[str, UUID]]
) -> None:
    with tenant_scope(tenant.pk):
        invoice = InvoiceFactory(customer=bob)
    visit = HttpResponse()
    VISIT.begin(visit, tenant, invoice.pk)
    client.cookies["pay"] = visit.cookies["pay"].value
    assert client.get(reverse("portal:pay", args=["acme", invoice.pk])).status_code == 200
    for ids in theirs:
        for name, kind in WITH_IDS:
            if name.startswith("pay"):
                url = reverse(f"portal:{name}", args=["acme", ids[kind]])
                assert {client.get(url).status_code, client.post(url).status_code} <= {403, 405}, url


def test_a_session_is_one_tenants_even_with_the_other_tenants_cookie_path(
    tenant: Tenant, bob: Customer, theirs: list[dict[str, UUID]]
) -> None:
    stolen = client_of(tenant, bob).cookies["portal_session"].value
    thief = Client()
    thief.cookies["portal_session"] = stolen
    assert thief.get("/portal/acme/").status_code == 200
    for path in ("", "settings/", "purchases/", "methods/", "offers/"):
        assert thief.get(f"/portal/globex/{path}").status_code == 302
