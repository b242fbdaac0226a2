"""The short session that a link is traded for: a signed cookie that only one invitation's pages see."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from tenants.models import Tenant

#: The second says that this browser saved the method; opening the link once more does not take it away.
OPENED, FINISHED = "invitation", "invitation-done"
LIFETIME_SECONDS = 4 * 3600


@dataclass(frozen=True)
class Visit:
    """`finished`: this browser is the one that saved the method, and may see what moved."""

    finished: bool


def begin_visit(response: HttpResponse, tenant: Tenant, invitation_id: UUID, *, finished: bool = False) -> None:
    response.set_signed_cookie(
        FINISHED if finished else OPENED,
        "yes",
        salt=_salt(tenant, invitation_id),
        max_age=LIFETIME_SECONDS,
        path=reverse("invitations:form", args=[tenant.slug, invitation_id]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def visit_of(request: HttpRequest, tenant: Tenant, invitation_id: UUID) -> Visit | None:
    """The visit that this browser has begun by the invitation's link; None without one, or after its time."""
    salt = _salt(tenant, invitation_id)
    opened, finished = (
        request.get_signed_cookie(name, default=None, salt=salt, max_age=LIFETIME_SECONDS)
        for name in (OPENED, FINISHED)
    )
    return Visit(finished=finished is not None) if opened or finished else None


def _salt(tenant: Tenant, invitation_id: UUID) -> str:
    return f"invitations.session:{tenant.pk}:{invitation_id}"
