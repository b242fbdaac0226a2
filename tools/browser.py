"""Finds Chromium for browser tests and screenshots, or installs it.

python -m tools.browser            prints the program's path, installing it where it must
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ADVICE = (
    "Chromium was not found and could not be installed. Install it with the system's package manager "
    "(Debian and Ubuntu: apt-get install chromium), or name it in CHROMIUM=/path/to/chromium."
)


class BrowserNotFound(RuntimeError):
    """No Chromium here; the message says what to do."""


def downloaded_browser() -> str | None:
    """The Chromium that Playwright downloaded for itself, if it did."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def installed_browser() -> str | None:
    """CHROMIUM if given, else the system's browser."""
    return os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)


def find_browser() -> str:
    """The path of a Chromium; raises BrowserNotFound with advice."""
    path = installed_browser() or downloaded_browser()
    if path is None:
        raise BrowserNotFound(ADVICE)
    return path


def install_browser() -> None:
    """By the system's package manager where we may, else Playwright's own download."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], env=environment, stdout=sys.stderr)
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium", "fonts-liberation"]
        if subprocess.run(command, env=environment, stdout=sys.stderr).returncode == 0:
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdout=sys.stderr)


def ensure_browser() -> str:
    """The path of a Chromium, installed if need be; raises BrowserNotFound with advice."""
    try:
        return find_browser()
    except BrowserNotFound:
        print("Installing Chromium for the browser tests ...", file=sys.stderr)
        install_browser()
        return find_browser()


if __name__ == "__main__":
    try:
        print(ensure_browser())
    except BrowserNotFound as error:
        sys.exit(str(error))
