"""Writes of the key directory: publish a device list, publish prekeys, hand bundles out, relay what links a device.
And whom to send to.

Everything signed is verified before it is stored (keys/verify.py); these modules decide whether it fits what is stored.
"""

from keys.services.links import answer_link, end_link, offer_link, purge_links, read_link
from keys.services.lists import publish_device_list, replace_account_key
from keys.services.prekeys import claim, prekey_counts, publish_prekeys
from keys.services.sets import listed_devices, recipients

__all__ = [
    "answer_link",
    "claim",
    "end_link",
    "listed_devices",
    "offer_link",
    "prekey_counts",
    "publish_device_list",
    "publish_prekeys",
    "purge_links",
    "read_link",
    "recipients",
    "replace_account_key",
]
