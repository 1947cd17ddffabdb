"""Entries of camt.053 and camt.054: read as they stream by, each with its payments flattened; and written."""

from collections.abc import Iterable
from typing import Final

import msgspec

from houfu.iso20022.amounts import SUM_MAX, amount_text, digits_of, minor_of
from houfu.iso20022.element import Element, local
from houfu.iso20022.message import Entry, MessageRefused
from houfu.iso20022.reading import BANK_ZONE, Namespace, day
from houfu.iso20022.reading import moment as moment_of
from houfu.iso20022.writing import escaped, exact

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


class _Payment(msgspec.Struct, gc=False):
    """One TxDtls, before its entry is known."""

    reference: str | None
    end_to_end_id: str | None
    amount: tuple[str | None, str | None]
    indicator: str | None
    creditor: tuple[str | None, str | None]
    debtor: tuple[str | None, str | None]
    return_reason: str | None
    returned: bool
    words: str | None


_NOBODY: Final = (None, None)
_NO_PAYMENT: Final = _Payment(None, None, _NOBODY, None, _NOBODY, _NOBODY, None, False, None)


class EntryReader:
    """Takes the parts named by `tags` one by one. Afterwards: `entries` (booked ones only), their `currency`, the totals
    of those booked and of all."""

    def __init__(self, ns: Namespace, holder: str) -> None:
        tag = ns.tag
        self.tags: Final = (tag("Ntry"), tag("TxDtls"))
        self.entries: Final[list[Entry]] = []
        self.currency: str | None = None
        self.booked: Final = Totals()
        self.all: Final = Totals()
        self._ns = ns
        self._holder = tag(holder)
        self._payments: list[_Payment] = []
        self._digits = 2
        self._references: set[str] = set()

    def take(self, element: Element) -> None:
        """One part, as it ended."""
        if element.tag == self.tags[1]:
            self._payments.append(self._payment(element))
        else:
            payments, self._payments = self._payments, []
            self._entry(element, payments)

    def one_currency(self, *others: str | None) -> str:
        """The currency of the entries and of `others`, None among them aside. Refuses none and several."""
        said = {currency for currency in (self.currency, *others) if currency is not None}
        if len(said) != 1:
            raise MessageRefused(
                f"one account has one currency; the file has {', '.join(sorted(said)) or 'none'}"
            )
        return said.pop()

    def _money(self, text: str | None, currency: str | None) -> int:
        if currency != self.currency:
            if self.currency is not None:
                raise MessageRefused(
                    f"amounts in {self.currency} and in {currency}: one account has one currency"
                )
            self._digits = digits_of(currency or "")
            self.currency = currency
        return minor_of(text, self._digits)

    def _payment(self, element: Element) -> _Payment:
        ns = self._ns
        refs = reference = end_to_end_id = indicator = None
        amount: tuple[str | None, str | None] = _NOBODY
        creditor = debtor = _NOBODY
        reason = told = about = None
        returned = False
        for child in element:
            name = local(child)
            if name == "Refs":
                refs = child
            elif name == "Amt":
                amount = (child.text, child.get("Ccy"))
            elif name == "CdtDbtInd":
                indicator = child.text
            elif name == "AmtDtls" and amount is _NOBODY:
                found = child.find(ns.path("TxAmt/Amt"))
                if found is not None:
                    amount = (found.text, found.get("Ccy"))
            elif name == "RltdPties":
                creditor, debtor = self._parties(child)
            elif name == "RmtInf":
                about = ns.words(child, "Ustrd")
            elif name == "RtrInf":
                returned = True
                reason = ns.text(child, "Rsn/Cd", "Rsn/Prtry")
                told = ns.words(child, "AddtlInf")
            elif name == "AddtlTxInf":
                about = (child.text or "").strip() or about
        if refs is not None:
            reference = ns.text(refs, "AcctSvcrRef")
            end_to_end_id = ns.text(refs, "EndToEndId")
        return _Payment(
            reference,
            None if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
            amount,
            indicator,
            creditor,
            debtor,
            reason,
            returned,
            told or about,
        )

    def _parties(
        self, element: Element
    ) -> tuple[tuple[str | None, str | None], tuple[str | None, str | None]]:
        ns = self._ns
        return (
            (
                ns.text(element, "Cdtr/Pty/Nm", "Cdtr/Nm"),
                ns.text(element, "CdtrAcct/Id/Othr/Id", "CdtrAcct/Id/IBAN"),
            ),
            (
                ns.text(element, "Dbtr/Pty/Nm", "Dbtr/Nm"),
                ns.text(element, "DbtrAcct/Id/Othr/Id", "DbtrAcct/Id/IBAN"),
            ),
        )

    def _entry(self, element: Element, payments: list[_Payment]) -> None:
        ns = self._ns
        parent = element.getparent()
        if parent is None or parent.tag != self._holder:
            raise MessageRefused(f"line {element.sourceline}: an entry stands outside of its account")
        money = ns.one(element, "Amt")
        amount = self._money(money.text, money.get("Ccy"))
        credit = _is_credit(ns.need(element, "CdtDbtInd"))
        self.all.add(amount, credit=credit)
        status = ns.need(element, "Sts/Cd", "Sts")
        if status in _SKIPPED:
            return
        if status != "BOOK":
            raise MessageRefused(
                f"line {element.sourceline}: {status[:10]!r} is not a known status of an entry"
            )
        self.booked.add(amount, credit=credit)
        said = ns.text(element, "BookgDt/Dt", "ValDt/Dt")
        if said:
            booked_on = day(said)
        else:
            booked_on = moment_of(ns.need(element, "BookgDt/DtTm", "ValDt/DtTm")).astimezone(BANK_ZONE).date()
        about = ns.text(element, "AddtlNtryInf")
        reversal = ns.text(element, "RvslInd") in ("true", "1")
        payments = payments or [_NO_PAYMENT]
        references = self._named(element, payments)
        signed = 0
        for reference, payment in zip(references, payments, strict=True):
            if reference in self._references:
                raise MessageRefused(f"entry {reference} occurs twice")
            self._references.add(reference)
            in_credit = credit if payment.indicator is None else _is_credit(payment.indicator)
            part = self._part(payment, amount, alone=len(payments) == 1, reference=reference)
            signed += part if in_credit == credit else -part
            name, number = payment.debtor if in_credit else payment.creditor
            if name is None and number is None:
                name, number = payment.creditor if in_credit else payment.debtor
            back = payment.returned or (reversal and in_credit)
            self.entries.append(
                Entry(
                    reference,
                    part,
                    in_credit,
                    booked_on,
                    payment.end_to_end_id,
                    name,
                    number,
                    (payment.return_reason or _RETURNED_WITHOUT_REASON) if back else None,
                    payment.words or about,
                )
            )
        if signed != amount:
            texts = amount_text(abs(signed), self._digits), amount_text(amount, self._digits)
            raise MessageRefused(
                f"entry {references[0]}: its payments sum to {texts[0]}, the entry is of {texts[1]}"
            )

    def _part(self, payment: _Payment, amount: int, *, alone: bool, reference: str) -> int:
        text, currency = payment.amount
        if text is not None:
            return self._money(text, currency)
        if alone:
            return amount
        raise MessageRefused(f"entry {reference} books several payments without the amount of each")

    def _named(self, element: Element, payments: list[_Payment]) -> list[str]:
        ns = self._ns
        base = ns.text(element, "AcctSvcrRef")
        if len(payments) > 1:
            own = [payment.reference for payment in payments if payment.reference]
            if len(set(own)) == len(payments):
                return own
        if base is None:
            base = payments[0].reference if len(payments) == 1 else None
        if base is None:
            entry = ns.need(element, "NtryRef")
            parent = element.getparent()
            within = ns.text(parent, "Id") if parent is not None else None
            base = f"{within}/{entry}"
        if len(payments) == 1:
            return [base]
        return [f"{base}#{number}" for number in range(1, len(payments) + 1)]


