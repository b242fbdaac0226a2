"""Into the portal: by code, by link, by password; and what strangers learn, which is nothing."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from customers.models import Customer, PortalPassword, PortalSession, SignInCode
from customers.sign_in import codes
from customers.sign_in.passwords import set_password
from messaging.models import Message, MessageState
from messaging.sending import send_due_messages
from portal.sessions import COOKIE
from portal.sign_in import views
from tenants.actors import Actor
from tenants.models import AuditEntry, Membership, Role, Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, TenantFactory, UserFactory
from tests.processes import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
SIGN_IN, CODE, LINK = "/portal/acme/sign-in/", "/portal/acme/sign-in/code/", "/portal/acme/sign-in/link/"
PASSWORD = "three lamps and a kettle"


@pytest.fixture(autouse=True)
def in_no_hurry_to_hide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "ANSWER_SECONDS", 0.0)


@pytest.fixture
def visitor(bob: Customer) -> Client:
    return Client(enforce_csrf_checks=False)


def mails(tenant: Tenant) -> list[Message]:
    with tenant_scope(tenant.pk):
        return list(Message.objects.filter(template="portal_sign_in").order_by("created_at"))


def code_in(message: Message) -> str:
    return re.search(r"(?<!\d)(\d{6})(?!\d)", message.text)[1]  # type: ignore[index]


def link_in(message: Message) -> str:
    return re.search(r"http\S+/sign-in/link/(\S+)", message.text)[0]  # type: ignore[index]


def path_of(link: str) -> str:
    return "/" + link.split("/", 3)[3]


def ask(client: Client, email: str = "bob@example.com", **more: Any) -> Any:
    return client.post(SIGN_IN, {"email": email, **more})


def is_in(client: Client, slug: str = "acme") -> bool:
    return client.get(f"/portal/{slug}/").status_code == 200


def another_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_signs_in_by_the_code_that_was_sent(visitor: Client, tenant: Tenant) -> None:
    assert ask(visitor, " BOB@example.com ").headers["Location"] == CODE
    answer = visitor.post(CODE, {"code": code_in(mails(tenant)[0])})
    assert answer.headers["Location"] == "/portal/acme/"
    assert is_in(visitor)
    cookie = answer.cookies[COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/portal/acme/", True, "Lax")
    with tenant_scope(tenant.pk):
        kept = PortalSession.objects.get()
        assert cookie.value.partition(".")[2] not in (kept.key_hash, str(kept.pk))
        entry = AuditEntry.objects.get(action="portal.signed_in")
        assert (entry.actor_kind, entry.after) == ("customer_portal", {"signed_in_by": "code"})


def test_a_code_is_taken_with_spaces_and_only_once(visitor: Client, tenant: Tenant) -> None:
    ask(visitor)
    code = code_in(mails(tenant)[0])
    assert visitor.post(CODE, {"code": f" {code[:3]} {code[3:]}"}).status_code == 302
    other = Client()
    ask(other)
    with tenant_scope(tenant.pk):
        SignInCode.objects.filter(used_at=None).delete()
    answer = other.post(CODE, {"code": code})
    assert answer.status_code == 422
    assert "no longer works" in answer.content.decode()


def test_neither_code_nor_link_is_kept(visitor: Client, tenant: Tenant, sandbox: Sandbox) -> None:
    ask(visitor)
    message = mails(tenant)[0]
    code, token = code_in(message), link_in(message).rstrip("/").rpartition("/")[2]
    assert send_due_messages(tenant.pk) == 1
    sent = mails(tenant)[0]
    assert sent.state == MessageState.SENT
    with tenant_scope(tenant.pk):
        kept = SignInCode.objects.get()
    for text in (sent.text, sent.html, sent.subject, kept.code_hash):
        assert code not in text
        assert token not in text


def test_only_the_newest_code_counts(visitor: Client, tenant: Tenant) -> None:
    ask(visitor)
    ask(visitor)
    first, second = (code_in(message) for message in mails(tenant))
    if first != second:
        assert visitor.post(CODE, {"code": first}).status_code == 422
    assert visitor.post(CODE, {"code": second}).status_code == 302


def test_a_code_dies_of_old_age(visitor: Client, tenant: Tenant) -> None:
    ask(visitor)
    code = code_in(mails(tenant)[0])
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1), tick=False):
        answer = visitor.post(CODE, {"code": code})
    assert answer.status_code == 422
    assert not is_in(visitor)


def test_five_wrong_tries_kill_a_code(visitor: Client, tenant: Tenant) -> None:
    ask(visitor)
    code = code_in(mails(tenant)[0])
    for _try in range(5):
        assert visitor.post(CODE, {"code": another_than(code)}).status_code == 422
    assert visitor.post(CODE, {"code": code}).status_code == 422
    assert not is_in(visitor)
    with tenant_scope(tenant.pk):
        assert SignInCode.objects.get().tries == 5


def test_twenty_wrong_codes_lock_codes_but_not_the_link(visitor: Client, tenant: Tenant) -> None:
    for _code in range(4):
        ask(visitor)
        wrong = another_than(code_in(mails(tenant)[-1]))
        for _try in range(5):
            visitor.post(CODE, {"code": wrong})
    ask(visitor)
    newest = mails(tenant)[-1]
    answer = visitor.post(CODE, {"code": code_in(newest)})
    assert answer.status_code == 422
    assert "Too many wrong codes" in answer.content.decode()
    visitor.get(path_of(link_in(newest)))
    assert visitor.post(LINK).status_code == 302
    assert is_in(visitor)


def test_a_few_wrong_codes_at_each_of_many_addresses_lock_codes_too(
    visitor: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand machines that try five codes at each of a hundred thousand customers would be let in some day."""
    monkeypatch.setattr(codes, "TRIES_PER_TENANT", 12)
    for n in range(3):
        robot, email = Client(), f"carol{n}@example.com"
        with tenant_scope(tenant.pk):
            CustomerFactory(email=email)
        robot.post(SIGN_IN, {"email": email}, REMOTE_ADDR=f"198.51.100.{n}")
        wrong = another_than(code_in(mails(tenant)[-1]))
        for _try in range(4):
            robot.post(CODE, {"code": wrong}, REMOTE_ADDR=f"198.51.100.{n}")
    ask(visitor)
    newest = mails(tenant)[-1]
    answer = visitor.post(CODE, {"code": code_in(newest)})
    assert "Too many wrong codes" in answer.content.decode()
    visitor.get(path_of(link_in(newest)))
    assert visitor.post(LINK).status_code == 302


