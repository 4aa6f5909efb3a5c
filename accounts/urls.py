from django.urls import URLPattern, URLResolver, include, path, re_path

from accounts import api, live_checks, pages, views

urlpatterns: list[URLPattern | URLResolver] = [
    # Before allauth's own: the same pages, within limits.
    path("accounts/signup/", views.sign_up, name="account_signup"),
    path(
        "accounts/signup/check",
        views.limited("username_check", live_checks.check_username),
        name="account_signup_check",
    ),
    path("accounts/login/", views.sign_in, name="account_login"),
    path("accounts/logout/", views.sign_out, name="account_logout"),
    path("accounts/reauthenticate/", views.confirm_password, name="account_reauthenticate"),
    path("accounts/email/", views.change_email, name="account_email"),
    path("accounts/password/change/", views.change_password, name="account_change_password"),
    path("accounts/password/reset/", views.reset_password, name="account_reset_password"),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.set_new_password,
        name="account_reset_password_from_key",
    ),
    path("accounts/", include("allauth.urls")),
    path("settings/", pages.show_settings, name="settings"),
    path("settings/devices/<uuid:device>", pages.end_device, name="settings-end-device"),
    path("settings/theme", pages.choose_theme, name="settings-theme"),
    path(".well-known/jwks.json", api.PublicKeys.as_view()),
    path("api/v1/auth/register", api.Register.as_view()),
    path("api/v1/auth/token", api.SignIn.as_view()),
    path("api/v1/auth/token/session", api.SignInBrowser.as_view()),
    path("api/v1/auth/token/refresh", api.RefreshTokens.as_view()),
    path("api/v1/auth/logout", api.SignOut.as_view()),
    path("api/v1/auth/logout-everywhere", api.SignOutEverywhere.as_view()),
    path("api/v1/auth/device/challenge", api.DeviceChallenges.as_view()),
    path("api/v1/auth/device/token", api.DeviceTokens.as_view()),
    path("api/v1/devices/<uuid:device>/suspend", api.SuspendDevice.as_view()),
    path("api/v1/accounts", api.People.as_view()),
    path("api/v1/accounts/me", api.OwnProfile.as_view()),
    path("api/v1/accounts/<str:who>", api.Profile.as_view()),
]
