"""How each state looks: its word, its tone and its icon. One map, since a word means the same wherever it stands."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Look(NamedTuple):
    label: str | Promise
    tone: str
    icon: str


GOOD, BUSY, WARN, BAD, QUIET, NEW = "good", "busy", "warn", "bad", "quiet", "new"

STATES: dict[str, Look] = {
    # invitations and messages
    "draft": Look(_("Draft"), QUIET, "pencil"),
    "queued": Look(_("Queued"), QUIET, "clock"),
    "sending": Look(_("Sending"), BUSY, "send"),
    "sent": Look(_("Sent"), NEW, "send"),
    "delivered": Look(_("Delivered"), NEW, "checks"),
    "deferred": Look(_("Delayed"), WARN, "clock"),
    "bounced": Look(_("Bounced"), BAD, "mail-off"),
    "complained": Look(_("Marked as spam"), BAD, "ban"),
    "rejected": Look(_("Rejected"), BAD, "ban"),
    "opened": Look(_("Opened"), NEW, "mail-opened"),
    "clicked": Look(_("Clicked"), NEW, "link"),
    "completed": Look(_("Completed"), GOOD, "check"),
    "expired": Look(_("Expired"), QUIET, "hourglass"),
    "revoked": Look(_("Revoked"), QUIET, "link-off"),
    "failed": Look(_("Failed"), BAD, "alert-circle"),
    # changes, their steps and gateway events
    "waiting": Look(_("Waiting"), QUIET, "clock"),
    "pending": Look(_("Pending"), QUIET, "clock"),
    "running": Look(_("Running"), BUSY, "loader-2"),
    "processing": Look(_("Processing"), BUSY, "loader-2"),
    "in_progress": Look(_("In progress"), BUSY, "loader-2"),
    "retrying": Look(_("Retrying"), WARN, "refresh"),
    "done": Look(_("Done"), GOOD, "check"),
    "processed": Look(_("Processed"), GOOD, "check"),
    "received": Look(_("Received"), NEW, "download"),
    "ignored": Look(_("Ignored"), QUIET, "minus"),
    "waived": Look(_("Waived"), QUIET, "player-skip-forward"),
    "superseded": Look(_("Superseded"), QUIET, "transfer"),
    "needs_attention": Look(_("Needs attention"), BAD, "alert-triangle"),
    # subscriptions and invoices
    "trialing": Look(_("Trial"), NEW, "star"),
    "active": Look(_("Active"), GOOD, "circle-check"),
    "inactive": Look(_("Inactive"), QUIET, "circle"),
    "incomplete": Look(_("Incomplete"), WARN, "circle-dashed"),
    "past_due": Look(_("Past due"), WARN, "alert-triangle"),
    "unpaid": Look(_("Unpaid"), BAD, "alert-circle"),
    "paused": Look(_("Paused"), QUIET, "player-pause"),
    "ending": Look(_("Ending"), WARN, "hourglass"),
    "cancelled": Look(_("Cancelled"), QUIET, "ban"),
    "canceled": Look(_("Cancelled"), QUIET, "ban"),
    "open": Look(pgettext_lazy("invoice", "Open"), NEW, "file-invoice"),
    "paid": Look(_("Paid"), GOOD, "check"),
    "void": Look(pgettext_lazy("invoice", "Void"), QUIET, "circle-x"),
    "uncollectible": Look(_("Uncollectible"), BAD, "circle-x"),
    # charges and refunds
    "succeeded": Look(_("Succeeded"), GOOD, "check"),
    "declined": Look(_("Declined"), BAD, "credit-card-off"),
    "needs_confirmation": Look(_("To be confirmed"), WARN, "user"),
    "not_tried": Look(_("Not tried"), QUIET, "minus"),
    "to_balance": Look(_("Moved to the balance"), QUIET, "wallet"),
    # payment profiles
    "expiring": Look(_("Expiring"), WARN, "hourglass"),
    "disabled": Look(_("Disabled"), QUIET, "ban"),
    "replaced": Look(_("Replaced"), QUIET, "transfer"),
    "discarded": Look(_("Discarded"), QUIET, "trash"),
    "removed": Look(_("Removed"), QUIET, "trash"),
    "verified": Look(_("Verified"), GOOD, "shield-check"),
    "unverified": Look(_("Not verified"), WARN, "help-circle"),
}


def look_of(state: str) -> Look:
    """An unknown state shows its own word, quietly."""
    return STATES.get(state) or Look(state.replace("_", " ").capitalize(), QUIET, "circle")
