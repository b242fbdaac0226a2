"""Settings, team, gateway, products."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from messaging.models import Message
from payments.models import EventState, GatewayAccount, GatewayEvent
from propagation.models import Step, StepState
from subscriptions.models import Price, Product
from tenants.models import AuditEntry, Membership, Role, StaffInvitation, Tenant
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office, join, make_office
from tests.factories import TenantFactory
from tests.processes import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def typed(tenant: Tenant, **more: Any) -> dict[str, Any]:
    values = {
        "name": tenant.name,
        "primary_colour": "#206bc4",
        "country": "CA",
        "currency": "CAD",
        "language": "en",
        "time_zone": "America/Toronto",
        "invitation_lifetime": "72",
        "invite_by_email": "on",
        "care_phone": "",
    }
    return values | more


def picture(width: int = 600, height: int = 300, kind: str = "PNG", name: str = "logo.png") -> SimpleUploadedFile:
    content = BytesIO()
    Image.new("RGB", (width, height), "teal").save(content, kind)
    return SimpleUploadedFile(name, content.getvalue())


def test_saves_the_settings_and_audits_only_what_changed(office: Office, owner: Client) -> None:
    owner.post(office.url("settings"), typed(office.tenant, name="Acme Press", care_phone="416-555-0123"))
    tenant = Tenant.objects.get(pk=office.tenant.pk)
    assert (tenant.name, tenant.time_zone) == ("Acme Press", "America/Toronto")
    assert tenant.care_phone.as_e164 == "+14165550123"
    with tenant_scope(tenant.pk):
        entry = AuditEntry.objects.get(action="tenant.updated")
    assert (entry.before["name"], entry.after["name"]) == ("Acme", "Acme Press")
    assert "currency" not in entry.after


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("primary_colour", "red", "Give a colour"),
        ("currency", "XXX", "Select a valid choice"),
        ("time_zone", "Mars/Olympus", "Select a valid choice"),
        ("country", "ZZ", "Select a valid choice"),
        ("care_phone", "12", "phone number"),
        ("sender_email", "nobody@", "valid email"),
        ("sms_sender", "A name that is far too long", "11 letters"),
        ("invite_by_email", "", "at least one way"),
    ],
)
def test_bad_settings_are_told_beside_the_field_and_nothing_is_lost(
    office: Office, owner: Client, field: str, value: str, words: str
) -> None:
    response = owner.post(office.url("settings"), typed(office.tenant, **{"name": "Typed just now", field: value}))
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    assert 'value="Typed just now"' in page
    assert Tenant.objects.get(pk=office.tenant.pk).name == "Acme"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_logo_is_decoded_and_encoded_anew(office: Office, owner: Client, kind: str) -> None:
    owner.post(office.url("settings"), typed(office.tenant, logo=picture(kind=kind, name="../../evil.php")))
    logo = Tenant.objects.get(pk=office.tenant.pk).logo
    assert logo.name.startswith("logos/")
    assert logo.name.endswith(".png")
    with Image.open(logo) as kept:
        assert (kept.format, kept.size) == ("PNG", (512, 256))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG drawings are not accepted"),
        (b"GIF89a not really", "This is not a PNG"),
        (b"", "file is empty"),
        (b"x" * (2 * 1024 * 1024 + 1), "larger than 2 MB"),
    ],
)
def test_what_is_no_picture_is_refused(office: Office, owner: Client, content: bytes, words: str) -> None:
    upload = SimpleUploadedFile("logo.png", content)
    response = owner.post(office.url("settings"), typed(office.tenant, logo=upload))
    assert response.status_code == 422
    assert words in response.content.decode()


def test_a_picture_of_too_many_pixels_is_refused(office: Office, owner: Client) -> None:
    response = owner.post(office.url("settings"), typed(office.tenant, logo=picture(6000, 4000)))
    assert "too many pixels" in response.content.decode()


def test_removes_the_logo(office: Office, owner: Client) -> None:
    owner.post(office.url("settings"), typed(office.tenant, logo=picture()))
    owner.post(office.url("settings"), typed(office.tenant, remove_logo="on"))
    assert not Tenant.objects.get(pk=office.tenant.pk).logo


def test_a_colour_is_judged_while_it_is_chosen(office: Office, owner: Client) -> None:
    page = owner.get(office.url("settings_colour"), {"primary_colour": "#ffff00"}).content.decode()
    assert 'id="colour-hint"' in page
    assert "links use a darker shade" in page
    assert owner.get(office.url("settings_colour"), {"primary_colour": '"><script>'}).status_code == 200


def test_invites_someone_and_says_when_they_are_there_already(office: Office, owner: Client) -> None:
    url = office.url("team_invite")
    owner.post(url, {"email": "Erin@Example.com", "role": "manager"})
    with tenant_scope(office.tenant.pk):
        invitation = StaffInvitation.objects.get(email="erin@example.com")
        message = Message.objects.get(about_id=invitation.pk)
    assert "/team/join/" in message.text
    again = owner.post(url, {"email": "erin@example.com", "role": "agent"})
    assert again.status_code == 422
    assert "open invitation already" in again.content.decode()
    assert "data-open" in again.content.decode()


def test_changes_a_role_and_keeps_an_owner(office: Office, owner: Client) -> None:
    with tenant_scope(office.tenant.pk):
        owners = list(Membership.objects.filter(role=Role.OWNER).order_by("created_at"))
    for member in owners:
        owner.post(office.url("team_role", membership_id=member.pk), {"role": "agent"})
    with tenant_scope(office.tenant.pk):
        assert Membership.objects.filter(role=Role.OWNER).count() == 1


def test_removes_a_member_and_lets_one_leave(office: Office, owner: Client) -> None:
    person = join(office, Role.AGENT, "Erin")
    with tenant_scope(office.tenant.pk):
        hers = Membership.objects.get(user=person)
        mine = Membership.objects.get(user__full_name="Alice Martin")
    assert (
        "no longer on the team"
        in owner.post(office.url("team_remove", membership_id=hers.pk), follow=True).content.decode()
    )
    left = owner.post(office.url("team_remove", membership_id=mine.pk))
    assert left["Location"] == "/"
    assert owner.get(office.url("overview")).status_code == 404


def test_revokes_an_open_offer(office: Office, owner: Client) -> None:
    url = office.url("team_invitation_revoke", invitation_id=office.ids["staff_invitation_id"])
    assert "no longer works" in owner.post(url, follow=True).content.decode()
    assert "no longer open" in owner.post(url, follow=True).content.decode()


@pytest.mark.parametrize(
    ("publishable", "secret", "words"),
    [
        ("sk_test_12345678", "sk_test_12345678", "This is a secret key"),
        ("pk_live_12345678", "sk_test_12345678", "two keys of one kind"),
        ("nonsense", "sk_test_12345678", "begins with pk_test_"),
        ("", "", "This field is required"),
    ],
)
def test_wrong_keys_are_told_beside_the_field_and_never_shown_again(
    office: Office, owner: Client, publishable: str, secret: str, words: str
) -> None:
    data = {"publishable_key": publishable, "secret_key": secret}
    response = owner.post(office.url("gateway_connect"), data)
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    assert 'type="password"' in page
    assert f'value="{secret or "x"}"' not in page.replace(f'name="publishable_key" value="{publishable}"', "")


@pytest.mark.django_db(transaction=True)
def test_connects_the_account_after_trying_the_keys(sandbox: Sandbox, client: Client) -> None:
    tenant = TenantFactory(slug="fresh")
    fresh = Office(tenant, *([None] * 7))  # type: ignore[arg-type]
    client.force_login(join(fresh, Role.OWNER))
    made = sandbox.create_account("fresh")
    keys = {"publishable_key": made["publishable_key"], "secret_key": made["secret_key"]}
    response = client.post(fresh.url("gateway_connect"), keys)
    assert response["Location"] == fresh.url("gateway")
    with tenant_scope(tenant.pk):
        account = GatewayAccount.objects.get()
    assert account.webhook_endpoint_id
    page = client.get(fresh.url("gateway")).content.decode()
    assert made["id"] in page
    assert made["secret_key"] not in page
    assert f"…{made['secret_key'][-4:]}" in page


@pytest.mark.django_db(transaction=True)
def test_new_keys_take_up_again_what_had_failed_for_want_of_them(sandbox: Sandbox, client: Client) -> None:
    office = make_office("fresh", "Fresh")
    client.force_login(join(office, Role.OWNER))
    made = sandbox.create_account("fresh")
    with tenant_scope(office.tenant.pk):
        GatewayAccount.objects.all().delete()
        Step.objects.filter(pk=office.failed_step.pk).update(error_code="bad_keys")
    keys = {"publishable_key": made["publishable_key"], "secret_key": made["secret_key"]}
    page = client.post(office.url("gateway_connect"), keys, follow=True).content.decode()
    assert "1 step that had failed for want of keys is being carried out again." in page
    with tenant_scope(office.tenant.pk):
        assert Step.objects.get(pk=office.failed_step.pk).state == StepState.WAITING


def test_a_given_up_event_is_tried_again_once(office: Office, owner: Client) -> None:
    url = office.url("event_retry", event_id=office.ids["event_id"])
    assert url not in owner.get(office.url("gateway")).content.decode()
    with tenant_scope(office.tenant.pk):
        GatewayEvent.objects.update(state=EventState.FAILED)
    assert url in owner.get(office.url("gateway")).content.decode()
    assert "being processed again" in owner.post(url, follow=True).content.decode()
    assert "was not given up" in owner.post(url, follow=True).content.decode()
    with tenant_scope(office.tenant.pk):
        assert GatewayEvent.objects.get(pk=office.ids["event_id"]).state == EventState.RECEIVED


def test_makes_a_product_and_prices_it(office: Office, owner: Client) -> None:
    owner.post(office.url("product_create"), {"name_en": "Almanac", "name_fr": "Almanach"})
    with tenant_scope(office.tenant.pk):
        product = Product.objects.get(name_en="Almanac")
    url = office.url("price_create", product_id=product.pk)
    price = {"price-interval": "month", "price-interval_count": "1", "price-trial_days": "0"}
    owner.post(url, price | {"price-amount": "12.50", "price-currency": "CAD"})
    owner.post(url, price | {"price-amount": "900", "price-currency": "JPY"})
    refused = owner.post(url, price | {"price-amount": "9.5", "price-currency": "JPY"})
    assert refused.status_code == 422
    assert "JPY has no decimals" in refused.content.decode()
    with tenant_scope(office.tenant.pk):
        made = list(Price.objects.filter(product=product).order_by("currency"))
    assert [(p.amount_minor, p.currency) for p in made] == [(1250, "CAD"), (900, "JPY")]
    owner.post(office.url("price_active", price_id=made[0].pk), {"is_active": "0"})
    owner.post(office.url("product_edit", product_id=product.pk), {"name_en": "Yearbook", "name_fr": ""})
    with tenant_scope(office.tenant.pk):
        assert not Price.objects.get(pk=made[0].pk).is_active
        product = Product.objects.get(pk=product.pk)
    assert (product.name_en, product.is_active) == ("Yearbook", False)
