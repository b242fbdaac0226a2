"""A customer is deleted in the instant in which staff sell them something or change them."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from customers.models import Customer
from customers.services import delete_customer
from tenants.actors import Actor
from tenants.models import Role
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office, join, make_office
from tests.factories import CustomerFactory, PriceFactory
from tests.races import meanwhile, wait_for_a_lock

pytestmark = pytest.mark.django_db(transaction=True)


def refused_when_sent(office: Office, client: Client, customer: Customer, door: str, typed: dict[str, Any]) -> str:
    """What the page shows that was sent while the customer was being deleted."""
    url, body = office.url(door, customer_id=customer.pk), urlencode(typed)
    with tenant_scope(office.tenant.pk):
        delete_customer(actor=Actor.system("bob"), customer=customer)
        answered = meanwhile(lambda: client.post(url, body, content_type="application/x-www-form-urlencoded"))
        wait_for_a_lock("the form to come upon the deletion")
    answer = answered.result(60)
    shown: str = answer.content.decode()
    assert answer.status_code == 422
    assert "This customer was deleted in the meantime." in shown
    return shown


@pytest.mark.parametrize("door", ["subscribe", "sell", "balance_entry"])
def test_staff_are_told_and_lose_nothing_that_they_typed(door: str) -> None:
    office: Office = make_office("acme", "Acme")
    client = Client()
    client.force_login(join(office, Role.OWNER))
    with tenant_scope(office.tenant.pk):
        carol = CustomerFactory(first_name="Carol", email="")
        price = PriceFactory(interval="one_time" if door == "sell" else "month")
    typed = {"price": price.pk, "quantity": 7, "currency": "CAD", "amount": "70.00", "kind": "credit"}
    typed["reason"] = "Goodwill of 7 May"
    shown = refused_when_sent(office, client, carol, door, typed)
    assert ("Goodwill of 7 May" if door == "balance_entry" else 'value="7"') in shown


def test_staff_who_edit_them_meanwhile_keep_what_they_typed() -> None:
    office: Office = make_office("acme", "Acme")
    client = Client()
    client.force_login(join(office, Role.OWNER))
    with tenant_scope(office.tenant.pk):
        carol = CustomerFactory(first_name="Carol")
    typed = {"first_name": "Caroline", "last_name": "Smith", "email": "caroline@mailbox.example"}
    shown = refused_when_sent(office, client, carol, "customer_edit", typed)
    assert 'value="Caroline"' in shown
