"""Who calls, and what their role may do.

A key is looked up by its hash; the answer is believed for two seconds, so that a revoked key works no longer
than that. Which roles a route admits is data on the route; this is how it is judged.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

import msgspec
from asyncpg import Pool, Record

from houfu.db.keys import Role, find_key, key_sha
from houfu.db.tx import LOST
from houfu.http.problem import Problem

BELIEVED_SECONDS: Final = 2
REMEMBERED_MAX: Final = 10_000
"""Keys remembered at once, good and bad; beyond it all are forgotten and looked up again."""
HEADER_MAX: Final = 512

EVERYONE: Final[frozenset[Role]] = frozenset({"platform", "operator", "merchant", "readonly"})
"""Reads: each role, a merchant its own store."""
STAFF: Final[frozenset[Role]] = EVERYONE - {"merchant"}
MARKETPLACE: Final[frozenset[Role]] = frozenset({"platform"})
"""What a marketplace's back end alone does: it keeps the stores and places the orders."""
BACK_OFFICE: Final[frozenset[Role]] = frozenset({"platform", "operator"})
OPERATOR: Final[frozenset[Role]] = frozenset({"operator"})
MARKETPLACE_OR_STORE: Final[frozenset[Role]] = frozenset({"platform", "merchant"})


class Caller(msgspec.Struct, frozen=True, gc=False):
    """The key's role and name, and the one store of a merchant."""

    role: Role
    store_id: str | None
    name: str

    @property
    def author(self) -> str:
        """How the caller is named in history."""
        return f"{self.role}:{self.name}"


NOBODY: Final = Caller("readonly", None, "nobody")
"""Who calls a route that needs no key. Such a route admits everyone."""


class KeyRing:
    """Finds callers by their keys."""

    def __init__(self, pool: "Pool[Record]") -> None:
        self._pool = pool
        self._known: dict[bytes, tuple[float, Caller | None]] = {}
        self._asking: dict[bytes, asyncio.Task[Caller | None]] = {}
        self._time = asyncio.get_running_loop().time

    async def caller(self, authorization: bytes | None) -> Caller:
        """The caller whose key the header carries. Problem when there is none, or the database is away."""
        if not authorization:
            raise Problem("key_missing")
        if authorization[:7].lower() != b"bearer " or len(authorization) > HEADER_MAX:
            raise Problem("key_unknown")
        sha = key_sha(authorization[7:].strip())
        known = self._known.get(sha)
        if known is not None and self._time() < known[0]:
            found = known[1]
        else:
            found = await self._ask(sha)
        if found is None:
            raise Problem("key_unknown")
        return found

    async def _ask(self, sha: bytes) -> Caller | None:
        # Many requests may find the belief expired at once: one of them asks.
        task = self._asking.get(sha)
        if task is None:
            task = self._asking[sha] = asyncio.create_task(self._look_up(sha))
            task.add_done_callback(lambda _: self._asking.pop(sha, None))
        try:
            return await asyncio.shield(task)
        except (*LOST, TimeoutError) as away:
            raise Problem("unavailable") from away

    async def _look_up(self, sha: bytes) -> Caller | None:
        asked_at = self._time()
        async with self._pool.acquire() as connection:
            key = await find_key(connection, sha)
        found = None if key is None else Caller(key.role, key.store_id, key.name)
        if len(self._known) >= REMEMBERED_MAX:
            self._known.clear()
        self._known[sha] = (asked_at + BELIEVED_SECONDS, found)
        return found


def admit(caller: Caller, roles: frozenset[Role], named: Iterable[str | None]) -> None:
    """Let the caller in. Problem unless a role of `roles`, and, for a merchant, every store `named` is its own."""
    if caller.role not in roles:
        raise Problem("role_not_allowed")
    if caller.role == "merchant" and any(
        store_id is not None and store_id != caller.store_id for store_id in named
    ):
        raise Problem("store_not_yours")
