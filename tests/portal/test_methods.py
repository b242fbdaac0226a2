"""A customer's payment methods: the same form and the same propagation as an invitation's."""

import pytest
from django.test import Client

from customers.models import Customer
from payments.models import PaymentProfile, ProfileState
from propagation.models import Change, ChangeState
from subscriptions.models import Invoice, InvoiceState, PaidThrough, Subscription, SubscriptionState
from tenants.models import Tenant
from tests.factories import CustomerFactory
from tests.portal.conftest import client_of, portal_url
from tests.portal.shop import ADDRESS, enter_by_hand, subscribed, visa, world
from tests.propagation.conftest import World

__all__ = ["world"]


@pytest.fixture
def card(world: World, bob: Customer) -> PaymentProfile:
    """Bob's default, which pays a subscription."""
    made = visa(world, bob)
    world.subscription(bob, None)
    return made


def entry_url(world: World) -> str:
    return portal_url(world.tenant, "methods") + "entry/"


def page_of(client: Client, world: World, name: str = "methods", *args: object) -> str:
    answer = client.get(portal_url(world.tenant, name, *args), follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_lists_methods_with_what_they_pay_for(world: World, card: PaymentProfile, signed_in: Client) -> None:
    page = page_of(signed_in, world)
    for words in ("4242", "Default", "Pays for", "Magazine"):
        assert words in page


def test_the_card_fields_stay_closed_until_update_is_pressed(
    world: World, card: PaymentProfile, signed_in: Client
) -> None:
    assert "data-payment-form" not in page_of(signed_in, world)
    assert "data-payment-form" in page_of(signed_in, world, "method_update", card.pk)


@pytest.mark.parametrize("state", [SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE])
def test_running_subscriptions_show_them(world: World, bob: Customer, signed_in: Client, state: str) -> None:
    world.subscription(bob, visa(world, bob), state=state)
    assert "4242" in page_of(signed_in, world)


def test_with_only_cancelled_ones_the_page_says_why_there_are_none(
    world: World, bob: Customer, signed_in: Client
) -> None:
    card = visa(world, bob)
    world.subscription(bob, card, state=SubscriptionState.CANCELLED)
    page = page_of(signed_in, world)
    assert "All your subscriptions have ended" in page
    assert "4242" not in page
    for name in ("method_update", "method_edit", "method_default", "method_remove"):
        assert signed_in.get(portal_url(world.tenant, name, card.pk)).status_code == 302
    assert signed_in.post(f"{entry_url(world)}setup/").status_code == 404


def test_with_one_time_purchases_only_too(world: World, signed_in: Client) -> None:
    assert "What is bought once is paid when you buy it" in page_of(signed_in, world)


def test_a_tenant_can_hide_them(world: World, card: PaymentProfile, signed_in: Client) -> None:
    with world.scope():
        Tenant.objects.filter(pk=world.tenant.pk).update(portal_shows_payment=False)
    assert signed_in.get(portal_url(world.tenant, "methods")).status_code == 404
    assert signed_in.get(portal_url(world.tenant, "method_add")).status_code == 404
    assert signed_in.post(f"{entry_url(world)}setup/").status_code == 404
    assert portal_url(world.tenant, "methods") not in page_of(signed_in, world, "subscriptions")


def test_a_new_card_in_place_of_the_old_moves_everything(
    world: World, bob: Customer, card: PaymentProfile, signed_in: Client
) -> None:
    late = world.past_due(world.subscription(bob, card, state=SubscriptionState.PAST_DUE))
    shown = page_of(signed_in, world, "method_update", card.pk)
    assert "Save and pay CA$19.99" in shown
    setup = signed_in.post(f"{entry_url(world)}setup/?replaces={card.pk}")
    assert setup.status_code == 200
    answer = replace(signed_in, world, card)
    with world.scope():
        change = Change.objects.get()
    assert answer["url"] == portal_url(world.tenant, "method_change", change.pk)
    assert "Your payment method is saved" in page_of(signed_in, world, "method_change", change.pk)
    for _turn in range(3):
        world.work(seconds=60)
    done = page_of(signed_in, world, "method_change", change.pk)
    assert "Everything has moved to it." in done
    with world.scope():
        assert Change.objects.get().state == ChangeState.DONE
        assert PaymentProfile.objects.get(is_default=True).brand == "mastercard"
        paid = Invoice.objects.get(pk=late.pk)
        assert (paid.state, paid.paid_through, paid.is_recovered) == (InvoiceState.PAID, PaidThrough.PORTAL, True)


def replace(client: Client, world: World, card: PaymentProfile, **more: str) -> dict[str, str]:
    """As the form's script: every address carries what is replaced."""
    from tests.invitations.story import confirm

    setup = client.post(f"{entry_url(world)}setup/?replaces={card.pk}").json()
    told = {"setup_id": setup["setup_id"], "setup_intent": setup["setup_intent"]}
    assert client.post(f"{entry_url(world)}details/?replaces={card.pk}", ADDRESS | told | more).status_code == 200
    confirm(world, setup, "pm_card_mastercard")
    answer = client.post(f"{entry_url(world)}complete/?replaces={card.pk}", {"setup_intent": setup["setup_intent"]})
    return dict(answer.json())


@pytest.mark.parametrize("choice", ["", "yes"])
def test_another_card_becomes_the_default_only_when_asked(
    world: World, card: PaymentProfile, signed_in: Client, choice: str
) -> None:
    answer = enter_by_hand(signed_in, world, entry_url(world), "pm_card_mastercard", make_default=choice)
    assert answer.json()["state"] == "done"
    world.work()
    with world.scope():
        assert PaymentProfile.objects.get(brand="mastercard").is_default == bool(choice)


def test_a_declined_card_is_not_saved(world: World, card: PaymentProfile, signed_in: Client) -> None:
    answer = enter_by_hand(signed_in, world, entry_url(world), "pm_card_visa_chargeDeclined")
    assert answer.json()["state"] == "failed"
    with world.scope():
        assert PaymentProfile.objects.count() == 1


def test_wrong_details_are_told_at_the_field(world: World, card: PaymentProfile, signed_in: Client) -> None:
    setup = signed_in.post(f"{entry_url(world)}setup/").json()
    told = {"setup_id": setup["setup_id"], "setup_intent": setup["setup_intent"]}
    answer = signed_in.post(f"{entry_url(world)}details/", ADDRESS | told | {"billing-postal_code": "10118"})
    assert answer.status_code == 422
    assert "billing-postal_code" in answer.json()["errors"]


def test_makes_another_the_default(world: World, bob: Customer, card: PaymentProfile, signed_in: Client) -> None:
    other = world.card(bob, "pm_other", number="5555555555554444")
    where = portal_url(world.tenant, "method_default", other.pk)
    assert "Magazine" in signed_in.get(where).content.decode()
    signed_in.post(where)
    with world.scope():
        assert PaymentProfile.objects.get(is_default=True).pk == other.pk


def test_makes_a_backup_and_ends_it(world: World, bob: Customer, card: PaymentProfile, signed_in: Client) -> None:
    other = world.card(bob, "pm_other", number="5555555555554444")
    where = portal_url(world.tenant, "method_backup", other.pk)
    assert "is your backup now" in signed_in.post(where, {"is_backup": "yes"}, follow=True).content.decode()
    with world.scope():
        assert PaymentProfile.objects.get(is_backup=True).pk == other.pk
    signed_in.post(where, {"is_backup": "no"})
    with world.scope():
        assert not PaymentProfile.objects.filter(is_backup=True).exists()
    refused = signed_in.post(portal_url(world.tenant, "method_backup", card.pk), {"is_backup": "yes"}, follow=True)
    assert "cannot be its own backup" in refused.content.decode()


def test_refuses_to_remove_what_still_pays_and_says_for_what(
    world: World, card: PaymentProfile, signed_in: Client
) -> None:
    where = portal_url(world.tenant, "method_remove", card.pk)
    with world.scope():
        subscription = Subscription.objects.get()
    assert subscription.short_number in signed_in.get(where).content.decode()
    answer = signed_in.post(where)
    assert answer.status_code == 409
    with world.scope():
        assert PaymentProfile.objects.get().state == ProfileState.ACTIVE


def test_removes_what_pays_for_nothing(world: World, bob: Customer, card: PaymentProfile, signed_in: Client) -> None:
    other = world.card(bob, "pm_other")
    answer = signed_in.post(portal_url(world.tenant, "method_remove", other.pk), follow=True)
    assert "was removed" in answer.content.decode()
    assert world.at_gateway("payment_method", "pm_other")["customer"] is None


def test_edits_holder_and_expiry_at_the_gateway(world: World, card: PaymentProfile, signed_in: Client) -> None:
    where = portal_url(world.tenant, "method_edit", card.pk)
    values = {f"card-{name.removeprefix('billing-')}": value for name, value in ADDRESS.items() if "-" in name}
    values |= {"holder_name": "Robert Tremblay", "exp_month": "11", "exp_year": "2035"}
    answer = signed_in.post(where, values, follow=True)
    assert "is up to date" in answer.content.decode()
    at_gateway = world.at_gateway("payment_method", card.gateway_id)
    assert at_gateway["billing_details"]["name"] == "Robert Tremblay"
    assert (at_gateway["card"]["exp_month"], at_gateway["card"]["exp_year"]) == (11, 2035)


@pytest.mark.parametrize(
    ("name", "value"), [("holder_name", ""), ("exp_month", "13"), ("exp_year", "1999"), ("holder_name", "x" * 161)]
)
def test_wrong_edits_are_told_and_lose_nothing(
    world: World, card: PaymentProfile, signed_in: Client, name: str, value: str
) -> None:
    values = {"holder_name": "Robert", "exp_month": "11", "exp_year": "2035", "card-country": "CA", name: value}
    answer = signed_in.post(portal_url(world.tenant, "method_edit", card.pk), values)
    assert answer.status_code == 422
    assert f'id="id_{name}_error"' in answer.content.decode()


def test_another_customers_method_is_not_there(world: World, card: PaymentProfile) -> None:
    with world.scope():
        carol = CustomerFactory()
    subscribed(world, carol)
    stranger = client_of(world.tenant, carol)
    for name in ("method_update", "method_edit", "method_default", "method_remove"):
        assert stranger.get(portal_url(world.tenant, name, card.pk)).status_code == 404
    assert stranger.post(portal_url(world.tenant, "method_remove", card.pk)).status_code == 404
    assert stranger.post(portal_url(world.tenant, "method_backup", card.pk), {"is_backup": "yes"}).status_code == 404
    assert stranger.post(f"{entry_url(world)}setup/?replaces={card.pk}").status_code == 404
    assert stranger.post(f"{entry_url(world)}setup/?replaces=x").status_code == 404


def test_another_customers_card_entry_is_neither_confirmed_nor_denied(
    world: World, card: PaymentProfile, signed_in: Client
) -> None:
    setup = signed_in.post(f"{entry_url(world)}setup/").json()
    with world.scope():
        carol = CustomerFactory()
    subscribed(world, carol)
    stranger = client_of(world.tenant, carol)
    for name in ("details", "failed", "complete"):
        fields = {"setup_intent": setup["setup_intent"], "setup_id": setup["setup_id"]}
        assert stranger.post(f"{entry_url(world)}{name}/", fields).status_code == 403
        assert stranger.post(f"{entry_url(world)}{name}/", {"setup_intent": "\x00"}).status_code == 403


def test_what_another_default_moves_is_shown_before_it_is_saved(
    world: World, card: PaymentProfile, signed_in: Client
) -> None:
    where = portal_url(world.tenant, "method_impact")
    assert "Magazine" not in signed_in.get(where).content.decode()
    assert "Magazine" in signed_in.get(f"{where}?make_default=yes").content.decode()


def test_where_customers_are_asked_only_what_they_tick_moves(
    world: World, bob: Customer, card: PaymentProfile, signed_in: Client
) -> None:
    with world.scope():
        Tenant.objects.filter(pk=world.tenant.pk).update(ask_consent=True)
        kept = Subscription.objects.get()
    moved = world.subscription(bob, None)
    assert "consent_asked" in page_of(signed_in, world, "method_update", card.pk)
    replace(signed_in, world, card, consent_asked="1", subscription=str(moved.pk))
    world.work()
    with world.scope():
        brands = {s.pk: s.payment_profile for s in Subscription.objects.select_related("payment_profile")}
        assert str(brands[moved.pk]).startswith("Mastercard")
        assert not str(brands[kept.pk]).startswith("Mastercard")
        assert PaymentProfile.objects.get(pk=card.pk).state == ProfileState.ACTIVE
