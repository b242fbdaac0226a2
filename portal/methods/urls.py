from django.urls import path

from portal.methods import entry, views

urlpatterns = [
    path("methods/", views.methods, name="methods"),
    path("methods/add/", entry.method_add, name="method_add"),
    path("methods/entry/impact/", entry.method_impact, name="method_impact"),
    path("methods/entry/setup/", entry.method_setup, name="method_setup"),
    path("methods/entry/details/", entry.method_details, name="method_details"),
    path("methods/entry/failed/", entry.method_failed, name="method_failed"),
    path("methods/entry/complete/", entry.method_complete, name="method_complete"),
    path("methods/changes/<uuid:change_id>/", views.method_change, name="method_change"),
    path("methods/changes/<uuid:change_id>/progress/", views.method_progress, name="method_progress"),
    path("methods/<uuid:profile_id>/update/", entry.method_update, name="method_update"),
    path("methods/<uuid:profile_id>/edit/", views.method_edit, name="method_edit"),
    path("methods/<uuid:profile_id>/default/", views.method_default, name="method_default"),
    path("methods/<uuid:profile_id>/backup/", views.method_backup, name="method_backup"),
    path("methods/<uuid:profile_id>/remove/", views.method_remove, name="method_remove"),
]
