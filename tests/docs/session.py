"""A page's commands, run as a reader would: the service in one terminal, everything else in another."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docs.page import ROOT, Block

SHOWN_URL = "http://127.0.0.1:8000"
"""The address that the pages show; the tests use a free port in its place."""
START_SECONDS = 120
SESSION_SECONDS = 240

_VARYING = (
    (re.compile(r"\b(auth|wd)_[0-9a-f]{32}"), r"\1_<id>"),
    (re.compile(r"\bhf_(platform|operator|merchant|readonly)_[\w-]{43}"), r"hf_\1_<key>"),
    (re.compile(r"\breq_[0-9a-f]+"), "req_<id>"),
    (re.compile(r"\bSIM[0-9a-f]{16}\b"), "SIM<reference>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<sha256>"),
    (re.compile(r'("milliseconds": ?)\d+'), r"\1<n>"),
)
"""All that may differ between two runs: random ids, keys, hashes, and how long something took."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command block and what the page says it prints."""

    command: Block
    shown: str


def steps_of(blocks: list[Block]) -> list[Step]:
    """The `sh` blocks of a page, each with the `text` or `json` block that follows it."""
    steps: list[Step] = []
    for place, block in enumerate(blocks):
        if block.language == "sh":
            after = blocks[place + 1] if place + 1 < len(blocks) else None
            shown = after.text if after is not None and after.language in {"text", "json"} else ""
            steps.append(Step(block, shown))
    return steps


def normalised(text: str) -> str:
    """The text with everything that varies between runs replaced by its name."""
    text = text.replace("\r", "").strip("\n")
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return text


def arguments_of(command: str) -> tuple[str, list[str]]:
    """The command of `houfu` and its arguments that `make serve ARGS="..."` or `make demo ARGS="..."` runs."""
    make, target, *rest = shlex.split(command)
    if make != "make" or target not in {"serve", "demo"} or len(rest) != 1 or not rest[0].startswith("ARGS="):
        raise ValueError(f"the first block must be make serve ARGS=... or make demo ARGS=...: {command}")
    return target, shlex.split(rest[0].removeprefix("ARGS="))


@contextmanager
def service(target: str, arguments: list[str], home: Path) -> Generator[str]:
    """`houfu serve` or `houfu demo` with the page's arguments on a free port, in a home of its own. Its address."""
    given = [str(home / word[2:]) if word.startswith("~/") else word for word in arguments]
    with (home / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "houfu.cli", target, *given, "--port", "0"],
            cwd=ROOT,
            env=_environment(home),
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    too_slow = threading.Timer(START_SECONDS, process.kill)
    too_slow.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        too_slow.cancel()
        assert line, (home / "stderr").read_text(encoding="utf-8")
        ready = json.loads(line)
        assert ready["ready"] is True
        yield ready["url"]
    finally:
        too_slow.cancel()
        process.terminate()
        process.wait(timeout=60)


def outputs(commands: list[str], *, url: str, home: Path) -> list[str]:
    """What each command prints, errors too, all run in order in one shell."""
    separator = "\x1e"
    script = "".join(f"{command.replace(SHOWN_URL, url)}\nprintf '\\036'\n" for command in commands)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"exec 2>&1\n{script}"],
        cwd=ROOT,
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=SESSION_SECONDS,
    )
    return done.stdout.replace(url, SHOWN_URL).split(separator)[: len(commands)]


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"LANG", "LC_ALL", "TZ", "TMPDIR"}}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"HOME": str(home), "PATH": path, "PYTHONUTF8": "1"}
