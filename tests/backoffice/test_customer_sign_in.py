"""A customer's way into the portal, as staff see it and end it."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from backoffice.customers.timeline import timeline
from customers.models import Customer, PortalPassword, PortalSession
from customers.sign_in.sessions import IDLE_LIFETIME, start_session
from messaging.models import Message
from portal.sessions import COOKIE
from tenants.models import AuditEntry
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office
from tests.factories import CustomerFactory

pytestmark = pytest.mark.django_db


def browse(office: Office, customer: Customer | None = None) -> Client:
    """A browser that is signed in to the portal as the customer."""
    client = Client()
    with tenant_scope(office.tenant.pk):
        started = start_session(customer=customer or office.customer, signed_in_by="code", ip=None, user_agent="")
    client.cookies[COOKIE] = started.cookie
    return client


def is_in(office: Office, client: Client) -> bool:
    return bool(client.get(f"/portal/{office.tenant.slug}/settings/").status_code == 200)


def section(office: Office, client: Client) -> str:
    page = client.get(office.url("customer", customer_id=office.customer.pk)).content.decode()
    words = re.sub(r"<[^>]+>", " ", page.split('id="sign-in"')[1].split("</section>")[0])
    return " ".join(words.split())


def do(client: Client, office: Office, name: str, **more: Any) -> str:
    """Press the button; what the page then says."""
    answer = client.post(office.url(name, customer_id=office.customer.pk), follow=True, **more)
    assert answer.redirect_chain == [(office.url("customer", customer_id=office.customer.pk), 302)]
    return str(answer.content.decode())


def test_tells_where_the_customer_is_signed_in_and_how(office: Office, agent: Client) -> None:
    told = section(office, agent)
    assert "nowhere at the moment" in told
    assert "none, signs in by code or link" in told
    assert "Sign out everywhere" not in told
    browse(office)
    browse(office)
    with time_machine.travel(timezone.now() - IDLE_LIFETIME - timedelta(days=1)):
        browse(office)
    with tenant_scope(office.tenant.pk):
        PortalPassword.objects.create(customer=office.customer, password="x")
    told = section(office, agent)
    assert "Signed in 2 browsers" in told
    assert "Last seen just now" in told
    assert "Password set" in told
    assert "Sign out everywhere" in told


def test_staff_sign_a_customer_out_everywhere(office: Office, agent: Client) -> None:
    with tenant_scope(office.tenant.pk):
        carol = CustomerFactory()
    phone, desk, hers = browse(office), browse(office), browse(office, carol)
    assert is_in(office, phone)
    assert "Signed out of 2 browsers." in do(agent, office, "customer_sign_out")
    assert [is_in(office, client) for client in (phone, desk, hers)] == [False, False, True]
    with tenant_scope(office.tenant.pk):
        entry = AuditEntry.objects.get(action="portal.signed_out_everywhere")
        assert (entry.actor_label, entry.actor_kind, entry.after) == ("Charlie Roy", "staff", {"sessions": 2})
        newest = timeline(office.customer, office.tenant.slug).items[0]
        assert (newest["title"], newest["by"]) == ("Signed out of the portal everywhere", "Charlie Roy")


def test_a_second_press_finds_nobody(office: Office, agent: Client) -> None:
    browse(office)
    do(agent, office, "customer_sign_out")
    assert "was not signed in anywhere" in do(agent, office, "customer_sign_out")
    with tenant_scope(office.tenant.pk):
        assert AuditEntry.objects.filter(action="portal.signed_out_everywhere").count() == 1


def test_who_only_reads_neither_signs_out_nor_sends(office: Office, reader: Client) -> None:
    phone = browse(office)
    told = section(office, reader)
    assert "Signed in 1 browser" in told
    assert "Sign out everywhere" not in told
    for name in ("customer_sign_out", "customer_send_link"):
        assert reader.post(office.url(name, customer_id=office.customer.pk)).status_code == 403
    assert is_in(office, phone)


def test_staff_send_a_link_that_lets_the_customer_in(office: Office, agent: Client) -> None:
    assert f"on its way to {office.customer.email}" in do(agent, office, "customer_send_link")
    with tenant_scope(office.tenant.pk):
        mail = Message.objects.get(template="portal_sign_in")
        assert (mail.to, mail.customer_id) == (office.customer.email, office.customer.pk)
        entry = AuditEntry.objects.get(action="portal.link_sent")
        assert (entry.actor_label, entry.after) == ("Charlie Roy", {"to": office.customer.email})
    path = re.search(r"/portal/acme/sign-in/link/[^\s]+", mail.text)
    assert path is not None
    phone = Client()
    assert "One more press" in phone.get(path[0], follow=True).content.decode()
    assert phone.post("/portal/acme/sign-in/link/").status_code == 302
    assert is_in(office, phone)


def test_links_are_not_sent_without_end(office: Office, agent: Client) -> None:
    for _press in range(5):
        do(agent, office, "customer_send_link")
    assert "Too many codes were asked for" in do(agent, office, "customer_send_link")
    with tenant_scope(office.tenant.pk):
        assert Message.objects.filter(template="portal_sign_in").count() == 5
        assert PortalSession.objects.count() == 0


def test_without_an_address_no_link_is_sent(office: Office, agent: Client) -> None:
    with tenant_scope(office.tenant.pk):
        Customer.objects.filter(pk=office.customer.pk).update(email="", email_normalized="")
    assert "Send a sign-in link" not in section(office, agent)
    assert "no e-mail address to send a link to" in do(agent, office, "customer_send_link")
    with tenant_scope(office.tenant.pk):
        assert not Message.objects.filter(template="portal_sign_in").exists()
