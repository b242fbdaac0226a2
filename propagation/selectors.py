"""Reads about changes that more than one door needs."""

from django.db.models import QuerySet

from propagation.models import Change, ChangeState, Step


def steps_with_details(change: Change) -> QuerySet[Step]:
    """A change's steps in order, with what each moves and every attempt."""
    return (
        change.steps.select_related("profile", "subscription__price__product", "invoice")
        .prefetch_related("tries")
        .order_by("stage", "position")
    )


def attention_count() -> int:
    """How many changes wait for staff, at most 100."""
    return Change.objects.filter(state=ChangeState.NEEDS_ATTENTION)[:100].count()
