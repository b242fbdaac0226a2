from django.urls import path

from portal.offers import views

urlpatterns = [
    path("offers/", views.offers, name="offers"),
    path("offers/<uuid:price_id>/", views.offer, name="offer"),
    path("checkout/<uuid:checkout_id>/", views.checkout, name="checkout"),
    path("checkout/<uuid:checkout_id>/payment/", views.checkout_payment, name="checkout_payment"),
    path("checkout/<uuid:checkout_id>/setup/", views.checkout_setup, name="checkout_setup"),
    path("checkout/<uuid:checkout_id>/details/", views.checkout_details, name="checkout_details"),
    path("checkout/<uuid:checkout_id>/failed/", views.checkout_failed, name="checkout_failed"),
    path("checkout/<uuid:checkout_id>/complete/", views.checkout_complete, name="checkout_complete"),
    path("checkout/<uuid:checkout_id>/done/", views.checkout_done, name="checkout_done"),
    path("checkout/<uuid:checkout_id>/status/", views.checkout_status, name="checkout_status"),
]
