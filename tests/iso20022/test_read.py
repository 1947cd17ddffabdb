"""What is written is read again as the same nouns, whatever its kind; what is not known is refused with what is."""

import pytest

from houfu.iso20022 import camt053, camt054, pain001, pain002
from houfu.iso20022.message import (
    Message,
    MessageRefused,
    Notification,
    PaymentFile,
    Statement,
    StatusReport,
)
from houfu.iso20022.read import KNOWN, read

from .nouns import MESSAGES


def written(message: Message) -> bytes:
    match message:
        case PaymentFile():
            return pain001.write(message)
        case StatusReport():
            return pain002.write(message)
        case Notification():
            return camt054.write(message)
        case Statement():
            return camt053.write(message)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    assert read(written(message)) == message
    assert written(message) == written(message)


@pytest.mark.parametrize(
    "content",
    [
        b"<Document/>",
        b"<a xmlns='urn:x'/>",
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.99"/>',
        b'<Dokument xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"/>',
    ],
)
def test_an_unknown_kind_or_version_is_refused_with_those_that_are_known(content: bytes) -> None:
    with pytest.raises(MessageRefused, match="known are") as refused:
        read(content)
    assert all(kind in str(refused.value) for kind in KNOWN)
