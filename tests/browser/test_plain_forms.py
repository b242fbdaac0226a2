"""Forms on pages that hide their address from other sites: a real browser must be able to send them, script or none."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from invitations.models import Invitation
from invitations.tokens import make_token
from tenants.actors import Actor
from tenants.models import AuditEntry, Membership, Role, Tenant
from tenants.scope import tenant_scope
from tenants.services import invite_staff, staff_invitation_token
from tests.factories import CustomerFactory, TenantFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    made: Tenant = TenantFactory(slug="acme", name="Acme", care_email="care@acme.example")
    return made


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    page = browser.new_context(java_script_enabled=request.param).new_page()
    yield page
    page.context.close()


def test_an_invited_person_joins_the_team(page: Page, live_server: LiveServer, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        invitation = invite_staff(
            actor=Actor.system("tests"), email="dora@example.com", role=Role.AGENT, invited_by=None
        )
    page.goto(live_server.url + reverse("team_join", args=[staff_invitation_token(invitation)]))
    page.fill("input[name=full_name]", "Dora Roy")
    page.fill("input[name=password]", "three lamps and a kettle")
    page.press("input[name=password]", "Enter")
    expect(page).to_have_url(f"{live_server.url}/t/acme/")
    with tenant_scope(tenant.pk):
        assert Membership.objects.get().user.email == "dora@example.com"


def test_whoever_has_an_ended_link_asks_for_another(page: Page, live_server: LiveServer, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        invitation = Invitation.objects.create(
            number=1,
            customer=CustomerFactory(),
            channels=["email"],
            language="en",
            lifetime_hours=24,
            expires_at=timezone.now() - timedelta(hours=1),
        )
    page.goto(f"{live_server.url}/i/acme/{make_token(tenant.pk, invitation.pk)}")
    page.get_by_role("button", name="Ask for a new link").click()
    expect(page.get_by_text("Acme has been asked")).to_be_visible()
    with tenant_scope(tenant.pk):
        assert AuditEntry.objects.filter(action="invitation.link_requested").count() == 1
