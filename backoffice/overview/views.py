"""The first page of the back office, and its pictures."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from backoffice.audit.views import entry_words
from backoffice.changes.queries import with_progress
from backoffice.overview import charts
from backoffice.overview.figures import FUNNEL_DAYS, Figures, funnel_stages, pictures
from backoffice.overview.queries import counts, owed_past_due
from payments.models import GatewayAccount
from propagation.models import Change, ChangeState
from tenants.access import Right, StaffRequest, needs
from tenants.models import AuditEntry

CHARTS = ("revenue", "subscriptions", "churn", "past_due", "recovered")
#: A picture is drawn anew after so many seconds.
FRESH_SECONDS = 60


@needs(Right.VIEW)
def overview(request: StaffRequest) -> HttpResponse:
    in_flight = (
        Change.objects.filter(state__in=[ChangeState.IN_PROGRESS, ChangeState.NEEDS_ATTENTION])
        .select_related("customer", "old_profile", "new_profile")
        .order_by("-number")[:8]
    )
    recent = AuditEntry.objects.order_by("-at", "-id")[:10]
    numbers, figures = counts(), Figures.of(request.tenant)
    context = {
        "counts": numbers,
        "ending_tone": "" if numbers["ending"] == "0" else "warn",
        "owed": owed_past_due(),
        "pictures": pictures(figures),
        "figures": figures,
        "funnel_days": FUNNEL_DAYS,
        "funnel": funnel_rows(),
        "changes": with_progress(in_flight),
        "recent": [entry_words(entry, request.tenant.slug) for entry in recent],
        "has_gateway": GatewayAccount.objects.exists(),
    }
    return render(request, "backoffice/overview.html", context)


def funnel_rows() -> list[dict[str, object]]:
    """Each stage with its count, its share of all sent (percent), and the list that shows it."""
    stages = funnel_stages()
    sent = stages[0][1]
    return [
        {"label": label, "count": count, "percent": round(100 * count / sent) if sent else 0, "reached": reached}
        for label, count, reached in stages
    ]


@needs(Right.VIEW)
@require_safe
@csp_override({"default-src": [CSP.NONE], "style-src": [CSP.UNSAFE_INLINE]})
def overview_chart(request: StaffRequest, chart: str) -> HttpResponse:
    """One of the pictures as SVG; `?currency=` where it has one, `?theme=dark`, `?narrow` for a phone."""
    if chart not in CHARTS:
        raise Http404
    theme = charts.theme_of(request.tenant, dark=request.GET.get("theme") == "dark", narrow="narrow" in request.GET)
    drawn = _draw(Figures.of(request.tenant), chart, request.GET.get("currency", ""), theme)
    response = HttpResponse(drawn, content_type="image/svg+xml")
    patch_cache_control(response, private=True, max_age=FRESH_SECONDS)
    return response


def _draw(figures: Figures, chart: str, currency: str, theme: charts.Theme) -> bytes:
    """Raises Http404 where there is nothing in this currency."""
    match chart:
        case "revenue":
            standing = figures.standing()[1:]
            if currency not in {known for one in standing for known in one.revenue_minor} | {figures.tenant.currency}:
                raise Http404
            return charts.draw_revenue(standing, currency, theme)
        case "subscriptions":
            return charts.draw_subscriptions(figures.standing()[1:], theme)
        case "churn":
            return charts.draw_churn(figures.churn(figures.standing()), theme)
        case "past_due" if ages := figures.past_due().get(currency):
            return charts.draw_past_due(ages, currency, theme)
        case "recovered" if rows := figures.recovered().get(currency):
            return charts.draw_recovered(rows, currency, theme)
    raise Http404
