"""The organisation's settings: one page each for what belongs together."""

import re
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from backoffice.organisation.billing_forms import BillingSettingsForm, DunningForm, PortalForm
from backoffice.organisation.forms import OrganisationForm, SettingsForm
from tenants.access import Right, StaffRequest, needs
from tenants.colour import contrast, palette
from tenants.models import DunningOutcome, Tenant
from tenants.services import update_tenant

HEX = re.compile(r"#[0-9a-fA-F]{6}")
OUTCOMES = {
    DunningOutcome.CANCEL: ("ban", "bad", gettext_lazy("Then the subscription is cancelled.")),
    DunningOutcome.UNPAID: (
        "alert-circle",
        "bad",
        gettext_lazy("Then it is unpaid: nothing new is billed until it is paid."),
    ),
    DunningOutcome.KEEP: ("alert-triangle", "warn", gettext_lazy("Then it stays past due, and goes on being billed.")),
}


@needs(Right.MANAGE)
def settings(request: StaffRequest) -> HttpResponse:
    form = OrganisationForm(_posted(request), request.FILES or None, instance=_tenant(request))
    if saved := _save(request, form, "settings"):
        return saved
    typed = form["primary_colour"].value() if form.is_bound else request.tenant.primary_colour
    context = {"form": form, "colour": colour_facts(str(typed or ""))}
    return render(request, "backoffice/organisation/settings.html", context, status=_status(form))


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


@needs(Right.MANAGE)
def settings_billing(request: StaffRequest) -> HttpResponse:
    form = BillingSettingsForm(_posted(request), instance=_tenant(request))
    return _save(request, form, "settings_billing") or render(
        request, "backoffice/organisation/settings_billing.html", {"form": form}, status=_status(form)
    )


@needs(Right.MANAGE)
def settings_dunning(request: StaffRequest) -> HttpResponse:
    tenant = _tenant(request)
    form = DunningForm(_posted(request), instance=tenant)
    if saved := _save(request, form, "settings_dunning"):
        return saved
    context = {"form": form, "moments": _typed_schedule(form, tenant)}
    return render(request, "backoffice/organisation/settings_dunning.html", context, status=_status(form))


@needs(Right.MANAGE)
@require_safe
def settings_dunning_preview(request: StaffRequest) -> HttpResponse:
    """The schedule as it is being typed."""
    form = DunningForm(request.GET, instance=_tenant(request))
    context = {"form": form, "moments": _typed_schedule(form, request.tenant)}
    return render(request, "backoffice/organisation/settings_dunning.html#schedule", context)


@dataclass(frozen=True)
class Moment:
    """One thing that happens, `day` days after the first failure; `after` days after the one before it."""

    day: int
    after: int
    icon: str
    tone: str
    text: str | Promise


def schedule(days: list[int], outcome: str, *, invites: bool) -> list[Moment]:
    """What happens to an invoice whose every charge fails. Day 0 is the first failure."""
    told = _("The charge fails. The customer is sent an invitation.") if invites else _("The charge fails.")
    moments = [Moment(0, 0, "credit-card-off", "warn", told)]
    for number, day in enumerate(days, start=1):
        text = _("Charged again, for the last time.") if number == len(days) else _("Charged again.")
        moments.append(Moment(day, day - moments[-1].day, "refresh", "busy", text))
    icon, tone, end = OUTCOMES[DunningOutcome(outcome)]
    return [*moments, Moment(moments[-1].day, 0, icon, tone, end)]


def _typed_schedule(form: DunningForm, tenant: Tenant) -> list[Moment]:
    """Of what was typed; empty while that makes no sense."""
    if not form.is_bound:
        return schedule(tenant.dunning_retry_days, tenant.dunning_outcome, invites=tenant.dunning_invites)
    if not form.is_valid():
        return []
    typed = form.cleaned_data
    return schedule(typed["dunning_retry_days"], typed["dunning_outcome"], invites=typed["dunning_invites"])


@needs(Right.MANAGE)
def settings_portal(request: StaffRequest) -> HttpResponse:
    form = PortalForm(_posted(request), instance=_tenant(request))
    return _save(request, form, "settings_portal") or render(
        request, "backoffice/organisation/settings_portal.html", {"form": form}, status=_status(form)
    )


def _posted(request: StaffRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _tenant(request: StaffRequest) -> Tenant:
    """A copy for the form to fill in: `request.tenant` is what the rest of the page shows."""
    return Tenant.objects.get(pk=request.tenant.pk)


def _save(request: StaffRequest, form: SettingsForm, name: str) -> HttpResponse | None:
    """Save what was typed and go back to the page; None when there is nothing to save, or something is wrong."""
    if not form.is_bound or not form.is_valid():
        return None
    if values := form.values():
        update_tenant(actor=request.actor, values=values)
    messages.success(request, _("The settings are saved."))
    return redirect(f"backoffice:{name}", tenant_slug=request.tenant.slug)


def _status(form: SettingsForm) -> int:
    return 422 if form.errors else 200
