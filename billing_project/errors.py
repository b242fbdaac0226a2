"""The page for requests that make no sense."""

from django.http import HttpRequest, HttpResponseBadRequest
from django.template.loader import get_template


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBadRequest:
    """As Django's own, without its look for a CSRF token, which reads the form that cannot be read once more."""
    return HttpResponseBadRequest(get_template("400.html").render())
