"""Money that came back: a renewal fails, the customer is invited by itself, and what brought the money in is counted.

Browser, worker with its beat, sandbox gateway and inbox are real.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from customers.models import Customer
from invitations.models import Invitation, InvitationState
from invitations.services import send_invitation
from subscriptions.models import Charge, Invoice, InvoiceState, PaidThrough, Subscription, SubscriptionState
from subscriptions.pay_links import pay_link
from tenants.actors import Actor
from tenants.models import Membership, Role
from tests.accessibility import assert_accessible
from tests.factories import PASSWORD, AddressFactory, CustomerFactory, MembershipFactory, UserFactory
from tests.page_checks import assert_fits, watch
from tests.payment_fields import enter_card
from tests.portal.conftest import DESK, PHONE, bob, tenant
from tests.portal.shop import DECLINED_LATER, GOOD, MASTERCARD, charges, live_world, save, shoot
from tests.processes import wait_until
from tests.propagation.conftest import World

__all__ = ["bob", "live_world", "tenant"]
pytestmark = pytest.mark.django_db(transaction=True)

type OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, live_server: Any) -> Iterator[OpenPage]:
    """open_page(viewport=PHONE): a browser of its own, on whose pages nothing failed."""
    contexts, watched = [], []

    def open_one(viewport: dict[str, int] = PHONE) -> Page:
        context = browser.new_context(viewport=viewport, base_url=live_server.url)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        watched.append(watch(page))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [problem for problems in watched for problem in problems] == []


def a_customer(world: World, name: str, card: str = GOOD, *, amount_minor: int = 1999) -> tuple[Customer, Invoice]:
    """Someone with a card, whose subscription is past due by that amount after a charge that failed yesterday."""
    with world.scope():
        person = CustomerFactory(first_name=name.title(), last_name="Roy", email=f"{name}@example.com")
        AddressFactory(customer=person)
    world.sandbox.seed(account=world.account, customers=[{"id": f"cus_{name}", "name": person.name}])
    with world.scope():
        person.gateway_customers.create(gateway_id=f"cus_{name}")
    profile = world.card(person, f"pm_{name}", number=card, default=True)
    late = world.subscription(person, profile, state=SubscriptionState.PAST_DUE)
    yesterday = timezone.now() - timedelta(days=1)
    invoice = world.past_due(
        late,
        total_minor=amount_minor,
        last_error_code="insufficient_funds",
        dunning_attempts=1,
        first_failed_at=yesterday,
    )
    return person, invoice


def now(world: World, row: Any) -> Any:
    with world.scope():
        return type(row).objects.get(pk=row.pk)


def is_paid(world: World, invoice: Invoice) -> bool:
    return bool(now(world, invoice).state == InvoiceState.PAID)


def taken(world: World, amount_minor: int) -> int:
    """How often the gateway took that amount."""
    return [charge["amount"] for charge in charges(world)].count(amount_minor)


def update_by_link(page: Page, world: World, email: str) -> None:
    """Open the newest invitation as it arrived, and put in another card."""
    mails = wait_until(
        lambda: [link for mail in world.sandbox.messages(to=email) for link in mail["links"] if "/i/acme/" in link],
        what=f"an invitation to {email}",
    )
    page.goto(mails[0])
    expect(page.get_by_role("heading", name="Update your payment method")).to_be_visible()
    enter_card(page, MASTERCARD)
    assert_accessible(page)
    assert_fits(page)
    shoot(page, f"recovery-{email.partition('@')[0]}")
    save(page)
    expect(page.get_by_role("heading", name="Your payment method is saved")).to_be_visible()
    expect(page.get_by_text("Everything has moved to it.")).to_be_visible()


def test_a_failed_renewal_invites_by_itself_and_is_recovered(
    live_world: World, bob: Customer, open_page: OpenPage
) -> None:
    card = live_world.card(bob, "pm_declines", number=DECLINED_LATER, default=True)
    last_month = timezone.now() - timedelta(days=31)
    renewing = live_world.subscription(bob, card, anchor_at=last_month, next_period=1, next_billing_at=timezone.now())

    def failed() -> Invoice | None:
        with live_world.scope():
            return Invoice.objects.filter(dunning_attempts=1).first()

    invoice = wait_until(failed, what="the renewal to be billed, charged and declined")
    assert invoice is not None
    assert now(live_world, renewing).state == SubscriptionState.PAST_DUE
    amount = invoice.amount_due_minor
    assert taken(live_world, amount) == 0
    update_by_link(open_page(), live_world, bob.email)
    paid = now(live_world, invoice)
    assert (paid.state, paid.paid_through, paid.is_recovered) == (InvoiceState.PAID, PaidThrough.INVITATION, True)
    assert taken(live_world, amount) == 1
    assert now(live_world, renewing).state == SubscriptionState.ACTIVE
    with live_world.scope():
        invitation = Invitation.objects.get()
        assert (invitation.sent_by_label, invitation.state) == ("dunning", InvitationState.COMPLETED)
        assert Invoice.objects.count() == 1
        assert Charge.objects.filter(state="succeeded").count() == 1


def test_what_came_back_is_counted_by_what_brought_it(live_world: World, open_page: OpenPage) -> None:
    recovered = {
        "An invitation": by_invitation(live_world, open_page),
        "The pay page": by_pay_page(live_world, open_page),
        "A scheduled retry": by_retry(live_world),
        "A card refreshed by its network": by_updater(live_world),
    }
    with live_world.scope():
        assert set(Subscription.objects.values_list("state", flat=True)) == {SubscriptionState.ACTIVE}
    assert sorted(charge["amount"] for charge in charges(live_world)) == sorted(recovered.values())
    staff_see_it(live_world, open_page, recovered)


def by_invitation(world: World, open_page: OpenPage) -> int:
    carol, invoice = a_customer(world, "carol", amount_minor=1100)
    with world.scope():
        send_invitation(
            actor=Actor.system("test"),
            user=None,
            customer=carol,
            profile_id=carol.payment_profiles.get().pk,
            lifetime_hours=72,
            channels=["email"],
            email=carol.email,
            phone="",
        )
    update_by_link(open_page(), world, carol.email)
    assert is_paid(world, invoice)
    return 1100


def by_pay_page(world: World, open_page: OpenPage) -> int:
    _dave, invoice = a_customer(world, "dave", amount_minor=1200)
    page = open_page()
    with world.scope():
        page.goto(pay_link(invoice))
    shoot(page, "recovery-pay")
    page.get_by_role("button", name="Pay now with Visa •••• 4242").click()
    expect(page.get_by_role("heading", name="Paid, thank you")).to_be_visible()
    assert is_paid(world, invoice)
    return 1200


def by_retry(world: World) -> int:
    _erin, invoice = a_customer(world, "erin", amount_minor=1300)
    make_due(world, invoice)
    return 1300


def by_updater(world: World) -> int:
    """The network gives Frank's expired card another date; the gateway tells, and the next retry goes through."""
    frank, invoice = a_customer(world, "frank", amount_minor=1400)
    world.sandbox.control("POST", "card_updater/pm_frank", json={"exp_month": 11, "exp_year": 2039})

    def refreshed() -> bool:
        with world.scope():
            profile = frank.payment_profiles.get()
            return profile.network_updated_at is not None and profile.exp_year == 2039

    wait_until(refreshed, what="the gateway's event about the card")
    make_due(world, invoice)
    return 1400


