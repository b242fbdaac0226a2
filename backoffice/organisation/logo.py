"""A tenant's logo: decoded and encoded anew, so that nothing but a picture is kept."""

import hashlib
from io import BytesIO

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError

MAX_BYTES = 2 * 1024 * 1024
MAX_PIXELS = 20_000_000
MAX_SIDE = 512
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


def read_logo(upload: UploadedFile) -> ContentFile:
    """A PNG of at most MAX_SIDE pixels each way. Raises ValidationError with a sentence that says what to do."""
    if (upload.size or 0) > MAX_BYTES:
        raise ValidationError(_("The picture is larger than 2 MB. Choose a smaller one."), code="too_large")
    try:
        with Image.open(upload, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValidationError(_("The picture has too many pixels. Choose a smaller one."), code="too_large")
            decoded = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        message = _("This is not a PNG, JPEG, WebP or GIF picture. SVG drawings are not accepted: save it as PNG.")
        raise ValidationError(message, code="not_a_picture") from error
    decoded.thumbnail((MAX_SIDE, MAX_SIDE))
    encoded = BytesIO()
    decoded.save(encoded, format="PNG", optimize=True)
    content = encoded.getvalue()
    return ContentFile(content, name=f"{hashlib.sha256(content).hexdigest()[:24]}.png")
