"""The backtest as a page: the headline first, then where the money moves, then every figure in tables."""

from houfu.policy.figures import Said
from houfu.policy.rehearsal import OTHERS, Effect, Rehearsal, Segment
from houfu.reports.page import render

_SEGMENTS = {
    "category": Said("按类目", "by category"),
    "level": Said("按店铺等级", "by store level"),
    "score": Said("按得分(A)", "by score under A"),
    "tenure": Said("按开店月数", "by months open"),
}

EFFECT_WORDS = {
    "base": Said("基础", "base"),
    "reduction": Said("降额", "reduction"),
    "layer": Said("增额", "layer"),
    "cap": Said("封顶", "cap"),
    "rounding": Said("取整", "rounding"),
    "zero": Said("清零", "zero"),
    "refer": Said("复核", "refer"),
    "partner": Said("资金方", "partner"),
    "step": Said("计算", "step"),
}
"""What a rule does, in words."""


def backtest_page(rehearsal: Rehearsal) -> str:
    """One HTML file with everything in it."""
    last = rehearsal.moments[-1].effect if rehearsal.moments else rehearsal.whole
    whole = rehearsal.whole
    return render(
        "backtest.html.j2",
        rehearsal,
        r=rehearsal,
        last=last,
        shorts=whole.short_a is not None,
        moments=_rows(rehearsal.moments, whole),
        segments=[
            (key, words.zh, words.en, _rows(rehearsal.segments[key], whole))
            for key, words in _SEGMENTS.items()
            if rehearsal.segments.get(key)
        ],
        effect_words=EFFECT_WORDS,
    )


def _rows(segments: tuple[Segment, ...], whole: Effect) -> list[tuple[Said | None, Effect]]:
    """The rows of a table, the sum last."""
    named: list[tuple[Said | None, Effect]] = [
        (Said("其余", "the others") if part.value == OTHERS else Said(part.value, part.value), part.effect)
        for part in segments
    ]
    return [*named, (None, whole)]
