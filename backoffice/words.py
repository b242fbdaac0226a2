"""The audit log in words: what was done, to what kind of thing, and which detail changed."""

import re
from datetime import datetime
from functools import cache
from typing import Any

from babel.dates import format_datetime
from django.conf import settings
from django.db.models import Model, TextChoices
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy, to_locale
from django.utils.translation import gettext as _

from customers.models import Address, Customer, Notification
from messaging.models import Channel
from payments.gateway.errors import explain
from propagation.models import ChangeKind
from subscriptions.models import BilledBy, CancelReason, CreditDestination, PaidThrough
from tenants.actors import ActorKind
from tenants.badges import STATES
from tenants.models import DunningOutcome, MethodKind, PortalCancellation, Role, Tenant
from tenants.templatetags.ui import money_text

#: `<thing>.<verb>` as the services write it, and the sentence that people read.
ACTIONS = {
    "tenant.updated": gettext_lazy("Settings changed"),
    "member.role_changed": gettext_lazy("Role changed"),
    "member.removed": gettext_lazy("Team member removed"),
    "staff_invitation.sent": gettext_lazy("Invited to the team"),
    "staff_invitation.revoked": gettext_lazy("Team invitation revoked"),
    "staff_invitation.accepted": gettext_lazy("Joined the team"),
    "customer.created": gettext_lazy("Customer created"),
    "customer.updated": gettext_lazy("Customer edited"),
    "customer.contact_updated": gettext_lazy("Contact details changed"),
    "customer.deleted": gettext_lazy("Customer deleted"),
    "customer.email_change_asked": gettext_lazy("New e-mail address entered, not confirmed yet"),
    "customer.email_change_withdrawn": gettext_lazy("New e-mail address withdrawn"),
    "customer.avatar_set": gettext_lazy("Picture set"),
    "customer.avatar_removed": gettext_lazy("Picture removed"),
    "customer.social_profile_updated": gettext_lazy("Social profile changed"),
    "customer.address_updated": gettext_lazy("Address changed"),
    "payment_profile.added": gettext_lazy("Payment method added"),
    "payment_profile.updated": gettext_lazy("Payment method changed"),
    "payment_profile.detached": gettext_lazy("Payment method detached"),
    "payment_profile.disabled": gettext_lazy("Payment method disabled"),
    "payment_profile.verified": gettext_lazy("Bank account verified"),
    "payment_profile.verification_failed": gettext_lazy("Bank account not verified"),
    "customer.default_method_moved": gettext_lazy("Default payment method moved"),
    "customer.default_method_adopted": gettext_lazy("Default payment method taken over from the gateway"),
    "gateway_event.retried": gettext_lazy("Gateway event processed again"),
    "gateway_account.connected": gettext_lazy("Gateway connected"),
    "product.created": gettext_lazy("Product created"),
    "product.updated": gettext_lazy("Product changed"),
    "price.created": gettext_lazy("Price added"),
    "price.updated": gettext_lazy("Price changed"),
    "subscription.created": gettext_lazy("Subscription created"),
    "subscription.method_moved": gettext_lazy("Subscription moved to another payment method"),
    "subscription.state_changed": gettext_lazy("Subscription state changed"),
    "subscription.mirrored": gettext_lazy("Subscription updated by the gateway"),
    "invoice.created": gettext_lazy("Invoice issued"),
    "invoice.paid": gettext_lazy("Invoice paid"),
    "invoice.method_moved": gettext_lazy("Invoice moved to another payment method"),
    "invoice.mirrored": gettext_lazy("Invoice updated by the gateway"),
    "invoice.payment_failed": gettext_lazy("Invoice payment failed"),
    "invoice.too_small_to_charge": gettext_lazy("Invoice is too small to be charged"),
    "change.recorded": gettext_lazy("Change recorded"),
    "step.retried": gettext_lazy("Step retried"),
    "step.waived": gettext_lazy("Step waived"),
    "invitation.sent": gettext_lazy("Invitation sent"),
    "invitation.resent": gettext_lazy("Invitation sent again"),
    "invitation.revoked": gettext_lazy("Invitation revoked"),
    "invitation.opened": gettext_lazy("Invitation opened"),
    "invitation.completed": gettext_lazy("Invitation completed"),
    "invitation.expired": gettext_lazy("Invitation expired"),
    "invitation.link_requested": gettext_lazy("New link asked for"),
    "checkout.started": gettext_lazy("Subscribing in the portal begun"),
    "checkout.finished": gettext_lazy("Subscribed in the portal"),
    "credit_note.issued": gettext_lazy("Credit note issued"),
    "customer.balance_changed": gettext_lazy("Balance changed"),
    "invoice.collection_requested": gettext_lazy("Invoice to be charged now"),
    "invoice.disputed": gettext_lazy("Payment disputed by the payer's bank"),
    "invoice.dispute_closed": gettext_lazy("Dispute of the payment closed"),
    "invoice.details_refreshed": gettext_lazy("Billing details on the invoice refreshed"),
    "invoice.paid_after_void": gettext_lazy("Voided invoice paid after all"),
    "invoice.voided": gettext_lazy("Invoice voided"),
    "invoice.sent_again": gettext_lazy("Invoice sent again"),
    "invoice.written_off": gettext_lazy("Invoice marked uncollectible"),
    "portal.link_sent": gettext_lazy("Sign-in link sent"),
    "portal.password_changed": gettext_lazy("Portal password changed"),
    "portal.password_set": gettext_lazy("Portal password set"),
    "portal.password_removed": gettext_lazy("Portal password removed"),
    "portal.signed_in": gettext_lazy("Signed in to the portal"),
    "portal.signed_out": gettext_lazy("Signed out of the portal"),
    "portal.signed_out_everywhere": gettext_lazy("Signed out of the portal everywhere"),
    "refund.moved_to_balance": gettext_lazy("Refund moved to the balance"),
    "refund.retried": gettext_lazy("Refund tried again"),
    "subscription.billing_failed": gettext_lazy("Invoice could not be made"),
    "subscription.paused": gettext_lazy("Subscription paused"),
    "subscription.resumed": gettext_lazy("Subscription resumed"),
    "subscription.cancellation_scheduled": gettext_lazy("Cancellation at the end of the period"),
    "subscription.cancellation_undone": gettext_lazy("Cancellation undone"),
    "subscription.cancelled": gettext_lazy("Subscription cancelled"),
    "subscription.method_pinned": gettext_lazy("Payment method pinned to the subscription"),
    "subscription.profile_pinned": gettext_lazy("Chosen which payment method pays"),
    "subscription.quantity_changed": gettext_lazy("Quantity changed"),
    "month.closed": gettext_lazy("Month closed"),
    "tax_rate.created": gettext_lazy("Tax rate added"),
    "tax_rate.ended": gettext_lazy("Tax rate ended"),
    "payment_profile.backup_set": gettext_lazy("Payment method made the backup"),
    "payment_profile.backup_cleared": gettext_lazy("Payment method no longer the backup"),
    "message.queued": gettext_lazy("Message sent"),
    "message_template.saved": gettext_lazy("A mail’s words changed"),
    "message_template.reset": gettext_lazy("A mail’s words reset"),
}

