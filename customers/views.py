"""The one page part that every door shares: the address in another country's form."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_POST

from customers.forms import AddressForm


@require_POST
def address_fields(request: HttpRequest, prefix: str) -> HttpResponse:
    """The address fields of the country just chosen, with what was typed. It reads and keeps nothing."""
    language = request.POST.get(f"{prefix}-language", "")
    if language not in dict(settings.LANGUAGES):
        language = translation.get_language() or settings.LANGUAGE_CODE
    with translation.override(language):
        optional = bool(request.POST.get(f"{prefix}-optional"))
        form = AddressForm.retyped(request.POST, prefix=prefix, optional=optional)
        return render(request, "customers/address_fields.html", {"form": form})
