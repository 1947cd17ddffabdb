"""Whether the terms of a policy agree with each other, beyond the shape of each."""

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

from houfu.calendars.countries import fault_of
from houfu.policy.periods import add_months
from houfu.policy.shape import Misfit, suggest
from houfu.policy.source import Path, clip
from houfu.policy.terms import Change, InputTerm, LayerTerm, PolicyTerms, Window

_COMMON_YEAR = 2001


def incoherences(terms: PolicyTerms) -> list[Misfit]:
    """Everything that contradicts something else in the document."""
    return [
        *_zone(terms),
        *_calendar(terms),
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
        return [(("timezone",), f"`{clip(terms.timezone)}` is not a time zone", "e.g. Asia/Shanghai")]
    return []


def _calendar(terms: PolicyTerms) -> list[Misfit]:
    fault = fault_of(terms.calendar)
    if fault is None:
        return []
    spelt = terms.calendar.strip().upper()
    hint = f"write `{spelt}`" if fault_of(spelt) is None else "e.g. cn, DE or DE-BY"
    return [(("calendar",), f"`{clip(terms.calendar)}` {fault}", hint)]


def meaning_clashes(earlier: PolicyTerms, later: PolicyTerms) -> list[Misfit]:
    """Where `later` uses a code or a name of `earlier` with another meaning: another kind of effect, or an input in
    another unit. Decisions and messages of the past name it, so it means what it meant for ever.

    Figures, wording and order may change, and what went may come back as it was. Each entry is (path in `later`, message,
    suggestion), as `Source.fault(*entry)` takes it: a publisher adds one fault for each, for every version before.
    """
    found: list[Misfit] = []
    was = dict(_meanings(earlier))
    for path, code, meaning in _places(later):
        if was.get(code, meaning) != meaning:
            message = f"in version {earlier.version} the code `{code}` is {was[code]}, here it is {meaning}"
            found.append((path, message, "give the rule a new code"))
    units: dict[str, str] = {term.name: term.unit for term in earlier.inputs}
    steps = {term.code for term in earlier.steps}
    for at, term in enumerate(later.inputs):
        path = ("inputs", at, "name")
        if term.name in steps:
            message = f"in version {earlier.version} `{term.name}` is a step"
            found.append((path, message, "give the input a new name"))
        elif units.get(term.name, term.unit) != term.unit:
            message = (
                f"in version {earlier.version} `{term.name}` is in {units[term.name]}, here in {term.unit}"
            )
            found.append((("inputs", at, "unit"), message, "give the input a new name"))
    for at, step in enumerate(later.steps):
        if step.code in units:
            message = f"in version {earlier.version} `{step.code}` is an input"
            found.append((("steps", at, "code"), message, "give the step a new code"))
    return found


def _meanings(terms: PolicyTerms) -> Iterator[tuple[str, str]]:
    return ((code, meaning) for _, code, meaning in _places(terms))


def _places(terms: PolicyTerms) -> list[tuple[Path, str, str]]:
    """Every code with its place and what it stands for."""
    cap = [(("cap", "code"), terms.cap.code, "a cap")] if terms.cap else []
    return [
        *((("steps", at, "code"), term.code, "a step") for at, term in enumerate(terms.steps)),
        *((("base", at, "code"), term.code, "a way to the base") for at, term in enumerate(terms.base)),
        *((("reductions", at, "code"), term.code, "a reduction") for at, term in enumerate(terms.reductions)),
        *((("layers", at, "kind"), term.kind, "a layer") for at, term in enumerate(terms.layers)),
        *cap,
        *((("zero_rules", at, "code"), term.code, "a zero rule") for at, term in enumerate(terms.zero_rules)),
        *(
            (("refer_rules", at, "code"), term.code, "a refer rule")
            for at, term in enumerate(terms.refer_rules)
        ),
        *((("partners", at, "code"), term.code, "a partner") for at, term in enumerate(terms.partners)),
        *(
            (("promotion_windows", at, "code"), term.code, "a promotion window")
            for at, term in enumerate(terms.promotion_windows)
        ),
        *((("advice", at, "action"), term.action, "an advice") for at, term in enumerate(terms.advice)),
    ]


def _repeated_codes(terms: PolicyTerms) -> list[Misfit]:
    seen = {"base": "the base", "rounding": "the rounding"}
    found: list[Misfit] = []
    for path, code, meaning in _places(terms):
        if code in seen:
            found.append(
                (path, f"the code `{clip(code)}` already means {seen[code]}", "codes are never reused")
            )
        seen.setdefault(code, meaning)
    return found


def _layers(terms: PolicyTerms) -> list[Misfit]:
    found: list[Misfit] = []
    for at, term in enumerate(terms.layers):
        if (term.lasts.months is None) == (term.lasts.until is None):
            found.append(
                (("layers", at, "lasts"), "give exactly one of months and until", "remove the other")
            )
        if term.lasts.until == "window_end" and not terms.promotion_windows:
            found.append((("layers", at, "lasts"), "the policy has no promotion windows", "add one"))
        found.extend(_lag(terms, term, ("layers", at, "lag_months")))
    for at, term in enumerate(terms.reductions):
        if (term.remedy_zh is None) != (term.remedy_en is None):
            found.append((("reductions", at), "a remedy needs both remedy_zh and remedy_en", "add the other"))
    return found


def _lag(terms: PolicyTerms, term: LayerTerm, path: Path) -> list[Misfit]:
    """A layer that would be over before it comes into force."""
    if term.lag_months == 0:
        return []
    match term.lasts.until:
        case "grant_end":
            return [(path, "what is granted begins with its grant", "remove lag_months")]
        case "course_end" if term.lag_months >= terms.measures.course_months:
            return [
                (path, f"the course counts for {terms.measures.course_months} months only", "shorten the lag")
            ]
        case "window_end" if all(_shorter(window, term.lag_months) for window in terms.promotion_windows):
            return [(path, "every promotion window would be over before", "remove lag_months")]
        case _:
            return []


def _shorter(window: Window, months: int) -> bool:
    try:
        first, last = window.first_day(_COMMON_YEAR), window.last_day(_COMMON_YEAR)
    except ValueError:
        return False
    return add_months(first, months) > last


def _windows(windows: tuple[Window, ...]) -> list[Misfit]:
    found: list[Misfit] = []
    dated: list[tuple[date, date, str]] = []
    for at, window in enumerate(windows):
        path: Path = ("promotion_windows", at)
        try:
            first, last = window.first_day(_COMMON_YEAR), window.last_day(_COMMON_YEAR)
        except ValueError:
            found.append(
                (path, f"{window.first}..{window.last} is not in every year", "take a day of every year")
            )
            continue
        if first > last:
            found.append((path, "the window ends before it begins", "split it at the turn of the year"))
            continue
        clash = [
            code for other_first, other_last, code in dated if first <= other_last and other_first <= last
        ]
        if clash:
            found.append(
                (path, f"the window overlaps `{clip(clash[0])}`", "end one the day before the other begins")
            )
        dated.append((first, last, window.code))
    return found


def _advice(terms: PolicyTerms) -> list[Misfit]:
    inputs = {term.name: term for term in terms.inputs}
    found: list[Misfit] = []
    for at, advice in enumerate(terms.advice):
        place: Path = ("advice", at)
        if (advice.earliest == "working_days") != (advice.days is not None):
            hint = "give the days of the review" if advice.days is None else "remove days"
            found.append(((*place, "earliest"), "`working_days` and days go together", hint))
        if advice.months != 1 and advice.earliest != "month_ends":
            found.append(((*place, "months"), "only `month_ends` takes months", "remove it"))
        changed: set[str] = set()
        for nth, change in enumerate(advice.changes):
            path: Path = ("advice", at, "changes", nth)
            if change.input not in inputs:
                hint = suggest(change.input, list(inputs))
                found.append(((*path, "input"), f"there is no input `{clip(change.input)}`", hint))
            elif change.input in changed:
                found.append(((*path, "input"), f"`{change.input}` is changed twice", "remove one"))
            else:
                changed.add(change.input)
                found.extend(_change(change, inputs[change.input], path))
    return found


def _change(change: Change, term: InputTerm, path: Path) -> list[Misfit]:
    if sum(part is not None for part in (change.at_least, change.at_most, change.add)) != 1:
        return [(path, "give exactly one of at_least, at_most and add", "remove the others")]
    goal = change.at_least if change.at_least is not None else change.at_most
    if goal is not None and not term.min <= goal <= term.max:
        return [(path, f"{goal} is outside the input's {term.min}..{term.max}", "name a value it can have")]
    if change.add == 0:
        return [((*path, "add"), "adding nothing changes nothing", "name a number other than 0")]
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
        found.append((path, "receipt would be confirmed after the default", "confirm it earlier"))
    return found


def _withdrawals(terms: PolicyTerms) -> list[Misfit]:
    found: list[Misfit] = []
    withdrawals = terms.withdrawals
    if withdrawals.promotion_latest_working_days < withdrawals.working_days:
        path: Path = ("withdrawals", "promotion_latest_working_days")
        found.append((path, "the latest arrival is before the usual one", "write working_days or more"))
    if withdrawals.closed.start == withdrawals.closed.end:
        found.append(
            (("withdrawals", "closed"), "the closed time is empty or the whole day", "end it at another time")
        )
    return found
