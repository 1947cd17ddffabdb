"""Keys: found by their hash, believed for two seconds, revoked for good."""

from __future__ import annotations

import asyncio

import pytest

from front import NOW, Front
from houfu.db.keys import create_key, find_key, key_sha, list_keys, revoke_key
from houfu.http.caller import BELIEVED_SECONDS, Caller, KeyRing
from houfu.http.problem import Problem


async def test_a_revoked_key_works_no_longer_than_it_is_believed(front: Front) -> None:
    ring, loop = KeyRing(front.service.pool), asyncio.get_running_loop()
    header = f"Bearer {front.keys['operator']}".encode()
    assert await ring.caller(header) == Caller("operator", None, "operator")
    async with front.service.pool.acquire() as connection:
        revoked = await revoke_key(connection, front.key_ids["operator"], now=NOW)
    assert revoked is not None
    assert revoked.revoked_at == NOW
    assert (await ring.caller(header)).role == "operator"
    believed_until = loop.time() + BELIEVED_SECONDS
    ring._time = lambda: believed_until
    with pytest.raises(Problem, match="key_unknown"):
        await ring.caller(header)


async def test_the_scheme_is_read_whatever_its_case_and_nothing_else_is(front: Front) -> None:
    key = front.keys["merchant"]
    for scheme in ("Bearer", "bearer", "BEARER"):
        caller = await front.service.keys.caller(f"{scheme} {key}".encode())
        assert (caller.role, caller.store_id, caller.author) == ("merchant", "s1", "merchant:merchant")
    for header, code in ((None, "key_missing"), (b"", "key_missing"), (key.encode(), "key_unknown")):
        with pytest.raises(Problem, match=code):
            await front.service.keys.caller(header)


async def test_many_requests_with_a_new_key_ask_once(front: Front) -> None:
    ring = KeyRing(front.service.pool)
    header = f"Bearer {front.keys['platform']}".encode()
    callers = await asyncio.gather(*(ring.caller(header) for _ in range(100)))
    assert set(callers) == {Caller("platform", None, "platform")}


async def test_only_a_hash_of_the_key_is_kept(front: Front) -> None:
    async with front.service.pool.acquire() as connection:
        made = await create_key(connection, role="merchant", store_id="s9", name="门店", now=NOW)
        assert made.key.startswith("hf_merchant_")
        assert len(made.key.removeprefix("hf_merchant_")) == 43
        kept = await connection.fetch("select * from api_keys")
        assert made.key not in str(kept)
        found = await find_key(connection, key_sha(made.key.encode()))
        assert found is not None
        assert (found.id, found.role, found.store_id, found.name) == (made.id, "merchant", "s9", "门店")
        assert found in await list_keys(connection)
        assert await revoke_key(connection, "0" * 12, now=NOW) is None
        await revoke_key(connection, made.id, now=NOW)
        assert await find_key(connection, key_sha(made.key.encode())) is None
        for role, store_id in (("merchant", None), ("platform", "s1")):
            with pytest.raises(ValueError, match="merchant"):
                await create_key(connection, role=role, store_id=store_id, name="n", now=NOW)


async def test_the_role_and_name_of_the_key_are_the_author(front: Front) -> None:
    await front.open_store()
    fact = await front.done(
        "POST",
        "/v1/stores/s1/facts",
        {"kind": "violation", "occurred_at": "2026-03-01T00:00:00Z"},
        caller="operator",
    )
    assert fact["author"] == "operator:operator"
