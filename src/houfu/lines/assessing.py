"""Making and remaking lines: run the policy for stores and let the decisions make their lines.

Deciding comes first and locks no line; then the lines are locked, whatever moved in between is decided about again, and
everything is written at once. So orders wait only for the writing, however many stores are assessed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.funding import actions as funding
from houfu.ledger import actions as ledger
from houfu.lines import referrals
from houfu.lines.line import Layer, Line, Status, retotaled
from houfu.lines.rows import LineChange, line_of, record_line_changes
from houfu.policy import actions as policies
from houfu.policy.actions import Assessed, Assessment
from houfu.policy.book import PolicyBook
from houfu.policy.evaluate import Decision
from houfu.policy.periods import local_day, midnight
from houfu.stores.facts import Fact

_SQL = load(__package__)

Scope = Literal["all", "rules"]
"""Which decisions act on the lines: all, or only those by other rules than the line's last (B9)."""


class Standing(msgspec.Struct, frozen=True, gc=False):
    """What a line stood at when its store was decided about: the decision in force and what counts against the next."""

    assessment_id: str
    total: int
    day_withdrawn_share_bp: int
    zeroed: bool
    policy_version: int
    mask: int


class Assessing(msgspec.Struct, frozen=True, kw_only=True):
    """What came of assessing stores. `left`: decided about, and the line left as it is, because no rule fires or ceases to."""

    answers: dict[str, Assessment]
    changed: int
    left: frozenset[str]
    referred: frozenset[str]

    @property
    def failed(self) -> dict[str, Exception]:
        """The stores that could not be decided about, and why."""
        return {
            store_id: answer for store_id, answer in self.answers.items() if not isinstance(answer, Assessed)
        }


async def assess(
    connection: Connection,
    store_ids: Sequence[str],
    *,
    book: PolicyBook,
    cause: str,
    author: str,
    ids: IdMaker,
    now: datetime,
    scope: Scope = "all",
    referral: Literal["open", "accepted"] = "open",
    forgiven: bool = False,
) -> Assessing:
    """Run the policy for the stores and let the decisions make their lines: one transaction, all or nothing.

    A first decision opens the line. A store that cannot be decided about keeps its line, gets the error, and is tried
    again the next day. A decision that the policy refers to a person never raises a limit by itself: it waits as a
    referral, unless that was `accepted`. Where what was withdrawn is `forgiven`, it does not count (B11, D10).
    """
    async with connection.transaction():
        partners = sorted({partner for policy in book.deciding(now) for partner in policy.partners})
        facilities = await funding.lock_facilities(connection, partners, store_ids)
        seen = await _standings(connection, store_ids)

        def applies(store_id: str, decision: Decision) -> bool:
            return _fate(seen.get(store_id), decision, scope=scope, referral=referral) == "applied"

        async def decide(of: Sequence[str]) -> dict[str, Assessment]:
            return await policies.decide(
                of,
                await policies.know(connection, of, now=now),
                book=book,
                facilities=facilities,
                day_withdrawn_share_bp={
                    s: 0 if forgiven else seen[s].day_withdrawn_share_bp for s in of if s in seen
                },
                applies=applies,
                ids=ids,
                now=now,
            )

        answers = await decide(store_ids)
        before = await _lock(connection, store_ids)
        if moved := [store_id for store_id in store_ids if _moved(seen.get(store_id), before.get(store_id))]:
            seen.update(await _standings(connection, moved))
            answers.update(await decide(moved))
        made = [answer for answer in answers.values() if isinstance(answer, Assessed)]
        fates = {
            a.store_id: _fate(seen.get(a.store_id), a.decision, scope=scope, referral=referral) for a in made
        }
        await policies.record(
            connection, [a for a in made if fates[a.store_id] != "left"], cause=cause, author=author, now=now
        )
        await funding.record(connection, facilities, now=now)
        changes = await _apply(
            connection,
            [a for a in made if fates[a.store_id] == "applied"],
            before=before,
            cause=cause,
            author=author,
            ids=ids,
            now=now,
        )
        referred = [a for a in made if fates[a.store_id] == "referred"]
        await referrals.refer(connection, referred, before=before, author=author, ids=ids, now=now)
        if referred:
            # It was assessed: what it waits for now is a person, not another try.
            await connection.execute(_SQL["leave_to_person"], [a.store_id for a in referred])
        await _put_off(connection, [s for s in before if not isinstance(answers[s], Assessed)], book, now)
        return Assessing(
            answers=answers,
            changed=changes,
            left=frozenset(store_id for store_id, fate in fates.items() if fate == "left"),
            referred=frozenset(a.store_id for a in referred),
        )


async def take_up_fact(
    connection: Connection, fact: Fact, *, book: PolicyBook, ids: IdMaker, now: datetime
) -> None:
    """Let what happened to a store act on its line at once (B9 to B12); a store without a line waits for its first
    assessment. Where the policy cannot decide, the line stays as it is."""
    if await connection.fetchval(_SQL["has_line"], fact.store_id):
        await assess(
            connection, [fact.store_id], book=book, cause=fact.kind, author=fact.author, ids=ids, now=now
        )


Fate = Literal["applied", "left", "referred"]


