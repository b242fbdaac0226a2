from django.urls import path

from payments import webhooks

app_name = "payments"
urlpatterns = [path("webhooks/stripe/<slug:slug>/", webhooks.receive_stripe_event, name="stripe_webhook")]
