"""Random days of a known truth: exactly the breaks that it has, and proven only where there is none."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from houfu.iso20022.message import Entry
from reconciliation.programme import OPENING, TUESDAY, Payout, Programme, Status, line, statement

Fate = tuple[Status, Callable[[Payout], list[Entry]], Callable[[int], list[tuple[str, int]]]]
"""What the books say of a payout, its lines, and the breaks that these give, by kind and amount."""

FATES: dict[str, Fate] = {
    "learned_by_the_statement": ("in_transit", lambda p: [line(p)], lambda _: []),
    "known_before": ("paid", lambda p: [line(p)], lambda _: []),
    "without_id": ("in_transit", lambda p: [line(p, by_id=False)], lambda _: []),
    "on_its_way": ("in_transit", lambda _: [], lambda _: []),
    "paid_and_back": ("paid", lambda p: [line(p), line(p, credit=True)], lambda _: []),
    "back_of_which_both_know": ("returned", lambda p: [line(p, credit=True), line(p)], lambda _: []),
    "missing": ("paid", lambda _: [], lambda net: [("payout_without_line", -net)]),
    "missing_both_ways": (
        "returned",
        lambda _: [],
        lambda net: [("payout_without_line", -net), ("payout_without_line", net)],
    ),
    "doubled": ("in_transit", lambda p: [line(p), line(p)], lambda net: [("line_twice", net)]),
    "back_twice": (
        "paid",
        lambda p: [line(p), line(p, credit=True), line(p, credit=True)],
        lambda net: [("line_twice", -net)],
    ),
    "of_another_amount": (
        "in_transit",
        lambda p: [line(p, amount=p.net + 1)],
        lambda net: [("amount_differs", net + 1)],
    ),
    "known_of_another_amount": (
        "paid",
        lambda p: [line(p, amount=p.net + 1)],
        lambda net: [("amount_differs", net + 1), ("payout_without_line", -net)],
    ),
    "paid_though_it_failed": (
        "failed",
        lambda p: [line(p)],
        lambda net: [("line_without_payout", net)],
    ),
    "back_though_never_paid": (
        "in_transit",
        lambda p: [line(p, credit=True)],
        lambda net: [("line_without_payout", -net)],
    ),
}

_rails = count(1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fates=st.lists(st.tuples(st.sampled_from(sorted(FATES)), st.integers(1, 10**9)), max_size=12),
    late=st.lists(st.integers(1, 10**9), max_size=3),
    strangers=st.lists(st.tuples(st.integers(1, 10**6), st.booleans()), max_size=3),
    opens_off=st.sampled_from([0, 0, 0, 7]),
    seed=st.integers(0, 2**32),
)
async def test_a_day_has_exactly_its_breaks(
    programme: Programme,
    fates: list[tuple[str, int]],
    late: list[int],
    strangers: list[tuple[int, bool]],
    opens_off: int,
    seed: int,
) -> None:
    rail = f"rail{next(_rails)}"
    lines = [line(amount=amount, credit=credit) for amount, credit in strangers]
    expected = [("line_without_payout", -amount if credit else amount) for amount, credit in strangers]
    for fate, net in fates:
        status, shown, off = FATES[fate]
        (payout,) = await programme.payouts(net, status=status, rail=rail)
        lines += shown(payout)
        expected += off(net)
    Random(seed).shuffle(lines)
    not_yet = await programme.payouts(*late, status="paid", rail=rail) if late else []

    said = statement(*lines)
    await programme.take_up(said, rail=rail)
    found = Counter((one.kind, one.amount) for one in await programme.breaks(rail=rail))
    waiting = [("payout_without_line", -one.net) for one in not_yet]
    assert found == Counter([*expected, *waiting])
    proof = await programme.proof(rail=rail)
    assert proof.closing == OPENING + proof.credits - proof.debits
    assert proof.differs_by == proof.open_amount == sum(amount for _, amount in [*expected, *waiting])
    assert (proof.unexplained, proof.unsettled) == (0, 0)
    assert proof.proven is not bool(expected or waiting)

    # The next day brings what was late, whatever its own opening.
    await programme.take_up(
        statement(*(line(one, on=TUESDAY) for one in not_yet), day=TUESDAY, opening=said.closing + opens_off),
        rail=rail,
    )
    left = Counter(
        (one.kind, one.amount) for one in await programme.breaks(rail=rail) if one.status == "open"
    )
    chained = [("opening_differs", -opens_off)] if opens_off else []
    assert left == Counter([*expected, *chained])
    first, second = await programme.proof(rail=rail), await programme.proof(TUESDAY, rail=rail)
    assert (first.unexplained, second.unexplained) == (0, 0)
    assert first.proven is not bool(expected)
    assert second.proven is not bool(chained)
    assert first.differs_by + second.differs_by == sum(amount for _, amount in expected)
