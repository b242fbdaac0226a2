"""Under /webhooks/messages/."""

from django.urls import path

from messaging import views

app_name = "messaging"
urlpatterns = [
    path("sms/<slug:slug>/<uuid:message_id>/", views.sms_status, name="sms_status"),
]
