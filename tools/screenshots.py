"""`make screenshots`: the README's pictures, taken of the demonstration that `make run` serves.

python -m tools.screenshots [NAME ...]      into docs/pictures/
"""

import json
import re
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tools.browser import CHROMIUM_ARGUMENTS, find_browser
from tools.devenv import FILE_NAME, read_env
from tools.run import VAR, answers
from tools.services import BASE_DIR

PICTURES = BASE_DIR / "docs" / "pictures"
DESKTOP, PHONE = (1440, 900), (390, 844)
TENANT = "maple"


@dataclass(frozen=True)
class Picture:
    """`path` is below the tenant's staff address; `opens`, a link to follow there, by a part of its address."""

    name: str
    path: str
    opens: str = ""
    size: tuple[int, int] = DESKTOP
    scheme: Literal["light", "dark"] = "light"


STAFF_PICTURES = [
    Picture("overview", ""),
    Picture("customers", "customers/"),
    Picture("customers-dark", "customers/", scheme="dark"),
    Picture("customers-phone", "customers/", size=PHONE),
    Picture("customer", "customers/", opens="/customers/0"),
    Picture("invitations", "invitations/"),
    Picture("changes", "changes/"),
    Picture("change", "changes/", opens="/changes/0"),
    Picture("change-dark", "changes/", opens="/changes/0", scheme="dark"),
]


def sign_in_details() -> tuple[str, str]:
    """The first sign-in of the demonstration, as `make run` printed it."""
    text = (VAR / "sign-ins.txt").read_text()
    password, email = re.search(r"password (\S+)", text), re.search(r"\S+@\S+", text)
    if password is None or email is None:
        raise SystemExit(f"{VAR / 'sign-ins.txt'} names no sign-in: load the demonstration first.")
    return email.group(), password.group(1)


def context_for(browser: Browser, picture: Picture) -> BrowserContext:
    width, height = picture.size
    return browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=picture.scheme, device_scale_factor=1.5
    )


def shoot(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"  docs/pictures/{name}.png")


def take_staff_pictures(browser: Browser, site: str, names: set[str]) -> None:
    email, password = sign_in_details()
    for picture in STAFF_PICTURES:
        if names and picture.name not in names:
            continue
        context = context_for(browser, picture)
        page = context.new_page()
        page.goto(f"{site}/accounts/login/")
        page.locator("[name=login]").fill(email)
        page.locator("[name=password]").fill(password)
        page.locator("[name=password]").press("Enter")
        page.wait_for_url(lambda url: "/accounts/login" not in url)
        page.goto(f"{site}/t/{TENANT}/{picture.path}")
        if picture.opens:
            page.goto(site + str(page.locator(f"main a[href*='{picture.opens}']").first.get_attribute("href")))
        shoot(page, picture.name)
        context.close()


def newest_link(sandbox: str) -> str | None:
    """The newest invitation link that arrived at the sandbox's inbox."""
    with urllib.request.urlopen(f"{sandbox}/_control/inbox/messages") as response:  # noqa: S310  (our own sandbox)
        links = re.findall(rf"{re.escape(site_address())}/i/[^\s\"'<>\\]+", json.dumps(json.load(response)))
    return links[0] if links else None


def take_customer_pictures(browser: Browser, sandbox: str, names: set[str]) -> None:
    link = newest_link(sandbox)
    if link is None:
        print("  No invitation in the inbox: send one, then take the customer's pictures.")
        return
    for picture in (Picture("invitation-phone", link, size=PHONE), Picture("invitation", link)):
        if not names or picture.name in names:
            context = context_for(browser, picture)
            page = context.new_page()
            page.goto(picture.path)
            shoot(page, picture.name)
            context.close()


def take_sandbox_pictures(browser: Browser, sandbox: str, names: set[str]) -> None:
    for picture in (Picture("inbox", "/inbox/"), Picture("sandbox", "/")):
        if not names or picture.name in names:
            context = context_for(browser, picture)
            page = context.new_page()
            page.goto(sandbox + picture.path)
            shoot(page, picture.name)
            context.close()


def environment() -> dict[str, str]:
    return read_env(Path(VAR) / FILE_NAME)


def site_address() -> str:
    return environment()["BASE_URL"]


def main(names: set[str]) -> int:
    values = environment()
    if not values or not answers(f"{values['BASE_URL']}/readyz"):
        print("Start `make run` first, in another terminal.", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_ARGUMENTS)
        take_staff_pictures(browser, values["BASE_URL"], names)
        take_customer_pictures(browser, values["SANDBOX_URL"], names)
        take_sandbox_pictures(browser, values["SANDBOX_URL"], names)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(set(sys.argv[1:])))
