from django.urls import path

from customers import views

urlpatterns = [path("address-fields/<slug:prefix>/", views.address_fields, name="address_fields")]
