"""The bank's reports: taken once each, whole or not at all, and carried on where a crash left them."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from banking import payouts_of
from houfu.app import SINCE_EVER
from houfu.core.calendar import shipped_calendar
from houfu.iso20022 import camt053, camt054, pain002
from houfu.iso20022.message import Entry, Notification, Statement, StatusReport, TransferStatus
from houfu.payouts import actions, reports, settling
from houfu.payouts.reports import Desk, Ingested
from houfu.payouts.simulated import RAILS
from houfu.policy.book import PolicyBook, Published
from houfu.reconciliation.desk import desk_of
from withdrawals.programme import MONDAY, TERMS, TUESDAY, Programme

EVENING = MONDAY.replace(hour=23)
(RAIL,) = RAILS.rails
NUMBER = RAIL.account.number


async def carried(programme: Programme, count: int = 3) -> tuple[str, list[str]]:
    """Withdrawals that are in one file with the bank; the file's message id and theirs from end to end."""
    asked: list[str] = []
    for n in range(count):
        await programme.open_store(f"s{n}", balance=100_000)
        asked.append((await programme.ask(60_000, f"s{n}")).id.partition(".")[0])
    (batch_id,) = await actions.cut_off(
        programme.connection, RAILS, terms=TERMS, ids=programme.ids, now=EVENING
    )
    await programme.connection.execute("update payout_files set status = 'sent', sent_at = $1", EVENING)
    (file,) = (await actions.batch(programme.connection, batch_id)).files
    return file.message_id, asked


def desk(programme: Programme) -> Desk:
    return desk_of(
        lambda: PolicyBook([Published(programme.policy, SINCE_EVER)]), shipped_calendar, programme.ids
    )


async def ingest(programme: Programme, content: bytes, *, name: str = "report.xml") -> Ingested:
    return await desk(programme).ingest(programme.connection, RAIL, name, content, now=TUESDAY)


async def statuses(programme: Programme) -> list[str]:
    rows = await programme.connection.fetch("select status from withdrawals order by store_id")
    return [row["status"] for row in rows]


def entry(end_to_end_id: str | None, amount: int = 60_000, *, reference: str, credit: bool = False) -> Entry:
    return Entry(
        reference=reference,
        amount=amount,
        credit=credit,
        booked_on=date(2026, 3, 3),
        end_to_end_id=end_to_end_id,
        counterparty_name="Holder",
        counterparty_number="6222020200011111",
        return_reason="AC04" if credit else None,
        words=None,
    )


def notification(*entries: Entry, id: str = "n1", number: str = NUMBER) -> bytes:
    return camt054.write(
        Notification(
            message_id=id, created_at=TUESDAY, account_number=number, currency="CNY", entries=entries
        )
    )


def status_report(original: str, *, group: str | None = None, **fields: object) -> StatusReport:
    made = StatusReport(
        message_id="p1",
        created_at=TUESDAY,
        original_message_id=original,
        group_status=group,
        reason=None,
        words=None,
        statuses=(),
    )
    return msgspec.structs.replace(made, **fields)


async def test_a_booking_pays_and_the_same_content_under_another_name_does_nothing(
    programme: Programme,
) -> None:
    _, ids = await carried(programme)
    content = notification(*(entry(id, reference=f"R{n}") for n, id in enumerate(ids)))
    assert (await ingest(programme, content)).answers == 3
    assert (await ingest(programme, content, name="again.xml")).status == "duplicate"
    # A bank that sends the same under another message id tells nothing new either.
    other = notification(*(entry(id, reference=f"R{n}") for n, id in enumerate(ids)), id="n2")
    assert (await ingest(programme, other)).status == "taken"
    assert await statuses(programme) == ["paid"] * 3
    paid = await programme.connection.fetchval("select count(*) from journals where kind = 'payout_paid'")
    assert paid == 3


async def test_a_file_that_is_rejected_whole_returns_every_payment(programme: Programme) -> None:
    original, _ = await carried(programme)
    report = status_report(original, group="RJCT", reason="FF01", words="文件格式错误")
    assert (await ingest(programme, pain002.write(report))).answers == 3
    assert await statuses(programme) == ["failed"] * 3
    row = await programme.connection.fetchrow("select status, fault from payout_files")
    assert tuple(row) == ("rejected", "文件格式错误")
    assert (await programme.balances("s0"))["store_balance"] == 100_000


@pytest.mark.parametrize("reason", ["DUPL", "DU01", "AM05"])
async def test_that_a_file_came_before_decides_nothing_about_its_payments(
    programme: Programme, reason: str
) -> None:
    original, ids = await carried(programme)
    report = status_report(original, group="RJCT", reason=reason, words="重复文件")
    assert (await ingest(programme, pain002.write(report))).answers == 0
    assert await statuses(programme) == ["in_transit"] * 3
    assert await programme.connection.fetchval("select status from payout_files") == "sent"
    await ingest(programme, notification(*(entry(id, reference=f"R{n}") for n, id in enumerate(ids))))
    assert await statuses(programme) == ["paid"] * 3


async def test_a_payment_of_a_rejected_file_keeps_its_own_reason(programme: Programme) -> None:
    original, ids = await carried(programme)
    report = status_report(
        original,
        group="RJCT",
        reason="FF01",
        words="文件格式错误",
        statuses=(TransferStatus(ids[0], "RJCT", "AC01", "账号不存在"), TransferStatus(ids[1], "RJCT")),
    )
    assert (await ingest(programme, pain002.write(report))).answers == 3
    rows = await programme.connection.fetch(
        "select bank_reason, bank_words from withdrawals order by store_id"
    )
    assert [tuple(row) for row in rows] == [
        ("AC01", "账号不存在"),
        ("FF01", "文件格式错误"),
        ("FF01", "文件格式错误"),
    ]


