"""Random commands against the service and the model: after each step everything is compared.

The suite runs a fixed set of examples. HOUFU_SIMULATION_STEPS=20000 explores about as many steps, new ones each
time, and shrinks what it finds; HOUFU_SIMULATION_SEED repeats an exploration.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import count
from typing import Any

import hypothesis
import hypothesis.strategies as st
from hypothesis import Phase
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from banking import payouts_of
from houfu.core.calendar import shipped_calendar
from houfu.core.clock import SandboxClock
from houfu.core.ids import IdMaker
from houfu.db.tx import Connection, connect, open_pool
from houfu.ledger import actions as ledger
from houfu.lines import actions
from houfu.lines.command import Act, Answer, Authorize, Trouble
from houfu.lines.lanes import Lanes
from houfu.policy.book import PolicyBook, Published
from houfu.policy.document import Policy, load_policy
from houfu.policy.publishing import propose
from houfu.withdrawals import actions as withdrawing
from houfu.withdrawals.ask import Ask
from houfu.worker import Worker
from lines import fen
from lines.fen import FenOrder
from lines.programme import START, Programme, act, authorize, connector, outcome_of, small_policy, verify
from simulation.model import Store, authorized

STEPS = int(os.environ.get("HOUFU_SIMULATION_STEPS", "0"))
SEED = os.environ.get("HOUFU_SIMULATION_SEED")
STEPS_OF_EXAMPLE = 40
EXAMPLES = max(1, STEPS // STEPS_OF_EXAMPLE) if STEPS else 18

# Shrinking by running everything anew takes minutes: only where somebody explores.
PHASES = (Phase.generate, Phase.shrink) if STEPS else (Phase.generate,)

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
CALENDAR_ENDS = datetime(2026, 12, 20, tzinfo=UTC)
POLICIES = (
    {"version": 1},
    {"version": 2, "over_limit_bp": 10_000},
    {"version": 3, "over_limit_bp": 5_000, "share_bp": 3_333, "received": "store"},
    {"version": 4, "share_bp": 0},
    {"version": 5, "over_limit_bp": 2_000, "after_days": 12, "received": "store"},
)
STORES = ("s1", "s2")
COLUMNS = "authorization_id, store_id, status, borne_by, amount, over_limit_amount, captured, freed, repaid, returned, refunded, receivable, liability, written_off"


@lru_cache
def policy_of(number: int) -> Policy:
    return load_policy(small_policy(**POLICIES[number]))


VERBS = st.sampled_from(
    ["authorize"] * 4
    + ["capture"] * 3
    + ["capture_final", "void", "repay", "repay", "return", "return", "retry", "reuse", "unknown"]
)
SPECS = st.lists(
    st.tuples(
        VERBS, st.sampled_from(STORES), st.integers(0, 40), st.integers(1, 45) | st.none(), st.booleans()
    ),
    min_size=1,
    max_size=5,
)


class Simulation(RuleBasedStateMachine):
    """The service on one side, the model on the other."""

    dsn: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.stores: dict[str, Store] = {}
        self.past: list[tuple[Authorize | Act, Answer, datetime]] = []
        self.ids: list[str] = []
        self.numbers = count(1)

    @initialize(number=st.integers(0, len(POLICIES) - 1))
    def open(self, number: int) -> None:
        self.policy = policy_of(number)
        self.terms = self.policy.terms.orders
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.connection = await connect(self.dsn, as_app=False)
        self.stack.push_async_callback(self.connection.close)
        await self.connection.execute(
            "truncate stores, books, authorizations, movements, journals, idempotency, sandbox_clock,"
            " assessment_runs, messages, message_boxes cascade"
        )
        self.clock = SandboxClock(START)
        ids = IdMaker()
        book = PolicyBook([Published(self.policy, SINCE)])
        lanes = await self.stack.enter_async_context(
            Lanes(connector(self.dsn), clock=self.clock, terms_at=lambda _: self.terms)
        )
        pool = await self.stack.enter_async_context(open_pool(self.dsn, size=2))
        payouts = payouts_of(pool, self.clock, self.policy, ids=ids)
        self.worker = Worker(pool, lanes, book=lambda: book, ids=ids, payouts=payouts)
        self.programme = Programme(self.dsn, self.connection, self.policy, book, lanes, self.clock, ids)
        for store_id in STORES:
            await self.programme.open_store(store_id)
            await self.connection.execute(
                "insert into bank_accounts values ($1, 'b1', 'Holder', '6222020200011111', 'ICBC', $2, $2, $2, 'test')",
                store_id,
                START,
            )
            self.stores[store_id] = Store()
            self.stores[store_id].assess(START)

    def teardown(self) -> None:
        with self.runner:
            if self.stores:
                proof = self.runner.run(verify(self.dsn))
                self.runner.run(self.stack.aclose())
                assert proof.first_break is None

    # --- commands

    @rule(specs=SPECS)
    def command(self, specs: list[tuple[str, str, int, int | None, bool]]) -> None:
        """Some commands together: the model takes them one by one, in their order."""
        commands: list[Authorize | Act] = []
        for spec in specs:
            made = self._command(*spec)
            if made is None:
                continue
            commands.append(made)
            if spec[4] and spec[2] % 5 == 0:
                commands.append(made)  # the client stuttered
            if spec[0] == "capture" and spec[4]:
                # The rest of the order's life in the same batch: each command must see what the one before did.
                commands += [
                    act(verb, f"auth_{made.id}.{made.store_id}", amount, key=f"k{next(self.numbers)}")
                    for verb, amount in (("repay", spec[2] // 4 + 1), ("return", spec[2] // 3 + 1))
                    if isinstance(made, Act)
                ]
        if not commands:
            return
        answers = self.runner.run(self.programme.lanes.submit_all(commands))
        for made, answer in zip(commands, answers, strict=True):
            self._compare(made, answer)
        self._agree()

    def _command(
        self, verb: str, store_id: str, pick: int, amount: int | None, flag: bool
    ) -> Authorize | Act | None:
        key = f"k{next(self.numbers)}"
        if verb == "authorize":
            currency = "USD" if flag and pick == 7 else "CNY"
            return authorize(store_id, f"o{pick % 6}", amount or 1, key=key, currency=currency)
        if verb == "unknown":
            return act("capture", f"auth_{pick:032x}.{store_id}", amount, key=key)
        if verb in {"retry", "reuse"}:
            # Keys are kept for 30 days at least; whether a little longer is nobody's business.
            kept = [past for past in self.past if self.clock.now() - past[2] <= timedelta(days=30)]
            if not kept:
                return None
            earlier = kept[-1 - pick % len(kept)][0]
            if verb == "retry":
                return earlier
            return act("void", f"auth_{pick:032x}.{earlier.store_id}", key=earlier.key)
        if not self.ids:
            return None
        id = self.ids[-1 - pick % min(8, len(self.ids))]
        if verb == "void":
            return act("void", id, key=key)
        if verb in {"capture", "capture_final"}:
            return act("capture", id, amount, final=verb == "capture_final", key=key)
        return act("repay" if verb == "repay" else "return", id, amount or 1, key=key)

    def _compare(self, command: Authorize | Act, answer: Answer | Trouble) -> None:
        for earlier, first, _ in self.past:
            if (earlier.store_id, earlier.key) == (command.store_id, command.key):
                if earlier.request_sha != command.request_sha:
                    assert answer == Trouble("idempotency_key_reused")
                else:
                    assert answer == Answer(first.status, first.body, True, None)
                return
        store = self.stores[command.store_id]
        if isinstance(command, Authorize):
            self._compare_authorize(store, command, answer)
        elif command.id not in store.orders and command.id not in {id[5:37] for id in self.ids}:
            assert answer == Trouble("authorization_unknown")
        else:
            self._compare_act(store, command, answer)

    def _compare_authorize(self, store: Store, command: Authorize, answer: Answer | Trouble) -> None:
        now = self.clock.now()
        beyond = store.beyond(command.order_id, command.amount, command.currency, self.terms, now)
        outcome = outcome_of(answer)
        self._remember(command, answer)
        self.ids.append(outcome.id)
        assert outcome.amount == command.amount
        if isinstance(beyond, str):
            store.refused += 1
            assert (outcome.status, outcome.reason) == ("refused", beyond)
            return
        expires_at = now + timedelta(days=15)
        assert (outcome.status, outcome.reason) == ("authorized", None)
        assert (outcome.over_limit_amount, outcome.expires_at) == (beyond, expires_at)
        authorized(store, outcome.id[5:37], command.order_id, command.amount, beyond, expires_at)

    def _compare_act(self, store: Store, command: Act, answer: Answer | Trouble) -> None:
        outcome = outcome_of(answer)
        self._remember(command, answer)
        order = store.orders.get(command.id)
        if order is None:
            assert (outcome.status, outcome.reason) == ("refused", "authorization_refused")
            return
        held = order.count(fen.HELD)
        reason = self._act(store, order, command)
        if reason:
            assert (outcome.status, outcome.reason, outcome.amount) == (
                "refused",
                reason,
                command.amount or 0,
            )
        else:
            amount = held if command.amount is None else command.amount
            assert (outcome.status, outcome.reason, outcome.amount) == (order.status, None, amount)
        amounts = order.amounts()
        assert (outcome.authorized, outcome.held, outcome.outstanding) == (
            amounts["amount"],
            order.count(fen.HELD),
            order.count(fen.SHIPPED),
        )
        assert (outcome.captured, outcome.freed, outcome.repaid, outcome.returned) == (
            amounts["captured"],
            amounts["freed"],
            amounts["repaid"],
            amounts["returned"],
        )

    def _act(self, store: Store, order: FenOrder, command: Act) -> str | None:
        match command.kind:
            case "capture":
                return fen.capture(
                    order,
                    command.amount,
                    final=command.final,
                    till=store.till,
                    terms=self.terms,
                    now=self.clock.now(),
                )
            case "void":
                return fen.void(order)
            case "repay":
                return fen.repay(order, command.amount or 0, till=store.till)
            case "return":
                return fen.give_back(order, command.amount or 0, till=store.till)

    def _remember(self, command: Authorize | Act, answer: Answer | Trouble) -> None:
        assert isinstance(answer, Answer)
        assert not answer.replayed
        self.past.append((command, answer, self.clock.now()))

    # --- everything else that happens

    @precondition(lambda self: self.clock.now() < CALENDAR_ENDS)
    @rule(store_id=st.sampled_from(STORES), part=st.integers(1, 12))
    def withdraw(self, store_id: str, part: int) -> None:
        store, now = self.stores[store_id], self.clock.now()
        amount = max(1, store.till.balance * part // 10)
        ask = Ask(
            store_id=store_id,
            amount=amount,
            bank_account_id="b1",
            key=f"w{next(self.numbers)}",
            request_sha=sha256(str(amount).encode()).digest(),
            author="test",
        )
        answer = self.runner.run(
            withdrawing.request(
                self.connection,
                ask,
                policy=self.policy,
                calendar=shipped_calendar(),
                ids=self.programme.ids,
                now=now,
            )
        )
        assert answer.outcome is not None
        assert answer.outcome.reason == store.withdraw(amount, now)
        self._agree()

    @precondition(lambda self: self.clock.now() < datetime(2027, 12, 1, tzinfo=UTC))
    @rule(hours=st.sampled_from([1, 5, 24, 7 * 24, 15 * 24, 40 * 24]))
    def pass_time(self, hours: int) -> None:
        before = self.clock.now()
        to = before + timedelta(hours=hours)
        self.runner.run(self.worker.move_clock(self.clock, to))
        for store in self.stores.values():
            store.pass_time(before, to, self.terms)
        self._agree()

    @rule(store_id=st.sampled_from(STORES), level=st.integers(1, 3), course=st.booleans())
    def assess(self, store_id: str, level: int, course: bool) -> None:
        store = self.stores[store_id]
        self.runner.run(self.programme.set_level(store_id, level))
        if course:
            self.runner.run(self.programme.complete_course(store_id))
            store.courses.append(self.clock.now())
        store.level = level
        store.assess(self.clock.now())
        self._agree()

    @rule(store_id=st.sampled_from(STORES))
    def suspend_or_resume(self, store_id: str) -> None:
        store = self.stores[store_id]
        verb = "suspend" if store.status == "open" else "resume"
        line = self.runner.run(
            actions.set_status(
                self.connection,
                store_id,
                verb,
                cause="test",
                author="test",
                ids=self.programme.ids,
                now=self.clock.now(),
            )
        )
        store.status = line.status
        assert line.status == ("suspended" if verb == "suspend" else "open")

    # --- comparing

    def _agree(self) -> None:
        self.runner.run(self._agreed())

    async def _agreed(self) -> None:
        now = self.clock.now()
        rows = await self.connection.fetch(f"select {COLUMNS} from authorizations where status <> 'refused'")
        assert len(rows) == sum(len(store.orders) for store in self.stores.values())
        for row in rows:
            order = self.stores[row["store_id"]].orders[row["authorization_id"].hex]
            amounts = order.amounts()
            assert {name: row[name] for name in amounts} == amounts
            assert (row["status"], row["borne_by"]) == (order.status, order.bearer)
        for store_id, store in self.stores.items():
            view = await actions.view(self.connection, store_id, policy=self.policy, now=now)
            total, used = store.total(now), store.used
            assert (view.status, view.total, view.used) == (store.status, total, used)
            assert (view.available, view.over_used) == (max(0, total - used), max(0, used - total))
            held = await ledger.balances(self.connection, store_id)
            held["bank_and_clearing"] = held.pop("bank") + held.pop("payout_clearing")
            assert held == store.accounts()
        refused = await self.connection.fetchval(
            "select count(*) from authorizations where status = 'refused'"
        )
        assert refused == sum(store.refused for store in self.stores.values())


async def prepare(dsn: str) -> None:
    connection: Connection = await connect(dsn, as_app=False)
    try:
        for number in range(len(POLICIES)):
            text = small_policy(**POLICIES[number])
            await propose(connection, text, effective_from=None, author="test", now=START)
    finally:
        await connection.close()


def test_random_commands_leave_service_and_model_agreed(database: str) -> None:
    asyncio.run(prepare(database))
    machine: Any = type("Simulation", (Simulation,), {"dsn": database})
    if SEED:
        machine = hypothesis.seed(int(SEED))(machine)
    run_state_machine_as_test(
        machine,
        settings=hypothesis.settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS_OF_EXAMPLE,
            deadline=None,
            database=None,
            derandomize=not STEPS,
            suppress_health_check=list(hypothesis.HealthCheck),
            print_blob=False,
            phases=PHASES,
        ),
    )
