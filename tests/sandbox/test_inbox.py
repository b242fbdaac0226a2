import base64
import hashlib
import hmac
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from sandbox.inbox.sms import count_segments
from tests.sandbox.conftest import Box, Collector, wait_for

AUTH = ("AC123", "secret-token")


@pytest.fixture
def posting(tmp_path: Path, collector: Collector) -> Iterator[Box]:
    """A box that reports mail to the collector."""
    address = collector.url.replace("http://", "http://user:pass@") + "/mail"
    one = Box(tmp_path, "--mail-webhook-url", address)
    yield one
    one.end()


def send_mail(box: Box, to: str, **headers: str) -> dict[str, Any]:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Shop <shop@example.com>", to, "Votre carte é"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Open http://shop.example/i/abc?x=1.")
    mail.add_alternative('<a href="http://shop.example/i/abc?x=1&amp;y=2">Open</a><script>1</script>', subtype="html")
    mail.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="é.pdf")
    with smtplib.SMTP("127.0.0.1", box.smtp_port) as server:
        server.send_message(mail)
    found = box.control("GET", "inbox/messages", params={"to": to, "channel": "email"})
    return dict(found[0])


def test_mail_arrives_whole(box: Box) -> None:
    mail = send_mail(box, "alice@example.com")
    assert (mail["subject"], mail["to"]) == ("Votre carte é", ["alice@example.com"])
    assert mail["links"] == ["http://shop.example/i/abc?x=1", "http://shop.example/i/abc?x=1&y=2"]
    assert [one["name"] for one in mail["attachments"]] == ["é.pdf"]
    page = box.http.get(f"/inbox/{mail['id']}")
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert "sandbox" in box.http.get(f"/inbox/{mail['id']}/html").headers["content-security-policy"]
    assert box.http.get(f"/inbox/{mail['id']}/attachments/0").content == b"%PDF-1"
    assert "Votre carte" in box.http.get("/inbox/").text


def test_reports_as_postmark_does(posting: Box, collector: Collector) -> None:
    send_mail(posting, "bob@example.com")
    send_mail(posting, "ann@example.com", X_PM_Metadata_invitation="7")
    send_mail(posting, "ann+bounce@example.com", X_PM_Metadata_invitation="8")
    send_mail(posting, "complaint@example.com", X_PM_Metadata_invitation="9")
    wait_for(lambda: len(collector.received) == 4)
    events = [(one["RecordType"], one["Metadata"]["invitation"]) for one in collector.events()]
    assert sorted(events) == [("Bounce", "8"), ("Delivery", "7"), ("Delivery", "9"), ("SpamComplaint", "9")]
    path, headers, _ = collector.received[0]
    assert (path, headers["authorization"]) == ("/mail", "Basic " + base64.b64encode(b"user:pass").decode())


def send_sms(box: Box, to: str = "+33612345678", **more: str) -> Any:
    data = {"To": to, "From": "+15005550006", "Body": "Open http://shop.example/i/abc", **more}
    return box.http.post("/2010-04-01/Accounts/AC123/Messages.json", data=data, auth=AUTH)


def test_sms_and_its_signed_reports(box: Box, collector: Collector) -> None:
    url = collector.url + "/sms?tenant=1"
    answer = send_sms(box, StatusCallback=url)
    assert (answer.status_code, answer.json()["status"], answer.json()["num_segments"]) == (201, "queued", "1")
    wait_for(lambda: len(collector.received) == 2)
    statuses = []
    for _, headers, body in collector.received:
        params = dict(parse_qsl(body.decode()))
        text = url + "".join(name + params[name] for name in sorted(params))
        expected = hmac.new(AUTH[1].encode(), text.encode(), hashlib.sha1).digest()
        assert headers["x-twilio-signature"] == base64.b64encode(expected).decode()
        assert params["MessageSid"] == answer.json()["sid"]
        statuses.append(params["MessageStatus"])
    assert statuses == ["sent", "delivered"]
    message = box.control("GET", "inbox/messages", params={"channel": "sms"})[0]
    assert message["links"] == ["http://shop.example/i/abc"]
    assert "auth_token" not in message
    box.control("POST", f"inbox/messages/{message['id']}/status", json={"status": "undelivered"})
    wait_for(lambda: len(collector.received) == 3)
    assert b"ErrorCode=30005" in collector.received[-1][2]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"to": "+15005550001"}, 21211),
        ({"to": "12345"}, 21211),
        ({"to": "+15005550009"}, 21614),
        ({"Body": ""}, 21602),
        ({"From": ""}, 21603),
    ],
)
def test_refuses_as_twilio_does(box: Box, more: dict[str, str], code: int) -> None:
    answer = send_sms(box, **more)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_needs_credentials(box: Box) -> None:
    assert box.http.post("/2010-04-01/Accounts/AC123/Messages.json", data={"To": "+1"}).json()["code"] == 20003


@pytest.mark.parametrize(
    ("text", "segments"), [("a" * 160, 1), ("a" * 161, 2), ("€" * 81, 2), ("ê" * 70, 1), ("ê" * 71, 2), ("ê" * 135, 3)]
)
def test_counts_segments(text: str, segments: int) -> None:
    assert count_segments(text) == segments
