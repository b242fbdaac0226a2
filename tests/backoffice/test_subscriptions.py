"""A subscription's page, what staff do to it, and how one is sold."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from payments.models import PaymentProfile
from subscriptions.balance import add_balance_entry
from subscriptions.models import Invoice, Price, Subscription
from subscriptions.services import create_subscription
from tenants.actors import Actor
from tenants.models import AuditEntry
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office
from tests.factories import CustomerFactory, PaymentProfileFactory, PriceFactory

pytestmark = pytest.mark.django_db


def started(office: Office, **more: Any) -> Subscription:
    """A subscription of ours for Bob, as the services start one."""
    with tenant_scope(office.tenant.pk):
        price = more.pop("price", None) or PriceFactory(amount_minor=10_000)
        return create_subscription(actor=Actor.system("tests"), customer=office.customer, price=price, **more)


def stored(office: Office, subscription: Subscription) -> Subscription:
    with tenant_scope(office.tenant.pk):
        return Subscription.objects.select_related("payment_profile").get(pk=subscription.pk)


def page_of(office: Office, client: Client, subscription: Subscription) -> str:
    return client.get(office.url("subscription", subscription_id=subscription.pk)).content.decode()


def do(office: Office, client: Client, action: str, subscription: Subscription, **typed: str) -> Any:
    return client.post(office.url(f"subscription_{action}", subscription_id=subscription.pk), typed, follow=True)


def test_tells_what_the_next_invoice_comes_to_and_who_pays_it(office: Office, agent: Client) -> None:
    """100.00 twice, with the office's GST of 5 %, less 30.00 of credit."""
    subscription = started(office, quantity=2)
    with tenant_scope(office.tenant.pk):
        add_balance_entry(
            actor=Actor.system("tests"), customer=office.customer, currency="CAD", amount_minor=3000, reason="Sorry"
        )
    page = page_of(office, agent, subscription)
    for amount in ("CA$200.00", "CA$10.00", "-CA$30.00", "CA$180.00"):
        assert amount in page
    assert "pays next, because it is the customer&#x27;s default." in page


@pytest.mark.parametrize(
    ("pinned", "default", "backup", "words"),
    [
        (True, True, True, "because it is pinned to this subscription"),
        (False, True, True, "because it is the customer&#x27;s default"),
        (False, False, True, "because it is the customer&#x27;s backup"),
        (False, False, False, "Nothing pays: the customer has no payment method"),
    ],
)
def test_says_why_a_method_pays(
    office: Office, agent: Client, pinned: bool, default: bool, backup: bool, words: str
) -> None:
    with tenant_scope(office.tenant.pk):
        Subscription.objects.filter(pk=office.subscription.pk).update(payment_profile=None)
        PaymentProfile.objects.filter(pk=office.profile.pk).update(is_default=default, state="active")
        if not default:
            PaymentProfile.objects.filter(pk=office.profile.pk).update(state="disabled")
        if backup:
            PaymentProfileFactory(customer=office.customer, is_backup=True)
        profile = PaymentProfileFactory(customer=office.customer) if pinned else None
    assert words in page_of(office, agent, started(office, payment_profile=profile))


def test_a_method_is_pinned_and_let_go(office: Office, agent: Client) -> None:
    subscription = started(office)
    with tenant_scope(office.tenant.pk):
        other = PaymentProfileFactory(customer=office.customer, last4="1881")
    do(office, agent, "payer", subscription, payer=str(other.pk))
    assert stored(office, subscription).payment_profile == other
    do(office, agent, "payer", subscription, payer="")
    assert stored(office, subscription).payment_profile is None


def test_another_customers_method_cannot_be_pinned(office: Office, agent: Client) -> None:
    subscription = started(office)
    with tenant_scope(office.tenant.pk):
        foreign = PaymentProfileFactory(customer=CustomerFactory())
    assert do(office, agent, "payer", subscription, payer=str(foreign.pk)).status_code == 422
    assert stored(office, subscription).payment_profile is None


def test_pauses_until_a_day_and_resumes(office: Office, agent: Client) -> None:
    subscription = started(office)
    day = timezone.localdate() + timedelta(days=20)
    assert "is paused" in do(office, agent, "pause", subscription, resumes_on=str(day)).content.decode()
    paused = stored(office, subscription)
    assert (paused.state, timezone.localdate(paused.resumes_at)) == ("paused", day)
    assert "Resume" in page_of(office, agent, subscription)
    do(office, agent, "resume", subscription)
    assert stored(office, subscription).state == "active"
    again = do(office, agent, "resume", subscription)
    assert "This subscription is not paused." in again.content.decode()


