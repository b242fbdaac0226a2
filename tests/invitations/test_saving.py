"""A customer saves a card by the link: what counts is what the gateway says, and it counts once."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from customers.models import Address
from invitations.models import Invitation, InvitationState
from payments.models import CardSetup, PaymentProfile
from propagation.models import Change, ChangeKind
from tests.invitations.story import ADDRESS, Story, Visitor, confirm, finish, invite, revoke
from tests.propagation.conftest import World


def test_saving_a_card_uses_the_link_up(story: Story) -> None:
    story.visitor.open()
    setup = story.visitor.enter_card(story.world)
    assert story.state() == InvitationState.OPENED
    answer = story.visitor.post("complete", setup_intent=setup).json()
    assert answer == {"state": "done", "url": f"/i/acme/v/{story.invitation.pk}/done/"}
    assert story.state() == InvitationState.COMPLETED
    with story.world.scope():
        change = Change.objects.get()
        assert Invitation.objects.get().change_id == change.pk
        assert (change.kind, change.source, change.source_id) == (ChangeKind.REPLACE, "invitation", story.invitation.pk)
        assert change.actor_kind == "customer_invitation"
        assert Address.objects.get(customer=story.bob).postal_code == "M5H 1A1"
    page = story.visitor.client.get(answer["url"])
    assert "Your payment method is saved" in page.content.decode()
    assert 'hx-trigger="every 1s"' in page.content.decode()
    story.world.work()
    page = story.visitor.client.get(answer["url"].replace("done/", "progress/")).content.decode()
    assert "hx-trigger" not in page
    assert "Everything has moved" in page
    assert story.visitor.post("complete", setup_intent=setup).json()["state"] == "done"
    # The browser that saved it goes on seeing what moved; anybody else with the link sees that it was used.
    assert "Everything has moved" in story.visitor.client.get(answer["url"]).content.decode()
    assert "Everything has moved" in story.visitor.open().content.decode()
    assert "has been used" in Visitor(story.visitor.link).open().content.decode()


def test_the_preview_equals_what_happens(story: Story) -> None:
    story.visitor.open()
    story.visitor.post("complete", setup_intent=story.visitor.enter_card(story.world))
    with story.world.scope():
        impact = Change.objects.get().impact
    assert impact["collect_totals"] == {"CAD": 1999}
    assert len(impact["subscriptions"]) == 1


def test_a_first_method_is_added_and_becomes_the_default(world: World) -> None:
    carol = world.customer("carol")
    _invitation, visitor = invite(world, carol, None)
    assert "Add your payment method" in visitor.open().content.decode()
    assert visitor.post("complete", setup_intent=visitor.enter_card(world)).json()["state"] == "done"
    world.work()
    with world.scope():
        assert Change.objects.get().kind == ChangeKind.ADD
        assert PaymentProfile.objects.get(customer=carol).is_default


def test_replacing_a_method_that_is_not_the_default_leaves_the_default(world: World) -> None:
    bob = world.customer()
    default = world.card(bob, "pm_default", default=True)
    pinned = world.card(bob, "pm_pinned", number="4000056655665556")
    world.subscription(bob, pinned)
    _invitation, visitor = invite(world, bob, pinned)
    visitor.open()
    visitor.post("complete", setup_intent=visitor.enter_card(world))
    world.work()
    with world.scope():
        assert PaymentProfile.objects.get(is_default=True) == default


def test_nothing_is_saved_before_the_gateway_says_so(story: Story) -> None:
    story.visitor.open()
    setup = story.visitor.post("setup").json()
    answer = story.visitor.post("complete", setup_intent=setup["setup_intent"]).json()
    assert answer["state"] == "failed"
    assert "nothing was saved" in answer["message"]
    assert story.state() == InvitationState.OPENED


def test_a_decline_is_explained_and_can_be_retried(story: Story) -> None:
    story.visitor.open()
    setup = story.visitor.post("setup").json()
    confirm(story.world, setup, "pm_card_visa_chargeDeclinedInsufficientFunds")
    told = {"setup_intent": setup["setup_intent"], "code": "card_declined", "decline_code": "insufficient_funds"}
    answer = story.visitor.post("failed", **told).json()
    assert (answer["state"], answer["message"][:26]) == ("failed", "There are not enough funds")
    assert story.visitor.post("complete", setup_intent=setup["setup_intent"]).json()["state"] == "failed"
    confirm(story.world, setup, "pm_card_mastercard")
    assert story.visitor.post("complete", setup_intent=setup["setup_intent"]).json()["state"] == "done"


def test_a_card_entry_of_another_invitation_is_refused(story: Story) -> None:
    carol = story.world.customer("carol")
    _other, other_visitor = invite(story.world, carol, None)
    other_visitor.open()
    foreign = other_visitor.enter_card(story.world)
    story.visitor.open()
    for name in ("complete", "failed"):
        assert story.visitor.post(name, setup_intent=foreign).status_code == 403
    with story.world.scope():
        foreign_id = CardSetup.objects.get(gateway_id=foreign).pk
    own = story.visitor.post("setup").json()
    for told in (
        {"setup_intent": foreign, "setup_id": str(foreign_id)},
        {"setup_intent": own["setup_intent"], "setup_id": str(foreign_id)},
        {"setup_intent": foreign, "setup_id": own["setup_id"]},
        {"setup_intent": "seti_unknown", "setup_id": own["setup_id"]},
        {},
    ):
        assert story.visitor.post("details", **ADDRESS, **told).status_code == 403
    with story.world.scope():
        assert not Change.objects.exists()
        assert not Address.objects.filter(customer=story.bob).exists()
    assert story.state() == InvitationState.OPENED


def test_what_is_wrong_with_the_address_is_told_field_by_field(story: Story) -> None:
    story.visitor.open()
    setup = story.visitor.post("setup").json()
    told = {"setup_id": setup["setup_id"], "setup_intent": setup["setup_intent"]}
    answer = story.visitor.post("details", **told, **{"billing-country": "CA", "billing-postal_code": "nonsense"})
    assert answer.status_code == 422
    assert answer.json()["errors"].keys() == {
        "holder_name",
        "billing-line1",
        "billing-city",
        "billing-region",
        "billing-postal_code",
    }
    assert story.visitor.post("details", **told, **ADDRESS).json()["billing_details"] == {
        "name": "Bob Tremblay",
        "email": story.bob.email,
        "phone": None,
        "address": {
            "line1": "1 King St",
            "line2": None,
            "city": "Toronto",
            "state": "ON",
            "postal_code": "M5H 1A1",
            "country": "CA",
        },
    }


def test_of_two_people_at_once_one_wins_and_the_others_card_is_not_kept(story: Story) -> None:
    visitors = [story.visitor, Visitor(story.visitor.link)]
    setups = []
    for visitor, card in zip(visitors, ("pm_card_mastercard", "pm_card_amex"), strict=True):
        visitor.open()
        setups.append(visitor.enter_card(story.world, card))
    start = Barrier(2)
    states: list[str] = []

    def save(visitor: Visitor, setup: str) -> None:
        start.wait()
        states.append(visitor.post("complete", setup_intent=setup).json()["state"])
        connection.close()

    threads = [Thread(target=save, args=pair) for pair in zip(visitors, setups, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states) == ["blocked", "done"]
    story.world.work()
    with story.world.scope():
        kinds = sorted(change.kind for change in Change.objects.all())
        assert PaymentProfile.objects.filter(customer=story.bob, state="active").count() == 1
    assert kinds == [ChangeKind.DISCARD, ChangeKind.REPLACE]
    methods = story.world.sandbox.control("GET", "objects/payment_method", params={"account": "acme"})
    attached = [method["id"] for method in methods if method["customer"] == "cus_bob"]
    assert len(attached) == 1


def test_a_revocation_while_the_card_is_being_entered_wins(story: Story) -> None:
    story.visitor.open()
    setup = story.visitor.enter_card(story.world)
    revoke(story)
    answer = story.visitor.post("complete", setup_intent=setup).json()
    assert (answer["state"], "not kept" in answer["message"]) == ("blocked", True)
    assert story.state() == InvitationState.REVOKED


def test_who_began_in_time_may_finish_after_the_link_expired(story: Story) -> None:
    story.visitor.open()
    setup = story.visitor.enter_card(story.world)
    with story.world.scope():
        CardSetup.objects.update(created_at=timezone.now() - timedelta(minutes=10))
    story.set(expires_at=timezone.now() - timedelta(minutes=5), state=InvitationState.EXPIRED)
    assert story.visitor.post("complete", setup_intent=setup).json()["state"] == "done"


def test_a_bank_that_sends_the_browser_back_after_the_event_has_finished_leads_to_what_moved(story: Story) -> None:
    story.visitor.open()
    setup = story.visitor.enter_card(story.world)
    finish(story, setup)
    response = story.visitor.client.get(
        story.visitor.page, {"setup_intent": setup, "redirect_status": "succeeded"}, follow=True
    )
    assert "Your payment method is saved" in response.content.decode()


@pytest.mark.parametrize("kind", ["server_error", "rate_limited", "drop_before"])
def test_a_gateway_in_trouble_loses_nothing(story: Story, kind: str) -> None:
    story.visitor.open()
    setup = story.visitor.enter_card(story.world)
    story.world.sandbox.set_faults({"kind": kind, "path": "/v1/setup_intents*", "probability": 1.0})
    answer = story.visitor.post("complete", setup_intent=setup).json()
    assert answer["state"] == "pending"
    assert "finishing" in answer["message"]
    refused = Visitor(story.visitor.link)
    refused.open()
    unavailable = refused.post("setup")
    assert unavailable.status_code == 503
    assert "few minutes" in unavailable.json()["message"]
    story.world.sandbox.clear_faults()
    assert story.visitor.post("complete", setup_intent=setup).json()["state"] == "done"


def test_trying_many_cards_is_stopped_with_a_word_of_why(story: Story, settings: Any) -> None:
    settings.CARD_FAILURES_PER_LINK = 2
    story.visitor.open()
    setup = story.visitor.post("setup").json()
    answers = []
    for _card in range(2):
        confirm(story.world, setup, "pm_card_visa_chargeDeclined")
        told = {"setup_intent": setup["setup_intent"], "decline_code": "generic_decline"}
        answers.append(story.visitor.post("failed", **told).json()["state"])
    assert answers == ["failed", "blocked"]
    refused = story.visitor.post("setup")
    assert (refused.status_code, "Too many cards" in refused.json()["message"]) == (429, True)
