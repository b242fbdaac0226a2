"""Customers' pictures: decoded within bounds, and made anew, so that nothing of the uploaded file is ever served."""

import secrets
import struct
import zlib
from io import BytesIO
from threading import BoundedSemaphore
from typing import Protocol
from uuid import UUID

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from customers.errors import CustomerError
from customers.locking import lock_customer
from customers.models import Customer
from tenants.actors import Actor
from tenants.audit import record
from tenants.scope import forbid_open_transaction, tenant_scope

log = structlog.get_logger(__name__)

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 40_000_000
SIZE = 512
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
#: A picture of 40 megapixels takes some 200 MB while it is decoded: this many at a time in a process.
_DECODING = BoundedSemaphore(1)
#: What Pillow's decoders raise on files that are not what they seem.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, OverflowError, IndexError, struct.error, zlib.error)


class Upload(Protocol):
    """As Django's UploadedFile: `size` in bytes, and what is read of it."""

    size: int | None

    def read(self, num_bytes: int | None = ..., /) -> bytes: ...


def square_picture(upload: Upload) -> bytes:
    """The picture upright, cropped to a square of 512 pixels, as WebP without metadata.

    Raises CustomerError `picture_too_large`, `too_many_pixels`, `not_a_picture`.
    """
    if (upload.size or 0) > MAX_BYTES:
        raise _refused("picture_too_large", _("This file is too large: at most 8 MB."))
    raw = upload.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise _refused("picture_too_large", _("This file is too large: at most 8 MB."))
    try:
        with _DECODING, Image.open(BytesIO(raw), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_many_pixels()
            image.draft("RGB", (SIZE * 2, SIZE * 2))  # a JPEG is decoded no larger than needed
            return _made_anew(image)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except _UNREADABLE as error:
        message = _("This file is not a picture that we can read. Choose a PNG, JPEG, WebP or GIF.")
        raise _refused("not_a_picture", message) from error


def _made_anew(image: Image.Image) -> bytes:
    square = _middle(image)
    upright = ImageOps.exif_transpose(square)
    fitted = ImageOps.fit(upright, (SIZE, SIZE), Image.Resampling.LANCZOS)
    plain = Image.frombytes(fitted.mode, fitted.size, fitted.tobytes())
    out = BytesIO()
    plain.save(out, "WEBP", quality=85)
    return out.getvalue()


def _middle(image: Image.Image) -> Image.Image:
    """The square in the middle, made small before anything else: each copy of a large picture is as large again."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    has_alpha = image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
    if image.mode not in {"RGB", "RGBA", "L", "LA", "CMYK"}:  # others cannot be averaged
        image = image.convert("RGBA" if has_alpha else "RGB")
    factor = side // (SIZE * 2)
    square = image.reduce(factor, box) if factor > 1 else image.crop(box)
    return square.convert("RGBA" if has_alpha else "RGB")


def _too_many_pixels() -> CustomerError:
    return _refused("too_many_pixels", _("This picture is too big: at most 40 megapixels."))


def _refused(code: str, message: object) -> CustomerError:
    return CustomerError(code, str(message), {"avatar": str(message)})


def set_avatar(tenant_id: UUID, *, actor: Actor, customer_id: UUID, upload: Upload) -> str:
    """Put the picture in the place of the customer's; its name in storage. Opens its own scope.

    Raises CustomerError as `square_picture`.
    """
    forbid_open_transaction()
    picture = square_picture(upload)
    name = default_storage.save(f"avatars/{secrets.token_hex(16)}.webp", ContentFile(picture))
    try:
        old = _exchange(tenant_id, actor, customer_id, name)
    except BaseException:
        default_storage.delete(name)
        raise
    discard_picture(old)
    return name


def remove_avatar(tenant_id: UUID, *, actor: Actor, customer_id: UUID) -> bool:
    """Take the picture away. False when there was none. Opens its own scope."""
    forbid_open_transaction()
    old = _exchange(tenant_id, actor, customer_id, "")
    discard_picture(old)
    return bool(old)


def _exchange(tenant_id: UUID, actor: Actor, customer_id: UUID, name: str) -> str:
    """Name the new picture in the row; the name of the old one."""
    with tenant_scope(tenant_id):
        customer = lock_customer(customer_id)
        old = customer.avatar.name or ""
        if old or name:
            Customer.objects.filter(pk=customer_id).update(avatar=name)
            action = "customer.avatar_set" if name else "customer.avatar_removed"
            record(actor=actor, action=action, target=customer)
    return old


def discard_picture(name: str) -> None:
    """Delete a picture that no row names any more, outside any transaction. One that stays behind only wastes space."""
    if not name:
        return
    try:
        default_storage.delete(name)
    except OSError as error:
        log.warning("avatar_not_deleted", name=name, error=type(error).__name__)