@pytest.mark.parametrize(
    ("typed", "words"), [("today", "a day after today"), ("x", "valid date"), ("far", "two years")]
)
def test_a_pause_needs_a_day_to_come(office: Office, agent: Client, typed: str, words: str) -> None:
    days = {"today": str(timezone.localdate()), "far": str(timezone.localdate() + timedelta(days=800))}
    subscription = started(office)
    response = do(office, agent, "pause", subscription, resumes_on=days.get(typed, typed))
    assert response.status_code == 422
    assert words in response.content.decode()
    assert stored(office, subscription).state == "active"


def test_is_cancelled_with_its_period_and_kept_after_all(office: Office, agent: Client) -> None:
    subscription = started(office)
    do(office, agent, "cancel", subscription, when="period_end", reason="not_used", comment="Too\nbusy")
    ending = stored(office, subscription)
    assert (ending.cancel_at_period_end, ending.cancel_reason, ending.cancel_comment) == (True, "not_used", "Too busy")
    page = page_of(office, agent, subscription)
    assert "Keep it after all" in page
    assert "I do not use it enough" in page
    do(office, agent, "undo", subscription)
    assert not stored(office, subscription).cancel_at_period_end


def test_is_cancelled_at_once(office: Office, agent: Client) -> None:
    subscription = started(office)
    do(office, agent, "cancel", subscription, when="now")
    assert stored(office, subscription).state == "cancelled"
    page = page_of(office, agent, subscription)
    assert "subscription_pause" not in page
    assert "Pays next" not in page
    again = do(office, agent, "cancel", subscription, when="now")
    assert again.status_code == 422
    assert "cancelled already" in again.content.decode()


@pytest.mark.parametrize("typed", [{"when": "later"}, {"when": "now", "reason": "unpaid"}, {}])
def test_a_cancellation_that_makes_no_sense_is_refused(office: Office, agent: Client, typed: dict[str, str]) -> None:
    subscription = started(office)
    assert do(office, agent, "cancel", subscription, **typed).status_code == 422
    assert stored(office, subscription).state == "active"


def test_the_quantity_counts_from_the_next_period(office: Office, agent: Client) -> None:
    subscription = started(office)
    url = office.url("subscription_quantity", subscription_id=subscription.pk)
    preview = agent.get(url, {"quantity": "3"}, headers={"HX-Request": "true"}).content.decode()
    assert "CA$315.00" in preview
    assert "<html" not in preview
    do(office, agent, "quantity", subscription, quantity="3")
    assert stored(office, subscription).quantity == 3
    for wrong in ("0", "-1", "1.5", "", "100001", "٣x"):
        assert do(office, agent, "quantity", subscription, quantity=wrong).status_code == 422
    assert stored(office, subscription).quantity == 3


def test_one_that_the_gateway_bills_says_so_and_offers_nothing(office: Office, agent: Client) -> None:
    subscription = started(office, billed_by="gateway", gateway_id="sub_1")
    page = page_of(office, agent, subscription)
    assert "The gateway bills this subscription" in page
    assert office.url("subscription_cancel", subscription_id=subscription.pk) not in page
    refused = do(office, agent, "pause", subscription)
    assert refused.status_code == 422
    assert "The gateway bills this subscription." in refused.content.decode()


def test_shows_why_it_could_not_be_billed(office: Office, agent: Client) -> None:
    subscription = started(office)
    with tenant_scope(office.tenant.pk):
        Subscription.objects.filter(pk=subscription.pk).update(
            billing_error="No address", billing_retry_at=timezone.now()
        )
    page = page_of(office, agent, subscription)
    assert "Its next invoice could not be made" in page
    assert "No address" in page


def test_its_timeline_tells_what_was_done(office: Office, agent: Client) -> None:
    subscription = started(office)
    do(office, agent, "pause", subscription)
    page = page_of(office, agent, subscription)
    assert "Subscription paused" in page
    assert "Subscription created" in page


def test_read_only_staff_see_no_buttons(office: Office, reader: Client) -> None:
    subscription = started(office)
    page = page_of(office, reader, subscription)
    for action in ("pause", "cancel", "payer", "quantity"):
        assert office.url(f"subscription_{action}", subscription_id=subscription.pk) not in page


def test_one_method_at_a_time_is_the_backup(office: Office, agent: Client) -> None:
    with tenant_scope(office.tenant.pk):
        first, second = (PaymentProfileFactory(customer=office.customer) for _ in range(2))

    def post(profile: PaymentProfile, value: str) -> None:
        kwargs = {"customer_id": office.customer.pk, "profile_id": profile.pk}
        agent.post(office.url("profile_backup", **kwargs), {"is_backup": value})

    def backups() -> list[PaymentProfile]:
        with tenant_scope(office.tenant.pk):
            return list(PaymentProfile.objects.filter(is_backup=True))

    post(first, "1")
    assert backups() == [first]
    post(second, "1")
    assert backups() == [second]
    page = agent.get(office.url("customer", customer_id=office.customer.pk)).content.decode()
    assert "No longer backup" in page
    post(second, "0")
    assert backups() == []
    with tenant_scope(office.tenant.pk):
        PaymentProfile.objects.filter(pk=first.pk).update(state="disabled")
    kwargs = {"customer_id": office.customer.pk, "profile_id": first.pk}
    assert agent.post(office.url("profile_backup", **kwargs), {"is_backup": "1"}).status_code == 404