#: Kinds of things (`AuditEntry.target_type`), for the filter: its label and its icon.
THINGS = {
    "customers.customer": (gettext_lazy("Customers"), "user"),
    "customers.address": (gettext_lazy("Addresses"), "map-pin"),
    "payments.paymentprofile": (gettext_lazy("Payment methods"), "credit-card"),
    "payments.gatewayaccount": (gettext_lazy("Gateway"), "building-bank"),
    "propagation.change": (gettext_lazy("Changes"), "arrows-exchange"),
    "propagation.step": (gettext_lazy("Steps of changes"), "list-check"),
    "invitations.invitation": (gettext_lazy("Invitations"), "mail-forward"),
    "messaging.message": (gettext_lazy("Messages"), "message"),
    "messaging.messagetemplate": (gettext_lazy("Words of messages"), "mail"),
    "subscriptions.subscription": (gettext_lazy("Subscriptions"), "repeat"),
    "portal.checkout": (gettext_lazy("Checkouts"), "tag"),
    "subscriptions.invoice": (gettext_lazy("Invoices"), "file-invoice"),
    "subscriptions.creditnote": (gettext_lazy("Credit notes"), "receipt"),
    "subscriptions.product": (gettext_lazy("Products"), "package"),
    "subscriptions.price": (gettext_lazy("Prices"), "tag"),
    "subscriptions.taxrate": (gettext_lazy("Tax rates"), "percentage"),
    "subscriptions.monthlyfigures": (gettext_lazy("Months closed"), "calendar"),
    "tenants.tenant": (gettext_lazy("Organisation"), "building"),
    "tenants.membership": (gettext_lazy("Team"), "users"),
    "tenants.staffinvitation": (gettext_lazy("Team invitations"), "user-plus"),
}

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_MINOR = "_minor"
_FIELDS = {
    "bio": gettext_lazy("about the customer"),
    "location": gettext_lazy("place"),
    "muted_mails": gettext_lazy("mails switched off"),
    "sessions": gettext_lazy("browsers"),
    "signed_in_by": gettext_lazy("signed in by"),
    "usernames": gettext_lazy("user names"),
    "email": gettext_lazy("e-mail"),
    "cc_emails": gettext_lazy("CC e-mails"),
    "primary_colour": gettext_lazy("main colour"),
    "invitation_lifetime": gettext_lazy("link lifetime"),
    "to": pgettext_lazy("recipient", "to"),
    "body": gettext_lazy("text"),
    "subject": gettext_lazy("subject"),
    "account": gettext_lazy("account"),
    "attempts": gettext_lazy("attempts"),
    "billing_address": gettext_lazy("billing address"),
    "billed_by": gettext_lazy("billing"),
    "cancel_at_period_end": gettext_lazy("ends with its period"),
    "cancelled_at": gettext_lazy("cancelled"),
    "cancel_comment": gettext_lazy("comment"),
    "cancel_reason": gettext_lazy("reason"),
    "is_public": gettext_lazy("offered in the customer portal"),
    "next_billing_at": gettext_lazy("next charge"),
    "resumes_at": gettext_lazy("resumes"),
    "quantity": gettext_lazy("quantity"),
    "channel": gettext_lazy("sent by"),
    "channels": gettext_lazy("sent by"),
    "error": gettext_lazy("error"),
    "expires": gettext_lazy("expires"),
    "expires_at": gettext_lazy("link works until"),
    "holder": gettext_lazy("card holder"),
    "is_active": gettext_lazy("offered"),
    "is_default": gettext_lazy("default"),
    "kind": gettext_lazy("change"),
    "method": gettext_lazy("payment method"),
    "number": gettext_lazy("number"),
    "payment": gettext_lazy("payment"),
    "payment_method": gettext_lazy("payment method"),
    "price": gettext_lazy("price"),
    "profile": gettext_lazy("payment method"),
    "publishable_key": gettext_lazy("publishable key"),
    "role": gettext_lazy("role"),
    "secret_key": gettext_lazy("secret key"),
    "sends": gettext_lazy("times sent"),
    "state": gettext_lazy("state"),
    "currency": gettext_lazy("currency"),
    "amount": gettext_lazy("amount"),
    "balance": gettext_lazy("balance"),
    "balance_applied": gettext_lazy("paid from the balance"),
    "balance_returned": gettext_lazy("given back to the balance"),
    "destination": gettext_lazy("given back by"),
    "error_code": gettext_lazy("error"),
    "gateway_message": gettext_lazy("the gateway’s words"),
    "interval": gettext_lazy("interval"),
    "invoice": gettext_lazy("invoice"),
    "period_start": gettext_lazy("period from"),
    "active": gettext_lazy("active"),
    "trialing": gettext_lazy("on trial"),
    "past_due": gettext_lazy("past due"),
    "paused": gettext_lazy("paused"),
    "started": gettext_lazy("came"),
    "lost": gettext_lazy("left"),
    "recurring_revenue": gettext_lazy("recurring revenue"),
    "subscription": gettext_lazy("subscription"),
    "through": pgettext_lazy("what brought the money in", "how"),
    "total": gettext_lazy("total"),
    "trial_days": gettext_lazy("days of trial"),
    "template": gettext_lazy("message"),
    "webhook": gettext_lazy("events"),
}


