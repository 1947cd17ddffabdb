"""`houfu` as its users run it: processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOUFU = [sys.executable, "-m", "houfu.cli"]
PATIENCE_SECONDS = 60


def environment(dsn: str | None = None) -> dict[str, str]:
    """This process's own, without settings, and with the database given."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HOUFU_", "DATABASE_URL"))
    }
    return kept if dsn is None else {**kept, "DATABASE_URL": dsn}


def houfu(*arguments: str, dsn: str | None = None, **also: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*HOUFU, *arguments],
        env={**environment(dsn), **also},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def answer(*arguments: str, dsn: str | None = None) -> Any:
    """The JSON that a command answers; it must succeed."""
    done = houfu(*arguments, dsn=dsn)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@dataclass
class Served:
    """A running service."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    def stop(self) -> int:
        """Ask it to stop, and its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE_SECONDS)


@contextmanager
def serving(log: Path, *arguments: str, dsn: str | None = None, **also: str) -> Generator[Served]:
    """`houfu serve` on a free port, from its first word to its end."""
    with log.open("w") as words:
        process = subprocess.Popen(
            [*HOUFU, "serve", "--port", "0", *arguments],
            env={**environment(dsn), **also},
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
        )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, log.read_text()
            ready = json.loads(line)
            assert ready["ready"] is True
            yield Served(ready["url"], process, log)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=PATIENCE_SECONDS)
            process.stdout.close()
