"""What the other tests stand on: clean databases under the right role, real processes, a browser, axe."""

import pytest
import redis
from django.core.cache import cache
from django.db import connection, connections
from playwright.sync_api import Page

from tenants.models import User
from tests.accessibility import assert_accessible
from tests.processes import CeleryWorker, Sandbox


@pytest.mark.django_db
def test_runs_under_the_role_that_row_level_security_binds() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("billing_app", False, False)


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_owner_alias_leads_to_the_same_database() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        assert cursor.fetchone() == ("billing_owner", connection.settings_dict["NAME"])


@pytest.mark.parametrize("attempt", [1, 2])
def test_committed_rows_are_gone_for_the_next_test(transactional_db: None, attempt: int) -> None:
    assert not User.objects.exists()
    User.objects.create(email="alice@example.com")


@pytest.mark.parametrize("attempt", [1, 2])
def test_the_cache_is_empty_for_each_test(valkey: redis.Redis, attempt: int) -> None:
    assert cache.get("seen") is None
    cache.set("seen", True)


def test_a_worker_survives_being_killed(celery_worker_process: CeleryWorker, valkey: redis.Redis) -> None:
    celery_worker_process.kill()
    valkey.flushdb()
    celery_worker_process.start()
    assert celery_worker_process.process is not None
    assert celery_worker_process.process.poll() is None


def test_the_sandbox_answers_on_the_address_that_settings_name(sandbox: Sandbox, settings) -> None:
    assert sandbox.http.get(f"{settings.STRIPE_API_BASE}/healthz").is_success
    assert sandbox.create_account("acme")["secret_key"].startswith("sk_test_")
    assert sandbox.messages() == []


def test_axe_finds_an_image_without_words(page: Page) -> None:
    page.set_content("<!doctype html><html lang=en><title>x</title><main><h1>Hi</h1><img src='data:,'></main></html>")
    with pytest.raises(AssertionError, match="image-alt"):
        assert_accessible(page)
    page.set_content("<!doctype html><html lang=en><title>x</title><main><h1>Hi</h1></main></html>")
    assert_accessible(page)
