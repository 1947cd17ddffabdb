"""Entries of camt.053 and camt.054: read as they stream by, each with its payments flattened; and written."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

import msgspec

from houfu.iso20022.alike import MARKUP_MAX, Alike
from houfu.iso20022.amounts import SUM_MAX, digits_of, minor_of
from houfu.iso20022.amounts import amount_text as in_digits
from houfu.iso20022.element import Element
from houfu.iso20022.message import Entry, MessageRefused
from houfu.iso20022.payments import Booking, Payment, Row, Shapes, booking_row, payment_row
from houfu.iso20022.reading import BANK_ZONE, Namespace, day
from houfu.iso20022.reading import moment as moment_of
from houfu.iso20022.writing import escaped, exact
from houfu.iso20022.xml import Parts

_SKIPPED: Final = frozenset({"PDNG", "INFO", "FUTR"})
_RETURNED_WITHOUT_REASON: Final = "MS03"
"""ISO's "reason not specified", for reversals that give none."""


class Totals(msgspec.Struct, gc=False):
    """Counts and sums of entries, as a bank's control totals count them: one per entry, not per payment."""

    credits_count: int = 0
    credits: int = 0
    debits_count: int = 0
    debits: int = 0

    def add(self, amount: int, *, credit: bool) -> None:
        if credit:
            self.credits_count += 1
            self.credits += amount
        else:
            self.debits_count += 1
            self.debits += amount


