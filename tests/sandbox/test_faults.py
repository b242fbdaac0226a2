import threading
import time
from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Tenant, error_of, wait_for

KEY = {"idempotency_key": "key-1"}


@pytest.mark.parametrize(
    ("kind", "effects"), [("drop_before", [False, True]), ("drop_after", [True, False]), ("error_after", [True, False])]
)
def test_the_effect_happens_once(shop: Tenant, kind: str, effects: list[bool]) -> None:
    shop.fault(kind, times=1, path="/v1/customers")
    with pytest.raises((stripe.APIConnectionError, stripe.APIError)):
        shop.v1.customers.create({"name": "A"}, KEY)
    try:
        assert shop.v1.customers.create({"name": "A"}, KEY).name == "A"
    except stripe.APIError:
        assert kind == "error_after"
    assert [line["effect"] for line in shop.requests()] == effects
    assert len(shop.v1.customers.list().data) == 1


@pytest.mark.parametrize(("kind", "made"), [("timeout_before", 0), ("timeout_after", 1)])
def test_times_out(shop: Tenant, kind: str, made: int) -> None:
    shop.fault(kind, times=1, latency_seconds=0.3)
    started = time.monotonic()
    with pytest.raises(stripe.APIConnectionError):
        shop.v1.customers.create({"name": "A"}, KEY)
    assert time.monotonic() - started >= 0.29
    assert len(shop.v1.customers.list().data) == made


def test_an_answer_held_back_is_replayed_meanwhile(shop: Tenant) -> None:
    shop.fault("timeout_after", times=1, latency_seconds=15)

    def ask() -> None:
        with pytest.raises(stripe.APIConnectionError):
            create(shop)

    first = threading.Thread(target=ask)
    first.start()
    wait_for(lambda: shop.requests())
    again = create(shop)
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert first.is_alive()
    first.join()
    assert [line["effect"] for line in shop.requests()] == [True, False]


def test_a_replay_can_be_dropped_and_is_logged(shop: Tenant) -> None:
    create(shop)
    shop.fault("drop_after", times=1)
    with pytest.raises(stripe.APIConnectionError):
        create(shop)
    assert [(line["replayed"], line["effect"]) for line in shop.requests()] == [(False, True), (True, False)]


def create(shop: Tenant) -> Any:
    return shop.v1.customers.create({"name": "A"}, KEY)


def test_conflict_and_rate_limit_are_not_remembered(shop: Tenant) -> None:
    shop.fault("conflict", times=1)
    with pytest.raises(stripe.APIError) as conflict:
        shop.v1.customers.create({"name": "A"}, KEY)
    assert (conflict.value.http_status, error_of(conflict).code) == (409, "lock_timeout")
    shop.fault("rate_limited", times=1, retry_after=3, should_retry=True)
    with pytest.raises(stripe.RateLimitError) as limited:
        shop.v1.customers.create({"name": "A"}, KEY)
    assert limited.value.headers["retry-after"] == "3"  # type: ignore[index]
    assert limited.value.headers["stripe-should-retry"] == "true"  # type: ignore[index]
    assert shop.v1.customers.create({"name": "A"}, KEY).name == "A"


def test_probability_follows_the_seed(shop: Tenant) -> None:
    def outcomes() -> list[bool]:
        shop.fault("rate_limited", probability=0.5, seed=7)
        result = []
        for _ in range(12):
            try:
                shop.v1.customers.list()
                result.append(True)
            except stripe.RateLimitError:
                result.append(False)
        shop.box.control("DELETE", "faults")
        return result

    first = outcomes()
    assert first == outcomes()
    assert len(set(first)) == 2


def test_rate_limit_per_account(shop: Tenant) -> None:
    """However slowly this machine may call, some two of many calls come within one second."""
    shop.box.control("POST", f"accounts/{shop.slug}/rate_limit", json={"per_second": 1})
    shop.v1.customers.list()
    with pytest.raises(stripe.RateLimitError) as limited:
        [shop.v1.customers.list() for _ in range(50)]
    assert limited.value.headers["stripe-rate-limited-reason"] == "global-rate"  # type: ignore[index]
    assert float(limited.value.headers["retry-after"]) > 0  # type: ignore[index]


def test_refuses_an_unknown_fault(shop: Tenant) -> None:
    assert shop.box.http.post("/_control/faults", json={"kind": "gremlins"}).status_code == 400


def test_control_is_not_for_other_sites(shop: Tenant) -> None:
    assert shop.box.http.get("/_control/accounts", headers={"Origin": "https://evil.example"}).status_code == 403
