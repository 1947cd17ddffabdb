"""Whatever is written is valid, is read as the same nouns, and is the same bytes each time."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from houfu.core.money import MAX_AMOUNT
from houfu.iso20022 import camt053, camt054, pain001, pain002
from houfu.iso20022.message import (
    Entry,
    MessageRefused,
    Notification,
    Party,
    PaymentFile,
    PaymentGroup,
    Statement,
    StatusReport,
    Transfer,
    TransferStatus,
)
from houfu.iso20022.read import read
from houfu.iso20022.writing import fit

AWKWARD = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("&<>\"']]>\x00\x08\t\r\n\u0085\u2028\ufffe\ufeff\u3000后付商家提现𠮷😀%#�"),
    ),
    max_size=160,
)
IDS = st.text(st.sampled_from("abcXYZ0189-_/.:+"), min_size=1, max_size=35)
NUMBERS = st.text(st.sampled_from("0123456789"), min_size=1, max_size=34)
AMOUNTS = st.integers(1, MAX_AMOUNT)
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
CODES = st.from_regex(r"[A-Z]{2}[0-9]{2}", fullmatch=True)
CURRENCIES = st.sampled_from(["CNY", "JPY", "KRW", "BHD", "USD", "CLF"])


def fitted(length: int, *, least: int = 1) -> st.SearchStrategy[str]:
    return AWKWARD.map(lambda text: fit(text, length)).filter(lambda text: len(text) >= least)


PARTIES = st.builds(Party, fitted(140), NUMBERS, st.one_of(st.just(""), st.just("102100099996"), IDS))
TRANSFERS = st.builds(Transfer, IDS, AMOUNTS, PARTIES, fitted(140, least=0))
GROUPS = st.builds(PaymentGroup, IDS, DAYS, st.lists(TRANSFERS, min_size=1, max_size=4).map(tuple))
FILES = st.builds(
    PaymentFile, IDS, MOMENTS, PARTIES, CURRENCIES, st.lists(GROUPS, min_size=1, max_size=3).map(tuple)
)
STATUSES = st.builds(
    TransferStatus,
    IDS,
    st.sampled_from(["ACCP", "ACSP", "ACSC", "PDNG", "RJCT"]),
    st.none() | CODES,
    st.none() | fitted(105),
    st.none() | IDS,
)
REPORTS = st.builds(
    StatusReport,
    IDS,
    MOMENTS,
    IDS,
    st.none() | st.sampled_from(["ACTC", "ACCP", "ACSP", "ACSC", "PART", "PDNG", "RJCT"]),
    st.none() | CODES,
    st.none() | fitted(105),
    st.lists(STATUSES, max_size=4).map(tuple),
)
ENTRIES = st.lists(
    st.builds(
        Entry,
        IDS,
        AMOUNTS,
        st.booleans(),
        DAYS,
        st.none() | IDS,
        st.none() | fitted(140),
        st.none() | NUMBERS,
        st.none() | CODES,
        st.none() | fitted(105),
    ),
    max_size=5,
    unique_by=lambda entry: entry.reference,
).map(tuple)
NOTIFICATIONS = st.builds(Notification, IDS, MOMENTS, NUMBERS, CURRENCIES, ENTRIES)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    entries, opening = draw(ENTRIES), draw(st.integers(-MAX_AMOUNT, MAX_AMOUNT))
    net = sum(entry.amount if entry.credit else -entry.amount for entry in entries)
    head = draw(st.tuples(IDS, IDS, MOMENTS, NUMBERS, CURRENCIES, DAYS))
    return Statement(*head, opening, opening + net, entries)


@settings(deadline=None)
@given(FILES)
def test_payments_are_valid_by_the_schema_and_read_again(file: PaymentFile) -> None:
    content = pain001.write(file)
    pain001.validate(content)
    assert read(content) == file
    assert pain001.write(file) == content


@settings(deadline=None)
@given(AWKWARD, AWKWARD, AWKWARD)
def test_any_text_gives_a_valid_file_or_is_refused(name: str, remittance: str, code: str) -> None:
    party = Party(name, "6222021234567890123", code)
    file = PaymentFile(
        "m",
        datetime(2026, 11, 25, tzinfo=UTC),
        party,
        "CNY",
        (PaymentGroup("g", date(2026, 11, 26), (Transfer("e", 1, party, remittance),)),),
    )
    try:
        content = pain001.write(file)
    except MessageRefused as refused:
        assert not fit(name, 140) or fit(code, 35) != code
        assert str(refused)
        return
    pain001.validate(content)
    read_back = pain001.read(content).groups[0].transfers[0]
    assert (read_back.creditor.name, read_back.remittance) == (fit(name, 140), fit(remittance, 140))


@settings(deadline=None)
@given(REPORTS)
def test_reports_are_read_again(report: StatusReport) -> None:
    assert read(pain002.write(report)) == report


@settings(deadline=None)
@given(NOTIFICATIONS)
def test_notifications_are_read_again(notification: Notification) -> None:
    assert read(camt054.write(notification)) == notification or not notification.entries


@settings(deadline=None)
@given(statements())
def test_statements_are_read_again(statement: Statement) -> None:
    assert read(camt053.write(statement)) == statement


@pytest.mark.parametrize(
    "file",
    [
        PaymentFile("m", datetime(2026, 1, 1, tzinfo=UTC), Party("A", "1", ""), "CNY", ()),
        PaymentFile(
            "m",
            datetime(2026, 1, 1, tzinfo=UTC),
            Party("A", "1", ""),
            "CNY",
            (PaymentGroup("g", date(2026, 1, 1), ()),),
        ),
    ],
)
def test_a_file_of_no_payments_is_refused(file: PaymentFile) -> None:
    with pytest.raises(MessageRefused, match=r"one group at least|holds no payments"):
        pain001.write(file)
