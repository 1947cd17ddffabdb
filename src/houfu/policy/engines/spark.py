"""A batch on Spark: a local one, one named by its master, or a cluster reached over Spark Connect.

The statement is the one that every engine runs. Spark reads and writes many files at once, so OUT is a directory
of part files, and IN may be one. Paths are Spark's: on a cluster they are the cluster's, such as `s3a://...`.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from houfu.policy.document import Policy
from houfu.policy.engines.batch import (
    STORE,
    Advance,
    Batch,
    EngineFailed,
    FileUnusable,
    absent_inputs,
    metadata,
    unusable,
    unusable_row,
)
from houfu.policy.sql import number, select_statement

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_INTEGERS = frozenset({"tinyint", "smallint", "int", "bigint"})
_TEXTS = frozenset({"string"})
_SETTINGS = {
    # Overflow, and a cast that fails, end the statement instead of giving NULL.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # A policy of many steps has as many levels, and each takes a turn.
    "spark.sql.analyzer.maxIterations": "1000",
    "spark.sql.optimizer.maxIterations": "1000",
}
_OF_A_CLUSTER = {
    # Java there compiles no longer method to machine code; Spark then writes the statement as several.
    "spark.sql.codegen.hugeMethodLimit": "8000",
}
_OF_A_LOCAL_ONE = {
    # Let Java compile the statement's one long method: nearly twice as fast as several short ones.
    "spark.driver.extraJavaOptions": "-XX:-DontCompileHugeMethods",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "true" if sys.stderr.isatty() else "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "ERROR",
}


@contextmanager
def open_spark(*, remote: str | None, master: str) -> "Generator[SparkSession]":
    """A session of the cluster at `remote` (`sc://host:port`, Spark Connect), else one run by `master`.

    Raises EngineFailed where pyspark or Java is not installed, or the cluster does not answer.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise EngineFailed("pyspark is not installed", "Install it: pip install 'houfu[spark]'") from None
    builder: Any = SparkSession.builder
    builder = builder.appName("houfu").remote(remote) if remote else builder.appName("houfu").master(master)
    local = not remote and master.startswith("local")
    settings = _SETTINGS if local else _SETTINGS | _OF_A_CLUSTER
    for name, value in (settings | (_OF_A_LOCAL_ONE if not remote else {})).items():
        builder = builder.config(name, value)
    try:
        session: SparkSession = builder.getOrCreate()
        for name, value in settings.items():
            session.conf.set(name, value)
    except (PySparkException, RuntimeError, OSError) as error:
        helps = "Is the cluster at SPARK_REMOTE up?" if remote else "Spark needs Java 17 or newer."
        raise EngineFailed(f"no Spark session: {_first_line(error)}", helps) from None
    try:
        yield session
    finally:
        session.stop()


def run_on_spark(
    policy: Policy, source: str, target: str, *, remote: str | None, master: str, advance: Advance
) -> Batch:
    """Decide about every store of `source` and write the directory `target`, which must not exist.

    On this machine's own disk `target` is put in its place at the end, all at once; elsewhere Spark's committer
    does what it does there, and `_SUCCESS` says that all is written. What `batch.metadata` tells is the metadata of
    the column `reasons`. Raises InputMissing, InputInvalid, FileUnusable and EngineFailed.
    """
    here = remote is None and master.startswith("local") and "://" not in target
    if here and os.path.lexists(target):
        raise FileUnusable(f"{target} cannot be written: it exists")
    with open_spark(remote=remote, master=master) as session:
        from pyspark.errors import PySparkException

        try:
            stores = session.read.parquet(source)
            types = list(stores.dtypes)
        except PySparkException as error:
            raise FileUnusable(f"{source} cannot be read as Parquet: {_first_line(error)}") from None
        absent = absent_inputs(policy, types, integers=_INTEGERS, texts=_TEXTS)
        stores.createOrReplaceTempView("houfu_stores")
        relation = _checked(policy, absent)
        advance(0, 1, "Spark is at work")
        try:
            inputs = frozenset(term.name for term in policy.terms.inputs)
            statement = select_statement(policy, "spark", relation, absent=absent, proven=inputs - absent)
            decided = session.sql(statement)
            told = decided.withMetadata("reasons", dict(metadata(policy)))
            if here:
                with _room_beside(target) as made:
                    told.write.parquet(str(made))
                    made.rename(target)
            else:
                told.write.parquet(target)
            count = session.read.parquet(target).count()
        except FileUnusable:
            raise
        except Exception as error:
            # Not PySparkException alone: what Java throws may come as an error of py4j.
            if "PATH_ALREADY_EXISTS" in str(error):
                raise FileUnusable(f"{target} cannot be written: it exists") from None
            _explain(policy, stores, absent)
            raise EngineFailed(f"Spark broke off: {_first_line(error)}") from None
        advance(1, 1, "Spark is done")
    return Batch(
        stores=count,
        out=target,
        engine="spark",
        policy_name=policy.terms.name,
        policy_version=policy.version,
        policy_sha256=policy.sha256,
    )


def _checked(policy: Policy, absent: frozenset[str]) -> str:
    """The stores, each row looked at once as a whole: Java is slow to take in a check of every column by itself."""
    columns = [
        f"`{term.name}`"
        if term.when_missing is None
        else f"COALESCE(`{term.name}`, {number(term.when_missing)}) AS `{term.name}`"
        for term in policy.terms.inputs
        if term.name not in absent
    ]
    wrong = unusable(policy, absent, quote="`")
    store = f"CASE WHEN {wrong} THEN raise_error('unusable') ELSE {STORE} END AS {STORE}"
    return f"(SELECT {', '.join([store, *columns])} FROM houfu_stores) AS stores"  # noqa: S608 - checked names


@contextmanager
def _room_beside(target: str) -> Generator[Path]:
    """A path on the target's own disk for Spark to make; its directory is gone afterwards."""
    beside = Path(target).absolute()
    try:
        room = Path(tempfile.mkdtemp(prefix=f".{beside.name}.", dir=beside.parent))
    except OSError as error:
        raise FileUnusable(f"{target} cannot be written: {error.strerror}") from None
    try:
        yield room / "made"
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _explain(policy: Policy, stores: "DataFrame", absent: frozenset[str]) -> None:
    """Raise InputInvalid for a store whose inputs cannot be used; return if there is none."""
    from pyspark.errors import PySparkException

    try:
        found = stores.where(unusable(policy, absent, quote="`")).limit(1).collect()
    except PySparkException:
        return
    if found:
        raise unusable_row(policy, found[0].asDict())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
