"""The interface of risk reviews: looking them up, and deciding them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec

from houfu.core.ids import parse_public_id, public_id
from houfu.db.tx import Connection
from houfu.http.caller import EVERYONE, OPERATOR, STAFF
from houfu.http.fields import Note, Nothing, PageQuery, ReviewId, StoreId, StorePath
from houfu.http.idempotent import once
from houfu.http.page import HexId, page_of, place_of
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, B, Call, P, Q, Route
from houfu.policy.book import PolicyBook
from houfu.policy.periods import local_day
from houfu.stores.actions import must_exist
from houfu.stores.store import StoreUnknown
from houfu.withdrawals import reviews
from houfu.withdrawals.ask import PREFIX as WITHDRAWAL
from houfu.withdrawals.review import DOCUMENTS, PREFIX, Document, Outcome, Review, ReviewStatus, Rule
from houfu.withdrawals.reviews import ReviewDecided, ReviewUnknown

_MISSES: Final[Mapping[type[Exception], str]] = {
    StoreUnknown: "store_unknown",
    ReviewUnknown: "review_unknown",
    ReviewDecided: "review_decided",
}
_PLACE = tuple[StoreId, HexId]


class StoreReviewsQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which reviews: those in one status."""

    status: ReviewStatus | None = None


class ReviewsQuery(StoreReviewsQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which reviews: of one store or of all, in one status."""

    store_id: StoreId | None = None


class ReviewPath(msgspec.Struct, frozen=True):
    """A path that names a review."""

    id: ReviewId


class DecisionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the review came to, and why; the note is kept and the store can read it."""

    outcome: Outcome
    note: Annotated[Note, msgspec.Meta(min_length=1)]


class ReviewView(msgspec.Struct, frozen=True, kw_only=True):
    """A review: the rule that was broken and by which withdrawal, what the store is asked for, the last day on which it
    is decided in time, whether that day has passed with the review open, and what came of it."""

    id: str
    store_id: str
    rule: Rule
    withdrawal_id: str
    status: ReviewStatus
    documents: tuple[Document, ...]
    opened_at: datetime
    due_on: date
    overdue: bool
    decided_at: datetime | None
    decided_by: str | None
    note: str | None


async def list_reviews(call: Call[Nothing, ReviewsQuery, Nothing]) -> Reply:
    """Show reviews, newest first."""
    query = call.query
    return await _page(call, query.store_id, query.status, query)


async def list_store_reviews(call: Call[StorePath, StoreReviewsQuery, Nothing]) -> Reply:
    """Show a store's reviews, newest first."""
    async with call.service.pool.acquire() as connection:
        await must_exist(connection, call.path.store_id)
    return await _page(call, call.path.store_id, call.query.status, call.query)


async def decide(call: Call[ReviewPath, Nothing, DecisionBody]) -> Reply:
    """End a review; what follows from it happens at once."""
    parsed = parse_public_id(PREFIX, call.path.id)
    if parsed is None:
        raise ReviewUnknown(call.path.id)
    store_id, id = parsed

    async def act(connection: Connection) -> Reply:
        decided = await reviews.decide(
            connection,
            store_id,
            id,
            call.body.outcome,
            note=call.body.note,
            author=call.caller.author,
            book=call.service.part(PolicyBook),
            ids=call.service.ids,
            now=call.now(),
        )
        return reply(200, _view(decided, _today(call)))

    return await once(call, store_id, act)


async def _page(
    call: Call[P, Q, B], store_id: str | None, status: ReviewStatus | None, query: PageQuery
) -> Reply:
    before = place_of(query.cursor, _PLACE)
    async with call.service.pool.acquire() as connection:
        found = await reviews.reviews(
            connection, store_id=store_id, status=status, before=before, limit=query.limit + 1
        )
    today = _today(call)
    return reply(
        200, page_of(found, query.limit, lambda one: (one.store_id, one.id), lambda one: _view(one, today))
    )


def _today(call: Call[P, Q, B]) -> date:
    return local_day(call.now(), call.service.part(ZoneInfo))


def _view(review: Review, today: date) -> ReviewView:
    return ReviewView(
        id=public_id(PREFIX, review.id, review.store_id),
        store_id=review.store_id,
        rule=review.rule,
        withdrawal_id=public_id(WITHDRAWAL, review.withdrawal_id, review.store_id),
        status=review.status,
        documents=DOCUMENTS,
        opened_at=review.opened_at,
        due_on=review.due_on,
        overdue=review.overdue(today),
        decided_at=review.decided_at,
        decided_by=review.decided_by,
        note=review.note,
    )


def routes() -> list[AnyRoute]:
    """The routes of reviews."""
    return [
        Route(
            method="GET",
            address="/v1/reviews",
            operation="list_reviews",
            summary="Risk reviews of stores, newest first",
            tag="reviews",
            roles=STAFF,
            path=Nothing,
            query=ReviewsQuery,
            body=Nothing,
            answers={200: Page[ReviewView]},
            handle=list_reviews,
        ),
        Route(
            method="GET",
            address="/v1/stores/{store_id}/reviews",
            operation="list_store_reviews",
            summary="A store's risk reviews, newest first",
            tag="reviews",
            roles=EVERYONE,
            path=StorePath,
            query=StoreReviewsQuery,
            body=Nothing,
            answers={200: Page[ReviewView]},
            handle=list_store_reviews,
            raises=_MISSES,
        ),
        Route(
            method="POST",
            address="/v1/reviews/{id}/decision",
            operation="decide_review",
            summary="Clear a store, or uphold its suspension",
            tag="reviews",
            roles=OPERATOR,
            path=ReviewPath,
            query=Nothing,
            body=DecisionBody,
            answers={200: ReviewView},
            handle=decide,
            key="optional",
            raises=_MISSES,
        ),
    ]
