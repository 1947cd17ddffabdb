"""What a change of policy does to a history of stores: the figures, and how they add up.

A row of the history is a store at a moment. Amounts are fen, shares basis points of the exposure under A, floored.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from houfu.policy.diff import Change, PolicyName
from houfu.policy.document import Policy
from houfu.policy.evaluate import policy_reasons
from houfu.policy.figures import Said

SEGMENTS_MAX = 40
"""Values of one dimension that are told apart; the smallest of more are summed up as one."""

OTHERS = "others"

Dimension = Literal["category", "level", "score", "tenure"]

SCORE_BANDS = ("0-19", "20-39", "40-59", "60-79", "80+")
TENURE_BANDS = ("0", "1-2", "3-5", "6-11", "12-23", "24+")

CHANGE_BANDS = (
    ("still_zero", Said("仍为零", "still zero")),
    ("same", Said("不变", "unchanged")),
    ("opened", Said("由零转正", "from zero")),
    ("closed", Said("降为零", "to zero")),
    ("up_0_5", Said("升 <5%", "up <5%")),
    ("up_5_10", Said("升 5-10%", "up 5-10%")),
    ("up_10_25", Said("升 10-25%", "up 10-25%")),
    ("up_25_50", Said("升 25-50%", "up 25-50%")),
    ("up_50_100", Said("升 50-100%", "up 50-100%")),
    ("up_100", Said("升 ≥100%", "up ≥100%")),
    ("down_0_5", Said("降 <5%", "down <5%")),
    ("down_5_10", Said("降 5-10%", "down 5-10%")),
    ("down_10_25", Said("降 10-25%", "down 10-25%")),
    ("down_25_50", Said("降 25-50%", "down 25-50%")),
    ("down_50_100", Said("降 50-100%", "down 50-100%")),
)
"""How a total changed, by the number that the statement gives it."""

_OPENED, _CLOSED = 2, 3
FIRST_RISE, FIRST_FALL = 4, 10


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What B does to some rows that A decided about.

    `opened` are zero under A and not under B, `closed` the other way round: the swap set; they are among those that
    `gain` and `lose`. `raised` - `lowered` = `net` = `exposure_b` - `exposure_a`. `short_a` and `short_b`: by how much
    the orders of the month before were more than the limit, summed; None where the history has no orders.
    """

    rows: int
    gain: int
    lose: int
    unchanged: int
    opened: int
    closed: int
    exposure_a: int
    exposure_b: int
    raised: int
    lowered: int
    net: int
    net_bp: int | None
    short_a: int | None
    short_b: int | None


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """The effect on the rows that share a value."""

    value: str
    effect: Effect


