"""What a browser may see of an invitation, by the link that it has opened."""

from uuid import UUID

from django.http import HttpRequest

from tenants.models import Tenant
from tenants.visits import Visit

OPENED = Visit("invitation", "invitations:form")
#: This browser saved the method, and may see what moved; opening the link once more does not take it away.
FINISHED = Visit("invitation-done", "invitations:form")


def is_visiting(request: HttpRequest, tenant: Tenant, invitation_id: UUID) -> bool:
    return any(visit.is_begun(request, tenant, invitation_id) for visit in (OPENED, FINISHED))
