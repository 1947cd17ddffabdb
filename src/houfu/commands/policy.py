"""`houfu policy`: check a policy document, publish and try versions of it, rehearse them, decide by one."""

from pathlib import Path
from typing import Annotated

import typer

from houfu.commands import policy_assess, policy_evaluate, policy_rehearsal, policy_trials, policy_versions
from houfu.commands.console import DataDir, Exit, read_input, say, tell

app = typer.Typer(help="Check, publish, show and evaluate policies.", no_args_is_help=True)
app.command()(policy_evaluate.evaluate)
app.command()(policy_assess.assess)
app.command()(policy_versions.publish)
app.command()(policy_versions.approve)
app.command("list")(policy_versions.list_all)
app.command()(policy_versions.show)
app.command()(policy_versions.replay)
app.add_typer(policy_trials.app, name="trial")
app.command()(policy_rehearsal.diff)
app.command()(policy_rehearsal.snapshots)
app.command()(policy_rehearsal.backtest)
app.command()(policy_rehearsal.explain)


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A policy document, YAML.")],
    data_dir: DataDir = None,  # noqa: ARG001 (taken by every command; this one touches no database)
) -> None:
    """Check a document; every fault is told with its line. Exit code 1 where there is one."""
    from houfu.policy.document import load_policy
    from houfu.policy.fault import PolicyInvalid
    from houfu.policy.source import SOURCE_BYTES_MAX

    try:
        policy = load_policy(read_input(file, bytes_max=SOURCE_BYTES_MAX))
    except PolicyInvalid as invalid:
        for fault in invalid.faults:
            say(f"{file}:{fault}")
        tell({"valid": False, "faults": invalid.faults})
        raise SystemExit(int(Exit.NO)) from None
    for warning in policy.warnings:
        say(f"{file}:{warning}: no fault, but without effect")
    terms = policy.terms
    tell(
        {
            "valid": True,
            "name": terms.name,
            "version": terms.version,
            "sha256": policy.sha256,
            "warnings": policy.warnings,
        }
    )
