"""The bank's stories: a file comes in, is booked, is stated; and what may go wrong with it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bank.paper import (
    ACCOUNT,
    MONDAY,
    NIGHT,
    OPENING,
    TUESDAY,
    at,
    bank,
    kinds,
    payment_file,
    transfer,
    transfers,
)
from houfu.bank.bank import ANSWERS_AFTER, Bank
from houfu.bank.habits import Habits
from houfu.bank.report import Report
from houfu.iso20022 import camt053, camt054, pain002
from houfu.iso20022.message import Notification, Statement, StatusReport

ALL_FAULTS = Habits(
    reject_ppm=100_000, delay_ppm=200_000, return_ppm=150_000, duplicate_ppm=300_000, lost_ppm=200_000
)


def messages(reports: tuple[Report, ...]) -> list[StatusReport | Notification | Statement]:
    readers = {"pain.002": pain002.read, "camt.054": camt054.read, "camt.053": camt053.read}
    return [readers[report.name.split("-")[1]](report.content) for report in reports]


def statements(reports: tuple[Report, ...]) -> list[Statement]:
    return [message for message in messages(reports) if isinstance(message, Statement)]


def notifications(reports: tuple[Report, ...]) -> list[Notification]:
    return [message for message in messages(reports) if isinstance(message, Notification)]


def statuses(reports: tuple[Report, ...]) -> list[StatusReport]:
    return [message for message in messages(reports) if isinstance(message, StatusReport)]


def test_a_file_is_taken_booked_and_stated() -> None:
    standing = bank()
    content = payment_file("m-1", [transfer("wd_1", 12_345), transfer("wd_2", 100)])
    receipt = standing.receive(content, NIGHT)
    assert (receipt.accepted, receipt.payments, receipt.amount) == (True, 2, 12_445)
    reports = standing.reports(NIGHT, at(3, 23))
    assert kinds(reports) == ["pain.002", "camt.054", "camt.053"]
    assert [report.at for report in reports] == [NIGHT + ANSWERS_AFTER, at(3, 10), at(3, 20)]
    answer, booked, stated = messages(reports)
    assert isinstance(answer, StatusReport)
    assert (answer.original_message_id, answer.group_status, answer.statuses) == ("m-1", "ACTC", ())
    assert isinstance(booked, Notification)
    assert [(entry.end_to_end_id, entry.amount, entry.credit) for entry in booked.entries] == [
        ("wd_1", 12_345, False),
        ("wd_2", 100, False),
    ]
    assert isinstance(stated, Statement)
    assert (stated.day, stated.opening, stated.closing) == (TUESDAY, OPENING, OPENING - 12_445)
    assert stated.account_number == ACCOUNT.number
    assert [entry.reference for entry in stated.entries] == [entry.reference for entry in booked.entries]


def test_a_working_day_without_movements_is_stated_and_a_weekend_is_not() -> None:
    found = statements(bank().reports(at(5, 0), at(9, 23)))
    assert [(stated.day.day, stated.opening, stated.closing, stated.entries) for stated in found] == [
        (5, OPENING, OPENING, ()),
        (6, OPENING, OPENING, ()),
        (9, OPENING, OPENING, ()),
    ]


def test_a_closed_account_is_rejected_on_the_execution_day_and_nothing_moves() -> None:
    standing = bank()
    closed = transfer("wd_1", number="6222000000000000000")
    assert standing.receive(payment_file("m-1", [closed, transfer("wd_2")]), NIGHT).accepted
    reports = standing.reports(NIGHT, at(3, 23))
    assert kinds(reports) == ["pain.002", "camt.054", "pain.002", "camt.053"]
    told = statuses(reports)[1]
    assert (told.original_message_id, told.group_status) == ("m-1", None)
    assert [
        (status.end_to_end_id, status.status, status.reason, status.words) for status in told.statuses
    ] == [("wd_1", "RJCT", "AC04", "收款账户已销户")]
    assert reports[2].at == at(3, 10)
    assert [entry.end_to_end_id for entry in statements(reports)[0].entries] == ["wd_2"]


def test_a_late_return_brings_the_money_back_with_its_reason() -> None:
    standing = bank(Habits(return_ppm=1_000_000, return_days_max=1))
    standing.receive(payment_file("m-1", [transfer("wd_1", 500)]), NIGHT)
    out, back = notifications(standing.reports(NIGHT, at(4, 23)))
    assert [(entry.credit, entry.return_reason) for entry in out.entries] == [(False, None)]
    (entry,) = back.entries
    assert (entry.credit, entry.amount, entry.end_to_end_id, entry.booked_on.day) == (True, 500, "wd_1", 4)
    assert entry.return_reason in {"AC01", "AC04", "AC06", "BE01"}
    assert entry.words
    assert entry.reference != out.entries[0].reference
    assert [stated.closing for stated in statements(standing.reports(NIGHT, at(4, 23)))] == [
        OPENING - 500,
        OPENING,
    ]


def test_the_same_file_again_gets_the_same_receipt_and_moves_nothing() -> None:
    standing = bank()
    content = payment_file("m-1", transfers("wd", 3))
    receipt = standing.receive(content, NIGHT)
    before = standing.reports(NIGHT, at(6, 23))
    assert standing.receive(content, NIGHT + timedelta(hours=1)) == receipt
    assert standing.known("m-1") == receipt
    assert standing.known("m-2") is None
    assert standing.reports(NIGHT, at(6, 23)) == before
    assert standing.files == 1


@pytest.mark.parametrize(
    ("content", "reason", "told"),
    [
        (b"<Document", "FF01", False),
        (payment_file("m-1", transfers("wd", 2), control_sum="1.00"), "FF01", False),
        (payment_file("first", [transfer("other")]), "DU01", False),
        (payment_file("m-1", [transfer("wd")], debtor=transfer("x").creditor), "AC02", True),
        (payment_file("m-1", [transfer("wd")], currency="USD"), "AM03", True),
        (payment_file("m-1", [transfer("wd")], execution_on=date(2029, 1, 1)), "DT01", True),
    ],
)
def test_a_file_that_is_not_right_is_refused_whole_with_words(
    content: bytes, reason: str, told: bool
) -> None:
    standing = bank()
    standing.receive(payment_file("first", [transfer("wd_first")]), NIGHT)
    later = NIGHT + timedelta(minutes=1)
    receipt = standing.receive(content, later)
    assert (receipt.accepted, receipt.reason, receipt.payments) == (False, reason, 0)
    assert receipt.words
    reports = standing.reports(later, at(4, 23))
    assert sum(len(stated.entries) for stated in statements(reports)) == 1
    answers = [(status.group_status, status.reason, status.words) for status in statuses(reports)]
    assert answers == ([("RJCT", reason, receipt.words)] if told else [])
    assert standing.receive(content, later) == receipt


def test_a_payment_that_was_made_before_is_rejected_singly() -> None:
    standing = bank()
    standing.receive(payment_file("m-1", [transfer("wd_1")]), NIGHT)
    standing.receive(payment_file("m-2", [transfer("wd_1"), transfer("wd_2")]), NIGHT + timedelta(minutes=1))
    reports = standing.reports(NIGHT, at(3, 23))
    (told,) = [status for status in statuses(reports) if status.group_status is None]
    assert told.original_message_id == "m-2"
    assert [(status.end_to_end_id, status.reason) for status in told.statuses] == [("wd_1", "AM05")]
    assert [entry.end_to_end_id for entry in statements(reports)[0].entries] == ["wd_1", "wd_2"]


def test_a_payment_that_was_rejected_may_be_tried_again() -> None:
    standing = bank()
    standing.receive(payment_file("m-1", [transfer("wd_1", number="6222000000000000000")]), NIGHT)
    standing.receive(payment_file("m-2", [transfer("wd_1")]), NIGHT + timedelta(minutes=1))
    assert [entry.end_to_end_id for entry in statements(standing.reports(NIGHT, at(3, 23)))[0].entries] == [
        "wd_1"
    ]


def test_a_lost_notification_leaves_the_movement_in_the_statement() -> None:
    standing = bank(Habits(lost_ppm=1_000_000))
    closed = transfer("wd_2", number="6222000000000000000")
    standing.receive(payment_file("m-1", [transfer("wd_1"), closed]), NIGHT)
    reports = standing.reports(NIGHT, at(3, 23))
    assert kinds(reports) == ["pain.002", "camt.053"]
    assert statuses(reports)[0].statuses[0].status == "RJCT"
    assert [entry.end_to_end_id for entry in statements(reports)[0].entries] == ["wd_1"]


def test_a_duplicate_is_the_same_bytes_or_says_the_same_under_another_id() -> None:
    standing = bank(Habits(duplicate_ppm=1_000_000))
    for nth in range(8):
        standing.receive(payment_file(f"m-{nth}", [transfer(f"wd_{nth}")]), NIGHT)
    reports = standing.reports(NIGHT, at(3, 23))
    assert len({report.name for report in reports}) == len(reports) == 2 * (8 + 8 + 1)
    assert {len(reports) - len({report.content for report in reports})} != {0}
    booked = [entry.reference for note in notifications(reports) for entry in note.entries]
    assert sorted(booked) == sorted(2 * list(set(booked)))


def test_a_lost_answer_is_lost_once_and_the_file_is_known() -> None:
    standing = bank(Habits(lost_answer_ppm=1_000_000))
    content = payment_file("m-1", [transfer("wd_1")])
    assert standing.receive(content, NIGHT).answer_lost
    known = standing.known("m-1")
    assert known is not None
    assert not known.answer_lost
    assert standing.receive(content, NIGHT) == known


def test_a_status_inquiry_tells_each_payment_as_it_stands() -> None:
    standing = bank()
    closed = transfer("wd_2", number="6222000000000000000")
    standing.receive(payment_file("m-1", [transfer("wd_1"), closed]), NIGHT)
    for moment, expected in ((at(3, 9), ["ACSP", "ACSP"]), (at(3, 10), ["ACSC", "RJCT"])):
        report = standing.status("m-1", moment)
        assert report is not None
        assert [status.status for status in report.statuses] == expected
    assert standing.status("m-2", NIGHT) is None


def test_deposits_are_credits_of_the_statement() -> None:
    standing = bank()
    standing.deposit(700, at(2, 12))
    standing.deposit(300, at(2, 20))
    first, second = statements(standing.reports(at(2, 0), at(3, 23)))
    assert [(entry.amount, entry.credit, entry.end_to_end_id) for entry in first.entries] == [
        (700, True, None)
    ]
    assert (first.closing, second.opening, second.closing) == (OPENING + 700, OPENING + 700, OPENING + 1_000)
    with pytest.raises(ValueError, match="amount"):
        standing.deposit(0, NIGHT)


def test_what_is_due_is_split_at_any_moment_without_loss_and_in_order() -> None:
    standing = bank(ALL_FAULTS)
    for nth in range(5):
        standing.receive(payment_file(f"m-{nth}", transfers(f"wd{nth}", 10)), NIGHT + timedelta(minutes=nth))
    whole = standing.reports(NIGHT, at(20, 0))
    names = [report.name for report in whole]
    assert names == sorted(names) == list(standing.names(NIGHT, at(20, 0)))
    assert len(set(names)) == len(names)
    stepped: list[Report] = []
    moment: datetime = NIGHT
    while moment < at(20, 0):
        due = standing.next_at(moment)
        assert due > moment
        stepped.extend(standing.reports(moment, due))
        moment = due
    assert [report for report in stepped if report.at <= at(20, 0)] == list(whole)
    for report in whole:
        assert standing.report(report.name, at(20, 0)) == report
        assert standing.report(report.name, report.at - timedelta(microseconds=1)) is None
    assert standing.report("../../etc/passwd", at(20, 0)) is None


@pytest.mark.parametrize("received_at", [at(3, 10), at(3, 20), at(3, 9, 59), NIGHT])
def test_a_file_received_now_changes_nothing_that_is_due_by_now(received_at: datetime) -> None:
    standing = bank(ALL_FAULTS)
    standing.receive(payment_file("m-1", transfers("wd", 20)), NIGHT - timedelta(days=1))
    before = standing.reports(at(1, 0), received_at)
    standing.receive(payment_file("m-2", transfers("we", 20), execution_on=MONDAY), received_at)
    standing.deposit(5, received_at)
    assert standing.reports(at(1, 0), received_at) == before


@settings(max_examples=40, deadline=None)
@given(
    seed=st.text("abc123", min_size=1, max_size=4),
    hours=st.lists(st.integers(0, 24 * 20), min_size=1, max_size=8),
    sizes=st.lists(st.integers(1, 12), min_size=8, max_size=8),
    topped_up=st.lists(st.tuples(st.integers(0, 24 * 20), st.integers(1, 10**12)), max_size=4),
)
def test_opening_and_in_less_out_is_closing_on_any_day_and_a_replay_tells_the_same(
    seed: str, hours: list[int], sizes: list[int], topped_up: list[tuple[int, int]]
) -> None:
    habits = Habits(
        seed,
        reject_ppm=100_000,
        delay_ppm=300_000,
        return_ppm=300_000,
        duplicate_ppm=200_000,
        lost_ppm=300_000,
    )
    start = at(1, 0)
    files = [
        (payment_file(f"m-{nth}", transfers(f"wd{nth}", size, 100 + nth)), start + timedelta(hours=hour))
        for nth, (hour, size) in enumerate(zip(sorted(hours), sizes, strict=False))
    ]

    def replayed() -> Bank:
        made = bank(habits)
        for content, received_at in files:
            assert made.receive(content, received_at).accepted
        for hour, amount in topped_up:
            made.deposit(amount, start + timedelta(hours=hour))
        return made

    standing = replayed()
    end = start + timedelta(days=60)
    reports = standing.reports(start, end)
    days = {stated.day: stated for stated in statements(reports)}
    balance = OPENING
    for _, stated in sorted(days.items()):
        assert stated.opening == balance
        balance += sum(entry.amount if entry.credit else -entry.amount for entry in stated.entries)
        assert stated.closing == balance
    entries = [entry for stated in days.values() for entry in stated.entries]
    assert len({entry.reference for entry in entries}) == len(entries)
    # Each payment was made once or rejected once, and what came back had been paid.
    paid = {entry.end_to_end_id for entry in entries if not entry.credit}
    back = {entry.end_to_end_id for entry in entries if entry.credit and entry.end_to_end_id}
    rejections = {status.end_to_end_id for report in statuses(reports) for status in report.statuses}
    assert back <= paid
    assert paid.isdisjoint(rejections)
    assert len(paid) + len(rejections) == sum(size for _, size in zip(hours, sizes, strict=False))
    assert replayed().reports(start, end) == reports


def test_four_hundred_files_of_sixty_payments_are_no_matter_of_minutes() -> None:
    standing = bank(ALL_FAULTS)
    files = [payment_file(f"m-{nth}", transfers(f"wd{nth}", 60)) for nth in range(400)]
    begun = process_time()
    for nth, content in enumerate(files):
        assert standing.receive(content, NIGHT + timedelta(seconds=nth)).payments == 60
    moment, count = NIGHT, 0
    while moment < at(20, 0):
        due = standing.next_at(moment)
        count += len(standing.reports(moment, due))
        moment = due
    assert count > 800
    assert process_time() - begun < 60
