"""The running server of one data directory, as its postmaster.pid and the process table tell.

Nothing here signals a process that is not proven to be the postmaster of that very directory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PORT = 5432  # only the name of the socket file; nothing listens on TCP

# Beyond any system's largest process id, so PostgreSQL takes the lock file for a dead server's.
_NO_PROCESS = 2_147_483_646
_POLL_SECONDS = 0.05
_CONNECT_SECONDS_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A live server: its process, the directory of its socket, and whether it takes connections."""

    pid: int
    socket_dir: Path | None
    ready: bool


def find_postmaster(data: Path) -> Postmaster | None:
    """The live server of the data directory `data`, None if there is none."""
    lines = _pid_file_lines(data)
    pid = _pid_in(lines)
    if pid is None or not _is_postmaster_of(data, pid):
        return None
    ready = len(lines) > 7 and lines[7].strip() == "ready"
    return Postmaster(pid=pid, socket_dir=_socket_dir_in(lines), ready=ready)


def socket_answers(data: Path) -> bool:
    """Whether somebody listens on the socket named in the lock file of `data`, be it out of our sight."""
    socket_dir = _socket_dir_in(_pid_file_lines(data))
    if socket_dir is None:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_CONNECT_SECONDS_MAX)
        try:
            client.connect(str(socket_dir / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
    return True


def stop_postmaster(data: Path, *, seconds_max: float) -> bool:
    """Shut the server of `data` down, ending its sessions; False if it still lives after `seconds_max`."""
    postmaster = find_postmaster(data)
    if postmaster is None:
        return True
    with contextlib.suppress(ProcessLookupError):
        os.kill(postmaster.pid, signal.SIGINT)  # a "fast" shutdown: roll back, checkpoint, end
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        if not _is_postmaster_of(data, postmaster.pid):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def disown_stale_pid_file(data: Path) -> None:
    """Let a new server start although the dead one's process id now belongs to a stranger.

    Common in containers, where ids begin at 1 again. The file itself stays: its later lines name the shared
    memory, by which PostgreSQL makes sure that no orphan of the dead server still writes.
    """
    lines = _pid_file_lines(data)
    pid = _pid_in(lines)
    if pid is None or _is_postmaster_of(data, pid) or not _exists(pid):
        return
    path = data / "postmaster.pid"
    with path.open("r+") as file:
        file.write("\n".join([str(_NO_PROCESS), *lines[1:]]) + "\n")
        file.truncate()


def _pid_file_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _pid_in(lines: list[str]) -> int | None:
    return int(lines[0]) if lines and lines[0].isdecimal() and int(lines[0]) > 1 else None


def _socket_dir_in(lines: list[str]) -> Path | None:
    return Path(lines[4]) if len(lines) > 4 and lines[4].startswith("/") else None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_postmaster_of(data: Path, pid: int) -> bool:
    # Where we are process 1 of a container a dead server is our zombie until we collect it.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    command = _command_of(pid)
    program = command.partition(" -D ")[0]
    return Path(program).name in ("postgres", "postmaster") and f" -D {data} " in f"{command} "


def _command_of(pid: int) -> str:
    """The command line process `pid` was started with; empty if it is gone or a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        return os.fsdecode(raw.rstrip(b"\0").replace(b"\0", b" "))
    done = subprocess.run(  # noqa: S603
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
