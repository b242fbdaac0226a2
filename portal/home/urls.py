from django.urls import path

from portal.home import email, views

urlpatterns = [
    path("", views.home, name="home"),
    path("details/", views.details, name="profile_edit"),
    path("details/email/withdraw/", views.withdraw_email, name="email_withdraw"),
    path("details/saving/<uuid:change_id>/", views.saving, name="saving"),
    path("sign-in/email/", email.confirm, name="email_confirm"),
    path("sign-in/email/<str:token>/", email.open_link, name="email_link"),
]
