"""Opening and deciding reviews, and looking them up (D9, D10)."""

from collections.abc import Mapping
from datetime import datetime

from asyncpg import Record

from houfu.core.calendar import Calendar
from houfu.core.ids import IdMaker, public_id
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.events import actions as events
from houfu.events.notice import review_decided, review_opened
from houfu.lines import actions as lines
from houfu.lines.assessing import assess
from houfu.lines.cause import Cause
from houfu.policy.book import PolicyBook
from houfu.withdrawals.ask import PREFIX as WITHDRAWAL
from houfu.withdrawals.review import (
    AUTHOR,
    CAUSES,
    DOCUMENTS,
    PREFIX,
    Outcome,
    Review,
    ReviewStatus,
    Rule,
    due_on,
)
from houfu.withdrawals.terms import WithdrawalTerms

_SQL = load(__package__, "reviews.sql")
_OF_LINES = load("houfu.lines")


class ReviewUnknown(LookupError):
    """There is no such review."""


class ReviewDecided(ValueError):
    """The review was decided before."""


async def open_reviews(
    connection: Connection,
    broken: Mapping[tuple[str, Rule], str],
    *,
    terms: WithdrawalTerms,
    calendar: Calendar,
    ids: IdMaker,
    now: datetime,
) -> list[Review]:
    """Open a review for each (store, rule) that a withdrawal of that hex id broke, and tell the stores: those that
    were opened. One that is open already covers the rule. The stores' lines are locked by the caller."""
    if not broken:
        return []
    stores = list({store_id for store_id, _ in broken})
    covered = {(row[0], row[1]) for row in await connection.fetch(_SQL["open_rules"], stores)}
    opened = [
        Review(
            store_id=store_id,
            id=ids.make(now),
            rule=rule,
            withdrawal_id=withdrawal_id,
            status="open",
            opened_at=now,
            due_on=due_on(terms, calendar, now),
        )
        for (store_id, rule), withdrawal_id in broken.items()
        if (store_id, rule) not in covered
    ]
    if not opened:
        return []
    await connection.execute(
        _SQL["insert_reviews"],
        [r.store_id for r in opened],
        [r.id for r in opened],
        [r.rule for r in opened],
        [r.withdrawal_id for r in opened],
        [r.due_on for r in opened],
        now,
    )
    messages = [
        review_opened(
            review.store_id,
            id=review.id,
            review_id=public_id(PREFIX, review.id, review.store_id),
            withdrawal_id=public_id(WITHDRAWAL, review.withdrawal_id, review.store_id),
            rule=review.rule,
            documents=DOCUMENTS,
            due_on=review.due_on,
            occurred_at=now,
        )
        for review in opened
    ]
    await events.send(connection, messages, now=now)
    return opened


async def decide(
    connection: Connection,
    store_id: str,
    id: str,
    outcome: Outcome,
    *,
    note: str,
    author: str,
    book: PolicyBook,
    ids: IdMaker,
    now: datetime,
) -> Review:
    """Let a person's decision end a review, in one transaction. ReviewUnknown, or ReviewDecided where it was before.

    Cleared: what was withdrawn counts no more, the store is assessed anew so that its limit returns (B11, D10), and its
    line is resumed where this review's rule suspended it and nothing else holds it: a line that a person suspended,
    or that another review holds, stays so. Upheld: the line stays suspended, and is suspended again where a person
    had resumed it meanwhile.
    """
    async with connection.transaction():
        row = await connection.fetchrow(_SQL["decide_review"], store_id, id, outcome, note, author, now)
        if row is None:
            if await connection.fetchval(_SQL["review_known"], store_id, id):
                raise ReviewDecided(id)
            raise ReviewUnknown(id)
        review = _review(row)
        if outcome == "cleared":
            await _clear(connection, review, author=author, book=book, ids=ids, now=now)
        else:
            await _uphold(connection, review, author=author, ids=ids, now=now)
        message = review_decided(
            store_id,
            id=ids.make(now),
            review_id=public_id(PREFIX, id, store_id),
            rule=review.rule,
            outcome=outcome,
            occurred_at=now,
        )
        await events.send(connection, [message], now=now)
    return review


async def reviews(
    connection: Connection,
    *,
    store_id: str | None,
    status: ReviewStatus | None,
    before: tuple[str, str] | None,
    limit: int,
) -> list[Review]:
    """Reviews of one store or of all, newest first; `before` is the (store id, hex id) where the page before ended."""
    last_store, last_id = before or (None, None)
    if store_id is not None:
        rows = await connection.fetch(_SQL["reviews_of_store"], status, last_id, limit, store_id)
    else:
        rows = await connection.fetch(_SQL["reviews_of_all"], status, last_id, limit, last_store)
    return [_review(row) for row in rows]


async def _clear(
    connection: Connection, review: Review, *, author: str, book: PolicyBook, ids: IdMaker, now: datetime
) -> None:
    store_id, cause = review.store_id, Cause.REVIEW_CLEARED
    if review.rule == "B11":
        await assess(
            connection,
            [store_id],
            book=book,
            cause=cause,
            author=author,
            ids=ids,
            now=now,
            referral="accepted",
            forgiven=True,
        )
        # Where figures are missing the limit returns with the assessment that finds them: that must not count it either.
        await connection.execute(_OF_LINES["forgive_share"], store_id, cause)
    if await connection.fetchval(_SQL["lock_status"], store_id) != "suspended":
        return
    suspension = await connection.fetchrow(_OF_LINES["last_suspension"], store_id)
    ours = suspension is not None and tuple(suspension) == (CAUSES[review.rule], AUTHOR)
    held = await connection.fetchval(_SQL["held_by_another"], store_id, review.id, review.opened_at)
    if ours and not held:
        await lines.set_status(connection, store_id, "resume", cause=cause, author=author, ids=ids, now=now)


async def _uphold(
    connection: Connection, review: Review, *, author: str, ids: IdMaker, now: datetime
) -> None:
    if await connection.fetchval(_SQL["lock_status"], review.store_id) == "open":
        await lines.set_status(
            connection,
            review.store_id,
            "suspend",
            cause=Cause.REVIEW_UPHELD,
            author=author,
            ids=ids,
            now=now,
        )


def _review(row: Record) -> Review:
    store_id, id, rule, withdrawal_id, status, opened_at, due, decided_at, decided_by, note = row
    return Review(
        store_id=store_id,
        id=id.hex,
        rule=rule,
        withdrawal_id=withdrawal_id.hex,
        status=status,
        opened_at=opened_at,
        due_on=due,
        decided_at=decided_at,
        decided_by=decided_by,
        note=note,
    )
