"""What the ledger shows: changes, page by page, with how far each has come."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from backoffice.filters import FilterForm, choice, period_choice, since
from backoffice.text import numbered_match
from propagation.models import Change, ChangeKind, ChangeState, Step, StepState
from tenants.actors import ActorKind

SETTLED = (StepState.DONE, StepState.WAIVED, StepState.SUPERSEDED)

STATE_CHIPS = {"": _("All"), **{state.value: state.label for state in ChangeState}}

#: The door a change came through, in words.
SOURCES = {
    "invitation": _("Invitation"),
    "backoffice": _("Back office"),
    "portal": _("Portal"),
    "checkout": _("Portal, subscribing"),
    "pay_portal": _("Portal, paying an invoice"),
    "pay_page": _("Pay link"),
    "api": _("API"),
    "gateway": _("Payment gateway"),
}


@dataclass(frozen=True)
class Progress:
    settled: int
    failed: int
    total: int


class ChangeFilters(FilterForm):
    placeholder = _("Search customer or CH-number")
    kind = choice(_("Any change"), ChangeKind.choices)
    source = choice(_("Any source"), list(SOURCES.items()))
    who = choice(_("Anyone"), [(kind.value, kind.label) for kind in ActorKind])
    period = period_choice()

    def rows(self) -> QuerySet[Change]:
        rows = Change.objects.select_related("customer", "old_profile", "new_profile")
        if (state := self.query.get("state", "")) in ChangeState.values:
            rows = rows.filter(state=state)
        for name, column in (("kind", "kind"), ("source", "source"), ("who", "actor_kind")):
            if value := self.value(name):
                rows = rows.filter(**{column: value})
        if start := since(self.value("period")):
            rows = rows.filter(created_at__gte=start)
        if text := self.text:
            rows = rows.filter(numbered_match(text, "change"))
        return rows


def progress_of(changes: Iterable[Change]) -> dict[UUID, Progress]:
    """Counted for these changes only: a count over all of them would cost as much as the table is long."""
    states = Step.objects.filter(change__in=[change.pk for change in changes]).values_list("change_id", "state")
    totals: Counter[UUID] = Counter()
    settled: Counter[UUID] = Counter()
    failed: Counter[UUID] = Counter()
    for change_id, state in states:
        totals[change_id] += 1
        settled[change_id] += state in SETTLED
        failed[change_id] += state == StepState.FAILED
    return {pk: Progress(settled[pk], failed[pk], totals[pk]) for pk in totals}


def with_progress(changes: Iterable[Change]) -> list[tuple[Change, Progress]]:
    changes = list(changes)
    progress = progress_of(changes)
    return [(change, progress.get(change.pk, Progress(0, 0, 0))) for change in changes]
