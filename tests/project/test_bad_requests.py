"""Requests that no browser of ours sends: refused in words, never a crash."""

import pytest
from django.test import Client
from django.test.utils import override_settings

from tenants.middleware import client_ip

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", ["/", "/portal/acme/", "/accounts/login/", "/language/", "/i/acme/nonsense"])
def test_refuses_a_form_in_another_encoding(address: str) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies.load({"csrftoken": "a" * 32})
    response = client.post(address, b"a=1", content_type="application/x-www-form-urlencoded; charset=utf-16")
    assert response.status_code == 400
    assert "makes no sense" in response.content.decode()


def test_forgets_a_cookie_that_the_database_could_not_look_up(client: Client) -> None:
    client.cookies.load({"sessionid": "aaaaaaaaaaaa\x00aaaaaaaaaaaa"})
    assert client.get("/")["Location"] == "/accounts/login/?next=/"


def test_says_in_words_that_an_address_only_takes_forms(client: Client) -> None:
    answer = client.get("/language/", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "There is nothing to open here" in answer.content.decode()
    assert client.get("/language/", headers={"Accept": "application/json"}).content == b""


@pytest.mark.parametrize(
    ("hops", "shown"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7:52011", "198.51.100.7"),
        ("[2001:db8::1]:52011", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[::ffff:198.51.100.7]:52011", "198.51.100.7"),
        ("unknown", "127.0.0.1"),
        ("fe80::1%eth0", "127.0.0.1"),
        ("\x00", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
@override_settings(TRUSTED_PROXY_COUNT=1)
def test_reads_the_clients_address_in_whatever_way_a_proxy_writes_it(rf, hops: str, shown: str) -> None:
    assert client_ip(rf.get("/", headers={"X-Forwarded-For": hops})) == shown
