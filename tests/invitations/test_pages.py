"""The customer's pages by their address, as any visitor on the internet may call them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from invitations.models import Invitation, InvitationState
from messaging.models import Message
from payments.models import CardSetup
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests import factories
from tests.invitations.story import (
    Story,
    Visitor,
    assert_tells_nothing,
    expire,
    invite,
    revoke,
    use_up,
)


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
