"""One-time codes and links by e-mail. The same happens for an address that nobody has, save that no mail goes out.

Kept of a code: its HMAC. The link is the row's id, signed; nothing secret is stored for it.
"""

import hmac
import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db.models import QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from customers.errors import SignInError
from customers.models import Customer, SignInCode
from customers.validation import normalize_email
from messaging.services import queue_email
from tenants.actors import Actor
from tenants.audit import record
from tenants.limits import is_over, is_used_up
from tenants.models import Tenant
from tenants.networks import neighbourhood
from tenants.scope import current_tenant_id

LIFETIME = timedelta(minutes=10)
#: Wrong tries that kill a code, and those in a day, whatever the code, after which only links are taken.
TRIES_PER_CODE, TRIES_PER_DAY = 5, 20
#: Wrong tries in an hour, at all addresses of a tenant together: whoever tries a few codes at each of very many
#: addresses would guess one some day. Then, too, only links are taken.
TRIES_PER_TENANT = 300
#: Codes sent to one address in a quarter of an hour; asked for from one network in an hour; of one tenant in a minute.
CODES_PER_EMAIL, CODES_PER_NETWORK, CODES_PER_TENANT = 5, 30, 300
#: Addresses that somebody typed are not kept for longer than their tries are counted.
KEPT = timedelta(days=2)
#: How many customers may share an address and still be offered to choose from.
MOST_CUSTOMERS = 20


def send_code(*, tenant: Tenant, email: str, ip: str | None) -> SignInCode:
    """Make a code for the address and, where a customer has it, send it with a link. Runs in the open scope.

    Raises SignInError `too_many_codes`, alike for addresses that nobody has.
    """
    email = normalize_email(email)
    if (
        _has_enough(email)
        or is_over("codes", neighbourhood(ip), limit=CODES_PER_NETWORK, seconds=3600, without_count=False)
        or is_over("codes", str(tenant.pk), limit=CODES_PER_TENANT, seconds=60, without_count=False)
    ):
        raise _too_many()
    return _send(tenant, email, customers_of(email).first(), ip)


def send_link(*, actor: Actor, tenant: Tenant, customer: Customer) -> SignInCode:
    """Send the customer a link, and a code, because staff want them to come in. Runs in the open scope.

    Raises SignInError `no_email` or `too_many_codes`.
    """
    if not customer.email_normalized:
        raise SignInError("no_email", _("This customer has no e-mail address to send a link to."))
    if _has_enough(customer.email_normalized):
        raise _too_many()
    row = _send(tenant, customer.email_normalized, customer, actor.ip)
    record(actor=actor, action="portal.link_sent", target=customer, after={"to": customer.email})
    return row


def _send(tenant: Tenant, email: str, customer: Customer | None, ip: str | None) -> SignInCode:
    """The code of an address; nobody hears of it where no customer has the address."""
    now = timezone.now()
    SignInCode.objects.filter(created_at__lt=now - KEPT).delete()
    code = f"{secrets.randbelow(10**6):06d}"
    row = SignInCode.objects.create(email_normalized=email, code_hash=_hash(code), ip=ip, expires_at=now + LIFETIME)
    if customer is not None:
        queue_email(
            template="portal_sign_in",
            language=customer.language or get_language() or tenant.language,
            to=customer.email,
            customer_id=customer.pk,
            context={
                "customer_name": customer.first_name or customer.name,
                "code": code,
                "link": settings.BASE_URL + reverse("portal:sign_in_link", args=[tenant.slug, make_token(row)]),
                "expires_at": row.expires_at,
            },
        )
    return row


def customers_of(email: str) -> QuerySet[Customer]:
    """Whoever has the address, in the open scope; nobody has none."""
    email = normalize_email(email)
    return Customer.objects.filter(email_normalized=email).exclude(email_normalized="").order_by("number")


def _has_enough(email: str) -> bool:
    since = timezone.now() - timedelta(minutes=15)
    return SignInCode.objects.filter(email_normalized=email, created_at__gt=since).count() >= CODES_PER_EMAIL


