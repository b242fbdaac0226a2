from django.urls import path

from portal.settings import security, views

urlpatterns = [
    path("settings/", views.show_settings, name="settings"),
    path("settings/language/", views.choose_language, name="language"),
    path("settings/preferences/", views.save_preferences, name="settings_preferences"),
    path("settings/notifications/", views.save_notifications, name="settings_notifications"),
    path("settings/picture/", views.save_avatar, name="settings_avatar"),
    path("settings/picture/remove/", views.delete_avatar, name="settings_avatar_remove"),
    path("settings/profile/", views.save_social, name="settings_social"),
    path("settings/password/", security.password, name="settings_password"),
    path("settings/password/remove/", security.password_remove, name="settings_password_remove"),
    path("settings/sessions/", security.sessions, name="sessions"),
    path("settings/sessions/others/", security.end_others, name="sessions_end"),
    path("settings/sessions/<uuid:session_id>/end/", security.end_one, name="session_end"),
]
