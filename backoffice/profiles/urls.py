from django.urls import path

from backoffice.profiles import card_entry, views

_METHODS = "customers/<uuid:customer_id>/payment-methods/"
_METHOD = f"{_METHODS}<uuid:profile_id>/"

urlpatterns = [
    path(f"{_METHODS}add/", card_entry.profile_add, name="profile_add"),
    path(f"{_METHODS}impact/", card_entry.profile_impact, name="profile_impact"),
    path(f"{_METHODS}setup/", card_entry.profile_setup, name="profile_setup"),
    path(f"{_METHODS}details/", card_entry.profile_details, name="profile_details"),
    path(f"{_METHODS}failed/", card_entry.profile_failed, name="profile_failed"),
    path(f"{_METHODS}complete/", card_entry.profile_complete, name="profile_complete"),
    path(f"{_METHOD}replace/", card_entry.profile_replace, name="profile_replace"),
    path(f"{_METHOD}edit/", views.profile_edit, name="profile_edit"),
    path(f"{_METHOD}default/", views.profile_default, name="profile_default"),
    path(f"{_METHOD}backup/", views.profile_backup, name="profile_backup"),
    path(f"{_METHOD}remove/", views.profile_remove, name="profile_remove"),
]
