"""The one clock. Nobody else reads the time; everybody gets it as an argument."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the present moment, always aware and in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SandboxClock:
    """A clock that stands still until it is moved, and never moves back."""

    def __init__(self, start: datetime) -> None:
        self._now = in_utc(start)

    def now(self) -> datetime:
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Set the clock forward to `moment`; ValueError when that lies in its past."""
        moment = in_utc(moment)
        if moment < self._now:
            raise ValueError(
                f"the clock stands at {self._now.isoformat()} and does not go back to {moment.isoformat()}"
            )
        self._now = moment


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC; ValueError when it has no offset."""
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset names no moment")
    return moment.astimezone(UTC)
