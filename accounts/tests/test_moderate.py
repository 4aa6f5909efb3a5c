"""Moderators suspend people and devices through the admin; it shows no key and takes no markup for markup."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Device, User
from accounts.tests.people import PASSWORD, Person, Terminal, is_signed_in
from messenger.lib import base64url


@pytest.fixture
def moderator(db: None) -> Client:
    User.objects.create_superuser("warden", "warden@example.org", PASSWORD)
    client = Client()
    assert client.post("/accounts/login/", {"login": "warden", "password": PASSWORD}).status_code == 302
    return client


def act(client: Client, model: str, action: str, *ids: Any) -> Any:
    path = reverse(f"admin:accounts_{model}_changelist")
    return client.post(path, {"action": action, "_selected_action": [str(one) for one in ids]}, follow=True)


def test_a_suspended_person_is_out_until_restored(moderator: Client, alice: Person, laptop: Terminal) -> None:
    assert act(moderator, "user", "suspend", alice.id).status_code == 200
    assert not is_signed_in(laptop.access)
    assert alice.sign_in().status_code == 401

    act(moderator, "user", "restore", alice.id)
    assert alice.sign_in().status_code == 200


def test_moderators_do_not_suspend_themselves(moderator: Client) -> None:
    act(moderator, "user", "suspend", User.objects.get().pk)

    assert User.objects.get().is_active


def test_a_persons_sessions_can_be_ended(moderator: Client, alice: Person, laptop: Terminal) -> None:
    act(moderator, "user", "end_sessions", alice.id)

    assert not is_signed_in(laptop.access)
    assert alice.sign_in().status_code == 200


def test_a_moderators_new_password_ends_their_sessions_too(moderator: Client) -> None:
    warden = Person("warden")
    warden.tokens = warden.sign_in().json()
    laptop, new = warden.add_device(), "another river bends thrice"
    path = reverse("admin:password_change")
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    form |= {"oldpassword": PASSWORD, "password1": new, "password2": new}

    assert moderator.post(path, form).status_code == 302

    assert User.objects.get().check_password(new)
    assert not is_signed_in(laptop.access)


def test_a_suspended_device_is_out_and_the_other_is_not(moderator: Client, laptop: Terminal, phone: Terminal) -> None:
    act(moderator, "device", "suspend", laptop.id)
    assert not is_signed_in(laptop.access)
    assert is_signed_in(phone.access)

    act(moderator, "device", "restore", laptop.id)
    assert not Device.objects.filter(suspended=True).exists()


def test_no_key_is_shown_and_names_are_text(moderator: Client, alice: Person, laptop: Terminal) -> None:
    Device.objects.update(name="<script>alert(1)</script>")
    key = bytes(laptop.key.verify_key)
    paths = [
        reverse("admin:accounts_user_changelist"),
        reverse("admin:accounts_user_change", args=[alice.id]),
        reverse("admin:accounts_device_changelist"),
        reverse("admin:accounts_device_change", args=[laptop.id]),
    ]
    for path in paths:
        answer = moderator.get(path)
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "<script>alert" not in page
        for shown in (key.hex(), base64url.encode(key), base64.b64encode(key).decode(), repr(key), "argon2"):
            assert shown not in page


def test_nothing_is_added_changed_or_deleted_by_hand(moderator: Client, alice: Person, laptop: Terminal) -> None:
    for model, one in (("user", alice.id), ("device", laptop.id)):
        assert moderator.get(reverse(f"admin:accounts_{model}_add")).status_code == 403
        assert moderator.post(reverse(f"admin:accounts_{model}_delete", args=[one])).status_code == 403
        moderator.post(reverse(f"admin:accounts_{model}_change", args=[one]), {"name": "x", "is_staff": "on"})
    assert Device.objects.get().name == "laptop"
    assert not User.objects.get(username="alice").is_staff


def test_people_without_the_role_see_no_admin(alice: Person, client: Client) -> None:
    assert client.get("/admin/").status_code == 302
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    for path in ("/admin/", reverse("admin:accounts_user_changelist")):
        assert client.get(path).status_code in (302, 403)
    assert act(client, "user", "suspend", alice.id).status_code in (200, 403)
    assert User.objects.get().is_active
