"""From a template, a language and values to what is sent.

`templates/mail/<name>.txt` holds the plain text and, as the partial `subject`, the subject; `<name>.html` the same for
mail programs that show HTML. Most mails to customers are letters instead: their file holds only the parts (PARTS, as
partials of plain text), and `letter.txt` and `letter.html` lay them out with the panel and the button. A tenant's own
words (`messaging.own_words`) take the place of the parts. `templates/sms/<name>.txt` is a text message.

Every template gets `tenant`, `site` (the public address, without a slash at its end) and `portal_url` besides what its
caller gives. Times are in the zone `time_zone`, where that is given, else in the tenant's.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from messaging.errors import MessageError
from messaging.kinds import KINDS, Kind
from messaging.markdown import write_html, write_line, write_text
from messaging.models import Channel, MessageTemplate
from messaging.segments import to_gsm_7
from tenants.colour import palette
from tenants.models import Tenant
from tenants.scope import current_tenant_id

#: The values that each mail to staff needs; a missing one is an error when it is queued, not a hole in it.
NEEDED: dict[str, frozenset[str]] = {
    # steps: those that failed; link: the change's page
    "change_failed": frozenset({"change", "customer", "steps", "link"}),
    # words: the gateway's, on why; link: the invoice's page
    "payment_disputed": frozenset({"customer_name", "number", "amount", "words", "link"}),
    "refund_failed": frozenset({"customer_name", "number", "amount", "words", "link"}),
    "staff_invitation": frozenset({"inviter_name", "role", "link", "expires_at"}),
    # why: "expired", "revoked", "used" or "portal"; link: the customer's page
    "link_requested": frozenset({"customer_name", "customer_number", "why", "link"}),
} | {kind.name: kind.needs for kind in KINDS.values()}

#: What a letter is made of. Blank lines part paragraphs; any part but the subject may be empty.
PARTS = ("subject", "heading", "preheader", "lead", "note")
_BLANK_LINES = re.compile(r"\n\s*\n")


@dataclass(frozen=True)
class Rendered:
    """`subject` and `html` are empty for a text message."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Words:
    """A subject and a Markdown text, both with merge fields."""

    subject: str
    body: str


def render(
    channel: str, template: str, language: str, context: dict[str, Any], *, words: Words | None = None
) -> Rendered:
    """What the recipient will read, in their language. Runs in the open scope.

    `words` take the place of the tenant's own or ours. Raises MessageError `incomplete_context` when a value that the
    template needs is not given.
    """
    missing = NEEDED[template] - context.keys()
    if missing:
        raise MessageError("incomplete_context", _("This message cannot be written: something it tells is missing."))
    tenant = context.get("tenant") or Tenant.objects.get(pk=current_tenant_id())
    values = {
        "tenant": tenant,
        "site": settings.BASE_URL,
        "portal_url": f"{settings.BASE_URL}/portal/{tenant.slug}/",
        "language": language,
        "colours": palette(tenant.primary_colour),
        "night": palette(tenant.primary_colour, dark=True),
        "logo_url": urljoin(f"{settings.BASE_URL}/", tenant.logo.url) if tenant.logo else "",
    } | context
    with translation.override(language), timezone.override(context.get("time_zone") or tenant.time_zone):
        if channel == Channel.SMS:
            return Rendered("", to_gsm_7(" ".join(_plain(f"sms/{template}.txt", values).split())), "")
        kind = KINDS.get(template)
        if kind is None:
            return _by_templates(template, values)
        words = words or tenants_words(template, language)
        if words is not None:
            return _by_words(kind, words, values)
        return _by_templates(template, values) if kind.own_template else _letter(kind, values)


def tenants_words(kind: str, language: str) -> Words | None:
    """What the scope's tenant says instead of us, if anything."""
    own = MessageTemplate.objects.filter(name=kind, language=language).first()
    return Words(own.subject, own.body) if own else None


def _by_templates(template: str, values: dict[str, Any]) -> Rendered:
    subject = _subject(_plain(f"mail/{template}.txt#subject", values))
    text = _plain(f"mail/{template}.txt", values).strip() + "\n"
    return Rendered(subject, text, get_template(f"mail/{template}.html").render(values | {"subject": subject}))


def _letter(kind: Kind, values: dict[str, Any]) -> Rendered:
    fields = kind.values(values)
    parts = {part: _plain(f"mail/{kind.name}.txt#{part}", values | {"field": fields}).strip() for part in PARTS}
    subject = _subject(parts.pop("subject"))
    paragraphs = {name: _BLANK_LINES.split(parts[name]) if parts[name] else [] for name in ("lead", "note")}
    laid_out = values | parts | paragraphs | _furniture(kind, values, fields) | {"subject": subject}
    return Rendered(subject, _text_of("mail/letter.txt", laid_out), get_template("mail/letter.html").render(laid_out))


def _by_words(kind: Kind, words: Words, values: dict[str, Any]) -> Rendered:
    fields = kind.values(values)
    subject = _subject(write_line(words.subject, fields))
    laid_out = values | _furniture(kind, values, fields) | {"subject": subject}
    html_blocks = {name: get_template(f"mail/letter.html#{name}").render(laid_out) for name in kind.blocks}
    text_blocks = {name: _plain(f"mail/letter.txt#{name}", laid_out).strip() for name in kind.blocks}
    html = write_html(words.body, kind, fields, html_blocks, accent=values["colours"].accent)
    text = write_text(words.body, fields, text_blocks)
    return Rendered(
        subject,
        _text_of("mail/own_words.txt", laid_out | {"body": text}),
        get_template("mail/own_words.html").render(laid_out | {"body": html}),
    )


def _furniture(kind: Kind, values: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
    """What the panel and the button show."""
    return {
        "figure": fields[kind.figure] if kind.figure else "",
        "is_code": kind.figure == "code",
        "rows": [(LABELS[name], fields[name]) for name in kind.details if fields[name]],
        "label": kind.label(values) if kind.label else "",
        "link": values.get("link", ""),
    }


#: What the rows of the panel are called.
LABELS = {
    "number": _("Number"),
    "invoice_number": _("Invoice"),
    "product": _("For"),
    "due": _("Due on"),
    "paid_on": _("Paid on"),
    "method": _("Payment method"),
    "from_balance": _("From your credit"),
    "reason": _("Reason"),
    "price": _("Price before tax"),
    "starts_on": _("Begins on"),
    "trial_until": _("Free until"),
    "ends_on": _("Ends on"),
}


def _subject(text: str) -> str:
    return " ".join(text.split())[:200]


def _text_of(name: str, values: dict[str, Any]) -> str:
    return re.sub(r"\n{3,}", "\n\n", _plain(name, values)).strip() + "\n"


def _plain(name: str, values: dict[str, Any]) -> str:
    """A template's text without HTML's escapes."""
    return get_template(name).template.render(Context(values, autoescape=False))  # type: ignore[attr-defined]
