"""The front door, people's own profile, and joining a team."""

import re
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tenants.actors import Actor
from tenants.models import AuditEntry, Membership, Role, StaffInvitation, Tenant, User
from tenants.scope import tenant_scope
from tenants.services import (
    TeamError,
    accept_staff_invitation,
    change_role,
    invite_staff,
    read_staff_invitation_token,
    remove_member,
    revoke_staff_invitation,
    staff_invitation_token,
)
from tests.factories import PASSWORD, MembershipFactory, TenantFactory, UserFactory

pytestmark = pytest.mark.django_db

SYSTEM = Actor.system("tests")


@pytest.fixture
def tenant() -> Tenant:
    made: Tenant = TenantFactory(slug="acme", name="Acme")
    return made


def invite(tenant: Tenant, email: str = "dora@example.com", role: str = Role.AGENT) -> tuple[StaffInvitation, str]:
    """An open invitation and its link's path."""
    with tenant_scope(tenant.pk):
        invitation = invite_staff(actor=SYSTEM, email=email, role=role, invited_by=None)
    return invitation, reverse("team_join", args=[staff_invitation_token(invitation)])


def member(tenant: Tenant, user: User, role: Role = Role.AGENT) -> Membership:
    with tenant_scope(tenant.pk):
        made: Membership = MembershipFactory(user=user, role=role)
    return made


def test_the_front_door_asks_strangers_to_sign_in(client: Client) -> None:
    assert client.get("/")["Location"] == "/accounts/login/?next=/"


def test_the_front_door_leads_to_the_only_organisation(client: Client, tenant: Tenant) -> None:
    user = UserFactory()
    member(tenant, user)
    client.force_login(user)
    assert client.get("/")["Location"] == "/t/acme/"


def test_the_front_door_offers_several_organisations_and_no_others(client: Client, tenant: Tenant) -> None:
    user = UserFactory()
    for one in (tenant, TenantFactory(name="Globex")):
        member(one, user)
    TenantFactory(name="Initech")
    client.force_login(user)
    page = client.get("/").content.decode()
    assert "Acme" in page
    assert "Globex" in page
    assert "Initech" not in page


def test_who_is_on_no_team_is_told_so(client: Client) -> None:
    client.force_login(UserFactory())
    assert "is on no team" in client.get("/").content.decode()


def test_signs_in_by_e_mail_and_password(client: Client, tenant: Tenant) -> None:
    user = UserFactory(email="alice@example.com")
    member(tenant, user)
    response = client.post("/accounts/login/", {"login": "Alice@Example.com", "password": PASSWORD})
    assert response["Location"] == "/"


def test_people_keep_their_name_and_language(client: Client, tenant: Tenant) -> None:
    user = UserFactory()
    member(tenant, user)
    client.force_login(user)
    client.post(reverse("my_profile"), {"full_name": "Alice Roy", "language": "fr"})
    user.refresh_from_db()
    assert (user.full_name, user.language) == ("Alice Roy", "fr")
    assert '<html lang="fr"' in client.get("/t/acme/").content.decode()
    client.post(reverse("set_language"), {"language": "en", "next": "/t/acme/"})
    assert '<html lang="en"' in client.get("/t/acme/").content.decode()
    assert client.post(reverse("my_profile"), {"full_name": "", "language": "xx"}).status_code == 422


@pytest.mark.parametrize("action", ["action_add", "action_primary"])
def test_nobody_takes_another_address_unseen(client: Client, tenant: Tenant, action: str) -> None:
    """An address that is not proved would be somebody else's: to be invited by, and to reset a password with."""
    user = UserFactory()
    member(tenant, user)
    client.force_login(user)
    response = client.post("/accounts/email/", {"email": "eve@example.com", action: ""})
    assert (response.status_code, response["Location"]) == (302, "/profile/")
    user.refresh_from_db()
    assert user.email != "eve@example.com"
    assert not EmailAddress.objects.filter(email="eve@example.com").exists()


def test_the_link_to_a_new_password_begins_with_the_public_address(client: Client, settings, mailoutbox) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    user = UserFactory()
    client.post("/accounts/password/reset/", {"email": user.email}, headers={"host": "eve.example"})
    (link,) = re.findall(r"http\S+", mailoutbox[0].body)
    assert link.startswith(f"{settings.BASE_URL}/accounts/password/reset/key/")
    page = client.get(link.removeprefix(settings.BASE_URL), follow=True)
    assert 'name="password1"' in page.content.decode()


