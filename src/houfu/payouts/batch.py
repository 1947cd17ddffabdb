"""A payout batch as it stands, and who may decide about it: a batch of a rail that asks for two people is sent only when
somebody other than its maker approved it."""

from datetime import date, datetime
from enum import StrEnum

import msgspec

WORKER = "worker"
"""Who made a batch that nobody asked for: it was cut off by the clock."""


class BatchStatus(StrEnum):
    """Where a batch stands."""

    WAITING = "waiting"
    """For a person."""
    APPROVED = "approved"
    """Its files go to the bank."""
    REJECTED = "rejected"
    """It was turned down: its withdrawals wait for the next cut-off."""
    SENT = "sent"
    """The bank has every file."""


class BatchUnknown(LookupError):
    """There is no such batch."""


class BatchDecided(Exception):
    """The batch was decided about before, otherwise."""


class OwnBatch(Exception):
    """Whoever made the batch cannot approve it."""


class FileUnknown(LookupError):
    """There is no such file."""


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a batch. `attempts` counts how often it was begun to be handed over; `fault` says why the bank's side would not
    take it."""

    number: int
    message_id: str
    payments: int
    amount: int
    sha256: str
    status: str
    attempts: int
    sent_at: datetime | None
    answered_at: datetime | None
    fault: str | None


class BatchView(msgspec.Struct, frozen=True, kw_only=True):
    """A batch: `payments` of `amount` minor units in all, what became of them, and who made it and decided about it."""

    id: str
    rail: str
    status: str
    currency: str
    execution_on: date
    payments: int
    amount: int
    paid: int
    failed: int
    made_by: str
    made_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str | None
    sent_at: datetime | None
    files: tuple[FileView, ...] = ()
