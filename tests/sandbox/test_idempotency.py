import threading

import httpx
import pytest
import stripe

from tests.sandbox.conftest import Tenant, error_of, open_account, wait_for

KEY = {"idempotency_key": "key-1"}


def test_replays_the_first_answer(shop: Tenant) -> None:
    first = shop.v1.customers.create({"name": "Alice"}, KEY)
    again = shop.v1.customers.create({"name": "Alice"}, KEY)
    assert again.id == first.id
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert again.last_response.headers["original-request"] == first.last_response.headers["request-id"]
    assert [line["effect"] for line in shop.requests(path="/v1/customers")] == [True, False]


def test_refuses_a_key_with_other_parameters(shop: Tenant) -> None:
    shop.v1.customers.create({"name": "Alice"}, KEY)
    with pytest.raises(stripe.IdempotencyError) as refused:
        shop.v1.customers.create({"name": "Bob"}, KEY)
    assert refused.value.http_status == 400
    assert error_of(refused).type == "idempotency_error"


def test_a_key_belongs_to_its_account(shop: Tenant) -> None:
    other = open_account(shop.box)
    assert shop.v1.customers.create({"name": "A"}, KEY).id != other.v1.customers.create({"name": "A"}, KEY).id


def test_a_decline_is_replayed_and_a_validation_error_is_not(shop: Tenant) -> None:
    customer = shop.customer()
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            shop.v1.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": customer.id}, KEY)
    assert declined.value.headers["idempotent-replayed"] == "true"  # type: ignore[index]
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.customers.create({"nickname": "x"}, {"idempotency_key": "key-2"})
    assert shop.v1.customers.create({"name": "x"}, {"idempotency_key": "key-2"}).name == "x"


def test_a_500_is_replayed_unless_told_otherwise(shop: Tenant) -> None:
    shop.fault("server_error", times=1)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            shop.v1.customers.create({"name": "A"}, KEY)
    shop.fault("server_error", times=1, stored=False)
    with pytest.raises(stripe.APIError):
        shop.v1.customers.create({"name": "A"}, {"idempotency_key": "key-2"})
    assert shop.v1.customers.create({"name": "A"}, {"idempotency_key": "key-2"}).id


def test_two_at_once_with_one_key(shop: Tenant) -> None:
    shop.fault("latency", latency_seconds=10, times=1)
    first = threading.Thread(target=lambda: shop.v1.customers.create({"name": "A"}, KEY))
    first.start()
    wait_for(lambda: not shop.box.control("GET", "faults"))  # the first has arrived
    second = httpx.post(
        shop.box.url + "/v1/customers",
        data={"name": "A"},
        headers={"Authorization": f"Bearer {shop.keys['secret_key']}", "Idempotency-Key": "key-1"},
        timeout=30,
    )
    first.join()
    assert second.status_code == 409
    assert second.json()["error"]["code"] == "idempotency_key_in_use"
    assert sum(line["effect"] for line in shop.requests()) == 1


def test_keys_can_be_forgotten(shop: Tenant) -> None:
    first = shop.v1.customers.create({"name": "A"}, KEY)
    shop.control("POST", "forget_idempotency_keys")
    assert shop.v1.customers.create({"name": "A"}, KEY).id != first.id
