"""The ledger of payment-method changes, a change's own page, and retrying or waiving what failed."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backoffice.changes.presentation import previewed_and_done, show_change, source_of
from backoffice.changes.queries import SOURCES, STATE_CHIPS, ChangeFilters, with_progress
from backoffice.filters import chips
from backoffice.paging import NUMBER, keyset_page
from propagation.errors import ChangeRefused
from propagation.models import Change, ChangeState, Step
from propagation.selectors import attention_count
from propagation.services import retry_step, waive_step
from tenants.access import Right, StaffRequest, needs


class WaiveForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why it may be left undone"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@needs(Right.VIEW)
def changes(request: StaffRequest) -> HttpResponse:
    filters = ChangeFilters(request.GET)
    page = keyset_page(filters.rows(), request.GET, key=NUMBER)
    waiting = attention_count()
    context = {
        "filters": filters,
        "chips": chips(request.GET, "state", STATE_CHIPS, {ChangeState.NEEDS_ATTENTION: waiting or ""}),
        "page": page,
        "rows": with_progress(page.items),
        "sources": SOURCES,
        "any_filter": filters.is_filtered or request.GET.get("state"),
    }
    return render(request, "backoffice/changes/list.html", context)


def find_change(change_id: UUID) -> Change:
    rows = Change.objects.select_related("customer", "old_profile", "new_profile", "superseded_by")
    return get_object_or_404(rows, pk=change_id)


@needs(Right.VIEW)
def change(request: StaffRequest, change_id: UUID) -> HttpResponse:
    found = find_change(change_id)
    shown = show_change(found, request.tenant.slug)
    context = {
        "change": found,
        "shown": shown,
        "source": source_of(found, request.tenant.slug),
        "source_label": SOURCES.get(found.source, found.source),
        "previewed": previewed_and_done(shown),
    }
    return render(request, "backoffice/changes/page.html", context)


@needs(Right.VIEW)
def change_progress(request: StaffRequest, change_id: UUID) -> HttpResponse:
    """The part of the page that moves, asked for every second while something is under way; 204 when nothing did."""
    found = find_change(change_id)
    shown = show_change(found, request.tenant.slug)
    if shown.is_live and request.GET.get("seen") == shown.fingerprint:
        return HttpResponse(status=204)
    context = {"change": found, "shown": shown, "previewed": previewed_and_done(shown)}
    return render(request, "backoffice/changes/page.html#progress", context)


@needs(Right.WORK)
@require_POST
def step_retry(request: StaffRequest, step_id: UUID) -> HttpResponse:
    step = get_object_or_404(Step, pk=step_id)
    try:
        retry_step(actor=request.actor, step=step)
        messages.success(request, _("The step is being carried out again."))
    except ChangeRefused as error:
        messages.error(request, str(error))
    return redirect("backoffice:change", tenant_slug=request.tenant.slug, change_id=step.change_id)


@needs(Right.MANAGE)
def step_waive(request: StaffRequest, step_id: UUID) -> HttpResponse:
    """Asks for the reason, then lets the failed step be."""
    step = get_object_or_404(Step.objects.select_related("change__customer", "subscription", "invoice"), pk=step_id)
    form = WaiveForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            waive_step(actor=request.actor, step=step, reason=form.cleaned_data["reason"])
        except ChangeRefused as error:
            form.add_error("reason" if error.code == "reason_missing" else None, str(error))
        else:
            messages.success(request, _("The step is waived."))
            return redirect("backoffice:change", tenant_slug=request.tenant.slug, change_id=step.change_id)
    context = {"form": form, "step": step, "change": step.change}
    return render(request, "backoffice/changes/waive.html", context, status=422 if form.errors else 200)