def _too_many() -> SignInError:
    message = _("Too many codes were asked for. Use the newest one, or wait a quarter of an hour.")
    return SignInError("too_many_codes", message, {"email": message})


def use_code(*, email: str, typed: str) -> SignInError | None:
    """Use up the address's newest code; what is wrong, if anything. Wrong tries count, so nothing is raised.

    Runs in the open scope. Errors: `wrong_code`, `code_dead`, `codes_locked`.
    """
    email = normalize_email(email)
    code = SignInCode.objects.select_for_update().filter(email_normalized=email).order_by("-created_at", "-id").first()
    tenant_id = str(current_tenant_id())
    if _wrong_tries_today(email) >= TRIES_PER_DAY or is_used_up("wrong-codes", tenant_id, limit=TRIES_PER_TENANT):
        message = _("Too many wrong codes were typed. Sign in by the button in our message, or try a code tomorrow.")
        return SignInError("codes_locked", message, {"code": message})
    if code is None or code.used_at or code.expires_at <= timezone.now() or code.tries >= TRIES_PER_CODE:
        message = _("This code no longer works. Ask for a new one.")
        return SignInError("code_dead", message, {"code": message})
    digits = "".join(character for character in typed if character.isdecimal())
    if not _is_code(digits, code.code_hash) or not customers_of(email).exists():
        SignInCode.objects.filter(pk=code.pk).update(tries=code.tries + 1)
        is_over("wrong-codes", tenant_id, limit=TRIES_PER_TENANT, seconds=3600, without_count=False)
        message = _("This is not the code. Look for the newest message, and try again.")
        return SignInError("wrong_code", message, {"code": message})
    use_up_codes(email)
    return None


def _wrong_tries_today(email: str) -> int:
    today = SignInCode.objects.filter(email_normalized=email, created_at__gt=timezone.now() - timedelta(days=1))
    return today.aggregate(tries=Sum("tries"))["tries"] or 0


def address_of_link(code_id: UUID) -> str:
    """The address that the code's link signs in; "" when it does so no more."""
    live = SignInCode.objects.filter(pk=code_id, used_at=None, expires_at__gt=timezone.now())
    return live.values_list("email_normalized", flat=True).first() or ""


def use_link(code_id: UUID) -> str:
    """Use up the code whose link was opened; the address that it proves, "" when the link works no more."""
    code = SignInCode.objects.select_for_update().filter(pk=code_id).first()
    if code is None or code.used_at or code.expires_at <= timezone.now():
        return ""
    use_up_codes(code.email_normalized)
    return code.email_normalized


def use_up_codes(email: str) -> None:
    """No code and no link that was sent to the address signs in any more. Runs in the open scope."""
    unused = SignInCode.objects.filter(email_normalized=normalize_email(email), used_at=None)
    unused.update(used_at=timezone.now())


def make_token(code: SignInCode) -> str:
    return signing.dumps(code.pk.hex, salt=_salt(code.tenant_id))


def read_token(tenant: Tenant, token: str) -> UUID | None:
    """The code's id; None when the token was not made for this tenant, or its time is over."""
    try:
        return UUID(hex=signing.loads(token, salt=_salt(tenant.pk), max_age=LIFETIME))
    except (signing.BadSignature, ValueError):
        return None


def _salt(tenant_id: UUID) -> str:
    return f"portal.sign-in-link:{tenant_id}"


def _hash(code: str) -> str:
    """HMAC of the code with a salt of its own: `salt$hash`. Six digits are no secret to whoever has a plain hash."""
    salt = secrets.token_hex(16)
    return f"{salt}${_mac(code, salt)}"


def _is_code(typed: str, kept: str) -> bool:
    salt, _dollar, mac = kept.partition("$")
    return hmac.compare_digest(_mac(typed, salt), mac)


def _mac(code: str, salt: str) -> str:
    return salted_hmac("portal.sign-in-code", f"{salt}{code}", algorithm="sha256").hexdigest()
