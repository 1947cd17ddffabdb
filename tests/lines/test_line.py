"""A line's total follows from dated layers, and an order fits or is told the first reason why not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from houfu.core.reason import Reason, Refusal
from houfu.lines.line import Layer, Line, Status, authorize, next_change, next_fall, retotaled, total_at
from houfu.lines.order import Order
from houfu.policy.terms import Orders
from lines.programme import order_terms

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return NOW + timedelta(days=number)


def layer(amount: int, start: int, end: int | None = None, *, kind: str = "base") -> Layer:
    return Layer(kind, amount, day(start), None if end is None else day(end), kind)


def line(*, total: int = 100, used: int = 0, status: Status = "open", **rest: Any) -> Line:
    return Line(
        **{
            "store_id": "s1",
            "status": status,
            "currency": "CNY",
            "total": total,
            "total_until": None,
            "used": used,
            "assessment_id": "0" * 32,
            "cap": None,
            "zeroed": False,
            "rounding": 1,
            **rest,
        }
    )


# --- totals

LAYERS = [layer(1_000, 0), layer(250, 10, 20, kind="promotion"), layer(99, 0, 15, kind="course")]


@pytest.mark.parametrize(
    ("moment", "total"),
    [(-1, 0), (0, 1_099), (9, 1_099), (10, 1_349), (14, 1_349), (15, 1_250), (20, 1_000), (400, 1_000)],
)
def test_a_total_is_the_sum_of_the_layers_in_force(moment: int, total: int) -> None:
    assert total_at(LAYERS, day(moment), cap=None, zeroed=False, rounding=1) == total


def test_a_layer_ends_just_before_its_end() -> None:
    assert total_at(LAYERS, day(20) - timedelta(microseconds=1), cap=None, zeroed=False, rounding=1) == 1_250


@pytest.mark.parametrize(
    ("cap", "zeroed", "rounding", "total"),
    [
        (None, False, 100, 1_300),
        (1_349, False, 1, 1_349),
        (1_300, False, 1, 1_300),
        (1_299, False, 100, 1_200),
        (0, False, 1, 0),
        (None, True, 1, 0),
        (5_000, True, 100, 0),
        (None, False, 10_000, 0),
    ],
)
def test_a_total_is_capped_then_floored_and_zero_where_a_rule_says_so(
    cap: int | None, zeroed: bool, rounding: int, total: int
) -> None:
    assert total_at(LAYERS, day(10), cap=cap, zeroed=zeroed, rounding=rounding) == total


@pytest.mark.parametrize(("moment", "following"), [(-1, 0), (0, 10), (10, 15), (15, 20)])
def test_the_next_change_is_the_next_edge_of_a_layer(moment: int, following: int) -> None:
    assert next_change(LAYERS, day(moment)) == day(following)


def test_after_the_last_edge_nothing_changes() -> None:
    assert next_change(LAYERS, day(20)) is None
    assert next_change([], day(0)) is None


@pytest.mark.parametrize(
    ("layers", "rest", "fall"),
    [
        (LAYERS, {}, (15, 99)),
        ([layer(1_000, 0)], {}, None),
        ([], {}, None),
        ([layer(1_000, 0, 5)], {}, (5, 1_000)),
        ([layer(1_000, 0, 5), layer(1_000, 5, 9, kind="again")], {}, (9, 1_000)),
        ([layer(1_000, 0), layer(50, 0, 5, kind="small")], {"rounding": 100}, None),
        ([layer(1_000, 0), layer(500, 0, 5, kind="over the cap")], {"cap": 1_000}, None),
        ([layer(1_000, 0), layer(500, 0, 5, kind="over the cap")], {"cap": 1_200}, (5, 200)),
        (LAYERS, {"zeroed": True}, None),
    ],
)
def test_the_next_fall_is_when_the_total_falls_and_not_merely_a_layer(
    layers: list[Layer], rest: dict[str, Any], fall: tuple[int, int] | None
) -> None:
    found = next_fall(line(**rest), layers, day(0))
    assert (found and (found.at, found.by)) == (fall and (day(fall[0]), fall[1]))


def test_a_line_takes_up_the_total_of_a_moment_and_until_when_it_holds() -> None:
    after = retotaled(line(total=1_099), LAYERS, day(12))
    assert (after.total, after.total_until) == (1_349, day(15))


@pytest.mark.parametrize(
    ("total", "used", "available", "over_used"),
    [(100, 0, 100, 0), (100, 100, 0, 0), (100, 130, 0, 30), (0, 5, 0, 5)],
)
def test_available_never_goes_below_zero(total: int, used: int, available: int, over_used: int) -> None:
    seen = line(total=total, used=used)
    assert (seen.available, seen.over_used) == (available, over_used)


# --- whether an order fits


def ask(
    on: Line | None,
    *,
    amount: int = 10,
    currency: str = "CNY",
    already_authorized: bool = False,
    terms: Orders | None = None,
) -> Order | Refusal:
    return authorize(
        on,
        id="1" * 32,
        store_id="s1",
        order_id="o1",
        buyer_id="b1",
        amount=amount,
        currency=currency,
        already_authorized=already_authorized,
        terms=terms or order_terms(),
        now=NOW,
    )


WRONG: dict[Reason, dict[str, Any]] = {
    Reason.AMOUNT_NOT_POSITIVE: {"amount": 0},
    Reason.LINE_NOT_OPEN: {"status": "closed"},
    Reason.LINE_SUSPENDED: {"status": "suspended"},
    Reason.CURRENCY_DIFFERS: {"currency": "USD"},
    Reason.ORDER_ALREADY_AUTHORIZED: {"already_authorized": True},
    Reason.LIMIT_EXCEEDED: {"used": 91},
}
"""What is wrong with a request, in the order of the checks."""


@pytest.mark.parametrize("reason", WRONG)
def test_the_first_failing_check_gives_the_reason(reason: Reason) -> None:
    """Everything that is checked later is wrong as well, and alone it is enough."""
    later = list(WRONG)[list(WRONG).index(reason) :]
    for wrong in ([reason], later):
        faults: dict[str, Any] = {}
        for each in reversed(wrong):
            faults |= WRONG[each]
        on = line(used=faults.pop("used", 0), status=faults.pop("status", "open"))
        assert ask(on, **faults) == Refusal(reason)


def test_without_a_line_it_is_not_open() -> None:
    assert ask(None, currency="USD", already_authorized=True) == Refusal(Reason.LINE_NOT_OPEN)
    assert ask(None, amount=-1) == Refusal(Reason.AMOUNT_NOT_POSITIVE)


def test_the_last_fen_of_the_line_can_be_held() -> None:
    made = ask(line(used=90))
    assert isinstance(made, Order)
    assert (made.status, made.amount, made.over_limit_amount) == ("authorized", 10, 0)
    assert made.expires_at == made.due_at == day(15)


@pytest.mark.parametrize(
    ("total", "used", "amount", "bp", "beyond"),
    [
        (100, 90, 10, 2_000, 0),
        (100, 90, 11, 2_000, 1),
        (100, 90, 30, 2_000, 20),
        (100, 90, 31, 2_000, None),
        (100, 110, 10, 2_000, 10),
        (100, 110, 11, 2_000, None),
        (100, 90, 11, 0, None),
        (99, 99, 19, 2_000, 19),
        (99, 99, 20, 2_000, None),  # 19.8 fen are 19
        (0, 0, 1, 100_000, None),
        (10, 0, 110, 100_000, 110 - 10),
    ],
)
def test_a_policy_may_let_a_store_ship_beyond_its_line_up_to_a_share_of_it(
    total: int, used: int, amount: int, bp: int, beyond: int | None
) -> None:
    made = ask(line(total=total, used=used), amount=amount, terms=order_terms(over_limit_bp=bp))
    if beyond is None:
        assert made == Refusal(Reason.LIMIT_EXCEEDED)
    else:
        assert isinstance(made, Order)
        assert made.over_limit_amount == beyond
