"""The messages that no change of a line makes, in words; and what every kind promises."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from houfu.events.message import MEANING, Kind, Message, Sent
from houfu.events.notice import limit_referred, policy_announced, usage_reminder

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
ID = "019cac0f268070008001828acc6bcda6"


def announced(total_now: int, total_then: int | None) -> Message:
    return policy_announced(
        "s1",
        id=ID,
        policy_version=2,
        policy_zh="先用后付商家额度方案",
        policy_en="Pay-later limits",
        effective_on=date(2026, 4, 1),
        total_now=total_now,
        total_then=total_then,
        occurred_at=AT,
    )


def reminder(total: int, used: int, warning_bp: int = 8_000) -> Message:
    return usage_reminder("s1", id=ID, total=total, used=used, warning_bp=warning_bp, occurred_at=AT)


REFERRED = limit_referred(
    "s1",
    id=ID,
    total=5_000_000,
    referred_by=["large_rise", "new_owner"],
    because_zh=["额度上调过快", "更换经营者"],
    because_en=["the limit rises fast", "the owner changed"],
    occurred_at=AT,
)


@pytest.mark.parametrize(
    ("message", "zh", "en"),
    [
        (
            announced(5_000_000, 6_000_000),
            "《先用后付商家额度方案》第2版将于2026-04-01生效:按您目前的经营情况,额度将由¥50,000.00变为¥60,000.00。",
            "Version 2 of “Pay-later limits” takes effect on 2026-04-01: as your store stands, your limit will go from"
            " ¥50,000.00 to ¥60,000.00.",
        ),
        (
            announced(5_000_000, 5_000_000),
            "《先用后付商家额度方案》第2版将于2026-04-01生效:按您目前的经营情况,额度¥50,000.00不变。",
            "Version 2 of “Pay-later limits” takes effect on 2026-04-01: as your store stands, your limit of ¥50,000.00"
            " stays.",
        ),
        (
            announced(5_000_000, None),
            "《先用后付商家额度方案》第2版将于2026-04-01生效:对您额度的影响将在生效后评估时确定。",
            "Version 2 of “Pay-later limits” takes effect on 2026-04-01: what it does to your limit is decided at the"
            " assessment after that day.",
        ),
        (
            reminder(5_000_000, 4_100_000),
            "您的额度已使用82%(¥41,000.00,总额度¥50,000.00),超过80%的提醒线,可使用额度为¥9,000.00。建议为突发订单预留额度。",
            "You use 82% of your limit (¥41,000.00 of ¥50,000.00), more than the warning at 80%; ¥9,000.00 is available."
            " Keep a reserve for sudden orders.",
        ),
        (
            REFERRED,
            "您的额度评估需要人工复核:额度上调过快、更换经营者。复核完成之前,额度¥50,000.00不变。",
            "A person will look at the assessment of your limit: the limit rises fast; the owner changed. Until then your"
            " limit of ¥50,000.00 stays.",
        ),
    ],
)
def test_a_notice_says_in_both_languages_what_it_is_about(message: Message, zh: str, en: str) -> None:
    assert (message.message_zh, message.message_en) == (zh, en)
    sent = Sent(1, message, AT)
    assert (sent.words("zh"), sent.words("en")) == (zh, en)
    assert sent.public_id == f"msg_{ID}.s1"


@pytest.mark.parametrize(
    ("total", "used", "bp", "available", "share"),
    [
        (3, 2, 6_666, 1, "66.66%"),
        (100, 100, 10_000, 0, "100%"),
        (100, 250, 25_000, 0, "250%"),
        (10_000, 9_005, 9_005, 995, "90.05%"),
    ],
)
def test_the_utilisation_is_rounded_down_and_available_never_negative(
    total: int, used: int, bp: int, available: int, share: str
) -> None:
    told = reminder(total, used, warning_bp=6_000)
    assert (told.data["utilisation_bp"], told.data["available"]) == (bp, available)
    assert f"您的额度已使用{share}(" in told.message_zh


def test_every_kind_has_a_meaning() -> None:
    assert set(MEANING) == set(Kind)
    for meaning in MEANING.values():
        assert meaning.zh
        assert meaning.en
        assert len(set(meaning.fields)) == len(meaning.fields) > 0


@pytest.mark.parametrize("message", [announced(1, 2), reminder(100, 90), REFERRED], ids=lambda m: m.kind)
def test_a_notice_carries_the_data_its_kind_promises(message: Message) -> None:
    assert tuple(message.data) == MEANING[message.kind].fields
