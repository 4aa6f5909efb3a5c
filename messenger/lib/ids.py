"""Primary keys: UUIDv7, unique across machines and in time order, so that indexes stay dense (RFC 9562)."""

import uuid

import uuid_utils


def new_id() -> uuid.UUID:
    """A fresh UUIDv7 as a standard library UUID, which is what Django and psycopg adapt."""
    return uuid.UUID(int=uuid_utils.uuid7().int)
