from django.urls import path

from portal.subscriptions import views

urlpatterns = [
    path("subscriptions/", views.subscriptions, name="subscriptions"),
    path("subscriptions/<uuid:subscription_id>/", views.subscription, name="subscription"),
    path("subscriptions/<uuid:subscription_id>/cancel/", views.cancel, name="cancel"),
    path("subscriptions/<uuid:subscription_id>/undo/", views.undo, name="undo"),
]
