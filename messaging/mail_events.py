"""Under /anymail/: where mail providers tell what became of a mail, as Anymail's own views verify and read it.

Only those that can tell the provider from a forger: by its signature, or else by ANYMAIL_WEBHOOK_SECRET. A provider
that is not set up has no address, and what makes no sense is refused.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from anymail import urls as anymail_urls
from anymail.exceptions import AnymailConfigurationError
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@contextmanager
def _nonsense_is_refused() -> Iterator[None]:
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadRequest("This is no event of the provider.") from error


def receiver_of(view: Any) -> Callable[[HttpRequest], HttpResponseBase]:
    """The view for one provider's events, from Anymail's class."""

    class Receiver(view):
        def run_validators(self, request: HttpRequest) -> None:
            with _nonsense_is_refused():
                super().run_validators(request)

        def parse_events(self, request: HttpRequest) -> list[Any]:
            with _nonsense_is_refused():
                return list(super().parse_events(request))

    answer = Receiver.as_view()

    @csrf_exempt
    def receive(request: HttpRequest) -> HttpResponseBase:
        if view.warn_if_no_basic_auth and not settings.ANYMAIL.get("WEBHOOK_SECRET"):
            raise Http404
        try:
            return answer(request)
        except AnymailConfigurationError as error:
            raise Http404 from error

    return receive


urlpatterns = [
    path(str(pattern.pattern), receiver_of(pattern.callback.view_class), name=pattern.name)
    for pattern in anymail_urls.urlpatterns
    if pattern.name.endswith("_tracking_webhook")
]
