"""Every address of the site; each package keeps its own under its prefix."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from billing_project.uploads import uploaded_file

handler400 = "billing_project.errors.bad_request"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("tenants.urls")),
    path("", include("customers.urls")),
    path("t/<slug:tenant_slug>/", include("backoffice.urls")),
    path("", include("payments.urls")),
    # An address is a person's name here, and what their place on a team was offered to: nobody changes their own.
    path("accounts/email/", RedirectView.as_view(pattern_name="my_profile")),
    path("accounts/", include("allauth.urls")),
    path("anymail/", include("messaging.mail_events")),
    path("webhooks/messages/", include("messaging.urls")),
    path("i/<slug:slug>/", include("invitations.urls")),
    path("portal/<slug:slug>/", include("portal.urls")),
    path("media/<path:path>", uploaded_file, name="uploaded_file"),
]
