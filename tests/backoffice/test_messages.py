"""The mails to customers in the tenant's own words: list, editor, preview, test, reset."""

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from messaging.kinds import KINDS
from messaging.models import Message, MessageTemplate
from tenants.models import AuditEntry, Role
from tenants.scope import tenant_scope
from tests.accessibility import assert_accessible
from tests.backoffice.conftest import Office, join, make_office
from tests.factories import PASSWORD

WORDS = {"subject": "Receipt {{ number }} of {{ company }}", "body": "Thanks, {{ customer_name }}!\n\n{{ details }}"}
BROKEN = {"subject": "Receipt {{ numbr }}", "body": "Typed with **care**.\n\n{{ amount }"}


def address(office: Office, name: str = "message", mail: str = "invoice_paid", language: str = "en") -> str:
    return office.url(name, mail=mail, language=language)


@pytest.mark.django_db
def test_lists_every_mail_in_every_language(office: Office, owner: Client) -> None:
    owner.post(address(office), WORDS)
    page = owner.get(office.url("messages")).content.decode()
    for kind in KINDS.values():
        assert str(kind.title) in page
        for language in ("en", "fr"):
            assert f'href="{address(office, mail=kind.name, language=language)}"' in page
    assert page.count("Your words</span>") == 1


@pytest.mark.django_db
def test_shows_what_customers_get_until_own_words_are_saved(office: Office, owner: Client) -> None:
    page = owner.get(address(office, mail="credit_note")).content.decode()
    assert "Acme: CA$19.99 credited to you" in page
    assert "Customers get our words now" in page
    assert 'value="{{ company }}: credit note for {{ amount }}"' in page


@pytest.mark.django_db
def test_saves_the_tenants_own_words(office: Office, owner: Client) -> None:
    response = owner.post(address(office), WORDS, follow=True)
    assert response.redirect_chain == [(address(office), 302)]
    page = response.content.decode()
    assert "Customers get these words from now on." in page
    assert "Thanks, {{ customer_name }}!" in page
    with tenant_scope(office.tenant.pk):
        own = MessageTemplate.objects.get()
        assert (own.name, own.language, own.subject, own.body) == ("invoice_paid", "en", *WORDS.values())
        entry = AuditEntry.objects.get(action="message_template.saved")
    assert entry.after == WORDS
    assert entry.actor_label == "Alice Martin"


@pytest.mark.django_db
@pytest.mark.parametrize("button", [{}, {"test": "1"}])
def test_a_broken_text_is_refused_and_nothing_typed_is_lost(
    office: Office, owner: Client, button: dict[str, str]
) -> None:
    response = owner.post(address(office), BROKEN | button)
    assert response.status_code == 422
    page = response.content.decode()
    assert "there is no merge field {{ numbr }}. Did you mean {{ number }}?" in page
    assert "Line 3" in page
    assert "Typed with **care**." in page
    assert 'value="Receipt {{ numbr }}"' in page
    with tenant_scope(office.tenant.pk):
        assert not MessageTemplate.objects.exists()
        assert not Message.objects.filter(template="invoice_paid").exists()


@pytest.mark.django_db
def test_a_test_goes_to_whoever_writes_it_and_saves_nothing(office: Office, client: Client) -> None:
    alice = join(office, Role.MANAGER)
    client.force_login(alice)
    page = client.post(address(office), WORDS | {"test": "1"}).content.decode()
    assert f"A test is on its way to {alice.email}." in page
    assert "Thanks, {{ customer_name }}!" in page
    with tenant_scope(office.tenant.pk):
        message = Message.objects.get(template="invoice_paid")
        assert not MessageTemplate.objects.exists()
    assert (message.to, message.subject) == (alice.email, "Test: Receipt INV-1042 of Acme")
    assert "Thanks, Camille!" in message.text


