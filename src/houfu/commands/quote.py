"""`houfu quote`: what a withdrawal would cost and when it would arrive. Pure: it needs no database."""

from datetime import datetime
from typing import Annotated

import typer

from houfu.commands.console import DataDir, Exit, Failed, tell


def quote(
    amount: Annotated[int, typer.Option(metavar="FEN", help="What is withdrawn, fen.")],
    asked_at: Annotated[str, typer.Option(metavar="MOMENT", help="RFC 3339 with an offset.")],
    prior_count: Annotated[int, typer.Option(metavar="N", help="Successful withdrawals before, ever.")],
    prior_year_total: Annotated[
        int, typer.Option(metavar="FEN", help="Successful ones before, this calendar year.")
    ],
    promotion: Annotated[bool, typer.Option("--promotion", help="Asked during a promotion.")] = False,
    data_dir: DataDir = None,  # noqa: ARG001 (taken by every command; this one touches no file)
) -> None:
    """Tell fee and arrival of a withdrawal by the shipped policy."""
    from houfu.calendars.countries import expected_around
    from houfu.policy.document import shipped_policy
    from houfu.withdrawals.preview import quote as judge
    from houfu.withdrawals.terms import withdrawal_terms

    policy, asked = shipped_policy(), moment("--asked-at", asked_at)
    try:
        answer = judge(
            withdrawal_terms(policy.terms),
            expected_around(policy.terms.calendar, asked),
            amount=amount,
            asked_at=asked,
            prior_count=prior_count,
            prior_year_total=prior_year_total,
            promotion=promotion,
        )
    except ValueError as invalid:
        name, _, problem = str(invalid).partition(": ")
        raise Failed(Exit.USAGE, f"--{name.replace('_', '-')} {problem}") from None
    tell(answer)


def moment(option: str, text: str) -> datetime:
    """The moment that an option gives."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise Failed(
            Exit.USAGE, f"{option} must be RFC 3339 with an offset, as in 2026-03-02T09:00:00+08:00."
        )
    return parsed
