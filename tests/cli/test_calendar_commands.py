"""`houfu calendar`: what works, and the day of the yearly notice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from calendars.notices import NOTICE_2027
from front import NOW
from houfu.app import publish_shipped, sandbox_clock
from houfu.commands.console import Exit
from served import answer, houfu


@pytest.fixture
def installed(database: str) -> str:
    """A sandbox's database in March 2026."""

    async def prepare() -> None:
        await sandbox_clock(database, start=NOW)
        await publish_shipped(database, now=NOW)

    asyncio.run(prepare())
    return database


@pytest.fixture
def notice(tmp_path: Path) -> Path:
    file = tmp_path / "2027.csv"
    file.write_text(NOTICE_2027, encoding="utf-8")
    return file


def test_a_notice_is_imported_shown_and_listed(installed: str, notice: Path) -> None:
    before = answer("calendar", "show", dsn=installed)
    assert (before["number"], before["in_use"]) == (0, True)
    assert (before["years"], before["provisional_years"][0]) == ([2024, 2025, 2026], 2027)
    command = ("calendar", "import", str(notice), "--author", "li", "--note", "国办发明电")
    done = houfu(*command, dsn=installed)
    assert done.returncode == Exit.DONE, done.stderr
    assert "Version 1 of cn is in force for 2027" in done.stderr
    assert "2027-01-04 is a holiday (元旦); it was expected to work" in done.stderr
    assert json.loads(done.stdout)["changed"] is True
    again = houfu(*command, dsn=installed)
    assert "nothing changed" in again.stderr
    assert json.loads(again.stdout)["changed"] is False
    after = answer("calendar", "show", dsn=installed)
    assert (after["number"], after["years"]) == (1, [2024, 2025, 2026, 2027])
    (listed,) = answer("calendar", "list", dsn=installed)["data"]
    assert (listed["number"], listed["imported_by"], listed["note"]) == (1, "li", "国办发明电")


def test_days_are_listed_with_what_they_are(installed: str) -> None:
    told = answer("calendar", "days", "--from", "2026-02-13", "--to", "2026-02-16", dsn=installed)["data"]
    assert [(day["day"], day["kind"], day["works"]) for day in told] == [
        ("2026-02-13", "working", True),
        ("2026-02-14", "make_up", True),
        ("2026-02-15", "holiday", False),
        ("2026-02-16", "holiday", False),
    ]
    done = houfu("calendar", "days", "--from", "2028-10-02", "--to", "2028-10-02", dsn=installed)
    assert "2028-10-02 Mon  holiday  国庆节  provisional" in done.stderr
    germany = answer("calendar", "days", "--from", "2026-12-25", "--name", "DE", dsn=installed)["data"]
    assert germany[0] == {
        "day": "2026-12-25",
        "kind": "holiday",
        "works": False,
        "name": "Christmas Day",
        "provisional": False,
    }


REFUSED = [
    (Exit.USAGE, "names no country", ("show", "--name", "XX")),
    (Exit.USAGE, "must be a day", ("days", "--from", "soon")),
    (Exit.USAGE, "399 days after", ("days", "--from", "2026-01-01", "--to", "2028-01-01")),
    (Exit.USAGE, "399 days after", ("days", "--from", "2026-01-02", "--to", "2026-01-01")),
    (Exit.USAGE, "cannot be read", ("import", "/nowhere/2027.csv", "--author", "li")),
]


@pytest.mark.parametrize(("code", "words", "arguments"), REFUSED, ids=[" ".join(row[2]) for row in REFUSED])
def test_what_cannot_be_answered_is_said(
    installed: str, code: Exit, words: str, arguments: tuple[str, ...]
) -> None:
    done = houfu("calendar", *arguments, dsn=installed)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (NOTICE_2027.replace("2027-01-01", "2027-13-01").encode(), "line 6: '2027-13-01' is not a date"),
        (NOTICE_2027.encode("gb18030"), "is not UTF-8"),
        (b"#" * 5_000_000, "the table is over 1,000,000 characters"),
    ],
    ids=["a bad date", "another encoding", "too long"],
)
def test_a_bad_file_is_refused_with_its_line(
    installed: str, notice: Path, content: bytes, words: str
) -> None:
    notice.write_bytes(content)
    done = houfu("calendar", "import", str(notice), "--author", "li", dsn=installed)
    assert (done.returncode, done.stdout) == (Exit.NO, "")
    assert words in done.stderr
    assert answer("calendar", "list", dsn=installed)["data"] == []


def test_the_names_of_all_calendars_are_listed(installed: str) -> None:
    known = answer("calendar", "list", "--known", dsn=installed)
    assert known["data"][0] == "cn"
    assert {"DE", "US", "SA"} < set(known["data"])
    assert "BY" in known["parts"]["DE"]
