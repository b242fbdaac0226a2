from django.urls import path

from portal.settings import views

urlpatterns = [
    path("settings/", views.show_settings, name="settings"),
    path("settings/language/", views.choose_language, name="language"),
    path("settings/sessions/", views.sessions, name="sessions"),
]