def test_a_slip_of_the_keyboard_is_told_and_costs_no_try(visitor: Client, tenant: Tenant) -> None:
    answer = ask(visitor, "bob@")
    assert answer.status_code == 422
    assert 'value="bob@"' in answer.content.decode()
    ask(visitor)
    assert visitor.post(CODE, {"code": "12"}).status_code == 422
    with tenant_scope(tenant.pk):
        assert SignInCode.objects.get().tries == 0


def test_the_link_signs_in_by_a_press_only(visitor: Client, tenant: Tenant) -> None:
    ask(visitor)
    link = path_of(link_in(mails(tenant)[0]))
    scanner, phone = Client(), Client()
    for _time in range(3):
        scanner.get(link)
        scanner.head(link)
        scanner.get(LINK)
    opened = phone.get(link)
    assert opened.headers["Location"] == LINK
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    assert phone.get(LINK).status_code == 200
    assert not is_in(phone)
    assert phone.post(LINK).headers["Location"] == "/portal/acme/"
    assert is_in(phone)
    again = Client()
    again.get(link)
    assert again.get(LINK).status_code == 410
    assert again.post(LINK).status_code == 410
    assert not is_in(again)


def test_a_link_of_another_tenant_or_spoilt_opens_nothing(visitor: Client, tenant: Tenant) -> None:
    TenantFactory(slug="globex", name="Globex")
    ask(visitor)
    link = path_of(link_in(mails(tenant)[0]))
    for bad in (link.replace("/acme/", "/globex/"), link[:-3] + "x/"):
        client = Client()
        where = client.get(bad).headers["Location"]
        assert client.get(where).status_code == 410
        assert client.post(where).status_code == 410


def words(response: Any) -> str:
    main = response.content.decode().split("<main")[1].split("</main>")[0]
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", main)


