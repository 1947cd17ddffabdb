"""Entries of camt.053 and camt.054: read as they stream by, each with its payments flattened; and written."""

from collections.abc import Iterable
from datetime import date
from operator import itemgetter
from typing import Final, cast

import msgspec

from houfu.iso20022.amounts import SUM_MAX, digits_of, minor_of
from houfu.iso20022.amounts import amount_text as in_digits
from houfu.iso20022.element import Element
from houfu.iso20022.message import Entry, MessageRefused
from houfu.iso20022.payments import NOTHING, Payment, Picked, Plans, prove_few, said
from houfu.iso20022.reading import BANK_ZONE, Namespace, day
from houfu.iso20022.reading import moment as moment_of
from houfu.iso20022.writing import escaped, exact

_SKIPPED: Final = frozenset({"PDNG", "INFO", "FUTR"})
_REMEMBERED_MAX: Final = 256
"""Children of a shape that is remembered."""
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
    """Takes the parts named by `tags` one by one. Afterwards: `entries` (booked ones only), their `currency`, the totals
    of those booked and of all."""

    def __init__(self, ns: Namespace, holder: str) -> None:
        tag = ns.tag
        self.tags: Final = (tag("Ntry"), tag("TxDtls"))
        self.spent: Final = (tag("NtryDtls"),)
        self.entries: Final[list[Entry]] = []
        self.currency: str | None = None
        self.booked: Final = Totals()
        self.all: Final = Totals()
        self._ns = ns
        self._holder = tag(holder)
        self._payments: list[Payment] = []
        self._plans: Final = Plans(ns)
        self._shapes = 0
        self._picks: Final[dict[tuple[str, ...], Picked]] = {}
        self._digits = 2
        self._name_at: Final = len(tag(""))
        self._day_text: str | None = None
        self._day_last = date.min
        self._references: set[str] = set()

    def take(self, element: Element) -> None:
        """One part, as it ended."""
        if element.tag == self.tags[1]:
            self._payments.append(self._plans.payment(element))
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

    def _entry(self, element: Element, payments: list[Payment]) -> None:
        parent = element.getparent()
        if parent is None or parent.tag != self._holder:
            raise MessageRefused(f"{_where(element)}an entry stands outside of its account")
        children = list(element)
        shape = tuple([child.tag for child in children])
        pick = self._picks.get(shape)
        if pick is None:
            prove_few(self._shapes)
            self._shapes += 1
            pick = self._pick(element, children)
            if len(children) <= _REMEMBERED_MAX:
                self._picks[shape] = pick
        children.append(NOTHING)
        money, indicator, status, when, named, about, reversal = pick(children)
        state = said(status[0] if len(status) else status) or ""
        amount_text = money.text
        amount = self._money(amount_text, money.get("Ccy"))
        credit = _is_credit(indicator.text)
        self.all.add(amount, credit=credit)
        if state != "BOOK":
            if state in _SKIPPED:
                return
            raise MessageRefused(f"{_where(element)}{state[:10]!r} is not a known status of an entry")
        self.booked.add(amount, credit=credit)
        booked_on = self._day(element, when)
        payments = payments or [Payment()]
        references = self._named(element, said(named), payments)
        alone = len(payments) == 1
        signed = 0
        for reference, payment in zip(references, payments, strict=True):
            if reference in self._references:
                raise MessageRefused(f"entry {reference} occurs twice")
            self._references.add(reference)
            in_credit = credit if payment.indicator is None else _is_credit(payment.indicator)
            if payment.amount is None:
                if not alone:
                    raise MessageRefused(
                        f"entry {reference} books several payments without the amount of each"
                    )
                part = amount
            elif payment.amount == amount_text and payment.currency == self.currency:
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
            back = payment.returned or (in_credit and reversal.text in ("true", "1"))
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
                    payment.words or said(about),
                )
            )
        if signed != amount:
            summed, held = in_digits(abs(signed), self._digits), in_digits(amount, self._digits)
            raise MessageRefused(
                f"entry {references[0]}: its payments sum to {summed}, the entry is of {held}"
            )

    def _pick(self, element: Element, children: list[Element]) -> Picked:
        """How to take the fields of an entry whose children are tagged as these. Refuses an entry without amount or
        status, or with two."""
        at = self._name_at
        names = [child.tag[at:] for child in children]
        for name in ("Amt", "CdtDbtInd", "Sts"):
            if names.count(name) != 1:
                raise MessageRefused(f"{_where(element)}{name} of an entry is missing, or occurs twice")
        when = "BookgDt" if "BookgDt" in names else "ValDt"
        fields = ("Amt", "CdtDbtInd", "Sts", when, "AcctSvcrRef", "AddtlNtryInf", "RvslInd")
        return cast(
            "Picked", itemgetter(*[names.index(name) if name in names else len(names) for name in fields])
        )

    def _day(self, element: Element, when: Element) -> date:
        """The date of a BookgDt or ValDt, which holds `Dt` or `DtTm`. Refuses none."""
        at = self._name_at
        for child in when:
            text = (child.text or "").strip()
            if text == self._day_text:
                return self._day_last
            if child.tag[at:] == "Dt":
                self._day_last = day(text)
            elif child.tag[at:] == "DtTm":
                self._day_last = moment_of(text).astimezone(BANK_ZONE).date()
            else:
                continue
            self._day_text = text
            return self._day_last
        raise MessageRefused(f"{_where(element)}an entry has no day of booking")

    def _named(self, element: Element, reference: str | None, payments: list[Payment]) -> list[str]:
        """A reference for each payment of an entry: the bank's for it, else the entry's, numbered where they are many."""
        if len(payments) == 1:
            return [reference or payments[0].reference or self._numbered(element)]
        own = [payment.reference for payment in payments if payment.reference]
        if len(set(own)) == len(payments):
            return own
        base = reference or self._numbered(element)
        return [f"{base}#{number}" for number in range(1, len(payments) + 1)]

    def _numbered(self, element: Element) -> str:
        """The entry's number within its message, where the bank gives it no reference of its own."""
        ns = self._ns
        parent = element.getparent()
        within = ns.need(parent, "Id") if parent is not None else ""
        return f"{within}/{ns.need(element, 'NtryRef')}"


def _where(element: Element) -> str:
    return f"line {element.sourceline}: " if element.sourceline else ""


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

    booked, every = told(reader.booked), told(reader.all)
    for name in booked:
        for at, field in enumerate(("NbOfNtries", "Sum")):
            told_sum = ns.text(summary, f"{name}/{field}")
            if told_sum is None:
                continue
            value = minor_of(told_sum, 0 if at == 0 else digits, most=SUM_MAX)
            if value not in (booked[name][at], every[name][at]):
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
