import ast
import json
import logging
import threading

import pytest
import structlog
from django.conf import settings
from django.test import Client

from billing_project.logging import REMOVED, SECRET_KEYS, configure_logging, redact, redact_path


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]):
    """Log as in production; gives a function that returns this thread's lines so far, decoded."""
    configure_logging(level="INFO", human=False)
    own = threading.get_ident()
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: record.thread == own)

    def lines():
        raw = capsys.readouterr().err
        return [json.loads(line) for line in raw.splitlines()]

    yield lines
    configure_logging(level="WARNING", human=False)


def test_removes_known_secrets_at_any_depth() -> None:
    event = {"customer": "C-1042", "setup": {"client_secret": "seti_1_secret_2", "Authorization": "Bearer x", "id": 7}}
    assert redact(event) == {
        "customer": "C-1042",
        "setup": {"client_secret": REMOVED, "Authorization": REMOVED, "id": 7},
    }


@pytest.mark.parametrize(
    "secret",
    [
        "sk_test_51Habc",
        "rk_live_51Habc",
        "whsec_abc123",
        "seti_1Abc_secret_Def",
        "4242 4242 4242 4242",
        "4000002500003155",
        "user:pass",
    ],
)
def test_removes_what_looks_like_a_secret_from_text(secret: str) -> None:
    text = f"could not reach redis://{secret}@cache" if ":" in secret else f"the gateway said: {secret} is wrong"
    assert secret not in redact(text)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/i/acme/eyJhbGciOi:1uX:abc", f"/i/acme/{REMOVED}"),
        ("/i/acme/eyJhbGciOi:1uX:abc/done/", f"/i/acme/{REMOVED}/done/"),
        ("/portal/acme/pay/Ab_-" + "x" * 44, f"/portal/acme/pay/{REMOVED}"),
        ("/portal/acme/sign-in/link/abc:1uX:def/", f"/portal/acme/sign-in/link/{REMOVED}/"),
        ("/portal/acme/sign-in/email/abc:1uX:def/", f"/portal/acme/sign-in/email/{REMOVED}/"),
        ("/portal/acme/sign-in/code/", "/portal/acme/sign-in/code/"),
        (
            "/portal/acme/pay/invoices/0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000/now/",
            "/portal/acme/pay/invoices/0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000/now/",
        ),
        ("/accounts/password/reset/key/1-cqx8hf-0123456789abcdef0123456789abcdef/", None),
        (
            "/t/acme/customers/0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000/",
            "/t/acme/customers/0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000/",
        ),
    ],
)
def test_shows_paths_without_what_opens_doors(path: str, shown: str | None) -> None:
    assert redact_path(path) == (shown or f"/accounts/password/reset/key/{REMOVED}/")


def test_logs_each_request_once_without_its_query(client: Client, logged) -> None:
    response = client.get("/no-such-page/?token=hush", headers={"X-Request-ID": "from-the-proxy"})
    assert response["X-Request-ID"] == "from-the-proxy"
    (line,) = [line for line in logged() if line["event"] == "request"]
    assert (line["path"], line["status"], line["request_id"]) == ("/no-such-page/", 404, "from-the-proxy")
    assert "hush" not in json.dumps(line)


def test_a_link_in_a_report_opens_no_door() -> None:
    """Reports of errors hold whole addresses, such as the one that was asked for and the one before it."""
    urls = [f"https://billing.example/portal/acme/{way}/tok:en" for way in ("pay", "sign-in/link", "sign-in/email")]
    report = {"request": {"url": urls[0], "headers": {"Referer": urls[1]}, "cookies": {"portal_session": "x.y"}}}
    shown = json.dumps(redact(report | {"message": f"GET {urls[2]} failed"}))
    assert "tok:en" not in shown
    assert "x.y" not in shown


@pytest.mark.parametrize("path", ["/i/acme/{}", "/team/join/{}/", "/accounts/password/reset/key/{}/"])
def test_a_forged_form_does_not_bring_its_address_into_the_log(db: None, logged, path: str) -> None:
    token = "1-AaIAExFHfYO4QxDBTLAUqjB7y4puKkNjI6FzO8wMdxE"
    response = Client(enforce_csrf_checks=True).post(path.format(token))
    assert response.status_code == 403
    lines = logged()
    assert len(lines) > 1
    assert token not in json.dumps(lines)


def test_takes_no_request_id_that_could_forge_a_line(client: Client) -> None:
    assert client.get("/no-such-page/", headers={"X-Request-ID": "a\tb"})["X-Request-ID"] != "a\tb"


def test_logs_the_standard_library_in_the_same_form(logged) -> None:
    structlog.contextvars.bind_contextvars(tenant="acme")
    logging.getLogger("elsewhere").warning("key %s refused", "sk_test_51Habc")
    structlog.contextvars.clear_contextvars()
    (line,) = logged()
    assert (line["event"], line["tenant"], line["level"]) == (f"key {REMOVED} refused", "acme", "warning")


def test_removes_secrets_from_tracebacks(logged) -> None:
    try:
        raise ValueError("whsec_abc123")
    except ValueError:
        structlog.get_logger("here").exception("failed")
    (line,) = logged()
    assert "ValueError" in line["exception"]
    assert "whsec_abc123" not in line["exception"]


def test_nothing_that_is_meant_to_be_read_is_logged_under_a_name_that_is_removed_or_taken() -> None:
    """An error's code was, for weeks, in no line; and the gateway's request id took the place of our own."""
    folders = [path for path in settings.BASE_DIR.iterdir() if path.name not in {".venv", "var", "tests"}]
    unread = [
        f"{path}:{call.lineno} {argument.arg}"
        for folder in folders
        for path in folder.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if isinstance(call.func.value, ast.Name) and call.func.value.id == "log"
        for argument in call.keywords
        if argument.arg in SECRET_KEYS | {"request_id"}
    ]
    assert unread == []
