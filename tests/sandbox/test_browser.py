"""The browser script in a page of another origin, under a policy without 'unsafe-inline'."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.payment_fields import payment_fields, type_into
from tests.sandbox.conftest import Tenant

PAGE = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width, initial-scale=1">
<script nonce="abc" src="{box}/js/stripe.js"></script>
<div id="card"></div><button id="save">Save</button><output id="out"></output>
<script nonce="abc">
const asked = new URLSearchParams(location.search);
const stripe = Stripe("{key}", {{locale: asked.get("locale") || "en"}});
const appearance = {{theme: asked.get("theme") || "stripe", variables: {{colorPrimary: "#0a7d53"}}}};
const elements = stripe.elements({{clientSecret: asked.get("secret"), appearance}});
const element = elements.create("payment");
element.on("ready", () => document.body.dataset.ready = "1");
element.on("change", (event) => document.body.dataset.complete = event.complete);
element.mount("#card");
document.getElementById("save").addEventListener("click", async () => {{
  const out = document.getElementById("out");
  const checked = await elements.submit();
  if (checked.error) return void (out.textContent = "invalid: " + checked.error.message);
  const confirmParams = {{
    return_url: location.origin + "/back",
    payment_method_data: {{billing_details: {{name: "Alice", email: "alice@example.com"}}}},
  }};
  const redirect = asked.get("redirect") || "if_required";
  const done = await stripe.confirmSetup({{elements, confirmParams, redirect}});
  window.told = done.setupIntent && done.setupIntent.next_action;
  out.textContent = done.error ? done.error.code + ": " + done.error.message : "setup " + done.setupIntent.status;
}});
</script></html>"""


@dataclass
class Host:
    """The page's own server, and what it was told: it must never see a card's number."""

    url: str
    seen: list[str] = field(default_factory=list)


@pytest.fixture
def host(shop: Tenant) -> Iterator[Host]:
    found = Host("")
    html = PAGE.format(box=shop.box.url, key=shop.keys["publishable_key"]).encode()
    box = shop.box.url
    policy = f"default-src 'none'; script-src {box} 'nonce-abc'; frame-src {box}; connect-src {box}; img-src 'self'"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.seen.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(html if self.path.startswith("/?") else b"<p>back")

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A phone's page on which nothing was reported as refused by the policy, and no script failed."""
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    page.context.close()
    assert problems == []


def open_form(shop: Tenant, host: Host, page: Page, kinds: tuple[str, ...] = ("card",), **options: str) -> Any:
    """The page with a fresh intent that takes these kinds of method; its id."""
    intent = shop.v1.setup_intents.create({"customer": shop.customer().id, "allowed_payment_method_types": list(kinds)})
    query = "&".join(f"{name}={value}" for name, value in {"secret": intent.client_secret, **options}.items())
    page.goto(f"{host.url}/?{query}")
    expect(page.locator("body[data-ready='1']")).to_be_attached()
    return intent.id


def enter(field: Locator, text: str) -> None:
    """Key by key, unless the first letters came before the focus."""
    field.click()
    field.press_sequentially(text)
    if re.sub(r"\W", "", field.input_value()).lower() != text:
        type_into(field, text)


def type_card(page: Page, number: str, expiry: str = "1234", cvc: str = "123") -> None:
    fields = payment_fields(page)
    enter(fields.locator("[name=number]"), number)
    type_into(fields.locator("[name=expiry]"), expiry)
    type_into(fields.locator("[name=cvc]"), cvc)


def test_saves_a_card_that_the_page_never_sees(shop: Tenant, host: Host, phone: Page, tmp_path: Path) -> None:
    intent = open_form(shop, host, phone)
    type_card(phone, "4242424242424242")
    fields = payment_fields(phone)
    expect(fields.locator("[name=number]")).to_have_value("4242 4242 4242 4242")
    expect(fields.locator("[name=expiry]")).to_have_value("12 / 34")
    expect(phone.locator("body[data-complete='true']")).to_be_attached()
    phone.screenshot(path=tmp_path / "form.png")
    phone.click("#save")
    expect(phone.locator("#out")).to_have_text("setup succeeded")
    saved = shop.v1.setup_intents.retrieve(intent, {"expand": ["payment_method"]})
    assert (saved.payment_method.card.last4, saved.payment_method.billing_details.name) == ("4242", "Alice")
    assert saved.payment_method.card.checks.cvc_check == "pass"
    assert not [path for path in host.seen if "4242" in path.replace(intent, "")]
    log = shop.requests(path="/v1/setup_intents/*/confirm")[0]
    assert log["params"]["payment_method_data"]["card"]["number"] == "****4242"
    assert log["params"]["payment_method_data"]["card"]["cvc"] == "****"


