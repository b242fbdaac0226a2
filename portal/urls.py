"""Under /portal/<slug>/. Each part of the portal keeps its own addresses; all share the namespace."""

from importlib import import_module
from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

app_name = "portal"
PARTS = ("home", "sign_in", "settings", "style", "methods", "subscriptions", "purchases", "offers", "checkout", "pay")
urlpatterns: list[URLPattern | URLResolver] = []
for part in PARTS:
    if find_spec(f"portal.{part}") and find_spec(f"portal.{part}.urls"):
        urlpatterns.append(path("", include(import_module(f"portal.{part}.urls"))))
