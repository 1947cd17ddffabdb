"""The orders of a simulated marketplace: what is asked of the engine in each slot, and what it answers.

Every purchase keeps its own account, moved when a command is sent; an answer that differs is a surprise.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from random import Random
from typing import Final

from houfu.lab.buyers import DEFAULT_DAYS, Purchase, Step, draw_amount, plan_order
from houfu.lab.categories import CATEGORIES
from houfu.lab.demand import Demand
from houfu.lab.marketplace import Shop
from houfu.lab.tally import Tally, count_in
from houfu.lines.command import Act, Answer, AuthorizationOutcome, Authorize, Command, OrderOutcome, Trouble

HOLD_DAYS: Final = 15
"""Days after which the shipped policy lets a hold lapse."""

_AUTHOR: Final = "marketplace"
_RETRIED_PPT: Final = 2
"""Requests in a thousand whose answer is lost on the way, so that they are sent again."""
_TWICE_PPT: Final = 1
"""Orders in a thousand that are asked for twice, as by a double click."""
_BUYERS_A_STORE: Final = 30
_TEN_THOUSAND: Final = 10_000


@dataclass(slots=True)
class MonthTrade:
    """A store's pay-later trade of the month so far; `returned` counts orders."""

    orders: int = 0
    gmv: int = 0
    shipped: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """A command on its way, with what the simulator expects of it."""

    command: Authorize | Act
    purchase: Purchase
    step: Step | None
    amount: int
    again: bool = False