# Selling


def subscribe(office: Office, client: Client, price: Price, **typed: str) -> Any:
    url = office.url("subscribe", customer_id=office.customer.pk)
    return client.post(url, {"price": str(price.pk), "quantity": "1", "starts_on": "", "payer": ""} | typed)


def make_price(office: Office, **more: Any) -> Price:
    with tenant_scope(office.tenant.pk):
        return PriceFactory(**{"amount_minor": 10_000} | more)


def newest(office: Office) -> Subscription:
    with tenant_scope(office.tenant.pk):
        return Subscription.objects.select_related("payment_profile").latest("number")


def test_starts_a_subscription_with_a_pinned_method(office: Office, agent: Client) -> None:
    response = subscribe(office, agent, make_price(office), quantity="3", payer=str(office.profile.pk))
    made = newest(office)
    assert response["Location"] == office.url("subscription", subscription_id=made.pk)
    assert (made.quantity, made.payment_profile, made.customer_id) == (3, office.profile, office.customer.pk)


def test_starts_on_a_day_to_come(office: Office, agent: Client) -> None:
    day = timezone.localdate() + timedelta(days=10)
    subscribe(office, agent, make_price(office), starts_on=str(day))
    made = newest(office)
    assert timezone.localdate(made.started_at) == day
    assert made.next_billing_at == made.started_at
    assert "Starts" in page_of(office, agent, made)


def test_what_it_will_cost_is_shown_first(office: Office, agent: Client) -> None:
    price = make_price(office, interval="week", trial_days=0)
    url = office.url("subscribe_preview", customer_id=office.customer.pk)
    start = timezone.localdate() - timedelta(days=15)
    page = agent.get(url, {"price": str(price.pk), "quantity": "2", "starts_on": str(start)}).content.decode()
    assert "CA$210.00" in page
    assert "3 invoices are issued now" in page
    assert "<html" not in page
    trial = make_price(office, trial_days=14)
    page = agent.get(url, {"price": str(trial.pk), "quantity": "1", "starts_on": ""}).content.decode()
    assert "Trial until" in page
    assert "are issued now" not in page
    assert "Choose a price" in agent.get(url).content.decode()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"quantity": "0"}, "Enter a whole number from 1 to"),
        ({"quantity": "many"}, "whole number"),
        ({"starts_on": "1999-01-01"}, "more than a year ago"),
        ({"starts_on": "2999-01-01"}, "more than a year ahead"),
        ({"starts_on": "0000-00-00"}, "valid date"),
        ({"payer": "4e4e4e4e-0000-0000-0000-000000000000"}, "Select a valid choice"),
        ({"quantity": ""}, "This field is required"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused_at_its_field(
    office: Office, agent: Client, typed: dict[str, str], words: str
) -> None:
    before = newest(office)
    response = subscribe(office, agent, make_price(office), **typed)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert newest(office) == before


@pytest.mark.parametrize("more", [{"is_active": False}, {"interval": "one_time"}, {"product__is_active": False}])
def test_only_what_is_offered_again_and_again_can_be_subscribed_to(
    office: Office, agent: Client, more: dict[str, Any]
) -> None:
    assert subscribe(office, agent, make_price(office, **more)).status_code == 422


def test_sells_something_once(office: Office, agent: Client) -> None:
    price = make_price(office, interval="one_time")
    typed = {"price": str(price.pk), "quantity": "2"}
    preview = agent.get(office.url("sell_preview", customer_id=office.customer.pk), typed).content.decode()
    assert "CA$210.00" in preview
    response = agent.post(office.url("sell", customer_id=office.customer.pk), typed)
    with tenant_scope(office.tenant.pk):
        invoice = Invoice.objects.latest("number")
        assert AuditEntry.objects.filter(action="invoice.created", target_id=invoice.pk).exists()
    assert (invoice.total_minor, invoice.subscription_id) == (21_000, None)
    assert response["Location"] == office.url("invoice", invoice_id=invoice.pk)


def test_says_what_to_do_where_nothing_can_be_sold(office: Office, agent: Client) -> None:
    with tenant_scope(office.tenant.pk):
        Price.objects.update(is_active=False)
    for name, words in (("subscribe", "Nothing to subscribe to"), ("sell", "Nothing is sold once")):
        assert words in agent.get(office.url(name, customer_id=office.customer.pk)).content.decode()
