from django.urls import path

from greenlist.accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.login, name="login"),
    path("login/code/", views.login_code, name="login_code"),
    path("logout/", views.logout, name="logout"),
    path("register/", views.register, name="register"),
    path("switch/", views.switch, name="switch"),
    path("", views.profile, name="profile"),
    path("contact/", views.change_contact, name="contact_change"),
    path("password/", views.change_password, name="password_change"),
    path("password/forgotten/", views.password_reset, name="password_reset"),
    path("password/forgotten/sent/", views.password_reset_done, name="password_reset_done"),
    path("password/new/<str:uid>/<str:token>/", views.password_reset_confirm, name="password_reset_confirm"),
    path("second-factor/", views.second_factor, name="second_factor"),
    path("second-factor/codes/", views.recovery_codes, name="recovery_codes"),
    path("second-factor/off/", views.second_factor_off, name="second_factor_off"),
    path("sessions/", views.sessions, name="sessions"),
    path("sessions/end/", views.session_end, name="session_end"),
    path("stay/", views.stay, name="stay"),
    path("audit/", views.trail, name="trail"),
    path("areas/", views.areas, name="areas"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", views.token_revoke, name="token_revoke"),
]
