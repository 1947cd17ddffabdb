"""A programme in small change: the shipped policy with its figures cut down, so that a line is a few dozen fen."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import count
from typing import Any, Literal

from houfu.core.calendar import shipped_calendar
from houfu.core.clock import SandboxClock
from houfu.core.ids import IdMaker
from houfu.db.tx import Connection, connect, open_pool
from houfu.ledger import verify as proving
from houfu.lines import actions, assessing, invariants
from houfu.lines.command import Act, Answer, AuthorizationOutcome, Authorize, OrderOutcome, Trouble
from houfu.lines.lanes import Lanes
from houfu.policy.actions import Assessed
from houfu.policy.book import PolicyBook
from houfu.policy.document import Policy, load_policy, shipped_text
from houfu.policy.periods import add_months
from houfu.policy.publishing import open_policy_book, publish
from houfu.policy.terms import BuyerDefault, DefaultBearer, Funding, Orders, OverLimit
from houfu.withdrawals import invariants as withdrawal_invariants

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""Monday morning in Shanghai; no promotion is near."""

_SMALL = {
    "when: months_open = 0\n    amount: level * 100000": "when: months_open < 1200\n    amount: level * 40",
    "when: months_open >= 1\n": "when: months_open = 1200\n",
    "THEN base * promotion_bp(score) // 10000 ELSE": "THEN 25 ELSE",
    "CASE WHEN course_active = 1 THEN 1000000 ELSE": "CASE WHEN course_active = 1 THEN 30 ELSE",
    "round_down_to: 10000": "round_down_to: 1",
    "when: day_withdrawn_share_bp > 5000": "when: day_withdrawn_share_bp > 900000000",
    "rate_ppm: 6000, minimum: 200": "rate_ppm: 60000, minimum: 2",
    "day_count_max: 5": "day_count_max: 100000",
    "hours_24: {count_max: 10}": "hours_24: {}",
}
BASE_OF_LEVEL, COURSE, PROMOTION = 40, 30, 25
"""What a level, the course and an open promotion add to a small line, fen."""

_MONTHS = [add_months(date(2026, 3, 1), number) for number in range(24)]
_numbers = count(1)


def edited(text: str, edits: dict[str, str]) -> str:
    """The text with each key, which must be there once, replaced."""
    for old, new in edits.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def small_policy(
    *,
    share_bp: int = 10_000,
    over_limit_bp: int | None = None,
    shipped: str = "store",
    received: str = "platform",
    after_days: int = 60,
    hold_days: int = 15,
    version: int = 1,
) -> str:
    """The text of the small policy. `over_limit_bp` None: no order ships beyond the line."""
    mode = "advanced_on_shipping" if share_bp else "paid_when_buyer_pays"
    allowed = "false" if over_limit_bp is None else "true"
    return edited(
        shipped_text(),
        {
            **_SMALL,
            "version: 1\n": f"version: {version}\n",
            "funding: {mode: advanced_on_shipping, advance_share_bp: 10000}": f"funding: {{mode: {mode}, advance_share_bp: {share_bp}}}",
            "over_limit: {allowed: false, max_bp_of_total: 2000}": f"over_limit: {{allowed: {allowed}, max_bp_of_total: {over_limit_bp or 0}}}",
            "bearer: {shipped: store, received: platform}": f"bearer: {{shipped: {shipped}, received: {received}}}",
            "after_days: 60": f"after_days: {after_days}",
            "hold_days: 15": f"hold_days: {hold_days}",
        },
    )


def order_terms(
    *,
    share_bp: int = 10_000,
    over_limit_bp: int | None = None,
    shipped: Literal["store", "platform", "funding_partner"] = "store",
    received: Literal["store", "platform", "funding_partner"] = "platform",
    after_days: int = 60,
    receipt_after_days: int = 10,
) -> Orders:
    """Terms of orders for pure tests."""
    return Orders(
        hold_days=15,
        funding=Funding(
            mode="advanced_on_shipping" if share_bp else "paid_when_buyer_pays", advance_share_bp=share_bp
        ),
        over_limit=OverLimit(allowed=over_limit_bp is not None, max_bp_of_total=over_limit_bp or 0),
        default=BuyerDefault(
            after_days=after_days,
            receipt_after_days=receipt_after_days,
            bearer=DefaultBearer(shipped=shipped, received=received),
        ),
    )


def authorize(
    store_id: str, order_id: str, amount: int, *, key: str | None = None, currency: str = "CNY"
) -> Authorize:
    """A decoded authorization; the same arguments make the same request."""
    return Authorize(
        store_id=store_id,
        order_id=order_id,
        buyer_id="b1",
        amount=amount,
        currency=currency,
        key=key or f"key-{next(_numbers)}",
        request_sha=sha256(f"{store_id}|{order_id}|{amount}|{currency}".encode()).digest(),
        author="platform:test",
    )


