"""Reads about changes that more than one door needs."""

from django.db.models import Count, Q, QuerySet

from propagation.models import Change, ChangeState, Step, StepState


def changes() -> QuerySet[Change]:
    """Changes with what a list shows of them, newest first; `step_count` and `settled_count` tell their progress."""
    return (
        Change.objects.select_related("customer", "old_profile", "new_profile", "superseded_by")
        .annotate(
            step_count=Count("steps"),
            settled_count=Count(
                "steps", filter=Q(steps__state__in=[StepState.DONE, StepState.WAIVED, StepState.SUPERSEDED])
            ),
        )
        .order_by("-number")
    )


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
