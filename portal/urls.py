"""Under /portal/<slug>/. Each part of the portal keeps its own addresses; all share the namespace."""

from django.urls import URLPattern, URLResolver, include, path

app_name = "portal"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("portal.home.urls")),
    path("", include("portal.sign_in.urls")),
    path("", include("portal.settings.urls")),
    path("", include("portal.style.urls")),
    path("", include("portal.methods.urls")),
    path("", include("portal.subscriptions.urls")),
    path("", include("portal.purchases.urls")),
    path("", include("portal.offers.urls")),
    path("", include("portal.pay.urls")),
]