def test_a_new_person_joins_with_a_name_and_a_password(client: Client, tenant: Tenant) -> None:
    _invitation, link = invite(tenant, role=Role.MANAGER)
    assert client.get(link)["Referrer-Policy"] == "strict-origin"
    weak = client.post(link, {"full_name": "Dora Explorer", "password": "password"})
    assert weak.status_code == 422
    assert 'value="Dora Explorer"' in weak.content.decode()
    response = client.post(link, {"full_name": "Dora Explorer", "password": PASSWORD})
    assert response["Location"] == "/t/acme/"
    with tenant_scope(tenant.pk):
        assert Membership.objects.get(user__email="dora@example.com").role == Role.MANAGER
        assert AuditEntry.objects.filter(action="staff_invitation.accepted").exists()
    assert client.get(link).status_code == 410


def test_someone_with_an_account_signs_in_first_and_then_joins(client: Client, tenant: Tenant) -> None:
    user = UserFactory(email="dora@example.com")
    _invitation, link = invite(tenant)
    page = client.get(link).content.decode()
    assert f"/accounts/login/?next={quote(link)}" in page
    assert client.post(link, {"full_name": "Someone else", "password": PASSWORD}).status_code == 200
    assert User.objects.count() == 1
    client.force_login(user)
    assert client.get(link).status_code == 200
    assert client.post(link)["Location"] == "/t/acme/"


def test_another_account_is_told_and_joins_nothing(client: Client, tenant: Tenant) -> None:
    client.force_login(UserFactory(email="eve@example.com"))
    _invitation, link = invite(tenant)
    response = client.post(link)
    assert response.status_code == 409
    assert "This invitation is for someone else" in response.content.decode()
    with tenant_scope(tenant.pk):
        assert not Membership.objects.exists()


@pytest.mark.parametrize("end", ["revoked", "expired", "forged", "other tenant"])
def test_a_link_that_no_longer_works_says_so(client: Client, tenant: Tenant, end: str) -> None:
    invitation, link = invite(tenant)
    with tenant_scope(tenant.pk):
        if end == "revoked":
            revoke_staff_invitation(actor=SYSTEM, invitation=invitation)
        if end == "expired":
            StaffInvitation.objects.update(expires_at=timezone.now())
    if end == "forged":
        link = link[:-2] + "x/"
    if end == "other tenant":
        invitation.tenant_id = TenantFactory().pk
        link = reverse("team_join", args=[staff_invitation_token(invitation)])
    response = client.get(link)
    assert response.status_code == 410
    assert "dora@example.com" not in response.content.decode()
    assert client.post(link, {"full_name": "Dora", "password": PASSWORD}).status_code == 410
    assert not User.objects.exists()


def test_invites_nobody_twice_and_no_member(tenant: Tenant) -> None:
    member(tenant, UserFactory(email="alice@example.com"))
    invite(tenant)
    with tenant_scope(tenant.pk):
        for email, code in (("Dora@Example.com", "already_invited"), ("alice@example.com", "already_member")):
            with pytest.raises(TeamError) as refused:
                invite_staff(actor=SYSTEM, email=email, role=Role.AGENT, invited_by=None)
            assert refused.value.code == code


def test_an_offer_is_accepted_once(tenant: Tenant) -> None:
    invitation, _link = invite(tenant)
    user = UserFactory(email="dora@example.com")
    with tenant_scope(tenant.pk):
        accept_staff_invitation(invitation_id=invitation.pk, user=user)
        with pytest.raises(TeamError) as refused:
            accept_staff_invitation(invitation_id=invitation.pk, user=user)
    assert refused.value.code == "not_open"


def test_an_offer_is_for_its_address_alone(tenant: Tenant) -> None:
    invitation, _link = invite(tenant)
    with tenant_scope(tenant.pk), pytest.raises(TeamError) as refused:
        accept_staff_invitation(invitation_id=invitation.pk, user=UserFactory())
    assert refused.value.code == "other_address"


def test_the_last_owner_stays(tenant: Tenant) -> None:
    only = member(tenant, UserFactory(), Role.OWNER)
    with tenant_scope(tenant.pk):
        for act in (lambda: change_role(actor=SYSTEM, membership=only, role=Role.AGENT), lambda: _remove(only)):
            with pytest.raises(TeamError) as refused:
                act()
            assert refused.value.code == "last_owner"
    member(tenant, UserFactory(), Role.OWNER)
    with tenant_scope(tenant.pk):
        change_role(actor=SYSTEM, membership=only, role=Role.AGENT)
        entry = AuditEntry.objects.get(action="member.role_changed")
        _remove(only)
        assert Membership.objects.count() == 1
    assert (entry.before, entry.after) == ({"role": "owner"}, {"role": "agent"})


def _remove(membership: Membership) -> None:
    remove_member(actor=SYSTEM, membership=membership)


def test_a_token_names_its_tenant_and_invitation(tenant: Tenant) -> None:
    invitation, _link = invite(tenant)
    assert read_staff_invitation_token(staff_invitation_token(invitation)) == (tenant.pk, invitation.pk)
