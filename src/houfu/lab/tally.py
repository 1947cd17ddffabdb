"""The simulator's own count of what it did and was told, kept apart from the books it is compared with."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Sum:
    """How often something happened, and how much money it was about, fen."""

    count: int = 0
    amount: int = 0

    def add(self, amount: int) -> None:
        self.count += 1
        self.amount += amount


@dataclass(slots=True)
class Tally:
    """What a run came to."""

    authorized: Sum = field(default_factory=Sum)
    refused: dict[str, Sum] = field(default_factory=dict[str, Sum])
    captured: Sum = field(default_factory=Sum)
    voided: Sum = field(default_factory=Sum)
    expired: Sum = field(default_factory=Sum)
    repaid: Sum = field(default_factory=Sum)
    returned: Sum = field(default_factory=Sum)
    defaulted: Sum = field(default_factory=Sum)
    withdrawn: Sum = field(default_factory=Sum)
    withdrawals_failed: Sum = field(default_factory=Sum)
    withdrawals_refused: dict[str, Sum] = field(default_factory=dict[str, Sum])
    reviews: dict[str, Sum] = field(default_factory=dict[str, Sum])
    """Reviews that opened, by rule, and the withdrawals that broke it."""
    reviews_decided: dict[str, int] = field(default_factory=dict[str, int])
    fees: int = 0
    commands: int = 0
    """Commands on orders and withdrawals that were sent, repeated ones included."""
    replayed: int = 0
    """Repeated requests that got their first answer again."""
    surprises: list[str] = field(default_factory=list[str])
    """Answers that the simulator did not expect, at most 20: there should be none."""

    def surprised(self, what: str) -> None:
        if len(self.surprises) < 20:
            self.surprises.append(what)


def count_in(sums: dict[str, Sum], reason: str, amount: int) -> None:
    """Add to the sum of a reason."""
    sums.setdefault(reason, Sum()).add(amount)
