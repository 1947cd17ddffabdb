"""What is wrong with import files: every fault with file, line and reason, up to a stated number."""

from typing import Final

import msgspec

FAULTS_SHOWN_MAX: Final = 1_000


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of a file. `line` is 1 for the head of the file; `column` is null where the whole row is meant."""

    file: str
    line: int
    column: str | None
    reason: str


class Faults:
    """Faults in the order they were found. All are counted; the first 1,000 are kept."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[Fault] = []

    def add(self, file: str, line: int, column: str | None, reason: str) -> None:
        self.count += 1
        if len(self.shown) < FAULTS_SHOWN_MAX:
            self.shown.append(Fault(file=file, line=line, column=column, reason=reason))
