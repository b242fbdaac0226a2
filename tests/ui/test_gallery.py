"""The components in a real browser, in both themes, at the widths of a desk and of a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.accessibility import assert_accessible
from tests.ui.gallery import COLOURS

pytestmark = pytest.mark.urls("tests.ui.gallery")
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(autouse=True)
def gallery_templates(settings: Settings) -> None:
    first = settings.TEMPLATES[0]
    settings.TEMPLATES = [first | {"DIRS": [*first["DIRS"], Path(__file__).parent / "templates"]}]


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def gallery(request: pytest.FixtureRequest, browser: Browser, scheme: str, live_server: LiveServer) -> Iterator[Page]:
    """A page that fails the test on any console error, a refusal by the CSP included."""
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light", viewport=request.param, base_url=live_server.url
    )
    page = context.new_page()
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_staff_pages_are_accessible_and_fit(gallery: Page) -> None:
    gallery.goto("/gallery/staff/?errors&notes")
    assert_accessible(gallery)
    assert fits(gallery)


def test_customer_pages_are_accessible_in_any_colour(gallery: Page) -> None:
    for slug in COLOURS:
        gallery.goto(f"/gallery/public/{slug}/")
        assert_accessible(gallery)
        assert fits(gallery)


def test_sign_in_and_error_pages_are_accessible_and_fit(gallery: Page) -> None:
    for address in ("/accounts/login/", "/accounts/password/reset/", "/accounts/signup/"):
        gallery.goto(address)
        assert_accessible(gallery)
        assert fits(gallery)


@pytest.fixture
def desk(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    context = browser.new_context(viewport=DESK, base_url=live_server.url)
    yield context.new_page()
    context.close()


def test_a_dialog_opens_by_its_button_and_closes_by_escape(desk: Page) -> None:
    desk.goto("/gallery/staff/")
    dialog = desk.get_by_role("dialog", name="Replace the invitation?")
    desk.get_by_role("button", name="Open a dialog").click()
    expect(dialog).to_be_visible()
    assert_accessible(desk)
    desk.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_chosen_theme_stays(desk: Page) -> None:
    desk.goto("/gallery/staff/")
    desk.get_by_role("button", name="Your account").click()
    desk.get_by_role("button", name="Dark", exact=True).click()
    desk.reload()
    expect(desk.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_a_slash_leads_to_the_search(desk: Page) -> None:
    desk.goto("/gallery/staff/")
    desk.keyboard.press("/")
    expect(desk.get_by_role("searchbox", name="Search", exact=True)).to_be_focused()


def test_an_error_summary_takes_the_focus_and_leads_to_its_field(desk: Page) -> None:
    desk.goto("/gallery/staff/?errors")
    expect(desk.locator(".error-summary")).to_be_focused()
    desk.locator(".error-summary").get_by_role("link", name="E-mail").click()
    expect(desk.get_by_role("textbox", name="E-mail")).to_be_focused()


def test_a_success_note_leaves_and_an_error_stays(desk: Page) -> None:
    desk.clock.install(time=0)
    desk.clock.pause_at(1000)  # it stands still, however slow the page is
    desk.goto("/gallery/staff/?notes")
    expect(desk.get_by_text("The invitation was sent.")).to_be_visible()
    desk.clock.run_for(7000)
    expect(desk.get_by_text("The invitation was sent.")).to_have_count(0)
    expect(desk.get_by_text("The gateway refused the key.")).to_be_visible()


def test_checking_all_checks_each_row(desk: Page) -> None:
    desk.goto("/gallery/staff/")
    desk.get_by_role("checkbox", name="Check all").check()
    expect(desk.get_by_role("checkbox", name="Ada Lovelace")).to_be_checked()
