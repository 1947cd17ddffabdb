"""`houfu bank` as a process of its own."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bank.paper import ACCOUNT, OPENING
from served import HOUFU, PATIENCE_SECONDS, environment

START = "2026-03-02T09:00:00+08:00"
SETUP = ("--account", ACCOUNT.number, "--opening", str(OPENING))
SANDBOX = (*SETUP, "--sandbox", "--now", START)


@dataclass
class RunningBank:
    """A bank that serves, and a client of it."""

    url: str
    process: subprocess.Popen[str]
    log: Path
    client: httpx.Client

    def hand_in(self, message_id: str, content: bytes) -> httpx.Response:
        """Put a file of payments."""
        return self.client.put(
            f"/files/{message_id}", content=content, headers={"content-type": "application/xml"}
        )

    def move_to(self, moment: str) -> None:
        """Move the sandbox's clock."""
        moved = self.client.post("/clock", json={"now": moment})
        assert moved.status_code == 200, moved.text

    def names(self, **how: Any) -> list[str]:
        """The names of the reports that are due."""
        listed = self.client.get("/reports", params=how)
        assert listed.status_code == 200, listed.text
        return listed.json()

    def contents(self) -> dict[str, bytes]:
        """Every report that is due."""
        return {name: self.client.get(f"/reports/{name}").content for name in self.names(limit=1_000)}

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=PATIENCE_SECONDS)


@contextmanager
def running_bank(
    place: Path, *arguments: str, verify: ssl.SSLContext | bool = True
) -> Generator[RunningBank]:
    """A bank on a free port with its data in `place`, from its first word to its end."""
    log = place / "log"
    place.mkdir(exist_ok=True)
    with log.open("a") as words:
        process = subprocess.Popen(
            [*HOUFU, "bank", "--port", "0", "--data-dir", str(place), *arguments],
            env=environment(),
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
            with httpx.Client(base_url=ready["url"], verify=verify, timeout=PATIENCE_SECONDS) as client:
                yield RunningBank(ready["url"], process, log, client)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=PATIENCE_SECONDS)
            process.stdout.close()
