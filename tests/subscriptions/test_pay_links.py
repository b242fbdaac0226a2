from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import get_random_string

from subscriptions.errors import BillingError
from subscriptions.models import Invoice
from subscriptions.pay_links import make_pay_token, pay_link, read_pay_token
from tenants.scope import tenant_scope
from tests.factories import InvoiceFactory, TenantFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice() -> Invoice:
    with tenant_scope(TenantFactory.create(slug="acme").pk):
        return InvoiceFactory.create()


def refusal(tenant_id: object, token: str) -> str:
    with pytest.raises(BillingError) as caught:
        read_pay_token(tenant_id, token)  # type: ignore[arg-type]
    assert str(caught.value)
    return caught.value.code


def test_a_link_names_its_invoice(invoice: Invoice) -> None:
    with tenant_scope(invoice.tenant_id):
        base, token = pay_link(invoice).rsplit("/", 1)
    assert base == f"{settings.BASE_URL}/portal/acme/pay"
    assert read_pay_token(invoice.tenant_id, token) == invoice.pk


def test_a_link_of_another_tenant_or_with_any_other_character_is_unknown(invoice: Invoice) -> None:
    token = make_pay_token(invoice.tenant_id, invoice.pk, timezone.now().date())
    assert refusal(TenantFactory.create().pk, token) == "link_unknown"
    for position, character in enumerate(token):
        for other in "A_é+":
            if other != character:
                changed = token[:position] + other + token[position + 1 :]
                assert refusal(invoice.tenant_id, changed) == "link_unknown"
    for other in ("", "A", token + "AAAA", token[:-4], get_random_string(48)):
        assert refusal(invoice.tenant_id, other) == "link_unknown"


def test_an_old_link_has_expired(invoice: Invoice) -> None:
    yesterday = timezone.now().date() - timedelta(days=1)
    assert refusal(invoice.tenant_id, make_pay_token(invoice.tenant_id, invoice.pk, yesterday)) == "link_expired"


def test_a_link_survives_a_change_of_the_key_while_the_old_one_is_kept(invoice: Invoice, settings: object) -> None:
    token = make_pay_token(invoice.tenant_id, invoice.pk, timezone.now().date())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]  # type: ignore[attr-defined]
    settings.SECRET_KEY = "another" * 10  # type: ignore[attr-defined]
    assert read_pay_token(invoice.tenant_id, token) == invoice.pk
