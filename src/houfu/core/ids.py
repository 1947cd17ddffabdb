"""Ids are made here, in the client, never by the database (house choice 5).

An id is a version-7 UUID (RFC 9562): it sorts by the moment it was made. Outside it is written
`<prefix>_<32 hex digits>.<store_id>`: it carries its store, so that every statement can name the store
and reach one shard. Inside the database it is the pair (store_id, uuid).
"""

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

STORE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{32}", re.ASCII)


class IdMaker:
    """Makes ids that sort in the order they were made, also when the clock stands still."""

    def __init__(self, bits: Callable[[int], int] | None = None) -> None:
        """`bits(n)` gives n random bits; a seeded one makes a simulation repeatable."""
        self._bits = bits or random.Random(random.SystemRandom().getrandbits(256)).getrandbits  # noqa: S311 (uniqueness, not secrecy)
        self._milliseconds = 0
        self._sequence = 0

    def make(self, now: datetime) -> str:
        """32 hex digits: 48 bits of milliseconds, 26 of sequence within one, 48 random."""
        milliseconds = microseconds_of(now) // 1000
        if milliseconds <= self._milliseconds:
            # The same moment, or one that a neighbour overtook: the id still comes after those before it.
            milliseconds = self._milliseconds
            self._sequence += 1
        else:
            self._milliseconds, self._sequence = milliseconds, 0
        high, low = divmod(self._sequence, 1 << 14)
        value = milliseconds << 80 | 7 << 76 | (high & 0xFFF) << 64 | 2 << 62 | low << 48 | self._bits(48)
        return f"{value:032x}"


def microseconds_of(moment: datetime) -> int:
    """Whole microseconds since 1970; exact, unlike `datetime.timestamp`."""
    gap = moment - _EPOCH
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def public_id(prefix: str, hex_id: str, store_id: str) -> str:
    """The id as the outside sees it."""
    return f"{prefix}_{hex_id}.{store_id}"


def parse_public_id(prefix: str, text: str) -> tuple[str, str] | None:
    """(store_id, hex id) of a public id of this prefix, or None when it is none."""
    head, _, store_id = text.partition(".")
    kind, _, hex_id = head.partition("_")
    if kind != prefix or not _HEX.fullmatch(hex_id) or not STORE_ID.fullmatch(store_id):
        return None
    return store_id, hex_id
