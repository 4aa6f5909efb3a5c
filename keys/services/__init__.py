"""Writes of the key directory: publish a device list, publish prekeys, hand bundles out. And whom to send to.

Everything is verified before it is stored (keys/verify.py); these modules decide whether it fits what is stored.
"""

from keys.services.lists import publish_device_list
from keys.services.prekeys import claim, prekey_counts, publish_prekeys
from keys.services.sets import listed_devices, recipients

__all__ = [
    "claim",
    "listed_devices",
    "prekey_counts",
    "publish_device_list",
    "publish_prekeys",
    "recipients",
]
