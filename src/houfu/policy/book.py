"""The published policies, and which of them is in force for whom."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from houfu.policy.document import Policy


class NoPolicy(LookupError):
    """No policy is in force at the moment."""


class Published(msgspec.Struct, frozen=True):
    """A policy version and since when it is in force."""

    policy: Policy
    effective_from: datetime


class PolicyBook:
    """The published policies, read once and again when one is published. Asking it costs no database."""

    def __init__(self, published: Sequence[Published]) -> None:
        self._published = sorted(published, key=lambda entry: entry.effective_from)

    def at(self, moment: datetime) -> Policy:
        """The policy in force at `moment`. NoPolicy when that lies before the first."""
        found: Policy | None = None
        for entry in self._published:
            if entry.effective_from > moment:
                break
            found = entry.policy
        if found is None:
            raise NoPolicy(f"no policy is in force at {moment.isoformat()}")
        return found

    @property
    def versions(self) -> frozenset[int]:
        """The numbers of every version in it."""
        return frozenset(entry.policy.terms.version for entry in self._published)

    def version(self, version: int) -> Policy | None:
        """The policy of that version, in force or not."""
        return next(
            (entry.policy for entry in self._published if entry.policy.terms.version == version), None
        )
