"""Writers that come at once: of two successors of one list one is stored, and uploads of one device do not mix."""

from __future__ import annotations

from functools import partial

import pytest

from keys import services
from keys.errors import ListConflict
from keys.models import DeviceList
from keys.tests.cast import NOW, Person, travelling
from messenger.lib.errors import Conflict
from tests.together import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_of_many_successors_of_a_list_is_stored() -> None:
    dora = Person.make("dora")
    dora.publish_list()
    signed = [travelling(dora.next_list(now=NOW + at)) for at in range(8)]
    refusals = at_once(
        [partial(services.publish_device_list, by=dora.phone.row, signed=one, now=NOW) for one in signed]
    )
    assert refusals.count(None) == 1
    assert {type(error) for error in refusals if error} == {ListConflict}
    newest = DeviceList.objects.newest([dora.user.pk]).get()
    assert newest.signed == signed[refusals.index(None)]
    dora.user.refresh_from_db()
    assert dora.user.devices_version == 2


def test_the_first_lists_of_an_account_do_not_collide() -> None:
    dora = Person.make("dora")
    signed = [travelling(dora.next_list(now=NOW + at)) for at in range(8)]
    refusals = at_once(
        [partial(services.publish_device_list, by=dora.phone.row, signed=one, now=NOW) for one in signed]
    )
    assert refusals.count(None) == 1
    assert DeviceList.objects.count() == 1


def test_uploads_that_share_ids_are_told_apart() -> None:
    dora = Person.make("dora")
    dora.publish_list()
    batches = [dora.phone.prekeys("opk", 1, 2, 3) for _ in range(6)]
    refusals = at_once([partial(services.publish_prekeys, by=dora.phone.row, now=NOW, one_time=one) for one in batches])
    assert refusals.count(None) == 1
    assert {type(error) for error in refusals if error} == {Conflict}
    assert services.prekey_counts(device_id=dora.phone.row.pk).one_time == 3
