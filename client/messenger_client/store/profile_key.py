"""The profile key: in the system keyring, behind a passphrase, or else in a file of mode 600.

`profile.json` says which, and holds no secret. PROTOCOL.md, State on a client; Argon2id's limits are those of
Backup and recovery.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import nacl.exceptions
import nacl.pwhash.argon2id

from ..errors import StoreError
from ..protocol.secret import Secret
from .locks import file_lock
from .sealing import KEY_SIZE, Sealer

DESCRIPTION = "profile.json"
KEY_FILE = "profile.key"
SERVICE = "messenger"  # the name in the system keyring

_MIB = 1 << 20
ARGON2_OPS, ARGON2_MEMORY = 3, 256 * _MIB
_LEAST_MEMORY, _MOST_MEMORY, _MOST_OPS = 64 * _MIB, 1024 * _MIB, 10
_PLACE = b"profile key"

FILE_NOTICE = (
    "This profile's key is in a file beside its data (no system keyring here, and MESSENGER_PASSPHRASE is not set): "
    "whoever can read {path} can read the profile."
)


@dataclass(frozen=True, slots=True)
class ProfileKey:
    key: Secret
    notice: str | None  # what the person should know, once


def open_profile_key(directory: Path, passphrase: Secret | None) -> ProfileKey:
    """Return the profile's key, made at first use. Raises StoreError."""
    with file_lock(directory / "profile.lock"):
        path = directory / DESCRIPTION
        if path.exists():
            return ProfileKey(_existing(directory, _description(path), passphrase), None)
        return _create(directory, passphrase)


def needs_passphrase(directory: Path) -> bool:
    path = directory / DESCRIPTION
    return path.exists() and _description(path).get("key") == "passphrase"


def _create(directory: Path, passphrase: Secret | None) -> ProfileKey:
    key = Secret(secrets.token_bytes(KEY_SIZE))
    name = secrets.token_hex(16)
    notice = None
    if passphrase:
        salt = secrets.token_bytes(16)
        sealer = Sealer(_stretch(passphrase, salt, ARGON2_OPS, ARGON2_MEMORY))
        description: dict[str, object] = {
            "key": "passphrase",
            "salt": salt.hex(),
            "ops": ARGON2_OPS,
            "memory": ARGON2_MEMORY,
            "sealed": sealer.seal(_PLACE, bytes(key)).hex(),
        }
    elif _into_keyring(name, key):
        description = {"key": "keyring", "name": name}
    else:
        _write(directory / KEY_FILE, base64.b64encode(bytes(key)) + b"\n")
        notice = FILE_NOTICE.format(path=directory / KEY_FILE)
        description = {"key": "file"}
    # Last: a profile with a description has a key.
    _write(directory / DESCRIPTION, json.dumps(description).encode() + b"\n")
    return ProfileKey(key, notice)


def _existing(directory: Path, description: dict[str, object], passphrase: Secret | None) -> Secret:
    kind = description.get("key")
    if kind == "file":
        try:
            key = base64.b64decode((directory / KEY_FILE).read_bytes())
        except (OSError, ValueError) as error:
            raise StoreError(f"The profile's key file {directory / KEY_FILE} cannot be read.") from error
    elif kind == "keyring":
        key = _from_keyring(str(description.get("name")))
    elif kind == "passphrase":
        key = _behind_passphrase(description, passphrase)
    else:
        raise StoreError("The profile was made by a newer version of this program.")
    if len(key) != KEY_SIZE:
        raise StoreError("The profile's key is damaged.")
    return Secret(key)


def _behind_passphrase(description: dict[str, object], passphrase: Secret | None) -> bytes:
    if not passphrase:
        raise StoreError("This profile is locked with a passphrase: set MESSENGER_PASSPHRASE.", "passphrase_needed")
    ops, memory = description.get("ops"), description.get("memory")
    if not isinstance(ops, int) or not isinstance(memory, int):
        raise StoreError("The profile's description is damaged.")
    # Too little is a downgrade, too much a trap.
    if not (1 <= ops <= _MOST_OPS and _LEAST_MEMORY <= memory <= _MOST_MEMORY):
        raise StoreError("The profile's passphrase settings are out of bounds.")
    sealer = Sealer(_stretch(passphrase, bytes.fromhex(str(description["salt"])), ops, memory))
    try:
        return sealer.open(_PLACE, bytes.fromhex(str(description["sealed"])))
    except StoreError as error:
        raise StoreError("That is not the passphrase of this profile.", "wrong_passphrase") from error


def _stretch(passphrase: Secret, salt: bytes, ops: int, memory: int) -> Secret:
    try:
        return Secret(nacl.pwhash.argon2id.kdf(KEY_SIZE, bytes(passphrase), salt, opslimit=ops, memlimit=memory))
    except (nacl.exceptions.CryptoError, MemoryError) as error:
        raise StoreError("There is not enough memory to open the profile with its passphrase.") from error


def _into_keyring(name: str, key: Secret) -> bool:
    import keyring  # here: half the commands never need it

    text = base64.b64encode(bytes(key)).decode()
    try:
        keyring.set_password(SERVICE, name, text)
        # Some backends take a secret and keep nothing.
        return keyring.get_password(SERVICE, name) == text
    except Exception:  # backends raise what they like
        return False


def _from_keyring(name: str) -> bytes:
    import keyring

    try:
        text = keyring.get_password(SERVICE, name)
    except Exception as error:
        raise StoreError("The system keyring, which holds this profile's key, does not answer.") from error
    if text is None:
        raise StoreError("The system keyring does not hold this profile's key.")
    return base64.b64decode(text)


def _description(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"The profile's description {path} cannot be read.") from error
    if not isinstance(value, dict):
        raise StoreError("The profile's description is damaged.")
    return value


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(path.suffix + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
