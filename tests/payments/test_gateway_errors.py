"""Whatever goes wrong on the way: what we conclude about the call's effect."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pytest_django import Settings

from payments.gateway.errors import (
    BadKeys,
    Busy,
    GatewayError,
    Gone,
    RateLimited,
    Refused,
    Unavailable,
    UnknownOutcome,
    explain,
    explain_to_customer,
)
from payments.gateway.port import CustomerDetails
from payments.gateway.stripe_adapter import StripeGateway
from tests.payments.shelf import Shelf
from tests.processes import Sandbox, wait_until

BOB = CustomerDetails(name="Bob")


def failure(call: Callable[[], object]) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        call()
    return caught.value


def create(shelf: Shelf, key: str = "key") -> GatewayError:
    return failure(lambda: shelf.gateway.create_customer(details=BOB, key=key))


def fault(shelf: Shelf, kind: str, **more: object) -> None:
    shelf.sandbox.set_faults({"account": shelf.slug, "kind": kind, "times": 1, **more})


def test_too_many_requests_tell_how_long_to_wait(shelf: Shelf) -> None:
    fault(shelf, "rate_limited", retry_after=3)
    error = create(shelf)
    assert isinstance(error, RateLimited)
    assert (error.code, error.retry_after, error.transient) == ("rate_limited", 3.0, True)
    assert shelf.objects("customer") == []


def test_an_object_that_is_locked_is_busy(shelf: Shelf) -> None:
    fault(shelf, "conflict")
    error = create(shelf)
    assert isinstance(error, Busy)
    assert error.transient
    assert shelf.objects("customer") == []


def test_a_servers_error_is_an_unknown_outcome_that_the_key_would_only_replay(shelf: Shelf) -> None:
    fault(shelf, "error_after")
    error = create(shelf)
    assert isinstance(error, UnknownOutcome)
    assert error.answered
    assert error.request_id.startswith("req_")
    assert isinstance(create(shelf), UnknownOutcome)
    assert len(shelf.objects("customer")) == 1


@pytest.mark.parametrize(("kind", "effects"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_is_an_unknown_outcome(shelf: Shelf, kind: str, effects: int) -> None:
    fault(shelf, kind)
    error = create(shelf)
    assert isinstance(error, UnknownOutcome)
    assert not error.answered
    assert len(shelf.objects("customer")) == effects
    shelf.gateway.create_customer(details=BOB, key="key")
    assert len(shelf.objects("customer")) == 1


@pytest.mark.parametrize(("kind", "effects"), [("timeout_before", 0), ("timeout_after", 1)])
def test_an_answer_that_never_comes_is_an_unknown_outcome(
    sandbox: Sandbox, settings: Settings, kind: str, effects: int
) -> None:
    settings.STRIPE_TIMEOUT_SECONDS = 0.4
    shelf = Shelf(sandbox)
    fault(shelf, kind, latency_seconds=20)
    error = create(shelf)
    assert isinstance(error, UnknownOutcome)
    assert not error.answered
    wait_until(lambda: len(shelf.objects("customer")) == effects, what="the call to have its effect, or none")


def test_a_gateway_that_cannot_be_reached_has_done_nothing(settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.STRIPE_API_BASE = f"http://127.0.0.1:{closed.getsockname()[1]}"
        error = failure(lambda: StripeGateway("sk_test_x").create_customer(details=BOB, key="key"))
    assert isinstance(error, Unavailable)
    assert error.transient


def test_a_gateway_whose_name_is_unknown_has_done_nothing(settings: Settings) -> None:
    settings.STRIPE_API_BASE = "http://gateway.invalid"
    assert isinstance(failure(StripeGateway("sk_test_x").read_account), Unavailable)


def test_wrong_keys_are_bad_keys(shelf: Shelf) -> None:
    error = failure(StripeGateway("sk_test_wrong").read_account)
    assert isinstance(error, BadKeys)
    assert not error.transient
    refused = failure(StripeGateway(shelf.account["publishable_key"]).read_account)
    assert isinstance(refused, BadKeys)


def test_what_is_missing_is_gone_and_says_what(shelf: Shelf) -> None:
    assert isinstance(failure(lambda: shelf.gateway.read_method("pm_none")), Gone)
    error = failure(lambda: shelf.gateway.create_setup(customer="cus_none", metadata={}, key="key"))
    assert isinstance(error, Gone)
    assert error.param == "customer"


def test_a_key_used_for_something_else_is_refused(shelf: Shelf) -> None:
    shelf.gateway.create_customer(details=BOB, key="key")
    error = failure(lambda: shelf.gateway.create_customer(details=CustomerDetails(name="Carol"), key="key"))
    assert isinstance(error, Refused)
    assert error.code == "key_reused"
    assert not error.transient


def test_a_card_that_has_expired_is_refused_in_the_gateways_words(shelf: Shelf) -> None:
    method = shelf.method(shelf.customer())
    error = failure(lambda: shelf.gateway.update_method(method, exp_month=1, exp_year=2020, key="key"))
    assert error.gateway_message
    assert error.param
    assert str(error.message)


class Unreadable(BaseHTTPRequestHandler):
    """A proxy before the gateway that answers for itself."""

    def do_POST(self) -> None:
        answers = {"html": (502, b"<html>Bad gateway</html>"), "cut": (200, b'{"id": "cus_'), "json": (503, b"{}")}
        status, body = answers[json.loads(self.headers["Idempotency-Key"])]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def unreadable(settings: Settings) -> Iterator[StripeGateway]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Unreadable) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings.STRIPE_API_BASE = f"http://127.0.0.1:{server.server_port}"
        yield StripeGateway("sk_test_x")
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("what", ["html", "cut", "json"])
def test_an_answer_that_is_not_the_gateways_leaves_the_outcome_unknown(unreadable: StripeGateway, what: str) -> None:
    error = failure(lambda: unreadable.create_customer(details=BOB, key=json.dumps(what)))
    assert isinstance(error, UnknownOutcome)
    assert not error.answered
    assert "html" not in error.gateway_message


def test_every_code_has_a_sentence() -> None:
    assert str(explain("insufficient_funds")) != str(explain("something_new"))
    assert str(explain("something_new"))


@pytest.mark.parametrize(
    "code",
    [
        "bad_keys",
        "no_gateway_account",
        "resource_missing",
        "rate_limited",
        "busy",
        "unavailable",
        "unknown_outcome",
        "authentication_required",
        "something_new",
    ],
)
def test_who_pays_is_told_what_to_do_and_nothing_of_gateways(code: str) -> None:
    words = str(explain_to_customer(code)).lower()
    assert [leak for leak in ("gateway", "key", "settings", "the customer") if leak in words] == []


def test_a_refusal_by_the_bank_is_told_to_both_alike() -> None:
    assert str(explain_to_customer("insufficient_funds")) == str(explain("insufficient_funds"))
    assert str(explain_to_customer("no_payment_method")) == str(explain("no_payment_method"))
