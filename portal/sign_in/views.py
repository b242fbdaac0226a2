"""Into the portal and out of it. Every answer is the same, and takes as long, whether or not an address is known."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.errors import SignInError
from customers.models import Customer
from customers.sign_in.codes import (
    MOST_CUSTOMERS,
    address_of_link,
    customers_of,
    read_token,
    send_code,
    use_code,
    use_link,
)
from customers.sign_in.passwords import customers_with_password
from customers.sign_in.sessions import end_session, portal_actor, start_session
from portal.access import enter, portal_page, safe_next, speak
from portal.sessions import delete_cookie, session_of, set_cookie
from portal.sign_in.doorway import Doorway, doorway_of, forget, go_on, remember
from portal.sign_in.forms import CodeForm, EmailForm, PasswordForm
from tenants.middleware import client_ip, find_tenant
from tenants.models import Tenant
from tenants.scope import tenant_scope

#: An answer takes this long at least: writing a message takes longer than finding nobody, and would tell who is known.
ANSWER_SECONDS = 0.3


@contextmanager
def answering_alike() -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        time.sleep(max(0.0, started + ANSWER_SECONDS - time.monotonic()))


@portal_page
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks for an address and sends a code to it."""
    tenant = find_tenant(slug)
    speak(request, tenant)
    if request.method != "POST" and _is_signed_in(request, tenant):
        return HttpResponseRedirect(safe_next(request, tenant))
    form = EmailForm(request.POST or None, initial={"email": doorway_of(request, tenant).email})
    if form.is_valid():
        email = form.cleaned_data["email"]
        try:
            with answering_alike(), tenant_scope(tenant.pk):
                send_code(tenant=tenant, email=email, ip=client_ip(request))
        except SignInError as error:
            form.add_error("email", str(error))
        else:
            response = HttpResponseRedirect(reverse("portal:code", args=[slug]))
            remember(response, tenant, Doorway(email=email, next=safe_next(request, tenant)))
            return response
    context = {"tenant": tenant, "form": form, "next": safe_next(request, tenant)}
    return render(request, "portal/sign_in.html", context, status=_status(form))


@portal_page
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks for the code that was sent."""
    tenant = find_tenant(slug)
    speak(request, tenant)
    doorway = doorway_of(request, tenant)
    if not doorway.email:
        return HttpResponseRedirect(reverse("portal:sign_in", args=[slug]))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        with answering_alike(), tenant_scope(tenant.pk):
            problem = use_code(email=doorway.email, typed=form.cleaned_data["code"])
            found = [] if problem else list(customers_of(doorway.email)[:MOST_CUSTOMERS])
        if problem is None:
            return _let_in(request, tenant, found, by="code", then=doorway.next)
        form.add_error("code", str(problem))
    context = {"tenant": tenant, "form": form, "email": doorway.email, "next": doorway.next}
    return render(request, "portal/code.html", context, status=_status(form))


@portal_page
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest, slug: str) -> HttpResponse:
    tenant = find_tenant(slug)
    speak(request, tenant)
    form = PasswordForm(request.POST or None, initial={"email": doorway_of(request, tenant).email})
    if form.is_valid():
        try:
            with answering_alike(), tenant_scope(tenant.pk):
                found = customers_with_password(**form.cleaned_data, ip=client_ip(request))
        except SignInError as error:
            form.add_error(None, str(error))
        else:
            return _let_in(request, tenant, found, by="password", then=safe_next(request, tenant))
    context = {"tenant": tenant, "form": form, "next": safe_next(request, tenant)}
    return render(request, "portal/sign_in_password.html", context, status=_status(form))


@portal_page
@require_safe
def open_link(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    tenant = find_tenant(slug)
    kept, code_id = doorway_of(request, tenant), str(read_token(tenant, token) or "")
    return go_on(tenant, "portal:sign_in_confirm", Doorway(email=kept.email, next=kept.next, code_id=code_id))


@portal_page
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, slug: str) -> HttpResponse:
    """The button that the link leads to."""
    tenant = find_tenant(slug)
    speak(request, tenant)
    doorway = doorway_of(request, tenant)
    with tenant_scope(tenant.pk):
        email = address_of_link(UUID(doorway.code_id)) if doorway.code_id else ""
        found = []
        if email and request.method == "POST":
            found = list(customers_of(use_link(UUID(doorway.code_id)))[:MOST_CUSTOMERS])
    if found:
        return _let_in(request, tenant, found, by="link", then=doorway.next)
    return render(request, "portal/sign_in_link.html", {"tenant": tenant, "email": email}, status=200 if email else 410)


@portal_page
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest, slug: str) -> HttpResponse:
    """For an address that several customers have: which of them?"""
    tenant = find_tenant(slug)
    speak(request, tenant)
    doorway = doorway_of(request, tenant)
    with tenant_scope(tenant.pk):
        found = list(Customer.objects.filter(pk__in=doorway.customers).order_by("number"))
    chosen = next((c for c in found if str(c.pk) == request.POST.get("customer")), None)
    if not doorway.proved or not found:
        return HttpResponseRedirect(reverse("portal:sign_in", args=[slug]))
    if chosen is not None:
        return _let_in(request, tenant, [chosen], by=doorway.proved, then=doorway.next)
    status = 422 if request.method == "POST" else 200
    return render(request, "portal/sign_in_choose.html", {"tenant": tenant, "customers": found}, status=status)


@portal_page
@require_POST
def sign_out(request: HttpRequest, slug: str) -> HttpResponse:
    tenant = find_tenant(slug)
    response = HttpResponseRedirect(reverse("portal:sign_in", args=[slug]))
    with tenant_scope(tenant.pk):
        session = session_of(request)
        if session is not None:
            end_session(actor=portal_actor(session.customer, client_ip(request)), session=session)
    delete_cookie(response, tenant)
    return response


def _let_in(request: HttpRequest, tenant: Tenant, customers: list[Customer], *, by: str, then: str) -> HttpResponse:
    """A new session for the only customer, or the choice among several. What the browser had before ends."""
    if len(customers) > 1:
        response = HttpResponseRedirect(reverse("portal:sign_in_choose", args=[tenant.slug]))
        ids = tuple(str(customer.pk) for customer in customers)
        remember(response, tenant, Doorway(next=then, proved=by, customers=ids))
        return response
    with tenant_scope(tenant.pk):
        started = start_session(
            customer=customers[0],
            signed_in_by=by,
            ip=client_ip(request),
            user_agent=request.headers.get("User-Agent", ""),
            replaces=session_of(request),
        )
    rotate_token(request)
    response = HttpResponseRedirect(then or reverse("portal:home", args=[tenant.slug]))
    set_cookie(response, tenant, started.cookie)
    forget(response, tenant)
    return response


def _is_signed_in(request: HttpRequest, tenant: Tenant) -> bool:
    with tenant_scope(tenant.pk):
        return enter(request, tenant) is not None


def _status(form: EmailForm | CodeForm) -> int:
    return 422 if form.is_bound and form.errors else 200
