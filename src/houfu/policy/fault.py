"""What can be wrong with a policy or with the facts given to it.

PolicyError
├── PolicyInvalid   the document cannot be used; carries every `Fault` found
├── InputMissing    a declared input was not given; carries every name (and month, where one is known)
└── InputInvalid    an input is no integer, out of its declared range, or unknown to the policy
"""

from msgspec import Struct


class Fault(Struct, frozen=True, order=True):
    """One thing wrong in a policy text. `line` and `column` count from 1, in characters."""

    line: int
    column: int
    path: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{self.line}:{self.column} {self.path}: {self.message}{hint}"


class PolicyError(Exception):
    """Anything that keeps a policy from answering."""


class PolicyInvalid(PolicyError):
    """The policy text is refused. `faults` are in reading order and never empty."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class MissingInput(Struct, frozen=True, order=True):
    """A fact the policy asked for and nobody gave. `month` (`YYYY-MM`) names the month it belongs to."""

    name: str
    month: str | None = None

    def __str__(self) -> str:
        return self.name if self.month is None else f"{self.name} ({self.month})"


class InputMissing(PolicyError):
    """At least one declared input is absent: an error that names it, never a silent zero."""

    def __init__(self, missing: tuple[MissingInput, ...]) -> None:
        super().__init__("missing input: " + ", ".join(str(entry) for entry in missing))
        self.missing = missing

    @property
    def names(self) -> tuple[str, ...]:
        """The names alone, each once, in the policy's order."""
        return tuple(dict.fromkeys(entry.name for entry in self.missing))


class InvalidInput(Struct, frozen=True, order=True):
    """An input that was given but cannot be used, and why."""

    name: str
    problem: str


class InputInvalid(PolicyError):
    """At least one input is of the wrong type, out of its declared range, or unknown to the policy."""

    def __init__(self, invalid: tuple[InvalidInput, ...]) -> None:
        super().__init__("invalid input: " + "; ".join(f"{entry.name} {entry.problem}" for entry in invalid))
        self.invalid = invalid

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self.invalid)
