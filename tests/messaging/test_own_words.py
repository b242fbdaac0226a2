"""Tenants' own words: what is refused, and how they are written into our layout."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from customers.models import Notification
from messaging.kinds import KINDS, Kind
from messaging.models import MessageTemplate
from messaging.own_words import (
    BrokenWords,
    problems_of,
    render_sample,
    reset_own_words,
    save_own_words,
    starting_words,
)
from messaging.rendering import LABELS, Rendered, Words, render
from tenants.actors import Actor
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests.factories import TenantFactory

pytestmark = pytest.mark.django_db

ALICE = Actor.system("Alice")
PAID = KINDS["invoice_paid"]


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    tenant = TenantFactory(slug="northwind", name="Northwind & Sons", time_zone="America/Toronto")
    with tenant_scope(tenant.pk):
        yield tenant


def written(body: str, kind: Kind = PAID, **context: Any) -> Rendered:
    sample = kind.sample("https://billing.example.com/portal/northwind/pay/token") | context
    return render("email", kind.name, "en", sample, words=Words("Hello", body))


def refusals(body: str = "Fine.", subject: str = "Fine", kind: Kind = PAID) -> list[str]:
    return [str(problem.message) for problem in problems_of(kind, Words(subject, body))]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_text_to_start_from_is_a_good_one(tenant: Tenant, name: str, language: str) -> None:
    kind = KINDS[name]
    words = starting_words(kind, language)
    assert problems_of(kind, words) == []
    mail = render_sample(kind, language, words)
    for part in (mail.subject, mail.text, mail.html):
        assert "{{" not in part
        assert "}}" not in part
    assert "Northwind & Sons" in mail.subject


@pytest.mark.parametrize("name", sorted(KINDS))
def test_kinds_are_whole(name: str) -> None:
    kind = KINDS[name]
    assert kind.needs <= kind.sample("https://example.com/").keys()
    assert {*kind.details, kind.figure} - {""} <= {field.name for field in kind.fields}
    assert set(kind.details) <= LABELS.keys()
    assert kind.muted_by in {"", *Notification.values}
    assert kind.label is None or "link" in kind.needs


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ("Hello {{ naem }}", "Line 1: there is no merge field {{ naem }} in this mail."),
        ("Hello\n\n{{ custmer_name }}", "Line 3: there is no merge field {{ custmer_name }}. Did you mean"),
        ("Hello {{ customer_name }", "Line 1: “{{” is not part of a merge field."),
        ("Hello {{ customer.email }}", "Line 1: “{{” is not part of a merge field."),
        ("Hello customer_name }}", "Line 1: “}}” is not part of a merge field."),
        ("{% if amount %}x{% endif %}", "Line 1: “{%” has no meaning here."),
        ("{# note #}", "Line 1: “{#” has no meaning here."),
        ("Press {{ button }} now", "Line 1: {{ button }} must stand in a paragraph of its own."),
        ("- {{ details }}", "Line 1: {{ details }} must stand in a paragraph of its own."),
        ("{{ button }}\n\n{{ button }}", "{{ button }} can stand here only once."),
        ("[pay]({{ customer_name }})", "Line 1: {{ customer_name }} is not an address that a link can lead to."),
        ("One\n\n[here](/pay)", "Line 3: a link’s address begins with https://, mailto: or tel:."),
        ("[here](javascript:alert(1))", "Line 1: a link’s address begins with https://, mailto: or tel:."),
        (" \n ", "Write something here, or go back to our words."),
        ("x" * 20_001, "This is too long: 20000 characters at most."),
    ],
)
def test_refuses_a_broken_text_and_says_where(body: str, refusal: str) -> None:
    told = refusals(body)
    assert any(message.startswith(refusal) for message in told), told


@pytest.mark.parametrize(
    ("subject", "refusal"),
    [
        ("", "Write something here"),
        ("{{ button }}", "{{ button }} cannot stand in the subject."),
        ("Pay at {{ link }}", "{{ link }} cannot stand in the subject."),
        ("{{ nobody }}", "Line 1: there is no merge field {{ nobody }}"),
        ("One\nTwo", "A subject is one line."),
    ],
)
def test_refuses_a_broken_subject(subject: str, refusal: str) -> None:
    assert any(message.startswith(refusal) for message in refusals(subject=subject))


def test_a_sign_in_mail_must_tell_the_code_and_not_in_its_subject() -> None:
    kind = KINDS["portal_sign_in"]
    assert refusals("Welcome.", kind=kind) == ["This mail is useless without {{ code }}."]
    assert refusals("{{ code }}", subject="{{ code }}", kind=kind) == ["{{ code }} cannot stand in the subject."]


def test_every_problem_is_told_at_once() -> None:
    assert len(refusals("{{ a }}\n\n{{ b }\n\n{% c %}", subject="{{ d }}")) == 4


def test_what_a_customer_is_called_is_never_markup(tenant: Tenant) -> None:
    name = "**Bob** <script>alert(1)</script> [x](https://evil.example) {{ amount }}"
    mail = written("Dear {{ customer_name }}, *{{ customer_name }}*\n\n- `{{ customer_name }}`", customer_name=name)
    assert "<script" not in mail.html
    assert 'href="https://evil.example"' not in mail.html
    assert mail.html.count("**Bob** &lt;script&gt;") == 3
    assert mail.html.count("{{ amount }}") == 3
    assert f"Dear {name}, {name}" in mail.text


def test_html_is_text_and_pictures_are_not_loaded(tenant: Tenant) -> None:
    mail = written("<b onclick=x>hi</b> ![spy](https://evil.example/a.png)\n\n<script>alert(1)</script>")
    assert "<b onclick" not in mail.html
    assert "<script" not in mail.html
    assert "<img" not in mail.html.partition("</h1>")[2]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_links_lead_nowhere_dangerous(tenant: Tenant, address: str) -> None:
    assert f'href="{address}' not in written(f"[x]({address}) <{address}>").html


@pytest.mark.parametrize(
    "address", ["https://evil.example/?u={{ link }}", "https://{{ link }}", "mailto:eve@evil.example?body={{ link }}"]
)
def test_what_opens_doors_is_sent_to_no_other_site(address: str) -> None:
    """Whoever writes the mails is not to be handed their customers' links, one press each."""
    assert "an address must begin with its merge field" in "".join(
        refusals(f"[Sign in]({address})\n\n{{{{ button }}}}")
    )
    assert refusals("[Purchases]({{ portal_link }}purchases/)\n\n{{ button }}") == []


