from django.urls import path

from backoffice.customers import bulk, views

urlpatterns = [
    path("", views.customers, name="customers"),
    path("bulk/", bulk.customers_bulk, name="customers_bulk"),
    path("new/", views.customer_create, name="customer_create"),
    path("<uuid:customer_id>/", views.customer, name="customer"),
    path("<uuid:customer_id>/timeline/", views.customer_timeline, name="customer_timeline"),
    path("<uuid:customer_id>/edit/", views.customer_edit, name="customer_edit"),
    path("<uuid:customer_id>/delete/", views.customer_delete, name="customer_delete"),
]