def test_explains_what_is_wrong_in_french(shop: Tenant, host: Host, phone: Page) -> None:
    open_form(shop, host, phone, locale="fr", theme="night")
    phone.click("#save")
    expect(phone.locator("#out")).to_have_text("invalid: Le numéro de votre carte est incomplet.")
    fields = payment_fields(phone)
    expect(fields.get_by_label("Numéro de carte")).to_be_focused()
    type_card(phone, "4242424242424241")
    expect(fields.locator("#number-error")).to_have_text("Le numéro de votre carte n’est pas valide.")
    type_into(fields.locator("[name=number]"), "4000000000009995")
    phone.click("#save")
    expect(phone.locator("#out")).to_have_text("card_declined: Votre carte ne dispose pas de fonds suffisants.")


@pytest.mark.parametrize(
    ("button", "told"), [("complete", "setup succeeded"), ("fail", "setup_intent_authentication_failure: ")]
)
def test_three_d_secure_in_a_dialog(shop: Tenant, host: Host, phone: Page, button: str, told: str) -> None:
    open_form(shop, host, phone)
    type_card(phone, "4000002500003155")
    phone.click("#save")
    bank = phone.frame_locator("iframe[title='3D Secure authentication frame']")
    expect(bank.locator("button.complete")).to_be_focused()
    bank.locator(f"button.{button}").click()
    expect(phone.locator("#out")).to_contain_text(told)
    expect(phone.locator("[role=dialog]")).to_have_count(0)


def test_escape_abandons_authentication(shop: Tenant, host: Host, phone: Page) -> None:
    intent = open_form(shop, host, phone)
    type_card(phone, "4000002500003155")
    phone.click("#save")
    expect(phone.frame_locator("iframe[title='3D Secure authentication frame']").locator("h1")).to_be_visible()
    phone.keyboard.press("Escape")
    expect(phone.locator("#out")).to_contain_text("setup_intent_authentication_failure")
    assert shop.v1.setup_intents.retrieve(intent).status == "requires_payment_method"


def test_three_d_secure_on_a_page_of_its_own(shop: Tenant, host: Host, phone: Page) -> None:
    intent = open_form(shop, host, phone, redirect="always")
    type_card(phone, "4000002500003155")
    phone.click("#save")
    phone.locator("button.complete").click()
    phone.wait_for_url("**/back?**")
    assert f"setup_intent={intent}" in phone.url
    assert phone.url.endswith("redirect_status=succeeded")


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "server_error", "rate_limited"])
def test_a_bad_line_is_tried_again(shop: Tenant, host: Host, phone: Page, kind: str) -> None:
    open_form(shop, host, phone)
    shop.fault(kind, times=1, path="/v1/setup_intents/*/confirm", stored=False)
    type_card(phone, "4242424242424242")
    phone.click("#save")
    expect(phone.locator("#out")).to_have_text("setup succeeded")


ALL = ("card", "sepa_debit", "us_bank_account")


def test_offers_what_the_intent_takes(shop: Tenant, host: Host, phone: Page) -> None:
    open_form(shop, host, phone)
    expect(payment_fields(phone).get_by_role("tab")).to_have_count(0)
    open_form(shop, host, phone, kinds=ALL)
    expect(payment_fields(phone).get_by_role("tab")).to_have_text(["Card", "SEPA debit", "US bank account"])
    payment_fields(phone).get_by_role("tab", name="Card").press("ArrowRight")
    expect(payment_fields(phone).get_by_role("tab", name="SEPA debit")).to_be_focused()
    expect(payment_fields(phone).get_by_label("IBAN")).to_be_visible()


def test_saves_an_iban_under_a_mandate(shop: Tenant, host: Host, phone: Page) -> None:
    intent = open_form(shop, host, phone, kinds=ALL)
    payment_fields(phone).get_by_role("tab", name="SEPA debit").click()
    expect(payment_fields(phone).get_by_text("you authorise (A)")).to_be_visible()
    iban = payment_fields(phone).get_by_label("IBAN")
    enter(iban, "de89370400440532013001")
    phone.click("#save")
    expect(phone.locator("#out")).to_have_text("invalid: Your IBAN is invalid.")
    iban.fill("")
    enter(iban, "de89370400440532013000")
    expect(iban).to_have_value("DE89 3704 0044 0532 0130 00")
    phone.click("#save")
    expect(phone.locator("#out")).to_have_text("setup succeeded")
    saved = shop.v1.setup_intents.retrieve(intent, {"expand": ["payment_method", "mandate"]})
    assert (saved.payment_method.sepa_debit.last4, saved.mandate.status) == ("3000", "active")
    assert "DE89" not in "".join(host.seen)


