"""`houfu policy evaluate`: decide about one store by its inputs, or about a Parquet table of stores."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from houfu.commands.console import DataDir, Exit, Failed, read_input, settings_of, tell
from houfu.commands.progress import progress

if TYPE_CHECKING:
    from houfu.policy.document import Policy


class Engine(StrEnum):
    """What runs a batch."""

    DUCKDB = "duckdb"
    SPARK = "spark"


def evaluate(
    inputs: Annotated[
        Path | None,
        typer.Argument(metavar="[INPUTS.json]", help="The inputs of one store, a JSON object of integers."),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(metavar="IN.parquet", help="Many stores instead: the inputs and `store_id` as columns."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="OUT.parquet", help="Where the decisions of a batch go; a directory with Spark."
        ),
    ] = None,
    engine: Annotated[Engine, typer.Option(help="What runs a batch.")] = Engine.DUCKDB,
    policy: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: the shipped policy.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Decide about a store, or a table of stores, by the inputs. Pure: it needs no database."""
    from houfu.policy.fault import InputInvalid, InputMissing

    one, many = inputs is not None, batch is not None and out is not None
    if one == many or (one and (batch is not None or out is not None)):
        raise Failed(Exit.USAGE, "Give either INPUTS.json, or --batch IN.parquet with --out OUT.parquet.")
    chosen = _policy(policy)
    try:
        if inputs is not None:
            _one(chosen, inputs)
        elif batch is not None and out is not None:
            _many(chosen, batch, out, engine, data_dir)
    except (InputMissing, InputInvalid) as wrong:
        raise Failed(Exit.USAGE, f"{inputs or batch}: {wrong}") from None


def _policy(file: Path | None) -> "Policy":
    from houfu.policy.document import load_policy, shipped_policy
    from houfu.policy.fault import PolicyInvalid

    if file is None:
        return shipped_policy()
    try:
        return load_policy(read_input(file))
    except PolicyInvalid as invalid:
        raise Failed(Exit.USAGE, f"{file} cannot be used:\n{invalid}") from None


def _one(policy: "Policy", inputs: Path) -> None:
    from houfu.policy.evaluate import decode_inputs
    from houfu.policy.evaluate import evaluate as decide

    tell(decide(policy, decode_inputs(read_input(inputs))))


def _many(policy: "Policy", source: str, target: str, engine: Engine, data_dir: Path | None) -> None:
    from houfu.policy.engines.batch import EngineFailed, FileUnusable

    settings = settings_of(data_dir)
    try:
        with progress("Decided") as advance:
            if engine is Engine.SPARK:
                from houfu.policy.engines.spark import run_on_spark

                made = run_on_spark(
                    policy,
                    source,
                    target,
                    remote=settings.spark_remote,
                    master=settings.spark_master,
                    advance=advance,
                )
            else:
                from houfu.policy.engines.duckdb import run_on_duckdb

                made = run_on_duckdb(
                    policy, Path(source), Path(target), memory=settings.batch_memory, advance=advance
                )
    except FileUnusable as unusable:
        raise Failed(Exit.USAGE, str(unusable)) from None
    except EngineFailed as failed:
        raise Failed(Exit.ENGINE, str(failed), failed.remedy) from None
    except KeyboardInterrupt:
        # Left to typer it would be an abort with exit code 1.
        raise Failed(Exit.INTERRUPTED, "interrupted; nothing was written") from None
    tell(made)
