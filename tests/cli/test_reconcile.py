"""`houfu reconcile`: JSON on stdout, words on stderr, exit codes that a script can trust."""

import asyncio
import re

import pytest

from houfu.commands.console import Exit
from reconciliation.programme import MONDAY, OPENING, TUESDAY, line, open_programme, statement
from served import answer, houfu


@pytest.fixture
def reconciled(database: str) -> str:
    """A database with a day that is proven and one with a break, both of one rail."""

    async def prepare() -> None:
        async with open_programme(database) as programme:
            (sent,) = await programme.payouts(10_000)
            await programme.take_up(statement(line(sent)))
            await programme.take_up(
                statement(line(amount=500, on=TUESDAY), day=TUESDAY, opening=OPENING - 10_000)
            )

    asyncio.run(prepare())
    return database


def test_days_are_listed_and_a_proof_is_told_by_the_exit_code(reconciled: str) -> None:
    span = ("--from", str(MONDAY), "--to", str(TUESDAY))
    days = answer("reconcile", "days", "simulated", *span, dsn=reconciled)["data"]
    assert [(day["day"], day["state"]) for day in days] == [
        (str(TUESDAY), "breaks"),
        (str(MONDAY), "proven"),
    ]
    proven = houfu("reconcile", "proof", "simulated", str(MONDAY), dsn=reconciled)
    assert proven.returncode == Exit.DONE
    assert "¥1,000,000.00 + ¥0.00 - ¥100.00 = ¥999,900.00" in proven.stderr
    assert "Proven: every fen is explained, 0 breaks wait." in proven.stderr
    wanting = houfu("reconcile", "proof", "simulated", str(TUESDAY), dsn=reconciled)
    assert wanting.returncode == Exit.NO
    assert "Not proven: every fen is explained, 1 breaks wait." in wanting.stderr
    checked = answer("reconcile", "check", "simulated", str(TUESDAY), dsn=reconciled)
    assert (checked["proven"], checked["differs_by"]) == (False, 500)


def test_two_people_close_a_break(reconciled: str) -> None:
    (found,) = answer("reconcile", "breaks", "--status", "open", dsn=reconciled)["data"]
    assert re.fullmatch("break_[0-9a-f]{32}", found["id"])
    proposing = ("reconcile", "propose", found["id"], "--reason", "bank_fee", "--note", "三月")
    assert answer(*proposing, "--author", "li", dsn=reconciled)["status"] == "proposed"
    own = houfu("reconcile", "close", found["id"], "--author", "li", dsn=reconciled)
    assert (own.returncode, own.stdout) == (Exit.NO, "")
    assert "another person closes it" in own.stderr
    declined = answer("reconcile", "decline", found["id"], "--author", "wang", dsn=reconciled)
    assert declined["status"] == "open"
    answer(*proposing, "--author", "li", dsn=reconciled)
    closed = answer("reconcile", "close", found["id"], "--author", "wang", dsn=reconciled)
    assert (closed["status"], closed["closed_by"]) == ("closed", "wang")
    assert answer("reconcile", "proof", "simulated", str(TUESDAY), dsn=reconciled)["proven"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("proof", "simulated", "2026-01-05"), Exit.NO, "has no statement of 2026-01-05"),
        (("proof", "simulated", "yesterday"), Exit.USAGE, "must be a day"),
        (("proof", "No Rail", "2026-01-05"), Exit.USAGE, "no name of a rail"),
        (("close", "0" * 32, "--author", "li"), Exit.NO, "there is no break"),
        (("close", "it", "--author", "li"), Exit.USAGE, "no id of a break"),
        (("breaks", "--kind", "odd"), Exit.USAGE, "--kind must be one of line_without_payout"),
        (("propose", "0" * 32, "--author", "li", "--reason", "so"), Exit.USAGE, "--reason must be one of"),
    ],
)
def test_what_cannot_be_is_said(database: str, arguments: tuple[str, ...], code: Exit, words: str) -> None:
    done = houfu("reconcile", *arguments, dsn=database)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
