"""Versions of the policy on the command line: proposed by one, approved by another, tried, replayed."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from front import LIMIT, NOW, open_front
from houfu.app import open_service, sandbox_clock
from houfu.commands.console import Exit
from houfu.core.clock import SandboxClock
from houfu.db.queries import load
from houfu.lines import actions
from houfu.lines.assessing import assess
from houfu.policy.book import PolicyBook
from houfu.policy.document import shipped_text
from served import answer, houfu


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """The shipped policy as version 2, with half as much again for a level."""
    text = (
        shipped_text()
        .replace("version: 1\n", "version: 2\n", 1)
        .replace("amount: level * 100000", "amount: level * 150000")
    )
    file = tmp_path / "candidate.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def assessed(database: str) -> str:
    """A sandbox's database under the shipped policy in which a store was assessed."""

    async def prepare() -> None:
        await sandbox_clock(database, start=NOW)
        async with open_front(database) as front:
            await front.open_store()

    asyncio.run(prepare())
    return database


def refused(code: Exit, words: str, *arguments: str, dsn: str) -> None:
    done = houfu(*arguments, dsn=dsn)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert words in done.stderr


def test_a_version_is_proposed_by_one_and_approved_by_another(assessed: str, candidate: Path) -> None:
    done = houfu("policy", "publish", str(candidate), "--author", "li", dsn=assessed)
    assert done.returncode == Exit.DONE
    assert "houfu policy approve 2 --author NAME" in done.stderr
    proposed = json.loads(done.stdout)
    assert (proposed["proposed"], proposed["version"], proposed["author"]) == (True, 2, "li")
    refused(Exit.NO, "li proposed version 2", "policy", "approve", "2", "--author", "li", dsn=assessed)
    assert answer("policy", "show", "2", dsn=assessed)["state"] == "proposed"
    approved = answer("policy", "approve", "2", "--author", "wang", dsn=assessed)
    assert (approved["approved"], approved["approved_by"], approved["postponed"]) == (True, "wang", False)
    shown = answer("policy", "show", "2", dsn=assessed)
    assert (shown["state"], shown["document"]) == ("in_force", candidate.read_text("utf-8"))
    listed = answer("policy", "list", dsn=assessed)["data"]
    assert [(one["version"], one["state"]) for one in listed] == [(2, "in_force"), (1, "past")]
    assert listed[1]["effective_to"] == listed[0]["effective_from"]


def test_a_date_that_passed_becomes_the_approvals(assessed: str, candidate: Path) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    past = "2026-01-01T00:00:00+08:00"
    answer("policy", "publish", str(candidate), "--author", "li", "--effective-from", past, dsn=assessed)
    refused(
        Exit.NO,
        "version 2 was proposed for another date",
        *("policy", "publish", str(candidate), "--author", "li", "--effective-from", ahead),
        dsn=assessed,
    )
    done = houfu("policy", "approve", "2", "--author", "wang", dsn=assessed)
    assert json.loads(done.stdout)["postponed"] is True
    assert "The date it was proposed for has passed" in done.stderr


def test_what_cannot_be_published_is_said(assessed: str, candidate: Path) -> None:
    candidate.write_text("name: x\nversion: 1.5\n", encoding="utf-8")
    publish = ("policy", "publish", str(candidate), "--author", "li")
    refused(Exit.NO, f"{candidate} cannot be used:\n", *publish, dsn=assessed)
    candidate.write_text(shipped_text().replace("level * 100000", "level * 1"), encoding="utf-8")
    refused(Exit.NO, "version 1 exists with other content", *publish, dsn=assessed)
    refused(Exit.NO, "nobody proposed version 9", "policy", "approve", "9", "--author", "x", dsn=assessed)
    refused(Exit.NO, "nobody proposed version 9", "policy", "show", "9", dsn=assessed)
    refused(Exit.USAGE, "--author must be", "policy", "approve", "2", "--author", "a\nb", dsn=assessed)


def test_a_shadow_is_started_reported_and_stopped(assessed: str, candidate: Path) -> None:
    answer("policy", "publish", str(candidate), "--author", "li", dsn=assessed)
    started = answer("policy", "trial", "start", "2", "--author", "li", dsn=assessed)
    assert (started["kind"], started["ended_at"]) == ("shadow", None)
    assert answer("policy", "list", dsn=assessed)["open_trials"] == [started]
    report = answer("policy", "trial", "report", "2", dsn=assessed)
    assert (report["decisions"], report["stores"]) == (0, 0)
    stopped = answer("policy", "trial", "stop", "2", "--author", "li", dsn=assessed)
    assert stopped["ended_by"] == "li"
    refused(Exit.NO, "is not on trial", "policy", "trial", "stop", "2", "--author", "li", dsn=assessed)
    refused(Exit.NO, "is in force", "policy", "trial", "start", "1", "--author", "li", dsn=assessed)


