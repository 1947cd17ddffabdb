"""Files of payments as a customer writes them, and the bank that gets them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, timezone
from xml.sax.saxutils import escape

from houfu.bank.bank import Bank
from houfu.bank.china import card_number, cnaps_code
from houfu.bank.habits import Habits
from houfu.bank.report import Report
from houfu.iso20022.message import Party, Transfer

SHANGHAI = timezone(timedelta(hours=8))
ACCOUNT = Party(name="杭州好付网络科技有限公司", number=card_number(1), bank_code=cnaps_code("ICBC", "杭州"))
OPENING = 1_000_000_00
MONDAY = date(2026, 3, 2)
"""A working day, with a week of working days from it."""
TUESDAY = MONDAY + timedelta(days=1)
NIGHT = datetime(2026, 3, 2, 23, 0, tzinfo=SHANGHAI)
"""When Monday's payouts are handed in."""

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">
<CstmrCdtTrfInitn>"""
_TAIL = "</CstmrCdtTrfInitn></Document>"


def at(day: int, hour: int, minute: int = 0, *, month: int = 3, second: int = 0) -> datetime:
    """A moment of 2026 in Shanghai."""
    return datetime(2026, month, day, hour, minute, second, tzinfo=SHANGHAI)


def bank(habits: Habits | None = None, *, opening: int = OPENING) -> Bank:
    """The bank with ACCOUNT in it."""
    return Bank(Habits() if habits is None else habits, ACCOUNT, opening)


def transfer(end_to_end_id: str, amount: int = 10_000, *, number: str | None = None) -> Transfer:
    """A payment to a store."""
    seed = int.from_bytes(end_to_end_id.encode()[-5:], "big")
    creditor = Party(
        name="杭州小店", number=number or _open_number(seed), bank_code=cnaps_code("CMB", "深圳")
    )
    return Transfer(end_to_end_id=end_to_end_id, amount=amount, creditor=creditor, remittance="提现")


def transfers(prefix: str, count: int, amount: int = 10_000) -> list[Transfer]:
    """Several payments whose ids begin alike."""
    return [transfer(f"{prefix}-{nth:04d}", amount) for nth in range(count)]


def payment_file(
    message_id: str,
    payments: Sequence[Transfer],
    *,
    execution_on: date = TUESDAY,
    debtor: Party = ACCOUNT,
    currency: str = "CNY",
    control_sum: str | None = None,
) -> bytes:
    """A pain.001 with these payments in one group."""
    total = yuan(sum(payment.amount for payment in payments)) if control_sum is None else control_sum
    return "".join(
        (
            _HEAD,
            f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>2026-03-02T23:00:00+08:00</CreDtTm>",
            f"<NbOfTxs>{len(payments)}</NbOfTxs><CtrlSum>{total}</CtrlSum>",
            f"<InitgPty><Nm>{escape(debtor.name)}</Nm></InitgPty></GrpHdr>",
            f"<PmtInf><PmtInfId>{message_id[:30]}-1</PmtInfId><PmtMtd>TRF</PmtMtd>",
            f"<NbOfTxs>{len(payments)}</NbOfTxs><CtrlSum>{total}</CtrlSum>",
            f"<ReqdExctnDt><Dt>{execution_on}</Dt></ReqdExctnDt>",
            f"<Dbtr><Nm>{escape(debtor.name)}</Nm></Dbtr>",
            f"<DbtrAcct><Id><Othr><Id>{debtor.number}</Id></Othr></Id><Ccy>{currency}</Ccy></DbtrAcct>",
            f"<DbtrAgt>{_agent(debtor)}</DbtrAgt>",
            *_payments(payments, currency),
            "</PmtInf>",
            _TAIL,
        )
    ).encode()


def yuan(amount: int) -> str:
    """An amount of fen in yuan."""
    return f"{amount // 100}.{amount % 100:02d}"


def kinds(reports: Iterable[Report]) -> list[str]:
    """Which kinds of reports these are, in order."""
    return [report.name.split("-")[1] for report in reports]


def _payments(payments: Sequence[Transfer], currency: str) -> Iterable[str]:
    for payment in payments:
        creditor = payment.creditor
        yield (
            f"<CdtTrfTxInf><PmtId><EndToEndId>{payment.end_to_end_id}</EndToEndId></PmtId>"
            f'<Amt><InstdAmt Ccy="{currency}">{yuan(payment.amount)}</InstdAmt></Amt>'
            f"<CdtrAgt>{_agent(creditor)}</CdtrAgt>"
            f"<Cdtr><Nm>{escape(creditor.name)}</Nm></Cdtr>"
            f"<CdtrAcct><Id><Othr><Id>{creditor.number}</Id></Othr></Id></CdtrAcct>"
            f"<RmtInf><Ustrd>{escape(payment.remittance)}</Ustrd></RmtInf></CdtTrfTxInf>"
        )


def _agent(party: Party) -> str:
    return (
        f"<FinInstnId><ClrSysMmbId><ClrSysId><Cd>CNAPS</Cd></ClrSysId><MmbId>{party.bank_code}</MmbId>"
        "</ClrSysMmbId></FinInstnId>"
    )


def _open_number(seed: int) -> str:
    number = card_number(seed % 10**14)
    return number if not number.endswith("0000") else card_number(seed + 1)
