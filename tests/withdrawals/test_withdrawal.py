"""The life of a withdrawal: every state with every command, and the moments the worker acts."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from houfu.core.reason import Reason, Refusal, Request, reasons_of
from houfu.policy.document import shipped_policy
from houfu.withdrawals.terms import withdrawal_terms
from houfu.withdrawals.withdrawal import (
    COUNTED,
    OPEN,
    TRANSITIONS,
    Command,
    Status,
    dispatch_at,
    first_inquiry_at,
    next_inquiry_at,
    step,
)

TERMS = withdrawal_terms(shipped_policy().terms)

PAGE = (Path(__file__).parents[2] / "docs/reference/withdrawals.md").read_text(encoding="utf-8")

PICTURE = (Path(__file__).parents[2] / "docs/pictures/withdrawal-states.svg").read_text(encoding="utf-8")


def cells() -> list[tuple[Status, Command, str]]:
    """The state table as the reference page prints it."""
    lines = PAGE.split("| state |")[1].split("\n\n")[0].splitlines()
    head, _, *rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return [
        (Status(row[0]), Command(command), after)
        for row in rows
        for command, after in zip(head, row[1:], strict=True)
    ]


@pytest.mark.parametrize(("status", "command", "after"), cells())
def test_a_command_does_what_the_table_says(status: Status, command: Command, after: str) -> None:
    found = step(status, command)
    assert (found.reason if isinstance(found, Refusal) else found) == after


def test_the_page_names_every_reason_a_withdrawal_can_get() -> None:
    assert [reason for reason in reasons_of(Request.WITHDRAWAL) if f"`{reason}`" not in PAGE] == []


def test_the_table_holds_every_state_and_command() -> None:
    assert {(status, command) for status, command, _ in cells()} == {(s, c) for s in Status for c in Command}
    assert all(set(TRANSITIONS[status]) == set(Command) for status in Status)


def test_the_picture_shows_every_state_and_every_move() -> None:
    shown = re.findall(r'data-from="(\w+)" data-command="(\w+)" data-to="(\w+)"', PICTURE)
    moves = {
        (before.value, command.value, after.value)
        for before, row in TRANSITIONS.items()
        for command, after in row.items()
        if isinstance(after, Status) and after is not before
    }
    assert sorted(shown) == sorted(moves)
    assert set(re.findall(r'data-state="(\w+)"', PICTURE)) == {status.value for status in Status}


def test_the_refusals_of_commands_are_their_closed_list() -> None:
    found = {after for row in TRANSITIONS.values() for after in row.values() if isinstance(after, Reason)}
    assert found == set(reasons_of(Request.WITHDRAWAL_COMMAND))


@pytest.mark.parametrize("status", Status)
def test_only_an_open_withdrawal_moves_and_what_was_paid_may_come_back(status: Status) -> None:
    moves = {after for after in TRANSITIONS[status].values() if isinstance(after, Status)} - {status}
    assert bool(moves) is (status in OPEN or status is Status.PAID)
    assert moves == {Status.FAILED} or status is not Status.PAID


@pytest.mark.parametrize(("status", "command"), [(s, c) for s in Status for c in Command])
def test_a_command_repeated_changes_nothing_more(status: Status, command: Command) -> None:
    after = step(status, command)
    if isinstance(after, Status):
        assert step(after, command) is after


def test_what_is_refused_failed_or_canceled_does_not_count() -> None:
    assert set(Status) - COUNTED == {Status.REFUSED, Status.FAILED, Status.CANCELED}


@pytest.mark.parametrize(
    ("asked_at", "expected"),
    [
        ("2026-03-02T10:00:00+08:00", "2026-03-02T23:00:00+08:00"),
        ("2026-03-02T22:59:59+08:00", "2026-03-02T23:00:00+08:00"),
        ("2026-03-02T03:00:00+08:00", "2026-03-02T23:00:00+08:00"),
        ("2026-03-01T20:00:00+00:00", "2026-03-02T23:00:00+08:00"),
    ],
)
def test_a_withdrawal_goes_to_the_bank_as_its_day_closes(asked_at: str, expected: str) -> None:
    assert dispatch_at(TERMS, datetime.fromisoformat(asked_at)) == datetime.fromisoformat(expected)


def test_the_bank_is_asked_in_the_morning_of_each_day_from_the_expected_one() -> None:
    first = first_inquiry_at(TERMS, date(2026, 3, 3))
    assert first == datetime(2026, 3, 3, 2, tzinfo=UTC)
    assert next_inquiry_at(TERMS, first) == datetime(2026, 3, 4, 2, tzinfo=UTC)
    assert next_inquiry_at(TERMS, datetime(2026, 3, 3, 1, 59, tzinfo=UTC)) == first
