from datetime import UTC, date, datetime
from types import SimpleNamespace as Sample
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone, translation

from tenants.badges import STATES
from tenants.models import Tenant

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def rendered(source: str, **context: Any) -> str:
    return Template(source).render(Context(context))


def test_money_is_written_in_the_active_language() -> None:
    assert rendered("{% money 4900 'CAD' %}") == '<span class="money">CA$49.00</span>'
    with translation.override("fr"):
        assert "49,00" in rendered("{{ 4900|money_text:'CAD' }}")


def test_no_amount_is_a_dash() -> None:
    assert "–" in rendered("{% money amount 'CAD' %}", amount=None)


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("moment", "style", "shown"),
    [
        (datetime(2026, 3, 10, 11, 10, tzinfo=UTC), "relative", "50 minutes ago"),
        (datetime(2026, 3, 10, 11, 59, 20, tzinfo=UTC), "relative", "just now"),
        (datetime(2026, 3, 10, 11, 10, 20, tzinfo=UTC), "datetime", "Mar 10, 2026, 7:10\u202fAM"),
        (datetime(2026, 3, 13, 12, 0, tzinfo=UTC), "relative", "in 3 days"),
        (datetime(2025, 7, 9, 3, 0, tzinfo=UTC), "relative", "Jul 8, 2025"),
        (datetime(2026, 3, 10, 2, 0, tzinfo=UTC), "date", "Mar 9, 2026"),
        (date(2026, 3, 10), "relative", "Mar 10, 2026"),
    ],
)
def test_times_are_shown_in_the_active_zone(moment: datetime | date, style: str, shown: str) -> None:
    with timezone.override(ZoneInfo("America/Toronto")):
        assert f">{shown}</time>" in rendered("{% when moment style %}", moment=moment, style=style)


@time_machine.travel(NOW, tick=False)
def test_a_relative_time_tells_the_full_one_too() -> None:
    with timezone.override(ZoneInfo("America/Toronto")):
        html = rendered("{% when moment %}", moment=datetime(2026, 3, 10, 11, 10, tzinfo=UTC))
    assert 'datetime="2026-03-10T07:10:00-04:00"' in html
    assert "March 10, 2026" in html
    assert "7:10:00" in html


@pytest.mark.parametrize("state", STATES)
def test_each_state_has_a_word_and_a_drawing(state: str) -> None:
    html = rendered("{% state_badge state %}", state=state)
    assert str(STATES[state].label) in html
    assert f"#{STATES[state].icon}" in html


def test_an_unknown_state_is_shown_as_its_own_word() -> None:
    assert "On hold" in rendered("{% state_badge 'on_hold' %}")


def test_a_state_can_be_only_its_word() -> None:
    assert rendered("{{ 'past_due'|state_word|lower }}") == "past due"


def test_an_address_breaks_before_its_at_and_its_dots_and_stays_escaped() -> None:
    assert rendered("{{ email|address_breaks }}", email="a.b@c.example") == "a<wbr>.b<wbr>@c<wbr>.example"
    assert "<b>" not in rendered("{{ email|address_breaks }}", email="<b>@c.example")


def test_a_card_shows_brand_last_digits_and_expiry() -> None:
    profile = Sample(brand="visa", last4="4242", exp_month=4, exp_year=2028, kind="card")
    html = rendered("{% card_mark profile %}", profile=profile)
    assert 'alt="Visa"' in html
    assert "4242" in html
    assert "04/28" in html
    assert "04/28" not in rendered("{% card_mark profile expiry=False %}", profile=profile)


def test_an_unknown_brand_gets_a_plain_card() -> None:
    assert "generic" in rendered("{% card_mark profile %}", profile={"brand": "<script>", "last4": "1"})


def test_a_phone_number_can_be_called() -> None:
    assert 'href="tel:+1-416-555-0123"' in rendered("{% phone '+14165550123' %}")
    assert rendered("{% phone number %}", number="<b>") == "&lt;b&gt;"


@pytest.mark.parametrize(
    ("name", "letters"), [("Ada Lovelace", "AL"), ("ada.king@example.com", "AK"), ("Émilie", "ÉM"), ("", "?")]
)
def test_initials_are_at_most_two_letters(name: str, letters: str) -> None:
    assert rendered("{{ name|initials }}", name=name) == letters


def test_a_tenant_colour_cannot_bring_its_own_css() -> None:
    tenant = Tenant(primary_colour="red}*{")
    html = rendered("{% tenant_style tenant %}", tenant=tenant, csp_nonce="n0nce")
    assert 'nonce="n0nce"' in html
    assert "red}" not in html


def test_components_escape_what_they_are_given() -> None:
    html = rendered("{% alert 'danger' title=text %}{{ text }}{% endalert %}", text="<b>")
    assert "<b>" not in html
    assert html.count("&lt;b&gt;") == 2


def test_a_heading_sorts_up_then_down_and_starts_paging_again() -> None:
    source = "{% sort_header 'name' 'Customer' %}"
    first = rendered(source, request=RequestFactory().get("/?q=a&after=x"))
    assert 'aria-sort="none"' in first
    assert 'href="?q=a&amp;sort=name"' in first
    second = rendered(source, request=RequestFactory().get("/?sort=name"))
    assert 'aria-sort="ascending"' in second
    assert 'href="?sort=-name"' in second
