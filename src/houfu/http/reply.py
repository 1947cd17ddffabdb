"""What goes back to the caller."""

from collections.abc import AsyncGenerator
from typing import Final, Generic, TypeVar

import msgspec

Header = tuple[bytes, bytes]
V = TypeVar("V", bound=msgspec.Struct)

JSON: Final = b"application/json"
REPLAYED: Final[Header] = (b"idempotent-replayed", b"true")
_encode = msgspec.json.Encoder().encode


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A status and a body that is encoded already; `headers` are those beside type and length.

    A body that is made while it is sent comes in `parts`, after `body`. They are asked for as fast as the caller reads and
    closed whatever happens: its end, a fault, or a caller who left.
    """

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    media_type: bytes = JSON
    parts: AsyncGenerator[bytes, None] | None = None


class Page(msgspec.Struct, Generic[V], frozen=True):
    """A list's answer. `next_cursor` asks for what follows; None at the end."""

    data: tuple[V, ...]
    next_cursor: str | None


def reply(status: int, body: msgspec.Struct, *, headers: tuple[Header, ...] = ()) -> Reply:
    """Answer with `body` as JSON."""
    return Reply(status, _encode(body), headers)
