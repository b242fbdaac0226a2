"""Under /i/<slug>/. What an invitation's session may see is all below its own path, to which its cookie is bound."""

from django.urls import path

from invitations import endpoints, views

app_name = "invitations"
urlpatterns = [
    path("<str:token>", views.open_link, name="open"),
    path("v/<uuid:invitation_id>/", views.show_form, name="form"),
    path("v/<uuid:invitation_id>/setup/", endpoints.start_setup, name="setup"),
    path("v/<uuid:invitation_id>/details/", endpoints.keep_details, name="details"),
    path("v/<uuid:invitation_id>/failed/", endpoints.note_decline, name="failed"),
    path("v/<uuid:invitation_id>/complete/", endpoints.complete, name="complete"),
    path("v/<uuid:invitation_id>/done/", views.show_done, name="done"),
    path("v/<uuid:invitation_id>/progress/", views.show_progress, name="progress"),
    path("v/<uuid:invitation_id>/ask/", views.ask_for_link, name="ask"),
]