def test_links_lead_where_their_merge_field_says(tenant: Tenant) -> None:
    mail = written("[Portal]({{ portal_link }}) or {{ link }}\n\n{{ button }}", PAID)
    portal = re.findall(r'href="([^"]+)"[^>]*>Portal<', mail.html)
    assert portal == ["http://testserver/portal/northwind/"] or portal[0].endswith("/portal/northwind/")
    assert mail.html.count('href="https://billing.example.com/portal/northwind/pay/token"') == 2
    assert f"Portal ({portal[0]})" in mail.text
    assert "https://billing.example.com/portal/northwind/pay/token" in mail.text


def test_the_button_stands_where_it_is_put_and_else_at_the_end(tenant: Tenant) -> None:
    above = written("{{ button }}\n\nLast words.")
    assert above.html.index("See your purchases</a>") < above.html.index("Last words.")
    assert above.text.index("See your purchases:") < above.text.index("Last words.")
    below = written("Last words.")
    assert below.html.index("Last words.") < below.html.index("See your purchases</a>")
    assert below.text.index("Last words.") < below.text.index("See your purchases:")
    assert below.html.count("See your purchases</a>") == 1


def test_markdown_reads_well_as_plain_text(tenant: Tenant) -> None:
    text = written("# Title\n\nOne **bold**\nline.\n\n1. first\n2. second\n   - inner\n\n> said\n\n{{ details }}").text
    assert text.startswith(
        "Title\n\nOne bold line.\n\n1. first\n2. second\n  - inner\n\nsaid\n\nCA$57.49\nNumber: INV-1042"
    )


def test_the_layout_and_the_foot_stay_ours(tenant: Tenant) -> None:
    mail = written("Short.")
    assert "Manage your billing details and see your purchases" in mail.html
    assert "Manage your billing details and see your purchases" in mail.text
    assert "Northwind &amp; Sons" in mail.html


def test_own_words_take_the_place_of_ours_in_their_language_only(tenant: Tenant) -> None:
    own = Words("Paid: {{ amount }}", "Cheers, {{ customer_name }}.")
    save_own_words(actor=ALICE, kind=PAID, language="fr", words=own)
    assert render_sample(PAID, "fr").subject == "Paid: 57,49\xa0$CA" or "57,49" in render_sample(PAID, "fr").subject
    assert "Cheers" in render_sample(PAID, "fr").text
    assert "Cheers" not in render_sample(PAID, "en").text
    assert reset_own_words(actor=ALICE, kind=PAID, language="fr")
    assert "Cheers" not in render_sample(PAID, "fr").text
    assert not reset_own_words(actor=ALICE, kind=PAID, language="fr")
    assert list(AuditEntry.objects.order_by("at").values_list("action", flat=True)) == [
        "message_template.saved",
        "message_template.reset",
    ]


def test_saving_the_same_words_again_changes_nothing(tenant: Tenant) -> None:
    for _ in range(2):
        save_own_words(actor=ALICE, kind=PAID, language="en", words=Words("A", "B\r\nC "))
    assert MessageTemplate.objects.get().body == "B\nC"
    assert AuditEntry.objects.count() == 1


def test_a_text_that_cannot_be_stored_is_refused(tenant: Tenant) -> None:
    assert refusals("Fine.\x00") == ["Null characters are not allowed."]
    assert refusals("Fine.", "\x00Fine") == ["Null characters are not allowed."]


def test_a_broken_text_is_not_saved(tenant: Tenant) -> None:
    with pytest.raises(BrokenWords) as error:
        save_own_words(actor=ALICE, kind=PAID, language="en", words=Words("A", "{{ nope }}"))
    assert error.value.code == "broken_words"
    assert error.value.fields.keys() == {"body"}
    assert not MessageTemplate.objects.exists()


def test_a_stored_text_whose_field_is_gone_is_still_sent(tenant: Tenant) -> None:
    MessageTemplate.objects.create(name="invoice_paid", language="en", subject="{{ old }} news", body="{{ old }}Hi")
    mail = render_sample(PAID, "en")
    assert (mail.subject, "Hi" in mail.text) == ("news", True)
