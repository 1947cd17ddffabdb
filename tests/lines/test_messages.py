"""Every change of a line is told to its store, in words with amounts (B14, C4)."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from houfu.events.actions import inbox
from houfu.events.message import MEANING, Kind, Message
from houfu.lines import actions
from houfu.lines.cause import WORDING, Cause, in_words
from houfu.lines.change import LineChange, announcement
from houfu.lines.line import Line, Status
from houfu.stores.facts import KINDS
from lines.programme import COURSE, Programme

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
SOURCE = Path(__file__).parents[2] / "src"
LINE = Line(
    store_id="s1",
    status="open",
    currency="CNY",
    total=0,
    total_until=None,
    used=0,
    assessment_id="0" * 32,
    cap=None,
    zeroed=False,
    rounding=1,
)
ID = "019cac0f268070008001828acc6bcda6"


@dataclass(frozen=True)
class Step:
    """A change, and what the store is told of it."""

    kind: Kind
    was: tuple[Status, int]
    now: tuple[Status, int]
    zh: str
    en: str
    cause: str = "quarter"
    used: int = 0
    currency: str = "CNY"

    def message(self) -> Message:
        before = msgspec.structs.replace(
            LINE, status=self.was[0], total=self.was[1], used=self.used, currency=self.currency
        )
        after = msgspec.structs.replace(before, status=self.now[0], total=self.now[1])
        return announcement(LineChange(ID, before, after, self.cause, "worker", AT))


STEPS = [
    Step(
        Kind.LINE_OPENED,
        ("closed", 0),
        ("open", 5_000_000),
        "您的额度已开通,总额度¥50,000.00:店铺加入。",
        "Your line is open with a limit of ¥50,000.00: the store joined.",
        cause="store_enrolled",
    ),
    Step(
        Kind.LINE_OPENED,
        ("closed", 0),
        ("open", 0),
        "您的额度已开通,总额度¥0.00:店铺加入。",
        "Your line is open with a limit of ¥0.00: the store joined.",
        cause="store_enrolled",
    ),
    Step(
        Kind.LIMIT_RAISED,
        ("open", 5_000_000),
        ("open", 6_000_000),
        "您的额度由¥50,000.00调整为¥60,000.00:季度评估。",
        "Your limit went from ¥50,000.00 to ¥60,000.00: quarterly assessment.",
    ),
    Step(
        Kind.LIMIT_LOWERED,
        ("open", 6_000_000),
        ("open", 5_000_000),
        "您的额度由¥60,000.00调整为¥50,000.00:资金被冻结。",
        "Your limit went from ¥60,000.00 to ¥50,000.00: funds were frozen.",
        cause="funds_frozen",
        used=5_000_000,
    ),
    Step(
        Kind.LIMIT_LOWERED,
        ("suspended", 6_000_000),
        ("suspended", 5_000_000),
        "您的额度由¥60,000.00调整为¥50,000.00:月度检查。"
        "已用额度¥55,000.00超出总额度¥5,000.00:已垫付的款项不会追回,可使用额度为¥0.00。",
        "Your limit went from ¥60,000.00 to ¥50,000.00: monthly check."
        " You use ¥55,000.00, ¥5,000.00 more than the limit: nothing is clawed back, and ¥0.00 is available.",
        cause="month_check",
        used=5_500_000,
    ),
    Step(
        Kind.LIMIT_ZEROED,
        ("open", 6_000_000),
        ("open", 0),
        "您的额度由¥60,000.00降为¥0.00:严重违规。"
        "已用额度¥0.01超出总额度¥0.01:已垫付的款项不会追回,可使用额度为¥0.00。",
        "Your limit went from ¥60,000.00 down to ¥0.00: a serious violation."
        " You use ¥0.01, ¥0.01 more than the limit: nothing is clawed back, and ¥0.00 is available.",
        cause="serious_violation",
        used=1,
    ),
    Step(
        Kind.LIMIT_RAISED,
        ("open", 100),
        ("open", 200),
        "您的额度由USD 1.00调整为USD 2.00:人工复核通过。"
        "已用额度USD 3.00超出总额度USD 1.00:已垫付的款项不会追回,可使用额度为USD 0.00。",
        "Your limit went from USD 1.00 to USD 2.00: a person looked and accepted the assessment."
        " You use USD 3.00, USD 1.00 more than the limit: nothing is clawed back, and USD 0.00 is available.",
        cause="referral_accepted",
        used=300,
        currency="USD",
    ),
    Step(
        Kind.LINE_SUSPENDED,
        ("open", 100),
        ("suspended", 100),
        "您的额度已暂停使用,暂不接受新的先用后付订单:核对 {why} 资料。",
        "Your line is suspended and takes no new orders for now: 核对 {why} 资料.",
        cause="核对 {why} 资料",
        used=200,
    ),
    Step(
        Kind.LINE_RESUMED,
        ("suspended", 100),
        ("open", 100),
        "您的额度已恢复使用,总额度¥1.00:checked。",
        "Your line takes new orders again, with a limit of ¥1.00: checked.",
        cause="checked",
    ),
    Step(
        Kind.LINE_CLOSED,
        ("suspended", 100),
        ("closed", 100),
        "您的额度已关闭,不再接受新的先用后付订单:left。",
        "Your line is closed and takes no new orders: left.",
        cause="left",
    ),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.kind)
def test_a_change_is_told_in_words_with_amounts(step: Step) -> None:
    message = step.message()
    assert (message.kind, message.message_zh, message.message_en) == (step.kind, step.zh, step.en)
    assert (message.store_id, message.id, message.occurred_at) == ("s1", ID, AT)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.kind)
def test_a_message_of_a_change_carries_the_data_its_kind_promises(step: Step) -> None:
    data = step.message().data
    assert tuple(data) == MEANING[step.kind].fields
    assert (data["from_total"], data["to_total"]) == (step.was[1], step.now[1])
    assert (data["available"], data["over_used"]) == (
        max(0, step.now[1] - step.used),
        max(0, step.used - step.now[1]),
    )


def test_every_kind_of_a_line_was_told() -> None:
    of_a_line = {kind for kind in Kind if MEANING[kind].fields == MEANING[Kind.LINE_OPENED].fields}
    assert {step.kind for step in STEPS} == of_a_line


def test_every_cause_has_words_in_both_languages_and_what_people_write_stays_as_given() -> None:
    assert set(WORDING) == set(Cause)
    for cause, wording in WORDING.items():
        assert (in_words(cause, "zh"), in_words(cause, "en")) == (wording.zh, wording.en)
        assert wording.en.isascii()
        assert not wording.zh.isascii()
    assert in_words("核对资料", "en") == "核对资料"


def test_every_kind_of_fact_is_a_cause() -> None:
    assert set(KINDS) <= set(Cause)


def test_every_cause_that_the_source_gives_is_in_the_list() -> None:
    given = {
        (str(file.relative_to(SOURCE)), cause)
        for file in SOURCE.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "cause"
        for cause in texts(keyword.value)
    }
    assert given
    assert {(file, cause) for file, cause in given if cause not in set(Cause)} == set()


def texts(value: ast.expr) -> list[object]:
    """What is written out in a value, also in the branches of a choice."""
    match value:
        case ast.Constant(value=text):
            return [text]
        case ast.IfExp(body=one, orelse=other):
            return texts(one) + texts(other)
        case _:
            return []


async def test_each_change_is_told_in_its_own_transaction_with_its_own_id(programme: Programme) -> None:
    await programme.open_store("s1", level=1)
    await programme.complete_course("s1")
    await programme.authorize("s1", "o1", 60)
    programme.clock.move_to(programme.clock.now() + timedelta(days=100))
    # The course's layer ended on the way: the next order meets the lower total, and the store is told of both.
    refused = await programme.authorize("s1", "o2", 1)
    assert refused.status == "refused"
    told = (await inbox(programme.connection, "s1", limit=10))[::-1]
    assert [(one.seq, one.message.kind, one.message.data["to_total"]) for one in told] == [
        (1, Kind.LINE_OPENED, 40),
        (2, Kind.LIMIT_RAISED, 40 + COURSE),
        (3, Kind.LIMIT_LOWERED, 40),
    ]
    last = told[-1]
    assert last.message.data["over_used"] == 20
    assert last.message.message_zh == (
        "您的额度由¥0.70调整为¥0.40:有期限的额度生效或到期。"
        "已用额度¥0.60超出总额度¥0.20:已垫付的款项不会追回,可使用额度为¥0.00。"
    )
    # It happened when the layer ended, and was recorded when somebody came by.
    assert last.message.occurred_at < last.recorded_at == programme.clock.now()
    history = await actions.changes(programme.connection, "s1", before=None, limit=10)
    assert [one.message.id for one in told] == [change.id for change in history[::-1]]


async def test_orders_that_change_no_total_send_nothing(programme: Programme) -> None:
    await programme.open_store("s1")
    made = await programme.authorize("s1", "o1", 10)
    await programme.act("capture", made.id, 10)
    await programme.act("repay", made.id, 10)
    assert len(await inbox(programme.connection, "s1", limit=10)) == 1
