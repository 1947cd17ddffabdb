"""The sandbox's clock stands still until it is moved, and never goes back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from houfu.core.clock import SandboxClock, SystemClock, in_utc

NOON = datetime(2026, 3, 2, 12, tzinfo=timezone(timedelta(hours=8)))


def test_it_stands_still_and_tells_utc() -> None:
    clock = SandboxClock(NOON)
    assert clock.now() == clock.now() == datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_it_moves_forward_and_may_be_told_where_it_stands() -> None:
    clock = SandboxClock(NOON)
    clock.move_to(NOON)
    clock.move_to(NOON + timedelta(microseconds=1))
    assert clock.now() == NOON + timedelta(microseconds=1)


def test_it_does_not_go_back() -> None:
    clock = SandboxClock(NOON)
    with pytest.raises(ValueError, match="does not go back"):
        clock.move_to(NOON - timedelta(microseconds=1))
    assert clock.now() == NOON


@pytest.mark.parametrize("tell", [SandboxClock, in_utc, lambda naive: SandboxClock(NOON).move_to(naive)])
def test_a_moment_without_an_offset_is_refused(tell: type[SandboxClock]) -> None:
    with pytest.raises(ValueError, match="without an offset"):
        tell(datetime(2026, 3, 2, 12))  # noqa: DTZ001 (that is the point)


def test_the_systems_clock_tells_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
