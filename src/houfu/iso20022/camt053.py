"""camt.053, a day of the account: read in six versions, written in one; its balances are proven by its entries."""

from datetime import date
from typing import Final

from houfu.iso20022.amounts import SUM_MAX, amount_text, digits_of, minor_of
from houfu.iso20022.element import Element
from houfu.iso20022.entries import EntryReader, entries_text, prove_totals, summary_text
from houfu.iso20022.message import MessageRefused, Statement
from houfu.iso20022.reading import BANK_ZONE, Namespace, day, prove_whole
from houfu.iso20022.reading import moment as moment_of
from houfu.iso20022.writing import ROOT, exact, head, moment, tail
from houfu.iso20022.xml import BYTES_MAX, prepared, root_of

KIND: Final = "camt.053.001.08"
KNOWN: Final = tuple(f"camt.053.001.{version}" for version in ("02", "04", "06", "08", "10", "13"))
_ROOT: Final = "BkToCstmrStmt"
_OPENINGS: Final = ("OPBD", "PRCD")
_CLOSING: Final = "CLBD"


def write(statement: Statement) -> bytes:
    """The statement as UTF-8 in version .08: the same one gives the same bytes."""
    at, currency = moment(statement.created_at), statement.currency
    return "".join(
        (
            head(KIND, _ROOT),
            f"<GrpHdr><MsgId>{exact(statement.message_id, 35, what='message id')}</MsgId>"
            f"<CreDtTm>{at}</CreDtTm></GrpHdr>\n"
            f"<Stmt><Id>{exact(statement.statement_id, 35, what='statement id')}</Id><CreDtTm>{at}</CreDtTm>"
            f"<Acct><Id><Othr><Id>{exact(statement.account_number, 34, what='account')}</Id></Othr></Id>"
            f"<Ccy>{currency}</Ccy></Acct>\n",
            _balance_text("OPBD", statement.opening, currency, statement.day),
            _balance_text(_CLOSING, statement.closing, currency, statement.day),
            summary_text(statement.entries, currency),
            entries_text(statement.entries, currency),
            "</Stmt>\n",
            tail(_ROOT),
        )
    ).encode()


def read(content: bytes, *, bytes_max: int = BYTES_MAX) -> Statement:
    """The booked day of a file in a known version. Refuses a day that does not add up, control totals that are wrong,
    and all that `entries` refuses."""
    content = prepared(content, bytes_max=bytes_max)
    uri, name = root_of(content)
    if name != "Document" or uri.removeprefix(ROOT) not in KNOWN:
        raise MessageRefused(f"the file is not one of {', '.join(KNOWN)}")
    ns = Namespace(uri)
    reader = EntryReader(ns, "Stmt")
    body = ns.one(reader.read(content), _ROOT)
    header, held = ns.one(body, "GrpHdr"), ns.one(body, "Stmt")
    prove_whole(ns, header, held)
    prove_totals(ns, held, reader)
    balances = {code: element for element in ns.all(held, "Bal") if (code := _kind(ns, element))}
    currency = reader.one_currency(
        ns.text(held, "Acct/Ccy"), *[ns.one(element, "Amt").get("Ccy") for element in balances.values()]
    )
    digits = digits_of(currency)
    first = next((balances[code] for code in _OPENINGS if code in balances), None)
    last = balances.get(_CLOSING)
    if first is None or last is None:
        raise MessageRefused("the statement has no opening (OPBD or PRCD) or no closing balance (CLBD)")
    opening, closing = _signed(ns, first, digits), _signed(ns, last, digits)
    moved = reader.booked.credits - reader.booked.debits
    if opening + moved != closing:
        raise MessageRefused(
            f"the day does not add up: opening {_signed_text(opening, digits)} and movements of "
            f"{_signed_text(moved, digits)} do not make closing {_signed_text(closing, digits)}"
        )
    return Statement(
        ns.need(header, "MsgId"),
        ns.need(held, "Id"),
        moment_of(ns.need(header, "CreDtTm")),
        ns.need(held, "Acct/Id/Othr/Id", "Acct/Id/IBAN"),
        currency,
        _day(ns, last),
        opening,
        closing,
        tuple(reader.entries),
    )


def _balance_text(kind: str, amount: int, currency: str, on: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{amount_text(abs(amount), digits_of(currency))}</Amt>'
        f"<CdtDbtInd>{'DBIT' if amount < 0 else 'CRDT'}</CdtDbtInd><Dt><Dt>{on.isoformat()}</Dt></Dt></Bal>\n"
    )


def _kind(ns: Namespace, element: Element) -> str | None:
    return ns.text(element, "Tp/CdOrPrtry/Cd")


def _signed(ns: Namespace, element: Element, digits: int) -> int:
    amount = minor_of(ns.one(element, "Amt").text, digits, most=SUM_MAX)
    return -amount if ns.need(element, "CdtDbtInd") == "DBIT" else amount


def _signed_text(amount: int, digits: int) -> str:
    return f"{'-' if amount < 0 else ''}{amount_text(abs(amount), digits)}"


def _day(ns: Namespace, element: Element) -> date:
    said = ns.text(element, "Dt/Dt")
    return day(said) if said else moment_of(ns.need(element, "Dt/DtTm")).astimezone(BANK_ZONE).date()
