"""Bob on his phone: in by a code, details and address changed, another language, a picture, a password, out again."""

import re
from io import BytesIO
from typing import Any

import pytest
from django.utils import translation
from PIL import Image
from playwright.sync_api import expect

from backoffice.customers.timeline import timeline
from customers.models import Customer
from messaging.models import Message
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.stylesheets import sanitise_css
from tests.accessibility import assert_accessible
from tests.portal.conftest import OpenPage
from tests.portal.test_pages_browser import shoot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def uploads_of_its_own(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def latest_mail(tenant: Tenant, template: str) -> str:
    with tenant_scope(tenant.pk):
        return Message.objects.filter(template=template).latest("created_at").text


def code_of(tenant: Tenant) -> str:
    return re.search(r"(?<!\d)(\d{6})(?!\d)", latest_mail(tenant, "portal_sign_in"))[1]  # type: ignore[index]


def a_photo() -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize((900, 700)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def test_a_customer_looks_after_himself(tenant: Tenant, bob: Customer, signed_in_page: OpenPage) -> None:
    page = signed_in_page(as_customer=None)
    page.goto("/portal/acme/settings/")
    page.get_by_label("Your e-mail address").fill("bob@example.com")
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_role("heading", name="Look in your inbox")).to_be_visible()
    page.get_by_label("Code").fill(code_of(tenant))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()

    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Update my info").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("First name").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Enter your first name.")).to_be_visible()
    assert_accessible(page)
    dialog.get_by_label("First name").fill("Robert")
    dialog.get_by_label("Country").select_option("FR")
    expect(dialog.get_by_label("Province")).to_have_count(0)
    dialog.get_by_label("Address", exact=True).fill("5 rue de la Paix")
    dialog.get_by_label("City").fill("Paris")
    dialog.get_by_label("Postal code").fill("75002")
    dialog.get_by_label("E-mail").fill("robert@example.com")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Hello Robert")).to_be_visible()
    expect(page.get_by_text("5 rue de la Paix")).to_be_visible()
    expect(page.get_by_text("waits to be confirmed")).to_be_visible()
    shoot(page, "story-saved")
    assert_accessible(page)

    link = re.search(r"/portal/acme/sign-in/email/\S+", latest_mail(tenant, "email_change_confirm"))[0]  # type: ignore[index]
    page.goto(link)
    shoot(page, "story-email")
    page.get_by_role("button", name="Confirm this address").click()
    expect(page.get_by_role("heading", name="Your address is confirmed")).to_be_visible()
    assert_accessible(page)

    page.goto("/portal/acme/settings/")
    page.get_by_label("Choose a picture").set_input_files(
        {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": a_photo()}
    )
    page.get_by_role("button", name="Save picture").click()
    expect(page.locator("img.portal-picture-now")).to_be_visible()
    page.locator("#id_language").select_option("fr")
    page.locator("#preferences").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Paramètres")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "fr"
    shoot(page, "story-french-settings")
    page.goto("/portal/acme/")
    shoot(page, "story-french-home")
    assert_accessible(page)

    page.get_by_role("button", name="Votre compte").click()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_label("Votre adresse de courriel")).to_be_visible()
    shoot(page, "story-french-sign-in")
    page.goto("/portal/acme/settings/")
    expect(page.get_by_label("Votre adresse de courriel")).to_be_visible()

    with tenant_scope(tenant.pk), translation.override("en"):
        told = [str(item["title"]) for item in timeline(Customer.objects.get(pk=bob.pk), "acme").items]
    for sentence in (
        "Signed in to the portal",
        "Customer edited",
        "Address changed",
        "Contact details changed",
        "Picture set",
        "Signed out of the portal",
    ):
        assert sentence in told


def test_all_of_it_by_keyboard_alone(tenant: Tenant, bob: Customer, signed_in_page: OpenPage) -> None:
    page = signed_in_page(as_customer=None)
    page.goto("/portal/acme/sign-in/")

    def tab_to(name: str) -> None:
        """Press Tab until what has the focus is called so, on a page that has loaded."""
        page.wait_for_load_state()
        for _press in range(40):
            page.keyboard.press("Tab")
            here = page.evaluate(
                "() => { const e = document.activeElement;"
                " return e.labels?.[0]?.innerText || e.getAttribute('aria-label') || e.innerText || '' }"
            )
            if name in here:
                return
        raise AssertionError(f"Nothing called {name} is reached by Tab.")

    tab_to("Your e-mail address")
    page.keyboard.type("bob@example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look in your inbox")).to_be_visible()
    tab_to("Code")
    page.keyboard.type(code_of(tenant))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Hello Bob")).to_be_visible()
    tab_to("Update my info")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto("/portal/acme/")
    tab_to("Your account")
    page.keyboard.press("Enter")
    tab_to("Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in to your account")).to_be_visible()


def test_without_any_script(tenant: Tenant, bob: Customer, signed_in_page: OpenPage) -> None:
    page = signed_in_page(as_customer=None, javascript=False)
    page.goto("/portal/acme/sign-in/")
    page.fill("input[name=email]", "bob@example.com")
    page.press("input[name=email]", "Enter")
    expect(page.get_by_label("Code")).to_be_visible()
    link = re.search(r"/portal/acme/sign-in/link/\S+", latest_mail(tenant, "portal_sign_in"))[0]  # type: ignore[index]
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Update my info").click()
    page.get_by_label("First name").fill("Robert")
    page.get_by_label("Country").select_option("JP")
    page.get_by_role("button", name="Show this country's form").click()
    expect(page.get_by_label("Prefecture")).to_be_visible()
    expect(page.get_by_label("First name")).to_have_value("Robert")
    page.get_by_label("Country").select_option("CA")
    page.get_by_role("button", name="Show this country's form").click()
    page.get_by_label("Province").select_option("QC")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Hello Robert")).to_be_visible()
    page.goto("/portal/acme/settings/sessions/")
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", name="Sign in to your account")).to_be_visible()


def test_a_tenants_own_style_is_used_and_its_traps_are_not(tenant: Tenant, signed_in_page: OpenPage) -> None:
    with tenant_scope(tenant.pk):
        css = sanitise_css("h1 { color: rgb(1 2 3) } body { --accent: rgb(4 5 6) }")
        Tenant.objects.filter(pk=tenant.pk).update(portal_css=css)
    page = signed_in_page()
    page.goto("/portal/acme/")
    assert page.locator("h1").evaluate("e => getComputedStyle(e).color") == "rgb(1, 2, 3)"
