"""Which customer is told what of invoices and subscriptions, and who has switched it off."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from customers.models import Notification
from messaging.models import Message
from subscriptions import mails
from subscriptions.mails import Changed
from subscriptions.models import Invoice, Subscription
from tenants.models import DunningOutcome, Tenant
from tenants.scope import tenant_scope
from tests.factories import (
    CreditNoteFactory,
    CustomerFactory,
    InvoiceFactory,
    InvoiceLineFactory,
    PaymentProfileFactory,
    SubscriptionFactory,
    TenantFactory,
)

pytestmark = pytest.mark.django_db

DUE = datetime(2026, 12, 5, 17, tzinfo=UTC)


@pytest.fixture(autouse=True)
def two_weeks_before() -> Iterator[None]:
    """What is told of a day is another thing once it has passed."""
    with time_machine.travel(DUE - timedelta(weeks=2)):
        yield


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    tenant = TenantFactory(slug="northwind", name="Northwind", time_zone="America/Toronto", language="fr")
    with tenant_scope(tenant.pk):
        yield tenant


def an_invoice(**more: Any) -> Invoice:
    customer = more.pop("customer", None) or CustomerFactory(first_name="Bob", cc_emails=["accounts@example.com"])
    subscription = SubscriptionFactory(customer=customer)
    invoice: Invoice = InvoiceFactory(customer=customer, subscription=subscription, due_at=DUE, **more)
    InvoiceLineFactory(invoice=invoice, unit_amount_minor=1999, amount_minor=1999)
    invoice.refresh_from_db()
    return invoice


def sent() -> list[Message]:
    return list(Message.objects.order_by("created_at", "id"))


def only() -> Message:
    (message,) = sent()
    return message


def attached(message: Message) -> list[str]:
    return [item["kind"] for item in message.attachments]


@pytest.mark.usefixtures("tenant")
def test_an_invoice_that_nothing_can_pay_is_announced() -> None:
    invoice = an_invoice(next_attempt_at=timezone.now())
    mails.announce_invoices([invoice])
    message = only()
    assert (message.template, message.to, message.cc) == (
        "invoice_open",
        invoice.customer.email,
        ["accounts@example.com"],
    )
    assert "Please pay it by December 5, 2026." in message.text
    assert "/portal/northwind/pay/" in message.text
    assert "CA$19.99" in message.text
    assert (message.attachments, message.customer_id, message.about_id) == (
        [{"kind": "invoice_pdf", "id": str(invoice.pk), "language": "en"}],
        invoice.customer_id,
        invoice.pk,
    )


@pytest.mark.usefixtures("tenant")
@pytest.mark.parametrize("pinned", [False, True])
def test_an_invoice_that_is_charged_at_once_is_told_of_by_the_outcome(pinned: bool) -> None:
    invoice = an_invoice(next_attempt_at=timezone.now() - timedelta(seconds=1))
    profile = PaymentProfileFactory(customer=invoice.customer, is_default=not pinned)
    if pinned:
        Subscription.objects.filter(pk=invoice.subscription_id).update(payment_profile=profile)
    mails.announce_invoices([Invoice.objects.get(pk=invoice.pk)])
    assert sent() == []


@pytest.mark.usefixtures("tenant")
def test_an_invoice_that_is_charged_later_says_when() -> None:
    invoice = an_invoice(next_attempt_at=DUE)
    PaymentProfileFactory(customer=invoice.customer, is_default=True)
    with_backup = an_invoice(next_attempt_at=DUE)
    PaymentProfileFactory(customer=with_backup.customer, is_backup=True)
    disabled = an_invoice(next_attempt_at=DUE)
    PaymentProfileFactory(customer=disabled.customer, is_default=True, state="disabled")
    mails.announce_invoices([invoice, with_backup, disabled])
    first, second, third = sent()
    assert "We charge it to your payment method on December 5, 2026" in first.text
    assert "We charge it" in second.text
    assert "Please pay it by" in third.text


@pytest.mark.usefixtures("tenant")
@pytest.mark.parametrize(("total", "told"), [(1999, ["invoice_paid"]), (0, [])])
def test_an_invoice_that_the_balance_paid_gets_a_receipt_unless_it_was_free(total: int, told: list[str]) -> None:
    paid = {"state": "paid", "paid_through": "balance", "paid_at": timezone.now(), "balance_applied_minor": total}
    mails.announce_invoices([an_invoice(total_minor=total, **paid)])
    assert [message.template for message in sent()] == told
    for message in sent():
        assert "From your credit: CA$19.99" in message.text
        assert "CA$0.00" not in message.text


@pytest.mark.usefixtures("tenant")
def test_the_gateways_own_invoices_are_the_gateways_to_tell() -> None:
    invoice = an_invoice(gateway_id="in_1", next_attempt_at=None)
    mails.announce_invoices([invoice])
    mails.tell_paid(invoice)
    mails.tell_payment_failed(invoice, next_attempt_at=None)
    mails.ask_to_confirm(invoice)
    subscription = SubscriptionFactory(billed_by="gateway")
    mails.tell_started(subscription)
    mails.tell_changed(subscription, Changed.PAUSED)
    mails.tell_cancelled(subscription)
    assert sent() == []


@pytest.mark.usefixtures("tenant")
def test_a_receipt_has_both_documents_and_names_the_method() -> None:
    method = {"kind": "card", "brand": "visa", "last4": "4242"}
    mails.tell_paid(an_invoice(state="paid", paid_at=timezone.now(), paid_with=method))
    message = only()
    assert attached(message) == ["receipt_pdf", "invoice_pdf"]
    assert "Payment method: Visa ending in 4242" in message.text


@pytest.mark.usefixtures("tenant")
def test_customers_switch_off_what_they_need_not_know_and_no_more() -> None:
    quiet = CustomerFactory(muted_mails=list(Notification.values))
    invoice, subscription = an_invoice(customer=quiet), SubscriptionFactory(customer=quiet)
    mails.tell_paid(invoice)
    mails.tell_changed(subscription, Changed.RESUMED)
    assert sent() == []
    mails.tell_payment_failed(invoice, next_attempt_at=None)
    mails.ask_to_confirm(invoice)
    mails.tell_cancelled(subscription)
    mails.tell_credit_note(CreditNoteFactory(invoice=invoice))
    assert [message.template for message in sent()] == [
        "payment_failed",
        "payment_confirm",
        "subscription_cancelled",
        "credit_note",
    ]


@pytest.mark.usefixtures("tenant")
def test_nobody_is_written_to_without_an_address() -> None:
    invoice = an_invoice(customer=CustomerFactory(email=""))
    mails.announce_invoices([invoice])
    mails.tell_payment_failed(invoice, next_attempt_at=None)
    assert sent() == []


@pytest.mark.usefixtures("tenant")
def test_a_failed_payment_says_why_and_when_it_is_tried_again() -> None:
    profile = PaymentProfileFactory(last4="4242")
    invoice = an_invoice(last_error_code="insufficient_funds", payment_profile=profile)
    mails.tell_payment_failed(invoice, next_attempt_at=DUE)
    message = only()
    assert "We tried to charge your Visa ending in 4242 for Magazine." in message.text
    assert "The bank says that there are not enough funds." in message.text
    assert "We try again on December 5, 2026." in message.text
    assert message.cc == ["accounts@example.com"]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (DunningOutcome.CANCEL, "the subscription has ended"),
        (DunningOutcome.UNPAID, "The subscription waits until it is paid"),
        (DunningOutcome.KEEP, "We do not try again by ourselves."),
    ],
)
def test_after_the_last_try_it_says_what_becomes_of_it(tenant: Tenant, outcome: str, words: str) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(dunning_outcome=outcome)
    mails.tell_payment_failed(an_invoice(last_error_code="stolen_card"), next_attempt_at=None)
    text = only().text
    assert words in text
    assert "The bank refused the payment." in text
    assert "stolen" not in text.lower()


@pytest.mark.usefixtures("tenant")
def test_the_language_is_the_customers_or_else_the_tenants() -> None:
    mails.ask_to_confirm(an_invoice(customer=CustomerFactory(first_name="Zoé", language="")))
    message = only()
    assert message.language == "fr"
    assert "Revue" in message.text
    assert "19,99" in message.text


@pytest.mark.usefixtures("tenant")
def test_a_credit_note_says_where_the_money_goes() -> None:
    mails.tell_credit_note(CreditNoteFactory(invoice=an_invoice(), destination="balance"))
    message = only()
    assert "kept to your credit" in message.text
    assert "Reason: Billed twice" in message.text
    assert attached(message) == ["credit_note_pdf"]


@pytest.mark.usefixtures("tenant")
def test_a_cancellation_tells_when_it_ends_and_can_be_undone_until_then() -> None:
    ending = SubscriptionFactory(cancel_at_period_end=True, current_period_end=DUE)
    mails.tell_cancelled(ending)
    ended = SubscriptionFactory(state="cancelled", cancelled_at=DUE, cancel_reason="unpaid")
    mails.tell_cancelled(ended)
    first, second = sent()
    assert "It ends on December 5, 2026" in first.text
    assert "Keep the subscription:\nhttp" in first.text
    page = reverse("portal:subscription", kwargs={"slug": "northwind", "subscription_id": ending.pk})
    assert settings.BASE_URL + page in first.text
    assert "It has ended on December 5, 2026, since it was not paid." in second.text
    assert "Keep the subscription" not in second.text


@pytest.mark.usefixtures("tenant")
@pytest.mark.parametrize(
    ("what", "values", "words"),
    [
        (Changed.PAUSED, {"resumes_at": DUE}, "It is paused until December 5, 2026."),
        (Changed.PAUSED, {}, "nothing is charged until it is resumed"),
        (Changed.RESUMED, {"next_billing_at": DUE}, "It goes on. The next charge is on December 5, 2026."),
        (Changed.CONTINUED, {}, "the cancellation is undone."),
        (Changed.QUANTITY, {"quantity": 3}, "From the next period on it is for 3 units."),
    ],
)
def test_changes_are_told(what: Changed, values: dict[str, Any], words: str) -> None:
    mails.tell_changed(SubscriptionFactory(**values), what)
    assert words in only().text


@pytest.mark.usefixtures("tenant")
def test_a_beginning_tells_the_price_and_the_trial() -> None:
    subscription = SubscriptionFactory(trial_end=DUE, started_at=timezone.now())
    PaymentProfileFactory(customer=subscription.customer, is_default=True)
    mails.tell_started(subscription)
    text = only().text
    assert "It is free until December 5, 2026" in text
    assert "Payment method: Visa ending in 4242" in text
    assert "every month" in text


@pytest.mark.usefixtures("tenant")
def test_a_beginning_to_come_is_told_and_one_long_past_is_not() -> None:
    mails.tell_started(SubscriptionFactory(started_at=timezone.now() + timedelta(days=400)))
    text = only().text
    assert "Begins on: " in text
    assert "has begun" not in text
    mails.tell_started(SubscriptionFactory(started_at=timezone.now() - timedelta(days=2)))
    assert len(sent()) == 1


@pytest.mark.usefixtures("tenant")
def test_times_are_told_in_the_customers_own_zone() -> None:
    late = datetime(2026, 12, 5, 23, 30, tzinfo=UTC)
    for zone in ("", "Asia/Tokyo"):
        customer = CustomerFactory(time_zone=zone)
        invoice: Invoice = InvoiceFactory(customer=customer, due_at=late)
        mails.announce_invoices([invoice])
    first, second = sent()
    assert "December 5, 2026" in first.text
    assert "December 6, 2026" in second.text
