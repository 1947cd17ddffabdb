"""An independent bank understands what is written here, and is understood: `mock-bank` has its own dictionary of ISO 20022."""

from importlib import import_module
from typing import Any
from xml.etree import ElementTree

import pytest
from mockbank import messages, schema
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig

from houfu.iso20022.message import Message
from houfu.iso20022.read import read

from .nouns import MESSAGES, NOTIFICATION, PAYMENTS, REPORT, STATEMENT
from .test_read import written

KINDS = {
    "pain.001.001.09": PAYMENTS,
    "pain.002.001.10": REPORT,
    "camt.054.001.08": NOTIFICATION,
    "camt.053.001.08": STATEMENT,
}


def understood(kind: str, message: Message) -> tuple[Any, ElementTree.Element]:
    return schema.MESSAGES[kind], ElementTree.fromstring(written(message))  # noqa: S314


@pytest.mark.parametrize("kind", KINDS)
def test_the_peer_finds_nothing_wrong_with_what_is_written(kind: str) -> None:
    assert schema.check(*understood(kind, KINDS[kind])) == []
    assert len(KINDS) == len(MESSAGES)


@pytest.mark.parametrize("kind", ["pain.002.001.10", "camt.054.001.08", "camt.053.001.08"])
def test_what_the_peer_writes_of_the_same_message_is_read_as_that_message(kind: str) -> None:
    declared, root = understood(kind, KINDS[kind])
    assert read(schema.serialize(declared, schema.read(declared, root))) == KINDS[kind]


def test_the_peer_reads_the_payments_that_were_written() -> None:
    file = messages.read_pain001(written(PAYMENTS))
    assert file.msg_id == PAYMENTS.message_id
    seen = [
        (payment.end_to_end_id, payment.amount, payment.creditor_account, payment.creditor_name)
        for batch in file.batches
        for payment in batch.payments
    ]
    assert seen == [
        (t.end_to_end_id, t.amount, t.creditor.number, t.creditor.name)
        for group in PAYMENTS.groups
        for t in group.transfers
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_classes_made_from_the_standard_hold_what_is_written(kind: str) -> None:
    name = kind.replace(".", "_")
    document = import_module(f"pyiso20022.{name[:4]}.{name}").Document
    parsed = XmlParser(config=ParserConfig(fail_on_unknown_properties=True)).from_bytes(
        written(KINDS[kind]), document
    )
    assert KINDS[kind].message_id in repr(parsed)
