"""After thirty days: the ciphertext is gone, and both sides are told."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings

from chats import jobs
from chats.models import Envelope, PrivateMessage, PrivateMessageStatus
from chats.tests.people import Phone
from chats.tests.serving import ROOT, database_url
from messenger.lib.clock import now_ms

pytestmark = pytest.mark.usefixtures("delivery")

DAY = 24 * 3600 * 1000
run_jobs = sync_to_async(jobs.run_once)


async def test_both_sides_are_told_of_an_expired_message(
    alice: Phone, tablet: Phone, bob: Phone, friends: None
) -> None:
    async with alice.online() as a:
        sent = alice.message_to(bob)
        await a.ask(sent)
        await a.ask(alice.control_to(bob))
        await run_jobs(now=now_ms() + 29 * DAY)
        assert await a.silent()
        await run_jobs(now=now_ms() + 31 * DAY)
        heard = await a.get("message.expired")
        assert (heard["messages"], heard["account"], heard["device"]) == ([sent["message_id"]], bob.account, bob.id)
        assert await a.silent()
    assert {bytes(row.ciphertext) async for row in Envelope.objects.all()} == {b""}
    async with bob.online(greeted=False) as b, alice.online() as a:
        await b.get("hello")
        got = await b.get("envelope")
        assert (got["expired"], got["body"], got["message_id"]) == (True, "", sent["message_id"])
        await b.get("queue.empty")
        await b.ack(got["envelope"])
        assert await a.silent()  # told of an expiry is not delivered
        assert await b.silent()
    statuses = [row.status async for row in PrivateMessageStatus.objects.all()]
    assert statuses == [PrivateMessageStatus.Status.EXPIRED]


async def test_a_request_expires_without_a_word_to_its_sender(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a:
        await a.ask(alice.message_to(bob))
        await run_jobs(now=now_ms() + 31 * DAY)
        assert await a.silent()


async def test_metadata_of_old_messages_is_forgotten(alice: Phone, tablet: Phone, bob: Phone, friends: None) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b:
        await a.ask(alice.message_to(bob))
        await t.ack((await t.get("envelope"))["envelope"])
        await b.ack((await b.get("envelope"))["envelope"])
    await run_jobs(now=now_ms() + 29 * DAY)
    assert await PrivateMessage.objects.acount() == 1
    await run_jobs(now=now_ms() + 31 * DAY)
    assert not await PrivateMessage.objects.aexists()
    assert not await PrivateMessageStatus.objects.aexists()


async def test_a_device_that_never_comes_leaves_nothing_for_ever(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a:
        await a.ask(alice.message_to(bob))
    await run_jobs(now=now_ms() + 31 * DAY)
    assert await Envelope.objects.acount() == 2
    assert await PrivateMessage.objects.acount() == 1  # bob's device is still to be told
    await run_jobs(now=now_ms() + 61 * DAY)
    for model in (Envelope, PrivateMessage):
        assert not await model._default_manager.aexists()


def test_the_command_runs_each_job_once(transactional_db: None, caplog: Any) -> None:
    from django.core.management import call_command

    caplog.set_level("INFO")
    call_command("jobs", "--once")
    assert "jobs_done" in caplog.text


@pytest.mark.skipif(not settings.REDIS_URL, reason="without Redis the serving process runs the jobs itself")
async def test_a_sender_is_told_of_what_expires_in_a_process_of_its_own(
    alice: Phone, tablet: Phone, bob: Phone, friends: None
) -> None:
    async with alice.online() as a:
        sent = alice.message_to(bob)
        await a.ask(sent)
        await Envelope.objects.aupdate(created_at=now_ms() - 31 * DAY)
        jobs_once = await asyncio.create_subprocess_exec(
            sys.executable, "manage.py", "jobs", "--once", cwd=ROOT, env={**os.environ, "DATABASE_URL": database_url()}
        )
        assert await jobs_once.wait() == 0
        assert (await a.get("message.expired"))["messages"] == [sent["message_id"]]
        assert await a.silent()
