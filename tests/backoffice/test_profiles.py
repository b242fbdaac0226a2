"""A customer's payment methods in the back office, against the running sandbox gateway."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from payments.card_setups import FORMS_PER_TRY
from payments.models import CardSetup, PaymentProfile, ProfileState
from propagation.models import Change, ChangeKind, ChangeState
from subscriptions.models import Subscription
from tenants.models import Role, Tenant
from tenants.scope import tenant_scope
from tests.factories import (
    CustomerFactory,
    GatewayCustomerFactory,
    MembershipFactory,
    PaymentProfileFactory,
    SubscriptionFactory,
    TenantFactory,
    UserFactory,
    sandbox_account,
)

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(tenant: Tenant, role: str = Role.AGENT) -> Client:
    user = UserFactory()
    with tenant_scope(tenant.pk):
        MembershipFactory(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


class Shop:
    """A tenant with an account at the gateway, and a customer with a card there."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox
        self.tenant = TenantFactory(slug="acme")
        with tenant_scope(self.tenant.pk):
            sandbox_account(sandbox, "acme")
            self.bob = CustomerFactory(first_name="Bob", last_name="Roy", email="bob@example.com")
            GatewayCustomerFactory(customer=self.bob, gateway_id="cus_bob")
            self.card = self.add_card("pm_first", is_default=True)

    def add_card(self, gateway_id: str, **values: Any) -> PaymentProfile:
        """A card of Bob's, here and at the gateway."""
        at_gateway = {"id": "cus_bob", "email": "bob@example.com", "payment_methods": [{"id": gateway_id}]}
        self.sandbox.seed(account="acme", customers=[at_gateway])
        return PaymentProfileFactory(customer=self.bob, gateway_id=gateway_id, **values)

    def url(self, action: str, card: PaymentProfile | None = None) -> str:
        method = f"{card.pk}/" if card else ""
        return f"/t/acme/customers/{self.bob.pk}/payment-methods/{method}{action}/"


@pytest.fixture
def shop(sandbox: Any) -> Shop:
    return Shop(sandbox)


@pytest.fixture
def alice(shop: Shop) -> Client:
    return sign_in(shop.tenant)


@pytest.fixture
def scope(shop: Shop) -> Iterator[None]:
    with tenant_scope(shop.tenant.pk):
        yield


EDIT = {"holder_name": "Robert Roy", "exp_month": "11", "exp_year": "2035", "card-country": "CA"}


def test_an_edit_is_called_done_only_once_the_gateway_has_it(shop: Shop, alice: Client) -> None:
    response = alice.post(shop.url("edit", shop.card), EDIT, follow=True)
    assert "The gateway has the new details of Visa •••• 4242." in response.content.decode()
    with tenant_scope(shop.tenant.pk):
        card = PaymentProfile.objects.get()
    assert (card.holder_name, card.exp_month, card.exp_year) == ("Robert Roy", 11, 2035)


def test_a_refused_edit_keeps_what_was_typed_and_tells_the_gateways_words(shop: Shop, alice: Client) -> None:
    with tenant_scope(shop.tenant.pk):
        PaymentProfile.objects.update(gateway_id="pm_unknown")
    response = alice.post(shop.url("edit", shop.card), EDIT | {"reason": "Called us"})
    html = response.content.decode()
    assert response.status_code == 422
    assert "refused this; the payment method is as it was" in html
    for kept in ("Robert Roy", "Called us"):
        assert f'value="{kept}"' in html
    assert "saved" not in html.split("<main")[1].split("</main")[0].lower()
    with tenant_scope(shop.tenant.pk):
        assert PaymentProfile.objects.get().holder_name == "Bob Roy"


def test_an_edit_that_the_gateway_has_not_answered_is_said_to_be_under_way(shop: Shop, alice: Client) -> None:
    shop.sandbox.set_faults({"path": "/v1/payment_methods/*", "kind": "server_error"})
    response = alice.post(shop.url("edit", shop.card), EDIT, follow=True)
    html = response.content.decode()
    assert "is being carried to the payment gateway" in html
    assert "The gateway has the new details" not in html


