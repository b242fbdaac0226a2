from django.urls import path

from portal.sign_in import link_requests, views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/code/", views.code, name="code"),
    path("sign-in/password/", views.password, name="sign_in_password"),
    path("sign-in/link/", views.confirm, name="sign_in_confirm"),
    path("sign-in/link/<str:token>/", views.open_link, name="sign_in_link"),
    path("sign-in/choose/", views.choose, name="sign_in_choose"),
    path("sign-in/new-link/", link_requests.new_link, name="new_link"),
    path("sign-out/", views.sign_out, name="sign_out"),
]
