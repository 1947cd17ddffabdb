"""One store's limit as a page: the waterfall from base to total, and what would raise it (E6)."""

from collections.abc import Sequence

from houfu.policy.advice import Advice
from houfu.policy.explain import Explanation
from houfu.reports.backtest import EFFECT_WORDS
from houfu.reports.page import render

_HELD_DOWN = frozenset({"reduction", "cap", "zero", "refer"})


def waterfall_page(explanation: Explanation, advice: Sequence[Advice]) -> str:
    """One HTML file with everything in it."""
    decision = explanation.decision
    return render(
        "waterfall.html.j2",
        {"total": decision.total, "waterfall": explanation.waterfall, "advice": advice},
        d=decision,
        e=explanation,
        advice=advice,
        remedies=[reason for reason in decision.reasons if reason.effect in _HELD_DOWN],
        effect_words=EFFECT_WORDS,
    )
