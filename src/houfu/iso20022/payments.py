"""The payments within an entry (TxDtls). A bank writes them all alike, so where each field stands is found once per shape."""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Final, cast

import msgspec
from lxml import etree

from houfu.iso20022.element import Element
from houfu.iso20022.message import MessageRefused
from houfu.iso20022.reading import Namespace

SHAPES_MAX: Final = 4096
"""Shapes that a file may have. A bank's have a few; a file of ever new ones is made to cost time and memory."""
_REMEMBERED_MAX: Final = 256
"""Elements of a shape that is remembered; larger ones are looked through again."""


def prove_few(shapes: int) -> None:
    """Refuses a file that has had so many shapes and comes with another one."""
    if shapes >= SHAPES_MAX:
        raise MessageRefused(
            f"the file has entries of more than {SHAPES_MAX:,} shapes: no such message is read"
        )


class Payment(msgspec.Struct, gc=False):
    """One TxDtls, before its entry is known: texts as they stand, None where there is none."""

    reference: str | None = None
    end_to_end_id: str | None = None
    amount: str | None = None
    indicator: str | None = None
    creditor_name: str | None = None
    creditor_number: str | None = None
    debtor_name: str | None = None
    debtor_number: str | None = None
    return_reason: str | None = None
    words: str | None = None
    currency: str | None = None
    returned: bool = False


Picked = Callable[[list[Element]], tuple[Element, ...]]
"""Takes elements of a list by their places."""

_FIELDS: Final = Payment.__struct_fields__[:10]
NOTHING: Final = cast("Element", etree.Element("nothing"))
"""Stands where a field is not there."""


class _Plan(msgspec.Struct, gc=False):
    """Where the fields stand among the elements of a payment, in document order; the last place is that of nothing."""

    pick: Picked
    amount_at: int
    more_words_at: list[int]
    returned: bool


class Plans:
    """Reads payments of one namespace."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns
        self._name_at: Final = len(ns.tag(""))
        self._plans: Final[dict[tuple[str | int, ...], _Plan]] = {}
        self._shapes = 0

    def payment(self, element: Element) -> Payment:
        """The payment of a TxDtls."""
        inside = list(element.iter())
        # Names in document order and the number of children of each: together they are the tree.
        shape = (*[found.tag for found in inside], *map(len, inside))
        plan = self._plans.get(shape)
        if plan is None:
            prove_few(self._shapes)
            self._shapes += 1
            plan = self._plan(element, inside)
            if len(inside) <= _REMEMBERED_MAX:
                self._plans[shape] = plan
        inside.append(NOTHING)
        texts = [(text.strip() or None) if (text := found.text) else None for found in plan.pick(inside)]
        if plan.more_words_at:
            more = [said(inside[at]) for at in plan.more_words_at]
            texts[-1] = " ".join([text for text in (texts[-1], *more) if text]) or None
        reference, end_to_end_id, amount, indicator, creditor, credited, debtor, debited, reason, words = (
            texts
        )
        return Payment(
            reference,
            None if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
            amount,
            indicator,
            creditor,
            credited,
            debtor,
            debited,
            reason,
            words,
            inside[plan.amount_at].get("Ccy"),
            plan.returned,
        )

    def _plan(self, element: Element, inside: list[Element]) -> _Plan:
        found = dict(self._found(element))
        words = self._words(element)
        if words:
            found["words"] = words[0]
        nothing = len(inside)
        at = [inside.index(found[field]) if field in found else nothing for field in _FIELDS]
        return _Plan(
            cast("Picked", itemgetter(*at)),
            at[_FIELDS.index("amount")],
            [inside.index(more) for more in words[1:]],
            element.find(self._ns.tag("RtrInf")) is not None,
        )

    def _found(self, element: Element) -> Iterator[tuple[str, Element]]:
        for field, paths in _PATHS:
            for path in paths:
                one = element.find(self._ns.path(path))
                if one is not None:
                    yield field, one
                    break

    def _words(self, element: Element) -> list[Element]:
        """The reason of a return in the bank's words, else what it says of the payment, else what we said."""
        for path in ("RtrInf/AddtlInf", "AddtlTxInf", "RmtInf/Ustrd"):
            words = self._ns.all(element, path)
            if words:
                return words
        return []


_PATHS: Final = (
    ("reference", ("Refs/AcctSvcrRef",)),
    ("end_to_end_id", ("Refs/EndToEndId",)),
    ("amount", ("Amt", "AmtDtls/TxAmt/Amt")),
    ("indicator", ("CdtDbtInd",)),
    ("creditor_name", ("RltdPties/Cdtr/Pty/Nm", "RltdPties/Cdtr/Nm")),
    ("creditor_number", ("RltdPties/CdtrAcct/Id/IBAN", "RltdPties/CdtrAcct/Id/Othr/Id")),
    ("debtor_name", ("RltdPties/Dbtr/Pty/Nm", "RltdPties/Dbtr/Nm")),
    ("debtor_number", ("RltdPties/DbtrAcct/Id/IBAN", "RltdPties/DbtrAcct/Id/Othr/Id")),
    ("return_reason", ("RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry")),
)
"""`Pty` stands between since version .08."""


def said(element: Element) -> str | None:
    """The text of an element, or None where it says nothing."""
    text = element.text
    return (text.strip() or None) if text else None
