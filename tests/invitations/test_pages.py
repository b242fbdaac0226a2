"""The customer's pages by their address, as any visitor on the internet may call them; the gateway is the sandbox."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from customers.models import Address, Customer
from invitations.card_setups import is_time_to_ask, settle_open_setups
from invitations.events import finish_card_setup
from invitations.models import Invitation, InvitationState
from invitations.services import invitation_link, revoke_invitation, send_invitation
from messaging.models import Message
from payments.models import CardSetup, GatewayEvent, PaymentProfile, SetupState
from propagation.models import Change, ChangeKind
from subscriptions.models import SubscriptionState
from tenants.actors import Actor
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests import factories
from tests.propagation.conftest import World

ADDRESS = {
    "holder_name": "Bob Tremblay",
    "billing-country": "CA",
    "billing-line1": "1 King St",
    "billing-city": "Toronto",
    "billing-region": "ON",
    "billing-postal_code": "m5h1a1",
}


@dataclass
class Visitor:
    """A browser that was given a link."""

    link: str
    client: Client = field(default_factory=lambda: Client(headers={"user-agent": "Mozilla/5.0"}))

    def open(self) -> Any:
        return self.client.get(urlsplit(self.link).path, follow=True)

    def post(self, name: str, **fields: str) -> Any:
        return self.client.post(f"{self.page}{name}/", fields)

    @property
    def page(self) -> str:
        return str(self.client.get(urlsplit(self.link).path)["Location"])

    def enter_card(self, world: World, card: str = "pm_card_mastercard") -> str:
        """Everything up to what the gateway does: its id of the card entry."""
        setup = self.post("setup").json()
        told = {"setup_id": setup["setup_id"], "setup_intent": setup["setup_intent"]}
        assert self.post("details", **ADDRESS, **told).status_code == 200
        confirm(world, setup, card)
        return str(setup["setup_intent"])


def confirm(world: World, setup: dict[str, str], card: str) -> None:
    """What the browser does at the gateway, with the publishable key."""
    answer = world.sandbox.http.post(
        f"/v1/setup_intents/{setup['setup_intent']}/confirm",
        data={"client_secret": setup["client_secret"], "payment_method": card},
        headers={"Authorization": f"Bearer {setup['publishable_key']}"},
    )
    assert answer.status_code in (200, 402), answer.text


@dataclass
class Story:
    """Bob, whose Visa pays a subscription that is past due, and the invitation to replace it."""

    world: World
    bob: Customer
    visa: PaymentProfile
    invitation: Invitation
    visitor: Visitor

    def state(self) -> str:
        with self.world.scope():
            return Invitation.objects.get(pk=self.invitation.pk).state

    def set(self, **values: Any) -> None:
        with self.world.scope():
            Invitation.objects.filter(pk=self.invitation.pk).update(**values)


def invite(world: World, customer: Customer, profile: PaymentProfile | None) -> tuple[Invitation, Visitor]:
    with world.scope():
        invitation = send_invitation(
            actor=Actor.system("test"),
            user=None,
            customer=customer,
            profile_id=profile.pk if profile else None,
            lifetime_hours=72,
            channels=["email"],
            email=customer.email,
            phone="",
        )
        return invitation, Visitor(invitation_link(invitation))


@pytest.fixture
def story(world: World) -> Story:
    bob = world.customer()
    visa = world.card(bob, "pm_old", default=True)
    subscription = world.subscription(bob, visa, state=SubscriptionState.PAST_DUE)
    world.past_due(subscription)
    invitation, visitor = invite(world, bob, visa)
    return Story(world, bob, visa, invitation, visitor)


def test_the_link_is_traded_for_a_page_without_the_token(story: Story) -> None:
    path = urlsplit(story.visitor.link).path
    response = story.visitor.client.get(path)
    assert (response.status_code, response["Location"]) == (302, f"/i/acme/v/{story.invitation.pk}/")
    cookie = response.cookies["invitation"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (response["Location"], True, "Lax")
    assert path.rpartition("/")[2] not in cookie.value
    page = story.visitor.client.get(response["Location"])
    for answer in (response, page):
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer["X-Robots-Tag"]
        assert "no-store" in answer["Cache-Control"]
    policy = page["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert settings.STRIPE_JS_ORIGIN in policy
    assert path.rpartition("/")[2].encode() not in page.content


def test_the_page_says_what_is_replaced_and_what_will_move(story: Story) -> None:
    page = story.visitor.open().content.decode()
    assert "Hello Bob" in page
    assert "4242" in page
    assert "Magazine" in page
    assert "Charged as soon as you save" in page
    assert "Save and pay CA$19.99" in page
    assert story.state() == InvitationState.OPENED


def test_scanners_twenty_times_use_nothing_up(story: Story) -> None:
    path = urlsplit(story.visitor.link).path
    for scanner in range(20):
        client = Client(headers={"user-agent": f"scanner/{scanner}"})
        assert client.head(path).status_code == 302
        assert client.get(path).status_code == 302
        assert client.options(path).status_code == 405
        assert client.post(path).status_code == 405
        client.head(f"/i/acme/v/{story.invitation.pk}/")
    assert story.state() == InvitationState.SENT
    for _scanner in range(20):
        Visitor(story.visitor.link).open()
    assert story.state() == InvitationState.OPENED
    with story.world.scope():
        assert not CardSetup.objects.exists()
        assert AuditEntry.objects.filter(action="invitation.opened").count() == 1
    assert story.visitor.open().status_code == 200


def test_a_browser_that_only_fetches_ahead_has_not_opened_it(story: Story) -> None:
    client = Client(headers={"sec-purpose": "prefetch;prerender"})
    assert client.get(urlsplit(story.visitor.link).path, follow=True).status_code == 200
    assert story.state() == InvitationState.SENT


def test_a_link_of_another_tenant_is_unknown(story: Story) -> None:
    factories.TenantFactory(slug="other")
    token = story.visitor.link.rpartition("/")[2]
    for path in (f"/i/other/{token}", f"/i/nowhere/{token}"):
        assert Client().get(path).status_code == 404


def test_a_changed_character_is_unknown_and_tells_nothing(story: Story) -> None:
    token = story.visitor.link.rpartition("/")[2]
    for place in (0, 20, 42):
        other = "A" if token[place] != "A" else "B"
        response = Client().get(f"/i/acme/{token[:place]}{other}{token[place + 1 :]}")
        assert response.status_code == 404
        assert "This link is not valid" in response.content.decode()
        assert_tells_nothing(response, story)


def assert_tells_nothing(response: Any, story: Story) -> None:
    page = response.content.decode()
    for secret in (story.bob.first_name, story.bob.last_name, story.bob.email, "4242", "Magazine", "19.99"):
        assert secret not in page


def test_a_page_address_without_the_link_opens_nothing(story: Story) -> None:
    for path in ("", "done/", "progress/"):
        response = Client().get(f"/i/acme/v/{story.invitation.pk}/{path}", follow=True)
        assert response.status_code == 403
        assert_tells_nothing(response, story)
    for path in ("setup/", "details/", "failed/", "complete/", "ask/"):
        response = Client().post(f"/i/acme/v/{story.invitation.pk}/{path}")
        assert response.status_code == 403
        assert_tells_nothing(response, story)


def test_one_invitations_session_is_not_anothers(story: Story) -> None:
    carol = story.world.customer("carol")
    other, visitor = invite(story.world, carol, None)
    story.visitor.open()
    cookie = story.visitor.client.cookies["invitation"].value
    thief = Client()
    thief.cookies["invitation"] = cookie
    assert thief.get(f"/i/acme/v/{other.pk}/").status_code == 403
    assert visitor.open().status_code == 200


def test_a_session_ends_by_itself(story: Story, time_machine: Any) -> None:
    story.visitor.open()
    page = story.visitor.page
    time_machine.move_to(timezone.now() + timedelta(hours=4, minutes=1))
    assert story.visitor.client.get(page).status_code == 403


def revoke(story: Story) -> None:
    with story.world.scope():
        revoke_invitation(actor=Actor.system("test"), invitation=story.invitation)


def expire(story: Story) -> None:
    story.set(expires_at=timezone.now() - timedelta(seconds=1))


def use_up(story: Story) -> None:
    story.set(state=InvitationState.COMPLETED, completed_at=timezone.now())


@pytest.mark.parametrize(
    ("end", "words"), [(expire, "has expired"), (revoke, "was withdrawn"), (use_up, "has been used")]
)
def test_an_ended_link_has_its_own_page_and_can_be_asked_for(
    story: Story, end: Callable[[Story], None], words: str
) -> None:
    story.visitor.open()
    page = story.visitor.page
    end(story)
    for response in (story.visitor.open(), Visitor(story.visitor.link).open()):
        assert response.status_code == 410
        assert words in response.content.decode()
        assert_tells_nothing(response, story)
    for name in ("setup", "details", "failed"):
        refused = story.visitor.client.post(f"{page}{name}/")
        assert refused.status_code == 410
        assert refused.json()["message"]
    answers = [story.visitor.post("ask") for _time in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert_tells_nothing(answers[0], story)
    with story.world.scope():
        assert Message.objects.filter(template="link_requested").count() == 0  # nobody is there to be told
        assert AuditEntry.objects.filter(action="invitation.link_requested").count() == 1


def test_odd_bytes_in_an_entrys_name_are_nobodys_entry(story: Story) -> None:
    story.visitor.open()
    odd = "seti_1\x00"
    for name in ("details", "failed", "complete"):
        assert story.visitor.post(name, setup_intent=odd, setup_id=odd, code=odd, decline_code=odd).status_code == 403
    assert story.visitor.client.get(story.visitor.page, {"setup_intent": odd}).status_code == 200


def test_customer_care_is_told_who_asks_for_a_link(story: Story) -> None:
    with story.world.scope():
        Tenant.objects.update(care_email="care@acme.example")
    expire(story)
    story.visitor.open()
    story.visitor.post("ask")
    with story.world.scope():
        message = Message.objects.get(template="link_requested")
    assert message.to == "care@acme.example"
    assert story.bob.name in message.text
    assert "has expired" in message.text


def test_nobody_can_ask_through_a_link_that_still_works(story: Story) -> None:
    story.visitor.open()
    story.visitor.post("ask")
    with story.world.scope():
        assert not AuditEntry.objects.filter(action="invitation.link_requested").exists()


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
    assert (answer["state"], answer["message"][:26]) == ("failed", "The card has not enough fu")
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
        "phone": "",
        "address": {
            "line1": "1 King St",
            "line2": "",
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


def finish(story: Story, setup: str) -> None:
    """The gateway's event, as the worker handles it."""
    event = GatewayEvent(
        tenant=story.world.tenant, type="setup_intent.succeeded", payload={"data": {"object": {"id": setup}}}
    )
    finish_card_setup(story.world.tenant.pk, event)


