"""A small year, run twice: the same books to the last hash, and every figure as the simulator counted it."""

from __future__ import annotations

import io
from datetime import date
from random import Random

import msgspec
import pytest
from rich.console import Console

from houfu.lab.demand import Demand
from houfu.lab.marketplace import found_shops
from houfu.lab.report import Count, Figures, Report, differences
from houfu.lab.sheet import print_report
from houfu.lab.tally import Sum, Tally, count_in
from houfu.lab.trade import Trade
from houfu.lines.command import Trouble


def test_the_same_seed_writes_the_same_books_on_a_quiet_and_on_a_busy_machine(
    years: tuple[Report, Report],
) -> None:
    first, second = years
    assert first.figures.books_sha256 == second.figures.books_sha256
    assert first.figures == second.figures
    assert first.commands == second.commands


def test_the_books_of_a_year_verify(years: tuple[Report, Report]) -> None:
    for report in years:
        assert report.ledger.verified
        assert report.ledger.stores == 20
        assert report.ledger.journals > 300
        assert len(report.ledger.invariants) >= 16


def test_every_figure_is_as_the_simulator_counted_it(years: tuple[Report, Report]) -> None:
    assert all(report.tally_agrees for report in years)


def test_even_a_small_year_has_every_kind_of_trade(years: tuple[Report, Report]) -> None:
    found = years[0].figures
    for count in (
        found.authorized,
        found.advanced,
        found.repaid,
        found.returned,
        found.voided,
        found.expired,
        found.withdrawn,
        *found.refused.values(),
        *found.withdrawals_refused.values(),
        *found.reviews.values(),
    ):
        assert count.count > 0
        assert count.amount > 0
    assert "limit_exceeded" in found.refused
    assert found.reviews
    assert found.fees > 0
    assert found.advanced == found.captured
    assert [month.month for month in found.months] == [date(2026, 1, 1), date(2026, 2, 1)]
    assert sum(month.authorized for month in found.months) == found.authorized.count
    assert sum(month.advanced for month in found.months) == found.advanced.amount
    assert found.months[-1].granted == sum(row.total for row in found.categories)
    assert sum(row.stores for row in found.categories) == years[0].stores


def test_money_in_the_report_balances(years: tuple[Report, Report]) -> None:
    found = years[0].figures
    paid_out = found.withdrawn.amount - found.in_transit - found.fees
    bank = found.repaid.amount - paid_out
    owned = bank + found.receivable + found.liability + found.losses
    owed = found.store_balances + found.in_transit + found.fees
    # Refunds of paid goods leave the bank at the store's cost; liability that withdrawals collected never reached it.
    assert 0 <= owned - owed <= found.returned.amount + found.withdrawn.amount


def test_a_report_prints_every_reason_and_goes_through_json(years: tuple[Report, Report]) -> None:
    report = years[0]
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
    paper = io.StringIO()
    print_report(report, Console(file=paper, width=80))
    text = paper.getvalue()
    for reason in (*report.figures.refused, *report.figures.withdrawals_refused):
        assert reason in text
    assert "Ledger verified" in text
    assert "agrees with the books" in text
    assert report.figures.books_sha256 in text
    assert "…" not in text


def test_a_tally_that_differs_from_the_books_says_where(years: tuple[Report, Report]) -> None:
    found = years[0].figures
    told = differences(found, Tally())
    assert any(line.startswith("authorized: the books say") for line in told)
    assert any(line.startswith("refused: limit_exceeded") for line in told)
    assert any(line.startswith("fees:") for line in told)
    tally = tally_of(found)
    assert differences(found, tally) == []
    tally.repaid.add(1)
    assert differences(found, tally) == [
        f"repaid: the books say {found.repaid.count} of {found.repaid.amount} fen, "
        f"the simulator {found.repaid.count + 1} of {found.repaid.amount + 1}"
    ]


def tally_of(found: Figures) -> Tally:
    """The tally that agrees with the figures."""

    def same(count: Count) -> Sum:
        return Sum(count.count, count.amount)

    failed = [same(count) for count in found.withdrawals_failed.values()]
    return Tally(
        authorized=same(found.authorized),
        refused={reason: same(count) for reason, count in found.refused.items()},
        captured=same(found.captured),
        voided=same(found.voided),
        expired=same(found.expired),
        repaid=same(found.repaid),
        returned=same(found.returned),
        defaulted=same(found.defaulted),
        withdrawn=Sum(
            found.withdrawn.count + sum(one.count for one in failed),
            found.withdrawn.amount + sum(one.amount for one in failed),
        ),
        withdrawals_failed=Sum(sum(one.count for one in failed), sum(one.amount for one in failed)),
        withdrawals_refused={reason: same(count) for reason, count in found.withdrawals_refused.items()},
        reviews={rule: same(count) for rule, count in found.reviews.items()},
        reviews_decided=dict(found.reviews_decided),
        fees=found.fees,
    )


def test_an_answer_that_was_not_expected_is_a_surprise() -> None:
    tally = Tally()
    shops = found_shops(count=30, start=date(2026, 1, 1), days=30, seed=1)
    trade = Trade(
        demand=Demand(
            start=date(2026, 1, 1),
            orders_a_year=100_000,
            weights={shop.category.name: 1 for shop in shops},
            random=Random(1),
        ),
        shops=len(shops),
        seed=1,
        tally=tally,
    )
    trade.open_shops(shops)
    sent = trade.send(0, date(2026, 1, 1), 10)
    assert sent
    trade.hear(sent, [Trouble("internal")] * len(sent), 0, 10)
    assert tally.commands == len(sent)
    assert len(tally.surprises) == min(20, len(sent))
    assert tally.surprises[0].endswith("internal")


@pytest.mark.parametrize("reasons", [("a",), ("a", "b", "a")])
def test_reasons_are_summed_apart(reasons: tuple[str, ...]) -> None:
    sums: dict[str, Sum] = {}
    for reason in reasons:
        count_in(sums, reason, 5)
    assert {reason: sums[reason].count for reason in sums} == {
        reason: reasons.count(reason) for reason in reasons
    }
