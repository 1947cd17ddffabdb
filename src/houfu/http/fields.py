"""The kinds of fields that requests are made of. Integers are integers: no float, text or boolean passes for one."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Final, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from houfu.core.calendar import local_moment
from houfu.core.clock import in_utc
from houfu.core.money import MAX_AMOUNT
from houfu.http.problem import invalid

_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

StoreId: TypeAlias = Annotated[
    str, Meta(pattern=_NAME, max_length=64, description="The marketplace's id of the store.", examples=["s1"])
]
BankAccountId: TypeAlias = Annotated[
    str,
    Meta(
        pattern=_NAME, max_length=64, description="The marketplace's id of the bank account.", examples=["b1"]
    ),
]
AuthorizationId: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^auth_[0-9a-f]{32}\.[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="The id an authorization was answered with.",
        examples=["auth_019a0000000070008000000000000000.s1"],
    ),
]
WithdrawalId: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^wd_[0-9a-f]{32}\.[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="The id a withdrawal was answered with.",
        examples=["wd_019a0000000070008000000000000000.s1"],
    ),
]
ReviewId: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^rv_[0-9a-f]{32}\.[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="The id of a risk review.",
        examples=["rv_019a0000000070008000000000000000.s1"],
    ),
]
Text64: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern=_PRINTABLE)]
Text100: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100, pattern=_PRINTABLE)]
Text200: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=_PRINTABLE)]
Note: TypeAlias = Annotated[str, Meta(max_length=2000, pattern=_PRINTABLE)]
LINES: Final = Meta(extra={"lines": True})
Lines: TypeAlias = Annotated[str, LINES]
"""Text of several lines: no other control characters. Only as a field of the body itself."""
Key: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$", description="As the header Idempotency-Key."
    ),
]
Currency: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z]{3}$", description="ISO 4217. The programme's own when not given.", examples=["CNY"]
    ),
]
Amount: TypeAlias = Annotated[
    int, Meta(ge=1, le=MAX_AMOUNT, description="Minor units (fen).", examples=[12900])
]
AnyAmount: TypeAlias = Annotated[
    int,
    Meta(
        ge=-MAX_AMOUNT,
        le=MAX_AMOUNT,
        description="Minor units (fen). What is not above zero is refused: `amount_not_positive`.",
        examples=[12900],
    ),
]
Month: TypeAlias = Annotated[
    str, Meta(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", description="A calendar month.", examples=["2026-02"])
]
_FROM_2000_TO_2999: Final = "^2[0-9]{3}-"
Moment: TypeAlias = Annotated[
    datetime,
    Meta(
        tz=True,
        description="RFC 3339 with an offset, in the years 2000 to 2999.",
        extra_json_schema={"pattern": _FROM_2000_TO_2999},
    ),
]
Day: TypeAlias = Annotated[
    date,
    Meta(
        description="A local day, in the years 2000 to 2999.",
        extra_json_schema={"pattern": _FROM_2000_TO_2999},
    ),
]
Limit: TypeAlias = Annotated[int, Meta(ge=1, le=200, description="How many at most.")]
Cursor: TypeAlias = Annotated[
    str,
    Meta(
        max_length=400,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the page before.",
    ),
]

LIMIT: Final = 50
_YEARS: Final = range(2000, 3000)


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No fields at all: of a path, a query or a body."""


class StorePath(Struct, frozen=True):
    """A path that names a store."""

    store_id: StoreId


class PageQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The query of a list without filters."""

    limit: Limit = LIMIT
    cursor: Cursor | None = None


def moment_of(field: str, moment: datetime) -> datetime:
    """The moment in UTC. Problem for a year that makes no sense."""
    must_be_sensible(field, moment)
    return in_utc(moment)


def must_be_sensible(field: str, day: date) -> None:
    """Problem for a day or moment of a year that makes no sense: a slip of the caller."""
    if day.year not in _YEARS:
        raise invalid(field, "must lie in the years 2000 to 2999")


def month_of(month: str) -> date:
    """The first day of a `YYYY-MM` that passed as Month."""
    return date(int(month[:4]), int(month[5:]), 1)


def bounds_of(
    zone: ZoneInfo,
    since: tuple[str, datetime | None],
    before: tuple[str, datetime | None],
    *,
    from_day: date | None,
    to_day: date | None,
) -> tuple[datetime | None, datetime | None]:
    """The moment from which and the one before which something is asked for, each given as itself, under its parameter's name,
    or as a local day, both days included. Problem where one is given twice, makes no sense, or the two are not in order."""
    bounds: list[datetime | None] = []
    for (name, moment), (day_name, day), days in (
        (since, ("from_day", from_day), 0),
        (before, ("to_day", to_day), 1),
    ):
        if moment is not None and day is not None:
            raise invalid(day_name, f"is given beside {name}")
        if day is not None:
            must_be_sensible(day_name, day)
            bounds.append(in_utc(local_moment(day + timedelta(days=days), time(), zone)))
        else:
            bounds.append(None if moment is None else moment_of(name, moment))
    first, last = bounds
    if first is not None and last is not None and first >= last:
        raise invalid(
            "to_day" if to_day is not None else before[0], "lies before the beginning of what is asked for"
        )
    return first, last
