"""Statements and notifications as banks really write them: older versions, batches, returns, and sums that lie."""

from datetime import date

import pytest

from houfu.iso20022 import camt053, camt054, pain002
from houfu.iso20022.message import MessageRefused, Notification, Statement, StatusReport
from houfu.iso20022.read import read

from .nouns import ID, NOTIFICATION, REPORT, STATEMENT

GOOD = camt053.write(STATEMENT).decode()


def payment(
    amount: str, end_to_end_id: str, *, indicator: str = "", rest: str = "", reference: str = ""
) -> str:
    own = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return (
        f"<TxDtls><Refs>{own}<EndToEndId>{end_to_end_id}</EndToEndId></Refs>"
        f'<Amt Ccy="CNY">{amount}</Amt>{indicator}{rest}</TxDtls>'
    )


def entry(
    amount: str, details: str, *, indicator: str = "DBIT", status: str = "<Cd>BOOK</Cd>", rest: str = ""
) -> str:
    return (
        f'<Ntry><NtryRef>7</NtryRef><Amt Ccy="CNY">{amount}</Amt><CdtDbtInd>{indicator}</CdtDbtInd><Sts>{status}</Sts>'
        f"<BookgDt><DtTm>2026-11-26T23:30:00</DtTm></BookgDt>{rest}<NtryDtls>{details}</NtryDtls></Ntry>"
    )


def notification(entries: str, *, version: str = "08", summary: str = "") -> Notification:
    message = read(
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.{version}"><BkToCstmrDbtCdtNtfctn><GrpHdr>'
        "<MsgId>n</MsgId><CreDtTm>2026-11-26T23:40:00</CreDtTm></GrpHdr><Ntfctn><Id>N1</Id>"
        f"<Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>{summary}{entries}</Ntfctn>"
        "</BkToCstmrDbtCdtNtfctn></Document>".encode()
    )
    assert isinstance(message, Notification)
    return message


REFERENCE = "<AcctSvcrRef>R</AcctSvcrRef>"


def test_an_entry_of_several_payments_is_given_as_several_whose_sum_is_its() -> None:
    both = payment("60.00", "a") + payment("40.00", "b")
    told = notification(entry("100.00", both, rest=REFERENCE)).entries
    assert [(e.reference, e.amount, e.credit, e.end_to_end_id) for e in told] == [
        ("R#1", 60_00, False, "a"),
        ("R#2", 40_00, False, "b"),
    ]
    own = payment("60.00", "a", reference="R-a") + payment("40.00", "b", reference="R-b")
    assert [e.reference for e in notification(entry("100.00", own, rest=REFERENCE)).entries] == ["R-a", "R-b"]


def test_a_payment_within_an_entry_may_go_the_other_way() -> None:
    both = payment("60.00", "a") + payment("10.00", "b", indicator="<CdtDbtInd>CRDT</CdtDbtInd>")
    told = notification(entry("50.00", both, rest=REFERENCE)).entries
    assert [(e.amount, e.credit) for e in told] == [(60_00, False), (10_00, True)]


def test_payments_by_the_ten_thousand_in_one_entry_are_each_read() -> None:
    details = "".join(payment("1.00", f"e{number}") for number in range(10_000))
    told = notification(entry("10000.00", details, rest=REFERENCE)).entries
    assert [e.end_to_end_id for e in told] == [f"e{number}" for number in range(10_000)]


def test_an_entry_without_a_reference_of_the_bank_is_numbered_within_its_message() -> None:
    assert [e.reference for e in notification(entry("1.00", payment("1.00", "a"))).entries] == ["N1/7"]


def test_a_moment_without_offset_is_of_the_bank_s_day() -> None:
    told = notification(entry("1.00", payment("1.00", "a")))
    assert told.entries[0].booked_on == date(2026, 11, 26)
    assert told.created_at.isoformat() == "2026-11-26T15:40:00+00:00"
    assert told.account_number == "DE02120300000000202051"


@pytest.mark.parametrize("version", ["02", "04", "06", "08", "10", "13"])
def test_each_version_names_the_counterparty_and_the_reason_of_a_return(version: str) -> None:
    name = "<Nm>李雷</Nm>" if version < "08" else "<Pty><Nm>李雷</Nm></Pty>"
    status = "BOOK" if version == "02" else "<Cd>BOOK</Cd>"
    rest = (
        f"<RltdPties><Dbtr>{name}</Dbtr><DbtrAcct><Id><Othr><Id>62220001</Id></Othr></Id></DbtrAcct></RltdPties>"
        "<RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>账户</AddtlInf><AddtlInf>已销户</AddtlInf></RtrInf>"
    )
    back = notification(
        entry("1.00", payment("1.00", "a", rest=rest), indicator="CRDT", status=status), version=version
    ).entries[0]
    assert (back.counterparty_name, back.counterparty_number) == ("李雷", "62220001")
    assert (back.credit, back.return_reason, back.words) == (True, "AC04", "账户 已销户")


def test_a_reversal_in_our_favour_is_a_return_without_a_reason() -> None:
    back = notification(
        entry("1.00", payment("1.00", "NOTPROVIDED"), indicator="CRDT", rest="<RvslInd>true</RvslInd>")
    )
    assert (back.entries[0].return_reason, back.entries[0].end_to_end_id) == ("MS03", None)