def _fate(
    seen: Standing | None, decision: Decision, *, scope: Scope, referral: Literal["open", "accepted"]
) -> Fate:
    """What becomes of a decision: it acts on the line, leaves it as it is, or waits for a person."""
    if scope == "rules" and seen is not None:
        # What another version makes of a store is for the run of that version.
        other_version = seen.policy_version != decision.policy_version
        # A zero is lifted by an event, by a person or by the quarter, never because a month has passed (B11, B13).
        lifted = seen.zeroed and not decision.zeroed
        if other_version or lifted or seen.mask == decision.mask:
            return "left"
    standing = 0 if seen is None else seen.total
    if referral == "open" and decision.referred_by and decision.total > standing:
        return "referred"
    return "applied"


def _moved(seen: Standing | None, line: Line | None) -> bool:
    """Whether the line is no longer what it was when its store was decided about."""
    if seen is None or line is None:
        return (seen is None) != (line is None)
    return (seen.assessment_id, seen.day_withdrawn_share_bp) != (
        line.assessment_id,
        line.day_withdrawn_share_bp,
    )


async def _standings(connection: Connection, store_ids: Sequence[str]) -> dict[str, Standing]:
    return {
        store_id: Standing(assessment_id.hex, *rest)
        for store_id, assessment_id, *rest in await connection.fetch(_SQL["standings"], store_ids)
    }


async def _lock(connection: Connection, store_ids: Sequence[str]) -> dict[str, Line]:
    """Lock the stores' lines; where there is none yet its store, so that a line is opened once."""
    rows = await connection.fetch(_SQL["lock_lines"], store_ids)
    if lineless := list(set(store_ids).difference(row[0] for row in rows)):
        await connection.execute(_SQL["lock_stores"], lineless)
        rows += await connection.fetch(_SQL["lock_lines"], lineless)
    return {line.store_id: line for line in map(line_of, rows)}


async def _apply(
    connection: Connection,
    applied: Sequence[Assessed],
    *,
    before: Mapping[str, Line],
    cause: str,
    author: str,
    ids: IdMaker,
    now: datetime,
) -> int:
    """Let the decisions make their lines, one statement per table; how many lines changed."""
    if not applied:
        return 0
    layers = {a.store_id: _layers(a) for a in applied}
    lineless = [a.store_id for a in applied if a.store_id not in before]
    currency = applied[0].decision.currency
    await ledger.open_books(connection, lineless, currency)
    was = {a.store_id: before.get(a.store_id) or _unopened(a) for a in applied}
    after = {
        a.store_id: _line_after(
            was[a.store_id],
            a,
            layers[a.store_id],
            status=was[a.store_id].status if a.store_id in before else "open",
            now=now,
        )
        for a in applied
    }
    await connection.execute(
        _SQL["put_lines"],
        [a.store_id for a in applied],
        [after[a.store_id].total for a in applied],
        [after[a.store_id].total_until for a in applied],
        [a.assessment_id for a in applied],
        [a.decision.cap for a in applied],
        [a.decision.zeroed for a in applied],
        [a.rounding for a in applied],
        [a.decision.partner for a in applied],
        currency,
        now,
    )
    rows = [(a, layer) for a in applied for layer in layers[a.store_id]]
    await connection.execute(
        _SQL["insert_layers"],
        [a.store_id for a, _ in rows],
        [a.assessment_id for a, _ in rows],
        [layer.kind for _, layer in rows],
        [layer.amount for _, layer in rows],
        [layer.valid_from for _, layer in rows],
        [layer.valid_until for _, layer in rows],
        [layer.reason for _, layer in rows],
    )
    changes = [
        LineChange(ids.make(now), was[store_id], line, cause, author, now)
        for store_id, line in after.items()
        if (line.total, line.status) != (was[store_id].total, was[store_id].status)
    ]
    await record_line_changes(connection, changes, now=now)
    return len(changes)


async def _put_off(connection: Connection, store_ids: Sequence[str], book: PolicyBook, now: datetime) -> None:
    """Try the stores again when the next local day begins: what was missing may have come by then."""
    if store_ids:
        zone = book.at(now).zone
        await connection.execute(
            _SQL["put_off_assessment"], store_ids, midnight(local_day(now, zone) + timedelta(days=1), zone)
        )


def _layers(assessed: Assessed) -> list[Layer]:
    return [
        Layer(layer.kind, layer.amount, layer.valid_from, layer.valid_until, layer.reason)
        for layer in assessed.layers
    ]


def _unopened(assessed: Assessed) -> Line:
    """What a store has before its first assessment: nothing."""
    return Line(
        store_id=assessed.store_id,
        status="closed",
        currency=assessed.decision.currency,
        total=0,
        total_until=None,
        used=0,
        assessment_id=assessed.assessment_id,
        cap=None,
        zeroed=False,
        rounding=assessed.rounding,
    )


def _line_after(was: Line, assessed: Assessed, layers: list[Layer], *, status: Status, now: datetime) -> Line:
    decision = assessed.decision
    decided = msgspec.structs.replace(
        was,
        status=status,
        assessment_id=assessed.assessment_id,
        cap=decision.cap,
        zeroed=decision.zeroed,
        rounding=assessed.rounding,
        partner=decision.partner,
    )
    return retotaled(decided, layers, now)
