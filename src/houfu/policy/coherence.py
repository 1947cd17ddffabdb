"""Whether the terms of a policy agree with each other, beyond the shape of each."""

from datetime import date
from zoneinfo import ZoneInfo

from houfu.policy.shape import Misfit, suggest
from houfu.policy.source import Path
from houfu.policy.terms import Change, InputTerm, PolicyTerms, Window

_COMMON_YEAR = 2001


def incoherences(terms: PolicyTerms) -> list[Misfit]:
    """Everything that contradicts something else in the document."""
    return [
        *_zone(terms),
        *_repeated_codes(terms),
        *_layers(terms),
        *_windows(terms.promotion_windows),
        *_advice(terms),
        *_orders(terms),
        *_withdrawals(terms),
    ]


def _zone(terms: PolicyTerms) -> list[Misfit]:
    try:
        ZoneInfo(terms.timezone)
    except (ValueError, OSError, KeyError):
        return [(("timezone",), f"`{terms.timezone}` is not a time zone", "e.g. Asia/Shanghai")]
    return []


def _repeated_codes(terms: PolicyTerms) -> list[Misfit]:
    places: list[tuple[Path, str]] = []
    places += [(("steps", at, "code"), term.code) for at, term in enumerate(terms.steps)]
    places += [(("base", at, "code"), term.code) for at, term in enumerate(terms.base)]
    places += [(("reductions", at, "code"), term.code) for at, term in enumerate(terms.reductions)]
    places += [(("layers", at, "kind"), term.kind) for at, term in enumerate(terms.layers)]
    places += [(("cap", "code"), terms.cap.code)] if terms.cap else []
    places += [(("zero_rules", at, "code"), term.code) for at, term in enumerate(terms.zero_rules)]
    places += [(("refer_rules", at, "code"), term.code) for at, term in enumerate(terms.refer_rules)]
    places += [(("partners", at, "code"), term.code) for at, term in enumerate(terms.partners)]
    places += [
        (("promotion_windows", at, "code"), term.code) for at, term in enumerate(terms.promotion_windows)
    ]
    places += [(("advice", at, "action"), term.action) for at, term in enumerate(terms.advice)]
    seen = {"base": "the base", "rounding": "rounding"}
    found: list[Misfit] = []
    for path, code in places:
        if code in seen:
            found.append((path, f"the code `{code}` already means {seen[code]}", "codes are never reused"))
        seen.setdefault(code, f"another rule ({path[0]})")
    return found


def _layers(terms: PolicyTerms) -> list[Misfit]:
    found: list[Misfit] = []
    for at, term in enumerate(terms.layers):
        if (term.lasts.months is None) == (term.lasts.until is None):
            found.append((("layers", at, "lasts"), "give exactly one of months and until", ""))
        if term.lasts.until == "window_end" and not terms.promotion_windows:
            found.append((("layers", at, "lasts"), "the policy has no promotion windows", ""))
    for at, term in enumerate(terms.reductions):
        if (term.remedy_zh is None) != (term.remedy_en is None):
            found.append((("reductions", at), "a remedy needs both remedy_zh and remedy_en", ""))
    return found


def _windows(windows: tuple[Window, ...]) -> list[Misfit]:
    found: list[Misfit] = []
    dated: list[tuple[date, date, str]] = []
    for at, window in enumerate(windows):
        path: Path = ("promotion_windows", at)
        try:
            first, last = window.first_day(_COMMON_YEAR), window.last_day(_COMMON_YEAR)
        except ValueError:
            found.append((path, f"{window.first}..{window.last} is not in every year", ""))
            continue
        if first > last:
            found.append((path, "the window ends before it begins", "split it at the turn of the year"))
            continue
        clash = [
            code for other_first, other_last, code in dated if first <= other_last and other_first <= last
        ]
        if clash:
            found.append((path, f"the window overlaps `{clash[0]}`", ""))
        dated.append((first, last, window.code))
    return found


def _advice(terms: PolicyTerms) -> list[Misfit]:
    inputs = {term.name: term for term in terms.inputs}
    found: list[Misfit] = []
    for at, advice in enumerate(terms.advice):
        for nth, change in enumerate(advice.changes):
            path: Path = ("advice", at, "changes", nth)
            if change.input not in inputs:
                hint = suggest(change.input, list(inputs))
                found.append(((*path, "input"), f"there is no input `{change.input}`", hint))
            else:
                found.extend(_change(change, inputs[change.input], path))
    return found


def _change(change: Change, term: InputTerm, path: Path) -> list[Misfit]:
    if sum(part is not None for part in (change.at_least, change.at_most, change.add)) != 1:
        return [(path, "give exactly one of at_least, at_most and add", "")]
    goal = change.at_least if change.at_least is not None else change.at_most
    if goal is not None and not term.min <= goal <= term.max:
        return [(path, f"{goal} is outside the input's {term.min}..{term.max}", "")]
    return []


def _orders(terms: PolicyTerms) -> list[Misfit]:
    found: list[Misfit] = []
    funding = terms.orders.funding
    share: Path = ("orders", "funding", "advance_share_bp")
    if funding.mode == "paid_when_buyer_pays" and funding.advance_share_bp != 0:
        found.append((share, "nothing is advanced when the store is paid as the buyer pays", "write 0"))
    if funding.mode == "advanced_on_shipping" and funding.advance_share_bp == 0:
        found.append((share, "an advance of nothing", "use the mode paid_when_buyer_pays"))
    for stage in ("shipped", "received"):
        if getattr(terms.orders.default.bearer, stage) == "funding_partner" and not terms.partners:
            where: Path = ("orders", "default", "bearer", stage)
            found.append((where, "the policy has no funding partners", "add one to `partners`"))
    if terms.orders.default.receipt_after_days > terms.orders.default.after_days:
        path: Path = ("orders", "default", "receipt_after_days")
        found.append((path, "receipt would be confirmed after the default", ""))
    return found


def _withdrawals(terms: PolicyTerms) -> list[Misfit]:
    found: list[Misfit] = []
    withdrawals = terms.withdrawals
    if withdrawals.promotion_latest_working_days < withdrawals.working_days:
        path: Path = ("withdrawals", "promotion_latest_working_days")
        found.append((path, "the latest arrival is before the usual one", ""))
    if withdrawals.closed.start == withdrawals.closed.end:
        found.append((("withdrawals", "closed"), "the closed time is empty or the whole day", ""))
    return found
