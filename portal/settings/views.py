"""What customers decide about their account. Each part of the page is a form of its own."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers.avatars import remove_avatar, set_avatar
from customers.errors import CustomerError
from customers.models import Customer, SocialProfile
from customers.services import GATEWAY_FIELDS, update_customer
from customers.sign_in.passwords import has_password
from customers.sign_in.sessions import portal_actor
from customers.social import set_social_profile
from invitations.pages import remember_language
from portal.access import CustomerRequest, customer_page, enter, portal_page, safe_next
from portal.settings.forms import AvatarForm, NotificationsForm, PreferencesForm, SocialForm
from propagation.services import change_billing_details
from tenants.actors import Actor
from tenants.limits import is_over
from tenants.middleware import client_ip, find_tenant
from tenants.scope import tenant_scope

#: Decoding one keeps a processor busy for seconds.
PICTURES_PER_HOUR = 20


@require_safe
@customer_page
def show_settings(request: CustomerRequest) -> HttpResponse:
    return page(request)


def page(request: CustomerRequest, **bound: Any) -> HttpResponse:
    """The settings with their forms; `bound` is the one that was sent and has something wrong. In the open scope."""
    customer, tenant = request.customer, request.tenant
    profile = SocialProfile.objects.filter(customer=customer).first() if tenant.portal_shows_social else None
    context = {
        "tenant": tenant,
        "customer": customer,
        "avatar_form": AvatarForm(),
        "preferences_form": PreferencesForm(customer=customer, tenant=tenant),
        "notifications_form": NotificationsForm(customer=customer),
        "social_form": SocialForm(profile=profile) if tenant.portal_shows_social else None,
        "has_password": has_password(customer),
    }
    return render(request, "portal/settings.html", context | bound, status=422 if bound else 200)


def back(request: CustomerRequest, part: str = "") -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("portal:settings", args=[request.tenant.slug]) + (f"#{part}" if part else ""))


@require_POST
@customer_page
def save_preferences(request: CustomerRequest) -> HttpResponse:
    form = PreferencesForm(request.POST, customer=request.customer, tenant=request.tenant)
    if not form.is_valid():
        return page(request, preferences_form=form)
    _update(request.actor, request.customer, form.cleaned_data)
    with translation.override(request.customer.language):
        messages.success(request, _("Your settings are saved."))
    response = back(request)
    remember_language(response, request.customer.language)
    return response


@require_POST
@customer_page
def save_notifications(request: CustomerRequest) -> HttpResponse:
    form = NotificationsForm(request.POST, customer=request.customer)
    if not form.is_valid():
        return page(request, notifications_form=form)
    _update(request.actor, request.customer, {"muted_mails": form.muted()})
    messages.success(request, _("Your settings are saved."))
    return back(request, "notifications")


def _update(actor: Actor, customer: Customer, values: dict[str, Any]) -> None:
    """What the gateway keeps too, the language, is carried there."""
    if update_customer(actor=actor, customer=customer, values=values) & GATEWAY_FIELDS:
        change_billing_details(actor=actor, customer=customer, source="portal")


@require_POST
@customer_page(gateway=True)
def save_avatar(request: CustomerRequest) -> HttpResponse:
    """Storage may be across a network, so no transaction is open here."""
    form = AvatarForm(request.POST, request.FILES)
    whose = str(request.customer.pk)
    if form.is_valid() and is_over("pictures", whose, limit=PICTURES_PER_HOUR, seconds=3600, without_count=False):
        form.add_error("avatar", _("Too many pictures in a short time. Wait an hour, then try again."))
    elif form.is_valid():
        upload = form.cleaned_data["avatar"]
        try:
            set_avatar(request.tenant.pk, actor=request.actor, customer_id=request.customer.pk, upload=upload)
        except CustomerError as error:
            form.add_error("avatar", str(error))
        else:
            messages.success(request, _("Your picture is saved."))
            return back(request)
    with tenant_scope(request.tenant.pk):
        return page(request, avatar_form=form)


@require_POST
@customer_page(gateway=True)
def delete_avatar(request: CustomerRequest) -> HttpResponse:
    if remove_avatar(request.tenant.pk, actor=request.actor, customer_id=request.customer.pk):
        messages.success(request, _("Your picture is removed."))
    return back(request)


@require_POST
@customer_page
def save_social(request: CustomerRequest) -> HttpResponse:
    """404 where the tenant has switched it off."""
    if not request.tenant.portal_shows_social:
        raise Http404(_("There is no such page."))
    form = SocialForm(request.POST, profile=None)
    if not form.is_valid():
        return page(request, social_form=form)
    set_social_profile(
        actor=request.actor,
        customer=request.customer,
        bio=form.cleaned_data["bio"],
        location=form.cleaned_data["location"],
        usernames=form.usernames(),
    )
    messages.success(request, _("Your profile is saved."))
    return back(request, "profile")


@portal_page
@require_POST
def choose_language(request: HttpRequest, slug: str) -> HttpResponse:
    """The switch at every page's foot: kept in this browser, and with the account of whoever is signed in."""
    tenant = find_tenant(slug)
    code = request.POST.get("language", "")
    response = HttpResponseRedirect(safe_next(request, tenant))
    if code in dict(settings.LANGUAGES):
        remember_language(response, code)
        with tenant_scope(tenant.pk):
            if customer := enter(request, tenant):
                _update(portal_actor(customer, client_ip(request)), customer, {"language": code})
    return response