class ChangeBand(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows changed by so much of their limit under A, and the money."""

    band: str
    zh: str
    en: str
    rows: int
    exposure_a: int
    exposure_b: int


class RuleEffect(msgspec.Struct, frozen=True, kw_only=True):
    """On how many rows a rule applied under A and under B; None where the policy has no such rule."""

    code: str
    effect: str
    zh: str
    en: str
    a: int | None
    b: int | None


class StoreChange(msgspec.Struct, frozen=True, kw_only=True):
    """A store's greatest change in the history, and when."""

    store_id: str
    as_of: date | None
    a: int
    b: int
    change: int


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """Two policies on one history.

    `unmeasured`: rows that the history could not give, by what was missing; empty where it came from a file.
    """

    a: PolicyName
    b: PolicyName
    currency: str
    changes: tuple[Change, ...]
    whole: Effect
    moments: tuple[Segment, ...]
    segments: dict[str, tuple[Segment, ...]]
    distribution: tuple[ChangeBand, ...]
    rules: tuple[RuleEffect, ...]
    winners: tuple[StoreChange, ...]
    losers: tuple[StoreChange, ...]
    unmeasured: dict[str, int]
    notes: tuple[Said, ...]


class Cell(msgspec.Struct, frozen=True, gc=False):
    """Rows that changed alike, summed. `band` is a place in CHANGE_BANDS."""

    value: str
    band: int
    rows: int
    exposure_a: int
    exposure_b: int
    short_a: int | None
    short_b: int | None


def effect_of(cells: Iterable[Cell]) -> Effect:
    """The cells' rows taken together."""
    gain = lose = same = opened = closed = exposure_a = exposure_b = raised = lowered = 0
    short_a: int | None = None
    short_b: int | None = None
    for cell in cells:
        change = cell.exposure_b - cell.exposure_a
        exposure_a += cell.exposure_a
        exposure_b += cell.exposure_b
        if cell.band == _OPENED or FIRST_RISE <= cell.band < FIRST_FALL:
            gain += cell.rows
            raised += change
        elif cell.band == _CLOSED or cell.band >= FIRST_FALL:
            lose += cell.rows
            lowered -= change
        else:
            same += cell.rows
        opened += cell.rows if cell.band == _OPENED else 0
        closed += cell.rows if cell.band == _CLOSED else 0
        if cell.short_a is not None and cell.short_b is not None:
            short_a, short_b = (short_a or 0) + cell.short_a, (short_b or 0) + cell.short_b
    return Effect(
        rows=gain + lose + same,
        gain=gain,
        lose=lose,
        unchanged=same,
        opened=opened,
        closed=closed,
        exposure_a=exposure_a,
        exposure_b=exposure_b,
        raised=raised,
        lowered=lowered,
        net=exposure_b - exposure_a,
        net_bp=(exposure_b - exposure_a) * 10_000 // exposure_a if exposure_a else None,
        short_a=short_a,
        short_b=short_b,
    )


def segments_of(cells: Iterable[Cell], *, order: Sequence[str] = ()) -> tuple[Segment, ...]:
    """The cells by their value: in `order` if it is given, else the greatest exposure first, at most SEGMENTS_MAX."""
    by_value: dict[str, list[Cell]] = {}
    for cell in cells:
        by_value.setdefault(cell.value, []).append(cell)
    if order:
        return tuple(
            Segment(value=value, effect=effect_of(by_value[value])) for value in order if value in by_value
        )
    ranked = sorted(by_value, key=lambda value: (-sum(cell.exposure_a for cell in by_value[value]), value))
    kept = ranked if len(ranked) <= SEGMENTS_MAX else ranked[: SEGMENTS_MAX - 1]
    made = [Segment(value=value, effect=effect_of(by_value[value])) for value in kept]
    rest = [cell for value in ranked[len(kept) :] for cell in by_value[value]]
    return (*made, Segment(value=OTHERS, effect=effect_of(rest))) if rest else tuple(made)


def distribution_of(cells: Iterable[Cell]) -> tuple[ChangeBand, ...]:
    """How the totals changed, every band, empty ones included."""
    rows, exposure_a, exposure_b = ([0] * len(CHANGE_BANDS) for _ in range(3))
    for cell in cells:
        rows[cell.band] += cell.rows
        exposure_a[cell.band] += cell.exposure_a
        exposure_b[cell.band] += cell.exposure_b
    return tuple(
        ChangeBand(
            band=name,
            zh=words.zh,
            en=words.en,
            rows=rows[nth],
            exposure_a=exposure_a[nth],
            exposure_b=exposure_b[nth],
        )
        for nth, (name, words) in enumerate(CHANGE_BANDS)
    )


def rules_of(a: Policy, b: Policy, masks: Mapping[tuple[int, int], int]) -> tuple[RuleEffect, ...]:
    """How often each rule applied, in B's order, then what only A has. `masks` has the rows of each pair of masks."""
    counted_a = _counted(a, ((mask, rows) for (mask, _), rows in masks.items()))
    counted_b = _counted(b, ((mask, rows) for (_, mask), rows in masks.items()))
    words = {reason.code: reason for policy in (a, b) for reason in policy_reasons(policy)}
    return tuple(
        RuleEffect(
            code=code,
            effect=words[code].effect,
            zh=words[code].message_zh,
            en=words[code].message_en,
            a=counted_a.get(code),
            b=counted_b.get(code),
        )
        for code in dict.fromkeys((*counted_b, *counted_a))
    )


def _counted(policy: Policy, masks: Iterable[tuple[int, int]]) -> dict[str, int]:
    counted = dict.fromkeys(policy.rules.codes, 0)
    for mask, rows in masks:
        for bit, code in enumerate(policy.rules.codes):
            if mask >> bit & 1:
                counted[code] += rows
    return counted


def greatest(changes: Iterable[StoreChange], count: int) -> tuple[StoreChange, ...]:
    """The `count` stores whose totals changed most, each with its greatest change."""
    found: dict[str, StoreChange] = {}
    for change in sorted(
        changes, key=lambda each: (-abs(each.change), each.store_id, each.as_of or date.min)
    ):
        found.setdefault(change.store_id, change)
        if len(found) == count:
            break
    return tuple(found.values())
