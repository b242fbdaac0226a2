"""The mails of billing: which customer is told what, in their language. Every function runs in the open scope.

Invoices and subscriptions that the gateway bills are not told of here: the gateway does. A customer without an e-mail
address is told nothing. What customers may switch off is named at each mail in `messaging.kinds`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Model, Q
from django.utils import timezone, translation

from customers.models import Customer
from messaging.kinds import KINDS
from messaging.models import Message
from messaging.services import queue_email
from payments.models import PaymentProfile, ProfileState
from subscriptions.models import (
    BilledBy,
    CancelReason,
    CreditNote,
    Invoice,
    InvoiceLine,
    InvoiceState,
    Subscription,
)
from subscriptions.pay_links import pay_link
from subscriptions.selectors import usable
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import Tenant
from tenants.scope import current_tenant_id

#: A subscription that began longer ago than this was only written down now.
NO_NEWS_AFTER = timedelta(days=1)


class Changed(StrEnum):
    """What has happened to a subscription that goes on."""

    PAUSED = "paused"
    RESUMED = "resumed"
    QUANTITY = "quantity"
    CONTINUED = "continued"  # its cancellation was undone


def announce_invoices(invoices: Sequence[Invoice]) -> None:
    """Tell of invoices just issued. One that is charged right away is told of by the outcome instead."""
    ours = [invoice for invoice in invoices if not invoice.gateway_id]
    if not ours:
        return
    tenant, payers = _tenant(), _with_payer(ours)
    for invoice in ours:
        if invoice.state == InvoiceState.PAID and invoice.total_minor > 0:
            tell_paid(invoice)
        elif invoice.state == InvoiceState.OPEN:
            has_payer, charged_at = invoice.pk in payers, invoice.next_attempt_at
            if has_payer and charged_at is not None and charged_at <= timezone.now():
                continue
            _tell_invoice_open(tenant, invoice, charged_at if has_payer else None)


def _tell_invoice_open(tenant: Tenant, invoice: Invoice, charged_at: datetime | None) -> Message | None:
    context = _about_invoice(invoice, tenant) | {"charged_at": charged_at, "link": pay_link(invoice)}
    return _tell("invoice_open", invoice.customer, tenant, context, about=invoice, attached={"invoice_pdf": invoice.pk})


def send_again(*, actor: Actor, invoice: Invoice) -> Message | None:
    """The invoice's mail once more, as things stand: the invoice while it can be paid, the receipt once it is.

    None when it has none: it is void, the gateway bills it, or the customer gets no mail.
    """
    sent = _mail_as_it_stands(invoice)
    if sent is not None:
        record(actor=actor, action="invoice.sent_again", target=invoice, after={"to": sent.to})
    return sent


def _mail_as_it_stands(invoice: Invoice) -> Message | None:
    if invoice.gateway_id:
        return None
    if invoice.state == InvoiceState.PAID:
        return tell_paid(invoice)
    if invoice.state not in (InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE):
        return None
    charged_at = invoice.next_attempt_at if invoice.first_failed_at is None and _with_payer([invoice]) else None
    return _tell_invoice_open(_tenant(), invoice, charged_at)


def tell_paid(invoice: Invoice) -> Message | None:
    """The receipt, with its PDF and the invoice's."""
    if invoice.gateway_id:
        return None
    tenant = _tenant()
    charged = invoice.total_minor - invoice.balance_applied_minor
    context = _about_invoice(invoice, tenant) | {
        "amount_minor": charged or invoice.total_minor,
        "paid_at": invoice.paid_at or timezone.now(),
        "balance_minor": max(invoice.balance_applied_minor, 0),
        "method": invoice.paid_with or None,
        "link": _portal_url(tenant),
    }
    attached = {"receipt_pdf": invoice.pk, "invoice_pdf": invoice.pk}
    return _tell("invoice_paid", invoice.customer, tenant, context, about=invoice, attached=attached)


def tell_payment_failed(invoice: Invoice, *, next_attempt_at: datetime | None) -> Message | None:
    """An invoice could not be collected; `next_attempt_at` is when that is tried again, None: not by itself."""
    if invoice.gateway_id:
        return None
    tenant = _tenant()
    context = _about_invoice(invoice, tenant) | {
        "method": _method(invoice.payment_profile),
        "reason": invoice.last_error_code,
        "next_attempt_at": next_attempt_at,
        "outcome": "" if next_attempt_at or not invoice.subscription_id else tenant.dunning_outcome,
        "link": pay_link(invoice),
    }
    return _tell(
        "payment_failed", invoice.customer, tenant, context, about=invoice, attached={"invoice_pdf": invoice.pk}
    )


def ask_to_confirm(invoice: Invoice) -> Message | None:
    """The bank wants the customer to confirm the payment of an invoice."""
    if invoice.gateway_id:
        return None
    tenant = _tenant()
    context = _about_invoice(invoice, tenant) | {
        "method": _method(invoice.payment_profile),
        "link": pay_link(invoice),
    }
    return _tell("payment_confirm", invoice.customer, tenant, context, about=invoice, attached={})


def tell_credit_note(note: CreditNote) -> Message | None:
    """What was credited of a paid invoice, and where the money goes."""
    tenant = _tenant()
    context = {
        "number": note.short_number,
        "invoice_number": note.invoice.short_number,
        "amount_minor": note.total_minor,
        "currency": note.currency,
        "destination": str(note.destination),
        "reason": note.reason,
        "link": _portal_url(tenant),
    }
    return _tell("credit_note", note.customer, tenant, context, about=note, attached={"credit_note_pdf": note.pk})


