"""From the outbox through real SMTP and HTTP to the inbox, and back by the providers' webhooks."""

from collections.abc import Callable
from typing import Any

from invitations.models import Invitation, InvitationState
from messaging.models import Message, MessageState
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.processes import CeleryWorker, Sandbox, wait_until

Send = Callable[..., Invitation]


def wait_for_state(tenant: Tenant, invitation: Invitation, state: InvitationState) -> None:
    def reached() -> bool:
        with tenant_scope(tenant.pk):
            return Invitation.objects.get(pk=invitation.pk).state == state

    wait_until(reached, what=f"the invitation to be {state}")


def test_messages_arrive_by_mail_and_sms_and_are_known_to_have_arrived(
    live_server: Any, sandbox: Sandbox, celery_worker_process: CeleryWorker, tenant: Tenant, send: Send
) -> None:
    invitation = send(channels=["email", "sms"], phone="+15145550123")
    mail = sandbox.wait_for_message(channel="email", to="bob@example.com")
    text = sandbox.wait_for_message(channel="sms", to="+15145550123")
    link = next(link for link in mail["links"] if "/i/acme/" in link)
    assert link in text["text"]
    assert link in mail["html"]
    wait_for_state(tenant, invitation, InvitationState.DELIVERED)

    def all_delivered() -> bool:
        with tenant_scope(tenant.pk):
            return {message.state for message in Message.objects.all()} == {MessageState.DELIVERED}

    wait_until(all_delivered, what="both receipts")


def test_a_mail_to_nobody_comes_back(
    live_server: Any, sandbox: Sandbox, celery_worker_process: CeleryWorker, tenant: Tenant, send: Send
) -> None:
    invitation = send(email="bounce@example.com")
    wait_for_state(tenant, invitation, InvitationState.BOUNCED)
