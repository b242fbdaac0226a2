"""Card entries whose browser has vanished: the gateway's event finishes them, and else the sweep."""

from datetime import timedelta

import pytest
from django.utils import timezone

from invitations.card_setups import is_time_to_ask, settle_open_setups
from invitations.models import InvitationState
from payments.models import CardSetup, PaymentProfile, ProfileState, SetupState
from propagation.models import Change, ChangeKind
from tenants.models import MethodKind, Tenant
from tests.invitations.story import Story, age, finish, revoke


def test_the_gateways_event_finishes_for_a_browser_that_vanished(story: Story) -> None:
    story.visitor.open()
    setup = story.visitor.enter_card(story.world)
    for _time in range(10):
        finish(story, setup)
    assert story.state() == InvitationState.COMPLETED
    with story.world.scope():
        assert Change.objects.count() == 1
    finish(story, "seti_of_nobody")


def test_the_sweep_finishes_when_the_event_is_lost_as_well(story: Story) -> None:
    story.visitor.open()
    story.visitor.enter_card(story.world)
    settle_open_setups(story.world.tenant.pk)
    assert story.state() == InvitationState.OPENED
    age(story, 2)
    settle_open_setups(story.world.tenant.pk)
    assert story.state() == InvitationState.COMPLETED


def test_the_sweep_cancels_entries_that_can_lead_nowhere(story: Story) -> None:
    story.visitor.open()
    story.visitor.post("setup")
    revoke(story)
    age(story, 3)
    settle_open_setups(story.world.tenant.pk)
    with story.world.scope():
        entry = CardSetup.objects.get()
    assert entry.state == SetupState.CANCELED
    assert story.world.at_gateway("setup_intent", entry.gateway_id)["status"] == "canceled"


def test_the_sweep_leaves_a_form_that_is_still_open_alone(story: Story) -> None:
    story.visitor.open()
    story.visitor.post("setup")
    for minutes in (2, 3, 64, 299):
        age(story, minutes)
        settle_open_setups(story.world.tenant.pk)
        with story.world.scope():
            assert CardSetup.objects.get().state == SetupState.OPEN
    age(story, 301)
    settle_open_setups(story.world.tenant.pk)
    with story.world.scope():
        assert CardSetup.objects.get().state == SetupState.CANCELED


def test_the_sweep_asks_less_and_less_often() -> None:
    asked = [minute for minute in range(300) if is_time_to_ask(timedelta(minutes=minute, seconds=30))]
    assert asked == [2, 4, 8, 16, 32, 64, 128, 256]


@pytest.fixture
def waiting(story: Story) -> str:
    """A US account entered by its numbers, three days ago; its holder has only now told what deposit they got."""
    with story.world.scope():
        Tenant.objects.filter(pk=story.world.tenant.pk).update(method_kinds=MethodKind.values)
    story.visitor.open()
    setup = story.visitor.enter_card(story.world, "pm_usBankAccount_success")
    assert story.visitor.post("complete", setup_intent=setup).json()["state"] == "verifying"
    assert story.state() == InvitationState.OPENED
    age(story, 3 * 24 * 60)
    story.world.sandbox.control("POST", f"settle/{setup}", json={"outcome": "succeed"})
    return setup


def test_whoever_began_in_time_may_take_days_to_verify(story: Story, waiting: str) -> None:
    story.set(state=InvitationState.EXPIRED, expires_at=timezone.now() - timedelta(days=2))
    finish(story, waiting)
    assert story.state() == InvitationState.COMPLETED
    with story.world.scope():
        assert Change.objects.get().new_profile.kind == MethodKind.US_BANK_ACCOUNT


def test_an_account_verified_after_the_link_was_withdrawn_is_not_kept(story: Story, waiting: str) -> None:
    revoke(story)
    finish(story, waiting)
    with story.world.scope():
        account = PaymentProfile.objects.get(kind=MethodKind.US_BANK_ACCOUNT)
        assert (account.state, Change.objects.get().kind) == (ProfileState.REMOVED, ChangeKind.DISCARD)
