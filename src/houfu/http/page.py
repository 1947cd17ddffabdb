"""Keyset paging: a cursor says where the page before ended, in terms of the list's own order."""

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar, cast

import msgspec

from houfu.http.problem import invalid
from houfu.http.reply import Page

T = TypeVar("T")
V = TypeVar("V", bound=msgspec.Struct)
K = TypeVar("K")

HexId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
"""An id inside a cursor."""
_HEX_ID = cast("type[str]", HexId)


def page_of(items: Sequence[T], limit: int, place: Callable[[T], object], view: Callable[[T], V]) -> Page[V]:
    """The first `limit` of `items`, of which one more was asked for. `place` is where the list stands at an item."""
    shown = items[:limit]
    next_cursor = cursor_of(place(shown[-1])) if len(items) > limit else None
    return Page(tuple(view(item) for item in shown), next_cursor)


def cursor_of(place: object) -> str:
    """The opaque text of a place."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def hex_place_of(cursor: str | None) -> str | None:
    """The id a cursor stands for, in lists that are ordered by their ids. Problem as `place_of`."""
    return place_of(cursor, _HEX_ID)


def place_of(cursor: str | None, kind: type[K]) -> K | None:
    """The place a cursor stands for. Problem for one that this list did not give."""
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        if b"\\" in text:  # no place of ours needs an escape, and an escape could hide a control character
            raise ValueError
        return msgspec.json.decode(text, type=kind)
    except ValueError:
        raise invalid("cursor", "is not a cursor of this list") from None
