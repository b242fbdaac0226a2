"""What nobody types into the settings, but may send."""

import pytest
from django.test import Client

from tenants.models import Role, Tenant
from tests.backoffice.conftest import Office
from tests.backoffice.test_settings import typed

pytestmark = pytest.mark.django_db


def test_line_breaks_do_not_get_into_the_senders_name(office: Office, owner: Client) -> None:
    """A mail's header takes none: not one message would go out."""
    forged = "Acme\r\nBcc: eve@example.com"
    owner.post(office.url("settings"), typed(office.tenant, name=forged, sender_name=forged, care_text=forged))
    tenant = Tenant.objects.get(pk=office.tenant.pk)
    assert {tenant.name, tenant.sender_name, tenant.care_text} == {"Acme Bcc: eve@example.com"}


def test_an_address_longer_than_any_is_refused(office: Office, owner: Client) -> None:
    response = owner.post(office.url("team_invite"), {"email": "d" * 255 + "@example.com", "role": Role.AGENT})
    assert response.status_code == 422


@pytest.mark.parametrize(("field", "value"), [("name", "\x07")])
def test_refuses_what_makes_no_sense(office: Office, owner: Client, field: str, value: str) -> None:
    assert owner.post(office.url("settings"), typed(office.tenant, **{field: value})).status_code == 422
