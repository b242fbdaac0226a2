import signal
from pathlib import Path

import pytest
import stripe

from tests.sandbox.conftest import Box, Collector, Tenant, open_account, wait_for


@pytest.fixture
def secret(shop: Tenant, collector: Collector) -> str:
    endpoint = shop.v1.webhook_endpoints.create(
        {"url": collector.url + "/hook", "enabled_events": ["customer.created"]}
    )
    assert shop.v1.webhook_endpoints.list().data[0].to_dict().get("secret") is None
    return str(endpoint.secret)


def test_signed_and_filtered(shop: Tenant, collector: Collector, secret: str) -> None:
    customer = shop.v1.customers.create({"name": "Alice"}, {"idempotency_key": "k"})
    shop.v1.products.create({"name": "no one listens"})
    wait_for(lambda: collector.received)
    path, headers, body = collector.received[0]
    event = stripe.Webhook.construct_event(body, headers["stripe-signature"], secret)
    assert (path, event.type, event.data.object.id) == ("/hook", "customer.created", customer.id)
    assert event.request.idempotency_key == "k"
    assert event.request.id == customer.last_response.headers["request-id"]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, headers["stripe-signature"], "whsec_other")
    assert [one["type"] for one in collector.events()] == ["customer.created"]


def test_tried_again_until_taken(shop: Tenant, collector: Collector, secret: str) -> None:
    collector.answers.append(500)
    shop.customer()
    wait_for(lambda: len(collector.received) == 2)
    assert len({event["id"] for event in collector.events()}) == 1
    wait_for(lambda: [one["state"] for one in shop.control("GET", "deliveries")] == ["delivered"])


def test_doubled_dropped_delayed_and_sent_again(shop: Tenant, collector: Collector, secret: str) -> None:
    shop.fault("webhook_double", times=1)
    first = shop.customer()
    wait_for(lambda: len(collector.received) == 2)
    shop.fault("webhook_drop", times=1)
    second = shop.customer()
    shop.fault("webhook_delay", times=1, latency_seconds=0.3)
    third = shop.customer()
    wait_for(lambda: len(collector.received) == 3)
    subjects = [event["data"]["object"]["id"] for event in collector.events()]
    assert subjects == [first.id, first.id, third.id]
    lost = next(one for one in shop.v1.events.list().data if one.data.object.id == second.id)
    shop.box.control("POST", f"events/{lost.id}/resend", json={"times": 2})
    wait_for(lambda: len(collector.received) == 5)


def test_state_and_deliveries_outlive_a_kill(tmp_path: Path, collector: Collector) -> None:
    box = Box(tmp_path)
    try:
        shop = open_account(box)
        shop.v1.webhook_endpoints.create({"url": collector.url, "enabled_events": ["*"]})
        collector.answers += [500]
        customer = shop.v1.customers.create({"name": "Alice"}, {"idempotency_key": "k"})
        wait_for(lambda: collector.received)
        box.end(signal.SIGKILL)
        box.start()
        again = shop.v1.customers.create({"name": "Alice"}, {"idempotency_key": "k"})
        assert again.id == customer.id
        assert again.last_response.headers["idempotent-replayed"] == "true"
        wait_for(lambda: len(collector.received) >= 2)
        assert len({event["id"] for event in collector.events()}) == 1
    finally:
        box.end()
