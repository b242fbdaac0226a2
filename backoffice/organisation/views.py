"""The organisation's settings."""

import re

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from backoffice.organisation.forms import SettingsForm
from tenants.access import Right, StaffRequest, needs
from tenants.colour import contrast, palette
from tenants.models import Tenant
from tenants.services import update_tenant

HEX = re.compile(r"#[0-9a-fA-F]{6}")


@needs(Right.MANAGE)
def settings(request: StaffRequest) -> HttpResponse:
    tenant = Tenant.objects.get(pk=request.tenant.pk)
    form = SettingsForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        instance=tenant,
    )
    if request.method == "POST" and form.is_valid():
        if values := form.values():
            update_tenant(actor=request.actor, values=values)
        messages.success(request, _("The settings are saved."))
        return redirect("backoffice:settings", tenant_slug=request.tenant.slug)
    typed = form["primary_colour"].value() if form.is_bound else request.tenant.primary_colour
    context = {"form": form, "colour": colour_facts(str(typed or ""))}
    return render(request, "backoffice/organisation/settings.html", context, status=422 if form.errors else 200)


@needs(Right.MANAGE)
def settings_colour(request: StaffRequest) -> HttpResponse:
    """How a colour will look, while it is being chosen."""
    context = {"colour": colour_facts(request.GET.get("primary_colour", ""))}
    return render(request, "backoffice/organisation/settings.html#colour", context)


def colour_facts(colour: str) -> dict[str, object]:
    """A button in that colour, how well its text reads, and the shade that links on a light page need."""
    colours = palette(colour)
    return {
        "fill": colours.fill,
        "on_fill": colours.on_fill,
        "accent": colours.accent,
        "chosen": colour if HEX.fullmatch(colour) else colours.fill,
        "ratio": round(contrast(colours.on_fill, colours.fill), 1),
        "adjusted": colours.accent != colours.fill,
    }
