"""What a shadow decides about a store beside the policy in force: kept, and never applied."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.policy.document import Policy
from houfu.policy.evaluate import Decision, evaluate
from houfu.policy.fault import PolicyError

_SQL = load(__package__)
_encode = msgspec.json.Encoder().encode


class ShadowDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A shadow's decision at an assessment, or the error that kept it from deciding."""

    policy_version: int
    policy_sha256: str
    store_id: str
    assessment_id: str
    decision: Decision | None
    error: str | None


def shadow_decision(
    policy: Policy, measure: Callable[[Policy], Mapping[str, int]], *, store_id: str, assessment_id: str
) -> ShadowDecision:
    """Let a shadow decide by the inputs that `measure` gives for it. Whatever it lacks is its own error, not the
    assessment's."""
    decision = error = None
    try:
        decision = evaluate(policy, measure(policy))
    except PolicyError as kept_from:
        error = str(kept_from)
    return ShadowDecision(
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        store_id=store_id,
        assessment_id=assessment_id,
        decision=decision,
        error=error,
    )


async def record_shadows(connection: Connection, rows: Sequence[ShadowDecision], *, now: datetime) -> None:
    """Keep what shadows decided, in the transaction of the assessments that they stood beside."""
    if rows:
        await connection.execute(
            _SQL["insert_shadow_decisions"],
            [row.policy_version for row in rows],
            [row.store_id for row in rows],
            [row.assessment_id for row in rows],
            [row.policy_sha256 for row in rows],
            [None if row.decision is None else _encode(row.decision.inputs).decode() for row in rows],
            [None if row.decision is None else _encode(row.decision).decode() for row in rows],
            [row.error for row in rows],
            now,
        )
