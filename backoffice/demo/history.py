"""What has happened so far: invitations in every state, changes carried out, messages, and the audit log of it all."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Model

from backoffice.demo.book import Book
from backoffice.demo.cards import EXPIRED, add_card
from backoffice.demo.tour import EMAIL as TOUR_EMAIL
from customers.models import Customer
from invitations.models import Invitation, InvitationState
from invitations.tokens import make_token
from messaging.links import without_links
from messaging.models import Channel, DeliveryEvent, Message, MessageState
from messaging.rendering import render
from payments.models import PaymentProfile, ProfileState
from propagation.models import Change, ChangeKind, ChangeState, Stage, Step, StepAttempt, StepKind, StepState
from subscriptions.models import LIVE_STATES, Charge, ChargeState, Invoice, InvoiceState, Subscription
from tenants.actors import Actor
from tenants.models import AuditEntry, Tenant, User
from tenants.numbers import next_number

#: How many hours ago each invitation was sent, and what became of it, newest last.
LIVES: list[tuple[int, InvitationState]] = [
    (31 * 24, InvitationState.COMPLETED),
    (27 * 24, InvitationState.EXPIRED),
    (22 * 24, InvitationState.COMPLETED),
    (19 * 24, InvitationState.REVOKED),
    (16 * 24, InvitationState.COMPLETED),
    (12 * 24, InvitationState.EXPIRED),
    (8 * 24, InvitationState.COMPLETED),
    (5 * 24, InvitationState.COMPLETED),
    (50, InvitationState.OPENED),
    (43, InvitationState.BOUNCED),
    (29, InvitationState.COMPLETED),
    (26, InvitationState.DELIVERED),
    (7, InvitationState.OPENED),
    (5, InvitationState.DELIVERED),
    (2, InvitationState.SENT),
]
LIFETIME_HOURS = 72
INVOICES_TOLD_DAYS = 100
#: Staff's own changes: how many days ago, of which kind.
BY_STAFF = [(38, ChangeKind.REPLACE), (24, ChangeKind.REPLACE), (10, ChangeKind.SET_DEFAULT), (3, ChangeKind.REPLACE)]


@dataclass(frozen=True)
class Historian:
    """Writes the past of one tenant into its book."""

    book: Book
    tenant: Tenant
    staff: list[User]

    def member(self) -> Actor:
        """Someone who may do the work."""
        person = self.book.chance.choice(self.staff[:3])
        return Actor.staff(person.pk, person.full_name)

    def note(
        self, actor: Actor, action: str, target: Model, at: datetime, *, before: Any = None, after: Any = None
    ) -> None:
        """An audit row with its own time."""
        self.book.add(
            AuditEntry,
            at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_label=actor.label,
            action=action,
            target_type=target._meta.label_lower,
            target_id=target.pk,
            target_label=str(target)[:160],
            customer_id=target.pk if isinstance(target, Customer) else getattr(target, "customer_id", None),
            before=before or {},
            after=after or {},
        )


def add_history(book: Book, tenant: Tenant, staff: list[User]) -> None:
    """Invitations and changes for customers who are fit for them, and a beginning for everyone."""
    historian = Historian(book, tenant, staff)
    fit = with_one_good_card(book)
    past: list[tuple[timedelta, InvitationState | ChangeKind]] = [(timedelta(hours=h), state) for h, state in LIVES]
    past += [(timedelta(days=days, hours=2), kind) for days, kind in BY_STAFF]
    for ago, what in sorted(past, reverse=True):
        if isinstance(what, InvitationState):
            invite(historian, next(fit), book.now - ago, what)
        else:
            change_by_staff(historian, next(fit), book.now - ago, what)
    for customer in book.of(Customer):
        historian.note(historian.member(), "customer.created", customer, customer.created_at)
    for profile in book.of(PaymentProfile):
        historian.note(Actor.system("Import"), "payment_profile.added", profile, profile.created_at)
    for subscription in book.of(Subscription):
        historian.note(historian.member(), "subscription.created", subscription, subscription.created_at)
    tell_of_invoices(historian)


def tell_of_invoices(historian: Historian) -> None:
    """What the log holds of the newest invoices: issued, tried, paid, and those that came to nothing."""
    book, system = historian.book, Actor.system("billing run")
    recent = {row.pk: row for row in book.of(Invoice) if row.issued_at > book.now - timedelta(days=INVOICES_TOLD_DAYS)}
    for invoice in recent.values():
        after = {"total_minor": invoice.total_minor, "currency": invoice.currency}
        historian.note(system, "invoice.created", invoice, invoice.issued_at, after=after)
        if invoice.state == InvoiceState.PAID and invoice.paid_at:
            paid = {"state": "paid", "payment_method": str(invoice.payment_profile or "")}
            historian.note(system, "invoice.paid", invoice, invoice.paid_at, before={"state": "open"}, after=paid)
        if invoice.voided_at:
            void = {"state": "void"}
            historian.note(historian.member(), "invoice.voided", invoice, invoice.voided_at, after=void)
    for charge in book.of(Charge):
        if charge.state == ChargeState.DECLINED and charge.invoice_id in recent:
            failed = {"error": charge.error_code, "payment_method": str(charge.profile)}
            action, invoice = "invoice.payment_failed", recent[charge.invoice_id]
            historian.note(Actor.system("collection"), action, invoice, charge.started_at, after=failed)


def with_one_good_card(book: Book) -> Iterator[PaymentProfile]:
    """Default cards that work, each the only one of a customer with an e-mail address and some time with us."""
    cards: dict[Any, list[PaymentProfile]] = {}
    for profile in book.of(PaymentProfile):
        cards.setdefault(profile.customer_id, []).append(profile)
    oldest = book.now - timedelta(days=60)
    for profile, *others in list(cards.values()):
        customer = profile.customer
        fit = profile.is_default and not others and not owes(book, customer)
        if fit and customer.email and customer.email != TOUR_EMAIL and customer.created_at < oldest:
            yield profile


def live_subscriptions(book: Book, customer: Customer) -> list[Subscription]:
    return [row for row in book.of(Subscription) if row.customer_id == customer.pk and row.state in LIVE_STATES]


def owes(book: Book, customer: Customer) -> bool:
    return any(row.state in ("past_due", "unpaid") for row in live_subscriptions(book, customer))


def invite(historian: Historian, card: PaymentProfile, sent: datetime, state: InvitationState) -> Invitation:
    """One invitation from being sent to `state`."""
    book, customer, member = historian.book, card.customer, historian.member()
    completed = state == InvitationState.COMPLETED
    opened = sent + timedelta(minutes=41) if state in (InvitationState.OPENED, InvitationState.COMPLETED) else None
    done = sent + timedelta(minutes=44) if completed else None
    expires = sent + timedelta(hours=LIFETIME_HOURS)
    ended = {InvitationState.EXPIRED: expires, InvitationState.REVOKED: sent + timedelta(hours=6)}.get(state)
    replaced = took_place_of(historian, card, done) if done else card
    invitation = book.add(
        Invitation,
        number=next_number("invitation"),
        customer=customer,
        profile=replaced,
        state=state,
        channels=[Channel.EMAIL],
        email=customer.email,
        phone=customer.phone,
        language=customer.language,
        lifetime_hours=LIFETIME_HOURS,
        expires_at=expires,
        sent_by_id=member.id,
        sent_by_label=member.label,
        last_sent_at=sent,
        delivered_at=sent + timedelta(seconds=4) if state not in ("sent", "bounced") else None,
        bounced_at=sent + timedelta(seconds=9) if state == InvitationState.BOUNCED else None,
        opened_at=opened,
        completed_at=done,
        ended_at=ended,
        created_at=sent,
    )
    add_message(historian, invitation, sent)
    historian.note(member, "invitation.sent", invitation, sent, after={"email": customer.email})
    by_customer = Actor.invitation(invitation.pk, customer.name)
    if opened:
        historian.note(by_customer, "invitation.opened", invitation, opened)
    if done:
        change = replaced_everywhere(historian, replaced, card, done, by_customer, "invitation", invitation.pk)
        invitation.change_id = change.pk
        historian.note(by_customer, "invitation.completed", invitation, done)
    if ended:
        who = member if state == InvitationState.REVOKED else Actor.system("expiry")
        historian.note(
            who, f"invitation.{state}", invitation, ended, before={"state": "delivered"}, after={"state": state}
        )
    return invitation


def add_message(historian: Historian, invitation: Invitation, sent: datetime) -> None:
    """The invitation's e-mail as it was sent, and what the mail provider told of it."""
    state = {"sent": MessageState.SENT, "bounced": MessageState.BOUNCED}.get(invitation.state, MessageState.DELIVERED)
    link = f"{settings.BASE_URL}/i/{historian.tenant.slug}/{make_token(historian.tenant.pk, invitation.pk)}"
    context = {
        "tenant": historian.tenant,
        "customer_name": invitation.customer.first_name,
        "method": invitation.profile,
        "unpaid": [],
        "link": link,
        "expires_at": invitation.expires_at,
    }
    written = render(Channel.EMAIL, "invitation", invitation.language, context)
    message = historian.book.add(
        Message,
        channel=Channel.EMAIL,
        template="invitation",
        language=invitation.language,
        to=invitation.email,
        subject=written.subject,
        text=without_links(written.text),
        html=without_links(written.html),
        state=state,
        error="The mailbox does not exist." if state == MessageState.BOUNCED else "",
        attempts=1,
        due_at=sent,
        customer_id=invitation.customer_id,
        about_type=invitation._meta.label_lower,
        about_id=invitation.pk,
        created_at=sent,
        sent_at=sent + timedelta(seconds=2),
        delivered_at=sent + timedelta(seconds=4) if state == MessageState.DELIVERED else None,
    )
    if state != MessageState.SENT:
        kind = "delivered" if state == MessageState.DELIVERED else "bounced"
        historian.book.add(
            DeliveryEvent,
            message=message,
            kind=kind,
            detail=message.error,
            provider_event_id=f"demo-{message.pk}",
            at=sent + timedelta(seconds=4 if kind == "delivered" else 9),
        )


