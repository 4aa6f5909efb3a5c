"""Paths below /api/v1/keys/."""

from django.urls import path

from keys import api

urlpatterns = [
    path("device-list", api.DeviceListView.as_view(), name="device-list"),
    path("directory", api.DirectoryView.as_view(), name="directory"),
    path("prekeys", api.PrekeysView.as_view(), name="prekeys"),
    path("claim", api.ClaimView.as_view(), name="claim"),
    path("links/<uuid:device>", api.LinkView.as_view(), name="link"),
    path("links/<uuid:device>/offer", api.LinkOfferView.as_view(), name="link-offer"),
    path("links/<uuid:device>/answer", api.LinkAnswerView.as_view(), name="link-answer"),
]
