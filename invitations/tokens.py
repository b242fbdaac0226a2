"""The link's token: an invitation's id, signed. Nothing secret is stored, and nothing else can be made of it.

43 characters: the id's 16 bytes and the first 128 bits of an HMAC-SHA256 over the tenant's and the invitation's ids.
"""

import base64
import binascii
import hmac
from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac

SALT = "invitations.link"
SIGNATURE_BYTES = 16
LENGTH = 43


def make_token(tenant_id: UUID, invitation_id: UUID) -> str:
    return _encode(invitation_id.bytes + _signature(settings.SECRET_KEY, tenant_id, invitation_id))


def read_token(tenant_id: UUID, token: str) -> UUID | None:
    """The invitation's id; None when the token was not made for this tenant, or any character of it differs."""
    try:
        raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # The last character has two bits to spare; only one of the four spellings is ours.
    if len(raw) != 16 + SIGNATURE_BYTES or _encode(raw) != token:
        return None
    invitation_id = UUID(bytes=raw[:16])
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    known = [hmac.compare_digest(raw[16:], _signature(key, tenant_id, invitation_id)) for key in keys]
    return invitation_id if any(known) else None


def _signature(key: str, tenant_id: UUID, invitation_id: UUID) -> bytes:
    digest = salted_hmac(SALT, tenant_id.bytes + invitation_id.bytes, secret=key, algorithm="sha256").digest()
    return digest[:SIGNATURE_BYTES]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
