"""A batch of commands on orders: one transaction, one pass (house choice 2).

Load and lock: the lines of all stores concerned, in id order, then what the commands need. Decide: in memory,
in order of arrival, idempotency first. Record: one set-based statement per table. One refusal never touches a
neighbour's outcome. A single authorization is a batch of one.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from houfu.core.ids import IdMaker
from houfu.core.reason import Reason, Refusal
from houfu.db.idempotency import FirstAnswer, Place, recall, remember
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.ledger import actions as ledger
from houfu.ledger.journal import Books, Journal, Posting, post
from houfu.lines import order as orders
from houfu.lines.change import LineChange
from houfu.lines.command import (
    NOTHING_DUE,
    Act,
    Answer,
    AuthorizationOutcome,
    Authorize,
    Command,
    Due,
    OrderOutcome,
    Trouble,
    acted,
    authorization_refused,
    authorized,
)
from houfu.lines.line import Layer, Line, authorize, beyond_allowed, retotaled
from houfu.lines.order import Effect, Order, Standing
from houfu.lines.rows import (
    Movement,
    insert_movements,
    insert_orders,
    line_of,
    load_layers,
    order_of,
    record_line_changes,
    suspend_lines,
    update_lines,
    update_orders,
)
from houfu.policy.terms import Orders

_SQL = load(__package__)
_LOCK_LINES = _SQL["lock_lines"]
_KNOWN_STORES = _SQL["known_stores"]
_LIVE_ORDERS = _SQL["live_orders"]
_LOAD_ORDERS = _SQL["load_orders"]

_encode = msgspec.json.Encoder().encode
_NOBODY = Standing(0, 0)


class Batch:
    """The working copies of one transaction: loaded rows, and the rows to write."""

    def __init__(self, *, terms: Orders, ids: IdMaker, now: datetime) -> None:
        self.terms = terms
        self.ids = ids
        self.now = now
        self.lines: dict[str, Line] = {}
        self.stores: set[str] = set()
        self.live: set[tuple[str, str]] = set()
        self.orders: dict[tuple[str, str], Order] = {}
        self.books: dict[str, Books] = {}
        self.standing: dict[str, Standing] = {}
        self.recalled: dict[Place, FirstAnswer] = {}
        self.new_orders: list[Order] = []
        self.changed_orders: dict[tuple[str, str], Order] = {}
        self.changed_lines: dict[str, Line] = {}
        self.line_changes: list[LineChange] = []
        self.suspended: dict[str, tuple[str, bool]] = {}
        self.movements: list[Movement] = []
        self.journals: list[Journal] = []
        self.remembered: dict[Place, FirstAnswer] = {}

    # --- load and lock

    async def load(self, connection: Connection, commands: Sequence[Command]) -> None:
        """Lock the lines in id order, then read what the commands need."""
        store_ids = list({command.store_id for command in commands})
        await self.lock(connection, store_ids)
        keyed = [command for command in commands if not isinstance(command, Due)]
        if keyed:
            self.recalled = await recall(connection, [(c.store_id, c.key) for c in keyed])
        if asked := [command for command in commands if isinstance(command, Authorize)]:
            rows = await connection.fetch(
                _LIVE_ORDERS, [c.store_id for c in asked], [c.order_id for c in asked]
            )
            self.live.update((row[0], row[1]) for row in rows)
            self.stores.update(self.lines)
            if lineless := [store_id for store_id in store_ids if store_id not in self.lines]:
                self.stores.update(row[0] for row in await connection.fetch(_KNOWN_STORES, lineless))
        if acts := [command for command in commands if not isinstance(command, Authorize)]:
            for row in await connection.fetch(_LOAD_ORDERS, [c.store_id for c in acts], [c.id for c in acts]):
                order = order_of(row)
                self.orders[order.store_id, order.id] = order
            acting = list({command.store_id for command in acts})
            for store_id, account in (await ledger.load_books(connection, acting)).items():
                self.books[store_id] = account.books
                self.standing[store_id] = Standing(account.balance, account.liability)

    async def lock(self, connection: Connection, store_ids: Sequence[str]) -> None:
        """Lock the stores' lines in id order.

        A layer may have started or ended before the worker came by: the totals are always as of now (C1).
        """
        for row in await connection.fetch(_LOCK_LINES, store_ids):
            line = line_of(row)
            self.lines[line.store_id] = line
        stale = [
            line
            for line in self.lines.values()
            if line.total_until is not None and line.total_until <= self.now
        ]
        if not stale:
            return
        layers = await load_layers(connection, [line.store_id for line in stale])
        for line in stale:
            self._retotal(line, layers.get(line.store_id, []))

    def _retotal(self, line: Line, layers: list[Layer]) -> None:
        """Take up the total that the line's layers give now, and note each change at its own moment."""
        while (moment := line.total_until) is not None and moment <= self.now:
            after = retotaled(line, layers, moment)
            if after.total != line.total:
                self.line_changes.append(
                    LineChange(
                        self.ids.make(self.now), line, after, "layer_started_or_ended", "worker", moment
                    )
                )
            line = after
        self.lines[line.store_id] = self.changed_lines[line.store_id] = line

    # --- decide

    def decide(self, command: Command) -> Answer | Trouble:
        """The command's outcome; idempotency is checked first."""
        if isinstance(command, Due):
            return self._due(command)
        at = (command.store_id, command.key)
        first = self.recalled.get(at)
        if first is not None:
            if first.request_sha != command.request_sha:
                return Trouble("idempotency_key_reused")
            return Answer(first.status, first.body, True, None)
        answer = self._authorize(command) if isinstance(command, Authorize) else self._act(command)
        if isinstance(answer, Answer):
            self.recalled[at] = self.remembered[at] = FirstAnswer(
                command.request_sha, answer.status, answer.body
            )
        return answer

    def _authorize(self, command: Authorize) -> Answer:
        store_id = command.store_id
        id = self.ids.make(self.now)
        line = self.lines.get(store_id)
        if line is None and store_id not in self.stores:
            return _answer(200, authorization_refused(command, id, Reason.STORE_UNKNOWN))
        at = (store_id, command.order_id)
        made = authorize(
            line,
            id=id,
            store_id=store_id,
            order_id=command.order_id,
            buyer_id=command.buyer_id,
            amount=command.amount,
            currency=command.currency,
            already_authorized=at in self.live,
            terms=self.terms,
            now=self.now,
        )
        if isinstance(made, Refusal):
            if made.reason is not Reason.AMOUNT_NOT_POSITIVE:
                self.new_orders.append(_refused_order(command, id, made.reason, self.now))
            short_by = None
            if made.reason is Reason.LIMIT_EXCEEDED and line is not None:
                short_by = command.amount - line.available - beyond_allowed(line, self.terms)
            return _answer(200, authorization_refused(command, id, made.reason, short_by=short_by))
        assert line is not None  # noqa: S101 (a hold is only made on a line)
        self.live.add(at)
        self.new_orders.append(made)
        self._use(line, made.amount)
        return _answer(201, authorized(made))

    def _act(self, command: Act) -> Answer | Trouble:
        order = self.orders.get((command.store_id, command.id))
        if order is None:
            return Trouble("authorization_unknown")
        effect = self._effect(command, order)
        if isinstance(effect, Refusal):
            self._move(
                command, order, command.amount or 0, reason=effect.reason, journal_seq=None, at=self.now
            )
            return _answer(
                200, acted(order, command.amount or 0, reason=effect.reason, language=command.language)
            )
        self._apply(command, effect, at=self.now)
        return _answer(200, acted(effect.order, effect.amount))

    def _effect(self, command: Act, order: Order) -> Effect | Refusal:
        standing = self.standing.get(command.store_id, _NOBODY)
        match command.kind:
            case "capture":
                return orders.capture(
                    order, command.amount, final=command.final, terms=self.terms, now=self.now
                )
            case "void":
                return orders.void(order)
            case "repay":
                return orders.repay(order, command.amount or 0, standing=standing)
            case "return":
                return orders.give_back(order, command.amount or 0, standing=standing)

    def _due(self, command: Due) -> Answer:
        order = self.orders.get((command.store_id, command.id))
        if order is None:
            return NOTHING_DUE
        if command.kind == "expire":
            effect = orders.expire(order, now=command.at)
        else:
            standing = self.standing.get(command.store_id, _NOBODY)
            partner = self.lines[command.store_id].partner
            effect = orders.default(
                order, standing=standing, terms=self.terms, now=command.at, partner=partner
            )
        if effect is None:
            return NOTHING_DUE
        self._apply(command, effect, at=command.at)
        return Answer(200, b"", False, acted(effect.order, effect.amount))

    def _apply(self, command: Act | Due, effect: Effect, *, at: datetime) -> None:
        order = effect.order
        # The journal first: where it cannot be made, nothing of the command is kept.
        seq = self._post(command.kind, order, effect.postings, at=at) if effect.postings else None
        self.orders[order.store_id, order.id] = self.changed_orders[order.store_id, order.id] = order
        if order.freed == order.amount:
            self.live.discard((order.store_id, order.order_id))
        self._move(command, order, effect.amount, reason=None, journal_seq=seq, at=at)
        if effect.used:
            self._use(self.lines[order.store_id], effect.used)

    def _post(self, kind: str, order: Order, postings: tuple[Posting, ...], *, at: datetime) -> int:
        store_id = order.store_id
        books, journal = post(
            self.books[store_id], kind, postings, subject=order.id, occurred_at=at, recorded_at=self.now
        )
        self.books[store_id] = books
        self.journals.append(journal)
        standing = self.standing[store_id]
        moved = dict(postings)
        self.standing[store_id] = Standing(
            standing.balance - moved.get("store_balance", 0),
            standing.liability + moved.get("store_liability", 0),
        )
        return journal.seq

    def _move(
        self,
        command: Act | Due,
        order: Order,
        amount: int,
        *,
        reason: Reason | None,
        journal_seq: int | None,
        at: datetime,
    ) -> None:
        self.movements.append(
            Movement(
                order.store_id,
                self.ids.make(self.now),
                order.id,
                command.kind,
                amount,
                None if reason is None else reason.value,
                journal_seq,
                command.author,
                at,
            )
        )

    def _use(self, line: Line, amount: int) -> None:
        self.lines[line.store_id] = self.changed_lines[line.store_id] = msgspec.structs.replace(
            line, used=line.used + amount
        )

    def suspend(self, store_id: str, *, cause: str, author: str, assess: bool) -> None:
        """Suspend the store's line, if it is open; `assess`: it is assessed anew as soon as the worker comes by."""
        line = self.lines.get(store_id)
        if line is None or line.status != "open":
            return
        after = self.lines[store_id] = msgspec.structs.replace(line, status="suspended")
        self.suspended[store_id] = (cause, assess)
        self.line_changes.append(LineChange(self.ids.make(self.now), line, after, cause, author, self.now))

    # --- record

    async def record(self, connection: Connection) -> None:
        """Write everything that was decided, one statement per table."""
        # Updated first: an order that was freed makes room for one of the same id.
        await update_orders(connection, list(self.changed_orders.values()))
        await insert_orders(connection, self.new_orders, now=self.now)
        await ledger.record(connection, self.journals)
        await insert_movements(connection, self.movements, now=self.now)
        await update_lines(connection, list(self.changed_lines.values()), now=self.now)
        await suspend_lines(connection, self.suspended, now=self.now)
        await record_line_changes(connection, self.line_changes, now=self.now)
        await remember(connection, self.remembered, now=self.now)


async def carry_out(
    connection: Connection, commands: Sequence[Command], *, terms: Orders, ids: IdMaker, now: datetime
) -> list[Answer | Trouble]:
    """Carry out commands in order of arrival, in one transaction; an answer for each, in that order.

    Whatever raises, a broken constraint, a lost database or a bug in one decision, leaves nothing written.
    """
    async with connection.transaction():
        batch = Batch(terms=terms, ids=ids, now=now)
        await batch.load(connection, commands)
        answers = [batch.decide(command) for command in commands]
        await batch.record(connection)
    return answers


def _answer(status: int, outcome: AuthorizationOutcome | OrderOutcome) -> Answer:
    return Answer(status, _encode(outcome), False, outcome)


def _refused_order(command: Authorize, id: str, reason: Reason, now: datetime) -> Order:
    return Order(
        store_id=command.store_id,
        id=id,
        order_id=command.order_id,
        buyer_id=command.buyer_id,
        status="refused",
        currency=command.currency,
        amount=command.amount,
        authorized_at=now,
        reason=reason.value,
    )
