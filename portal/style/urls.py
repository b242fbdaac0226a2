from django.urls import path

from portal.style import views

urlpatterns = [path("style.css", views.style, name="style")]
