"""Text of the world made fit for a message: legal characters, escaped, no longer than its field."""

import re
from datetime import UTC, datetime
from typing import Final

from houfu.iso20022.message import MessageRefused

ROOT: Final = "urn:iso:std:iso:20022:tech:xsd:"
_LINES: Final = re.compile(r"[\t\r\n\x0b\x0c\u0085\u2028\u2029]+")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def fit(text: str, length: int) -> str:
    """`text` in one line, without control characters, at most `length` characters, unescaped."""
    if not text.isprintable():
        text = _CONTROLS.sub("", _LINES.sub(" ", text))
    text = text.strip()
    return text if len(text) <= length else text[:length].rstrip()


def escaped(text: str, length: int) -> str:
    """`text` made to `fit` and escaped."""
    if not text.isprintable() or len(text) > length or text[:1] == " " or text[-1:] == " ":
        text = fit(text, length)
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    return text


def exact(text: str, length: int, *, what: str) -> str:
    """`text` escaped, which may not be empty, cut or changed: an id or a number. Refuses otherwise."""
    if not text or len(text) > length or fit(text, length) != text:
        raise MessageRefused(f"{what} {text[:80]!r} is not 1 to {length} printable characters")
    return escaped(text, length)


def named(text: str, length: int, *, what: str) -> str:
    """`text` made to fit and escaped, of which something must be left. Refuses otherwise."""
    made = escaped(text, length)
    if not made:
        raise MessageRefused(f"{what} is empty")
    return made


def moment(at: datetime) -> str:
    """An ISODateTime in UTC. `at` has an offset."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def head(kind: str, root: str) -> str:
    """The beginning of a message: declaration, `Document` in the namespace of `kind`, and the `root` within."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{ROOT}{kind}">\n<{root}>\n'


def tail(root: str) -> str:
    return f"</{root}>\n</Document>\n"
