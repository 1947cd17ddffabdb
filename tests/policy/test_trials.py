"""Trials: shadows decide for the record alone, a challenger for its share of the stores, and two people start one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from houfu.core.ids import IdMaker
from houfu.db.tx import Connection, connect
from houfu.funding.facility import Facilities
from houfu.policy import actions
from houfu.policy.actions import Assessed
from houfu.policy.book import PolicyBook, Published, Trial, challenged
from houfu.policy.document import load_policy, shipped_policy, shipped_text
from houfu.policy.evaluate import Decision
from houfu.policy.publication import OwnProposal, VersionUnknown
from houfu.policy.publishing import open_policy_book, propose, publish, refreshed
from houfu.policy.shadows import ShadowDecision, record_shadows, shadow_decision
from houfu.policy.trials import (
    ChallengerReport,
    ShadowReport,
    TrialUnfit,
    TrialUnknown,
    approve_challenger,
    end_trial,
    propose_challenger,
    report,
    start_shadow,
    trials,
)

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)
STORES = [f"s{number}" for number in range(1, 7)]


def document(version: int, *, per_level: int = 100_000) -> str:
    """The shipped policy under another number, with another limit for a level."""
    return (
        shipped_text()
        .replace("version: 1\n", f"version: {version}\n", 1)
        .replace("amount: level * 100000", f"amount: level * {per_level}")
    )


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """The service's own connection: the shipped policy in force, version 2 to 7 proposed, and stores of level 1 to 6."""
    made = await connect(database)
    since = NOW.replace(year=2000)
    await publish(made, shipped_text(), effective_from=since, author="houfu", approved_by="us", now=NOW)
    for version in range(2, 8):
        await propose(made, document(version, per_level=90_000), effective_from=None, author="li", now=NOW)
    for level, store_id in enumerate(STORES, start=1):
        await made.execute(
            "insert into stores values ($1, 'Store', 'o1', $2, $3, 'mobile', 'clothing', $4, $4)",
            store_id,
            level,
            (NOW - 10 * DAY).date(),
            NOW,
        )
    yield made
    await made.close()


def applied(store_id: str, decision: Decision) -> bool:
    return True


async def assess(connection: Connection, book: PolicyBook, *, now: datetime) -> list[ShadowDecision]:
    """Decide about every store as the book says, and record it; what shadows decided beside."""
    made = await actions.decide(
        STORES,
        await actions.know(connection, STORES, now=now),
        book=book,
        facilities=Facilities([], []),
        day_withdrawn_share_bp={},
        applies=applied,
        ids=IdMaker(),
        now=now,
    )
    live = [one for one in made.values() if isinstance(one, Assessed)]
    await actions.record(connection, live, cause="asked", author="test", now=now)
    return [shadow for one in live for shadow in one.shadows]


def test_a_share_of_the_stores_is_the_challengers_for_ever() -> None:
    stores = [f"store-{number}" for number in range(20_000)]
    tenth = {store for store in stores if challenged(7, store, 1_000)}
    assert 0.09 * len(stores) < len(tenth) < 0.11 * len(stores)
    assert tenth < {store for store in stores if challenged(7, store, 2_000)}
    assert tenth != {store for store in stores if challenged(8, store, 1_000)}
    assert all(challenged(7, store, 10_000) for store in stores)
    # The split is part of what history means: it never changes.
    assert [store for store in stores[:40] if challenged(7, store, 1_000)] == ["store-5", "store-38"]


def test_a_book_knows_who_decides_about_whom_and_when() -> None:
    live = shipped_policy()
    shadow, challenger = load_policy(document(2)), load_policy(document(3))
    book = PolicyBook(
        [Published(live, NOW)],
        [
            Trial(policy=shadow, kind="shadow", share_bp=0, started_at=NOW + DAY, ended_at=NOW + 3 * DAY),
            Trial(policy=challenger, kind="challenger", share_bp=5_000, started_at=NOW + DAY),
        ],
    )
    assert (book.shadows_at(NOW), book.deciding(NOW)) == ((), (live,))
    assert book.shadows_at(NOW + DAY) == (shadow,)
    assert book.shadows_at(NOW + 3 * DAY) == ()
    assert book.deciding(NOW + DAY) == (live, challenger)
    assert book.at(NOW + DAY) is live
    assert {book.for_store(store, NOW) for store in STORES} == {live}
    for store in STORES:
        expected = challenger if challenged(3, store, 5_000) else live
        assert book.for_store(store, NOW + DAY) is expected
    assert book.version(3) is challenger
    assert book.versions == {1, 2, 3}


def test_a_policy_in_force_is_no_shadow_of_its_own() -> None:
    live = shipped_policy()
    trial = Trial(policy=live, kind="shadow", share_bp=0, started_at=NOW)
    book = PolicyBook([Published(live, NOW)], [trial])
    assert book.shadows_at(NOW) == ()