def took_place_of(historian: Historian, card: PaymentProfile, moment: datetime) -> PaymentProfile:
    """The expired card that `card` replaced at `moment`."""
    old = add_card(
        historian.book,
        card.customer,
        expires=EXPIRED,
        state=ProfileState.REPLACED,
        replaced_by=card,
        created_at=card.customer.created_at + timedelta(minutes=9),
    )
    card.created_at = moment
    return old


def change_by_staff(historian: Historian, card: PaymentProfile, moment: datetime, kind: ChangeKind) -> Change:
    """A change that staff made, long since carried out."""
    member = historian.member()
    if kind == ChangeKind.REPLACE:
        old = took_place_of(historian, card, moment)
        return replaced_everywhere(historian, old, card, moment, member, "backoffice", None)
    other = add_card(historian.book, card.customer, brand="mastercard")
    change = add_change(historian, kind, moment, member, "backoffice", None, old=other, new=card)
    add_steps(historian, change, moment, default_steps(historian, card.customer))
    return change


def replaced_everywhere(
    historian: Historian,
    old: PaymentProfile,
    new: PaymentProfile,
    moment: datetime,
    actor: Actor,
    source: str,
    source_id: Any,
) -> Change:
    """A replacement with every step done."""
    change = add_change(historian, ChangeKind.REPLACE, moment, actor, source, source_id, old=old, new=new)
    steps = [(Stage.METHOD, StepKind.ATTACH, {"profile": new}), *default_steps(historian, new.customer)]
    add_steps(historian, change, moment, [*steps, (Stage.RETIREMENT, StepKind.RETIRE, {"profile": old})])
    return change


