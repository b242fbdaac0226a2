"""The tenant's own style sheet, from an address of its own, so that the pages' policy need not allow styles in them."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from tenants.middleware import find_tenant


@require_safe
def style(request: HttpRequest, slug: str) -> HttpResponse:
    """CSS that was sanitised when it was saved (`tenants.stylesheets`). Its address changes with it."""
    response = HttpResponse(find_tenant(slug).portal_css, content_type="text/css; charset=utf-8")
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "public, max-age=86400"
    return response
