"""A batch of requests for money: one transaction, one pass (house choice 2).

Load and lock: the lines of all stores concerned, in id order, then where the stores stand. Decide: in memory, in
order of arrival, idempotency first, by the same function as the preview. Record: one set-based statement per
table. A refusal is recorded too, and never touches a neighbour's outcome. A single request is a batch of one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from houfu.core.calendar import Calendar
from houfu.core.ids import IdMaker
from houfu.core.money import BASIS_POINTS
from houfu.db.idempotency import FirstAnswer, Place, recall, remember
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.ledger import actions as ledger
from houfu.ledger.journal import Books, Journal, post
from houfu.lines import batch as lines
from houfu.policy.document import Policy
from houfu.policy.periods import window_on
from houfu.withdrawals.account import Earlier
from houfu.withdrawals.ask import Answer, Ask, Trouble, WithdrawalView, withdrawal_view
from houfu.withdrawals.cautions import is_large
from houfu.withdrawals.fees import FeeBreakdown, breakdown_of
from houfu.withdrawals.occasion import Occasion, occasion_of
from houfu.withdrawals.preview import Preview, preview
from houfu.withdrawals.review import AUTHOR, CAUSES, Rule, broken_rule
from houfu.withdrawals.reviews import open_reviews
from houfu.withdrawals.standing import Payee, Standing, destination_of, load_payees, load_standings
from houfu.withdrawals.terms import WithdrawalTerms, withdrawal_terms
from houfu.withdrawals.withdrawal import Status, Withdrawal, dispatch_at, reserving

_SQL = load(__package__)
_INSERT_WITHDRAWALS = _SQL["insert_withdrawals"]

_SHARE_MAX: Final = 2**31 - 1
_encode = msgspec.json.Encoder().encode


class Batch:
    """The working copies of one transaction: loaded rows, and the rows to write."""

    def __init__(self, *, policy: Policy, calendar: Calendar, ids: IdMaker, now: datetime) -> None:
        self.policy = policy
        self.terms = withdrawal_terms(policy.terms)
        self.facts = wording_facts(self.terms)
        self.calendar = calendar
        self.ids = ids
        self.now = now
        self.occasion = asking(policy, self.terms, calendar, now=now)
        self.due_at = dispatch_at(self.terms, now)
        self.lines = lines.Batch(terms=policy.terms.orders, ids=ids, now=now)
        self.standings: dict[str, Standing] = {}
        self.payees: dict[tuple[str, str], Payee] = {}
        self.recalled: dict[Place, FirstAnswer] = {}
        self.withdrawals: list[Withdrawal] = []
        self.breakdowns: dict[str, FeeBreakdown] = {}
        self.journals: list[Journal] = []
        self.shares: dict[str, int] = {}
        self.broken: dict[tuple[str, Rule], str] = {}
        self.remembered: dict[Place, FirstAnswer] = {}

    # --- load and lock

    async def load(self, connection: Connection, asks: Sequence[Ask]) -> None:
        """Lock the lines in id order, then read what the asks need."""
        store_ids = list({ask.store_id for ask in asks})
        await self.lines.lock(connection, store_ids)
        self.recalled = await recall(connection, [(ask.store_id, ask.key) for ask in asks])
        self.standings = await load_standings(
            connection,
            store_ids,
            lines=self.lines.lines,
            policy=self.policy,
            terms=self.terms,
            now=self.now,
        )
        self.payees = await load_payees(connection, [(ask.store_id, ask.bank_account_id) for ask in asks])

    # --- decide

    def decide(self, ask: Ask) -> Answer | Trouble:
        """The ask's outcome; idempotency is checked first."""
        at = (ask.store_id, ask.key)
        if first := self.recalled.get(at):
            return replayed(first, ask.request_sha)
        standing = self.standings.get(ask.store_id)
        if standing is None:
            return Trouble("store_unknown")
        payee = self.payees.get((ask.store_id, ask.bank_account_id))
        seen = preview(
            self.occasion,
            standing.account,
            standing.history,
            amount=ask.amount,
            destination=destination_of(payee),
        )
        withdrawal = self._withdrawal(ask, seen, standing, payee)
        if seen.accepted:
            withdrawal = self._reserve(withdrawal, standing)
        self.withdrawals.append(withdrawal)
        if (rule := broken_rule(seen)) is not None:
            self._suspend(withdrawal, rule)
        view = withdrawal_view(
            withdrawal,
            language=ask.language,
            facts=self.facts,
            calendar=self.calendar,
            largest_safe_amount=seen.largest_safe_amount,
        )
        answer = answered(201 if seen.accepted else 200, view)
        self.recalled[at] = self.remembered[at] = FirstAnswer(ask.request_sha, answer.status, answer.body)
        return answer

    def _withdrawal(self, ask: Ask, seen: Preview, standing: Standing, payee: Payee | None) -> Withdrawal:
        return Withdrawal(
            store_id=ask.store_id,
            id=self.ids.make(self.now),
            status=Status.SCHEDULED if seen.accepted else Status.REFUSED,
            reason=seen.reason,
            currency=self.policy.terms.currency if standing.books is None else standing.books.currency,
            amount=ask.amount,
            fee=seen.fee or 0,
            fee_rule=seen.fee_rule,
            liability_collected=seen.liability_collected or 0,
            net=seen.net or 0,
            bank_account_id=ask.bank_account_id,
            holder=None if payee is None else payee.holder,
            number=None if payee is None else payee.number,
            bank_code=None if payee is None else payee.bank_code,
            warnings=seen.warnings,
            facts=dict(seen.facts),
            limit_total=standing.account.limit_total,
            author=ask.author,
            asked_at=self.now,
            asked_on=self.occasion.asked_on,
            arrives_on=seen.arrives_on,
            latest_on=seen.latest_on,
            due_at=self.due_at if seen.accepted else None,
        )

    def _reserve(self, withdrawal: Withdrawal, standing: Standing) -> Withdrawal:
        """Take the amount off the balance, and let the next ask of the store see it gone."""
        store_id, amount = withdrawal.store_id, withdrawal.amount
        account, history = standing.account, standing.history
        assert standing.books is not None  # noqa: S101 (only a store with books has a balance)
        self.breakdowns[withdrawal.id] = breakdown_of(
            self.terms.clause.fee,
            amount,
            prior_count=history.prior_count,
            prior_year_total=history.prior_year_total,
            policy_version=self.policy.version,
            policy_sha256=self.policy.sha256,
        )
        books, journal = self._post(withdrawal, standing.books)
        day_amount = history.day_amount + amount
        large = is_large(self.terms.clause, amount, limit_total=account.limit_total)
        self.standings[store_id] = Standing(
            replace(
                account,
                withdrawable=account.withdrawable - amount,
                liability=account.liability - withdrawal.liability_collected,
            ),
            replace(
                history,
                prior_count=history.prior_count + 1,
                day_count=history.day_count + 1,
                day_amount=day_amount,
                last_large_on=self.occasion.asked_on if large else history.last_large_on,
                hours_24=(*history.hours_24, Earlier(self.now, amount)),
            ),
            books,
        )
        if account.limit_total > 0:
            # Rounded up: one fen over the share that zeroes a limit must read as over it (B11).
            self.shares[store_id] = min(_SHARE_MAX, -(-day_amount * BASIS_POINTS // account.limit_total))
        return replace(withdrawal, journal_seq=journal.seq)

    def _suspend(self, withdrawal: Withdrawal, rule: Rule) -> None:
        """Suspend the line for the rule that was broken (D9), and let the next ask of the store find it so."""
        store_id = withdrawal.store_id
        self.broken.setdefault((store_id, rule), withdrawal.id)
        self.lines.suspend(store_id, cause=CAUSES[rule], author=AUTHOR, assess=rule == "B11")
        line = self.lines.lines.get(store_id)
        if line is not None and line.status == "suspended":
            standing = self.standings[store_id]
            account = replace(standing.account, abnormal=True)
            self.standings[store_id] = replace(standing, account=account)

    def _post(self, withdrawal: Withdrawal, books: Books) -> tuple[Books, Journal]:
        after, journal = post(
            books,
            "withdrawal",
            reserving(
                withdrawal.amount,
                fee=withdrawal.fee,
                liability_collected=withdrawal.liability_collected,
                net=withdrawal.net,
            ),
            subject=withdrawal.id,
            occurred_at=self.now,
            recorded_at=self.now,
        )
        self.journals.append(journal)
        return after, journal

    # --- record

    async def record(self, connection: Connection) -> None:
        """Write everything that was decided, one statement per table."""
        await self.lines.record(connection)
        await ledger.record(connection, self.journals)
        if new := self.withdrawals:
            await connection.execute(
                _INSERT_WITHDRAWALS,
                [self._row(withdrawal) for withdrawal in new],
                self.now,
                self.occasion.asked_on,
                self.calendar.name,
                self.calendar.number,
                list(self.shares),
                list(self.shares.values()),
            )
        await open_reviews(
            connection,
            self.broken,
            terms=self.terms,
            calendar=self.calendar,
            ids=self.ids,
            now=self.now,
        )
        await remember(connection, self.remembered, now=self.now)

    def _row(self, w: Withdrawal) -> tuple[object, ...]:
        """The withdrawal as a `new_withdrawal` of schema.sql."""
        return (
            w.store_id,
            w.id,
            w.status,
            w.reason,
            w.currency,
            w.amount,
            w.fee,
            w.fee_rule,
            w.liability_collected,
            w.net,
            w.bank_account_id,
            w.holder,
            w.number,
            w.bank_code,
            w.warnings,
            w.facts,
            self.breakdowns.get(w.id),
            w.limit_total,
            w.author,
            w.arrives_on,
            w.latest_on,
            w.due_at,
            w.journal_seq,
        )


def asking(policy: Policy, terms: WithdrawalTerms, calendar: Calendar, *, now: datetime) -> Occasion:
    """The occasion of all who ask at `now` under the policy: the same for previews and requests."""
    promotion = window_on(policy.terms.promotion_windows, terms.local(now).date()) is not None
    return occasion_of(terms, calendar, asked_at=now, promotion=promotion)


def wording_facts(terms: WithdrawalTerms) -> dict[str, str]:
    """The figures of the policy that reasons name."""
    return {
        "reopens_at": terms.clause.closed.end,
        "review_days": str(terms.clause.review.working_days),
    }


def answered(status: int, view: WithdrawalView) -> Answer:
    """A first answer."""
    return Answer(status, _encode(view), False, view)


def replayed(first: FirstAnswer, request_sha: bytes) -> Answer | Trouble:
    """The first answer again, if the request is the same."""
    if first.request_sha != request_sha:
        return Trouble("idempotency_key_reused")
    return Answer(first.status, first.body, True, None)
