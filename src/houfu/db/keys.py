"""API keys: made of 256 random bits, shown once, kept as a hash, revocable.

A key is `hf_<role>_<43 characters>`. What is kept is its SHA-256, which is enough for a key that nobody can
guess. Its id, for lists and revoking, is the first 12 hex digits of that hash.
"""

import hashlib
import re
import secrets
from datetime import datetime
from typing import Final, Literal

import msgspec

from houfu.db.queries import load
from houfu.db.tx import Connection

Role = Literal["platform", "operator", "merchant", "readonly"]
ROLES: Final[tuple[Role, ...]] = ("platform", "operator", "merchant", "readonly")
KEY_ID: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)

_SQL = load(__package__)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept: never the key itself."""

    id: str
    role: Role
    store_id: str | None
    name: str
    created_at: datetime
    revoked_at: datetime | None


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made. `key` is shown here and never again."""

    id: str
    key: str
    role: Role
    store_id: str | None
    name: str


def key_sha(key: bytes) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key).digest()


async def create_key(
    connection: Connection, *, role: Role, store_id: str | None, name: str, now: datetime
) -> NewKey:
    """Make a key and keep its hash. ValueError unless a merchant's key, and only that, names a store."""
    if (role == "merchant") != (store_id is not None):
        raise ValueError("a merchant's key names its store, and no other key names one")
    key = f"hf_{role}_{secrets.token_urlsafe(32)}"
    sha = key_sha(key.encode())
    await connection.execute(_SQL["create_key"], sha, role, store_id, name, now)
    return NewKey(id=sha.hex()[:12], key=key, role=role, store_id=store_id, name=name)


async def find_key(connection: Connection, sha: bytes) -> ApiKey | None:
    """The key with this hash, unless it is unknown or revoked."""
    row = await connection.fetchrow(_SQL["find_key"], sha)
    return None if row is None else ApiKey(**row)


async def list_keys(connection: Connection) -> list[ApiKey]:
    """All keys, revoked ones too, oldest first."""
    return [ApiKey(**row) for row in await connection.fetch(_SQL["list_keys"])]


async def revoke_key(connection: Connection, key_id: str, *, now: datetime) -> ApiKey | None:
    """Revoke the key with this id; the key as it is now, None where there is none. A second time changes nothing."""
    await connection.execute(_SQL["revoke_key"], key_id, now)
    row = await connection.fetchrow(_SQL["key_by_id"], key_id)
    return None if row is None else ApiKey(**row)
