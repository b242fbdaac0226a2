"""Customers' own details: saved whole or not at all, carried to the gateway, a new address only once confirmed."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from customers.email_change import ask_email_change, confirm_email_change, withdraw_email_change
from customers.models import Address, Customer, EmailChange
from customers.services import delete_customer, update_customer
from messaging.models import Message
from payments.gateway_customers import ensure_gateway_customer
from propagation.models import Change, ChangeKind, ChangeState
from tenants.actors import Actor, ActorKind
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests import factories
from tests.portal.conftest import client_of
from tests.processes import Sandbox
from tests.races import meanwhile, wait_for_a_lock

pytestmark = pytest.mark.django_db(transaction=True)
DETAILS = "/portal/acme/details/"
CONFIRM = "/portal/acme/sign-in/email/"
BOB = Actor(ActorKind.CUSTOMER_PORTAL, "1", "Bob Tremblay")


def typed(**changes: str) -> dict[str, str]:
    return {
        "first_name": "Bob",
        "last_name": "Tremblay",
        "email": "bob@example.com",
        "phone": "+1 514-555-0123",
        "organisation": "",
        "vat_number": "",
        "billing-country": "CA",
        "billing-line1": "1000 rue de la Gauchetière",
        "billing-line2": "",
        "billing-city": "Montréal",
        "billing-region": "QC",
        "billing-postal_code": "H3B 4W5",
    } | changes


def stored(tenant: Tenant, bob: Customer) -> Customer:
    with tenant_scope(tenant.pk):
        return Customer.objects.get(pk=bob.pk)


def mails(tenant: Tenant, template: str) -> list[Message]:
    with tenant_scope(tenant.pk):
        return list(Message.objects.filter(template=template).order_by("created_at"))


def test_saves_what_was_typed_and_tells_staff_who_did(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    answer = signed_in.post(
        DETAILS,
        typed(
            first_name="Robert",
            organisation="Tremblay et fils",
            vat_number="FR 40 303 265 045",
            phone="01 42 68 53 00",
            **{
                "billing-country": "FR",
                "billing-line1": "5 rue de la Paix",
                "billing-city": "Paris",
                "billing-region": "",
                "billing-postal_code": "75002",
            },
        ),
    )
    assert answer.headers["Location"] == "/portal/acme/"
    saved = stored(tenant, bob)
    assert (saved.first_name, saved.organisation, saved.phone.as_e164) == ("Robert", "Tremblay et fils", "+33142685300")
    assert saved.vat_number == "FR40303265045"
    with tenant_scope(tenant.pk):
        assert Address.objects.get().postal_code == "75002"
        entries = AuditEntry.objects.filter(customer_id=bob.pk, actor_kind="customer_portal")
        assert {"customer.updated", "customer.address_updated"} <= {entry.action for entry in entries}
    assert "Your details are saved." in signed_in.get("/portal/acme/").content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"email": "bob@"}, "Enter a valid email address"),
        ({"email": ""}, "Enter your e-mail address."),
        ({"first_name": ""}, "Enter your first name."),
        ({"phone": "123"}, "phone number"),
        ({"vat_number": "FR12345678901"}, "VAT number"),
        ({"billing-postal_code": "1"}, "This does not look right"),
        ({"billing-line1": ""}, "Enter the street"),
        ({"first_name": "B" * 81}, "at most 80"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost(
    signed_in: Client, tenant: Tenant, bob: Customer, changes: dict[str, str], sentence: str
) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        answer = signed_in.post(DETAILS, typed(last_name="Roy", **changes), headers=headers)
        assert answer.status_code == 422
        page = answer.content.decode()
        assert sentence in page
        assert 'value="Roy"' in page
        assert ("<html" in page) is not bool(headers)
    assert stored(tenant, bob).last_name == "Tremblay"


def test_a_name_cannot_hold_a_nul(signed_in: Client) -> None:
    assert signed_in.post(DETAILS, typed(first_name="B\x00b")).status_code == 422


def test_the_form_of_another_country_without_a_script(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    answer = signed_in.post(DETAILS, typed(last_name="Roy", **{"billing-country": "JP", "change_country": "billing"}))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Prefecture" in page
    assert 'value="Roy"' in page
    assert stored(tenant, bob).last_name == "Tremblay"


def test_a_dialog_is_led_on_when_all_is_well(signed_in: Client) -> None:
    answer = signed_in.post(DETAILS, typed(first_name="Robert"), headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/portal/acme/")


def test_a_customer_without_an_address_need_not_give_one(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        carol = factories.CustomerFactory(first_name="Carol", last_name="Roy", email="carol@example.com")
    empty = {f"billing-{part}": "" for part in ("line1", "city", "region", "postal_code")}
    answer = client_of(tenant, carol).post(DETAILS, typed(email="carol@example.com", **empty))
    assert answer.status_code == 302
    with tenant_scope(tenant.pk):
        assert not Address.objects.filter(customer=carol).exists()


@pytest.fixture
def at_gateway(tenant: Tenant, bob: Customer, sandbox: Sandbox) -> Sandbox:
    """Bob is known there."""
    with tenant_scope(tenant.pk):
        factories.sandbox_account(sandbox)
    ensure_gateway_customer(tenant.pk, bob.pk)
    return sandbox


def test_says_saved_only_once_the_gateway_has_it(signed_in: Client, tenant: Tenant, at_gateway: Sandbox) -> None:
    where = signed_in.post(DETAILS, typed(first_name="Robert")).headers["Location"]
    with tenant_scope(tenant.pk):
        change = Change.objects.get(kind=ChangeKind.DETAILS)
        assert (change.source, change.actor_kind, change.state) == ("portal", "customer_portal", ChangeState.DONE)
        Change.objects.update(state=ChangeState.IN_PROGRESS)
    assert where == f"/portal/acme/?saving={change.pk}"
    page = signed_in.get(where).content.decode()
    assert "being saved" in page
    assert "details are saved." not in page
    part = f"/portal/acme/details/saving/{change.pk}/"
    assert "hx-trigger" in signed_in.get(part).content.decode()
    with tenant_scope(tenant.pk):
        Change.objects.update(state=ChangeState.DONE)
    told = signed_in.get(part).content.decode()
    assert "Your details are saved." in told
    assert "hx-trigger" not in told


def test_one_customer_does_not_see_anothers_change(
    signed_in: Client, tenant: Tenant, at_gateway: Sandbox, bob: Customer
) -> None:
    signed_in.post(DETAILS, typed(first_name="Robert"))
    with tenant_scope(tenant.pk):
        change = Change.objects.get()
        carol = factories.CustomerFactory()
    assert client_of(tenant, carol).get(f"/portal/acme/details/saving/{change.pk}/").status_code == 404


# A change of address


def path_in(message: Message) -> str:
    return re.search(r"https?://[^/]+(/portal/acme/sign-in/email/\S+)", message.text)[1]  # type: ignore[index]


def ask(client: Client, email: str = "robert@example.com") -> Any:
    return client.post(DETAILS, typed(email=email))


def test_a_new_address_counts_once_it_is_confirmed_from_there(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    ask(signed_in)
    assert stored(tenant, bob).email == "bob@example.com"
    assert "waits to be confirmed" in signed_in.get("/portal/acme/").content.decode()
    (message,) = mails(tenant, "email_change_confirm")
    assert message.to == "robert@example.com"
    elsewhere = Client()
    opened = elsewhere.get(path_in(message))
    assert (opened.headers["Location"], opened.headers["Referrer-Policy"]) == (CONFIRM, "no-referrer")
    assert elsewhere.get(CONFIRM).status_code == 200
    assert stored(tenant, bob).email == "bob@example.com"
    assert "from now on" in elsewhere.post(CONFIRM).content.decode()
    saved = stored(tenant, bob)
    assert (saved.email, saved.email_normalized) == ("robert@example.com", "robert@example.com")
    assert [told.to for told in mails(tenant, "email_change_told")] == ["bob@example.com"]
    assert elsewhere.post(CONFIRM).status_code == 410
    assert len(mails(tenant, "email_change_told")) == 1


def test_only_the_latest_link_counts(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    ask(signed_in, "one@example.com")
    ask(signed_in, "two@example.com")
    first, second = (path_in(message) for message in mails(tenant, "email_change_confirm"))
    client = Client()
    client.get(first)
    assert client.post(CONFIRM).status_code == 410
    client.get(second)
    assert client.post(CONFIRM).status_code == 200
    assert stored(tenant, bob).email == "two@example.com"


def test_a_change_can_be_let_be(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    ask(signed_in)
    signed_in.post("/portal/acme/details/email/withdraw/")
    client = Client()
    client.get(path_in(mails(tenant, "email_change_confirm")[0]))
    assert client.post(CONFIRM).status_code == 410
    assert stored(tenant, bob).email == "bob@example.com"


def test_a_link_dies_after_a_day(signed_in: Client, tenant: Tenant) -> None:
    ask(signed_in)
    client = Client()
    with time_machine.travel(timezone.now() + timedelta(hours=24, minutes=1), tick=False):
        client.get(path_in(mails(tenant, "email_change_confirm")[0]))
        assert client.post(CONFIRM).status_code == 410


def test_a_link_of_another_tenant_confirms_nothing(signed_in: Client, tenant: Tenant) -> None:
    factories.TenantFactory(slug="globex")
    ask(signed_in)
    client = Client()
    path = path_in(mails(tenant, "email_change_confirm")[0]).replace("/acme/", "/globex/")
    client.get(path)
    assert client.post(CONFIRM.replace("acme", "globex")).status_code == 410


def test_few_addresses_a_day(signed_in: Client, tenant: Tenant) -> None:
    answers = [ask(signed_in, f"bob{n}@example.com").status_code for n in range(6)]
    assert answers == [302] * 5 + [422]
    with tenant_scope(tenant.pk):
        assert EmailChange.objects.count() == 5


def test_a_link_is_dead_once_staff_have_corrected_the_address(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    """Somebody in Bob's account asks for an address of theirs; Bob calls, and staff put his right. The link is out."""
    ask(signed_in, "eve@example.com")
    with tenant_scope(tenant.pk):
        update_customer(actor=Actor.system("Alice"), customer=bob, values={"email": "bob@tremblay.example"})
    eve = Client()
    eve.get(path_in(mails(tenant, "email_change_confirm")[0]))
    assert eve.post(CONFIRM).status_code == 410
    assert stored(tenant, bob).email == "bob@tremblay.example"