def act(
    kind: Literal["capture", "void", "repay", "return"],
    id: str,
    amount: int | None = None,
    *,
    final: bool = False,
    key: str | None = None,
) -> Act:
    """A decoded command on the order of a public id."""
    head, _, store_id = id.partition(".")
    return Act(
        kind=kind,
        store_id=store_id,
        id=head.removeprefix("auth_"),
        amount=amount,
        final=final,
        key=key or f"key-{next(_numbers)}",
        request_sha=sha256(f"{kind}|{id}|{amount}|{final}".encode()).digest(),
        author="platform:test",
    )


@dataclass
class Programme:
    """The small programme on a real database."""

    dsn: str
    connection: Connection
    policy: Policy
    book: PolicyBook
    lanes: Lanes
    clock: SandboxClock
    ids: IdMaker = field(default_factory=IdMaker)

    @property
    def terms(self) -> Orders:
        return self.policy.terms.orders

    async def add_store(self, store_id: str, *, level: int = 1) -> None:
        """A store that is known and has no line."""
        await self.connection.execute(
            "insert into stores values ($1, 'Store', 'o1', $2, $3, 'mobile', 'clothing', $4, $4)",
            store_id,
            level,
            date(2026, 3, 1),
            self.clock.now(),
        )
        # Later assessments ask for every month since; nothing in them counts under the small policy.
        await self.connection.executemany(
            "insert into store_metrics values ($1, $2, 1, 0, 0, 0, 0, 0, 0, 0, 0, $3)",
            [(store_id, month, self.clock.now()) for month in _MONTHS],
        )

    async def assess(self, store_id: str, *, cause: str = "asked", author: str = "operator:test") -> Assessed:
        made = await assessing.assess(
            self.connection,
            [store_id],
            book=self.book,
            cause=cause,
            author=author,
            ids=self.ids,
            now=self.clock.now(),
        )
        assessed = made.answers[store_id]
        assert isinstance(assessed, Assessed), assessed
        return assessed

    async def open_store(self, store_id: str, *, level: int = 1) -> None:
        await self.add_store(store_id, level=level)
        await self.assess(store_id)

    async def set_level(self, store_id: str, level: int) -> None:
        await self.connection.execute("update stores set level = $2 where store_id = $1", store_id, level)
        await self.assess(store_id)

    async def complete_course(self, store_id: str) -> None:
        now = self.clock.now()
        await self.connection.execute(
            "insert into store_facts values ($1, $2, 'course_completed', $3, $3, 'test', '')",
            store_id,
            self.ids.make(now),
            now,
        )
        await self.assess(store_id)

    async def view(self, store_id: str) -> actions.LineView:
        return await actions.view(self.connection, store_id, policy=self.policy, now=self.clock.now())

    async def explain(self, store_id: str) -> actions.LineExplanation:
        return await actions.explanation(
            self.connection,
            store_id,
            book=self.book,
            calendar=shipped_calendar(),
            now=self.clock.now(),
        )

    async def authorize(self, store_id: str, order_id: str, amount: int) -> AuthorizationOutcome:
        outcome = outcome_of(await self.lanes.submit(authorize(store_id, order_id, amount)))
        assert isinstance(outcome, AuthorizationOutcome)
        return outcome

    async def act(
        self,
        kind: Literal["capture", "void", "repay", "return"],
        id: str,
        amount: int | None = None,
        *,
        final: bool = False,
    ) -> OrderOutcome:
        outcome = outcome_of(await self.lanes.submit(act(kind, id, amount, final=final)))
        assert isinstance(outcome, OrderOutcome)
        return outcome

    async def verify(self) -> proving.Proof:
        return await verify(self.dsn)


def outcome_of(answer: Answer | Trouble) -> Any:
    assert isinstance(answer, Answer), answer
    return answer.outcome


async def verify(dsn: str, **options: Any) -> proving.Proof:
    """Prove the books of a database."""
    async with open_pool(dsn, size=4) as pool:
        every = {**proving.INVARIANTS, **invariants.INVARIANTS, **withdrawal_invariants.INVARIANTS}
        return await proving.verify(pool.acquire, every, **options)


@asynccontextmanager
async def open_programme(
    dsn: str, text: str | None = None, *, start: datetime = START
) -> AsyncGenerator[Programme]:
    """The small programme under a policy's text; its books are proven in the end."""
    text = text or small_policy()
    policy = load_policy(text)
    clock = SandboxClock(start)
    connection = await connect(dsn, as_app=False)
    try:
        await publish(
            connection,
            text,
            effective_from=datetime(2020, 1, 1, tzinfo=UTC),
            author="test",
            approved_by="another",
            now=start,
        )
        book = await open_policy_book(connection)
        async with Lanes(
            connector(dsn), clock=clock, terms_at=lambda now: book.at(now).terms.orders
        ) as lanes:
            yield Programme(dsn, connection, policy, book, lanes, clock)
    finally:
        await connection.close()


def connector(dsn: str) -> Callable[[], Awaitable[Any]]:
    """How lanes connect."""
    return lambda: connect(dsn)
