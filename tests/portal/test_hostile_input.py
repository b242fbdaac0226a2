"""What nobody types, sent to every form of the portal: refused at the field or taken as plain text, never a crash."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from invitations.session import OPENED
from portal.pay.access import VISIT
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.backoffice.conftest import make_invitation
from tests.factories import CheckoutFactory, InvoiceFactory, PaymentProfileFactory, PriceFactory, SubscriptionFactory
from tests.portal.conftest import portal_url

TEXTS = (
    "\x00",
    "x" * 70_000,
    "'\"><script>alert(1)</script>{{ x }}",
    "\u202e\u2028\r\nBcc: eve@evil.example",
    "../../etc",
)
NUMBERS = ("9" * 400, "-1", "0", "1e9", "NaN", "٣", "²", "9223372036854775808", "")
COUNTED = {"quantity", "exp_month", "exp_year"}
#: Where each form is sent, and what it is filled with where nothing is wrong with it.
DETAILS = {
    "first_name": "Bob", "last_name": "Tremblay", "email": "bob@example.com", "phone": "", "organisation": "Acme",
    "vat_number": "", "billing-country": "CA", "billing-line1": "1 King St", "billing-line2": "",
    "billing-city": "Toronto", "billing-region": "ON", "billing-postal_code": "M5H 1A1",
}  # fmt: skip
SOCIAL = {"bio": "", "location": "", "mastodon": "", "github": "bob"}
METHOD = {"holder_name": "Bob", "exp_month": "12", "exp_year": "2034", "card-country": "CA", "card-line1": ""}
FORMS: dict[str, dict[str, str]] = {
    "sign_in": {"email": "bob@example.com", "next": "/portal/acme/"},
    "sign_in_password": {"email": "bob@example.com", "password": "x", "next": ""},
    "sign_in_choose": {"customer": "x"},
    "new_link": {"email": "bob@example.com"},
    "language": {"language": "en", "next": "/portal/acme/"},
    "profile_edit": DETAILS,
    "settings_preferences": {"language": "en", "time_zone": ""},
    "settings_notifications": {"mail-receipts": "on"},
    "settings_avatar": {"avatar": "x"},
    "settings_social": SOCIAL,
    "settings_password": {"password": "three lamps and a kettle", "current": "x"},
    "settings_password_remove": {"remove-current": "x"},
    "method_edit": METHOD,
    "cancel": {"reason": "other", "comment": ""},
    "offer": {"quantity": "1"},
    "checkout": {name: value for name, value in DETAILS.items() if name.startswith("billing-")},
    "checkout_payment": {"quantity": "1", "method": "x"},
    "checkout_setup": {},
    "checkout_details": {"setup_id": "x", "setup_intent": "x", "quantity": "1"},
    "checkout_complete": {"setup_intent": "x"},
    "method_details": {"setup_id": "x", "setup_intent": "x"},
    "method_complete": {"setup_intent": "x"},
    "method_failed": {"setup_intent": "x", "code": "x"},
}


@pytest.fixture
def ids(tenant: Tenant, bob: Customer) -> dict[str, Any]:
    with tenant_scope(tenant.pk):
        shown = {"portal_shows_social": True, "portal_cancellation": "period_end"}
        assert Tenant.objects.filter(pk=tenant.pk).update(**shown)
        profile = PaymentProfileFactory(customer=bob, is_default=True)
        price = PriceFactory(is_public=True)
        return {
            "method_edit": profile.pk,
            "cancel": SubscriptionFactory(customer=bob).pk,
            "offer": price.pk,
            **dict.fromkeys(
                [name for name in FORMS if name.startswith("checkout")], CheckoutFactory(customer=bob, price=price).pk
            ),
        }


def test_no_form_breaks(
    tenant: Tenant, signed_in: Client, ids: dict[str, Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.sign_in.views.ANSWER_SECONDS", 0.0)
    monkeypatch.setattr("portal.home.views.WAIT_SECONDS", 0.0)
    monkeypatch.setattr("portal.methods.views.SECONDS_TO_WAIT", 0.0)
    for name, right in FORMS.items():
        url = portal_url(tenant, name, *([ids[name]] if name in ids else []))
        for field in right:
            for value in (*TEXTS, *(NUMBERS if field in COUNTED else ())):
                answer = signed_in.post(url, right | {field: value})
                assert answer.status_code < 500, (name, field, value[:40])
                page = b"" if answer.streaming else answer.content  # type: ignore[attr-defined]
                assert b"<script>alert(1)" not in page, (name, field)
                assert not answer.get("Location", "/").startswith(("javascript", "//", "http")), (name, field)


def test_no_address_breaks(tenant: Tenant, signed_in: Client) -> None:
    asked = {"purchases": "before", "home": "saving", "sign_in": "next", "method_setup": "replaces", "offers": "new"}
    for name, field in asked.items():
        for value in (*TEXTS, *NUMBERS):
            if len(value) < 5_000:
                query = {field: value}
                url = portal_url(tenant, name)
                answer = (
                    signed_in.post(url, query_params=query) if name == "method_setup" else signed_in.get(url, query)
                )
                assert answer.status_code < 500, (name, value)


def test_no_token_breaks(client: Client, tenant: Tenant) -> None:
    for name in ("sign_in_link", "email_link", "pay_link"):
        for token in ("%00", "a" * 3_000, "%F0%9F%92%A9", "..%5c", "=" * 48, "A" * 48, ":::", "%C3%A9:%C3%A9:x"):
            url = reverse(f"portal:{name}", args=["acme", "TOKEN"]).replace("TOKEN", token)
            assert client.get(url, follow=True).status_code in (404, 410), (name, token)


def test_a_long_way_back_does_not_keep_anyone_out(client: Client, tenant: Tenant, bob: Customer) -> None:
    """Browsers keep no cookie above 4 KB; where to go after signing in stands in one."""
    long = "/portal/acme/purchases/?before=" + "9" * 5_000
    answer = client.post(portal_url(tenant, "sign_in"), {"email": "bob@example.com", "next": long})
    assert answer.status_code == 302
    assert len(answer.cookies["portal_sign_in"].OutputString()) < 4_000
    assert client.get(answer["Location"]).status_code == 200


ENTRY = {"setup_id": "x", "setup_intent": "x", "holder_name": "Bob", "make_default": "yes", "consent_asked": "1"}
LINKED = {
    "settled": {"code": "x", "decline_code": ""},
    "card/details": ENTRY | {"subscription": "x", "billing-country": "CA", "billing-postal_code": "K1P 5K7"},
    "card/failed": {"setup_intent": "x", "code": "x", "decline_code": ""},
    "card/complete": {"setup_intent": "x"},
}


def test_no_form_behind_a_link_breaks(tenant: Tenant, bob: Customer) -> None:
    """The pay page's and an invitation's: whoever has the link needs no account to try."""
    with tenant_scope(tenant.pk):
        invoice = InvoiceFactory(customer=bob)
        invitation = make_invitation(bob)
    client, holder = Client(), HttpResponse()
    VISIT.begin(holder, tenant, invoice.pk)
    OPENED.begin(holder, tenant, invitation.pk)
    client.cookies = holder.cookies
    pay = portal_url(tenant, "pay", invoice.pk)
    invited = reverse("invitations:form", args=[tenant.slug, invitation.pk])
    assert (client.get(pay).status_code, client.get(invited).status_code) == (200, 200)
    for path, right in LINKED.items():
        for url in {f"{pay}{path}/", f"{pay if path == 'settled' else invited}{path.removeprefix('card/')}/"}:
            for field in right:
                for value in TEXTS:
                    answer = client.post(url, right | {field: value})
                    assert answer.status_code < 500, (url, field, value[:40])
                    assert answer.status_code != 404, url
