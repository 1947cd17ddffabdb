"""What the bank tells its customer: reports under names that are safe as file names and sort by time."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec

from houfu.iso20022 import camt053, camt054, pain002
from houfu.iso20022.message import Notification, Statement, StatusReport

Told = StatusReport | Notification | Statement

NAME: Final = re.compile(
    r"[0-9]{8}T[0-9]{12}Z-(?:pain\.002|camt\.053|camt\.054)-[0-9a-f]{32}(?:-again)?\.xml"
)
"""What a report is called: when it is delivered (UTC, to the microsecond), its kind, a hash."""

_MOMENT: Final = "%Y%m%dT%H%M%S%fZ"


class Report(msgspec.Struct, frozen=True):
    """A report as it is delivered."""

    name: str
    at: datetime
    content: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """A report before it is written as XML."""

    name: str
    at: datetime
    message: Told


def delivery(message: Told, at: datetime, *, again: bool = False) -> Delivery:
    """The delivery of `message` at that moment; `again` tells it from an earlier one of the same message."""
    kind = {StatusReport: "pain.002", Notification: "camt.054", Statement: "camt.053"}[type(message)]
    moment = at.astimezone(UTC).strftime(_MOMENT)
    return Delivery(f"{moment}-{kind}-{message.message_id}{'-again' if again else ''}.xml", at, message)


def written(delivered: Delivery) -> Report:
    """The report with its XML."""
    match delivered.message:
        case StatusReport() as status:
            content = pain002.write(status)
        case Notification() as notification:
            content = camt054.write(notification)
        case Statement() as statement:
            content = camt053.write(statement)
    return Report(delivered.name, delivered.at, content)


def delivered_at(name: str) -> datetime | None:
    """When a report of this name is delivered; None where no report is called so."""
    if NAME.fullmatch(name) is None:
        return None
    try:
        return datetime.strptime(name.partition("-")[0], _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None


def identifier(*parts: str) -> str:
    """32 hexadecimal digits that name what `parts` say, the same for ever."""
    return sha256("|".join(parts).encode()).hexdigest()[:32]
