"""The one way to read XML that came from outside: nothing is resolved, fetched or included, and time and memory are bounded.

A file is refused whole, as `MessageRefused`, with the line where there is one: no document type (so no entities at all),
no more than `BYTES_MAX` bytes, 256 levels, or `PART_BYTES_MAX` bytes without one of the repeated parts that it is read for.
"""

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO, Final, Literal, SupportsInt, cast

from lxml import etree

from houfu.iso20022.element import Element, local
from houfu.iso20022.message import MessageRefused

BYTES_MAX: Final = 128 * 1024 * 1024
DEPTH_MAX: Final = 256
"""Set by libxml2 for parsers that are not told to be `huge`; the tests hold it."""
PART_BYTES_MAX: Final = 1024 * 1024
KEPT_MAX: Final = 100_000
"""Nodes that may stay in memory beside the part that is being read."""

PARTS_MAX: Final = 1_000_000
CUT_MAX: Final = 4096
"""Pieces that end with a part, more than were skipped: cutting them costs time."""
_NO_ROOT: Final = "the file has no root element in its first 1 MB"
_CHUNK: Final = 64 * 1024
_UNPROVEN: Final = 8 * _CHUNK
_DECLARATION: Final = re.compile(rb"<\?xml\s[^>]{0,200}\?>")
_ENCODING: Final = re.compile(rb"encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_PREFIX: Final = re.compile(rb"<([^<>/\s:]{1,40}:)")
_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_CHINESE: Final = frozenset({"gb18030", "gbk", "gb2312"})
_WHITE: Final = b" \t\r\n"
_MARKS: Final = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def take(source: BinaryIO, *, bytes_max: int = BYTES_MAX) -> bytes:
    """All of `source`, of which never more than `bytes_max` + 1 bytes are read; more is refused."""
    pieces = BytesIO()
    left = bytes_max + 1
    while left and (piece := source.read(min(left, 1024 * 1024))):
        pieces.write(piece)
        left -= len(piece)
    if not left:
        raise _too_long(bytes_max)
    return pieces.getvalue()


def prepared(content: bytes, *, bytes_max: int = BYTES_MAX) -> bytes:
    """`content` as UTF-8 with its prolog proven to hold no document type. Refuses what is too long, empty, or no XML."""
    if len(content) > bytes_max:
        raise _too_long(bytes_max)
    content = _as_utf8(content)
    start = _root_at(content)
    if content[start : start + 1] != b"<":
        raise MessageRefused(f"line {_line(content, start)}: the file is not XML")
    return content


def root_of(content: bytes) -> tuple[str, str]:
    """The namespace and name of the root element of prepared bytes; no more than `PART_BYTES_MAX` of them are read."""
    parser = _parser(("start",), None)
    try:
        for at in range(0, min(len(content), PART_BYTES_MAX), 4096):
            parser.feed(content[at : at + 4096])
            for _, element in _events(parser):
                return element.tag.rpartition("}")[0].removeprefix("{"), local(element)
        if len(content) < PART_BYTES_MAX:
            parser.close()
    except etree.XMLSyntaxError as fault:
        raise _refused(fault) from None
    raise MessageRefused(_NO_ROOT)


class Parts:
    """The elements of prepared bytes whose tag is among `tags`, each as it ends.

    Parts, and what is tagged among `spent`, are taken out once they were given, so that memory does not grow with the
    file: keep none of them. After the last, `root` holds everything else. Raises `MessageRefused`.

    With `piece_max` the parser is fed pieces that end where a part does, if it does within so many bytes: one that ends
    with a part tagged `tags[0]`, else with any. Then `piece` tells of the part given last: all bytes from where the parser
    stood to where it stands, right behind that part; None where it stands elsewhere, or several of its kind were in it.
    What follows may be read otherwise and be passed over by `skip`. Where that has not paid, the pieces are large again.
    """

    def __init__(
        self, content: bytes, tags: tuple[str, ...], *, spent: tuple[str, ...] = (), piece_max: int = 0
    ) -> None:
        self.piece: bytes | None = None
        self.at = 0
        self._content = content
        self._dropped = frozenset(tags + spent)
        self._parser = _parser(("end",), tags)
        self._root: Element | None = None
        self._piece_max = piece_max
        self._endings = _endings(content, tags) if piece_max else []
        self._part_at = self._given = self._cut = self._skipped = 0

    @property
    def root(self) -> Element:
        if self._root is None:
            raise MessageRefused("the file has no root element")
        return self._root

    def skip(self, to: int, *, parts: int) -> None:
        """Go on at a byte: so many parts up to there were read otherwise."""
        self._part_at = self.at = to
        self._skipped += 1
        self._given += parts
        self._prove_few()

    def __iter__(self) -> Iterator[Element]:
        stood = fed = dropped = proven = 0
        try:
            while self.at < len(self._content):
                begin, end, ending = self._next()
                # Lines that were passed over count.
                lines = self._content.count(b"\n", stood, begin)
                self._parser.feed(b"\n" * lines + self._content[begin:end])
                fed, stood = fed + end - begin, end
                elements = [element for _, element in _events(self._parser)]
                self.at = end
                yield from elements[:-1]
                if elements:
                    self._given += len(elements)
                    self._prove_few()
                    self._part_at = begin
                    last = elements[-1]
                    if self._root is None:
                        self._root = _top(last)
                    kin = [element for element in elements if element.tag == last.tag]
                    if ending and len(kin) == 1:
                        self.piece = self._content[begin:end]
                    yield last
                    self.piece = None
                elif begin - self._part_at > PART_BYTES_MAX:
                    raise MessageRefused("the file has more than 1 MB in one piece: no such message is read")
                if self._root is not None and fed - dropped >= _CHUNK:
                    dropped = fed
                    _drop(self._root, self._dropped)
                    if fed - proven >= _UNPROVEN:
                        proven = fed
                        _prove_small(self._root)
            self._root = cast("Element", self._parser.close())
        except etree.XMLSyntaxError as fault:
            raise _refused(fault) from None

    def _next(self) -> tuple[int, int, bool]:
        """The next piece, and whether it ends as a part does."""
        begin = self.at
        if self._cut > self._skipped + CUT_MAX:
            self._endings = []
        for ending in self._endings:
            found = self._content.find(ending, begin, begin + self._piece_max)
            if found >= 0:
                self._cut += 1
                return begin, found + len(ending), True
        return begin, min(begin + _CHUNK, len(self._content)), False

    def _prove_few(self) -> None:
        if self._given > PARTS_MAX:
            raise MessageRefused(
                f"the file has more than {PARTS_MAX:,} parts: ask the bank for several files"
            )


def _endings(content: bytes, tags: tuple[str, ...]) -> list[bytes]:
    """The tags that end a part, where its prefix is the root's."""
    found = _PREFIX.match(content, _root_at(content))
    before = b"</" + (found.group(1) if found else b"")
    return [before + tag.rpartition("}")[2].encode() + b">" for tag in tags]


def _drop(root: Element, tags: frozenset[str]) -> None:
    """Takes out what is spent beside the path to where the parser stands, the last child of each level."""
    level = root
    while len(level):
        spent = -1  # the last child is not counted: the parser may be within it
        for child in reversed(level):
            if spent >= 0 and child.tag not in tags:
                break
            spent += 1
        if spent > 0:
            del level[-1 - spent : -1]
        level = level[-1]


def _events(parser: etree.XMLPullParser) -> Iterator[tuple[str, Element]]:
    return cast("Iterator[tuple[str, Element]]", parser.read_events())


def _top(element: Element) -> Element:
    while (parent := element.getparent()) is not None:
        element = parent
    return element


_nodes: Final = cast("Callable[[Element], SupportsInt]", etree.XPath("count(//node()) + count(//@*)"))


def _prove_small(root: Element | None) -> None:
    if root is not None and int(_nodes(root)) > KEPT_MAX:
        raise MessageRefused(
            f"the file has more than {KEPT_MAX:,} parts that do not belong to it: no such message is read"
        )


def _parser(events: tuple[Literal["start", "end"]], tags: tuple[str, ...] | None) -> etree.XMLPullParser:
    return etree.XMLPullParser(
        events,
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )


def _as_utf8(content: bytes) -> bytes:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _transcoded(content[len(mark) :], encoding)
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip(_WHITE):
        raise MessageRefused("the file is empty")
    if b"\x00" in content[:4]:
        raise MessageRefused("the file is not XML in a known encoding: write it as UTF-8")
    declaration = _DECLARATION.match(content)
    said = _ENCODING.search(declaration.group()) if declaration else None
    if said is None:
        return content
    encoding = said.group(1).decode("ascii").lower()
    if encoding in _UTF8:
        return content
    if encoding in _CHINESE:
        # GB18030 holds all of the two older ones.
        return _transcoded(content, "gb18030")
    raise MessageRefused(
        f"the file says it is encoded as {encoding!r}; known are UTF-8, UTF-16 with its mark, GB18030 and GBK"
    )


def _transcoded(content: bytes, encoding: str) -> bytes:
    try:
        made = content.decode(encoding).encode()
    except UnicodeError as fault:
        raise MessageRefused(f"the file is not what its encoding {encoding} says: {fault}") from None
    # What the declaration says of the encoding no longer holds.
    return _DECLARATION.sub(b"", made, count=1) if _DECLARATION.match(made) else made


def _root_at(content: bytes) -> int:
    """Where the root element begins: after the declaration, comments and instructions, none of which is a document type."""
    at = 0
    while at < PART_BYTES_MAX:
        while content[at : at + 1] and content[at : at + 1] in _WHITE:
            at += 1
        for opening, ending in ((b"<!--", b"-->"), (b"<?", b"?>")):
            if content.startswith(opening, at):
                end = content.find(ending, at + len(opening))
                if end < 0:
                    raise MessageRefused(f"line {_line(content, at)}: the file ends too early")
                at = end + len(ending)
                break
        else:
            if content.startswith(b"<!", at):
                raise MessageRefused(
                    f"line {_line(content, at)}: the file has a document type (DOCTYPE); no bank message has one"
                )
            return at
    raise MessageRefused(_NO_ROOT)


def _line(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1


def _too_long(bytes_max: int) -> MessageRefused:
    return MessageRefused(f"the file is longer than {bytes_max:,} bytes")


def _refused(fault: etree.XMLSyntaxError) -> MessageRefused:
    said = (fault.msg or "unknown").partition("\n")[0].removesuffix(",")
    line = f"line {fault.lineno}: " if fault.lineno else ""
    if "depth" in said.lower():
        return MessageRefused(f"{line}the file nests more than {DEPTH_MAX} levels deep")
    return MessageRefused(f"{line}the file is not well-formed XML, or ends too early: {said[:200]}")
