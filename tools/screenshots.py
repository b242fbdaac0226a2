"""Takes the README's pictures: one invitation from the customers list to the ledger, in a real browser.

    python -m tools.screenshots [--site URL --sandbox URL]

Starts a stack of its own with fresh demonstration data on free ports, in `var/screenshots`, unless given the addresses
of one that runs. The pictures are real pages; nothing is drawn by hand.
"""

import argparse
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tools.browser import CHROMIUM_ARGUMENTS, find_browser
from tools.services import BASE_DIR, free_port

PICTURES = BASE_DIR / "docs" / "pictures"
WORK = BASE_DIR / "var" / "screenshots"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LARGEST_BYTES = 150_000
START_SECONDS = 180.0
OWNER, PASSWORD, CUSTOMER = "owner@example.com", "billing-demo-2026", "Camille Roy"
ADDRESS, BILLED = "camille.roy@mailbox.example", "The Weekly"


@dataclass(frozen=True)
class Addresses:
    site: str
    sandbox: str


@contextmanager
def own_stack() -> Iterator[Addresses]:
    """`make run` in a folder and on ports of its own, ended afterwards."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    port, sandbox_port = free_port(), free_port()
    command = [sys.executable, "-m", "tools.run", "--port", str(port), "--sandbox-port", str(sandbox_port)]
    with (WORK / "run.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=BASE_DIR, stdout=log, stderr=log, env=os.environ | {"VAR_DIR": str(WORK)}
        )
        try:
            addresses = Addresses(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}")
            wait_until_ready(addresses.site, process)
            yield addresses
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    shutil.rmtree(WORK, ignore_errors=True)


def wait_until_ready(site: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{site}/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    sys.exit(f"The stack did not start:\n{(WORK / 'run.log').read_text()}")


def keep(page: Page, name: str) -> None:
    """Save what the window shows as docs/pictures/<name>.png, scaled down where it would be large."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement?.blur()")
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
    PICTURES.mkdir(parents=True, exist_ok=True)
    while len(small := smallest(picture)) > LARGEST_BYTES:
        picture = picture.resize((picture.width * 4 // 5, picture.height * 4 // 5), Image.Resampling.LANCZOS)
    (PICTURES / f"{name}.png").write_bytes(small)
    print(f"  docs/pictures/{name}.png  {len(small) // 1024} KB")


def smallest(picture: Image.Image) -> bytes:
    """In full colour where that is small enough, else in 256."""
    full, few = io.BytesIO(), io.BytesIO()
    picture.save(full, "PNG", optimize=True)
    if full.tell() <= LARGEST_BYTES:
        return full.getvalue()
    picture.quantize(256, kmeans=2, dither=Image.Dither.NONE).save(few, "PNG", optimize=True)
    return few.getvalue()


def context_of(browser: Browser, size: dict[str, int], scheme: str = "light") -> BrowserContext:
    phone = size is PHONE
    return browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=2 if phone else 1,
        has_touch=phone,
        reduced_motion="reduce",
        locale="en",
        timezone_id="America/Toronto",
    )


def sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/accounts/login/")
    keep(page, "sign-in")
    page.locator("input[name=login]").fill(OWNER)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def staff_invites(page: Page, site: str) -> None:
    """From the overview to an invitation that has been sent."""
    page.goto(f"{site}/t/maple/")
    keep(page, "overview")
    page.goto(f"{site}/t/maple/customers/")
    keep(page, "customers")
    page.goto(f"{site}/t/maple/customers/?q={CUSTOMER.replace(' ', '+')}")
    page.get_by_role("link", name=CUSTOMER).first.click()
    page.wait_for_url("**/customers/*/")
    keep(page, "customer")
    page.goto(f"{page.url}invite/")
    page.locator("input[type=radio]").first.check()
    keep(page, "choose")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/send/**")
    keep(page, "send")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/invitations/*/")


def link_in_inbox(sandbox: str) -> str:
    """The newest invitation's link, as its mail tells it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = httpx.get(f"{sandbox}/_control/inbox/messages", params={"channel": "email"}).json()
        messages = answer["data"] if isinstance(answer, dict) else answer
        links = [link for message in messages for link in message["links"] if "/i/maple/" in link]
        if links:
            return str(links[0])
        time.sleep(0.3)
    sys.exit("No invitation arrived in the inbox.")


def customer_saves(browser: Browser, link: str) -> None:
    """The public page on a phone, in both themes, and what it says in the end."""
    with context_of(browser, PHONE, "dark") as dark:
        page = dark.new_page()
        show_form(page, link)
        keep(page, "phone-dark")
    with context_of(browser, PHONE) as light:
        page = light.new_page()
        show_form(page, link)
        keep(page, "phone-light")
        frame = page.frame_locator("iframe[title='Secure card payment input frame']").first
        frame.locator("input[name=number]").fill("4242424242424242")
        frame.locator("input[name=expiry]").fill("12 / 34")
        frame.locator("input[name=cvc]").fill("123")
        page.locator("[data-payment-form] button[type=submit]").click()
        page.wait_for_url("**/done/**", timeout=60_000)
        page.wait_for_timeout(5_000)
        page.evaluate("scrollTo(0, 0)")
        keep(page, "phone-done")


def show_form(page: Page, link: str) -> None:
    page.goto(link)
    page.frame_locator("iframe[title='Secure card payment input frame']").first.locator("input[name=number]").wait_for()
    page.wait_for_timeout(500)


def both_sides(page: Page, addresses: Addresses) -> None:
    """What staff and the gateway say afterwards."""
    page.goto(f"{addresses.site}/t/maple/changes/")
    keep(page, "changes")
    page.get_by_role("link", name="CH-").first.click()
    page.wait_for_url("**/changes/*/")
    page.get_by_text("Done").first.wait_for()
    keep(page, "change")
    page.goto(f"{addresses.site}/t/maple/invitations/")
    keep(page, "invitations")
    page.goto(f"{addresses.sandbox}/inbox/")
    keep(page, "inbox")


def staff_bills(page: Page, site: str) -> None:
    """A subscription that we bill, and the last invoice of it that was paid."""
    page.goto(f"{site}/t/maple/subscriptions/?state=active")
    page.get_by_role("row").filter(has_text=BILLED).get_by_role("link").first.click()
    page.wait_for_url("**/subscriptions/*/")
    keep(page, "subscription")
    page.goto(f"{site}/t/maple/invoices/?state=paid")
    page.get_by_role("row").filter(has_text="INV-").get_by_role("link").first.click()
    page.wait_for_url("**/invoices/*/")
    keep(page, "invoice")


def code_in_inbox(sandbox: str) -> str:
    """The newest sign-in code, as its mail tells it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = httpx.get(f"{sandbox}/_control/inbox/messages", params={"channel": "email"}).json()
        messages = answer["data"] if isinstance(answer, dict) else answer
        asked = [message["text"] for message in messages if "sign-in code" in message["subject"]]
        codes = [found.group() for text in asked if (found := re.search(r"\b\d{6}\b", text))]
        if codes:
            return codes[0]
        time.sleep(0.3)
    sys.exit("No code arrived in the inbox.")


def customer_signs_in(browser: Browser, addresses: Addresses) -> None:
    """The portal on a phone: by code, then each of its parts."""
    portal = f"{addresses.site}/portal/maple/"
    with context_of(browser, PHONE) as phone:
        page = phone.new_page()
        page.goto(portal)
        page.locator("input[type=email]").fill(ADDRESS)
        page.locator("input[type=email]").press("Enter")
        page.locator("input[name=code]").fill(code_in_inbox(addresses.sandbox))
        page.locator("input[name=code]").press("Enter")
        page.wait_for_url(portal)
        keep(page, "portal-home")
        for part in ("subscriptions", "methods", "purchases", "offers"):
            page.goto(f"{portal}{part}/")
            keep(page, f"portal-{part}")


def take_pictures(addresses: Addresses) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_ARGUMENTS)
        try:
            with context_of(browser, DESKTOP) as staff:
                page = staff.new_page()
                sign_in(page, addresses.site)
                staff_invites(page, addresses.site)
                customer_saves(browser, link_in_inbox(addresses.sandbox))
                both_sides(page, addresses)
                staff_bills(page, addresses.site)
                customer_signs_in(browser, addresses)
                state = staff.storage_state()
            with context_of(browser, DESKTOP, "dark") as dark:
                dark.add_cookies(state["cookies"])  # type: ignore[arg-type]
                page = dark.new_page()
                page.goto(f"{addresses.site}/t/maple/")
                keep(page, "overview-dark")
        finally:
            browser.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("--site", help="address of a running stack with fresh demonstration data")
    parser.add_argument("--sandbox", help="address of its sandbox")
    options = parser.parse_args()
    if options.site and options.sandbox:
        take_pictures(Addresses(options.site.rstrip("/"), options.sandbox.rstrip("/")))
    else:
        with own_stack() as addresses:
            take_pictures(addresses)
    return 0


if __name__ == "__main__":
    sys.exit(main())
