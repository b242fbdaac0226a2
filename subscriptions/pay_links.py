"""Links by which anyone who has one can pay one invoice. Nothing secret is stored.

A token is 48 characters: the invoice's id, the day after which it no longer works, and the first 128 bits of an
HMAC-SHA256 over the tenant's id and both.
"""

import base64
import binascii
import hmac
from datetime import date, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from subscriptions.errors import BillingError
from subscriptions.models import Invoice
from tenants.models import Tenant

SALT = "subscriptions.pay_link"
SIGNATURE_BYTES = 16
#: How long a link works after it was made; every mail about an invoice makes a new one.
LIFETIME = timedelta(days=90)


def pay_link(invoice: Invoice) -> str:
    """The address of the invoice's pay page, in the open scope. It is sent and shown, never stored or logged."""
    slug = Tenant.objects.only("slug").get(pk=invoice.tenant_id).slug
    until = timezone.now().date() + LIFETIME
    return f"{settings.BASE_URL}/portal/{slug}/pay/{make_pay_token(invoice.tenant_id, invoice.pk, until)}"


def make_pay_token(tenant_id: UUID, invoice_id: UUID, until: date) -> str:
    """A token that works up to and including `until` (UTC)."""
    content = invoice_id.bytes + until.toordinal().to_bytes(4)
    return base64.urlsafe_b64encode(content + _signature(settings.SECRET_KEY, tenant_id, content)).decode()


def read_pay_token(tenant_id: UUID, token: str) -> UUID:
    """The invoice's id. Raises BillingError `link_unknown` when the token was not made for this tenant, or any
    character of it differs; `link_expired` when it was, too long ago."""
    content = _signed_content(tenant_id, token)
    if content is None:
        raise BillingError("link_unknown", _("This link is not complete. Open it from the e-mail again."))
    if date.fromordinal(int.from_bytes(content[16:])) < timezone.now().date():
        message = _("This link has expired. Open the one in the newest e-mail, or sign in to the portal.")
        raise BillingError("link_expired", message)
    return UUID(bytes=content[:16])


def _signed_content(tenant_id: UUID, token: str) -> bytes | None:
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    content, signature = raw[:20], raw[20:]
    if len(signature) != SIGNATURE_BYTES or base64.urlsafe_b64encode(raw).decode() != token:
        return None
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    known = [hmac.compare_digest(signature, _signature(key, tenant_id, content)) for key in keys]
    return content if any(known) else None


def _signature(key: str, tenant_id: UUID, content: bytes) -> bytes:
    return salted_hmac(SALT, tenant_id.bytes + content, secret=key, algorithm="sha256").digest()[:SIGNATURE_BYTES]
