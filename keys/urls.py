"""Paths below /api/v1/keys/."""

from django.urls import path

from keys import api

urlpatterns = [
    path("device-list", api.DeviceListView.as_view(), name="device-list"),
    path("directory", api.DirectoryView.as_view(), name="directory"),
    path("prekeys", api.PrekeysView.as_view(), name="prekeys"),
    path("claim", api.ClaimView.as_view(), name="claim"),
]
