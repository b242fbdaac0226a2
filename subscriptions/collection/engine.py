"""Collects invoices: claim one that is due, charge it outside any transaction, record what happened.

PostgreSQL is the truth. An invoice is due at `next_attempt_at`; a worker holds it by `collection_lease_until`, whose
value is its token. Each try is a Charge, with an idempotency key of its own at the gateway. A worker may die at any
instant: its lease runs out, and the next one reads the payment at the gateway before it goes on under the same key.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection
from django.utils import timezone

from payments.gateway.accounts import paced_gateway
from payments.gateway.errors import GatewayError
from payments.gateway.leases import (
    KEY_LIFETIME,
    LEASE,
    call_under_lease,
    needs_new_key,
    pause_after,
    says_nothing,
)
from payments.gateway.port import Gateway, PaymentFacts
from payments.models import GatewayCustomer, PaymentProfile
from subscriptions.calculators.periods import local_date
from subscriptions.collection.charging import PROCESSING, SUCCEEDED, Order, charge_invoice, why_unpaid
from subscriptions.collection.outcomes import (
    actor_of,
    new_charge,
    record_failure,
    record_not_tried,
    record_paid,
    record_processing,
    unsettled_charge,
)
from subscriptions.collection.wakeups import COLLECTIONS
from subscriptions.dunning import SCHEDULED, refused_for_good
from subscriptions.limits import hold_customer, hold_customer_at_once
from subscriptions.models import (
    LIVE_STATES,
    UNSETTLED_CHARGE_STATES,
    Charge,
    ChargeState,
    Invoice,
    InvoiceState,
    PaidThrough,
)
from subscriptions.selectors import backup_profile, default_profile, paying_profile
from subscriptions.settlement import PAYABLE_STATES, mark_invoice_paid
from tenants.actors import Actor
from tenants.models import Tenant
from tenants.scope import current_tenant_id, tenant_scope

log = structlog.get_logger(__name__)

ACTOR = Actor.system("collection")
#: How often a page looks whether a worker has finished.
_PATIENCE_SECONDS = 0.1
#: After which an invoice is looked at again whose customer someone was changing.
_A_MOMENT = timedelta(seconds=1)

_DUE = """
    SELECT i.id FROM subscriptions_invoice i
    WHERE i.state IN ('open', 'uncollectible') AND i.next_attempt_at <= %(now)s
      AND (i.collection_lease_until IS NULL OR i.collection_lease_until <= %(now)s)
      AND (%(invoice)s::uuid IS NULL OR i.id = %(invoice)s::uuid)
    ORDER BY i.next_attempt_at LIMIT 1
"""


@dataclass(frozen=True)
class Claim:
    """An invoice that this worker holds until `deadline` (time.monotonic() seconds); `lease` is its token.

    `gateway` None: none is connected. `reads_only`: the bank is at it, so that the payment is only read.
    """

    order: Order
    charge: Charge
    tries: int
    gateway: Gateway | None
    lease: datetime
    deadline: float
    reads_only: bool
    now: datetime


def collect_due(tenant_id: UUID, *, now: datetime | None = None, seconds: float = 60.0) -> bool:
    """Collect the tenant's due invoices for about `seconds`, as of `now`. True when more may be due."""
    until = time.monotonic() + seconds
    while collect_next(tenant_id, now=now):
        if time.monotonic() >= until:
            return True
    return False


def collect_for(tenant_id: UUID, seconds: float) -> bool:
    """A worker's turn. True when more may be due."""
    return collect_due(tenant_id, seconds=seconds)


