"""The audit log: who did what to which thing, when, why, and what changed."""

from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from backoffice.filters import FilterForm, choice, period_choice, since
from backoffice.paging import NEWEST, keyset_page
from backoffice.words import THINGS, action_words, actor_words, differences, thing_icon
from tenants.access import Right, StaffRequest, needs
from tenants.actors import ActorKind
from tenants.models import AuditEntry

#: Pages of things that have one, by `target_type`: the URL's name and its argument.
PAGES = {
    "customers.customer": ("customer", "customer_id"),
    "propagation.change": ("change", "change_id"),
    "invitations.invitation": ("invitation", "invitation_id"),
    "subscriptions.subscription": ("subscription", "subscription_id"),
    "subscriptions.invoice": ("invoice", "invoice_id"),
    "subscriptions.product": ("product", "product_id"),
}


class AuditFilters(FilterForm):
    placeholder = _("Search person, thing or reason")
    who = choice(_("Anyone"), [(kind.value, kind.label) for kind in ActorKind])
    thing = choice(_("Any kind of thing"), [(name, label) for name, (label, _icon) in THINGS.items()])
    period = period_choice()
    customer = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def rows(self) -> QuerySet[AuditEntry]:
        rows = AuditEntry.objects.all()
        if who := self.value("who"):
            rows = rows.filter(actor_kind=who)
        if thing := self.value("thing"):
            rows = rows.filter(target_type=thing)
        if customer := self.value("customer"):
            rows = rows.filter(customer_id=customer)
        if start := since(self.value("period")):
            rows = rows.filter(at__gte=start)
        if text := self.text:
            rows = rows.filter(
                Q(actor_label__icontains=text)
                | Q(target_label__icontains=text)
                | Q(action__icontains=text.replace(" ", "_"))
                | Q(reason__icontains=text)
            )
        return rows


@needs(Right.VIEW)
def audit(request: StaffRequest) -> HttpResponse:
    filters = AuditFilters(request.GET)
    page = keyset_page(filters.rows(), request.GET, key=NEWEST)
    context = {
        "filters": filters,
        "page": page,
        "entries": [entry_words(entry, request.tenant.slug) for entry in page.items],
    }
    return render(request, "backoffice/audit/list.html", context)


def entry_words(entry: AuditEntry, slug: str) -> dict[str, Any]:
    """An audit row as it is shown: its sentence, link, icon and differences."""
    return {
        "entry": entry,
        "who": actor_words(entry.actor_kind, entry.actor_label),
        "title": action_words(entry.action),
        "icon": thing_icon(entry.target_type),
        "url": target_url(entry.target_type, entry.target_id, slug, entry.action),
        "differences": differences(entry.before, entry.after),
    }


def target_url(target_type: str, target_id: UUID, slug: str, action: str = "") -> str:
    """The page of what an audit row is about; empty when it has none, or is gone."""
    if target_type not in PAGES or action.endswith(".deleted"):
        return ""
    name, argument = PAGES[target_type]
    return reverse(f"backoffice:{name}", kwargs={"tenant_slug": slug, argument: target_id})
