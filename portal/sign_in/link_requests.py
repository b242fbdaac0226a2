"""For those who were invited to put in another card, and whose link has ended: staff are told, and decide."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from customers.models import Customer
from customers.validation import normalize_email
from invitations.link_requests import is_asked_too_often, request_link
from portal.access import portal_page, speak
from portal.sign_in.forms import EmailForm
from portal.sign_in.views import answering_alike
from tenants.actors import Actor
from tenants.middleware import client_ip, find_tenant
from tenants.models import Tenant
from tenants.scope import tenant_scope


@portal_page
@require_http_methods(["GET", "HEAD", "POST"])
def new_link(request: HttpRequest, slug: str) -> HttpResponse:
    """The answer to a request is the same whether or not the address is anybody's."""
    tenant = find_tenant(slug)
    speak(request, tenant)
    form = EmailForm(request.POST or None)
    asked = form.is_valid()
    if asked and not is_asked_too_often(client_ip(request)):
        with answering_alike():
            _ask(tenant, form.cleaned_data["email"], client_ip(request))
    status = 422 if form.is_bound and not asked else 200
    return render(request, "portal/new_link.html", {"tenant": tenant, "form": form, "asked": asked}, status=status)


def _ask(tenant: Tenant, email: str, ip: str | None) -> None:
    """Pass on the request of every customer who has this address; whoever typed it has not shown that it is theirs."""
    somebody = Actor.system("sign-in page", ip)
    with tenant_scope(tenant.pk):
        for customer in Customer.objects.filter(email_normalized=normalize_email(email)).order_by("number")[:5]:
            request_link(actor=somebody, customer=customer, why="portal")
