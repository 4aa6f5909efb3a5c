"""What moderators see and do: people and their devices, suspended and restored. No key and no message is shown."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import services
from accounts.models import Device, User

# Through the sign-in page: there wrong passwords are counted.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # as allauth's manual has it
for model in (Group, EmailAddress):  # an address is verified by its owner, not by hand
    admin.site.unregister(model)


class ReadOnly:
    """Shows; changes go through actions, and those through services."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class DeviceInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # Django's admin takes no parameters
    model = Device
    fields = readonly_fields = ("name", "platform", "created_at", "last_seen_at", "suspended")
    extra = 0
    show_change_link = True


@admin.register(User)
class UserAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # likewise
    list_display = ["username", "display_name", "is_active", "is_staff", "date_joined"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["username", "email"]
    ordering = ["-date_joined"]
    fields = readonly_fields = (
        "username", "email", "display_name", "is_active", "is_staff", "is_superuser", "date_joined", "last_login",
    )  # fmt: skip
    inlines = [DeviceInline]
    actions = ["suspend", "restore", "end_sessions"]

    @admin.action(description=_("Suspend the selected people"), permissions=["change"])
    def suspend(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for user in people:
            if user != request.user:  # or nobody would be left to lift it
                services.suspend_user(user=user)
        self.message_user(request, _("Suspended. Their sessions have ended."), messages.SUCCESS)

    @admin.action(description=_("Lift the suspension"), permissions=["change"])
    def restore(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for user in people:
            services.restore_user(user=user)
        self.message_user(request, _("Restored. They can sign in again."), messages.SUCCESS)

    @admin.action(description=_("End all sessions"), permissions=["change"])
    def end_sessions(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for user in people:
            services.end_all_sessions(user=user)
        self.message_user(request, _("Signed out everywhere."), messages.SUCCESS)


@admin.register(Device)
class DeviceAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # likewise
    list_display = ["name", "user", "platform", "last_seen_at", "suspended"]
    list_filter = ["suspended", "platform"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    ordering = ["-last_seen_at"]
    fields = readonly_fields = ("name", "user", "platform", "created_at", "last_seen_at", "suspended")
    actions = ["suspend", "restore"]

    @admin.action(description=_("Suspend the selected devices"), permissions=["change"])
    def suspend(self, request: HttpRequest, devices: QuerySet[Device]) -> None:
        for device in devices:
            services.suspend_device(device=device)
        self.message_user(request, _("Suspended. Nothing is encrypted for them any more."), messages.SUCCESS)

    @admin.action(description=_("Lift the suspension"), permissions=["change"])
    def restore(self, request: HttpRequest, devices: QuerySet[Device]) -> None:
        for device in devices:
            services.restore_device(device=device)
        self.message_user(request, _("Restored. Each has to prove its key again."), messages.SUCCESS)
