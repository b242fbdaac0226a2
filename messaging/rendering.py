"""From a template, a language and values to what is sent.

`templates/mail/<name>.txt` holds the plain text and, as the partial `subject`, the subject; `<name>.html` the same for
mail programs that show HTML. `templates/sms/<name>.txt` is a text message. Every template gets `tenant`, `site` (the
public address, without a slash at its end) and `portal_url` besides what its caller gives.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from messaging.errors import MessageError
from messaging.models import Channel
from messaging.segments import to_gsm_7
from tenants.colour import palette
from tenants.models import Tenant
from tenants.scope import current_tenant_id

#: The values that each template needs; a missing one is an error when the message is queued, not a hole in it.
NEEDED: dict[str, frozenset[str]] = {
    # method: the payment method to be replaced (brand, last4), or None when the first one is to be added
    "invitation": frozenset({"customer_name", "method", "link", "expires_at"}),
    # steps: those of the change, of which the ones that are done are told
    "payment_method_updated": frozenset({"change", "customer", "steps"}),
    # steps: those that failed; link: the change's page
    "change_failed": frozenset({"change", "customer", "steps", "link"}),
    "staff_invitation": frozenset({"inviter_name", "role", "link", "expires_at"}),
    # why: "expired", "revoked", "used" or "portal"; link: the customer's page
    "link_requested": frozenset({"customer_name", "customer_number", "why", "link"}),
    # code: as it is typed, "123 456"; link: signs in without it
    "portal_sign_in": frozenset({"customer_name", "code", "link", "expires_at"}),
    # the first goes to the new address, the second, once it is confirmed, to the old one; there the link is the portal's
    "email_change_confirm": frozenset({"customer_name", "new_email", "link", "expires_at"}),
    "email_change_told": frozenset({"customer_name", "new_email", "link"}),
    # what: "set" or "removed"; link: the portal
    "password_changed": frozenset({"customer_name", "what", "link"}),
}


@dataclass(frozen=True)
class Rendered:
    """`subject` and `html` are empty for a text message."""

    subject: str
    text: str
    html: str


def render(channel: str, template: str, language: str, context: dict[str, Any]) -> Rendered:
    """What the recipient will read, in their language and the tenant's time zone. Runs in the open scope.

    Raises MessageError `incomplete_context` when a value that the template needs is not given.
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
    with translation.override(language), timezone.override(tenant.time_zone):
        if channel == Channel.SMS:
            return Rendered("", to_gsm_7(" ".join(_plain(f"sms/{template}.txt", values).split())), "")
        subject = " ".join(_plain(f"mail/{template}.txt#subject", values).split())
        text = _plain(f"mail/{template}.txt", values).strip() + "\n"
        html = get_template(f"mail/{template}.html").render(values | {"subject": subject})
        return Rendered(subject[:200], text, html)


def _plain(name: str, values: dict[str, Any]) -> str:
    """A template's text without HTML's escapes."""
    return get_template(name).template.render(Context(values, autoescape=False))  # type: ignore[attr-defined]
