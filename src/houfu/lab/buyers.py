"""What becomes of an order: when the store ships, what comes back, how the buyer pays, and whether.

`plan_order` draws an order's whole fate when it is authorized. `Purchase` then keeps account of it apart from
the engine, so that the year's books can be checked against what was done to them.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from houfu.lab.marketplace import Shop

Verb = Literal["capture", "void", "repay", "return"]

SLOT_HOURS: Final = (10, 15, 21)
"""The hours of a day at which things happen."""
DEFAULT_DAYS: Final = 60

_TEN_THOUSAND: Final = 10_000
_PRICES: Final = (28, 40, 52, 63, 74, 86, 100, 117, 136, 159, 190, 235, 310, 460, 900)
"""Orders in percent of the median, each as likely: most are small, few are large."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do with an order, `days` after its authorization at the slot of `hour`.

    `parts` in ten-thousandths: of the hold when captured, of what was shipped when returned. A repayment pays
    one part in `instalments_left` of what is unpaid.
    """

    days: int
    hour: int
    verb: Verb
    parts: int = _TEN_THOUSAND
    final: bool = False
    instalments_left: int = 1


@dataclass(slots=True)
class Purchase:
    """An order and its amounts, fen, as the simulator did them; none is read from the engine."""

    shop: Shop
    order_id: str
    buyer_id: str
    amount: int
    id: str = ""
    captured: int = 0
    freed: int = 0
    repaid: int = 0
    returned: int = 0
    refunded: int = 0
    captures: int = 0
    steps_done: int = 0

    @property
    def held(self) -> int:
        return self.amount - self.captured - self.freed

    @property
    def unpaid(self) -> int:
        return self.captured - self.repaid - (self.returned - self.refunded)


def draw_amount(shop: Shop, random: Random) -> int:
    """What an order of the store costs, fen, to the jiao."""
    percent = random.choice(_PRICES) * shop.price_percent
    return max(100, shop.category.price * percent // 100_000 * 10 + 10 * random.randrange(10))


def plan_order(shop: Shop, random: Random) -> tuple[Step, ...]:
    """The fate of an order that was authorized, in order of time; an order without steps lapses (A5)."""
    fate = random.randrange(_TEN_THOUSAND)
    if fate < 120:
        return ()
    if fate < 420:
        return (Step(1 + random.randrange(3), _hour(random), "void"),)
    if fate < 560:
        return (Step(1 + random.randrange(2), _hour(random), "return"),)
    shipped_after = random.choice((1, 1, 1, 1, 2, 2, 3))
    hour = _hour(random)
    steps: list[Step]
    if fate < 900:
        first = 5_000 + random.randrange(2_500)
        steps = [
            Step(shipped_after, hour, "capture", first),
            Step(shipped_after + 1 + random.randrange(2), hour, "capture"),
        ]
    elif fate < 1_150:
        steps = [Step(shipped_after, hour, "capture", 6_000 + random.randrange(3_500), final=True)]
    else:
        steps = [Step(shipped_after, hour, "capture")]
    received_after = steps[-1].days + 2 + random.randrange(5)
    steps += _payments(received_after, random)
    if random.randrange(_TEN_THOUSAND) < shop.return_bp:
        parts = _TEN_THOUSAND if random.randrange(4) else 3_000 + random.randrange(4_000)
        steps.append(Step(received_after + 1 + random.randrange(6), _hour(random), "return", parts))
    return tuple(sorted(steps, key=lambda step: (step.days, step.hour)))


def _payments(received_after: int, random: Random) -> list[Step]:
    """How the buyer pays (A1): mostly at once, often in three instalments, sometimes late, seldom never."""
    habit = random.randrange(_TEN_THOUSAND)
    if habit < 85:
        return _default(received_after, random)
    if habit < 700:
        late = received_after + 15 + random.randrange(30)
        return [Step(late, _hour(random), "repay")]
    if habit < 3_700:
        hour = _hour(random)
        return [
            Step(received_after, hour, "repay", instalments_left=3),
            Step(received_after + 18, hour, "repay", instalments_left=2),
            Step(received_after + 36, hour, "repay"),
        ]
    return [Step(received_after + random.randrange(3), _hour(random), "repay")]


def _default(received_after: int, random: Random) -> list[Step]:
    steps: list[Step] = []
    if random.randrange(3) == 0:
        steps.append(Step(received_after, _hour(random), "repay", instalments_left=3))
    if random.randrange(10) < 3:
        recovered = received_after + DEFAULT_DAYS + random.randrange(40)
        steps.append(Step(recovered, _hour(random), "repay"))
    return steps


def _hour(random: Random) -> int:
    return random.choice(SLOT_HOURS)