class Trade:
    """The marketplace's orders, from demand to the last payment."""

    def __init__(self, *, demand: Demand, shops: int, seed: int, tally: Tally) -> None:
        self._demand = demand
        self._random = Random(f"{seed}|trade")  # noqa: S311 (repeatable on purpose)
        self._buyers = shops * _BUYERS_A_STORE
        self._tally = tally
        self._open_count = -1
        self._open: dict[str, tuple[list[Shop], list[int]]] = {}
        self._agenda: dict[tuple[int, int], list[tuple[Purchase, Step]]] = {}
        self._lapses: dict[tuple[int, int], list[Purchase]] = {}
        self._defaults: dict[tuple[int, int], list[tuple[Purchase, int]]] = {}
        self._again: list[Sent] = []
        self._orders = 0
        self.month: dict[str, MonthTrade] = {}

    def open_shops(self, shops: Sequence[Shop]) -> None:
        """Let these stores, and no others, be chosen by buyers from now on."""
        if len(shops) == self._open_count:
            return
        self._open_count = len(shops)
        for category in CATEGORIES:
            mine = [shop for shop in shops if shop.category is category]
            self._open[category.name] = (mine, list(accumulate(shop.orders_a_month for shop in mine)))

    def time_passed(self, day: int, hour: int) -> None:
        """Count the holds that lapsed and the buyers that did not pay by this slot, as the policy says."""
        for purchase in self._lapses.pop((day, hour), ()):
            if purchase.held:
                self._tally.expired.add(purchase.held)
                purchase.freed += purchase.held
        for purchase, captures in self._defaults.pop((day, hour), ()):
            if purchase.captures == captures and purchase.unpaid:
                self._tally.defaulted.add(purchase.unpaid)

    def send(self, number: int, day: date, hour: int) -> list[Sent]:
        """What is asked of the engine in the slot of `hour` on `day`, the run's day `number`."""
        sent, self._again = self._again, []
        for purchase, step in self._agenda.pop((number, hour), ()):
            acted = self._act(purchase, step, number, hour)
            if acted is not None:
                sent.append(acted)
        for category in CATEGORIES:
            shops, weights = self._open[category.name]
            if not shops:
                continue
            count = self._demand.orders(category, day, hour)
            for shop in self._random.choices(shops, cum_weights=weights, k=count):
                sent += self._order(shop, day)
        return sent

    def hear(self, sent: Sequence[Sent], answers: Iterable[Answer | Trouble], number: int, hour: int) -> None:
        """Take the engine's answers in, in the order of what was sent."""
        tally = self._tally
        for one, answer in zip(sent, answers, strict=True):
            tally.commands += 1
            if isinstance(answer, Trouble):
                tally.surprised(f"{one.command.key}: {answer.code}")
            elif one.again or answer.replayed:
                tally.replayed += 1
                if not (one.again and answer.replayed):
                    tally.surprised(f"{one.command.key}: replayed is {answer.replayed}")
            else:
                self._hear(one, answer.outcome, number, hour)
                if self._random.randrange(1_000) < _RETRIED_PPT:
                    self._again.append(Sent(one.command, one.purchase, one.step, one.amount, again=True))

    def _hear(
        self, one: Sent, outcome: AuthorizationOutcome | OrderOutcome | None, number: int, hour: int
    ) -> None:
        purchase, step = one.purchase, one.step
        if isinstance(outcome, AuthorizationOutcome):
            if outcome.status == "refused":
                count_in(self._tally.refused, outcome.reason or "", purchase.amount)
                return
            self._tally.authorized.add(purchase.amount)
            purchase.id = outcome.id.partition("_")[2].partition(".")[0]
            self._lapses.setdefault((number + HOLD_DAYS, hour), []).append(purchase)
            for planned in plan_order(purchase.shop, self._random):
                slot = (number + planned.days, planned.hour)
                self._agenda.setdefault(slot, []).append((purchase, planned))
            month = self._month(purchase.shop)
            month.orders += 1
            month.gmv += purchase.amount
        elif step is None or outcome is None or outcome.reason is not None or outcome.amount != one.amount:
            self._tally.surprised(f"{one.command.key}: {outcome}")

    def _order(self, shop: Shop, day: date) -> list[Sent]:
        """A buyer's order, now and then asked for twice under two keys."""
        self._orders += 1
        random = self._random
        order_id = f"{day:%y%m%d}{self._orders:08d}"
        amount = draw_amount(shop, random)
        times = 2 if random.randrange(1_000) < _TWICE_PPT else 1
        sent: list[Sent] = []
        buyer_id = f"b{random.randrange(self._buyers):07d}"
        for time in range(times):
            key = f"order:{order_id}:{time}"
            command = Authorize(
                store_id=shop.store_id,
                order_id=order_id,
                buyer_id=buyer_id,
                amount=amount,
                currency="CNY",
                key=key,
                request_sha=_sha(key, amount),
                author=_AUTHOR,
            )
            sent.append(Sent(command, Purchase(shop, order_id, buyer_id, amount), None, amount))
        return sent

    def _act(self, purchase: Purchase, step: Step, number: int, hour: int) -> Sent | None:
        """The step as a command, its effect noted on the purchase; None where nothing is left to do."""
        tally = self._tally
        month = self._month(purchase.shop)
        asked: int | None
        match step.verb:
            case "capture":
                amount = max(1, purchase.held * step.parts // _TEN_THOUSAND)
                asked = None if step.parts == _TEN_THOUSAND else amount
                purchase.captured += amount
                purchase.freed += purchase.held if step.final else 0
                purchase.captures += 1
                month.shipped += purchase.captures == 1
                tally.captured.add(amount)
                defaults = self._defaults.setdefault((number + DEFAULT_DAYS, hour), [])
                defaults.append((purchase, purchase.captures))
            case "void":
                amount, asked = purchase.held, None
                purchase.freed += amount
                tally.voided.add(amount)
            case "return":
                shipped = purchase.captured - purchase.returned
                amount = asked = max(1, shipped * step.parts // _TEN_THOUSAND) if shipped else purchase.held
                if shipped:
                    purchase.refunded += max(0, amount - purchase.unpaid)
                    purchase.returned += amount
                else:
                    purchase.freed += amount
                month.returned += 1
                tally.returned.add(amount)
            case "repay":
                if not purchase.unpaid:
                    return None
                amount = asked = max(1, purchase.unpaid // step.instalments_left)
                purchase.repaid += amount
                tally.repaid.add(amount)
        purchase.steps_done += 1
        key = f"{step.verb}:{purchase.order_id}:{purchase.steps_done}"
        command = Act(
            kind=step.verb,
            store_id=purchase.shop.store_id,
            id=purchase.id,
            amount=asked,
            final=step.final,
            key=key,
            request_sha=_sha(key, amount),
            author=_AUTHOR,
        )
        return Sent(command, purchase, step, amount)

    def _month(self, shop: Shop) -> MonthTrade:
        found = self.month.get(shop.store_id)
        if found is None:
            found = self.month[shop.store_id] = MonthTrade()
        return found


def commands_of(sent: Iterable[Sent]) -> list[Command]:
    """The commands alone."""
    return [one.command for one in sent]


def _sha(key: str, amount: int) -> bytes:
    return hashlib.sha256(f"{key}:{amount}".encode()).digest()