def test_the_gateways_event_finishes_for_a_browser_that_vanished(story: Story) -> None:
    story.visitor.open()
    setup = story.visitor.enter_card(story.world)
    for _time in range(10):
        finish(story, setup)
    assert story.state() == InvitationState.COMPLETED
    with story.world.scope():
        assert Change.objects.count() == 1
    finish(story, "seti_of_nobody")


def age(story: Story, minutes: int) -> None:
    with story.world.scope():
        CardSetup.objects.update(created_at=timezone.now() - timedelta(minutes=minutes, seconds=5))


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


def test_forms_of_other_sites_are_refused(story: Story) -> None:
    visitor = Visitor(story.visitor.link, Client(enforce_csrf_checks=True))
    visitor.open()
    for name in ("setup", "details", "failed", "complete", "ask"):
        assert visitor.post(name).status_code == 403
    with story.world.scope():
        assert not CardSetup.objects.exists()


def test_the_reader_may_choose_the_language(story: Story) -> None:
    story.set(language="fr")
    assert 'lang="fr"' in story.visitor.open().content.decode()
    page = story.visitor.client.get(story.visitor.page, {"language": "en"}, follow=True)
    assert page.redirect_chain == [(story.visitor.page, 302)]
    assert 'lang="en"' in page.content.decode()
    assert 'lang="en"' in story.visitor.client.get(story.visitor.page, {"language": "xx"}).content.decode()


def test_the_browser_is_told_no_more_than_it_needs(story: Story) -> None:
    story.visitor.open()
    answer = story.visitor.post("setup")
    assert answer.json().keys() == {"setup_id", "setup_intent", "client_secret", "publishable_key"}
    assert "sk_test" not in answer.content.decode()
    assert answer["Cache-Control"] == "no-store, private"


def test_another_tenants_scope_sees_none_of_it(story: Story) -> None:
    elsewhere = factories.TenantFactory(slug="elsewhere")
    with tenant_scope(elsewhere.pk):
        assert not Invitation.objects.exists()
    assert Client().get(f"/i/elsewhere/v/{story.invitation.pk}/").status_code == 403