def test_a_shadow_decides_beside_real_assessments_and_changes_nothing(assessed: str, candidate: Path) -> None:
    answer("policy", "publish", str(candidate), "--author", "li", dsn=assessed)
    answer("policy", "trial", "start", "2", "--author", "li", dsn=assessed)
    assert asyncio.run(_total_after_an_assessment(assessed)) == LIMIT
    report = answer("policy", "trial", "report", "2", dsn=assessed)
    assert (report["decisions"], report["errors"], report["gain"], report["gained"]) == (1, 0, 1, LIMIT // 2)
    assert report["largest_moves"] == [
        {"store_id": "s1", "live_total": LIMIT, "candidate_total": LIMIT * 3 // 2}
    ]
    replayed = answer("policy", "replay", dsn=assessed)
    assert (replayed["decisions"], replayed["shadow_decisions"], replayed["differing"]) == (2, 1, 0)


def test_a_challenger_decides_about_its_share_until_it_is_stopped(assessed: str, candidate: Path) -> None:
    answer("policy", "publish", str(candidate), "--author", "li", dsn=assessed)
    answer("policy", "trial", "start", "2", "--author", "li", "--share-bp", "10000", dsn=assessed)
    assert asyncio.run(_total_after_an_assessment(assessed)) == LIMIT
    answer("policy", "trial", "approve", "2", "--author", "wang", dsn=assessed)
    assert asyncio.run(_total_after_an_assessment(assessed)) == LIMIT * 3 // 2
    report = answer("policy", "trial", "report", "2", dsn=assessed)
    assert (report["challenger"]["stores"], report["challenger"]["total"]) == (1, LIMIT * 3 // 2)
    assert report["lines"] == [{"policy_version": 2, "lines": 1, "total": LIMIT * 3 // 2, "used": 0}]
    answer("policy", "trial", "stop", "2", "--author", "li", dsn=assessed)
    assert asyncio.run(_total_after_an_assessment(assessed)) == LIMIT


def test_a_challenger_needs_a_second_person(assessed: str, candidate: Path) -> None:
    answer("policy", "publish", str(candidate), "--author", "li", dsn=assessed)
    start = ("policy", "trial", "start", "2", "--author", "li", "--share-bp", "10000")
    done = houfu(*start, dsn=assessed)
    assert json.loads(done.stdout)["started_at"] is None
    assert "houfu policy trial approve 2 --author NAME" in done.stderr
    refused(Exit.NO, "li proposed", "policy", "trial", "approve", "2", "--author", "li", dsn=assessed)
    approved = answer("policy", "trial", "approve", "2", "--author", "wang", dsn=assessed)
    assert (approved["share_bp"], approved["approved_by"]) == (10_000, "wang")
    report = answer("policy", "trial", "report", "2", dsn=assessed)
    assert (report["challenger"]["stores"], report["challenger"]["average"]) == (0, 0)
    refused(Exit.USAGE, "--share-bp", *start[:-1], "10001", dsn=assessed)


def test_stored_decisions_are_replayed(assessed: str) -> None:
    every = {"decisions": 1, "shadow_decisions": 0, "differing": 0, "policies": 1, "first_difference": None}
    assert answer("policy", "replay", dsn=assessed) == every
    assert answer("policy", "replay", "--all", dsn=assessed) == every
    assert answer("policy", "replay", "--store", "s1", dsn=assessed) == every
    assert answer("policy", "replay", "--store", "s2", dsn=assessed)["decisions"] == 0
    only = ("policy", "replay", "--store", "s1", "--assessment")
    refused(Exit.NO, "has no assessment", *only, "0" * 32, dsn=assessed)
    refused(Exit.USAGE, "32 hexadecimal digits", *only, "x", dsn=assessed)
    refused(Exit.USAGE, "--all with neither", "policy", "replay", "--all", "--store", "s1", dsn=assessed)
    asyncio.run(_meddle(assessed))
    done = houfu("policy", "replay", dsn=assessed)
    assert done.returncode == Exit.NO
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["differing"], told["first_difference"]["fields"]) == (1, ["total"])
    assert "of store s1 by version 1: it comes out otherwise in total" in done.stderr


async def _meddle(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("update assessments set decision = jsonb_set(decision, '{total}', '1')")
    await connection.close()


async def _total_after_an_assessment(dsn: str) -> int:
    """An hour later the store is assessed again by a service of its own."""
    clock = SandboxClock((await sandbox_clock(dsn, start=None)).now() + timedelta(hours=1))
    async with open_service(dsn, clock=clock) as service, service.pool.acquire() as connection:
        await connection.execute(load("houfu.db")["move_sandbox_clock"], clock.now())
        book, now = service.part(PolicyBook), clock.now()
        made = await assess(
            connection, ["s1"], book=book, cause="asked", author="test", ids=service.ids, now=now
        )
        assert not made.failed, made.failed
        return (await actions.view(connection, "s1", policy=book.at(now), now=now)).total
