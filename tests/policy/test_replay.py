"""Every stored decision comes out again, bit for bit; one that was meddled with is named."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from houfu.commands.demo import simulate
from houfu.core.ids import IdMaker
from houfu.db.tx import Connection, connect
from houfu.lab.year import Scale
from houfu.policy import replay as module
from houfu.policy.actions import Assessed, record
from houfu.policy.document import Policy, load_policy, shipped_policy, shipped_text
from houfu.policy.evaluate import evaluate
from houfu.policy.publishing import propose, publish
from houfu.policy.replay import NothingStored, replay
from houfu.policy.shadows import shadow_decision

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
CANDIDATE = (
    shipped_text().replace("version: 1\n", "version: 2\n", 1).replace("base * 2000 //", "base * 2500 //", 1)
)


def inputs_of(policy: Policy, chance: random.Random) -> dict[str, int]:
    """Inputs anywhere in their ranges."""
    return {
        term.name: chance.choice((term.min, term.max, chance.randint(term.min, term.max)))
        for term in policy.terms.inputs
    }


@pytest.fixture
async def owner(database: str) -> AsyncIterator[Connection]:
    """The database's owner, who may meddle with history, over 25 decisions by two versions and a shadow's beside them."""
    connection = await connect(database, as_app=False)
    since = NOW.replace(year=2000)
    await publish(connection, shipped_text(), effective_from=since, author="houfu", approved_by="us", now=NOW)
    await propose(connection, CANDIDATE, effective_from=None, author="li", now=NOW)
    policies, chance, ids = (shipped_policy(), load_policy(CANDIDATE)), random.Random(7), IdMaker()
    made: list[Assessed] = []
    for number in range(25):
        store_id = f"s{number % 10}"
        if number < 10:
            await connection.execute(
                "insert into stores values ($1, 'Store', 'o1', 2, $2, 'mobile', 'clothing', $3, $3)",
                store_id,
                NOW.date(),
                NOW,
            )
        inputs = inputs_of(policies[0], chance)
        assessment_id = ids.make(NOW + timedelta(minutes=number))
        shadow = shadow_decision(
            policies[1],
            lambda _, inputs=inputs: inputs if inputs["level"] else {},
            store_id=store_id,
            assessment_id=assessment_id,
        )
        made.append(
            Assessed(
                store_id=store_id,
                assessment_id=assessment_id,
                decision=evaluate(policies[number % 3 == 0], inputs),
                layers=(),
                rounding=1,
                shadows=(shadow,),
            )
        )
    await record(connection, made, cause="asked", author="test", now=NOW)
    yield connection
    await connection.close()


@pytest.mark.parametrize("page", [1, 4, 25, 1_000])
async def test_every_decision_comes_out_again(
    owner: Connection, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", page)
    told: list[tuple[int, int]] = []
    done = await replay(owner, advance=lambda count, of: told.append((count, of)))
    decided = await owner.fetchval("select count(*) from shadow_decisions where decision is not null")
    assert (done.decisions, done.shadow_decisions, done.differing) == (25, decided, 0)
    assert (done.policies, done.first_difference) == (2, None)
    assert told[-1][0] == 25 + decided
    assert all(count <= of for count, of in told)


async def test_one_store_and_one_decision_can_be_asked_for(owner: Connection) -> None:
    assert (await replay(owner, store_id="s1")).decisions == 3
    assessment_id = await owner.fetchval(
        "select assessment_id from assessments where store_id = 's1' limit 1"
    )
    assert (await replay(owner, store_id="s1", assessment_id=assessment_id.hex)).decisions == 1
    with pytest.raises(NothingStored):
        await replay(owner, store_id="s2", assessment_id=assessment_id.hex)


@pytest.mark.parametrize(
    ("meddling", "problem", "fields"),
    [
        (
            "update assessments set decision = jsonb_set(decision, '{total}', '1') where store_id = 's5'",
            "it comes out otherwise",
            ("total",),
        ),
        (
            "update assessments set decision = decision - 'partner' where store_id = 's5'",
            "it comes out otherwise",
            ("partner",),
        ),
        (
            "update assessments set decision = jsonb_set(decision, '{zeroed}', '1') where store_id = 's5'",
            "it comes out otherwise",
            ("zeroed",),
        ),
        (
            "update assessments set inputs = inputs - 'level' where store_id = 's5'",
            "it cannot be made again: missing input: level",
            (),
        ),
        (
            "update assessments set policy_sha = repeat('0', 64) where store_id = 's5'",
            f"no stored policy has the hash {'0' * 64}",
            (),
        ),
        (
            "update shadow_decisions set decision = jsonb_set(decision, '{base}', '-1') where store_id = 's5'",
            "it comes out otherwise",
            ("base",),
        ),
    ],
)
async def test_what_was_meddled_with_is_named(
    owner: Connection, meddling: str, problem: str, fields: tuple[str, ...]
) -> None:
    await owner.execute(meddling)
    done = await replay(owner)
    assert done.first_difference is not None
    assert done.first_difference.store_id == "s5"
    assert (done.first_difference.problem, done.first_difference.fields) == (problem, fields)
    assert done.differing > 0


async def test_a_document_that_no_longer_has_its_hash_replays_nothing(owner: Connection) -> None:
    await owner.execute(
        "update policy_versions set document = replace(document, 'base * 2500', 'base * 2501') where version = 2"
    )
    done = await replay(owner)
    assert done.first_difference is not None
    assert done.first_difference.problem.startswith("no stored policy has the hash")


async def test_every_decision_of_the_demos_year_comes_out_again(database: str) -> None:
    await simulate(database, Scale(stores=20, days=365, seed=5))
    connection = await connect(database)
    try:
        done = await replay(connection)
    finally:
        await connection.close()
    assert done.decisions > 20 * 4
    assert (done.differing, done.first_difference) == (0, None)
