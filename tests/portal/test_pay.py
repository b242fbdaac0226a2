"""The pay page: one invoice, by a signed link, without signing in."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from backoffice.changes.queries import SOURCES
from backoffice.words import actor_words
from customers.models import Customer
from messaging.models import Message
from payments.models import PaymentProfile
from portal.pay.access import VISIT
from portal.pay.views import CHARGES_PER_HOUR
from propagation.card_setups import complete_card_setup
from propagation.collecting import source_of
from propagation.models import Change
from subscriptions.invoicing import bill_purchase
from subscriptions.models import Charge, Invoice, InvoiceState, PaidThrough
from subscriptions.pay_links import make_pay_token, pay_link
from tenants.models import AuditEntry, Tenant
from tests.factories import CustomerFactory, InvoiceFactory, PaymentProfileFactory, TenantFactory
from tests.invitations.story import confirm
from tests.portal.conftest import client_of, portal_url
from tests.portal.shop import ACTOR, ADDRESS, charges, enter_by_hand, price, visa, world
from tests.propagation.conftest import DECLINED_LATER, World

__all__ = ["world"]


def bill(world: World, customer: Customer) -> Invoice:
    """4,900 cents, open and due."""
    product = price(world, "Atlas", interval="one_time", amount_minor=4900)
    with world.scope():
        return bill_purchase(actor=ACTOR, customer=customer, price=product)


def link(world: World, invoice: Invoice) -> str:
    with world.scope():
        return urlsplit(pay_link(invoice)).path


def visit(world: World, invoice: Invoice) -> Client:
    client = Client(headers={"user-agent": "Mozilla/5.0"})
    assert client.get(link(world, invoice)).status_code == 302
    return client


def page_of(client: Client, world: World, invoice: Invoice) -> str:
    answer = client.get(portal_url(world.tenant, "pay", invoice.pk))
    assert answer.status_code == 200
    return str(answer.content.decode())


def fresh(world: World, invoice: Invoice) -> Invoice:
    with world.scope():
        return Invoice.objects.get(pk=invoice.pk)


def test_the_link_is_traded_for_a_visit_and_leaves_no_token(world: World, bob: Customer) -> None:
    invoice = bill(world, bob)
    token_path = link(world, invoice)
    client = Client()
    answer = client.get(token_path)
    assert answer.status_code == 302
    assert token_path.rpartition("/")[2] not in answer["Location"]
    assert answer["Referrer-Policy"] == "no-referrer"
    page = client.get(answer["Location"])
    assert "no-store" in page["Cache-Control"]
    assert "noindex" in page["X-Robots-Tag"]
    assert client.cookies[VISIT.cookie]["path"] == answer["Location"]


def test_shows_the_invoice(world: World, bob: Customer) -> None:
    invoice = bill(world, bob)
    page = page_of(visit(world, invoice), world, invoice)
    for words in (invoice.short_number, "Atlas", "CA$49.00", "Northwind Press", "Enter a payment method and pay"):
        assert words in page


def test_opening_it_charges_nothing(world: World, bob: Customer) -> None:
    visa(world, bob)
    invoice = bill(world, bob)
    page_of(visit(world, invoice), world, invoice)
    assert charges(world) == []


@pytest.mark.parametrize("spoil", ["cut", "changed", "other_tenant", "other_invoice", "nonsense"])
def test_a_wrong_link_tells_nothing(world: World, bob: Customer, spoil: str) -> None:
    invoice = bill(world, bob)
    path = link(world, invoice)
    start, _slash, token = path.rpartition("/")
    other = TenantFactory(slug="rival")
    until = timezone.now().date() + timedelta(days=1)
    wrong = {
        "cut": f"{start}/{token[:-3]}",
        "changed": f"{start}/{'A' if token[0] != 'A' else 'B'}{token[1:]}",
        "other_tenant": path.replace("/acme/", "/rival/"),
        "other_invoice": f"{start}/{make_pay_token(other.pk, invoice.pk, until)}",
        "nonsense": f"{start}/%00%F0",
    }[spoil]
    answer = Client().get(wrong)
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "This link is not valid" in page
    for secret in (invoice.short_number, "49.00", "Bob", "Tremblay"):
        assert secret not in page


def test_an_old_link_says_so(world: World, bob: Customer) -> None:
    invoice = bill(world, bob)
    yesterday = timezone.now().date() - timedelta(days=1)
    token = make_pay_token(world.tenant.pk, invoice.pk, yesterday)
    answer = Client().get(f"/portal/acme/pay/{token}")
    assert answer.status_code == 410
    assert "This link has expired" in answer.content.decode()
    assert invoice.short_number not in answer.content.decode()


def test_without_a_visit_the_invoice_is_closed(world: World, bob: Customer, signed_in: Client) -> None:
    invoice, other = bill(world, bob), bill(world, bob)
    visitor = visit(world, other)
    for name in ("pay", "pay_card", "pay_invoice_pdf", "pay_status"):
        answer = visitor.get(portal_url(world.tenant, name, invoice.pk))
        assert answer.status_code == 403
        assert invoice.short_number not in answer.content.decode()
    for name in ("pay_now", "pay_confirmation", "pay_settled", "pay_card_setup", "pay_card_complete"):
        assert visitor.post(portal_url(world.tenant, name, invoice.pk)).status_code == 403
    with world.scope():
        carol = CustomerFactory()
    assert client_of(world.tenant, carol).get(portal_url(world.tenant, "pay", invoice.pk)).status_code == 403
    assert signed_in.get(portal_url(world.tenant, "pay", invoice.pk)).status_code == 200


def test_pays_with_the_card_on_file(world: World, bob: Customer) -> None:
    visa(world, bob)
    invoice = bill(world, bob)
    client = visit(world, invoice)
    assert "Pay now with Visa •••• 4242" in page_of(client, world, invoice)
    for _press in range(2):
        client.post(portal_url(world.tenant, "pay_now", invoice.pk))
    assert "Paid, thank you" in page_of(client, world, invoice)
    paid = fresh(world, invoice)
    assert (paid.state, paid.paid_through) == (InvoiceState.PAID, PaidThrough.PAY_PAGE)
    assert [charge["amount"] for charge in charges(world)] == [4900]
    receipt = client.get(portal_url(world.tenant, "pay_receipt_pdf", invoice.pk))
    assert receipt.content.startswith(b"%PDF-")


def acted(world: World) -> set[str]:
    """How whoever asked for a charge, or entered a method, is told to staff."""
    with world.scope():
        done = AuditEntry.objects.filter(action__in=["invoice.collection_requested", "change.recorded"])
        return {actor_words(entry.actor_kind, entry.actor_label) for entry in done}


def test_who_pays_by_the_link_is_not_said_to_be_in_the_portal(world: World, bob: Customer, signed_in: Client) -> None:
    visa(world, bob)
    invoice = bill(world, bob)
    visit(world, invoice).post(portal_url(world.tenant, "pay_now", invoice.pk))
    assert fresh(world, invoice).state == InvoiceState.PAID
    second = bill(world, bob)
    enter_by_hand(visit(world, second), world, portal_url(world.tenant, "pay_card", second.pk), "pm_card_mastercard")
    assert acted(world) == {"Bob Tremblay, by the pay link"}
    with world.scope():
        change = Change.objects.get()
        assert (SOURCES[change.source], source_of(change)) == ("Pay link", PaidThrough.PAY_PAGE)
    third = bill(world, bob)
    signed_in.get(link(world, third))
    signed_in.post(portal_url(world.tenant, "pay_now", third.pk))
    assert acted(world) == {"Bob Tremblay, by the pay link", "Bob Tremblay, in the portal"}


def test_who_enters_a_method_by_the_link_is_told_by_mail(world: World, bob: Customer) -> None:
    invoice = bill(world, bob)
    enter_by_hand(visit(world, invoice), world, portal_url(world.tenant, "pay_card", invoice.pk), "pm_card_visa")
    world.work()
    with world.scope():
        assert Message.objects.filter(template="payment_method_updated", to=bob.email).count() == 1


def test_what_a_signed_in_customer_pays_came_through_the_portal(world: World, bob: Customer, signed_in: Client) -> None:
    visa(world, bob)
    invoice = bill(world, bob)
    answer = signed_in.get(portal_url(world.tenant, "invoice_pay", invoice.pk))
    signed_in.post(f"{answer['Location']}now/")
    assert fresh(world, invoice).paid_through == PaidThrough.PORTAL


def test_a_decline_is_explained_and_another_card_pays(world: World, bob: Customer) -> None:
    world.card(bob, "pm_bad", number=DECLINED_LATER, default=True)
    invoice = bill(world, bob)
    client = visit(world, invoice)
    client.post(portal_url(world.tenant, "pay_now", invoice.pk))
    page = page_of(client, world, invoice)
    assert "The last payment did not go through" in page
    assert fresh(world, invoice).state == InvoiceState.OPEN
    answer = enter_by_hand(client, world, portal_url(world.tenant, "pay_card", invoice.pk), "pm_card_mastercard")
    assert answer.json() == {"state": "done", "url": portal_url(world.tenant, "pay", invoice.pk)}
    assert "Paid, thank you" in page_of(client, world, invoice)
    assert len(charges(world)) == 1
    world.work()
    with world.scope():
        assert PaymentProfile.objects.get(is_default=True).gateway_id == "pm_bad"


def test_another_card_may_become_the_default(world: World, bob: Customer) -> None:
    visa(world, bob)
    invoice = bill(world, bob)
    client = visit(world, invoice)
    start = portal_url(world.tenant, "pay_card", invoice.pk)
    enter_by_hand(client, world, start, "pm_card_mastercard", make_default="yes")
    world.work()
    with world.scope():
        assert PaymentProfile.objects.get(is_default=True).brand == "mastercard"


def test_pays_when_the_browser_closed_after_the_banks_yes(world: World, bob: Customer) -> None:
    from subscriptions.collection import collect_now

    invoice = bill(world, bob)
    client = visit(world, invoice)
    start = portal_url(world.tenant, "pay_card", invoice.pk)
    setup = client.post(f"{start}setup/").json()
    told = {"setup_id": setup["setup_id"], "setup_intent": setup["setup_intent"]}
    client.post(f"{start}details/", ADDRESS | told)
    confirm(world, setup, "pm_card_mastercard")
    complete_card_setup(world.tenant.pk, setup["setup_intent"])
    with world.scope():
        assert Charge.objects.get().source == PaidThrough.PAY_PAGE
    collect_now(world.tenant.pk, invoice.pk)
    assert fresh(world, invoice).state == InvoiceState.PAID


def told(state: str) -> Any:
    return {
        InvoiceState.PAID: "Paid, thank you",
        InvoiceState.VOID: "This invoice was withdrawn",
        InvoiceState.UNCOLLECTIBLE: "no longer tries to collect",
    }[InvoiceState(state)]


@pytest.mark.parametrize("state", ["paid", "void", "uncollectible"])
def test_says_what_became_of_the_invoice(world: World, bob: Customer, state: str) -> None:
    with world.scope():
        invoice = InvoiceFactory(customer=bob, state=state)
    client = visit(world, invoice)
    assert told(state) in page_of(client, world, invoice)
    client.post(portal_url(world.tenant, "pay_now", invoice.pk))
    assert charges(world) == []


def test_what_the_gateway_bills_is_left_to_it(world: World, bob: Customer) -> None:
    visa(world, bob)
    with world.scope():
        invoice = InvoiceFactory(customer=bob, gateway_id="in_1")
    client = visit(world, invoice)
    page = page_of(client, world, invoice)
    assert "is collected from your payment method by itself" in page
    assert "Pay now" not in page
    assert client.post(portal_url(world.tenant, "pay_now", invoice.pk)).status_code == 302
    assert client.get(portal_url(world.tenant, "pay_card", invoice.pk)).status_code == 302


@pytest.mark.parametrize(
    "fault", [{"kind": "server_error", "stored": False}, {"kind": "drop_before"}, {"kind": "rate_limited"}]
)
def test_a_gateway_in_trouble_is_told_as_it_is(world: World, bob: Customer, fault: dict[str, Any]) -> None:
    visa(world, bob)
    invoice = bill(world, bob)
    client = visit(world, invoice)
    world.sandbox.set_faults(fault | {"path": "/v1/payment_intents*", "probability": 1.0})
    assert client.post(portal_url(world.tenant, "pay_now", invoice.pk)).status_code == 302
    assert "Your payment is under way" in page_of(client, world, invoice)
    assert client.post(portal_url(world.tenant, "pay_settled", invoice.pk)).status_code in (200, 503)
    assert client.post(portal_url(world.tenant, "pay_confirmation", invoice.pk)).status_code in (200, 409, 503)
    world.sandbox.clear_faults()


def test_the_card_on_file_is_not_charged_again_and_again(world: World, bob: Customer) -> None:
    world.card(bob, "pm_declined", number=DECLINED_LATER, default=True)
    invoice = bill(world, bob)
    client = visit(world, invoice)
    for _press in range(CHARGES_PER_HOUR + 3):
        answer = client.post(portal_url(world.tenant, "pay_now", invoice.pk), follow=True)
    assert "wait an hour" in answer.content.decode()
    with world.scope():
        by_hand = Charge.objects.filter(invoice=invoice, source=PaidThrough.PAY_PAGE)
        assert by_hand.count() == CHARGES_PER_HOUR


def test_the_means_to_try_any_card_are_given_only_where_the_bank_asks(world: World, bob: Customer) -> None:
    visa(world, bob)
    invoice = bill(world, bob)
    answer = visit(world, invoice).post(portal_url(world.tenant, "pay_confirmation", invoice.pk))
    assert answer.status_code == 409
    assert "client_secret" not in answer.content.decode()


def test_a_draft_has_no_pay_page(world: World, bob: Customer) -> None:
    with world.scope():
        draft = InvoiceFactory(customer=bob, state=InvoiceState.DRAFT)
    assert Client().get(link(world, draft)).status_code == 404


def test_without_a_gateway_account_the_page_still_opens(tenant: Tenant, bob: Customer) -> None:
    from tenants.scope import tenant_scope

    with tenant_scope(tenant.pk):
        invoice = InvoiceFactory(customer=bob)
        PaymentProfileFactory(customer=bob, is_default=True)
        path = urlsplit(pay_link(invoice)).path
    client = Client()
    client.get(path)
    assert client.get(portal_url(tenant, "pay", invoice.pk)).status_code == 200
    assert client.post(portal_url(tenant, "pay_card_setup", invoice.pk)).status_code == 503
    assert client.post(portal_url(tenant, "pay_confirmation", invoice.pk)).status_code == 409
    assert client.post(portal_url(tenant, "pay_now", invoice.pk)).status_code == 302
    assert client.get(portal_url(tenant, "pay", invoice.pk)).status_code == 200