def test_a_date_in_the_past_is_refused_before_the_gateway_is_asked(shop: Shop, alice: Client) -> None:
    with tenant_scope(shop.tenant.pk):
        PaymentProfile.objects.update(exp_year=2025, exp_month=1)
    response = alice.post(shop.url("edit", shop.card), EDIT | {"exp_year": "2025", "exp_month": "3"})
    assert response.status_code == 422
    with tenant_scope(shop.tenant.pk):
        assert not Change.objects.exists()


def test_make_default_shows_what_moves_and_moves_it(shop: Shop, alice: Client) -> None:
    with tenant_scope(shop.tenant.pk):
        other = shop.add_card("pm_second", last4="4444")
        SubscriptionFactory(customer=shop.bob)
    html = alice.get(shop.url("default", other)).content.decode()
    assert "S-1001" in html
    response = alice.post(shop.url("default", other))
    with tenant_scope(shop.tenant.pk):
        change = Change.objects.get()
        other.refresh_from_db()
    assert response.url == f"/t/acme/changes/{change.pk}/"
    assert (change.kind, change.state, other.is_default) == (ChangeKind.SET_DEFAULT, ChangeState.DONE, True)
    assert alice.post(shop.url("default", other)).status_code == 409


def test_delete_is_refused_while_it_pays_and_says_for_what(shop: Shop, alice: Client) -> None:
    with tenant_scope(shop.tenant.pk):
        SubscriptionFactory(customer=shop.bob)
    assert "S-1001" in alice.get(shop.url("remove", shop.card)).content.decode()
    assert alice.post(shop.url("remove", shop.card)).status_code == 409
    with tenant_scope(shop.tenant.pk):
        assert PaymentProfile.objects.get().state == ProfileState.ACTIVE


@pytest.mark.parametrize("state", [ProfileState.ACTIVE, ProfileState.DISABLED])
def test_delete_detaches_the_card_and_says_so(shop: Shop, alice: Client, state: str) -> None:
    with tenant_scope(shop.tenant.pk):
        PaymentProfile.objects.update(state=state)
    response = alice.post(shop.url("remove", shop.card), follow=True)
    assert "was deleted." in response.content.decode()
    with tenant_scope(shop.tenant.pk):
        assert PaymentProfile.objects.get().state == ProfileState.REMOVED


def test_a_disabled_method_can_only_be_deleted(shop: Shop, alice: Client) -> None:
    with tenant_scope(shop.tenant.pk):
        PaymentProfile.objects.update(state=ProfileState.DISABLED)
    for action in ("edit", "default"):
        assert alice.get(shop.url(action, shop.card)).status_code == 404
        assert alice.post(shop.url(action, shop.card), EDIT).status_code == 404
    page = alice.get(f"/t/acme/customers/{shop.bob.pk}/").content.decode()
    assert shop.url("remove", shop.card) in page
    assert shop.url("edit", shop.card) not in page


# Card entry


def begin(shop: Shop, alice: Client, query: str = "") -> dict[str, Any]:
    response = alice.post(shop.url("setup") + query)
    assert response.status_code == 200, response.content
    return dict(response.json())


def test_the_page_previews_what_moves_and_lets_the_gateways_script_in(shop: Shop, alice: Client) -> None:
    with tenant_scope(shop.tenant.pk):
        SubscriptionFactory(customer=shop.bob)
    response = alice.get(shop.url("replace", shop.card))
    assert "S-1001" in response.content.decode()
    assert shop.sandbox.url in response.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
    other = alice.get(f"/t/acme/customers/{shop.bob.pk}/")
    assert shop.sandbox.url not in other.headers["Content-Security-Policy"]


def test_the_preview_follows_the_choice_of_default(shop: Shop, alice: Client) -> None:
    with tenant_scope(shop.tenant.pk):
        SubscriptionFactory(customer=shop.bob)
    assert "It becomes the default." not in alice.get(shop.url("impact")).content.decode()
    assert "It becomes the default." in alice.get(shop.url("impact"), {"make_default": "on"}).content.decode()


