"""The shipped formulas once more, straight from the programme's rules: what the compiled policy must equal."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

MONEY = 100_000_000_000_000


def straight(i: Mapping[str, int]) -> dict[str, Any]:
    dsr = (i["dsr_description"] + i["dsr_service"] + i["dsr_logistics"]) // 3
    credit = 20 if dsr >= 480 else 14 if dsr >= 460 else 8 if dsr >= 440 else 0
    if i["months_open"] >= 12:
        credit += 10
    elif i["months_open"] >= 6:
        credit += 6
    elif i["months_open"] >= 3:
        credit += 3
    if i["violations_12m"] == 0:
        credit += 10
    sales = min(i["level"], 5) * 3
    orders = i["orders_avg_3m"]
    sales += 15 if orders >= 500 else 10 if orders >= 200 else 5 if orders >= 50 else 0
    service = 10 if i["good_review_bp"] >= 9800 else 6 if i["good_review_bp"] >= 9500 else 0
    rates = [i["return_rate_m1_bp"], i["return_rate_m2_bp"], i["return_rate_m3_bp"]]
    mean = sum(rates) // 3
    service += 10 if mean <= 500 else 6 if mean <= 1000 else 2 if mean <= 1500 else 0
    service += 10 if i["complaint_bp"] <= 10 else 5 if i["complaint_bp"] <= 50 else 0
    score = credit + sales + service
    earned = (i["gmv_3m"] // i["gmv_months"]) * score // 100
    tier = {1: 10000, 2: 11000, 3: 12000, 4: 13000}.get(i["level"], 14000)
    base = i["level"] * 100000 if i["months_open"] == 0 else earned * tier // 10000
    if i["virtual_phone"]:
        base = base * 5000 // 10000
    if rates[0] > 1500:
        base = base * 7000 // 10000
    if i["funds_frozen"]:
        base = base * 5000 // 10000
    share = 5000 if score >= 80 else 4000 if score >= 60 else 3000
    layers = {
        "rating_boost": base * 2000 // 10000 if i["dsr_held_months"] >= 1 else 0,
        "volume_boost": earned * 1000 // 10000
        if i["months_open"] > 0 and i["orders_held_months"] >= 3
        else 0,
        "training_boost": 1000000 if i["course_active"] else 0,
        "promotion": base * share // 10000 if i["promotion_open"] else 0,
        "emergency": i["emergency"],
    }
    cap = i["gmv_12m"] * 3000 // 10000 if i["months_open"] >= 1 else None
    total = base + sum(layers.values())
    if cap is not None and cap < total:
        total = cap
    total = total // 10000 * 10000
    zeroed_by = []
    if min(rates) > 1500:
        zeroed_by.append("returns_three_months")
    if i["day_withdrawn_share_bp"] > 5000:
        zeroed_by.append("day_withdrawn_share")
    if i["high_risk"]:
        zeroed_by.append("high_risk_marked")
    if i["serious_violation"]:
        zeroed_by.append("serious_violation_found")
    return {
        "total": 0 if zeroed_by else total,
        "base": base,
        "score": score,
        "cap": cap,
        "zeroed": bool(zeroed_by),
        "zeroed_by": tuple(zeroed_by),
        "layers": layers,
    }


def _near(low: int, high: int, *edges: int) -> st.SearchStrategy[int]:
    """Any number of the range, and often one at or beside an edge of the rules."""
    beside = sorted(
        {low, high} | {at for edge in edges for at in (edge - 1, edge, edge + 1) if low <= at <= high}
    )
    return st.sampled_from(beside) | st.integers(low, high)


_DSR = _near(0, 500, 440, 460, 480)
_RETURNS = _near(0, 1_000_000, 500, 1000, 1500)
_FLAG = st.integers(0, 1)

INPUTS = st.fixed_dictionaries(
    {
        "level": _near(1, 100, 1, 5),
        "months_open": _near(0, 1200, 0, 1, 3, 6, 12),
        "gmv_3m": _near(0, MONEY, 1, 10000),
        "gmv_months": st.integers(1, 3),
        "gmv_12m": _near(0, MONEY, 1, 10000),
        "orders_avg_3m": _near(0, 1_000_000_000, 50, 200, 500),
        "dsr_description": _DSR,
        "dsr_service": _DSR,
        "dsr_logistics": _DSR,
        "dsr_held_months": _near(0, 1200, 1),
        "orders_held_months": _near(0, 1200, 3),
        "return_rate_m1_bp": _RETURNS,
        "return_rate_m2_bp": _RETURNS,
        "return_rate_m3_bp": _RETURNS,
        "good_review_bp": _near(0, 10000, 9500, 9800),
        "complaint_bp": _near(0, 1_000_000, 10, 50),
        "violations_12m": _near(0, 1_000_000, 0),
        "serious_violation": _FLAG,
        "high_risk": _FLAG,
        "funds_frozen": _FLAG,
        "virtual_phone": _FLAG,
        "course_active": _FLAG,
        "promotion_open": _FLAG,
        "day_withdrawn_share_bp": _near(0, 1_000_000_000, 5000),
        "emergency": _near(0, MONEY, 1),
    }
)