def test_a_name_is_one_line_in_every_mail(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    """Mails go to addresses that a customer types: what they call themselves must not write paragraphs there."""
    signed_in.post(DETAILS, typed(first_name="Bob\r\n\r\nYou have won\u2028Click here", email="carol@example.com"))
    assert stored(tenant, bob).first_name == "Bob You have won Click here"
    (message,) = mails(tenant, "email_change_confirm")
    assert "\nYou have won" not in message.text


def test_who_withdraws_what_is_confirmed_at_that_moment_is_not_told_that_it_stays(
    signed_in: Client, tenant: Tenant, bob: Customer
) -> None:
    with tenant_scope(tenant.pk):
        change = ask_email_change(actor=BOB, tenant=tenant, customer=bob, email="new@example.com")

    def withdraw() -> bool:
        with tenant_scope(tenant.pk):
            return withdraw_email_change(actor=BOB, customer=bob)

    with tenant_scope(tenant.pk):
        confirm_email_change(actor=BOB, tenant=tenant, change_id=change.pk)
        other_tab = meanwhile(withdraw)
        wait_for_a_lock("the tab that withdraws")
    assert not other_tab.result(30)
    with tenant_scope(tenant.pk):
        assert not AuditEntry.objects.filter(action="customer.email_change_withdrawn").exists()


def test_whoever_is_deleted_meanwhile_is_told_and_keeps_what_they_typed(
    signed_in: Client, tenant: Tenant, bob: Customer
) -> None:
    with tenant_scope(tenant.pk):
        delete_customer(actor=Actor.system("alice"), customer=bob)
        saving = meanwhile(lambda: signed_in.post(DETAILS, typed(first_name="Robert")))
        wait_for_a_lock("the details to come upon the deletion")
    answer = saving.result(60)
    assert answer.status_code == 422
    assert "This customer was deleted in the meantime." in answer.content.decode()
    assert 'value="Robert"' in answer.content.decode()
