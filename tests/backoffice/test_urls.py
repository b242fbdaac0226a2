"""Every back-office address, whoever asks: outsiders, other tenants, each role."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLResolver

from backoffice.urls import urlpatterns
from tenants.access import Right
from tenants.models import Role
from tests.backoffice.conftest import Office, join

pytestmark = pytest.mark.django_db


def arguments(patterns: list[Any], inherited: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """(name, the ids that its address carries, view) of every address."""
    for pattern in patterns:
        names = (*inherited, *pattern.pattern.converters)
        if isinstance(pattern, URLResolver):
            yield from arguments(pattern.url_patterns, names)
        else:
            yield pattern.name, names, pattern.callback


ADDRESSES = [(name, ids) for name, ids, _view in arguments(urlpatterns)]
#: What addresses carry besides rows' ids: the same words in every tenant.
WORDS = {"mail", "language", "chart"}
WITH_IDS = [(name, ids) for name, ids in ADDRESSES if set(ids) - WORDS]

#: The right that each address needs. A new address must be entered here by hand, so that somebody thinks about it.
NEEDED = {
    Right.VIEW: {
        *("overview", "overview_chart", "search", "customers", "customer", "customer_timeline"),
        *("invitations", "invitation", "changes", "change", "change_progress"),
        *("subscriptions", "subscription", "invoices", "invoice", "products", "product"),
        *("invoice_pdf", "receipt_pdf", "credit_note_pdf", "balance"),
        *("team", "gateway", "audit"),
    },
    Right.WORK: {
        *("customer_create", "customer_edit", "customer_delete", "customers_bulk"),
        *("customer_sign_out", "customer_send_link"),
        *("profile_add", "profile_impact", "profile_setup", "profile_details", "profile_failed", "profile_complete"),
        *("profile_replace", "profile_edit", "profile_default", "profile_remove", "profile_backup"),
        *("subscribe", "subscribe_preview", "sell", "sell_preview", "subscription_payer", "subscription_quantity"),
        *("subscription_pause", "subscription_resume", "subscription_cancel", "subscription_undo"),
        *("invoice_collect", "invoice_send", "invoice_refresh"),
        *("invitation_choose", "invitation_send", "invitation_preview", "invitation_preview_mail"),
        *("invitation_link", "invitation_resend", "invitation_revoke", "step_retry"),
    },
    Right.MANAGE: {
        *("invoice_void", "invoice_uncollectible", "invoice_credit", "invoice_credit_preview"),
        *("refund_retry", "refund_move", "balance_entry"),
        *("step_waive", "event_retry", "product_create", "product_edit", "price_create"),
        *("price_active", "price_public"),
        *(
            "settings",
            "settings_colour",
            *("messages", "message", "message_check", "message_preview", "message_reset"),
            "settings_billing",
            "settings_portal",
        ),
        *("settings_dunning", "settings_dunning_preview", "tax_rates", "tax_region", "tax_rate_end"),
    },
    Right.OWN: {"team_invite", "team_role", "team_remove", "team_invitation_revoke", "gateway_connect"},
}
TABLE = sorted((name, right) for right, names in NEEDED.items() for name in names)


def kwargs_of(name: str, ids: tuple[str, ...], office: Office) -> dict[str, Any]:
    found = {key: office.ids[key] for key in ids}
    if name == "team_invitation_revoke":
        found["invitation_id"] = office.ids["staff_invitation_id"]
    return found


def test_every_view_declares_the_right_that_the_table_says() -> None:
    declared = {name: view.needed_right for name, _ids, view in arguments(urlpatterns)}
    assert declared == dict(TABLE)


@pytest.mark.parametrize(("name", "ids"), ADDRESSES, ids=lambda part: part if isinstance(part, str) else "")
def test_strangers_are_sent_to_sign_in(office: Office, client: Client, name: str, ids: tuple[str, ...]) -> None:
    url, page = office.url(name, **kwargs_of(name, ids, office)), office.url("customers")
    for response in (client.get(url), client.post(url, headers={"Referer": f"http://testserver{page}"})):
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/?next=/t/acme/")


@pytest.mark.parametrize(("name", "ids"), ADDRESSES, ids=lambda part: part if isinstance(part, str) else "")
def test_another_tenants_staff_find_nothing_under_our_name(
    office: Office, other_office: Office, client: Client, name: str, ids: tuple[str, ...]
) -> None:
    client.force_login(join(other_office, Role.OWNER))
    url = office.url(name, **kwargs_of(name, ids, office))
    assert client.get(url).status_code == 404
    assert client.post(url).status_code == 404


#: Answers to GET where the address takes only POST; the ids are looked up first all the same, or never reached.
ONLY_POST = 405


@pytest.mark.parametrize(("name", "ids"), WITH_IDS, ids=lambda part: part if isinstance(part, str) else "")
def test_another_tenants_ids_lead_nowhere_under_our_own_name(
    office: Office, other_office: Office, owner: Client, name: str, ids: tuple[str, ...]
) -> None:
    foreign = office.url(name, **kwargs_of(name, ids, other_office))
    unknown = office.url(name, **dict.fromkeys(ids, uuid4()))
    for url in (foreign, unknown):
        answers = {owner.get(url).status_code, owner.post(url).status_code}
        assert answers <= {404, ONLY_POST}
        assert 404 in answers


@pytest.mark.parametrize(("name", "right"), TABLE)
@pytest.mark.parametrize("role", list(Role))
def test_roles(office: Office, client: Client, role: Role, name: str, right: Right) -> None:
    client.force_login(join(office, role))
    ids = dict(ADDRESSES)[name]
    response = client.get(office.url(name, **kwargs_of(name, ids, office)))
    if role.rank < right:
        assert response.status_code == 403
        assert str(role.label) in response.content.decode()
    else:
        assert response.status_code in {200, 204, 302, ONLY_POST, 400, 409, 422}
        if response.status_code == 200 and name != "overview_chart":
            assert "no-store" in response["Cache-Control"]