def test_nothing_tells_whether_an_address_is_known(visitor: Client, tenant: Tenant) -> None:
    stranger = Client()
    assert ask(visitor, "bob@example.com").headers["Location"] == ask(stranger, "eve@example.com").headers["Location"]
    assert words(visitor.get(CODE)).replace("bob", "eve") == words(stranger.get(CODE))
    for _try in range(6):
        known, unknown = visitor.post(CODE, {"code": "000001"}), stranger.post(CODE, {"code": "000001"})
        assert words(known).replace("bob", "eve") == words(unknown)
        assert known.status_code == unknown.status_code
    assert [message.to for message in mails(tenant)] == ["bob@example.com"]
    known_pw, unknown_pw = (
        Client().post(f"{SIGN_IN}password/", {"email": email, "password": "x"})
        for email in ("bob@example.com", "eve@example.com")
    )
    assert words(known_pw).replace("bob", "eve") == words(unknown_pw)


def test_the_time_that_an_answer_takes_does_not_tell_who_is_known(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ANSWER_SECONDS", 0.6)
    for email in ("bob@example.com", "eve@example.com"):
        started = time.monotonic()
        ask(visitor, email)
        assert time.monotonic() - started >= 0.6


def test_one_address_gets_few_codes(visitor: Client, tenant: Tenant) -> None:
    answers = [ask(visitor).status_code for _time in range(7)]
    assert answers == [302] * 5 + [422] * 2
    strangers = [ask(visitor, "eve@example.com").status_code for _time in range(7)]
    assert strangers == answers
    assert len(mails(tenant)) == 5


def test_one_network_gets_few_codes(visitor: Client, tenant: Tenant) -> None:
    answers = [
        visitor.post(SIGN_IN, {"email": f"eve{n}@example.com"}, REMOTE_ADDR=f"2001:db8::{n:x}").status_code
        for n in range(32)
    ]
    assert answers == [302] * 30 + [422] * 2
    assert visitor.post(SIGN_IN, {"email": "bob@example.com"}, REMOTE_ADDR="198.51.100.9").status_code == 302


def test_those_who_share_an_address_choose(visitor: Client, tenant: Tenant, bob: Customer) -> None:
    with tenant_scope(tenant.pk):
        carol = CustomerFactory(first_name="Carol", last_name="Roy", email="bob@example.com", organisation="Roy & Cie")
        stranger = CustomerFactory(first_name="Eve", email="eve@example.com")
    ask(visitor, next="/portal/acme/settings/")
    where = visitor.post(CODE, {"code": code_in(mails(tenant)[0])}).headers["Location"]
    page = visitor.get(where).content.decode()
    assert "Roy &amp; Cie" in page
    assert "Eve" not in page
    assert not is_in(visitor)
    assert visitor.post(where, {"customer": str(stranger.pk)}).status_code == 422
    assert visitor.post(where, {"customer": "nobody"}).status_code == 422
    assert visitor.post(where, {"customer": str(carol.pk)}).headers["Location"] == "/portal/acme/settings/"
    assert "Carol" in visitor.get("/portal/acme/").content.decode()


def test_nobody_chooses_without_having_proved(visitor: Client, bob: Customer) -> None:
    ask(visitor)
    answer = visitor.post(f"{SIGN_IN}choose/", {"customer": str(bob.pk)})
    assert answer.headers["Location"] == SIGN_IN
    assert not is_in(visitor)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/portal/acme/",
        "/portal/globex/",
        "/t/acme/",
        "/portal/acme/\\evil.example",
        "/portal/acme/../../t/acme/",
        "javascript:alert(1)",
        "/portal/acme",
    ],
)
def test_next_leads_nowhere_else(visitor: Client, tenant: Tenant, elsewhere: str) -> None:
    ask(visitor, next=elsewhere)
    assert visitor.post(CODE, {"code": code_in(mails(tenant)[0])}).headers["Location"] == "/portal/acme/"


