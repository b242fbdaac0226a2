"""Addresses of people who sign in: the front door, their own profile, joining a team."""

from django.urls import path

from tenants import views

urlpatterns = [
    path("", views.home, name="home"),
    path("language/", views.choose_language, name="set_language"),
    path("profile/", views.profile, name="my_profile"),
    path("team/join/<str:token>/", views.join_team, name="team_join"),
]
