"""Reads about a tenant that more than one package needs."""

from tenants.models import Membership, Role, Tenant


def managers_to_tell(tenant: Tenant) -> list[tuple[str, str]]:
    """Address and language of each owner and manager, in the open scope: they decide what becomes of a failure."""
    members = Membership.objects.filter(role__in=[Role.OWNER, Role.MANAGER], user__is_active=True)
    return [(one.user.email, one.user.language or tenant.language) for one in members.select_related("user")]
