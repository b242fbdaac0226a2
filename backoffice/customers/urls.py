from django.urls import path

from backoffice.customers import bulk, sign_in, views

urlpatterns = [
    path("", views.customers, name="customers"),
    path("bulk/", bulk.customers_bulk, name="customers_bulk"),
    path("new/", views.customer_create, name="customer_create"),
    path("<uuid:customer_id>/", views.customer, name="customer"),
    path("<uuid:customer_id>/timeline/", views.customer_timeline, name="customer_timeline"),
    path("<uuid:customer_id>/edit/", views.customer_edit, name="customer_edit"),
    path("<uuid:customer_id>/sign-out/", sign_in.customer_sign_out, name="customer_sign_out"),
    path("<uuid:customer_id>/sign-in-link/", sign_in.customer_send_link, name="customer_send_link"),
    path("<uuid:customer_id>/delete/", views.customer_delete, name="customer_delete"),
]
