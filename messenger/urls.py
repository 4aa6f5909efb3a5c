"""Where everything lives. Apps own their paths below the prefixes given here."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularAPIView

from accounts.views import change_password, sign_out
from chats import views
from keys.api import DevicesView
from messenger.pages.manifest import manifest
from messenger.pages.service_worker import service_worker

handler400 = "messenger.error_pages.bad_request"
handler403 = "messenger.error_pages.forbidden"
handler404 = "messenger.error_pages.not_found"
handler500 = "messenger.error_pages.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("chats/", views.chats, name="chats-page"),
    path("chats/<uuid:chat>", views.chats),
    path("manifest.webmanifest", manifest, name="manifest"),
    path("sw.js", service_worker, name="service-worker"),
    path("offline/", TemplateView.as_view(template_name="offline.html"), name="offline"),
    path("", include("accounts.urls")),
    path("api/v1/devices", DevicesView.as_view(), name="devices"),
    path("api/v1/keys/", include("keys.urls")),
    path("api/v1/", include("chats.urls")),
    path(
        "api/v1/schema",
        SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]),
        name="schema",
    ),
    # In place of the admin's own, which know nothing of tokens and would leave them working.
    path("admin/logout/", sign_out),
    path("admin/password_change/", change_password),
    path("admin/", admin.site.urls),
]
