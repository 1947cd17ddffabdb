"""A page's commands, run as a reader would: the service in one terminal, everything else in another."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from docs.page import ROOT, Block

SHOWN_URL = "http://127.0.0.1:8000"
"""The address of the service that the pages show; the tests use a free port in its place."""
SHOWN_BANK = "http://127.0.0.1:8600"
"""The same of the simulated bank."""
START_SECONDS = 120
SESSION_SECONDS = 240

_VARYING = (
    (re.compile(r"\b(auth|wd|pb|rv)_[0-9a-f]{32}"), r"\1_<id>"),
    (re.compile(r"\b[0-9a-f]{32}(-\d\d)?\b"), r"<id>\1"),
    (re.compile(r"\b[0-9A-F]{20}\b"), "<reference>"),
    (re.compile(r"\bhf_(platform|operator|merchant|readonly)_[\w-]{43}"), r"hf_\1_<key>"),
    (re.compile(r"\breq_[0-9a-f]+"), "req_<id>"),
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


@dataclass(frozen=True, slots=True)
class Start:
    """A block that starts a service in a terminal of its own: `make TARGET ARGS="..."`, with variables before it."""

    target: str
    arguments: list[str]
    variables: dict[str, str]

    @property
    def shown(self) -> str:
        """The address that the page shows for it."""
        return SHOWN_BANK if self.target == "bank" else SHOWN_URL


def start_of(command: str) -> Start | None:
    """What `make serve`, `make demo` or `make bank` with ARGS runs; None for any other command."""
    words = command.split(maxsplit=1)
    if not words or not re.match(r"(?:[A-Z_]+=\S+ )*make (?:serve|demo|bank) ARGS=", command):
        return None
    variables: dict[str, str] = {}
    rest = shlex.split(command)
    while rest[0] != "make":
        name, _, value = rest.pop(0).partition("=")
        variables[name] = value
    _, target, arguments = rest
    return Start(target, shlex.split(arguments.removeprefix("ARGS=")), variables)


def arguments_of(command: str) -> tuple[str, list[str]]:
    """The command of `houfu` and its arguments that `make serve ARGS="..."` or `make demo ARGS="..."` runs."""
    start = start_of(command)
    if start is None:
        raise ValueError(f"the first block must be make serve ARGS=... or make demo ARGS=...: {command}")
    return start.target, start.arguments


def run_page(commands: list[str], home: Path) -> list[str]:
    """What every `sh` block of a page prints, in order: services are started as they are reached and run until the end;
    what stands between two of them runs in a shell of its own."""
    printed: list[str] = []
    places: dict[str, str] = {}
    waiting: list[str] = []
    with ExitStack() as stack:
        for command in commands:
            start = start_of(command)
            if start is None:
                waiting.append(command)
                continue
            printed += outputs(waiting, places=places, home=home)
            waiting = []
            url = stack.enter_context(service(start.target, start.arguments, home, variables=start.variables))
            places[start.shown] = url
            printed.append(f'{{"ready":true,"url":"{start.shown}"}}')
        printed += outputs(waiting, places=places, home=home)
    return printed


@contextmanager
def service(
    target: str, arguments: list[str], home: Path, *, variables: Mapping[str, str] | None = None
) -> Generator[str]:
    """`houfu serve`, `demo` or `bank` with the page's arguments on a free port, in a home of its own. Its address."""
    given = [_at_home(word, home) for word in arguments]
    set_here = {name: _at_home(value, home) for name, value in (variables or {}).items()}
    with (home / "stderr").open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "houfu.cli", target, *given, "--port", "0"],
            cwd=ROOT,
            env=_environment(home) | set_here,
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


def outputs(commands: list[str], *, places: Mapping[str, str], home: Path) -> list[str]:
    """What each command prints, errors too, all run in order in one shell. `places` are the real addresses of those shown."""
    separator = "\x1e"
    script = "".join(f"{command}\nprintf '\\036'\n" for command in commands)
    for shown, real in places.items():
        script = script.replace(shown, real)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"exec 2>&1\n{script}"],
        cwd=ROOT,
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=SESSION_SECONDS,
    )
    said = done.stdout
    for shown, real in places.items():
        said = said.replace(real, shown)
    return said.split(separator)[: len(commands)]


def _at_home(word: str, home: Path) -> str:
    return str(home / word[2:]) if word.startswith("~/") else word


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"LANG", "LC_ALL", "TZ", "TMPDIR"}}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"HOME": str(home), "PATH": path, "PYTHONUTF8": "1"}
