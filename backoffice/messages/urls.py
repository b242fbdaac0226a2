"""Under settings/messages/."""

from django.urls import path

from backoffice.messages import views

urlpatterns = [
    path("", views.messages, name="messages"),
    path("<slug:mail>/<slug:language>/", views.message, name="message"),
    path("<slug:mail>/<slug:language>/check/", views.message_check, name="message_check"),
    path("<slug:mail>/<slug:language>/preview/", views.message_preview, name="message_preview"),
    path("<slug:mail>/<slug:language>/reset/", views.message_reset, name="message_reset"),
]