class EntryReader:
    """Reads the entries of a message. Afterwards: `entries` (booked ones only), their `currency`, the totals of those
    booked and of those passed over."""

    def __init__(self, ns: Namespace, holder: str) -> None:
        self.entries: Final[list[Entry]] = []
        self.currency: str | None = None
        self.booked: Final = Totals()
        self.passed_over: Final = Totals()
        self._ns = ns
        self._holder = ns.tag(holder)
        self._entry_tag: Final = ns.tag("Ntry")
        self._payment_tag: Final = ns.tag("TxDtls")
        self._spent: Final = ns.tag("NtryDtls")
        self._payments: list[Row] = []
        self._shapes: Final = Shapes()
        self._alike: Final = Alike()
        self._digits = 2
        self._day_text: str | None = None
        self._day_last = date.min
        self._references: set[str] = set()

    def read(self, content: bytes) -> Element:
        """Read all entries of prepared bytes; the root, which holds everything else."""
        parts = Parts(
            content, (self._entry_tag, self._payment_tag), spent=(self._spent,), piece_max=MARKUP_MAX
        )
        for element in parts:
            rows = self._rows(element)
            self._take(element.tag, rows, lambda element=element: element.sourceline)
            piece = parts.piece
            if piece is not None:
                self._alike.stand_behind(element)
                self._learn(piece, element, len(rows))
                self._take_alike(content, parts, element.tag)
        return parts.root

    def one_currency(self, *others: str | None) -> str:
        """The currency of the entries and of `others`, None among them aside. Refuses none and several."""
        said = {currency for currency in (self.currency, *others) if currency is not None}
        if len(said) != 1:
            raise MessageRefused(
                f"one account has one currency; the file has {', '.join(sorted(said)) or 'none'}"
            )
        return said.pop()

    def _rows(self, element: Element) -> list[Row]:
        """What a part says: a payment; or an entry, and its payments, which were read before it ended."""
        self._shapes.prove_few(element)
        if element.tag == self._payment_tag:
            return [payment_row(self._ns, element)]
        parent = element.getparent()
        if parent is None or parent.tag != self._holder:
            raise MessageRefused(f"line {element.sourceline}: an entry stands outside of its account")
        payments, self._payments = self._payments, []
        return [booking_row(self._ns, element), *payments]

    def _take(self, tag: str, rows: list[Row], line: Callable[[], int | None]) -> None:
        if tag == self._payment_tag:
            self._payments += rows
            return
        try:
            self._book(Booking(*rows[0]), [Payment(*row) for row in rows[1:]] or [Payment()])
        except MessageRefused as refused:
            raise MessageRefused(f"line {line()}: {refused}") from None

    def _learn(self, piece: bytes, element: Element, rows: int) -> None:
        if element.tag == self._payment_tag:
            if _is_of(piece, b"TxDtls"):
                self._alike.learn(piece, element, lambda: [payment_row(self._ns, element)])
            return
        payments = self._ns.all(element, "NtryDtls/TxDtls")
        if _is_of(piece, b"Ntry") and len(payments) == rows - 1:
            self._alike.learn(
                piece,
                element,
                lambda: [
                    booking_row(self._ns, element),
                    *[payment_row(self._ns, payment) for payment in payments],
                ],
            )

    def _take_alike(self, content: bytes, parts: Parts, tag: str) -> None:
        """Take what follows and is like what was read before."""
        while (taken := self._alike.take(content, parts.at)) is not None:
            rows, end = taken
            self._take(tag, rows, lambda end=end: content.count(b"\n", 0, end) + 1)
            parts.skip(end, parts=len(rows))

    def _money(self, text: str | None, currency: str | None) -> int:
        if currency != self.currency:
            if self.currency is not None:
                raise MessageRefused(
                    f"amounts in {self.currency} and in {currency}: one account has one currency"
                )
            self._digits = digits_of(currency or "")
            self.currency = currency
        return minor_of(text, self._digits)

    def _book(self, booking: Booking, payments: list[Payment]) -> None:
        amount = self._money(booking.amount, booking.currency)
        credit = _is_credit(booking.indicator)
        if booking.status != "BOOK":
            if booking.status in _SKIPPED:
                self.passed_over.add(amount, credit=credit)
                return
            raise MessageRefused(f"{(booking.status or '')[:10]!r} is not a known status of an entry")
        self.booked.add(amount, credit=credit)
        booked_on = self._day(booking)
        references = _references(booking, payments)
        signed = 0
        for reference, payment in zip(references, payments, strict=True):
            if reference in self._references:
                raise MessageRefused(f"entry {reference} occurs twice")
            self._references.add(reference)
            in_credit = credit if payment.indicator is None else _is_credit(payment.indicator)
            if payment.amount is None:
                if len(payments) > 1:
                    raise MessageRefused(
                        f"entry {reference} books several payments without the amount of each"
                    )
                part = amount
            elif payment.amount == booking.amount and payment.currency == self.currency:
                part = amount
            else:
                part = self._money(payment.amount, payment.currency)
            if not part:
                continue
            signed += part if in_credit == credit else -part
            creditor = payment.creditor_name, payment.creditor_number
            debtor = payment.debtor_name, payment.debtor_number
            name, number = debtor if in_credit else creditor
            if name is None and number is None:
                name, number = creditor if in_credit else debtor
            back = payment.returned is not None or (in_credit and booking.reversal in ("true", "1"))
            end_to_end_id = payment.end_to_end_id
            self.entries.append(
                Entry(
                    reference,
                    part,
                    in_credit,
                    booked_on,
                    None if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
                    name,
                    number,
                    (payment.return_reason or _RETURNED_WITHOUT_REASON) if back else None,
                    payment.words or booking.words,
                )
            )
        if signed != amount:
            summed, held = in_digits(abs(signed), self._digits), in_digits(amount, self._digits)
            raise MessageRefused(
                f"entry {references[0]}: its payments sum to {summed}, the entry is of {held}"
            )

    def _day(self, booking: Booking) -> date:
        """The day of booking. Refuses none."""
        text = booking.day or booking.moment
        if text is None:
            raise MessageRefused("an entry has no day of booking")
        if text != self._day_text:
            self._day_last = day(text) if booking.day else moment_of(text).astimezone(BANK_ZONE).date()
            self._day_text = text
        return self._day_last


def _references(booking: Booking, payments: list[Payment]) -> list[str]:
    """A reference for each payment of an entry: the bank's for it, else the entry's, numbered where they are many."""
    if len(payments) == 1:
        return [booking.reference or payments[0].reference or _numbered(booking)]
    own = [payment.reference for payment in payments if payment.reference]
    if len(set(own)) == len(payments):
        return own
    base = booking.reference or _numbered(booking)
    return [f"{base}#{number}" for number in range(1, len(payments) + 1)]


def _numbered(booking: Booking) -> str:
    """The entry's number within its message, where the bank gives it no reference of its own."""
    for text, name in ((booking.within, "Id"), (booking.number, "NtryRef")):
        if text is None:
            raise MessageRefused(f"{name} is missing, and the entry has no reference of the bank")
    return f"{booking.within}/{booking.number}"


def _is_of(piece: bytes, name: bytes) -> bool:
    """Whether a piece begins with a tag of that name."""
    return re.match(rb"\s*<(?:[^<>:\s]+:)?" + name + rb"[\s>]", piece) is not None


def _is_credit(indicator: str | None) -> bool:
    if indicator == "CRDT":
        return True
    if indicator == "DBIT":
        return False
    raise MessageRefused(f"{(indicator or '')[:10]!r} is neither CRDT nor DBIT")