async def test_single_payments_are_rejected_and_the_others_keep_their_references(
    programme: Programme,
) -> None:
    original, ids = await carried(programme)
    report = status_report(
        original,
        group="PART",
        statuses=(
            TransferStatus(ids[0], "RJCT", "AC01", "账号不存在"),
            TransferStatus(ids[1], "ACSP", None, None, "BANK-1"),
        ),
    )
    await ingest(programme, pain002.write(report))
    assert await statuses(programme) == ["failed", "in_transit", "in_transit"]
    rows = await programme.connection.fetch(
        "select bank_reason, bank_words, bank_reference from withdrawals order by store_id"
    )
    assert [tuple(row) for row in rows] == [
        ("AC01", "账号不存在", None),
        (None, None, "BANK-1"),
        (None, None, None),
    ]
    assert await programme.connection.fetchval("select status from payout_files") == "accepted"


async def test_a_return_of_what_we_did_not_know_to_be_paid_was_paid_first(programme: Programme) -> None:
    _, ids = await carried(programme, 1)
    await ingest(programme, notification(entry(ids[0], reference="R1", credit=True)))
    kinds = await programme.connection.fetch(
        "select kind from journals where subject is not null order by seq"
    )
    assert [row["kind"] for row in kinds] == ["withdrawal", "payout_paid", "payout_returned", "payout_failed"]
    assert (await programme.balances("s0"))["store_balance"] == 100_000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<Document/>", "known are pain.001"),
        (b"not xml at all", "XML"),
        (b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "DOCTYPE"),
        (
            notification(entry(None, reference="R")).replace(b"camt.054.001.08", b"camt.054.001.99"),
            "camt.054",
        ),
        (notification(entry(None, reference="R"))[:-40], "line"),
        (notification(entry(None, reference="R"), number="999"), "not the account"),
        (pain002.write(status_report("0" * 32 + "-01")), "never made"),
    ],
    ids=[
        "empty",
        "no namespace",
        "no XML",
        "entity",
        "version",
        "truncated",
        "another account",
        "unknown file",
    ],
)
async def test_a_faulty_report_is_kept_with_its_fault_and_nothing_of_it_is_used(
    programme: Programme, content: bytes, words: str
) -> None:
    await carried(programme)
    done = await ingest(programme, content)
    assert done.status == "refused"
    assert words in (done.fault or "")
    row = await programme.connection.fetchrow("select status, fault from bank_reports")
    assert row["status"] == "refused"
    assert await statuses(programme) == ["in_transit"] * 3


async def test_a_statement_whose_sums_are_wrong_is_refused_whole(programme: Programme) -> None:
    _, ids = await carried(programme, 1)
    statement = Statement(
        message_id="m1",
        statement_id="st1",
        created_at=TUESDAY,
        account_number=NUMBER,
        currency="CNY",
        day=date(2026, 3, 3),
        opening=1_000_000,
        closing=940_000,
        entries=(entry(ids[0], reference="R1"),),
    )
    right = camt053.write(statement)
    wrong = right.replace(b"9400.00", b"9400.01")
    assert wrong != right
    assert (await ingest(programme, wrong)).status == "refused"
    assert await statuses(programme) == ["in_transit"]
    assert (await ingest(programme, right)).answers == 1
    assert await statuses(programme) == ["paid"], "the statement tells what no notification told"


async def test_what_is_none_of_ours_or_cannot_be_is_left_undone(programme: Programme) -> None:
    _, ids = await carried(programme, 2)
    await ingest(
        programme,
        notification(
            entry(None, reference="R1"),
            entry("NOTPROVIDED", reference="R2"),
            entry(f"wd_{'0' * 32}", reference="R3"),
            entry(ids[0], reference="R4"),
        ),
    )
    assert await statuses(programme) == ["paid", "in_transit"]
    rejected = status_report(
        (await programme.connection.fetchval("select message_id from payout_files")),
        statuses=(TransferStatus(ids[0], "RJCT", "AC04", None),),
    )
    await ingest(programme, pain002.write(rejected))
    assert await statuses(programme) == ["paid", "in_transit"], "a bank that paid cannot have rejected"


async def test_whoever_is_interrupted_goes_on_where_it_was(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ids = await carried(programme, 5)
    content = notification(*(entry(id, reference=f"R{n}") for n, id in enumerate(ids)))
    monkeypatch.setattr(reports, "CHUNK", 2)
    settled = settling.settle
    calls = 0

    async def killed(*given: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return await settled(*given, **named)  # pyright: ignore[reportArgumentType]

    with monkeypatch.context() as patched:
        patched.setattr(reports, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            await ingest(programme, content)
    assert await statuses(programme) == ["paid", "paid", "in_transit", "in_transit", "in_transit"]
    worker = payouts_of(programme.pool, programme.clock, programme.policy, ids=programme.ids)
    await programme.work(TUESDAY + timedelta(hours=1), payouts=worker)
    assert await statuses(programme) == ["paid"] * 5
    row = await programme.connection.fetchrow(
        "select applied, entries from bank_reports where name = 'report.xml'"
    )
    assert tuple(row) == (5, 5)
