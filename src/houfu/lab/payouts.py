"""How the stores of a simulated marketplace take their money out, wisely or not."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

from houfu.lab.marketplace import Shop
from houfu.lab.tally import Tally, count_in
from houfu.withdrawals.ask import Answer, Ask, Trouble

ACCOUNT_ID: Final = "main"
NIGHT_HOUR: Final = 23
"""Those who ask at night ask half an hour past this."""

_HOURS: Final = (10, 15, 21)
_CAREFUL_PERCENT: Final = 45
"""A careful store's most of a day, in percent of its limit: well within what zeroes it (B11)."""
_LEAST: Final = 5_000
"""Below this a store lets its balance grow, fen."""
_SPLITS_PPT: Final = 4
"""Withdrawals in a thousand that a store asks for in parts."""
_PARTS: Final = 6
"""One more than a day may have (D6)."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a store sees before it asks, fen."""

    balance: int
    total: int
    available: int


class Payouts:
    """The stores' requests for money, and what came of them."""

    def __init__(self, *, seed: int, tally: Tally) -> None:
        self._random = Random(f"{seed}|payouts")  # noqa: S311 (repeatable on purpose)
        self._tally = tally
        self._asked = 0
        self._failing: list[tuple[date, int, int]] = []
        self._chastened: set[str] = set()

    def askers(self, shops: Iterable[Shop], number: int, hour: int) -> list[Shop]:
        """The stores whose hour for a withdrawal this is, on the run's day `number`."""
        return [
            shop
            for shop in shops
            if number % shop.habits.every_days == shop.habits.on_day
            and hour == (NIGHT_HOUR if shop.habits.at_night else _HOURS[shop.habits.on_day % 3])
        ]

    def asks(self, shops: Sequence[Shop], wallets: Mapping[str, Wallet]) -> list[Ask]:
        """What the stores ask for, seeing their wallets."""
        made: list[Ask] = []
        for shop in shops:
            wallet = wallets.get(shop.store_id)
            for amount in () if wallet is None else self._amounts(shop, wallet):
                self._asked += 1
                key = f"withdraw:{self._asked}"
                made.append(
                    Ask(
                        store_id=shop.store_id,
                        amount=amount,
                        bank_account_id=ACCOUNT_ID,
                        key=key,
                        request_sha=hashlib.sha256(f"{key}:{amount}".encode()).digest(),
                        author=shop.owner_id,
                    )
                )
        return made

    def hear(
        self, shops: Mapping[str, Shop], asks: Sequence[Ask], answers: Sequence[Answer | Trouble]
    ) -> None:
        """Take the answers in."""
        tally = self._tally
        for ask, answer in zip(asks, answers, strict=True):
            tally.commands += 1
            outcome = None if isinstance(answer, Trouble) else answer.outcome
            if outcome is None:
                tally.surprised(f"{ask.key}: {answer}")
            elif not outcome.accepted:
                count_in(tally.withdrawals_refused, outcome.reason or "", ask.amount)
                if outcome.reason == "daily_count_exceeded":
                    self._broke("D6", ask)
            else:
                if any(warning.rule == "B11" for warning in outcome.warnings):
                    self._broke("B11", ask)
                tally.withdrawn.add(ask.amount)
                tally.fees += outcome.fee or 0
                if shops[ask.store_id].account_number.endswith("0000") and outcome.arrives_on is not None:
                    self._failing.append((outcome.arrives_on, ask.amount, outcome.fee or 0))

    def day_over(self, day: date) -> None:
        """Count what the bank sent back by the end of `day`: it takes the fee back too (D5)."""
        tally = self._tally
        for arrives_on, amount, fee in self._failing:
            if arrives_on <= day:
                tally.withdrawals_failed.add(amount)
                tally.fees -= fee
        self._failing = [failing for failing in self._failing if failing[0] > day]

    def _broke(self, rule: str, ask: Ask) -> None:
        """A review opened: whoever went through one keeps within the rules from then on."""
        count_in(self._tally.reviews, rule, ask.amount)
        self._chastened.add(ask.store_id)

    def _amounts(self, shop: Shop, wallet: Wallet) -> tuple[int, ...]:
        """What the store asks for, fen, seldom in more parts than a day may have; nothing where it lets its money lie."""
        amount = self._amount(shop, wallet)
        if not amount:
            return ()
        if self._random.randrange(1_000) < _SPLITS_PPT and shop.store_id not in self._chastened:
            return (max(_LEAST // _PARTS, amount // _PARTS),) * _PARTS
        return (amount,)

    def _amount(self, shop: Shop, wallet: Wallet) -> int:
        """What the store asks for, fen; 0: it lets its money lie."""
        mood = self._random.randrange(1_000)
        if wallet.balance == 0:
            # Some take the line itself for money (A6).
            return wallet.available // 2 if mood < 100 else 0
        if wallet.balance < _LEAST:
            return 0
        if mood < 15:
            return wallet.balance + wallet.balance // 5
        amount = wallet.balance * shop.habits.takes_percent // 100
        if (shop.habits.careful or shop.store_id in self._chastened) and wallet.total:
            amount = min(amount, wallet.total * _CAREFUL_PERCENT // 100)
        return amount
