"""Tags of the portal's pages alone; `{% load portal %}`."""

import hashlib

from django import template
from django.urls import reverse

from tenants.models import Tenant

register = template.Library()


@register.simple_tag
def own_style_url(tenant: Tenant) -> str:
    """Where the tenant's own style sheet is; another address whenever it changes. "" when it has none."""
    if not tenant.portal_css:
        return ""
    version = hashlib.sha256(tenant.portal_css.encode()).hexdigest()[:10]
    return f"{reverse('portal:style', args=[tenant.slug])}?v={version}"
