"""The portal's parts, as the navigation shows them."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tenants.models import Tenant


@dataclass(frozen=True)
class Part:
    """`label` fits under an icon on a phone."""

    name: str
    icon: str
    label: str | Promise
    is_shown: Callable[[Tenant], bool] = lambda tenant: True


@dataclass(frozen=True)
class NavigationItem:
    url: str
    icon: str
    label: str | Promise
    is_current: bool


PARTS = (
    Part("home", "home", pgettext_lazy("portal navigation", "Overview")),
    Part("subscriptions", "repeat", _("Subscriptions")),
    Part("methods", "credit-card", pgettext_lazy("portal navigation", "Payment"), lambda t: t.portal_shows_payment),
    Part("purchases", "receipt", _("Purchases")),
    Part("offers", "tag", _("Offers"), lambda t: t.portal_shows_offers),
)


def navigation_of(request: HttpRequest, tenant: Tenant) -> list[NavigationItem]:
    """The parts that this tenant shows; the one that the page belongs to is current."""
    items = []
    for part in PARTS:
        url = reverse(f"portal:{part.name}", args=[tenant.slug])
        if part.is_shown(tenant):
            current = request.path == url if part.name == "home" else request.path.startswith(url)
            items.append(NavigationItem(url, part.icon, part.label, current))
    return items