def test_details_are_checked_before_the_bank_is_asked(shop: Shop, alice: Client) -> None:
    setup = begin(shop, alice)
    typed = {**setup, "holder_name": "", "billing-country": "CA", "billing-city": "Ottawa"}
    refused = alice.post(shop.url("details"), typed)
    assert refused.status_code == 422
    assert set(refused.json()["errors"]) == {"holder_name", "billing-line1", "billing-region", "billing-postal_code"}
    typed |= {
        "holder_name": "Robert Roy",
        "billing-line1": "1 Elgin St",
        "billing-region": "ON",
        "billing-postal_code": "k1p 5k7",
        "make_default": "on",
    }
    answer = alice.post(shop.url("details"), typed).json()["billing_details"]
    assert (answer["name"], answer["address"]["state"], answer["address"]["postal_code"]) == (
        "Robert Roy",
        "ON",
        "K1P 5K7",
    )
    with tenant_scope(shop.tenant.pk):
        stored = CardSetup.objects.get()
    assert stored.make_default
    assert stored.billing_details["holder_name"] == "Robert Roy"


def test_nothing_is_done_before_the_gateway_says_so(shop: Shop, alice: Client) -> None:
    setup = begin(shop, alice)
    answer = alice.post(shop.url("complete"), {"setup_intent": setup["setup_intent"]}).json()
    assert (answer["state"], "nothing was saved" in answer["message"]) == ("failed", True)
    with tenant_scope(shop.tenant.pk):
        assert PaymentProfile.objects.count() == 1


def test_another_customers_card_entry_is_not_there(shop: Shop, alice: Client) -> None:
    with tenant_scope(shop.tenant.pk):
        eve = CustomerFactory()
    setup = begin(shop, alice)
    for action in ("details", "failed", "complete"):
        url = f"/t/acme/customers/{eve.pk}/payment-methods/{action}/"
        assert alice.post(url, {**setup, "holder_name": "Eve"}).status_code == 403


def test_the_gateway_being_down_is_said_where_the_card_fields_would_be(shop: Shop, alice: Client) -> None:
    shop.sandbox.set_faults({"path": "/v1/setup_intents", "kind": "drop_before"})
    response = alice.post(shop.url("setup"))
    assert response.status_code == 503
    assert "payment gateway" in response.json()["message"]


def test_too_many_cards_are_refused_in_words(shop: Shop, alice: Client, settings: Any) -> None:
    settings.CARD_TRIES_PER_CUSTOMER = 1
    for _n in range(FORMS_PER_TRY):
        begin(shop, alice)
    response = alice.post(shop.url("setup"))
    assert response.status_code == 429
    assert "Wait an hour" in response.json()["message"]


def test_another_tenants_profiles_are_not_there(shop: Shop, alice: Client) -> None:
    other = TenantFactory(slug="other")
    with tenant_scope(other.pk):
        theirs = PaymentProfileFactory()
    for action in ("edit", "default", "remove", "replace"):
        assert alice.get(shop.url(action, theirs)).status_code == 404
    assert alice.post(shop.url("setup") + f"?replaces={theirs.pk}").status_code == 404
    assert alice.get(shop.url("impact") + f"?replaces={theirs.pk}").status_code == 404
    assert alice.get(shop.url("impact") + "?replaces=rubbish").status_code == 404


def test_read_only_staff_may_not_touch_payment_methods(shop: Shop) -> None:
    reader = sign_in(shop.tenant, Role.READ_ONLY)
    for action in ("edit", "default", "remove"):
        assert reader.post(shop.url(action, shop.card), EDIT).status_code == 403
    for action in ("setup", "details", "failed", "complete"):
        assert reader.post(shop.url(action)).status_code == 403
    assert shop.url("remove", shop.card) not in reader.get(f"/t/acme/customers/{shop.bob.pk}/").content.decode()
    with tenant_scope(shop.tenant.pk):
        assert not Subscription.objects.exists()
