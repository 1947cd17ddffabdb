"""Values out of elements: texts, days, moments. Each refusal says which element it speaks of, and where."""

import re
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from houfu.iso20022.element import Element, local
from houfu.iso20022.message import MessageRefused

BANK_ZONE: Final = ZoneInfo("Asia/Shanghai")
"""Where a bank that writes no offset is taken to be."""
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)


class Namespace:
    """Reads elements of one namespace by paths of bare names such as `GrpHdr/MsgId`."""

    __slots__ = ("uri",)

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def tag(self, name: str) -> str:
        return f"{{{self.uri}}}{name}"

    def path(self, path: str) -> str:
        return "/".join(self.tag(name) for name in path.split("/"))

    def all(self, element: Element, path: str) -> list[Element]:
        return element.findall(self.path(path))

    def one(self, element: Element, path: str) -> Element:
        """The only element at `path`. Refuses none and several."""
        found = self.all(element, path)
        if len(found) != 1:
            many = "is missing" if not found else f"occurs {len(found)} times where one is read"
            raise MessageRefused(f"line {element.sourceline}: {local(element)}/{path} {many}")
        return found[0]

    def text(self, element: Element, *paths: str) -> str | None:
        """The first text that is not empty among `paths`."""
        for path in paths:
            said = (element.findtext(self.path(path)) or "").strip()
            if said:
                return said
        return None

    def need(self, element: Element, *paths: str) -> str:
        """As `text`, and refuses where there is none."""
        said = self.text(element, *paths)
        if said is None:
            where = f"{local(element)}/{' or '.join(paths)}"
            raise MessageRefused(f"line {element.sourceline}: {where} is missing")
        return said

    def words(self, element: Element, path: str) -> str | None:
        """All texts at `path`, in one line."""
        return (
            " ".join(said for found in self.all(element, path) if (said := (found.text or "").strip()))
            or None
        )


def day(text: str) -> date:
    """An ISODate. Refuses what is none."""
    found = _DAY.fullmatch(text)
    try:
        if found is not None:
            return date.fromisoformat(found.group(1))
    except ValueError:
        pass
    raise MessageRefused(f"{text[:40]!r} is not a date")


def moment(text: str) -> datetime:
    """An ISODateTime, in UTC. Where no offset is written it is the bank's local time. Refuses what is none."""
    try:
        said = datetime.fromisoformat(text)
        local = said if said.tzinfo else said.replace(tzinfo=BANK_ZONE)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MessageRefused(f"{text[:40]!r} is not a moment") from None


def prove_whole(ns: Namespace, header: Element, held: Element) -> None:
    """Refuses a page of a message: what is proven of a day needs all of it."""
    for element, name in ((header, "MsgPgntn"), (held, "StmtPgntn"), (held, "NtfctnPgntn")):
        page = ns.text(element, f"{name}/PgNb")
        if page is not None and (page != "1" or ns.text(element, f"{name}/LastPgInd") not in ("true", "1")):
            raise MessageRefused(
                f"the file is page {page[:10]} of a longer message: ask the bank for one file"
            )
