"""Fixtures for every test: a database under the application's own role, Valkey, the sandbox, a worker, a browser.

Nothing of our own is replaced: PostgreSQL obeys row-level security, the gateway is a process behind HTTP.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
from django.conf import settings
from django.test import TransactionTestCase
from django.utils import timezone, translation
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from tests import database, processes
from tools.browser import CHROMIUM_ARGUMENTS, find_browser


def pytest_configure(config: pytest.Config) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    settings.WHITENOISE_AUTOREFRESH = True
    # How long an example takes says more of the machine than of the code; and what fails here fails everywhere.
    unhurried = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("untimed", deadline=None, derandomize=True, suppress_health_check=unhurried)
    hypothesis.settings.load_profile("untimed")
    expect.set_options(timeout=processes.PATIENCE_SECONDS * 1000 / 2)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """A database of this process's own; `default` is the application's role, `owner` the one that migrates."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        name = database.create_test_database()
        # Django would TRUNCATE through `default`, which may not.
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: database.delete_all_rows(name))
        yield
        with database.admin_connection() as admin:
            database.drop_database(admin, name)


@pytest.fixture(scope="session")
def valkey() -> Iterator[redis.Redis]:
    """A client of this process's own Valkey database."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client


@pytest.fixture(autouse=True)
def empty_valkey(valkey: redis.Redis) -> None:
    """No test inherits another's cache, rate limits or messages."""
    valkey.flushdb()


@pytest.fixture(autouse=True)
def own_language_and_zone() -> Iterator[None]:
    """No test inherits the reader of another's page."""
    yield
    translation.deactivate()
    timezone.deactivate()


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Sandbox]:
    with processes.Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: processes.Sandbox) -> processes.Sandbox:
    """The running sandbox, emptied: no account, request, fault or message from before."""
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture
def celery_worker_process(transactional_db: None, tmp_path: Path) -> Iterator[processes.CeleryWorker]:
    """A real Celery worker with beat, started on this test's database and Valkey; it may be killed and restarted."""
    with processes.CeleryWorker(tmp_path) as worker:
        yield worker


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return browser_type_launch_args | {"executable_path": find_browser(), "args": CHROMIUM_ARGUMENTS}


#: Nothing can be pressed before a page and its scripts are there: a person waits, and a faster hand meets another page
#: (links that open a dialog lead to a page of its own until then).
PRESS_AFTER_LOAD = """
const untilLoaded = new CSSStyleSheet();
untilLoaded.replaceSync("html { pointer-events: none !important }");
document.adoptedStyleSheets = [untilLoaded];
addEventListener("load", () => { document.adoptedStyleSheets = []; });
"""


@pytest.fixture(scope="session")
def browser(browser: Browser) -> Browser:
    """The browser of pytest-playwright, whose pages are pressed after they have loaded, with our patience."""
    new_context = browser.new_context

    def patient_context(**options: Any) -> BrowserContext:
        context = new_context(**options)
        context.set_default_timeout(processes.PATIENCE_SECONDS * 1000 / 2)
        new_page = context.new_page

        def patient_page() -> Page:
            page = new_page()
            # In a world of its own, which frames without scripts have too.
            session = context.new_cdp_session(page)
            session.send("Page.enable")
            script = {"source": PRESS_AFTER_LOAD, "worldName": "patience"}
            session.send("Page.addScriptToEvaluateOnNewDocument", script)
            return page

        context.new_page = patient_page  # type: ignore[method-assign]
        return context

    browser.new_context = patient_context  # type: ignore[method-assign]
    return browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test tells what its pages showed."""
    report = yield
    browser = getattr(item, "funcargs", {}).get("browser")
    if report.when == "call" and report.failed and browser is not None:
        pages = [page for context in browser.contexts for page in context.pages]
        report.sections += [(f"Page {page.url}", shown(page)) for page in pages]
    return report


def shown(page: Page) -> str:
    try:
        return page.locator("body").aria_snapshot(timeout=5000)
    except Error as error:  # a page that has died must not end the run
        return str(error)