class SignedInBy(TextChoices):
    """How a customer came into the portal, as its sessions keep it."""

    CODE = "code", gettext_lazy("a code")
    LINK = "link", gettext_lazy("a link")
    PASSWORD = "password", gettext_lazy("a password")


_CHOICES: dict[str, type[TextChoices]] = {
    "muted_mails": Notification,
    "signed_in_by": SignedInBy,
    "kind": ChangeKind,
    "role": Role,
    "channel": Channel,
    "channels": Channel,
    "method_kinds": MethodKind,
    "dunning_outcome": DunningOutcome,
    "portal_cancellation": PortalCancellation,
    "cancel_reason": CancelReason,
    "billed_by": BilledBy,
    "through": PaidThrough,
    "destination": CreditDestination,
}
#: What works by itself, as the services name it.
_SYSTEMS = {
    "billing run": gettext_lazy("Billing run"),
    "card entries": gettext_lazy("Entry of cards"),
    "collection": gettext_lazy("Collection"),
    "dunning": gettext_lazy("Dunning"),
    "expiry": gettext_lazy("Expiry"),
    "monthly closing": gettext_lazy("Monthly closing"),
    "pay page": gettext_lazy("Pay page"),
    "refunds": gettext_lazy("Refunds"),
    "sign-in page": gettext_lazy("Somebody on the sign-in page"),
}


