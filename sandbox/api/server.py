"""The way of one request: key, rate limit, faults, idempotency, contract, execution, log, answer.

Order and rules as https://docs.stripe.com/api/idempotent_requests and https://docs.stripe.com/rate-limits say.
Plain ASGI, so that a connection can also be dropped without an answer.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import logging
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from .. import errors
from ..contract import API_VERSION, validate
from ..errors import StripeError
from ..faults import Faults, Rule
from ..forms import parse_form
from ..store import KEY_LIFETIME, Account, Json, Store, random_text
from ..webhooks import Dispatcher
from .call import Call, public
from .expand import expand
from .routes import Route, find_route

logger = logging.getLogger("sandbox")
HANG_SECONDS = 120
CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Request-Id, Stripe-Manage-Version, X-Stripe-Routing-Context-Priority-Tier"),
]


@dataclass
class Incoming:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    base_url: str
    id: str = field(default_factory=lambda: "req_" + random_text(14))
    started: float = field(default_factory=time.time)
    params: Json = field(default_factory=dict)
    account: Account | None = None
    publishable: bool = False
    fault: str | None = None
    replayed: bool = False
    effect: bool = False
    logged: bool = False

    @property
    def idempotency_key(self) -> str | None:
        return self.headers.get("idempotency-key") if self.method == "POST" else None

    @property
    def version(self) -> str:
        return self.headers.get("stripe-version", API_VERSION)


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Dropped(BaseException):
    """The connection ends here, with no answer."""


class Gateway:
    def __init__(self, store: Store, faults: Faults, dispatcher: Dispatcher, public_url: str | None = None):
        self.store = store
        self.faults = faults
        self.dispatcher = dispatcher
        self.public_url = public_url

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] == "OPTIONS":
            await reply(send, Answer(204, b"", preflight(headers)), "")
            return
        host = headers.get("host", "127.0.0.1")
        incoming = Incoming(
            scope["method"],
            scope["path"],
            scope["query_string"].decode(),
            headers,
            body.decode("utf-8", "replace"),
            self.public_url or f"http://{host}",
        )
        try:
            answer = await self.answer(incoming, receive)
        except Dropped:
            await drop(send, receive)
            return
        await reply(send, answer, incoming.id)

    async def answer(self, incoming: Incoming, receive: Any) -> Answer:
        key: str | None = None
        account: Account | None = None
        try:
            incoming.params = parse_form(incoming.query if incoming.method != "POST" else incoming.body)
            account, incoming.publishable = self.authenticate(incoming)
            incoming.account = account
            self.check_rate(account)
            rules = self.faults.pick(account, incoming.method, incoming.path)
            incoming.fault = ", ".join(rule.kind for rule in rules) or None
            limited = next((rule for rule in rules if rule.kind == "rate_limited"), None)
            if limited:
                raise errors.rate_limited(retry_after=limited.retry_after, should_retry=limited.should_retry)
            remembered = self.remembered(account, incoming)
            key = incoming.idempotency_key
            if key:
                account.running_keys.add(key)
            await before_effect(rules, receive, replay=remembered is not None)
            answer = remembered or self.execute(account, incoming, rules)
            self.finish(incoming, answer)
            if key:
                # The answer is remembered: whoever asks again while this one is held back gets it.
                account.running_keys.discard(key)
                key = None
            await after_effect(rules, receive)
            return answer
        except StripeError as error:
            answer = error_answer(incoming, error)
            self.finish(incoming, answer)
            return answer
        except Exception:
            # Our own mistake. The client gets Stripe's 500, we get the traceback.
            logger.exception("%s %s failed", incoming.method, incoming.path)
            answer = error_answer(incoming, errors.server_error(stored=False))
            self.finish(incoming, answer)
            return answer
        except Dropped:
            self.finish(incoming, Answer(0, b""))
            raise
        finally:
            if key and account:
                account.running_keys.discard(key)

    def authenticate(self, incoming: Incoming) -> tuple[Account, bool]:
        key = read_key(incoming)
        if not key:
            raise errors.no_key()
        account = self.store.by_key.get(key)
        if account is None and key.startswith("sk_test_sandbox_"):
            slug = key.removeprefix("sk_test_sandbox_").rpartition("_")[0]
            account = self.store.accounts.get(slug)
        if account is None:
            raise errors.bad_key(key)
        return account, key == account.publishable_key

    def check_rate(self, account: Account) -> None:
        """Never more than ``per_second`` accepted requests in any second."""
        if account.per_second is None:
            return
        now = time.monotonic()
        recent = [moment for moment in account.recent if moment > now - 1]
        account.recent = recent
        if len(recent) >= account.per_second:
            raise errors.rate_limited(retry_after=1)
        recent.append(now)

    def remembered(self, account: Account, incoming: Incoming) -> Answer | None:
        key = incoming.idempotency_key
        if not key:
            return None
        if len(key) > 255:
            raise errors.invalid_request("Idempotency keys may be at most 255 characters.", stored=False)
        if key in account.running_keys:
            raise errors.key_in_use(key)
        record = account.answers.get(key)
        if record is None or record["created"] < time.time() - KEY_LIFETIME:
            return None
        if record["fingerprint"] != fingerprint(incoming):
            raise errors.key_reused(key)
        incoming.replayed = True
        headers = {**record["headers"], "Idempotent-Replayed": "true", "Original-Request": record["request"]}
        return Answer(record["status"], record["body"].encode(), headers)

    def execute(self, account: Account, incoming: Incoming, rules: list[Rule]) -> Answer:
        """Run the request and remember its answer under its key, all in one commit (made by ``finish``)."""
        kinds = {rule.kind: rule for rule in rules}
        try:
            if "server_error" in kinds:
                rule = kinds["server_error"]
                raise errors.server_error(stored=rule.stored, should_retry=rule.should_retry)
            if "conflict" in kinds:
                raise errors.lock_conflict(should_retry=kinds["conflict"].should_retry or "true")
            result = self.run_handler(account, incoming)
            if "error_after" in kinds:
                rule = kinds["error_after"]
                raise errors.server_error(stored=rule.stored, should_retry=rule.should_retry)
            answer = Answer(200, encode(result))
        except StripeError as error:
            answer = error_answer(incoming, error)
            if not error.stored:
                incoming.effect = bool(self.store.dirty)
                return answer
        incoming.effect = bool(self.store.dirty)
        if incoming.idempotency_key:
            answer.headers["Original-Request"] = incoming.id
            self.remember(account, incoming.idempotency_key, incoming, answer)
        return answer

    def run_handler(self, account: Account, incoming: Incoming) -> Json:
        found = find_route(incoming.method, incoming.path)
        if found is None:
            raise errors.unknown_url(incoming.method, incoming.path)
        route, ids = found
        if incoming.publishable and not route.publishable:
            raise errors.publishable_refused()
        call = Call(
            self.store,
            account,
            checked_params(route, incoming),
            ids,
            publishable=incoming.publishable,
            request_id=incoming.id,
            idempotency_key=incoming.idempotency_key,
            base_url=incoming.base_url,
            notify=self.dispatcher.notify,
        )
        result = route.handler(call)
        return expand(account, result, call.params.get("expand") or [])

    def remember(self, account: Account, key: str, incoming: Incoming, answer: Answer) -> None:
        record = {
            "fingerprint": fingerprint(incoming),
            "status": answer.status,
            "body": answer.body.decode(),
            "headers": {name: value for name, value in answer.headers.items() if name != "Original-Request"},
            "request": incoming.id,
            "created": incoming.started,
        }
        account.answers[key] = record
        sql = (
            "INSERT INTO answers VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET created = excluded.created, body = excluded.body"
        )
        self.store.queue(sql, account.slug, key, incoming.started, json.dumps(record))

    def finish(self, incoming: Incoming, answer: Answer) -> None:
        """Log the request, once, and commit; only then may the answer go out."""
        if not incoming.logged:
            incoming.logged = True
            line = log_line(incoming, answer)
            slug = incoming.account.slug if incoming.account else None
            self.store.queue(
                "INSERT INTO requests (id, account, time, path, body) VALUES (?, ?, ?, ?, ?)",
                incoming.id,
                slug,
                incoming.started,
                incoming.path,
                json.dumps(line),
            )
        self.store.commit()


def read_key(incoming: Incoming) -> str:
    scheme, _, value = incoming.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return unquote(base64.b64decode(value).decode().partition(":")[0])
        except ValueError:
            return ""
    key = incoming.params.get("key")
    return key if isinstance(key, str) else ""


def checked_params(route: Route, incoming: Incoming) -> Json:
    """The typed parameters. A browser also sends its key, the intent's secret and the card, which servers never may.

    Servers' contract has no ``card`` type in ``payment_method_data``, so another type stands in its place meanwhile.
    """
    if not incoming.publishable:
        checked: Json = validate(route.contract, incoming.params)
        return checked
    given = {name: value for name, value in incoming.params.items() if name not in ("key", "client_secret")}
    data = given.get("payment_method_data")
    card = {}
    if isinstance(data, dict) and data.get("type") == "card":
        card = {name: data[name] for name in ("type", "card") if name in data}
        given["payment_method_data"] = {"type": "link", **{name: data[name] for name in data.keys() - card.keys()}}
    params: Json = validate(route.contract, given)
    if card:
        params["payment_method_data"].update(card)
    if "client_secret" in incoming.params:
        params["client_secret"] = incoming.params["client_secret"]
    return params


def fingerprint(incoming: Incoming) -> str:
    text = json.dumps([incoming.method, incoming.path, incoming.params], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def before_effect(rules: list[Rule], receive: Any, *, replay: bool) -> None:
    for rule in rules:
        if rule.kind == "latency":
            await asyncio.sleep(rule.latency_seconds or 1)
        elif rule.kind == "timeout_before":
            await hang(rule, receive)
        elif rule.kind == "drop_before" or (rule.kind == "drop_after" and replay):
            raise Dropped


async def after_effect(rules: list[Rule], receive: Any) -> None:
    for rule in rules:
        if rule.kind == "timeout_after":
            await hang(rule, receive)
        elif rule.kind == "drop_after":
            raise Dropped


async def hang(rule: Rule, receive: Any) -> None:
    """Say nothing until the client gives up or the time is over, then drop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(receive(), rule.latency_seconds or HANG_SECONDS)
    raise Dropped


