"""Policies over the interface: one key proposes, another approves, everyone on the staff sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from front import NOW, Front, open_front
from houfu.db.keys import create_key
from houfu.policy.document import shipped_text
from houfu.policy.source import SOURCE_BYTES_MAX

DOCUMENT = (
    shipped_text()
    .replace("version: 1\n", "version: 2\n", 1)
    .replace("amount: level * 100000", "amount: level * 150000")
)


@pytest.fixture
async def front(database: str) -> AsyncIterator[Front]:
    """With a second operator."""
    async with open_front(database) as made:
        async with made.service.pool.acquire() as connection:
            key = await create_key(connection, role="operator", store_id=None, name="second", now=NOW)
        made.keys["second"] = key.key
        yield made


async def test_one_key_proposes_and_another_approves(front: Front) -> None:
    proposed = await front.done("POST", "/v1/policies", {"document": DOCUMENT}, caller="operator")
    assert (proposed["version"], proposed["author"]) == (2, "operator:operator")
    own = await front.call("POST", "/v1/policies/2/approval", caller="operator")
    assert (own.status_code, own.json()["code"]) == (409, "policy_own_proposal")
    approved = await front.done("POST", "/v1/policies/2/approval", caller="second")
    assert (approved["approved_by"], approved["postponed"]) == ("operator:second", False)
    assert approved == await front.done("POST", "/v1/policies/2/approval", caller="second")
    # It decides at once.
    await front.open_store()
    line = await front.done("GET", "/v1/stores/s1/line")
    assert line["total"] == 750_000


async def test_versions_are_listed_and_shown(front: Front) -> None:
    since = (NOW + timedelta(days=30)).isoformat()
    body = {"document": DOCUMENT, "effective_from": since}
    await front.done("POST", "/v1/policies", body, caller="operator")
    await front.done("POST", "/v1/policies/2/approval", caller="second")
    page = await front.done("GET", "/v1/policies?limit=1", caller="readonly")
    assert [(one["version"], one["state"]) for one in page["data"]] == [(2, "scheduled")]
    page = await front.done("GET", f"/v1/policies?limit=1&cursor={page['next_cursor']}", caller="readonly")
    assert [(one["version"], one["state"], one["approved_by"]) for one in page["data"]] == [
        (1, "in_force", "installation")
    ]
    assert page["next_cursor"] is None
    shown = await front.done("GET", "/v1/policies/2", caller="readonly")
    assert (shown["document"], shown["effective_to"]) == (DOCUMENT, None)


async def test_every_fault_is_named_by_line_and_column(front: Front) -> None:
    broken = DOCUMENT.replace("level * 150000", "levle * 150000").replace("currency: CNY", "currency: USD")
    response = await front.call("POST", "/v1/policies", {"document": broken}, caller="operator")
    assert (response.status_code, response.json()["code"]) == (422, "policy_invalid")
    (error,) = response.json()["errors"]
    line = next(n for n, text in enumerate(broken.split("\n"), 1) if "levle" in text)
    assert error["field"].startswith(f"{line}:")
    assert "level" in error["message"]


async def test_another_content_under_a_number_is_refused(front: Front) -> None:
    await front.done("POST", "/v1/policies", {"document": DOCUMENT}, caller="operator")
    other = DOCUMENT.replace("150000", "160000")
    response = await front.call("POST", "/v1/policies", {"document": other}, caller="operator")
    assert (response.status_code, response.json()["code"]) == (409, "policy_version_taken")


async def test_two_versions_at_one_moment_are_refused(front: Front) -> None:
    since = (NOW + timedelta(days=1)).isoformat()
    for version in (2, 3):
        text = DOCUMENT.replace("version: 2\n", f"version: {version}\n")
        body = {"document": text, "effective_from": since}
        await front.done("POST", "/v1/policies", body, caller="operator")
    await front.done("POST", "/v1/policies/2/approval", caller="second")
    response = await front.call("POST", "/v1/policies/3/approval", caller="second")
    assert (response.status_code, response.json()["code"]) == (409, "policy_moment_taken")


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "code"),
    [
        ("GET", "/v1/policies/9", None, 404, "policy_unknown"),
        ("POST", "/v1/policies/9/approval", None, 404, "policy_unknown"),
        ("GET", "/v1/policies/0", None, 422, "input_invalid"),
        ("GET", "/v1/policies/1.0", None, 422, "input_invalid"),
        ("GET", "/v1/policies/1e0", None, 422, "input_invalid"),
        ("GET", f"/v1/policies/{2**31}", None, 422, "input_invalid"),
        ("POST", "/v1/policies", {"document": ""}, 422, "input_invalid"),
        ("POST", "/v1/policies", {"document": "a: \x00"}, 422, "input_invalid"),
        (
            "POST",
            "/v1/policies",
            {"document": DOCUMENT, "effective_from": "2026-01-01"},
            422,
            "input_invalid",
        ),
        ("POST", "/v1/policies", {"document": DOCUMENT, "author": "me"}, 422, "input_invalid"),
        ("POST", "/v1/policies", {"document": "x" * (SOURCE_BYTES_MAX + 1)}, 422, "input_invalid"),
        ("POST", "/v1/policies", {"document": "额" * (SOURCE_BYTES_MAX - 1)}, 422, "policy_invalid"),
        ("POST", "/v1/policies", {"document": "[" * 50_000}, 422, "policy_invalid"),
    ],
)
async def test_what_cannot_be_taken_is_refused(
    method: str, address: str, body: object, status: int, code: str, front: Front
) -> None:
    before = await front.rows()
    response = await front.call(method, address, body, caller="operator")
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert await front.rows() == before


async def test_the_largest_document_is_taken(front: Front) -> None:
    filled = DOCUMENT + "#" * (SOURCE_BYTES_MAX - len(DOCUMENT.encode()))
    proposed = await front.done("POST", "/v1/policies", {"document": filled}, caller="operator")
    assert proposed["version"] == 2
