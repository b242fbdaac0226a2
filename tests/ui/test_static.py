"""What the pages load: drawings that exist, vendored files as published, nothing that the CSP would refuse."""

import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from pytest_django import Settings

from tenants.badges import STATES
from tenants.templatetags.ui import ALERT_ICONS, CARD_BRANDS

ROOT = Path(settings.BASE_DIR)
STATIC = ROOT / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
#: Mail programs know no CSP.
PAGES = [path for path in TEMPLATES if "mail" not in path.relative_to(ROOT / "templates").parts]
DRAWN = set(re.findall(r'<symbol id="([a-z0-9-]+)"', (STATIC / "ui" / "icons.svg").read_text()))


def names_in(template: Path) -> set[str]:
    source = template.read_text()
    shown = re.findall(r'{%\s*icon\s+"([^"]+)"', source)
    passed = re.findall(r'(?:\bicon=|icon\|default:|nav_item "\w+" |empty_state )"([^"]+)"', source)
    return {*shown, *passed}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_drawing_that_a_template_names_exists(template: Path) -> None:
    assert names_in(template) <= DRAWN


def test_each_drawing_that_code_names_exists() -> None:
    assert {look.icon for look in STATES.values()} | set(ALERT_ICONS.values()) <= DRAWN
    assert {"arrow-up", "arrow-down", "selector"} <= DRAWN
    assert all((STATIC / "ui" / "cards" / f"{brand}.svg").is_file() for brand in [*CARD_BRANDS, "generic"])


@pytest.mark.parametrize("template", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_template_holds_what_the_csp_refuses(template: Path) -> None:
    source = template.read_text()
    assert not re.findall(r"\sstyle=|\son[a-z]+=|hx-on|javascript:", source)
    assert not re.findall(r"<(?:script|style)(?![^>]*(?:src=|nonce=))[^>]*>", source)


def test_vendored_files_are_as_published() -> None:
    for line in (STATIC / "vendor" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest, name


def test_every_static_file_that_another_names_is_there(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    assert (tmp_path / "staticfiles.json").is_file()


def test_our_own_style_sheet_stays_small() -> None:
    assert len((STATIC / "ui" / "app.css").read_text().splitlines()) < 300
