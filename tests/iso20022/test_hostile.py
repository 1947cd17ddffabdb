"""Hostile files are refused with a message, in bounded time and memory; nothing of them is resolved or fetched."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import chain, repeat
from pathlib import Path

import pytest

from houfu.iso20022 import camt053
from houfu.iso20022.message import MessageRefused
from houfu.iso20022.read import read
from houfu.iso20022.xml import BYTES_MAX, DEPTH_MAX, take

from .bounded import CPU_SECONDS, MEMORY_BYTES, Outcome, read_bounded
from .nouns import STATEMENT

NAMESPACE = b"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
OPEN = b'<Document xmlns="' + NAMESPACE + b'"><BkToCstmrStmt><Stmt>'
CLOSE = b"</Stmt></BkToCstmrStmt></Document>"
GOOD = camt053.write(STATEMENT)
NTRY = GOOD[GOOD.index(b"<Ntry>") : GOOD.index(b"</Ntry>") + len(b"</Ntry>")]
MB = 1024 * 1024
FULL = BYTES_MAX - 4 * MB
PART = 32 * MB
"""Enough where what comes after is more of the same."""


def doctype(inside: str, use: str = "&a;") -> bytes:
    return f'<?xml version="1.0"?>\n<!DOCTYPE Document [{inside}]>\n<Document xmlns="{NAMESPACE.decode()}">{use}</Document>'.encode()


def laughs() -> bytes:
    lines = ['<!ENTITY l0 "lol">', *[f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)]]
    return doctype("".join(lines), "&l9;")


def many(piece: bytes, *, before: bytes = OPEN, after: bytes = b"", size: int = PART) -> Iterator[bytes]:
    block = piece * (MB // len(piece) + 1)
    return chain([before], repeat(block, size // len(block)), [after])


def names() -> Iterator[bytes]:
    """Each element has a name of its own, within a payment of its own."""
    yield OPEN + b"<Ntry><NtryDtls>"
    for start in range(0, 900_000, 50_000):
        yield b"".join(
            b"<TxDtls><x%x_of_a_long_name_indeed/></TxDtls>" % number
            for number in range(start, start + 50_000)
        )


def attributes() -> Iterator[bytes]:
    yield OPEN + b"<Ntry "
    for start in range(0, 3_000_000, 50_000):
        yield b"".join(b'a%x="" ' % number for number in range(start, start + 50_000))
    yield b"/>"


def namespaces() -> Iterator[bytes]:
    yield OPEN + b"<Ntry "
    for start in range(0, 4_000_000, 50_000):
        yield b"".join(b'xmlns:a%x="u" ' % number for number in range(start, start + 50_000))
    yield b"/>"


# Words that the refusal must hold, and the file in pieces.
HOSTILE: dict[str, tuple[str, Iterable[bytes]]] = {
    "billion laughs": ("DOCTYPE", [laughs()]),
    "quadratic blowup": ("DOCTYPE", [doctype(f'<!ENTITY a "{"x" * MB}">', "&a;" * 100_000)]),
    "external file": ("DOCTYPE", [doctype('<!ENTITY a SYSTEM "file:///etc/passwd">')]),
    "external http": ("DOCTYPE", [doctype('<!ENTITY a SYSTEM "http://127.0.0.1:1/">')]),
    "parameter entity": (
        "DOCTYPE",
        [doctype('<!ENTITY % p SYSTEM "file:///etc/passwd"><!ENTITY a "x">%p;')],
    ),
    "external subset": ("DOCTYPE", [b'<!DOCTYPE Document SYSTEM "http://127.0.0.1:1/x.dtd"><Document/>']),
    "doctype after a comment": ("DOCTYPE", [b"<?xml version='1.0'?><!-- > --><?x ?>\n<!DOCTYPE a><a/>"]),
    "doctype in utf-16": ("DOCTYPE", ["﻿<!DOCTYPE a><a/>".encode("utf-16-le")]),
    "doctype in gbk": ("DOCTYPE", ['<?xml version="1.0" encoding="GBK"?><!DOCTYPE 账><a/>'.encode("gbk")]),
    "doctype inside": ("line 1", [OPEN + b"<!DOCTYPE a>" + CLOSE]),
    "undeclared entity": ("well-formed", [OPEN + b"<Id>&xxe;</Id>" + CLOSE]),
    "nesting at the root": ("1 MB|levels|known are", many(b"<a>", before=b"")),
    "nesting": (f"{DEPTH_MAX} levels", many(b"<a>", size=FULL)),
    "nesting in an entry": (f"{DEPTH_MAX} levels", many(b"<a>", before=OPEN + b"<Ntry>")),
    "text": ("1 MB in one piece|well-formed", many(b"x" * 1000)),
    "attribute": ("well-formed|1 MB", many(b"x" * 1000, before=OPEN + b'<Ntry a="', after=b'"/>')),
    "attributes": ("1 MB in one piece|well-formed", attributes()),
    "namespaces": ("1 MB in one piece|well-formed", namespaces()),
    "empty elements": ("1 MB in one piece", many(b"<a/>")),
    "empty elements in an entry": ("1 MB in one piece", many(b"<a/>", before=OPEN + b"<Ntry>")),
    "empty elements between entries": (
        "Amt of an entry is missing|parts that do not belong",
        many(b"<a/>" * 100 + b"<Ntry/>", size=FULL),
    ),
    "empty elements between payments": (
        "parts that do not belong",
        many(b"<a/><TxDtls/>", before=OPEN + b"<Ntry><NtryDtls>"),
    ),
    "lists of payments": (
        "1,000,000 parts",
        many(b"<NtryDtls><TxDtls/></NtryDtls>", before=OPEN + b"<Ntry>", size=FULL),
    ),
    "payments without end": (
        "1,000,000 parts",
        many(b"<TxDtls/>", before=OPEN + b"<Ntry><NtryDtls>", size=FULL),
    ),
    "names": ("more than 4,096 shapes", names()),
    "statements": ("1 MB in one piece", many(b"<Stmt/>", before=OPEN[:-6], size=FULL)),
    "comments": ("1 MB in one piece|well-formed", many(b"<!-- -->")),
    "a comment": ("1 MB in one piece|well-formed|too early", many(b"x" * 1000, before=OPEN + b"<!--")),
    "a comment before": ("too early", many(b"x" * 1000, before=b"<!--")),
    "instructions": ("1 MB in one piece|well-formed", many(b"<?x y?>")),
    "instructions before": ("1 MB|well-formed|not XML|root", many(b"<?x y?>", before=b"")),
    "white space": ("empty", many(b" " * 1000, before=b"")),
    "nothing": ("empty", [b""]),
    "nul bytes": ("not XML", [b"\0" * 1000]),
    "a nul byte": ("line 9", [GOOD.replace(b"<Ntry>", b"<Ntry>\0", 1)]),
    "no xml": ("not XML", [b"%PDF-1.7\n%\xe2\xe3"]),
    "a table": ("not XML", ["日期,金额\n2026-11-25,1.00\n".encode("gbk")]),
    "invalid utf-8": (
        "well-formed",
        [GOOD.replace("后付".encode(), b"\xff\xfe").replace("李".encode(), b"\xff")],
    ),
    "unknown encoding": ("known are UTF-8", [b'<?xml version="1.0" encoding="EBCDIC-CP-US"?><a/>']),
    "utf-7": ("known are UTF-8", [b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-']),
    "half of utf-16": ("encoding", [GOOD.decode().encode("utf-16")[:-1]]),
    "utf-32": ("not XML", [GOOD.decode().encode("utf-32")]),
    "xinclude": (
        "missing|outside",
        [
            OPEN
            + b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
            + CLOSE
        ],
    ),
    "two roots": ("line", [GOOD + GOOD[GOOD.index(b"\n") :]]),
    "two statements": ("2 times", [GOOD.replace(b"</Stmt>", b"</Stmt><Stmt></Stmt>")]),
    "two messages": ("2 times", [GOOD.replace(b"</Document>", b"<BkToCstmrStmt/></Document>")]),
    "no statement": ("missing", [b'<Document xmlns="' + NAMESPACE + b'"/>']),
    "an entry in an entry": (
        "outside|two amounts",
        [GOOD.replace(b"<NtryDtls>", b"<NtryDtls>" + NTRY, 1)],
    ),
    "an entry twice": ("occurs twice", [GOOD.replace(NTRY, NTRY + NTRY)]),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    folder = tmp_path_factory.mktemp("hostile")
    told: dict[str, Outcome] = {}
    for number, (name, (_, pieces)) in enumerate(HOSTILE.items()):
        path = folder / f"{number}.xml"
        with path.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        told |= read_bounded({name: path})
        path.unlink()
    yield told


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_bounded_time_and_memory(
    name: str, outcomes: dict[str, Outcome]
) -> None:
    outcome, words = outcomes[name], HOSTILE[name][0]
    assert not outcome.error
    assert not outcome.signal
    assert not outcome.read
    assert any(word in outcome.refused for word in words.split("|"))
    assert len(outcome.refused) < 1000
    assert "root:" not in outcome.refused
    assert outcome.cpu_seconds < CPU_SECONDS
    assert outcome.peak_kb < MEMORY_BYTES // 1024 + 128 * 1024


class Endless(BytesIO):
    """Nests for ever, and remembers how many bytes it gave."""

    given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert 0 < size <= MB
        self.given += size
        return (b"<a>" * (size // 3 + 1))[:size]


def test_no_more_is_read_from_a_source_than_a_file_may_hold() -> None:
    for bytes_max in (1000, BYTES_MAX):
        source = Endless()
        with pytest.raises(MessageRefused, match=f"longer than {bytes_max:,} bytes"):
            take(source, bytes_max=bytes_max)
        assert source.given == bytes_max + 1
    assert take(BytesIO(b"x" * 1000), bytes_max=1000) == b"x" * 1000
    with pytest.raises(MessageRefused, match="longer than 1,000 bytes"):
        read(GOOD, bytes_max=1000)


def test_a_file_cut_anywhere_is_refused_with_its_line() -> None:
    for end in range(len(GOOD) - len(b"\n") - 1, 0, -7):
        with pytest.raises(MessageRefused, match=r"line \d+|empty|no root"):
            read(GOOD[:end])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030", "gb2312"])
def test_the_encodings_of_banks_are_read_right(encoding: str) -> None:
    said = {"utf-8-sig": "UTF-8"}.get(encoding, encoding)
    content = GOOD.decode().replace('encoding="UTF-8"', f'encoding="{said}"').replace("ö", "o")
    expected = read(GOOD.replace("ö".encode(), b"o"))
    assert read(content.encode(encoding)) == expected


def test_prefixes_comments_and_instructions_change_nothing() -> None:
    text = (
        GOOD.decode().replace("<Amt", "<!-- a --><?b c?><Amt").replace("提现", "<![CDATA[提]]>现<!-- x -->")
    )
    assert read(text.encode()) == STATEMENT
    prefixed = GOOD.replace(b"</", b"</p:").replace(b"<", b"<p:").replace(b"<p:/p:", b"</p:")
    prefixed = prefixed.replace(b"<p:?", b"<?").replace(b"xmlns=", b"xmlns:p=")
    assert read(prefixed) == STATEMENT


def test_a_poisoned_file_leaves_the_next_one_readable(tmp_path: Path) -> None:
    for piece in (b"".join(names()), b"".join(many(b"<a>", size=FULL))):
        with pytest.raises(MessageRefused):
            read(piece)
        assert read(GOOD) == STATEMENT
