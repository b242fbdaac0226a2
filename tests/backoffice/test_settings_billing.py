"""Settings about invoices, failed payments and the portal."""

from typing import Any

import pytest
from django.test import Client

from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office

pytestmark = pytest.mark.django_db

BILLING = {"method_kinds": ["card"], "payment_terms_days": "0"}
DUNNING = {"dunning_retry_days": "1, 3, 5, 7", "dunning_invites": "on", "dunning_outcome": "cancel"}
PORTAL = {"portal_shows_payment": "on", "portal_shows_offers": "on", "portal_cancellation": "period_end"}


def stored(office: Office) -> Tenant:
    return Tenant.objects.get(pk=office.tenant.pk)


def test_saves_what_invoices_say_and_audits_only_that(office: Office, owner: Client) -> None:
    typed = {
        "method_kinds": ["card", "sepa_debit"],
        "payment_terms_days": "14",
        "ask_consent": "on",
        "legal_name": "Acme Press\r\nInc.",
        "legal_address": "1 rue du Port\r\n\r\nMontréal  QC\r\n",
        "tax_numbers": "GST 1 · QST 2",
        "invoice_note_fr": "Merci",
    }
    assert owner.post(office.url("settings_billing"), typed).status_code == 302
    tenant = stored(office)
    assert (tenant.method_kinds, tenant.payment_terms_days, tenant.ask_consent) == (["card", "sepa_debit"], 14, True)
    assert (tenant.legal_name, tenant.legal_address) == ("Acme Press Inc.", "1 rue du Port\nMontréal QC")
    assert tenant.dunning_retry_days == [1, 3, 5, 7]
    with tenant_scope(tenant.pk):
        entry = AuditEntry.objects.get(action="tenant.updated")
    assert entry.after["payment_terms_days"] == 14
    assert "dunning_invites" not in entry.after


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("settings_billing", BILLING | {"method_kinds": []}, "at least one way to pay"),
        ("settings_billing", BILLING | {"method_kinds": ["cash"]}, "Select a valid choice"),
        ("settings_billing", BILLING | {"payment_terms_days": "-1"}, "Enter a whole number from 0 to 120"),
        ("settings_billing", BILLING | {"payment_terms_days": "121"}, "Enter a whole number from 0 to 120"),
        ("settings_billing", BILLING | {"payment_terms_days": "soon"}, "whole number"),
        ("settings_billing", BILLING | {"invoice_note_en": "x" * 301}, "at most 300"),
        ("settings_dunning", DUNNING | {"dunning_retry_days": "tomorrow"}, "Write whole days"),
        ("settings_dunning", DUNNING | {"dunning_retry_days": "1, -3"}, "Write whole days"),
        ("settings_dunning", DUNNING | {"dunning_retry_days": "3, 1"}, "after the one before it"),
        ("settings_dunning", DUNNING | {"dunning_retry_days": "1, 1"}, "after the one before it"),
        ("settings_dunning", DUNNING | {"dunning_retry_days": "0, 3"}, "between 1 and 60"),
        ("settings_dunning", DUNNING | {"dunning_retry_days": "1 2 3 4 5 6 7 8 9 10 11"}, "At most 10 retries"),
        ("settings_dunning", DUNNING | {"dunning_retry_days": "1 ٣"}, "Write whole days"),
        ("settings_dunning", DUNNING | {"dunning_outcome": "shrug"}, "Select a valid choice"),
        ("settings_portal", PORTAL | {"portal_cancellation": ""}, "This field is required"),
        ("settings_portal", PORTAL | {"portal_css": "x" * 20_001}, "at most 20000"),
    ],
)
def test_bad_input_is_told_beside_the_field_and_kept(
    office: Office, owner: Client, name: str, typed: dict[str, Any], words: str
) -> None:
    before = stored(office).__dict__.copy()
    response = owner.post(office.url(name), typed)
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    assert all(value in page for value in typed.values() if isinstance(value, str) and value)
    after = stored(office).__dict__
    assert {key: after[key] for key in after if key != "_state"} == {k: before[k] for k in before if k != "_state"}


@pytest.mark.parametrize(
    ("typed", "days"), [("1, 3, 5, 7", [1, 3, 5, 7]), ("2;4 30", [2, 4, 30]), ("", []), (" , ", [])]
)
def test_days_are_read_as_people_write_them(office: Office, owner: Client, typed: str, days: list[int]) -> None:
    owner.post(office.url("settings_dunning"), DUNNING | {"dunning_retry_days": typed, "dunning_outcome": "unpaid"})
    assert (stored(office).dunning_retry_days, stored(office).dunning_outcome) == (days, "unpaid")


def test_saving_the_same_again_changes_nothing(office: Office, owner: Client) -> None:
    owner.post(office.url("settings_dunning"), DUNNING)
    owner.post(office.url("settings_portal"), PORTAL)
    with tenant_scope(office.tenant.pk):
        assert not AuditEntry.objects.filter(action="tenant.updated").exists()


def test_the_schedule_is_shown_while_it_is_typed(office: Office, owner: Client) -> None:
    url = office.url("settings_dunning_preview")
    page = owner.get(url, DUNNING | {"dunning_retry_days": "2, 9"}).content.decode()
    assert [day for day in range(12) if f"Day {day}<" in page] == [0, 2, 9]
    assert "7 days after the last time." in page
    assert "Then the subscription is cancelled." in page
    assert "<html" not in page
    refused = owner.get(url, DUNNING | {"dunning_retry_days": "9, 2"}).content.decode()
    assert "Each day must come after the one before it." in refused
    alone = owner.get(url, {"dunning_retry_days": "", "dunning_outcome": "keep"}).content.decode()
    assert "Day 0<" in alone
    assert "Charged again" not in alone
    assert "stays past due" in alone


def test_the_portals_switches_are_saved(office: Office, owner: Client) -> None:
    owner.post(office.url("settings_portal"), {"portal_shows_social": "on", "portal_cancellation": "no"})
    tenant = stored(office)
    shown = (tenant.portal_shows_payment, tenant.portal_shows_offers, tenant.portal_shows_social)
    assert shown == (False, False, True)
    assert tenant.portal_cancellation == "no"


def test_a_style_sheet_is_kept_as_it_may_be_served(office: Office, owner: Client) -> None:
    typed = PORTAL | {"portal_css": ".card {\r\n  border-radius: 0;\r\n}"}
    owner.post(office.url("settings_portal"), typed)
    kept = stored(office).portal_css
    assert "border-radius: 0" in kept
    assert ".portal-custom" in kept
    owner.post(office.url("settings_portal"), PORTAL | {"portal_css": kept})
    assert stored(office).portal_css == kept
    with tenant_scope(office.tenant.pk):
        assert AuditEntry.objects.filter(action="tenant.updated").count() == 1


@pytest.mark.parametrize(
    ("css", "line"),
    [
        (".card { color: red }\n\n.card { background: url(https://evil.example/x) }", 3),
        ("@import 'https://evil.example/x.css';", 1),
        (".a { color: red }\n</style><script>alert(1)</script>", 2),
    ],
)
def test_a_style_sheet_that_reaches_out_is_refused_at_its_line(
    office: Office, owner: Client, css: str, line: int
) -> None:
    response = owner.post(office.url("settings_portal"), PORTAL | {"portal_css": css})
    page = response.content.decode()
    assert response.status_code == 422
    assert f"Line {line}:" in page
    assert f'data-error-line="{line}"' in page
    assert "evil.example" in page or "alert(1)" in page
    assert "<script>alert(1)" not in page
    assert stored(office).portal_css == ""
