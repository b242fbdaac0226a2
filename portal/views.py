"""What stands at /portal/<tenant>/: whom to ask, and a way to ask for a link."""

import time

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from customers.models import Customer
from customers.validation import normalize_email
from invitations.link_requests import is_asked_too_often, request_link
from invitations.pages import speak
from portal.forms import LinkRequestForm
from tenants.actors import Actor, ActorKind
from tenants.middleware import client_ip, find_tenant
from tenants.models import Tenant
from tenants.scope import tenant_scope

#: A request takes this long at least: passing one on takes longer than finding nobody, and would tell who is known.
ANSWER_SECONDS = 0.25


@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest, slug: str) -> HttpResponse:
    """The answer to a request is the same whether or not the address is anybody's."""
    tenant = find_tenant(slug)
    speak(request, tenant)
    form = LinkRequestForm(request.POST or None)
    asked = form.is_valid()
    if asked and not is_asked_too_often(client_ip(request)):
        started = time.monotonic()
        ask(tenant, form.cleaned_data["email"], client_ip(request))
        time.sleep(max(0.0, started + ANSWER_SECONDS - time.monotonic()))
    status = 422 if form.is_bound and not asked else 200
    return render(request, "portal/home.html", {"tenant": tenant, "form": form, "asked": asked}, status=status)


def ask(tenant: Tenant, email: str, ip: str | None) -> None:
    """Pass on the request of every customer who has this address."""
    with tenant_scope(tenant.pk):
        for customer in Customer.objects.filter(email_normalized=normalize_email(email)).order_by("number")[:5]:
            actor = Actor(ActorKind.CUSTOMER_PORTAL, str(customer.pk), customer.name, ip)
            request_link(actor=actor, customer=customer, why="portal")
