"""Where everything lives. Apps own their paths below the prefixes given here."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularAPIView

from messenger import health

handler400 = "messenger.error_pages.bad_request"
handler403 = "messenger.error_pages.forbidden"
handler404 = "messenger.error_pages.not_found"
handler500 = "messenger.error_pages.server_error"

urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("", include("accounts.urls")),
    path("api/v1/keys/", include("keys.urls")),
    path("api/v1/", include("chats.urls")),
    path(
        "api/v1/schema",
        SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]),
        name="schema",
    ),
    path("admin/", admin.site.urls),
]