@pytest.mark.parametrize("status", ["PDNG", "INFO", "FUTR"])
def test_what_is_not_booked_is_passed_over(status: str) -> None:
    both = entry("5.00", payment("5.00", "a"), status=f"<Cd>{status}</Cd>") + entry(
        "1.00", payment("1.00", "b")
    )
    assert [e.end_to_end_id for e in notification(both).entries] == ["b"]
    for count in (1, 2):
        summary = f"<TxsSummry><TtlNtries><NbOfNtries>{count}</NbOfNtries></TtlNtries></TxsSummry>"
        assert len(notification(both, summary=summary).entries) == 1


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (entry("100.00", payment("60.00", "a") + payment("30.00", "b"), rest=REFERENCE), "sum to 90.00"),
        (entry("1.001", payment("1.001", "a")), "more decimals"),
        (entry("-1.00", payment("1.00", "a")), "not an amount"),
        (entry("1e2", payment("1.00", "a")), "not an amount"),
        (entry("１.00", payment("1.00", "a")), "not an amount"),
        (entry("99999999999999999", payment("1.00", "a")), "larger than any"),
        (entry("1.00", payment("1.00", "a").replace("CNY", "USD")), "one account has one currency"),
        (entry("1.00", payment("1.00", "a")).replace("CNY", "yuan"), "not a currency"),
        (entry("1.00", payment("1.00", "a"), indicator="BOTH"), "neither CRDT nor DBIT"),
        (entry("1.00", payment("1.00", "a"), status="<Cd>WHAT</Cd>"), "not a known status"),
        (entry("1.00", payment("1.00", "a")) * 2, "occurs twice"),
        (entry("1.00", payment("1.00", "a")).replace("<NtryRef>7</NtryRef>", ""), "NtryRef is missing"),
        (entry("1.00", payment("1.00", "a")).replace("2026-11-26T", "2026-13-26T"), "not a moment"),
        (entry("1.00", payment("1.00", "a")).replace("BookgDt", "Other"), "no day of booking"),
        (
            entry(
                "2.00", (payment("1.00", "a") * 2).replace('<Amt Ccy="CNY">1.00</Amt>', ""), rest=REFERENCE
            ),
            "without the amount of each",
        ),
    ],
)
def test_an_entry_that_cannot_be_is_refused(entries: str, words: str) -> None:
    with pytest.raises(MessageRefused, match=words):
        notification(entries)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"CNY">500.00', '"CNY">500.01', "does not add up: opening 500.01"),
        ('"CNY">493.05', '"CNY">493.04', "does not add up"),
        ("OPBD", "OPAV", "no opening"),
        ("CLBD", "CLAV", "no closing|no opening"),
        ("<NbOfNtries>2<", "<NbOfNtries>3<", "TtlNtries/NbOfNtries says 3"),
        ("<Sum>1007.05<", "<Sum>1007.06<", "TtlNtries/Sum says 1007.06"),
        ("<Sum>7.00<", "<Sum>8.00<", "TtlCdtNtries/Sum says 8.00"),
        ("<Ccy>CNY<", "<Ccy>USD<", "one account has one currency"),
        (
            "<Acct>",
            "<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn><Acct>",
            "page 1 of a longer",
        ),
        ("<CreDtTm>2026-11-25T15:00:07Z", "<CreDtTm>yesterday", "not a moment"),
        ("<Dt>2026-11-26</Dt></Dt>", "<Dt>26.11.2026</Dt></Dt>", "not a date"),
    ],
)
def test_a_statement_that_contradicts_itself_is_refused(old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(MessageRefused, match=words):
        read(GOOD.replace(old, new).encode())


def test_the_closing_of_the_day_before_may_open_a_day() -> None:
    message = read(GOOD.replace("OPBD", "PRCD").encode())
    assert isinstance(message, Statement)
    assert message.opening == STATEMENT.opening


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("RCVD", "PDNG"),
        ("ACTC", "PDNG"),
        ("ACWC", "ACCP"),
        ("ACWP", "ACSP"),
        ("ACCC", "ACSC"),
        ("RJCT", "RJCT"),
    ],
)
def test_statuses_that_mean_the_same_are_one(said: str, taken: str) -> None:
    content = pain002.write(REPORT).replace(b"<TxSts>ACSC", f"<TxSts>{said}".encode())
    message = read(content)
    assert isinstance(message, StatusReport)
    assert message.statuses[1].status == taken


@pytest.mark.parametrize("version", pain002.KNOWN)
def test_each_version_of_a_status_report_is_read(version: str) -> None:
    assert read(pain002.write(REPORT).replace(b"pain.002.001.10", version.encode())) == REPORT


def test_a_status_that_is_not_known_is_refused() -> None:
    with pytest.raises(MessageRefused, match="'WHAT' is not a known status of a payment"):
        read(pain002.write(REPORT).replace(b"<TxSts>ACSC", b"<TxSts>WHAT"))


def test_a_group_rejected_without_its_payments_is_refused() -> None:
    content = pain002.write(REPORT)
    start, end = content.index(b"<TxInfAndSts>"), content.rindex(b"</OrgnlPmtInfAndSts>")
    nameless = content[:start] + b"<PmtInfSts>RJCT</PmtInfSts>" + content[end:]
    with pytest.raises(MessageRefused, match="rejected without naming its payments"):
        read(nameless)
    whole = read(nameless.replace(b"<GrpSts>PART", b"<GrpSts>RJCT"))
    assert isinstance(whole, StatusReport)
    assert (whole.group_status, whole.statuses) == ("RJCT", ())


def test_a_notification_written_is_valid_by_its_totals() -> None:
    content = camt054.write(NOTIFICATION)
    assert b"<TtlDbtNtries><NbOfNtries>1</NbOfNtries><Sum>1000.05</Sum>" in content
    assert ID.encode() in content