def make_due(world: World, invoice: Invoice) -> None:
    """The next retry is due; beat finds it."""
    with world.scope():
        Invoice.objects.filter(pk=invoice.pk).update(next_attempt_at=timezone.now())
    wait_until(lambda: is_paid(world, invoice), what="the retry to be paid")


def staff_see_it(world: World, open_page: OpenPage, recovered: dict[str, int]) -> None:
    with world.scope():
        alice: Membership = MembershipFactory(user=UserFactory(full_name="Alice Martin"), role=Role.OWNER)
    page = open_page(DESK)
    page.goto("/accounts/login/")
    page.fill("input[name=login]", alice.user.email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("body.staff")).to_be_visible()
    page.goto(reverse("backoffice:overview", args=[world.tenant.slug]))
    card = page.locator(".picture").filter(has=page.get_by_role("heading", name="Recovered money, CAD"))
    expect(card.get_by_text("CA$50.00")).to_be_visible()
    card.locator("summary").press("Enter")
    shoot(page, "recovery-dashboard")
    assert_accessible(page)
    heads = card.get_by_role("columnheader").all_inner_texts()
    this_month = card.get_by_role("row").last.get_by_role("cell").all_inner_texts()
    counted = {head: cell for head, cell in zip(heads[1:], this_month, strict=True) if cell != "CA$0.00"}
    assert counted == {words: f"CA${amount_minor / 100:.2f}" for words, amount_minor in recovered.items()}
