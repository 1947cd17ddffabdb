"""`houfu statement`: the same files and figures as over HTTP, or a sentence that says why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from front import open_front
from served import houfu
from statements.test_formats import sheet_rows
from statements.trade import lines_of, trade

MARCH = ("--from", "2026-03-01", "--to", "2026-03-31")


async def test_a_file_and_a_month_are_those_of_the_interface(database: str, tmp_path: Path) -> None:
    async with open_front(database) as front:
        await trade(front)
        address = "/v1/stores/s1/entries/export?from_day=2026-03-01&to_day=2026-03-31"
        over_http = (await front.call("GET", address)).content
        told = await front.done("GET", "/v1/stores/s1/statements/2026-03")
    out = tmp_path / "entries.csv"
    done = houfu("statement", "export", "--store", "s1", "--out", str(out), *MARCH, dsn=database)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == over_http
    rows = len(lines_of(over_http)) - 1
    assert json.loads(done.stdout) == {
        "file": str(out), "format": "csv", "rows": rows, "bytes": len(over_http)
    }  # fmt: skip
    book = tmp_path / "entries.xlsx"
    done = houfu(
        "statement", "export", "--store", "s1", "--format", "xlsx", "--out", str(book), *MARCH, dsn=database
    )
    assert done.returncode == 0, done.stderr
    assert len(sheet_rows(book)) == rows
    assert sorted(path.name for path in tmp_path.iterdir()) == ["entries.csv", "entries.xlsx"]
    done = houfu("statement", "month", "s1", "2026-03", dsn=database)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["balance"] == told["balance"]

    for arguments, code, words in (
        (("export", "--store", "s9", "--out", str(out), *MARCH), 1, "There is no store s9."),
        (("export", "--store", "s1", "--out", str(out), "--from", "2020-01-01"), 2, "at most 366 days"),
        (("export", "--store", "s1", "--out", str(tmp_path / "no" / "x"), *MARCH), 2, "cannot be written to"),
        (("month", "s1", "2026-01"), 1, "has no statement of 2026-01"),
    ):
        done = houfu("statement", *arguments, dsn=database)
        assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert out.read_bytes() == over_http


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("month", "s1", "2026-13"), "must be a month"),
        (("month", "-x-", "2026-01"), ""),
        (("export", "--store", "a b", "--out", "x"), "must be a store's id"),
        (("export", "--store", "s1", "--out", "x", "--from", "yesterday"), "must be a day"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_else(arguments: tuple[str, ...], words: str) -> None:
    done = houfu("statement", *arguments)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
