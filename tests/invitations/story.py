"""A customer with an invitation, and what a visitor with its link does; the gateway is the sandbox."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from django.utils import timezone

from customers.models import Customer
from invitations.events import finish_card_setup
from invitations.models import Invitation, InvitationState
from invitations.services import invitation_link, revoke_invitation, send_invitation
from payments.models import CardSetup, GatewayEvent, PaymentProfile
from tenants.actors import Actor
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


def revoke(story: Story) -> None:
    with story.world.scope():
        revoke_invitation(actor=Actor.system("test"), invitation=story.invitation)


def expire(story: Story) -> None:
    story.set(expires_at=timezone.now() - timedelta(seconds=1))


def use_up(story: Story) -> None:
    story.set(state=InvitationState.COMPLETED, completed_at=timezone.now())


def finish(story: Story, setup: str) -> None:
    """The gateway's event, as the worker handles it."""
    event = GatewayEvent(
        tenant=story.world.tenant, type="setup_intent.succeeded", payload={"data": {"object": {"id": setup}}}
    )
    finish_card_setup(story.world.tenant.pk, event)


def age(story: Story, minutes: int) -> None:
    with story.world.scope():
        CardSetup.objects.update(created_at=timezone.now() - timedelta(minutes=minutes, seconds=5))


def assert_tells_nothing(response: Any, story: Story) -> None:
    page = re.sub(r'"[\w-]{22,}"', '""', response.content.decode())  # random tokens have all sorts of letters
    for secret in (story.bob.first_name, story.bob.last_name, story.bob.email, "4242", "Magazine", "19.99"):
        assert secret not in page
