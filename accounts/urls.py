from django.urls import URLPattern, URLResolver, include, path

from accounts import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("allauth.urls")),
    path(".well-known/jwks.json", api.PublicKeys.as_view()),
    path("api/v1/auth/register", api.Register.as_view()),
    path("api/v1/auth/token", api.SignIn.as_view()),
    path("api/v1/auth/token/refresh", api.RefreshTokens.as_view()),
    path("api/v1/auth/logout", api.SignOut.as_view()),
    path("api/v1/auth/logout-everywhere", api.SignOutEverywhere.as_view()),
    path("api/v1/auth/device/challenge", api.DeviceChallenges.as_view()),
    path("api/v1/auth/device/token", api.DeviceTokens.as_view()),
    path("api/v1/devices", api.Devices.as_view()),
    path("api/v1/accounts/me", api.OwnProfile.as_view()),
    path("api/v1/accounts/<str:who>", api.Profile.as_view()),
]