def _is_credit(indicator: str) -> bool:
    if indicator == "CRDT":
        return True
    if indicator == "DBIT":
        return False
    raise MessageRefused(f"{indicator[:10]!r} is neither CRDT nor DBIT")


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

    booked, every = told(reader.booked), told(reader.all)
    for name in booked:
        for at, field in enumerate(("NbOfNtries", "Sum")):
            said = ns.text(summary, f"{name}/{field}")
            if said is None:
                continue
            value = minor_of(said, 0 if at == 0 else digits, most=SUM_MAX)
            if value not in (booked[name][at], every[name][at]):
                held = booked[name][at] if at == 0 else amount_text(booked[name][at], digits)
                raise MessageRefused(f"{name}/{field} says {said}, the entries give {held}")


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
        f"<Sum>{amount_text(totals.credits + totals.debits, digits)}</Sum>"
        f"<TtlNetNtry><Amt>{amount_text(abs(net), digits)}</Amt>"
        f"<CdtDbtInd>{'DBIT' if net < 0 else 'CRDT'}</CdtDbtInd></TtlNetNtry></TtlNtries>"
        f"<TtlCdtNtries><NbOfNtries>{totals.credits_count}</NbOfNtries>"
        f"<Sum>{amount_text(totals.credits, digits)}</Sum></TtlCdtNtries>"
        f"<TtlDbtNtries><NbOfNtries>{totals.debits_count}</NbOfNtries>"
        f"<Sum>{amount_text(totals.debits, digits)}</Sum></TtlDbtNtries></TxsSummry>\n"
    )


def _entry_text(entry: Entry, currency: str, digits: int) -> str:
    if entry.amount < 1:
        raise MessageRefused(f"entry {entry.reference!r} is of no amount")
    reference = exact(entry.reference, 35, what="reference")
    indicator = "CRDT" if entry.credit else "DBIT"
    amount = (
        f'<Amt Ccy="{currency}">{amount_text(entry.amount, digits)}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>'
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
