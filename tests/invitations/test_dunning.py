"""A renewal that fails invites the customer by itself, instead of telling them only."""

from invitations.models import Invitation
from messaging.models import Message
from tenants.templatetags.ui import money_text
from tests.subscriptions.collection.conftest import DECLINED, Till, till  # noqa: F401  (a fixture)


def invitations(till: Till) -> list[tuple[str, str]]:  # noqa: F811
    with till.scope():
        rows = Invitation.objects.select_related("profile").order_by("number")
        return [(row.sent_by_label, row.profile.gateway_id if row.profile else "") for row in rows]


def test_invites_for_the_method_that_failed_and_does_not_double_an_open_one(till: Till) -> None:  # noqa: F811
    till.dunning(dunning_invites=True)
    bob = till.bob(DECLINED)
    till.owes(bob, till.subscribed(bob))
    till.collect()
    assert invitations(till) == [("dunning", "pm_default")]
    assert till.mails() == ["invitation"]
    till.collect(days=1)
    assert len(invitations(till)) == 1
    assert till.mails() == ["invitation", "payment_failed"]


def test_the_invitation_says_what_is_not_paid(till: Till) -> None:  # noqa: F811
    till.dunning(dunning_invites=True)
    bob = till.bob(DECLINED)
    invoice = till.owes(bob, till.subscribed(bob))
    till.collect()
    with till.scope():
        mail = Message.objects.get(template="invitation")
    told = f"{invoice.short_number} ({money_text(invoice.amount_due_minor, invoice.currency)})"
    assert f"Not paid yet: {told}" in mail.text
    assert told in mail.html


def test_invites_to_add_a_first_method(till: Till) -> None:  # noqa: F811
    till.dunning(dunning_invites=True)
    bob = till.customer()
    till.owes(bob, till.subscribed(bob))
    till.collect()
    assert invitations(till) == [("dunning", "")]


def test_a_customer_without_an_address_is_passed_over(till: Till) -> None:  # noqa: F811
    till.dunning(dunning_invites=True)
    bob = till.bob(DECLINED)
    with till.scope():
        type(bob).objects.update(email="", email_normalized="")
    invoice = till.owes(bob, till.subscribed(bob))
    till.collect()
    assert (invitations(till), till.mails()) == ([], [])
    assert till.read(invoice).dunning_attempts == 1


def test_nobody_is_invited_to_a_subscription_that_has_just_ended(till: Till) -> None:  # noqa: F811
    till.dunning(dunning_invites=True, dunning_retry_days=[])
    bob = till.bob(DECLINED)
    till.owes(bob, till.subscribed(bob))
    till.collect()
    assert invitations(till) == []
    assert till.mails() == ["payment_failed", "subscription_cancelled"]