def test_signing_in_anew_ends_what_the_browser_had(visitor: Client, tenant: Tenant) -> None:
    for _time in range(2):
        ask(visitor)
        visitor.post(CODE, {"code": code_in(mails(tenant)[-1])})
    with tenant_scope(tenant.pk):
        assert PortalSession.objects.filter(ended_at=None).count() == 1
        assert PortalSession.objects.count() == 2


def test_signing_out_ends_the_session_itself(signed_in: Client, tenant: Tenant) -> None:
    stolen = Client()
    stolen.cookies[COOKIE] = signed_in.cookies[COOKIE].value
    assert signed_in.get("/portal/acme/sign-out/").status_code == 405
    assert signed_in.post("/portal/acme/sign-out/").headers["Location"] == SIGN_IN
    assert not is_in(stolen)


@pytest.mark.parametrize(("days_idle", "opens"), [(13, True), (15, False)])
def test_a_session_that_is_not_used_ends(signed_in: Client, days_idle: int, opens: bool) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=days_idle), tick=False):
        assert is_in(signed_in) is opens


def test_a_session_in_use_ends_after_thirty_days_all_the_same(signed_in: Client) -> None:
    start = timezone.now()
    for day, opens in ((10, True), (20, True), (29, True), (31, False)):
        with time_machine.travel(start + timedelta(days=day), tick=False):
            assert is_in(signed_in) is opens


def test_staff_and_customers_are_apart(tenant: Tenant, signed_in: Client) -> None:
    alice = UserFactory()
    with tenant_scope(tenant.pk):
        Membership.objects.create(user=alice, role=Role.OWNER)
    staff = Client()
    staff.force_login(alice)
    assert staff.get("/t/acme/").status_code == 200
    assert not is_in(staff)
    assert is_in(signed_in)
    assert signed_in.get("/t/acme/").status_code == 302


@pytest.fixture
def with_password(tenant: Tenant, bob: Customer) -> Iterator[Callable[..., Any]]:
    with tenant_scope(tenant.pk):
        set_password(actor=Actor.system("test"), tenant=tenant, customer=bob, password=PASSWORD, but=None)

    def sign_in(client: Client, password: str = PASSWORD, email: str = "bob@example.com", **more: Any) -> Any:
        return client.post(f"{SIGN_IN}password/", {"email": email, "password": password}, **more)

    return sign_in


def test_signs_in_by_password(with_password: Callable[..., Any], visitor: Client, tenant: Tenant) -> None:
    assert with_password(visitor).headers["Location"] == "/portal/acme/"
    assert is_in(visitor)
    with tenant_scope(tenant.pk):
        assert PASSWORD not in PortalPassword.objects.get().password


def test_a_wrong_password_keeps_the_address_and_not_the_password(
    with_password: Callable[..., Any], visitor: Client
) -> None:
    answer = with_password(visitor, password="three lumps")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'value="bob@example.com"' in page
    assert "three lumps" not in page


def test_passwords_are_not_guessed_at_length(with_password: Callable[..., Any], visitor: Client) -> None:
    for n in range(10):
        with_password(visitor, password=f"guess {n}", REMOTE_ADDR=f"198.51.100.{n}")
    assert "Too many passwords" in with_password(visitor).content.decode()
    assert not is_in(visitor)


def test_codes_and_pages_of_another_tenant_know_nobody_here(visitor: Client, tenant: Tenant) -> None:
    TenantFactory(slug="globex", name="Globex")
    visitor.post("/portal/globex/sign-in/", {"email": "bob@example.com"})
    assert mails(tenant) == []
    ask(visitor)
    code = code_in(mails(tenant)[0])
    assert visitor.post("/portal/globex/sign-in/code/", {"code": code}).status_code in (302, 422)
    assert not is_in(visitor, "globex")


def test_a_forged_form_is_refused(bob: Customer) -> None:
    assert ask(Client(enforce_csrf_checks=True)).status_code == 403


def test_pages_answer_in_the_language_that_was_chosen(visitor: Client, tenant: Tenant) -> None:
    answer = visitor.post("/portal/acme/settings/language/", {"language": "fr", "next": SIGN_IN})
    assert answer.headers["Location"] == "/portal/acme/sign-in/" or answer.headers["Location"] == SIGN_IN
    assert 'lang="fr"' in visitor.get(SIGN_IN).content.decode()
