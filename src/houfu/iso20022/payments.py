"""The payments within an entry (TxDtls), and an entry's own fields: texts as they stand, before anything is made of them."""

from typing import Final

import msgspec

from houfu.iso20022.element import Element
from houfu.iso20022.message import MessageRefused
from houfu.iso20022.reading import Namespace

SHAPES_MAX: Final = 4096
"""Shapes that a file may have. A bank's have a few; a file of ever new ones is made to cost time and memory."""
_REMEMBERED_MAX: Final = 256
"""Elements of a shape that is remembered."""

Row = tuple[str | None, ...]
"""The fields of a Booking or a Payment, in their order."""


class Booking(msgspec.Struct, gc=False):
    """An Ntry without its payments: None where there is no text."""

    amount: str | None
    currency: str | None
    indicator: str | None
    status: str | None
    day: str | None
    moment: str | None
    reference: str | None
    number: str | None
    within: str | None
    words: str | None
    reversal: str | None


class Payment(msgspec.Struct, gc=False):
    """A TxDtls: None where there is no text. `returned` is set where it tells of a return."""

    reference: str | None = None
    end_to_end_id: str | None = None
    amount: str | None = None
    currency: str | None = None
    indicator: str | None = None
    creditor_name: str | None = None
    creditor_number: str | None = None
    debtor_name: str | None = None
    debtor_number: str | None = None
    returned: str | None = None
    return_reason: str | None = None
    words: str | None = None


class Shapes:
    """The shapes of the parts of a file: names in document order and the number of children of each."""

    def __init__(self) -> None:
        self._known: Final[set[tuple[str | int, ...]]] = set()
        self._count = 0

    def prove_few(self, element: Element) -> None:
        """Refuses a part of yet another shape where there were SHAPES_MAX."""
        inside = list(element.iter())
        shape = (*[found.tag for found in inside], *map(len, inside))
        if shape in self._known:
            return
        if self._count >= SHAPES_MAX:
            raise MessageRefused(
                f"the file has entries of more than {SHAPES_MAX:,} shapes: no such message is read"
            )
        self._count += 1
        if len(inside) <= _REMEMBERED_MAX:
            self._known.add(shape)


def booking_row(ns: Namespace, element: Element) -> Row:
    """The fields of a Booking. Refuses an entry without amount or status, or with two."""
    tags = [child.tag for child in element]
    for name in ("Amt", "CdtDbtInd", "Sts"):
        if tags.count(ns.tag(name)) != 1:
            where = f"line {element.sourceline}: " if element.sourceline else ""
            raise MessageRefused(f"{where}{name} of an entry is missing, or occurs twice")
    texts = _texts(ns, element, but="NtryDtls")
    when = "BookgDt" if "BookgDt" in texts else "ValDt"
    parent = element.getparent()
    return (
        _first(texts, "Amt"),
        _first(texts, "Amt/@Ccy"),
        _first(texts, "CdtDbtInd"),
        _first(texts, "Sts/Cd", "Sts/Prtry", "Sts"),
        _first(texts, f"{when}/Dt"),
        _first(texts, f"{when}/DtTm"),
        _first(texts, "AcctSvcrRef"),
        _first(texts, "NtryRef"),
        None if parent is None else ns.text(parent, "Id"),
        _first(texts, "AddtlNtryInf"),
        _first(texts, "RvslInd"),
    )


def payment_row(ns: Namespace, element: Element) -> Row:
    """The fields of a Payment. `Pty` stands between since version .08."""
    texts = _texts(ns, element)
    amount = "Amt" if "Amt" in texts else "AmtDtls/TxAmt/Amt"
    return (
        _first(texts, "Refs/AcctSvcrRef"),
        _first(texts, "Refs/EndToEndId"),
        _first(texts, amount),
        _first(texts, f"{amount}/@Ccy"),
        _first(texts, "CdtDbtInd"),
        _first(texts, "RltdPties/Cdtr/Pty/Nm", "RltdPties/Cdtr/Nm"),
        _first(texts, "RltdPties/CdtrAcct/Id/IBAN", "RltdPties/CdtrAcct/Id/Othr/Id"),
        _first(texts, "RltdPties/Dbtr/Pty/Nm", "RltdPties/Dbtr/Nm"),
        _first(texts, "RltdPties/DbtrAcct/Id/IBAN", "RltdPties/DbtrAcct/Id/Othr/Id"),
        "RtrInf" if "RtrInf" in texts else None,
        _first(texts, "RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry"),
        # The reason of a return in the bank's words, else what it says of the payment, else what we said.
        _all(texts, "RtrInf/AddtlInf", "AddtlTxInf", "RmtInf/Ustrd"),
    )


_Texts = dict[str, list[str]]
"""The texts within an element by their paths; an element that says nothing has none."""


def _texts(ns: Namespace, element: Element, *, but: str | None = None) -> _Texts:
    """All texts within an element, aside of those in its child named `but`."""
    found: _Texts = {}
    prefix = ns.tag("")

    def gather(within: Element, before: str) -> None:
        for child in within:
            name = child.tag.removeprefix(prefix)
            if name == but and not before:
                continue
            path = before + name
            said = found.setdefault(path, [])
            if text := (child.text or "").strip():
                said.append(text)
            if name == "Amt" and (currency := child.get("Ccy")):
                found.setdefault(f"{path}/@Ccy", []).append(currency)
            if len(child):
                gather(child, f"{path}/")

    gather(element, "")
    return found


def _first(texts: _Texts, *paths: str) -> str | None:
    for path in paths:
        if said := texts.get(path):
            return said[0]
    return None


def _all(texts: _Texts, *paths: str) -> str | None:
    for path in paths:
        if said := texts.get(path):
            return " ".join(said)
    return None
