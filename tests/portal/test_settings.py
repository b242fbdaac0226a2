"""Language, zone, messages, picture, password, sessions, profile."""

import struct
import subprocess
import sys
import zlib
from io import BytesIO
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from customers.avatars import square_picture
from customers.models import Customer, PortalPassword, PortalSession, SocialProfile
from customers.sign_in.codes import address_of_link, send_code
from messaging.models import Message
from portal.settings.views import PICTURES_PER_HOUR
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory
from tests.portal.conftest import client_of, open_session

pytestmark = pytest.mark.django_db(transaction=True)
SETTINGS = "/portal/acme/settings/"


@pytest.fixture(autouse=True)
def uploads_of_its_own(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def stored(tenant: Tenant, bob: Customer) -> Customer:
    with tenant_scope(tenant.pk):
        return Customer.objects.get(pk=bob.pk)


def actions(tenant: Tenant) -> set[str]:
    with tenant_scope(tenant.pk):
        return set(AuditEntry.objects.filter(actor_kind="customer_portal").values_list("action", flat=True))


def test_the_pages_follow_the_language_at_once(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    answer = signed_in.post(f"{SETTINGS}preferences/", {"language": "fr", "time_zone": "Europe/Paris"}, follow=True)
    assert 'lang="fr"' in answer.content.decode()
    saved = stored(tenant, bob)
    assert (saved.language, saved.time_zone) == ("fr", "Europe/Paris")
    assert "customer.updated" in actions(tenant)
    assert 'lang="fr"' in client_of(tenant, bob).get("/portal/acme/").content.decode()


def test_the_switch_at_the_foot_is_kept_with_the_account(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    answer = signed_in.post(f"{SETTINGS}language/", {"language": "fr", "next": SETTINGS})
    assert answer.headers["Location"] == SETTINGS
    assert stored(tenant, bob).language == "fr"
    signed_in.post(f"{SETTINGS}language/", {"language": "xx", "next": "https://evil.example/"})
    assert stored(tenant, bob).language == "fr"


@pytest.mark.parametrize(
    "wrong", [{"language": "xx"}, {"time_zone": "Mars/Olympus"}, {"time_zone": "../../etc/passwd"}]
)
def test_unknown_languages_and_zones_are_refused(signed_in: Client, wrong: dict[str, str]) -> None:
    values = {"language": "en", "time_zone": ""} | wrong
    assert signed_in.post(f"{SETTINGS}preferences/", values).status_code == 422


def test_messages_are_muted_and_unmuted(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    signed_in.post(f"{SETTINGS}notifications/", {"mail-receipts": "on"})
    assert sorted(stored(tenant, bob).muted_mails) == ["method_updates", "subscription_changes"]
    signed_in.post(
        f"{SETTINGS}notifications/", {f"mail-{k}": "on" for k in ("receipts", "method_updates", "subscription_changes")}
    )
    assert stored(tenant, bob).muted_mails == []


# The picture


def picture(size: tuple[int, int] = (800, 600), kind: str = "PNG", colour: str = "red", **more: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **more)
    return out.getvalue()


def upload(client: Client, content: bytes, name: str = "me.png", content_type: str = "image/png") -> Any:
    return client.post(f"{SETTINGS}picture/", {"avatar": SimpleUploadedFile(name, content, content_type)})


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_is_made_anew_as_a_square(signed_in: Client, tenant: Tenant, bob: Customer, kind: str) -> None:
    assert upload(signed_in, picture(kind=kind)).status_code == 302
    name = stored(tenant, bob).avatar.name
    assert name.startswith("avatars/")
    assert "me" not in name
    with default_storage.open(name) as kept, Image.open(kept) as image:
        assert (image.format, image.size) == ("WEBP", (512, 512))
    page = signed_in.get(SETTINGS).content.decode()
    assert f"/media/{name}" in page
    served = signed_in.get(f"/media/{name}")
    assert (served.headers["Content-Type"], served.headers["X-Content-Type-Options"]) == ("image/webp", "nosniff")


def test_nothing_that_the_file_tells_of_its_owner_is_kept(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif[0x0112] = 6  # turned
    upload(signed_in, picture((300, 100), "JPEG", exif=exif))
    with default_storage.open(stored(tenant, bob).avatar.name) as kept:
        raw = kept.read()
    assert b"taken at home" not in raw
    assert not Image.open(BytesIO(raw)).getexif()


def test_a_turned_picture_is_put_upright(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    image = Image.new("RGB", (200, 200), "blue")
    image.paste("red", (0, 0, 200, 100))  # red above blue
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    out = BytesIO()
    image.save(out, "JPEG", exif=exif)
    upload(signed_in, out.getvalue())
    with default_storage.open(stored(tenant, bob).avatar.name) as kept, Image.open(kept) as shown:
        red, _green, blue = shown.convert("RGB").getpixel((256, 60))  # type: ignore[misc]
    assert blue > red


def test_the_old_picture_is_deleted(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    upload(signed_in, picture())
    first = stored(tenant, bob).avatar.name
    upload(signed_in, picture(colour="blue"))
    second = stored(tenant, bob).avatar.name
    assert not default_storage.exists(first)
    assert default_storage.exists(second)
    signed_in.post(f"{SETTINGS}picture/remove/")
    assert stored(tenant, bob).avatar.name == ""
    assert not default_storage.exists(second)
    assert {"customer.avatar_set", "customer.avatar_removed"} <= actions(tenant)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is that large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def test_few_pictures_an_hour(signed_in: Client, tenant: Tenant) -> None:
    answers = {upload(signed_in, picture((20, 20))).status_code for _time in range(PICTURES_PER_HOUR)}
    assert answers == {302}
    refused = upload(signed_in, picture((20, 20)))
    assert refused.status_code == 422
    assert "Wait an hour" in refused.content.decode()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("size", [(30, 20), (2600, 1900)])
def test_every_way_of_keeping_colours_is_read(mode: str, size: tuple[int, int]) -> None:
    out = BytesIO()
    Image.new(mode, size).save(out, "JPEG" if mode == "CMYK" else "PNG")
    made = square_picture(SimpleUploadedFile("me.png", out.getvalue()))
    with Image.open(BytesIO(made)) as image:
        assert (image.format, image.size) == ("WEBP", (512, 512))


def test_the_largest_picture_is_copied_once_at_most() -> None:
    """A file of a few kilobytes decodes to 160 MB; each copy of it would be as large again."""
    out = BytesIO()
    Image.new("RGBA", (6300, 6300)).save(out, "PNG")
    code = (
        "import re, sys, django; django.setup()\n"
        "from customers.avatars import square_picture\n"
        "from django.core.files.uploadedfile import SimpleUploadedFile\n"
        "upload = SimpleUploadedFile('me.png', sys.stdin.buffer.read())\n"
        "status = lambda name: int(re.search(rf'{name}:\\s+(\\d+) kB', open('/proc/self/status').read())[1])\n"
        "open('/proc/self/clear_refs', 'w').write('5'); before = status('VmRSS')\n"
        "square_picture(upload)\n"
        "print((status('VmHWM') - before) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=out.getvalue(), capture_output=True, check=True)
    assert int(done.stdout) < 400


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (bomb(10_000, 5_000), "at most 40 megapixels"),
        (bomb(60_000, 60_000), "at most 40 megapixels"),
        (SVG, "not a picture that we can read"),
        (b"MZ\x90\x00" + b"\0" * 200, "not a picture that we can read"),
        (picture(kind="BMP"), "not a picture that we can read"),
        (picture(kind="TIFF"), "not a picture that we can read"),
        (picture()[:200], "not a picture that we can read"),
        (picture()[:-20] + b"x" * 20, None),
        (b"", "This file is empty."),
        (b"\x89PNG\r\n\x1a\n", "not a picture that we can read"),
        (b"\0" * (8 * 1024 * 1024 + 1), "at most 8 MB"),
    ],
    ids=[
        "50-megapixels",
        "bomb",
        "svg",
        "renamed-executable",
        "bmp",
        "tiff",
        "cut-off",
        "damaged",
        "empty",
        "header-only",
        "too-large",
    ],
)
def test_what_is_no_picture_is_refused_in_plain_words(
    signed_in: Client, tenant: Tenant, bob: Customer, content: bytes, sentence: str | None
) -> None:
    answer = upload(signed_in, content)
    if sentence is None:
        assert answer.status_code in (302, 422)
        return
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert stored(tenant, bob).avatar.name == ""
    assert not default_storage.exists("avatars") or default_storage.listdir("avatars")[1] == []


def test_no_file_is_told(signed_in: Client) -> None:
    assert "Choose a picture first." in signed_in.post(f"{SETTINGS}picture/").content.decode()


# Password and sessions

NEW = "three lamps and a kettle"


def test_a_password_is_set_told_and_ends_other_sessions(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    other = client_of(tenant, bob)
    assert signed_in.post(f"{SETTINGS}password/", {"password": NEW}).headers["Location"] == SETTINGS
    assert signed_in.get(SETTINGS).status_code == 200
    assert other.get(SETTINGS).status_code == 302
    with tenant_scope(tenant.pk):
        assert [m.to for m in Message.objects.filter(template="password_changed")] == ["bob@example.com"]
        assert NEW not in "".join(str(entry.after) for entry in AuditEntry.objects.all())
    assert {"portal.password_set", "portal.signed_out_everywhere"} <= actions(tenant)


@pytest.mark.parametrize("weak", ["short", "12345678901", "password", "bob@example.com", "Tremblay"])
def test_weak_passwords_are_refused(signed_in: Client, tenant: Tenant, weak: str) -> None:
    assert signed_in.post(f"{SETTINGS}password/", {"password": weak}).status_code == 422
    with tenant_scope(tenant.pk):
        assert not PortalPassword.objects.exists()


def test_after_a_while_the_current_password_is_asked_for(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    signed_in.post(f"{SETTINGS}password/", {"password": NEW})
    with tenant_scope(tenant.pk):
        PortalSession.objects.update(signed_in_by="password")
    page = f"{SETTINGS}password/"
    assert "Current password" in signed_in.get(page).content.decode()
    assert signed_in.post(page, {"password": "four lamps and a kettle"}).status_code == 422
    wrong = signed_in.post(page, {"current": "wrong", "password": "four lamps and a kettle"})
    assert "This is not your password." in wrong.content.decode()
    assert signed_in.post(f"{page}remove/", {"remove-current": "wrong"}).status_code == 422
    assert signed_in.post(page, {"current": NEW, "password": "four lamps and a kettle"}).status_code == 302
    assert signed_in.post(f"{page}remove/", {"remove-current": "four lamps and a kettle"}).status_code == 302
    with tenant_scope(tenant.pk):
        assert not PortalPassword.objects.exists()
    assert signed_in.post(f"{page}remove/", {}).status_code == 422


def test_sessions_are_shown_and_ended_one_by_one(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    phone = open_session(tenant, bob, "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Safari/604.1")[0]
    page = signed_in.get(f"{SETTINGS}sessions/").content.decode()
    assert "Safari, iPhone" in page
    assert "Firefox, Windows" in page
    assert "192.0.2.7" in page
    assert page.count("This browser") == 1
    assert signed_in.post(f"{SETTINGS}sessions/{phone.pk}/end/").status_code == 302
    assert "iPhone" not in signed_in.get(f"{SETTINGS}sessions/").content.decode().split("<main")[1]


def test_another_customers_session_cannot_be_ended(signed_in: Client, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        carol = CustomerFactory()
    session = open_session(tenant, carol)[0]
    assert signed_in.post(f"{SETTINGS}sessions/{session.pk}/end/").status_code == 404


def test_signs_out_everywhere_else_and_everywhere(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    other = client_of(tenant, bob)
    signed_in.post(f"{SETTINGS}sessions/others/")
    assert (other.get(SETTINGS).status_code, signed_in.get(SETTINGS).status_code) == (302, 200)
    signed_in.post(f"{SETTINGS}sessions/others/", {"everywhere": "yes"})
    assert signed_in.get(SETTINGS).status_code == 302


def test_signing_out_everywhere_ends_links_and_codes_that_are_under_way(
    signed_in: Client, tenant: Tenant, bob: Customer
) -> None:
    with tenant_scope(tenant.pk):
        sent = send_code(tenant=tenant, email=bob.email, ip=None)
        assert address_of_link(sent.pk) == bob.email
    signed_in.post(f"{SETTINGS}sessions/others/", {"everywhere": "yes"})
    with tenant_scope(tenant.pk):
        assert address_of_link(sent.pk) == ""


# The social profile


def test_the_profile_is_there_only_where_the_tenant_asks(signed_in: Client, tenant: Tenant, bob: Customer) -> None:
    values = {"bio": "I read.", "location": "Montréal", "github": "https://github.com/bob/", "x": "@bob"}
    assert signed_in.post(f"{SETTINGS}profile/", values).status_code == 404
    with tenant_scope(tenant.pk):
        Tenant.objects.filter(pk=tenant.pk).update(portal_shows_social=True)
    assert signed_in.post(f"{SETTINGS}profile/", values).status_code == 302
    with tenant_scope(tenant.pk):
        profile = SocialProfile.objects.get()
    assert (profile.bio, profile.usernames) == ("I read.", {"github": "bob", "x": "bob"})
    assert "customer.social_profile_updated" in actions(tenant)
    assert "I read." in signed_in.get(SETTINGS).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"x": "bob smith"}, {"mastodon": "bob"}, {"github": "<script>"}, {"bio": "x" * 601}, {"x": "https://x.com/a?b=c"}],
)
def test_what_is_no_user_name_is_refused(signed_in: Client, tenant: Tenant, wrong: dict[str, str]) -> None:
    with tenant_scope(tenant.pk):
        Tenant.objects.filter(pk=tenant.pk).update(portal_shows_social=True)
    assert signed_in.post(f"{SETTINGS}profile/", {"bio": "kept words"} | wrong).status_code == 422
    with tenant_scope(tenant.pk):
        assert not SocialProfile.objects.exists()
