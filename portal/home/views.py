"""The portal's first page."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.access import CustomerRequest, customer_page


@require_safe
@customer_page
def home(request: CustomerRequest) -> HttpResponse:
    return render(request, "portal/home.html", {"tenant": request.tenant, "customer": request.customer})
