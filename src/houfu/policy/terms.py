"""The terms of a policy document: one frozen struct per clause, as written in the YAML.

Money is in fen, shares are basis points (`_bp`) or parts per million (`_ppm`), dates inside a year are
`MM-DD`, times of day `HH:MM` in the programme's zone. Fields typed `Expression` hold the integer-only
SQL subset of `houfu.policy.expression`. The letters after a figure's name cite the programme's rules.
"""

from datetime import date, time
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from houfu.stores.bank_account import AccountTerms

MONEY_MAX = 2**53 - 1

Code = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,47}$")]
Wording = Annotated[str, Meta(min_length=1, max_length=400)]
Expression = Annotated[str, Meta(min_length=1, max_length=2000)]
Condition = Annotated[str, Meta(min_length=1, max_length=2000)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=100_000)]
Money = Annotated[int, Meta(ge=0, le=MONEY_MAX)]
ShareBp = Annotated[int, Meta(ge=0, le=10_000)]
MonthDay = Annotated[str, Meta(pattern="^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
TimeOfDay = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
CalendarName = Annotated[str, Meta(min_length=1, max_length=16)]
Unit = Literal["fen", "bp", "count", "months", "level", "hundredths", "flag"]
Bearer = Literal["store", "platform", "funding_partner"]


class InputTerm(Struct, frozen=True, kw_only=True):
    """A fact the policy asks for: an integer between `min` and `max`, both included.

    Its absence is an error that names it, unless `when_missing` states what stands in for it.
    """

    name: Code
    unit: Unit
    min: Whole
    max: Whole
    zh: Wording
    en: Wording
    when_missing: Whole | None = None


class Band(Struct, frozen=True, kw_only=True):
    """`value` where the looked-up number reaches `at_least`, or stays `at_most`; exactly one is given."""

    value: Whole
    at_least: Whole | None = None
    at_most: Whole | None = None


class TableTerm(Struct, frozen=True, kw_only=True):
    """A lookup table, called like a function in expressions. The first band that fits wins."""

    name: Code
    bands: Annotated[tuple[Band, ...], Meta(min_length=1, max_length=100)]
    default: Whole


class StepTerm(Struct, frozen=True, kw_only=True):
    """A named number on the way to the limit; later expressions may use its code."""

    code: Code
    amount: Expression
    zh: Wording
    en: Wording


class BaseTerm(Struct, frozen=True, kw_only=True):
    """One way to find the base, fen. The first whose `when` holds is taken; the last has no `when`."""

    code: Code
    amount: Expression
    zh: Wording
    en: Wording
    when: Condition | None = None


class ReductionTerm(Struct, frozen=True, kw_only=True):
    """Where `when` holds the base becomes base x `keep_bp` / 10000, floored; applied in stated order."""

    code: Code
    when: Condition
    keep_bp: ShareBp
    zh: Wording
    en: Wording
    remedy_zh: Wording | None = None
    remedy_en: Wording | None = None


class Lasting(Struct, frozen=True, kw_only=True):
    """How long a layer stays: `months` from the assessment, or `until` a dated fact; exactly one.

    `course_end`: the course's effect is over. `window_end`: the promotion's last local day has passed.
    `grant_end`: the operator's grant runs out.
    """

    months: Annotated[int, Meta(ge=1, le=120)] | None = None
    until: Literal["course_end", "window_end", "grant_end"] | None = None


class Unwinding(Struct, frozen=True, kw_only=True):
    """How a layer goes when its time is over: in `steps` equal parts, one every `days`. Without it, at once."""

    steps: Annotated[int, Meta(ge=2, le=12)]
    days: Annotated[int, Meta(ge=1, le=92)]


class LayerTerm(Struct, frozen=True, kw_only=True):
    """An addition to the base, fen, with its own dates. Its `kind` is its code.

    Where `when` is given and does not hold it adds nothing. It comes into force `lag_months` after the assessment,
    lasts from then, and unwinds as stated.
    """

    kind: Code
    amount: Expression
    lasts: Lasting
    zh: Wording
    en: Wording
    when: Condition | None = None
    lag_months: Annotated[int, Meta(ge=0, le=24)] = 0
    unwinds: Unwinding | None = None


class CapTerm(Struct, frozen=True, kw_only=True):
    """The total never exceeds `amount`, fen, where `when` holds (B8)."""

    code: Code
    amount: Expression
    zh: Wording
    en: Wording
    when: Condition | None = None


class ZeroTerm(Struct, frozen=True, kw_only=True):
    """Where `when` holds the total is zero (B11)."""

    code: Code
    when: Condition
    zh: Wording
    en: Wording
    remedy_zh: Wording
    remedy_en: Wording


class ReferTerm(Struct, frozen=True, kw_only=True):
    """Where `when` holds a person decides before the total may rise; what lowers it applies at once."""

    code: Code
    when: Condition
    zh: Wording
    en: Wording


class PartnerTerm(Struct, frozen=True, kw_only=True):
    """A funding partner (B1). The first whose `when` holds funds the store: the store's total then exceeds neither
    the partner's `cap`, fen, nor what is left of its facility, which the input named by `headroom` measures. Its money
    costs `price_ppm_per_day`, parts per million of what is advanced a day."""

    code: Code
    when: Condition
    cap: Expression
    headroom: Code
    price_ppm_per_day: Annotated[int, Meta(ge=0, le=10_000)]
    zh: Wording
    en: Wording


class Window(Struct, frozen=True, kw_only=True):
    """A promotion of every year, local dates, both included (B6)."""

    code: Code
    first: MonthDay = field(name="from")
    last: MonthDay = field(name="until")
    zh: Wording
    en: Wording

    def first_day(self, year: int) -> date:
        month, day = self.first.split("-")
        return date(year, int(month), int(day))

    def last_day(self, year: int) -> date:
        month, day = self.last.split("-")
        return date(year, int(month), int(day))


class Measures(Struct, frozen=True, kw_only=True):
    """How the inputs are measured from a store's months and facts."""

    dsr_held_at_least: Annotated[int, Meta(ge=0, le=500)]
    orders_held_more_than: Count
    violation_months: Annotated[int, Meta(ge=1, le=120)]
    course_months: Annotated[int, Meta(ge=1, le=120)]


class Change(Struct, frozen=True, kw_only=True):
    """What an advice would do to one input: raise it, lower it, or add to it; exactly one."""

    input: Code
    at_least: Whole | None = None
    at_most: Whole | None = None
    add: Whole | None = None


class AdviceTerm(Struct, frozen=True, kw_only=True):
    """Something a store can do (E3), and the soonest it counts.

    `at_once`; `working_days`: the `days` a review may take (D10); `anniversary`: the day one more month is complete;
    `violation_ages`: the day the newest violation leaves the measured months; `month_ends`: after that many calendar
    `months` have ended, fewer where the store has held some already.
    """

    action: Code
    zh: Wording
    en: Wording
    changes: Annotated[tuple[Change, ...], Meta(min_length=1, max_length=20)]
    earliest: Literal["at_once", "working_days", "anniversary", "violation_ages", "month_ends"]
    months: Annotated[int, Meta(ge=1, le=24)] = 1
    days: Annotated[int, Meta(ge=1, le=90)] | None = None


class Assessment(Struct, frozen=True, kw_only=True):
    """How often every store is assessed anew (B9), and on which day of every month it is checked whether a rule
    fires or ceases to: then the store is assessed at once."""

    every: Literal["month", "quarter"]
    check_day: Annotated[int, Meta(ge=1, le=28)] | None = None


class Funding(Struct, frozen=True, kw_only=True):
    """When the store gets its money (A2). `paid_when_buyer_pays` goes with a share of 0."""

    mode: Literal["advanced_on_shipping", "paid_when_buyer_pays"]
    advance_share_bp: ShareBp


class OverLimit(Struct, frozen=True, kw_only=True):
    """Whether an order beyond the line may ship (A10), and how far beyond, as a share of the total."""

    allowed: bool
    max_bp_of_total: Annotated[int, Meta(ge=0, le=100_000)]


class DefaultBearer(Struct, frozen=True, kw_only=True):
    """Who bears a buyer's default: after shipping only, and after receipt was confirmed."""

    shipped: Bearer
    received: Bearer


class BuyerDefault(Struct, frozen=True, kw_only=True):
    """An order unpaid `after_days` from shipping is a default; receipt counts as confirmed by itself
    `receipt_after_days` after shipping."""

    after_days: Count
    receipt_after_days: Count
    bearer: DefaultBearer


class Orders(Struct, frozen=True, kw_only=True):
    """Terms of orders on the line. An uncaptured hold expires after `hold_days`."""

    hold_days: Annotated[int, Meta(ge=1, le=365)]
    funding: Funding
    over_limit: OverLimit
    default: BuyerDefault


class ClosedTime(Struct, frozen=True, kw_only=True):
    """Withdrawals are closed daily from `from` (included) to `until` (excluded), local; may pass midnight (D3)."""

    start: TimeOfDay = field(name="from")
    end: TimeOfDay = field(name="until")

    def start_time(self) -> time:
        return time.fromisoformat(self.start)

    def end_time(self) -> time:
        return time.fromisoformat(self.end)


class FeeTerm(Struct, frozen=True, kw_only=True):
    """The withdrawal fee (D2, D5): parts per million of the amount, rounded half up to the fen, at least
    `minimum` fen; none on the first, none once the year's paid total is over `year_threshold` fen."""

    first_free: bool
    rate_ppm: Annotated[int, Meta(ge=0, le=1_000_000)]
    minimum: Money
    year_threshold: Money
    charge_failed: bool


class Hours24(Struct, frozen=True, kw_only=True):
    """What a store may withdraw in any 24 hours, so that nobody asks twice, just before and just after midnight.
    What is not given is not limited. `share_max_bp` is of the line's total, rounded down to the fen."""

    count_max: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    amount_max: Money | None = None
    share_max_bp: Annotated[int, Meta(ge=0, le=100_000)] | None = None


class ReviewTerm(Struct, frozen=True, kw_only=True):
    """Within how many working days a risk review is decided (D10)."""

    working_days: Annotated[int, Meta(ge=1, le=30)] = 3


class Withdrawals(Struct, frozen=True, kw_only=True):
    """Terms of withdrawals: arrival (D1), closing (D3), fee (D2), the shares of the limit that matter, how often and
    how much in one local day (`day_amount_max` fen) and in any 24 hours, and what is asked of a bank account."""

    working_days: Annotated[int, Meta(ge=0, le=30)]
    promotion_latest_working_days: Annotated[int, Meta(ge=0, le=30)]
    closed: ClosedTime
    fee: FeeTerm
    large_share_bp: ShareBp
    large_wait_days: Count
    day_share_zero_bp: ShareBp
    day_count_max: Count
    first_month_day_share_bp: ShareBp
    day_amount_max: Money | None = None
    hours_24: Hours24 = Hours24()
    bank_account: AccountTerms = AccountTerms()
    review: ReviewTerm = ReviewTerm()


class Guidance(Struct, frozen=True, kw_only=True):
    """When the store is warned or reminded (E1, E2)."""

    utilisation_warning_bp: ShareBp
    usage_check_day: Annotated[int, Meta(ge=1, le=28)]
    promotion_apply_days: Count


class PolicyTerms(Struct, frozen=True, kw_only=True):
    """A whole policy document."""

    name: Code
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    timezone: Annotated[str, Meta(min_length=1, max_length=64)]
    calendar: CalendarName = "cn"
    zh: Wording
    en: Wording
    inputs: Annotated[tuple[InputTerm, ...], Meta(min_length=1, max_length=200)]
    measures: Measures
    tables: Annotated[tuple[TableTerm, ...], Meta(max_length=100)]
    steps: Annotated[tuple[StepTerm, ...], Meta(min_length=1, max_length=200)]
    base: Annotated[tuple[BaseTerm, ...], Meta(min_length=1, max_length=20)]
    reductions: Annotated[tuple[ReductionTerm, ...], Meta(max_length=20)]
    layers: Annotated[tuple[LayerTerm, ...], Meta(max_length=20)]
    cap: CapTerm | None = None
    round_down_to: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    zero_rules: Annotated[tuple[ZeroTerm, ...], Meta(max_length=20)]
    refer_rules: Annotated[tuple[ReferTerm, ...], Meta(max_length=20)] = ()
    partners: Annotated[tuple[PartnerTerm, ...], Meta(max_length=10)] = ()
    promotion_windows: Annotated[tuple[Window, ...], Meta(max_length=20)]
    advice: Annotated[tuple[AdviceTerm, ...], Meta(max_length=50)]
    assessment: Assessment
    orders: Orders
    withdrawals: Withdrawals
    guidance: Guidance
