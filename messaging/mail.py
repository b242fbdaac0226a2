"""E-mail through Django: by SMTP, or by any provider that Anymail knows."""

from email.utils import formataddr, parseaddr
from smtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from anymail.exceptions import AnymailAPIError, AnymailError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from messaging.attachments import make_attachments
from messaging.errors import SendFailed, is_permanent
from messaging.models import Message
from tenants.models import Tenant
from tenants.scope import forbid_open_transaction
from tenants.text import on_one_line


def send_mail_message(tenant: Tenant, message: Message) -> str:
    """Send one e-mail with its attachments; its id at the provider. Raises SendFailed."""
    forbid_open_transaction()
    email = build_email(tenant, message)
    for attachment in make_attachments(tenant.pk, message.attachments):
        email.attach(attachment.filename, attachment.content, attachment.mimetype)
    try:
        email.send()
    except SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()), (0, b""))
        raise SendFailed(f"{code} {_text(reason)}", permanent=500 <= code < 600) from error
    except SMTPAuthenticationError as error:
        raise SendFailed(f"{error.smtp_code} {_text(error.smtp_error)}", permanent=False) from error
    except SMTPResponseException as error:
        words = f"{error.smtp_code} {_text(error.smtp_error)}"
        raise SendFailed(words, permanent=500 <= error.smtp_code < 600) from error
    except AnymailAPIError as error:
        status = error.status_code or 0
        words = str(error).splitlines()[0] if str(error) else f"HTTP {status}"
        raise SendFailed(words, permanent=is_permanent(status), unreachable=not status) from error
    except AnymailError as error:
        raise SendFailed(str(error).splitlines()[0], permanent=True) from error
    except (SMTPException, OSError) as error:
        raise SendFailed(f"{type(error).__name__}: {error}", permanent=False, unreachable=True) from error
    anymail_status = getattr(email, "anymail_status", None)
    return str(getattr(anymail_status, "message_id", None) or email.extra_headers["Message-ID"])


def build_email(tenant: Tenant, message: Message) -> EmailMultiAlternatives:
    """The e-mail as it goes out. Its Message-ID is the same however often it is sent."""
    sender = tenant.sender_email or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    reply_to = tenant.reply_to_email or tenant.care_email
    reference = f"{message.tenant_id}:{message.pk}"
    email = EmailMultiAlternatives(
        subject=message.subject,
        body=message.text,
        from_email=formataddr((on_one_line(tenant.sender_name or tenant.name), sender)),
        to=[message.to],
        cc=message.cc,
        reply_to=[reply_to] if reply_to else [],
        headers={
            "Message-ID": f"<{message.pk}@{sender.rpartition('@')[2]}>",
            "X-PM-Metadata-message": reference,
            "Content-Language": message.language,
            "Auto-Submitted": "auto-generated",
        },
    )
    email.attach_alternative(message.html, "text/html")
    email.metadata = {"message": reference}  # type: ignore[attr-defined]  # read by Anymail
    return email


def _text(reason: bytes | str) -> str:
    return reason.decode(errors="replace") if isinstance(reason, bytes) else reason
