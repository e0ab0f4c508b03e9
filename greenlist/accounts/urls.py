from django.urls import path

from greenlist.accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("register/", views.register, name="register"),
    path("switch/", views.switch, name="switch"),
    path("", views.profile, name="profile"),
    path("email/", views.change_email, name="email_change"),
    path("password/", views.change_password, name="password_change"),
    path("password/forgotten/", views.password_reset, name="password_reset"),
    path("password/forgotten/sent/", views.password_reset_done, name="password_reset_done"),
    path("password/new/<str:uid>/<str:token>/", views.password_reset_confirm, name="password_reset_confirm"),
    path("areas/", views.areas, name="areas"),
]