def tell_started(subscription: Subscription) -> Message | None:
    """A subscription begins, perhaps with a trial. One entered after the fact is no news."""
    now = timezone.now()
    if subscription.billed_by != BilledBy.US or subscription.started_at < now - NO_NEWS_AFTER:
        return None
    tenant = _tenant()
    context = _about_subscription(subscription, tenant) | {
        "starts_at": subscription.started_at if subscription.started_at > now else None,
        "trial_end": subscription.trial_end,
        "method": _method(_pinned_or_default(subscription)),
    }
    return _tell("subscription_started", subscription.customer, tenant, context, about=subscription)


def tell_changed(subscription: Subscription, what: str) -> Message | None:
    """A subscription was paused, resumed, changed in quantity, or continues after all; see `Changed`."""
    if subscription.billed_by != BilledBy.US:
        return None
    tenant = _tenant()
    context = _about_subscription(subscription, tenant) | {
        "what": Changed(what).value,
        "resumes_at": subscription.resumes_at,
        "next_at": subscription.next_billing_at,
    }
    return _tell("subscription_changed", subscription.customer, tenant, context, about=subscription)


def tell_cancelled(subscription: Subscription) -> Message | None:
    """A subscription ends with its period, and that can still be undone; or it has ended."""
    if subscription.billed_by != BilledBy.US:
        return None
    tenant = _tenant()
    ends = subscription.is_ending
    context = _about_subscription(subscription, tenant) | {
        "has_ended": not ends,
        "ends_at": (subscription.current_period_end if ends else subscription.cancelled_at) or timezone.now(),
        "is_unpaid": subscription.cancel_reason == CancelReason.UNPAID,
    }
    return _tell("subscription_cancelled", subscription.customer, tenant, context, about=subscription)


def _tell(
    kind: str,
    customer: Customer,
    tenant: Tenant,
    context: dict[str, Any],
    *,
    about: Model,
    attached: dict[str, UUID] | None = None,
) -> Message | None:
    """Queue the mail, with copies where it is about money (`attached` is given); None when the customer gets none."""
    if not customer.email or KINDS[kind].muted_by in customer.muted_mails:
        return None
    language = customer.language or tenant.language
    with translation.override(language):
        words = {name: value() if callable(value) else value for name, value in context.items()}
    return queue_email(
        template=kind,
        language=language,
        to=customer.email,
        cc=customer.cc_emails if attached is not None else (),
        context=words
        | {
            "tenant": tenant,
            "customer_name": customer.first_name or customer.name,
            "time_zone": customer.time_zone or tenant.time_zone,
        },
        customer_id=customer.pk,
        about=about,
        attachments=[
            {"kind": name, "id": str(row_id), "language": language} for name, row_id in (attached or {}).items()
        ],
    )


def _about_invoice(invoice: Invoice, tenant: Tenant) -> dict[str, Any]:
    """What every mail about an invoice tells. What is read in the customer's language is a function."""
    return {
        "number": invoice.short_number,
        "amount_minor": invoice.total_minor - invoice.balance_applied_minor,
        "currency": invoice.currency,
        "due_at": invoice.due_at,
        "product": lambda: _what_for(invoice),
    }


def _what_for(invoice: Invoice) -> str:
    line: InvoiceLine | None = invoice.lines.order_by("position").first()
    if line is not None:
        return line.description
    return invoice.subscription.price.product.name if invoice.subscription else ""


def _about_subscription(subscription: Subscription, tenant: Tenant) -> dict[str, Any]:
    price = subscription.price
    return {
        "number": subscription.short_number,
        "product": lambda: price.product.name,
        "amount_minor": subscription.amount_minor,
        "currency": price.currency,
        "interval": str(price.interval),
        "interval_count": price.interval_count,
        "quantity": subscription.quantity,
        "link": f"{_portal_url(tenant)}subscriptions/{subscription.pk}/",
    }


def _method(profile: PaymentProfile | None) -> dict[str, str] | None:
    return {"kind": profile.kind, "brand": profile.brand, "last4": profile.last4} if profile else None


def _pinned_or_default(subscription: Subscription) -> PaymentProfile | None:
    if pinned := usable(subscription.payment_profile):
        return pinned
    return PaymentProfile.objects.filter(
        customer_id=subscription.customer_id, is_default=True, state=ProfileState.ACTIVE
    ).first()


def _with_payer(invoices: Iterable[Invoice]) -> set[UUID]:
    """The ids of those invoices for which some payment method can be charged; one query for all."""
    invoices = list(invoices)
    everywhere = Q(is_default=True) | Q(is_backup=True)
    customers = {invoice.customer_id for invoice in invoices}
    payers = PaymentProfile.objects.filter(everywhere, customer_id__in=customers, state=ProfileState.ACTIVE)
    have_one = set(payers.values_list("customer_id", flat=True))
    return {
        invoice.pk
        for invoice in invoices
        if invoice.customer_id in have_one
        or (invoice.subscription is not None and usable(invoice.subscription.payment_profile) is not None)
    }


def _tenant() -> Tenant:
    return Tenant.objects.get(pk=current_tenant_id())


def _portal_url(tenant: Tenant) -> str:
    return f"{settings.BASE_URL}/portal/{tenant.slug}/"
