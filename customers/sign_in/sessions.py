"""A customer's signed-in browsers, as rows in the tenant's scope. Every function runs in the open scope.

What the browser holds, its cookie, is `<session id>.<secret>`; the row keeps the secret's SHA-256. The row is looked up
in the scope of the tenant whose address is asked for, so one tenant's cookie opens nothing at another's.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from customers.models import Customer, PortalSession
from customers.sign_in.codes import use_up_codes
from tenants.actors import Actor, ActorKind
from tenants.audit import record

LIFETIME = timedelta(days=30)
IDLE_LIFETIME = timedelta(days=14)
#: Sessions that ended are kept this long after they would have.
KEPT = timedelta(days=60)
#: How often "last seen" is written.
SEEN_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class StartedSession:
    """`cookie` is the only place that the secret is in."""

    session: PortalSession
    cookie: str


def portal_actor(customer: Customer, ip: str | None = None) -> Actor:
    return Actor(ActorKind.CUSTOMER_PORTAL, str(customer.pk), customer.name, ip)


def start_session(
    *, customer: Customer, signed_in_by: str, ip: str | None, user_agent: str, replaces: PortalSession | None = None
) -> StartedSession:
    """A new session in the open scope; `replaces` is the one that this browser had until now, which ends.

    `signed_in_by`: link, code or password.
    """
    actor = portal_actor(customer, ip)
    if replaces is not None:
        _end(PortalSession.objects.filter(pk=replaces.pk))
    PortalSession.objects.filter(customer=customer, expires_at__lt=timezone.now() - KEPT).delete()
    secret = secrets.token_urlsafe(32)
    session = PortalSession.objects.create(
        customer=customer,
        key_hash=_hash(secret),
        signed_in_by=signed_in_by,
        ip=ip,
        user_agent=user_agent[:300],
        expires_at=timezone.now() + LIFETIME,
    )
    record(actor=actor, action="portal.signed_in", target=customer, after={"signed_in_by": signed_in_by})
    return StartedSession(session, f"{session.pk.hex}.{secret}")


def end_session(*, actor: Actor, session: PortalSession) -> bool:
    """Sign one browser out. False when it was already."""
    ended = _end(PortalSession.objects.filter(pk=session.pk))
    if ended:
        record(actor=actor, action="portal.signed_out", target=session.customer, after={"sessions": ended})
    return bool(ended)


def end_all(*, actor: Actor, customer: Customer, but: PortalSession | None = None) -> int:
    """Sign the customer out everywhere, save where `but` is; the number of sessions that ended.

    Whoever asks for this may have lost a mailbox too: codes and links that are under way open nothing any more.
    """
    use_up_codes(customer.email)
    sessions = PortalSession.objects.filter(customer=customer)
    ended = _end(sessions.exclude(pk=but.pk) if but else sessions)
    if ended:
        record(actor=actor, action="portal.signed_out_everywhere", target=customer, after={"sessions": ended})
    return ended


def _end(sessions: QuerySet[PortalSession]) -> int:
    return sessions.filter(ended_at=None).update(ended_at=timezone.now())


def live_sessions(customer: Customer) -> QuerySet[PortalSession]:
    """Those that still open the door, the one seen last first."""
    return PortalSession.objects.filter(is_live(timezone.now()), customer=customer).order_by("-seen_at", "-id")


def is_live(now: datetime) -> Q:
    return Q(ended_at=None, expires_at__gt=now, seen_at__gt=now - IDLE_LIFETIME)


def find_session(cookie: str) -> PortalSession | None:
    """The live session, with its customer, that the cookie opens."""
    raw_id, _dot, secret = cookie.partition(".")
    try:
        session_id = UUID(hex=raw_id)
    except ValueError:
        return None
    now = timezone.now()
    session = PortalSession.objects.select_related("customer").filter(is_live(now), pk=session_id).first()
    if session is None or not hmac.compare_digest(session.key_hash, _hash(secret)):
        return None
    if now - session.seen_at > SEEN_EVERY:
        PortalSession.objects.filter(pk=session.pk, ended_at=None).update(seen_at=now)
        session.seen_at = now
    return session


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