@pytest.mark.django_db
def test_the_preview_shows_the_draft_or_what_is_wrong_with_it(office: Office, owner: Client) -> None:
    now = owner.get(address(office, "message_preview"))
    assert "Thank you, it is paid" in now.content.decode()
    assert "sandbox" in now["Content-Security-Policy"]
    draft = owner.post(address(office, "message_preview"), WORDS)
    assert "Thanks, Camille!" in draft.content.decode()
    broken = owner.post(address(office, "message_preview"), BROKEN)
    assert broken.status_code == 422
    assert "there is no merge field" in broken.content.decode()


@pytest.mark.django_db
def test_the_draft_is_checked_while_it_is_written(office: Office, owner: Client) -> None:
    assert "Receipt INV-1042 of Acme" in owner.post(address(office, "message_check"), WORDS).content.decode()
    assert "Did you mean" in owner.post(address(office, "message_check"), BROKEN).content.decode()


@pytest.mark.django_db
def test_goes_back_to_our_words(office: Office, owner: Client) -> None:
    owner.post(address(office), WORDS)
    page = owner.post(address(office, "message_reset"), follow=True).content.decode()
    assert "Customers get our words again." in page
    with tenant_scope(office.tenant.pk):
        assert not MessageTemplate.objects.exists()
        assert AuditEntry.objects.get(action="message_template.reset").before == WORDS


@pytest.mark.django_db
@pytest.mark.parametrize(("mail", "language"), [("unheard_of", "en"), ("invoice_paid", "de"), ("link_requested", "en")])
def test_only_mails_to_customers_in_our_languages(office: Office, owner: Client, mail: str, language: str) -> None:
    assert owner.get(address(office, mail=mail, language=language)).status_code == 404
    assert owner.post(address(office, mail=mail, language=language), WORDS).status_code == 404


@pytest.mark.django_db
def test_another_tenants_words_are_not_ours(office: Office, other_office: Office, owner: Client) -> None:
    with tenant_scope(other_office.tenant.pk):
        MessageTemplate.objects.create(name="invoice_paid", language="en", subject="Theirs", body="Theirs")
    assert "Theirs" not in owner.get(address(office)).content.decode()
    assert "Theirs" not in owner.get(address(office, "message_preview")).content.decode()


@pytest.fixture
def shop(transactional_db: None) -> Office:
    return make_office("acme", "Acme")


def sign_in(page: Page, live_server: LiveServer, office: Office) -> None:
    user = join(office, Role.MANAGER)
    page.goto(f"{live_server.url}/accounts/login/")
    page.fill("input[name=login]", user.email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.wait_for_load_state()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", {"width": 1440, "height": 900}), ("dark", {"width": 390, "height": 844})],
    ids=["light-desktop", "dark-phone"],
)
def test_the_preview_follows_what_is_written(
    browser: Browser, live_server: LiveServer, shop: Office, scheme: str, size: dict[str, int]
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    sign_in(page, live_server, shop)
    page.goto(live_server.url + shop.url("messages"))
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(live_server.url + address(shop))
    page.get_by_role("textbox", name="Text").fill("Merci, ")
    page.get_by_role("button", name="{{ customer_name }}").click()
    expect(page.locator("iframe.mail-frame").last.content_frame.get_by_text("Merci, Camille")).to_be_visible()
    page.get_by_role("textbox", name="Subject").fill("Paid: {{ amount }}")
    expect(page.locator("#draft-check")).to_contain_text("Paid: CA$57.49")
    page.get_by_role("radio", name="Phone").check()
    expect(page.locator("[data-frames].is-phone")).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("textbox", name="Subject").fill("Paid: {{ amuont }}")
    expect(page.locator("#draft-check")).to_contain_text("Did you mean {{ amount }}?")
    expect(page.locator("iframe.mail-frame")).to_have_count(1)
    expected = ("422", "htmx:afterRequest", "htmx:sendAbort")  # what is typed on takes the place of what is on its way
    assert [text for text in refused if not any(words in text for words in expected)] == []
    page.get_by_role("textbox", name="Subject").fill("Paid: {{ amount }}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Back to our words")).to_be_visible()
    page.get_by_role("button", name="Back to our words").click()
    page.get_by_role("button", name="Go back").click()
    expect(page.get_by_text("Customers get our words again.")).to_be_visible()
    context.close()
