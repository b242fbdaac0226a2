"""The subscribe funnel: offer, billing details, payment, done; bought once however often it is finished."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from customers.models import Address, Customer
from customers.services import delete_customer
from payments.models import CardSetup, PaymentProfile
from portal.models import Checkout, CheckoutState
from portal.offers.checkouts import finish_checkout, start_checkout
from propagation.card_setups import complete_card_setup
from subscriptions.catalogue import set_price_active
from subscriptions.lifecycle import cancel_subscription
from subscriptions.models import Invoice, InvoiceState, PaidThrough, Price, Subscription, SubscriptionState
from subscriptions.services import create_price, create_subscription
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, TaxRateFactory
from tests.invitations.story import confirm
from tests.portal.conftest import client_of, portal_url
from tests.portal.shop import ACTOR, ADDRESS, charges, enter_by_hand, price, visa, world
from tests.propagation.conftest import DECLINED_LATER, World
from tests.races import all_at_once, meanwhile, wait_for_a_lock

__all__ = ["world"]


def begin(client: Client, world: World, chosen: Price, quantity: int = 1) -> str:
    """Up to the payment step; its address."""
    answer = client.post(portal_url(world.tenant, "offer", chosen.pk), {"quantity": quantity})
    assert answer.status_code == 302, answer.content
    answer = client.post(answer["Location"], ADDRESS)
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])


def pay_with(client: Client, where: str, profile: PaymentProfile, quantity: int = 1) -> Any:
    return client.post(where, {"method": str(profile.pk), "quantity": quantity}, follow=True)


def test_only_public_prices_are_offered(world: World, signed_in: Client) -> None:
    price(world)
    hidden = price(world, "Back room", is_public=False)
    page = signed_in.get(portal_url(world.tenant, "offers")).content.decode()
    assert "Field Notes" in page
    assert "Back room" not in page
    assert signed_in.get(portal_url(world.tenant, "offer", hidden.pk)).status_code == 404


def test_no_offers_at_all(tenant: Tenant, signed_in: Client) -> None:
    assert "No offers at the moment" in signed_in.get(portal_url(tenant, "offers")).content.decode()


def test_a_tenant_without_offers_has_no_such_page(tenant: Tenant, signed_in: Client) -> None:
    with tenant_scope(tenant.pk):
        Tenant.objects.filter(pk=tenant.pk).update(portal_shows_offers=False)
    assert signed_in.get(portal_url(tenant, "offers")).status_code == 404


@pytest.mark.parametrize("quantity", ["0", "-1", "1000", "x", "", "99999999999999999999"])
def test_a_wrong_quantity_is_refused_at_the_field(world: World, signed_in: Client, quantity: str) -> None:
    answer = signed_in.post(portal_url(world.tenant, "offer", price(world).pk), {"quantity": quantity})
    assert answer.status_code == 422
    assert 'id="id_quantity_error"' in answer.content.decode()
    if quantity:
        assert "Enter a whole number from 1 to 999." in answer.content.decode()


def test_a_wrong_address_is_refused_at_the_field(world: World, signed_in: Client) -> None:
    answer = signed_in.post(portal_url(world.tenant, "offer", price(world).pk), {"quantity": 1})
    answer = signed_in.post(answer["Location"], ADDRESS | {"billing-postal_code": "10118", "billing-city": "Laval"})
    assert answer.status_code == 422
    assert "Laval" in answer.content.decode()


def test_subscribes_with_a_saved_card_and_pays_at_once(world: World, bob: Customer, signed_in: Client) -> None:
    card = visa(world, bob)
    with world.scope():
        TaxRateFactory(code="hst", name_en="HST", percent=Decimal(13), country="CA", region="ON")
    where = begin(signed_in, world, price(world), quantity=2)
    shown = signed_in.get(where).content.decode()
    assert "HST (13%)" in shown
    assert "CA$27.12" in shown
    answer = pay_with(signed_in, where, card, quantity=2)
    assert "You are subscribed" in answer.content.decode()
    with world.scope():
        subscription, invoice = Subscription.objects.get(), Invoice.objects.get()
        assert (subscription.state, subscription.quantity) == (SubscriptionState.ACTIVE, 2)
        assert subscription.payment_profile_id is None
        assert (invoice.state, invoice.total_minor) == (InvoiceState.PAID, 2712)
        assert invoice.paid_through == PaidThrough.RENEWAL
        assert not invoice.is_recovered
        assert Address.objects.get(customer=bob).city == "Toronto"
    assert [charge["amount"] for charge in charges(world)] == [2712]


def test_finishing_twice_buys_once(world: World, bob: Customer, signed_in: Client) -> None:
    card = visa(world, bob)
    chosen = price(world)
    where, other_tab = begin(signed_in, world, chosen), begin(signed_in, world, chosen)
    assert where == other_tab
    pay_with(signed_in, where, card)
    again = pay_with(signed_in, other_tab, card)
    assert "You are subscribed" in again.content.decode()
    assert "You are subscribed" in signed_in.get(where, follow=True).content.decode()
    with world.scope():
        assert Subscription.objects.count() == Invoice.objects.count() == 1
    assert len(charges(world)) == 1


def test_two_finishes_at_the_same_moment_buy_once(world: World, bob: Customer, signed_in: Client) -> None:
    card = visa(world, bob)
    where = begin(signed_in, world, price(world))
    clients = [client_of(world.tenant, bob) for _turn in range(3)]

    def finish(client: Client) -> int:
        from django.db import connections

        try:
            return int(client.post(where, {"method": str(card.pk), "quantity": 1}).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(finish, clients)) == {302}
    with world.scope():
        assert Subscription.objects.count() == Invoice.objects.count() == 1
    assert len(charges(world)) == 1


def test_a_trial_is_free_until_it_ends(world: World, bob: Customer, signed_in: Client) -> None:
    card = visa(world, bob)
    where = begin(signed_in, world, price(world, trial_days=14))
    shown = signed_in.get(where).content.decode()
    assert "Free until" in shown
    assert "Start for free" in shown
    done = pay_with(signed_in, where, card).content.decode()
    assert "You are subscribed" in done
    assert "Free until" in done
    with world.scope():
        assert Subscription.objects.get().state == SubscriptionState.TRIALING
        assert not Invoice.objects.exists()
    assert charges(world) == []


def two_prices(world: World) -> tuple[Price, Price]:
    """Of one product, each with a trial."""
    monthly = price(world, trial_days=14)
    with world.scope():
        values = {"currency": "CAD", "interval": "year", "is_public": True, "trial_days": 30}
        yearly = create_price(actor=ACTOR, product=monthly.product, amount_minor=12000, **values)
    return monthly, yearly


def try_and_cancel(world: World, bob: Customer, chosen: Price) -> None:
    with world.scope():
        tried = create_subscription(actor=ACTOR, customer=bob, price=chosen)
        cancel_subscription(actor=ACTOR, subscription=tried, at_period_end=False)


TRIED = "You have had a free trial of this before: it starts today, and is paid today."


def test_a_product_is_tried_once_whichever_price_it_was(world: World, bob: Customer, signed_in: Client) -> None:
    card, (monthly, yearly) = visa(world, bob), two_prices(world)
    other = price(world, "Atlas", trial_days=7)
    try_and_cancel(world, bob, monthly)
    offers = signed_in.get(portal_url(world.tenant, "offers")).content.decode()
    assert offers.count("days free") == 1, "of the other product"
    assert TRIED in signed_in.get(portal_url(world.tenant, "offer", yearly.pk)).content.decode()
    assert TRIED not in signed_in.get(portal_url(world.tenant, "offer", other.pk)).content.decode()
    where = begin(signed_in, world, yearly)
    shown = signed_in.get(where).content.decode()
    assert TRIED in shown
    assert "Pay CA$120.00" in shown
    assert "You are subscribed" in pay_with(signed_in, where, card).content.decode()
    with world.scope():
        assert Subscription.objects.get(price=yearly).state == SubscriptionState.ACTIVE
    assert [charge["amount"] for charge in charges(world)] == [12000]


def test_nobody_pays_for_what_was_shown_to_be_free(world: World, bob: Customer, signed_in: Client) -> None:
    """Another tab has used up the trial since."""
    card, (monthly, yearly) = visa(world, bob), two_prices(world)
    where = begin(signed_in, world, yearly)
    assert 'name="free" value="1"' in signed_in.get(where).content.decode()
    try_and_cancel(world, bob, monthly)
    answer = signed_in.post(where, {"method": str(card.pk), "quantity": 1, "free": "1"})
    assert answer.status_code == 409
    assert TRIED in answer.content.decode()
    assert 'name="free"' not in answer.content.decode()
    with world.scope():
        assert not Subscription.objects.filter(price=yearly).exists()


@pytest.mark.parametrize("told", ["before the bank", "after the bank's yes"])
def test_nobody_pays_by_a_new_card_for_what_was_shown_to_be_free(
    world: World, bob: Customer, signed_in: Client, told: str
) -> None:
    monthly, yearly = two_prices(world)
    start = begin(signed_in, world, yearly).removesuffix("payment/")
    setup = signed_in.post(f"{start}setup/").json()
    about = {"setup_id": setup["setup_id"], "setup_intent": setup["setup_intent"], "quantity": "1", "free": "1"}
    if told == "before the bank":
        try_and_cancel(world, bob, monthly)
        assert signed_in.post(f"{start}details/", ADDRESS | about).status_code == 409
        return
    assert signed_in.post(f"{start}details/", ADDRESS | about).status_code == 200
    confirm(world, setup, "pm_card_mastercard")
    try_and_cancel(world, bob, monthly)
    answer = signed_in.post(f"{start}complete/", {"setup_intent": setup["setup_intent"]}).json()
    assert "Nothing was bought" in signed_in.get(answer["url"]).content.decode()
    with world.scope():
        assert not Subscription.objects.filter(price=yearly).exists()


def test_of_two_orders_at_the_same_moment_one_is_free(world: World, bob: Customer, signed_in: Client) -> None:
    card = visa(world, bob)
    orders = [begin(signed_in, world, chosen) for chosen in two_prices(world)]
    clients = [client_of(world.tenant, bob) for _order in orders]
    body = {"method": str(card.pk), "quantity": 1, "free": "1"}
    works = [partial(client.post, where, body) for client, where in zip(clients, orders, strict=True)]
    answers = all_at_once(*works)
    assert sorted(answer.status_code for answer in answers) == [302, 409]
    with world.scope():
        assert Subscription.objects.get().state == SubscriptionState.TRIALING


def test_buys_once_what_is_sold_once(world: World, bob: Customer, signed_in: Client) -> None:
    card = visa(world, bob)
    where = begin(signed_in, world, price(world, "Atlas", interval="one_time", amount_minor=4900))
    assert "Thank you for your purchase" in pay_with(signed_in, where, card).content.decode()
    with world.scope():
        assert not Subscription.objects.exists()
        assert Invoice.objects.get().state == InvoiceState.PAID
    assert "Atlas" in signed_in.get(portal_url(world.tenant, "purchases")).content.decode()


def test_what_is_free_needs_no_method(world: World, signed_in: Client) -> None:
    where = begin(signed_in, world, price(world, amount_minor=0))
    answer = signed_in.post(where, {"quantity": 1}, follow=True)
    assert "You are subscribed" in answer.content.decode()
    with world.scope():
        assert Invoice.objects.get().state == InvoiceState.PAID


def test_a_declined_first_payment_is_told_as_it_is(world: World, bob: Customer, signed_in: Client) -> None:
    card = world.card(bob, "pm_bad", number=DECLINED_LATER, default=True)
    done = pay_with(signed_in, begin(signed_in, world, price(world)), card).content.decode()
    assert "The payment did not go through" in done
    assert "You are subscribed" not in done
    with world.scope():
        invoice = Invoice.objects.get()
        assert invoice.charges.count() == 1
    assert invoice.state == InvoiceState.OPEN
    assert portal_url(world.tenant, "invoice_pay", invoice.pk) in done


def test_a_changed_order_is_asked_about_again(world: World, bob: Customer, signed_in: Client) -> None:
    card = visa(world, bob)
    chosen = price(world)
    where = begin(signed_in, world, chosen)
    begin(signed_in, world, chosen, quantity=5)
    answer = pay_with(signed_in, where, card, quantity=1)
    assert answer.status_code == 409
    assert "CA$60.00" in answer.content.decode()
    with world.scope():
        assert not Subscription.objects.exists()


def test_a_method_must_be_the_customers_own(world: World, signed_in: Client) -> None:
    with world.scope():
        carol = CustomerFactory()
    world.sandbox.seed(account=world.account, customers=[{"id": "cus_carol"}])
    with world.scope():
        carol.gateway_customers.create(gateway_id="cus_carol")
    hers = world.card(carol, "pm_carol")
    answer = pay_with(signed_in, begin(signed_in, world, price(world)), hers)
    assert answer.status_code == 409
    assert "Choose how you want to pay." in answer.content.decode()


def test_an_offer_that_ended_meanwhile_is_not_sold(world: World, bob: Customer, signed_in: Client) -> None:
    card, chosen = visa(world, bob), price(world)
    where = begin(signed_in, world, chosen)
    with world.scope():
        set_price_active(actor=ACTOR, price=chosen, is_active=False)
    answer = pay_with(signed_in, where, card)
    assert answer.status_code == 409
    assert "This offer has ended." in answer.content.decode()


def test_what_was_begun_is_not_sold_once_the_portal_offers_nothing(
    world: World, bob: Customer, signed_in: Client
) -> None:
    card = visa(world, bob)
    where = begin(signed_in, world, price(world))
    with world.scope():
        assert Tenant.objects.filter(pk=world.tenant.pk).update(portal_shows_offers=False)
    assert pay_with(signed_in, where, card).status_code == 409
    with world.scope():
        assert not Subscription.objects.exists()


def test_another_customers_checkout_is_not_there(world: World, signed_in: Client) -> None:
    where = begin(signed_in, world, price(world))
    with world.scope():
        carol = CustomerFactory()
    stranger = client_of(world.tenant, carol)
    assert stranger.get(where).status_code == 404
    assert stranger.post(where, {"quantity": 1}).status_code == 404
    assert stranger.post(where.replace("payment/", "setup/")).status_code == 404


def test_a_new_card_is_saved_charged_and_bought_with(world: World, signed_in: Client) -> None:
    where = begin(signed_in, world, price(world))
    start = where.removesuffix("payment/")
    answer = enter_by_hand(signed_in, world, start, "pm_card_mastercard", quantity="1")
    assert answer.json()["state"] == "done"
    assert "You are subscribed" in signed_in.get(answer.json()["url"]).content.decode()
    world.work()
    with world.scope():
        assert PaymentProfile.objects.get().is_default
        assert Subscription.objects.get().payment_profile is None
        assert Invoice.objects.get().state == InvoiceState.PAID
    assert len(charges(world)) == 1


def test_a_second_card_pays_only_for_what_was_bought_with_it(world: World, bob: Customer, signed_in: Client) -> None:
    old = visa(world, bob)
    start = begin(signed_in, world, price(world)).removesuffix("payment/")
    enter_by_hand(signed_in, world, start, "pm_card_mastercard", quantity="1")
    with world.scope():
        pinned = Subscription.objects.get().payment_profile
        assert pinned is not None
        assert pinned.pk != old.pk
        assert PaymentProfile.objects.get(is_default=True).pk == old.pk


def test_buys_when_the_browser_closed_after_the_banks_yes(world: World, signed_in: Client) -> None:
    start = begin(signed_in, world, price(world)).removesuffix("payment/")
    setup = signed_in.post(f"{start}setup/").json()
    told = {"setup_id": setup["setup_id"], "setup_intent": setup["setup_intent"], "quantity": "1"}
    signed_in.post(f"{start}details/", ADDRESS | told)
    confirm(world, setup, "pm_card_mastercard")
    complete_card_setup(world.tenant.pk, setup["setup_intent"])
    complete_card_setup(world.tenant.pk, setup["setup_intent"])
    with world.scope():
        assert Checkout.objects.get().state == CheckoutState.DONE
        assert Subscription.objects.count() == Invoice.objects.count() == 1


def test_a_card_for_an_order_that_is_finished_is_not_kept(world: World, bob: Customer, signed_in: Client) -> None:
    card = visa(world, bob)
    where = begin(signed_in, world, price(world))
    start = where.removesuffix("payment/")
    setup = signed_in.post(f"{start}setup/").json()
    told = {"setup_id": setup["setup_id"], "setup_intent": setup["setup_intent"], "quantity": "1"}
    assert signed_in.post(f"{start}details/", ADDRESS | told).status_code == 200
    pay_with(signed_in, where, card)
    confirm(world, setup, "pm_card_mastercard")
    answer = signed_in.post(f"{start}complete/", {"setup_intent": setup["setup_intent"]}).json()
    assert answer["state"] == "blocked"
    with world.scope():
        assert Subscription.objects.count() == 1
        assert CardSetup.objects.get().state == "discarded"


def test_a_card_for_an_offer_that_ended_is_kept_and_nothing_bought(world: World, signed_in: Client) -> None:
    chosen = price(world)
    start = begin(signed_in, world, chosen).removesuffix("payment/")
    setup = signed_in.post(f"{start}setup/").json()
    told = {"setup_id": setup["setup_id"], "setup_intent": setup["setup_intent"], "quantity": "1"}
    signed_in.post(f"{start}details/", ADDRESS | told)
    with world.scope():
        set_price_active(actor=ACTOR, price=chosen, is_active=False)
    confirm(world, setup, "pm_card_mastercard")
    answer = signed_in.post(f"{start}complete/", {"setup_intent": setup["setup_intent"]}).json()
    assert "Nothing was bought" in signed_in.get(answer["url"]).content.decode()
    with world.scope():
        assert not Subscription.objects.exists()
        assert PaymentProfile.objects.count() == 1


@pytest.mark.parametrize("step", ["offer", "payment"])
def test_a_customer_who_is_deleted_while_they_buy_is_signed_out(
    world: World, bob: Customer, signed_in: Client, step: str
) -> None:
    chosen = price(world, amount_minor=0)
    where = portal_url(world.tenant, "offer", chosen.pk) if step == "offer" else begin(signed_in, world, chosen)
    world.work()
    with world.scope():
        delete_customer(actor=ACTOR, customer=bob)
        answer = meanwhile(lambda: signed_in.post(where, {"quantity": 1}))
        wait_for_a_lock("the purchase to come upon the deletion")
    assert answer.result(60)["Location"] == portal_url(world.tenant, "sign_in")
    with world.scope():
        assert not Subscription.objects.exists()


def test_an_order_that_is_finished_meanwhile_keeps_its_quantity(world: World, bob: Customer, signed_in: Client) -> None:
    """Another tab begins the same offer again in the instant in which it is bought."""
    chosen = price(world, amount_minor=0)
    begin(signed_in, world, chosen)

    def begin_again() -> UUID:
        with world.scope():
            return start_checkout(actor=ACTOR, customer=bob, price=chosen, quantity=5).pk

    with world.scope():
        bought = Checkout.objects.get()
        finish_checkout(actor=ACTOR, checkout=bought, profile=None, quantity=1)
        begun = meanwhile(begin_again)
        wait_for_a_lock("the other tab to come upon the purchase")
    other = begun.result(60)
    with world.scope():
        kept = dict(Checkout.objects.values_list("pk", "quantity"))
    assert kept == {bought.pk: 1, other: 5}