def error_answer(incoming: Incoming, error: StripeError) -> Answer:
    body = {**error.error, "request_log_url": f"{incoming.base_url}/logs/{incoming.id}"}
    return Answer(error.status, encode({"error": body}), dict(error.headers))


def encode(body: Json) -> bytes:
    return json.dumps(public(body), separators=(",", ":")).encode()


def log_line(incoming: Incoming, answer: Answer) -> Json:
    return {
        "request_id": incoming.id,
        "account": incoming.account.slug if incoming.account else None,
        "time": incoming.started,
        "method": incoming.method,
        "path": incoming.path,
        "params": masked(incoming.params),
        "idempotency_key": incoming.idempotency_key,
        "version": incoming.version,
        "status": answer.status,
        "replayed": incoming.replayed,
        "fault": incoming.fault,
        "effect": incoming.effect,
        "duration_ms": round((time.time() - incoming.started) * 1000, 1),
        "error": json.loads(answer.body)["error"] if answer.status >= 400 else None,
    }


def masked(params: Any) -> Any:
    """Parameters as the log keeps them: no card number, no code, no client secret."""
    if not isinstance(params, dict):
        return params
    hidden = ("cvc", "client_secret", "key")
    return {
        name: "****" + value[-4:]
        if name in ("number", "account_number", "iban") and isinstance(value, str)
        else "****"
        if name in hidden
        else masked(value)
        for name, value in params.items()
    }


def preflight(headers: dict[str, str]) -> dict[str, str]:
    return {
        "Access-Control-Allow-Methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
        "Access-Control-Allow-Headers": headers.get("access-control-request-headers", "Authorization, Content-Type"),
        "Access-Control-Max-Age": "300",
    }


async def reply(send: Any, answer: Answer, request_id: str) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-cache, no-store"),
        *CORS,
    ]
    if request_id:
        headers += [(b"request-id", request_id.encode()), (b"stripe-version", API_VERSION.encode())]
    headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def drop(send: Any, receive: Any) -> None:
    """Close the connection with no answer at all: ``send`` is uvicorn's own, bound to the request's connection."""
    send.__self__.transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
