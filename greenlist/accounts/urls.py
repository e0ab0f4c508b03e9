from django.urls import path

from greenlist.accounts.views import entering, keeping, own, safety, trail

app_name = "accounts"
urlpatterns = [
    path("login/", entering.login, name="login"),
    path("login/code/", entering.login_code, name="login_code"),
    path("logout/", entering.logout, name="logout"),
    path("register/", entering.register, name="register"),
    path("switch/", own.switch, name="switch"),
    path("", own.profile, name="profile"),
    path("contact/", own.change_contact, name="contact_change"),
    path("password/", own.change_password, name="password_change"),
    path("password/forgotten/", entering.password_reset, name="password_reset"),
    path("password/forgotten/sent/", entering.password_reset_done, name="password_reset_done"),
    path("password/new/<str:uid>/<str:token>/", entering.password_reset_confirm, name="password_reset_confirm"),
    path("second-factor/", safety.second_factor, name="second_factor"),
    path("second-factor/codes/", safety.recovery_codes, name="recovery_codes"),
    path("second-factor/off/", safety.second_factor_off, name="second_factor_off"),
    path("sessions/", safety.sessions, name="sessions"),
    path("sessions/end/", safety.session_end, name="session_end"),
    path("stay/", safety.stay, name="stay"),
    path("audit/", trail.trail, name="trail"),
    path("safety/", keeping.safety, name="safety"),
    path("areas/", own.areas, name="areas"),
    path("messages/", own.telling, name="messages"),
    path("calendar/", own.calendar, name="calendar"),
    path("calendar/<int:pk>/revoke/", own.calendar_revoke, name="calendar_revoke"),
    path("tokens/", own.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", own.token_revoke, name="token_revoke"),
]