def action_words(action: str) -> str:
    """The sentence of an audit action; one that has none yet is shown by its own name."""
    known = ACTIONS.get(action)
    return str(known) if known else capfirst(action.replace(".", " ").replace("_", " "))


def actor_words(kind: str, label: str) -> str:
    """Who did it; a customer with the door that they came through, as staff may act for them as well."""
    if kind == ActorKind.CUSTOMER_PORTAL:
        return _("%(name)s, in the portal") % {"name": label}
    if kind == ActorKind.CUSTOMER_INVITATION:
        return _("%(name)s, by invitation") % {"name": label}
    if kind == ActorKind.CUSTOMER_PAY_LINK:
        return _("%(name)s, by the pay link") % {"name": label}
    return str(_SYSTEMS.get(label, label)) if kind == ActorKind.SYSTEM else label


def thing_icon(target_type: str) -> str:
    return THINGS[target_type][1] if target_type in THINGS else "circle"


def field_words(name: str) -> str:
    """A detail's name: ours, else its model's, else as it was written."""
    return capfirst(str(_FIELDS.get(name) or _model_words().get(name) or name.replace("_", " ")))


@cache
def _model_words() -> dict[str, Any]:
    models: tuple[type[Model], ...] = (Tenant, Address, Customer)
    return {field.name: field.verbose_name for model in models for field in model._meta.concrete_fields}


def value_words(value: Any, name: str = "") -> str:
    """A plain value from an audit row as text; `name` tells which detail's."""
    if isinstance(value, str) and name == "state" and value in STATES:
        return str(STATES[value].label)
    if isinstance(value, str) and name == "language" and value in dict(settings.LANGUAGES):
        return str(dict(settings.LANGUAGES)[value])
    if isinstance(value, str) and name in _CHOICES and value in _CHOICES[name].values:
        return str(_CHOICES[name](value).label)
    if isinstance(value, str) and name in ("error", "error_code") and str(explain(value)) != str(explain("")):
        return str(explain(value))
    if value is None or value == "" or value == [] or value == {}:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        moment = timezone.localtime(datetime.fromisoformat(value))
        return format_datetime(moment, "medium", locale=to_locale(get_language() or "en"))
    if isinstance(value, list):
        return ", ".join(value_words(item, name) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{field_words(key)}: {value_words(item, key)}" for key, item in value.items())
    return str(value)


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    """(what, before, after) of each detail; None on a side that the row does not tell. Amounts are told as money, so
    that their currency needs no line of its own."""
    currency = after.get("currency") or before.get("currency") or ""
    names = [*before, *(name for name in after if name not in before)]
    has_amounts = bool(currency) and any(name.endswith(_MINOR) for name in names)
    return [
        (
            field_words(name.removesuffix(_MINOR) if currency else name),
            _detail_words(before[name], name, currency) if name in before else None,
            _detail_words(after[name], name, currency) if name in after else None,
        )
        for name in names
        if not (has_amounts and name == "currency")
    ]


def _detail_words(value: Any, name: str, currency: str) -> str:
    if currency and name.endswith(_MINOR) and isinstance(value, int):
        return money_text(value, currency)
    return value_words(value, name)
