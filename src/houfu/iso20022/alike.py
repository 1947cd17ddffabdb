"""Parts whose markup is, byte for byte, that of a part read before: taken by their texts alone, without parsing them again.

A bank writes its entries all alike. What the parser made of one tells what any other of the same markup means, in the same
place: only the texts differ. Whatever is not plain about these is left to the parser.
"""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final, cast

import msgspec

from houfu.iso20022.element import Element
from houfu.iso20022.payments import Row

MARKUP_MAX: Final = 8 * 1024
"""Bytes of a part that is learned."""
_LEARNED_MAX: Final = 256
_HELD_MAX: Final = 16
"""Markups tried in one place, the last used one first."""

_TEXT: Final = re.compile(rb"(?<=>)([^<>]*[^<>\s][^<>]*)(?=</)")
_SPACE_AROUND: Final = re.compile(r"(?:^|<) | (?:<|$)")
_MARK: Final = "\ue000"

Read = Callable[[], Sequence[Row]]
"""What is read of a part: rows of texts."""


class _Markup(msgspec.Struct, gc=False):
    """How to take rows out of the texts of a markup: `picks` by their places among the texts and, behind them, what is
    `always` the same; `joined` are the fields made of several: row, field, places."""

    match: Callable[[bytes, int], "re.Match[bytes] | None"]
    picks: list[Callable[[list[str | None]], Row]]
    always: list[str | None]
    joined: list[tuple[int, int, list[int]]]


class Alike:
    """The markups learned of one file."""

    def __init__(self) -> None:
        self._markups: Final[dict[object, list[_Markup]]] = {}
        self._here: list[_Markup] = []
        self._learned = 0

    def stand_behind(self, element: Element) -> None:
        """The parser stands right behind this part: what follows is read by what was learned in such a place."""
        parent = element.getparent()
        place = None if parent is None else (parent.tag, frozenset(parent.nsmap.items()))
        self._here = self._markups.setdefault((element.tag, place), [])

    def learn(self, piece: bytes, element: Element, read: Read) -> None:
        """Learn from the part behind which the parser stands, and which is all of `piece`; its texts are lost."""
        piece = piece.strip()
        if self._learned >= _LEARNED_MAX or len(piece) > MARKUP_MAX or not _is_plain(piece):
            return
        markup = _TEXT.split(piece)
        texts = [one for one in element.iter() if one.text and one.text.strip()]
        if not texts or len(texts) != len(markup) // 2:
            return
        # Each text is replaced by its number: where that comes out, the text belongs.
        number_of: dict[str, int] = {}
        for number, one in enumerate(texts):
            one.text = f"{_MARK}{number}"
            number_of[one.text] = number
        self._learned += 1
        self._here.insert(0, _markup(markup, read(), number_of))
        del self._here[_HELD_MAX:]

    def take(self, content: bytes, at: int) -> tuple[list[Row], int] | None:
        """The rows of the part that begins at a byte of `content`, and where it ends; None where it is to be parsed."""
        for place, markup in enumerate(self._here):
            found = markup.match(content, at)
            if found is None:
                continue
            if place:
                self._here.insert(0, self._here.pop(place))
            try:
                text = b"<".join(found.groups()).decode()
            except UnicodeDecodeError:
                return None
            if not _is_said_plainly(text):
                return None
            texts: list[str | None] = [*text.split("<"), *markup.always]
            rows = [pick(texts) for pick in markup.picks]
            for row, field, places in markup.joined:
                words = " ".join([texts[place] or "" for place in places])
                rows[row] = (*rows[row][:field], words, *rows[row][field + 1 :])
            return rows, found.end()
        return None


def _is_plain(piece: bytes) -> bool:
    """Whether it is tags and texts alone, each tag from a `<` to the next `>`."""
    return b"<!" not in piece and b"<?" not in piece and piece.count(b"<") == piece.count(b">")


def _is_said_plainly(texts: str) -> bool:
    """Whether texts, a `<` between them, mean what stands there: no entities, line ends or white space around them."""
    return (
        "&" not in texts
        and ">" not in texts
        and texts.isprintable()
        and (" " not in texts or _SPACE_AROUND.search(texts) is None)
    )


def _markup(markup: list[bytes], rows: Sequence[Row], number_of: dict[str, int]) -> _Markup:
    pattern = b"".join([rb"([^<]++)" if at % 2 else re.escape(between) for at, between in enumerate(markup)])
    always: list[str | None] = []
    joined: list[tuple[int, int, list[int]]] = []
    picks: list[Callable[[list[str | None]], Row]] = []
    for row, fields in enumerate(rows):
        places: list[int] = []
        for field, said in enumerate(fields):
            numbers = [number_of[one] for one in (said or "").split(" ") if one in number_of]
            if not numbers:
                numbers = [len(number_of) + len(always)]
                always.append(said)
            elif len(numbers) > 1:
                joined.append((row, field, numbers))
            places.append(numbers[0])
        picks.append(cast("Callable[[list[str | None]], Row]", itemgetter(*places)))
    return _Markup(re.compile(rb"[ \t\r\n]*+" + pattern).match, picks, always, joined)