type StepPlan = tuple[Stage, StepKind, dict[str, Any]]


def default_steps(historian: Historian, customer: Customer) -> list[StepPlan]:
    moved = live_subscriptions(historian.book, customer)
    subscriptions: list[StepPlan] = [
        (Stage.SUBSCRIPTIONS, StepKind.SUBSCRIPTION, {"subscription": row}) for row in moved
    ]
    return [(Stage.CUSTOMER, StepKind.CUSTOMER_DEFAULT, {}), *subscriptions]


def add_change(
    historian: Historian,
    kind: ChangeKind,
    moment: datetime,
    actor: Actor,
    source: str,
    source_id: Any,
    *,
    old: PaymentProfile,
    new: PaymentProfile,
) -> Change:
    moved = live_subscriptions(historian.book, new.customer)
    change = historian.book.add(
        Change,
        number=next_number("change"),
        customer=new.customer,
        kind=kind,
        old_profile=old,
        new_profile=new,
        state=ChangeState.DONE,
        source=source,
        source_id=source_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        impact={
            "default_moves": True,
            "subscriptions": [subscription.short_number for subscription in moved],
            "invoices": [],
            "collect_totals": {},
            "retired": [str(old.pk)] if kind == ChangeKind.REPLACE else [],
        },
        created_at=moment,
        finished_at=moment + timedelta(seconds=3),
    )
    after = {"kind": kind, "payment_method": str(new)}
    historian.note(actor, "change.recorded", change, moment, before={"payment_method": str(old)}, after=after)
    return change


def add_steps(historian: Historian, change: Change, moment: datetime, plans: list[StepPlan]) -> None:
    """Steps that were done at the first try, one after the other."""
    for position, (stage, kind, about) in enumerate(plans):
        begun = moment + timedelta(milliseconds=120 + 260 * position)
        ended = begun + timedelta(milliseconds=180)
        step = historian.book.add(
            Step,
            change=change,
            customer=change.customer,
            stage=stage,
            position=position,
            kind=kind,
            state=StepState.DONE,
            attempts=1,
            due_at=begun,
            first_called_at=begun,
            finished_at=ended,
            **about,
        )
        historian.book.add(StepAttempt, step=step, number=1, started_at=begun, finished_at=ended, outcome="done")