async def test_a_shadow_is_started_by_one_person_and_ended(connection: Connection) -> None:
    book = await open_policy_book(connection)
    started = await start_shadow(connection, 2, author="li", now=NOW)
    assert (started.kind, started.author, started.started_at) == ("shadow", "li", NOW)
    assert await start_shadow(connection, 2, author="zhao", now=NOW + DAY) == started
    running = await refreshed(connection, book)
    assert [policy.version for policy in running.shadows_at(NOW)] == [2]
    ended = await end_trial(connection, 2, author="wang", now=NOW + DAY)
    assert (ended.ended_by, ended.ended_at) == ("wang", NOW + DAY)
    assert (await refreshed(connection, running)).shadows_at(NOW + DAY) == ()
    with pytest.raises(TrialUnknown):
        await end_trial(connection, 2, author="wang", now=NOW + DAY)
    # At the very same moment it may run again.
    assert (await start_shadow(connection, 2, author="li", now=NOW + DAY)).ended_at is None
    assert len(await trials(connection, 2)) == 2


async def test_a_challenger_needs_two_people(connection: Connection) -> None:
    proposed = await propose_challenger(connection, 2, share_bp=1_000, author="li", now=NOW)
    assert (proposed.started_at, proposed.share_bp) == (None, 1_000)
    assert (await open_policy_book(connection)).trials == ()
    with pytest.raises(OwnProposal):
        await approve_challenger(connection, 2, approved_by="li", now=NOW)
    started = await approve_challenger(connection, 2, approved_by="wang", now=NOW + DAY)
    assert (started.approved_by, started.started_at) == ("wang", NOW + DAY)
    assert await approve_challenger(connection, 2, approved_by="zhao", now=NOW + 2 * DAY) == started
    (trial,) = (await open_policy_book(connection)).trials
    assert (trial.kind, trial.share_bp, trial.started_at) == ("challenger", 1_000, NOW + DAY)


async def test_what_may_run_at_once_is_limited(connection: Connection) -> None:
    for version in range(2, 6):
        await start_shadow(connection, version, author="li", now=NOW)
    with pytest.raises(TrialUnfit, match="4 shadows run already"):
        await start_shadow(connection, 6, author="li", now=NOW)
    with pytest.raises(TrialUnfit, match="version 2 is on trial already"):
        await propose_challenger(connection, 2, share_bp=1, author="li", now=NOW)
    await propose_challenger(connection, 6, share_bp=1, author="li", now=NOW)
    with pytest.raises(TrialUnfit, match="there is a challenger already"):
        await propose_challenger(connection, 7, share_bp=1, author="li", now=NOW)
    with pytest.raises(TrialUnfit, match="version 1 is in force"):
        await start_shadow(connection, 1, author="li", now=NOW)
    with pytest.raises(VersionUnknown):
        await start_shadow(connection, 9, author="li", now=NOW)
    with pytest.raises(TrialUnknown):
        await approve_challenger(connection, 2, approved_by="wang", now=NOW)


async def test_a_shadows_report_pairs_its_decisions_with_the_live_ones(connection: Connection) -> None:
    await start_shadow(connection, 2, author="li", now=NOW)
    book = await open_policy_book(connection)
    await assess(connection, book, now=NOW)
    rows = await assess(connection, book, now=NOW + DAY)
    failed = ShadowDecision(
        policy_version=2,
        policy_sha256=rows[0].policy_sha256,
        store_id="s1",
        assessment_id=IdMaker().make(NOW),
        decision=None,
        error="missing input: orders",
    )
    await record_shadows(connection, [failed], now=NOW + DAY)
    shown = await report(connection, 2)
    assert isinstance(shown, ShadowReport)
    assert (shown.decisions, shown.errors, shown.unpaired, shown.stores) == (13, 1, 0, 6)
    assert (shown.gain, shown.lose, shown.keep) == (0, 6, 0)
    assert (shown.live_total, shown.candidate_total) == (2_100_000, 1_890_000)
    assert (shown.gained, shown.lost) == (0, 210_000)
    assert shown.largest_moves[0].store_id == "s6"
    assert shown.most_errors[0].error == "missing input: orders"


async def test_a_shadow_that_lacks_an_input_says_so() -> None:
    def measure(_: object) -> dict[str, int]:
        return {}

    row = shadow_decision(shipped_policy(), measure, store_id="s1", assessment_id="0" * 32)
    assert row.decision is None
    assert row.error is not None
    assert row.error.startswith("missing input: level")


async def test_a_challengers_report_shows_both_groups(connection: Connection) -> None:
    await propose_challenger(connection, 2, share_bp=5_000, author="li", now=NOW)
    await approve_challenger(connection, 2, approved_by="wang", now=NOW)
    await assess(connection, await open_policy_book(connection), now=NOW)
    mine = [level for level, store_id in enumerate(STORES, start=1) if challenged(2, store_id, 5_000)]
    shown = await report(connection, 2)
    assert isinstance(shown, ChallengerReport)
    assert 0 < len(mine) < len(STORES)
    assert (shown.challenger.stores, shown.others.stores) == (len(mine), len(STORES) - len(mine))
    assert shown.challenger.total == 90_000 * sum(mine)
    assert shown.challenger.average == 90_000 * sum(mine) // len(mine)
    assert shown.others.total == 100_000 * (21 - sum(mine))


async def test_a_version_without_a_trial_has_no_report(connection: Connection) -> None:
    with pytest.raises(TrialUnknown):
        await report(connection, 2)
    await propose_challenger(connection, 2, share_bp=1_000, author="li", now=NOW)
    with pytest.raises(TrialUnknown):
        await report(connection, 2)
