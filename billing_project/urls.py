"""Every address of the site; each package keeps its own under its prefix."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("allauth.urls")),
    path("anymail/", include("anymail.urls")),
]

handler400 = "billing_project.errors.bad_request"
handler403 = "billing_project.errors.permission_denied"
handler404 = "billing_project.errors.page_not_found"
handler500 = "billing_project.errors.server_error"
