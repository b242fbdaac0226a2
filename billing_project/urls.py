"""Every address of the site; each package keeps its own under its prefix."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("tenants.urls")),
    path("", include("customers.urls")),
    path("t/<slug:tenant_slug>/", include("backoffice.urls")),
    path("", include("payments.urls")),
    path("accounts/", include("allauth.urls")),
    path("anymail/", include("anymail.urls")),
    path("webhooks/messages/", include("messaging.urls")),
]