def collect_now(tenant_id: UUID, invoice_id: UUID, seconds: float = 6.0) -> None:
    """Collect one invoice in this process, if it is due, for at most about `seconds`; the rest stays for workers.

    Where a worker was quicker, its outcome is waited for.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not collect_next(tenant_id, invoice_id=invoice_id):
            if not _is_held(tenant_id, invoice_id):
                return
            time.sleep(_PATIENCE_SECONDS)


def _is_held(tenant_id: UUID, invoice_id: UUID) -> bool:
    with tenant_scope(tenant_id):
        return Invoice.objects.filter(pk=invoice_id, collection_lease_until__gt=timezone.now()).exists()


def anything_due(tenant_id: UUID) -> bool:
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute(_DUE, {"now": timezone.now(), "invoice": None})
        return cursor.fetchone() is not None


def collect_next(tenant_id: UUID, *, now: datetime | None = None, invoice_id: UUID | None = None) -> bool:
    """Claim and collect one due invoice. False when none is due."""
    found, claim = claim_next(tenant_id, now=now, invoice_id=invoice_id)
    if claim is not None:
        collect(tenant_id, claim)
    return found


def claim_next(
    tenant_id: UUID, *, now: datetime | None = None, invoice_id: UUID | None = None
) -> tuple[bool, Claim | None]:
    """Take the invoice that has been due longest: whether there was one, and the claim.

    One for which nothing can be charged is settled here and now, without a claim; a moment later where someone is
    changing its customer.
    """
    moment = now or timezone.now()
    with tenant_scope(tenant_id):
        with connection.cursor() as cursor:
            cursor.execute(f"{_DUE} FOR UPDATE SKIP LOCKED", {"now": moment, "invoice": invoice_id})
            row = cursor.fetchone()
        if row is None:
            return False, None
        deadline = time.monotonic() + LEASE.total_seconds()
        invoice = Invoice.objects.select_related(
            "customer", "subscription__payment_profile__replaced_by", "payment_profile__replaced_by"
        ).get(pk=row[0])
        begun = unsettled_charge(invoice)
        charge = begun or _scheduled_charge(invoice, moment)
        if charge is None:
            return True, None
        if refusal := _why_not_tried(invoice, charge):
            if hold_customer_at_once(invoice.customer):
                record_not_tried(actor=actor_of(charge), invoice=invoice, charge=charge, error_code=refusal, now=moment)
            else:
                _look_again(invoice, None if begun else charge, moment)
            return True, None
        return True, _claim(invoice, charge, moment, deadline)


def _look_again(invoice: Invoice, unasked: Charge | None, now: datetime) -> None:
    """Someone is changing the customer, perhaps how they pay: what was not asked for is worked out anew afterwards."""
    if unasked is not None:
        unasked.delete()
    Invoice.objects.filter(pk=invoice.pk).update(next_attempt_at=now + _A_MOMENT)


def _why_not_tried(invoice: Invoice, charge: Charge) -> str:
    """The error code of a charge that is not even asked for; empty for one that is."""
    if charge.state != ChargeState.RUNNING:
        return ""
    if charge.profile is None:
        return "no_payment_method"
    asked_for = charge.source not in SCHEDULED or charge.tries > 0
    return "" if asked_for else refused_for_good(invoice).get(charge.profile.pk, "")


def _scheduled_charge(invoice: Invoice, now: datetime) -> Charge | None:
    """The try that the schedule has come to, with whoever pays now; None when there is nothing to charge."""
    if invoice.state != InvoiceState.OPEN:
        Invoice.objects.filter(pk=invoice.pk).update(next_attempt_at=None)
        return None
    if invoice.total_minor <= invoice.balance_applied_minor:
        mark_invoice_paid(actor=ACTOR, invoice=invoice, through=PaidThrough.BALANCE, now=now)
        return None
    payer = payer_of_invoice(invoice, now, declined=frozenset(refused_for_good(invoice)))
    return new_charge(invoice=invoice, source=_source(invoice, payer), actor=ACTOR, profile=payer)


def payer_of_invoice(
    invoice: Invoice, now: datetime, *, declined: frozenset[UUID] = frozenset()
) -> PaymentProfile | None:
    """Who pays an invoice: whoever pays its subscription; one without, or whose subscription has ended, stands for
    itself and its own profile counts as pinned."""
    subscription = invoice.subscription
    live = subscription is not None and subscription.state in LIVE_STATES
    pinned = subscription.payment_profile if subscription is not None and live else invoice.payment_profile
    zone = subscription.time_zone if subscription else Tenant.objects.get(pk=invoice.tenant_id).time_zone
    default, backup = default_profile(invoice.customer), backup_profile(invoice.customer)
    return paying_profile(pinned, default, backup, on=local_date(now, zone), declined=declined)[0]


def _source(invoice: Invoice, payer: PaymentProfile | None) -> str:
    if invoice.first_failed_at is None:
        return PaidThrough.RENEWAL
    refreshed = payer is not None and payer.network_updated_at
    return PaidThrough.UPDATER if refreshed and refreshed > invoice.first_failed_at else PaidThrough.RETRY


def _claim(invoice: Invoice, charge: Charge, now: datetime, deadline: float) -> Claim:
    is_retry = charge.tries > 0
    if charge.first_called_at is None or now - charge.first_called_at > KEY_LIFETIME:
        charge.key_generation += 1 if charge.first_called_at else 0
        charge.first_called_at = now
    charge.tries += 1
    charge.save(update_fields=["tries", "key_generation", "first_called_at"])
    invoice.collection_lease_until = now + LEASE
    invoice.save(update_fields=["collection_lease_until"])
    known = GatewayCustomer.objects.filter(customer=invoice.customer).first()
    profile = charge.profile
    order = Order(
        invoice=invoice,
        customer=known.gateway_id if known else "",
        method=profile.gateway_id if profile else "",
        kinds=payment_kinds(profile),
        key=f"charge-{charge.pk}-{charge.key_generation}",
        is_retry=is_retry,
    )
    return Claim(
        order=order,
        charge=charge,
        tries=charge.tries,
        gateway=paced_gateway(),
        lease=invoice.collection_lease_until,
        deadline=deadline,
        reads_only=charge.state == ChargeState.PROCESSING,
        now=now,
    )


def payment_kinds(profile: PaymentProfile | None) -> list[str]:
    """The kinds of method that may pay an invoice of the open scope's tenant, this profile's among them."""
    accepted = set(Tenant.objects.get(pk=current_tenant_id()).method_kinds) | ({profile.kind} if profile else set())
    return sorted(str(kind) for kind in accepted)


def collect(tenant_id: UUID, claim: Claim) -> None:
    """Call the gateway and record the outcome. An error of our own is recorded too, and tried again."""
    with structlog.contextvars.bound_contextvars(
        tenant_id=str(tenant_id), invoice=claim.order.invoice.short_number, charge=str(claim.charge.pk)
    ):

        def work(gateway: Gateway) -> None:
            payment = _read(claim, gateway) if claim.reads_only else charge_invoice(gateway, claim.order)
            _record_payment(tenant_id, claim, payment)

        call_under_lease(
            claim.gateway,
            claim.deadline,
            work=work,
            record_error=lambda error: _record_error(tenant_id, claim, error),
            crash_event="charge_crashed",
        )


def _read(claim: Claim, gateway: Gateway) -> PaymentFacts:
    payment = gateway.read_payment(claim.order.invoice.gateway_payment_id)
    if payment.status not in (SUCCEEDED, PROCESSING):
        raise why_unpaid(payment)
    return payment


@contextmanager
def _holding(claim: Claim) -> Iterator[tuple[Invoice, Charge] | None]:
    """Lock the invoice and its charge, and give the lease back; None when it has been taken over or settled since.

    The customer is held first, as by whoever records a new method that pays the invoice: a failure may invite them.
    """
    hold_customer(claim.order.invoice.customer, alone=True)
    invoice = Invoice.objects.select_for_update(of=("self",)).select_related("customer", "subscription")
    current = invoice.get(pk=claim.order.invoice.pk)
    charge = Charge.objects.select_related("profile").get(pk=claim.charge.pk)
    if current.collection_lease_until != claim.lease:
        yield None
        return
    current.collection_lease_until = None
    current.save(update_fields=["collection_lease_until"])
    mine = charge.state in UNSETTLED_CHARGE_STATES and charge.tries == claim.tries
    yield (current, charge) if mine else None


def _record_payment(tenant_id: UUID, claim: Claim, payment: PaymentFacts) -> None:
    with tenant_scope(tenant_id), _holding(claim) as held:
        if held is None:
            return
        invoice, charge = held
        if payment.status == PROCESSING:
            record_processing(invoice=invoice, charge=charge, now=claim.now)
            return
        profile = PaymentProfile.objects.filter(gateway_id=payment.method or "").first() or charge.profile
        record_paid(
            actor=actor_of(charge),
            invoice=invoice,
            charge=charge,
            payment_id=payment.id,
            now=claim.now,
            profile=profile,
        )


def _record_error(tenant_id: UUID, claim: Claim, error: GatewayError) -> None:
    """A refusal counts; that the gateway could not be asked, or does not take our keys, never does."""
    with tenant_scope(tenant_id), _holding(claim) as held:
        if held is None:
            return
        invoice, charge = held
        if invoice.state not in PAYABLE_STATES:
            charge.state, charge.finished_at = ChargeState.NOT_TRIED, claim.now
            charge.save(update_fields=["state", "finished_at"])
        elif says_nothing(error):
            _try_again(invoice, charge, error, claim.now)
        else:
            record_failure(actor=actor_of(charge), invoice=invoice, charge=charge, error=error, now=claim.now)
    log.warning("not_collected", error=error.code, gateway_request_id=error.request_id)


def _try_again(invoice: Invoice, charge: Charge, error: GatewayError, now: datetime) -> None:
    pause = pause_after(charge.tries, error)
    charge.error_code, charge.gateway_message = error.code[:60], error.gateway_message
    charge.gateway_request_id = error.request_id[:80]
    if needs_new_key(error):
        charge.key_generation += 1
        charge.first_called_at = None
    charge.save()
    invoice.next_attempt_at = now + pause
    invoice.save(update_fields=["next_attempt_at"])
    COLLECTIONS.wake_later(invoice.tenant_id, seconds=pause.total_seconds())
