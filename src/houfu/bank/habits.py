"""How the simulated bank behaves. No chance and no memory: what becomes of a payment follows from a hash of the seed
and the payment's own id, so that the same file meets the same fate on every run and after any crash.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

from houfu.bank.reasons import CLOSED_ACCOUNT, REJECTS, RETURNS
from houfu.core.calendar import Calendar, local_moment, shipped_calendar

PPM: Final = 1_000_000
"""Parts per million: the whole."""
BUSY_DAYS: Final = 3
"""In a busy window a payment is booked on one of so many working days, from its execution day on."""

_CLOSED_ENDING: Final = "0000"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BusyWindow:
    """Days of every year, both ends included, as (month, day). It may run over the new year."""

    first: tuple[int, int]
    last: tuple[int, int]

    def holds(self, day: date) -> bool:
        """Whether `day` lies in it."""
        month_day = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= month_day <= self.last
        return month_day >= self.first or month_day <= self.last


@dataclass(frozen=True, slots=True)
class Habits:
    """The bank's hours and faults. Shares are parts per million; all are zero unless given.

    Whatever the shares, an account number that ends in 0000 belongs to a closed account.
    """

    seed: str = "1"
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    calendar: Calendar = field(default_factory=shipped_calendar)
    books_at: time = time(10)
    """Local time at which payments are booked, rejected or returned."""
    statement_at: time = time(20)
    """Local time of the day's statement. Money that comes in later belongs to the next working day."""
    reject_ppm: int = 0
    """Of payments: rejected on their execution day."""
    delay_ppm: int = 0
    """Of payments: booked 1 to `delay_days_max` working days late."""
    delay_days_max: int = 2
    return_ppm: int = 0
    """Of booked payments: sent back 1 to `return_days_max` working days after they were booked."""
    return_days_max: int = 5
    duplicate_ppm: int = 0
    """Of reports: delivered a second time, as they were or under a new message id."""
    lost_ppm: int = 0
    """Of reports: never delivered. Rejections and statements are not lost: nothing else would tell of them."""
    lost_answer_ppm: int = 0
    """Of files: taken, but whoever sent them hears of a failure."""
    busy_windows: tuple[BusyWindow, ...] = ()

    def __post_init__(self) -> None:
        for name in SHARES:
            if not 0 <= getattr(self, name) <= PPM:
                raise ValueError(f"{name}: parts per million lie between 0 and {PPM:,}")
        for name in ("delay_days_max", "return_days_max"):
            if not 1 <= getattr(self, name) <= 100:
                raise ValueError(f"{name}: between 1 and 100 working days")
        if self.books_at >= self.statement_at:
            raise ValueError("books_at: the bank books before it states")

    def busy(self, day: date) -> bool:
        """Whether payments handed in on `day` may take longer."""
        return any(window.holds(day) for window in self.busy_windows)


SHARES: Final = (
    "reject_ppm",
    "delay_ppm",
    "return_ppm",
    "duplicate_ppm",
    "lost_ppm",
    "lost_answer_ppm",
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """The bank does not pay; nothing is booked. `code` is an ISO external status reason."""

    code: str


@dataclass(frozen=True, slots=True)
class Booked:
    """The bank pays `late` working days after the execution day, and may get the money back later."""

    late: int = 0
    back: tuple[int, str] | None = None
    """How many working days after the booking the money comes back, and the code of the reason."""


Fate = Rejected | Booked


def fate(habits: Habits, end_to_end_id: str, account_number: str, *, handed_in_on: date) -> Fate:
    """What becomes of a payment."""
    if account_number.endswith(_CLOSED_ENDING):
        return Rejected(CLOSED_ACCOUNT)
    if happens(habits, habits.reject_ppm, "reject", end_to_end_id):
        return Rejected(REJECTS[draw(habits, "reject code", end_to_end_id) % len(REJECTS)])
    late = 0
    if habits.busy(handed_in_on):
        late += draw(habits, "busy", end_to_end_id) % BUSY_DAYS
    if happens(habits, habits.delay_ppm, "delay", end_to_end_id):
        late += 1 + draw(habits, "delay days", end_to_end_id) % habits.delay_days_max
    if not happens(habits, habits.return_ppm, "return", end_to_end_id):
        return Booked(late)
    later = 1 + draw(habits, "return days", end_to_end_id) % habits.return_days_max
    code = RETURNS[draw(habits, "return code", end_to_end_id) % len(RETURNS)]
    return Booked(late, back=(later, code))


def happens(habits: Habits, ppm: int, what: str, whom: str) -> bool:
    """Whether something of this share happens to `whom`."""
    return ppm > 0 and draw(habits, what, whom) % PPM < ppm


def draw(habits: Habits, what: str, whom: str) -> int:
    """A number from 0 up to 2^64, the same for ever; each `what` draws for itself."""
    return int.from_bytes(sha256(f"{habits.seed}|{what}|{whom}".encode()).digest()[:8], "big")


def execution_day(habits: Habits, wished: date, received_at: datetime) -> date:
    """The first working day from `wished` on whose booking lies after the receipt."""
    local = received_at.astimezone(habits.zone)
    earliest = local.date() if local.time() < habits.books_at else local.date() + _DAY
    return habits.calendar.add_working_days(max(wished, earliest), 0)


def deposit_day(habits: Habits, at: datetime) -> date:
    """The working day whose statement holds money that comes in at this moment."""
    local = at.astimezone(habits.zone)
    earliest = local.date() if local.time() < habits.statement_at else local.date() + _DAY
    return habits.calendar.add_working_days(earliest, 0)


def booking_moment(habits: Habits, day: date) -> datetime:
    """When `day` is booked, UTC."""
    return local_moment(day, habits.books_at, habits.zone).astimezone(UTC)


def statement_moment(habits: Habits, day: date) -> datetime:
    """When `day` is stated, UTC."""
    return local_moment(day, habits.statement_at, habits.zone).astimezone(UTC)
