"""What happened to a store and bears on its limit. Facts are only ever added."""

from datetime import datetime
from typing import Final, Literal, get_args

import msgspec

from houfu.core.ids import public_id

PREFIX: Final = "fact"
"""The prefix of a fact's public id."""

FactKind = Literal[
    "course_completed",
    "violation",
    "serious_violation",
    "funds_frozen",
    "funds_released",
    "high_risk_marked",
    "high_risk_cleared",
]
KINDS: Final[tuple[FactKind, ...]] = get_args(FactKind)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened at `occurred_at`, told by `author`."""

    store_id: str
    id: str
    kind: FactKind
    occurred_at: datetime
    recorded_at: datetime
    author: str
    note: str

    @property
    def public_id(self) -> str:
        return public_id(PREFIX, self.id, self.store_id)