def prove_totals(ns: Namespace, holder: Element, reader: EntryReader) -> None:
    """Refuses control totals that agree neither with the booked entries nor with all of them."""
    summary = holder.find(ns.tag("TxsSummry"))
    if summary is None:
        return
    digits = digits_of(reader.currency) if reader.currency else 2

    def told(totals: Totals) -> dict[str, tuple[int, int]]:
        return {
            "TtlNtries": (totals.credits_count + totals.debits_count, totals.credits + totals.debits),
            "TtlCdtNtries": (totals.credits_count, totals.credits),
            "TtlDbtNtries": (totals.debits_count, totals.debits),
        }

    booked, passed_over = told(reader.booked), told(reader.passed_over)
    for name in booked:
        for at, field in enumerate(("NbOfNtries", "Sum")):
            told_sum = ns.text(summary, f"{name}/{field}")
            if told_sum is None:
                continue
            value = minor_of(told_sum, 0 if at == 0 else digits, most=SUM_MAX)
            if value not in (booked[name][at], booked[name][at] + passed_over[name][at]):
                held = booked[name][at] if at == 0 else in_digits(booked[name][at], digits)
                raise MessageRefused(f"{name}/{field} says {told_sum}, the entries give {held}")


def entries_text(entries: Iterable[Entry], currency: str) -> str:
    """The entries in version .08, one Ntry and one TxDtls each."""
    digits = digits_of(currency)
    return "".join([_entry_text(entry, currency, digits) for entry in entries])


def summary_text(entries: Iterable[Entry], currency: str) -> str:
    """Control totals of the entries, as `entries_text` writes them."""
    totals, digits = Totals(), digits_of(currency)
    for entry in entries:
        totals.add(entry.amount, credit=entry.credit)
    net = totals.credits - totals.debits
    return (
        f"<TxsSummry><TtlNtries><NbOfNtries>{totals.credits_count + totals.debits_count}</NbOfNtries>"
        f"<Sum>{in_digits(totals.credits + totals.debits, digits)}</Sum>"
        f"<TtlNetNtry><Amt>{in_digits(abs(net), digits)}</Amt>"
        f"<CdtDbtInd>{'DBIT' if net < 0 else 'CRDT'}</CdtDbtInd></TtlNetNtry></TtlNtries>"
        f"<TtlCdtNtries><NbOfNtries>{totals.credits_count}</NbOfNtries>"
        f"<Sum>{in_digits(totals.credits, digits)}</Sum></TtlCdtNtries>"
        f"<TtlDbtNtries><NbOfNtries>{totals.debits_count}</NbOfNtries>"
        f"<Sum>{in_digits(totals.debits, digits)}</Sum></TtlDbtNtries></TxsSummry>\n"
    )


def _entry_text(entry: Entry, currency: str, digits: int) -> str:
    if entry.amount < 1:
        raise MessageRefused(f"entry {entry.reference!r} is of no amount")
    reference = exact(entry.reference, 35, what="reference")
    indicator = "CRDT" if entry.credit else "DBIT"
    amount = (
        f'<Amt Ccy="{currency}">{in_digits(entry.amount, digits)}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>'
    )
    who = "Dbtr" if entry.credit else "Cdtr"
    name, number = escaped(entry.counterparty_name or "", 140), entry.counterparty_number
    party = f"<{who}><Pty><Nm>{name}</Nm></Pty></{who}>" if name else ""
    account = exact(number, 34, what="counterparty account") if number else ""
    if account:
        party += f"<{who}Acct><Id><Othr><Id>{account}</Id></Othr></Id></{who}Acct>"
    end_to_end_id = exact(entry.end_to_end_id or "NOTPROVIDED", 35, what="end-to-end id")
    if entry.return_reason:
        words = escaped(entry.words or "", 105)
        about = (
            f"<RtrInf><Rsn><Cd>{exact(entry.return_reason, 4, what='return reason')}</Cd></Rsn>"
            f"{f'<AddtlInf>{words}</AddtlInf>' if words else ''}</RtrInf>"
        )
    else:
        words = escaped(entry.words or "", 140)
        about = f"<RmtInf><Ustrd>{words}</Ustrd></RmtInf>" if words else ""
    return (
        f"<Ntry>{amount}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{entry.booked_on.isoformat()}</Dt></BookgDt>"
        f"<AcctSvcrRef>{reference}</AcctSvcrRef><BkTxCd/>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{end_to_end_id}</EndToEndId></Refs>{amount}"
        f"{f'<RltdPties>{party}</RltdPties>' if party else ''}{about}</TxDtls></NtryDtls></Ntry>\n"
    )