def test_saves_a_us_account_that_its_bank_confirms(shop: Tenant, host: Host, phone: Page) -> None:
    intent = open_form(shop, host, phone, kinds=("us_bank_account",))
    payment_fields(phone).get_by_label("Account at the test bank").select_option("fca_test_success")
    phone.click("#save")
    expect(phone.locator("#out")).to_have_text("setup succeeded")
    saved = shop.v1.setup_intents.retrieve(intent, {"expand": ["payment_method"]})
    assert (saved.payment_method.us_bank_account.last4, saved.payment_method.type) == ("6789", "us_bank_account")


def test_a_us_account_by_its_numbers_waits_for_deposits(shop: Tenant, host: Host, phone: Page) -> None:
    open_form(shop, host, phone, kinds=("us_bank_account",))
    fields = payment_fields(phone)
    fields.get_by_label("By a small deposit").check()
    type_into(fields.get_by_label("Routing number"), "110000000")
    type_into(fields.get_by_label("Account number", exact=True), "000123456789")
    type_into(fields.get_by_label("Account number again"), "000123456780")
    phone.click("#save")
    expect(phone.locator("#out")).to_have_text("invalid: The account numbers differ.")
    type_into(fields.get_by_label("Account number again"), "000123456789")
    phone.click("#save")
    expect(phone.locator("#out")).to_have_text("setup requires_action")
    phone.goto(phone.evaluate("told.verify_with_microdeposits.hosted_verification_url"))
    phone.get_by_label("The code").fill("SM11AA")
    phone.get_by_role("button", name="Verify").click()
    expect(phone.get_by_role("status")).to_contain_text("is verified")


def pay(page: Page, call: str) -> None:
    """Start a call of the script's in the page; what comes of it will stand in the page's output."""
    page.evaluate(
        "call => { Function('stripe', 'return ' + call)(stripe).then(done => {"
        " document.getElementById('out').textContent = done.error ? done.error.code : done.paymentIntent.status; }); }",
        call,
    )


@pytest.mark.parametrize(
    ("button", "told"), [("complete", "succeeded"), ("fail", "payment_intent_authentication_failure")]
)
def test_a_payer_confirms_a_payment_by_a_saved_card(
    shop: Tenant, host: Host, phone: Page, button: str, told: str
) -> None:
    customer, method = shop.with_card("pm_card_authenticationRequired")
    terms = {"customer": customer.id, "amount": 1900, "currency": "eur"}
    payment = shop.v1.payment_intents.create(terms)
    with pytest.raises(stripe.CardError):
        shop.v1.payment_intents.confirm(payment.id, {"payment_method": method.id, "off_session": True})
    open_form(shop, host, phone)
    pay(phone, f"stripe.confirmCardPayment('{payment.client_secret}', {{payment_method: '{method.id}'}})")
    bank = phone.frame_locator("iframe[title='3D Secure authentication frame']")
    bank.locator(f"button.{button}").click()
    expect(phone.locator("#out")).to_have_text(told)
    expected = "succeeded" if button == "complete" else "requires_payment_method"
    assert shop.v1.payment_intents.retrieve(payment.id).status == expected


def test_a_payment_that_waits_is_taken_up_again(shop: Tenant, host: Host, phone: Page) -> None:
    customer, method = shop.with_card("pm_card_authenticationRequired")
    terms = {"customer": customer.id, "amount": 1900, "currency": "eur", "payment_method": method.id, "confirm": True}
    payment = shop.v1.payment_intents.create({**terms, "return_url": "https://example.com/"})
    assert payment.status == "requires_action"
    open_form(shop, host, phone)
    pay(phone, f"stripe.handleNextAction({{clientSecret: '{payment.client_secret}'}})")
    phone.frame_locator("iframe[title='3D Secure authentication frame']").locator("button.complete").click()
    expect(phone.locator("#out")).to_have_text("succeeded")
    pay(phone, f"stripe.retrievePaymentIntent('{payment.client_secret}')")
    expect(phone.locator("#out")).to_have_text("succeeded")
