"""Other processes of a measurement: the service, the empty service, the load generator."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from houfu.bench import payouts
from houfu.bench.client import Measured, Order
from houfu.bench.work import Done, Job

EMPTY: Final = (sys.executable, "-m", "houfu.bench.empty")
CLIENT: Final = (sys.executable, "-m", "houfu.bench.client")
PAYOUTS: Final = (sys.executable, "-m", "houfu.bench.payouts")
WORK: Final = (sys.executable, "-m", "houfu.bench.work")
_START_SECONDS_MAX: Final = 60
_STOP_SECONDS_MAX: Final = 20
_SAID_MAX: Final = 2_000


class ProcessFailed(RuntimeError):
    """A process of the benchmark did not do its part; the message holds what it said."""


class _Ready(msgspec.Struct, frozen=True):
    """The line that a service prints when it serves."""

    url: str


@contextlib.asynccontextmanager
async def serving(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
) -> AsyncGenerator[str]:
    """The URL of a service that runs for as long as the context lasts. What it says goes to `log`."""
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            yield await _url_of(process, log)
        finally:
            await _stop(process)


async def _url_of(process: asyncio.subprocess.Process, log: Path) -> str:
    try:
        assert process.stdout is not None  # noqa: S101 (it was asked for)
        async with asyncio.timeout(_START_SECONDS_MAX):
            line = await process.stdout.readline()
        return msgspec.json.decode(line, type=_Ready).url
    except (TimeoutError, msgspec.MsgspecError):
        raise ProcessFailed(log.read_text(errors="replace").strip() or "a service did not start") from None


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS_MAX):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def generate(order: Order) -> Measured:
    """Let the load generator carry out an order. ProcessFailed where an answer was not the one asked for."""
    measured = msgspec.json.decode(await _answer(CLIENT, order, what=order.kind), type=Measured)
    if measured.unexpected:
        raise ProcessFailed(f"{measured.unexpected} answers were not as asked, such as: {measured.example}")
    return measured


async def piece(job: payouts.Job) -> payouts.Done:
    """Do a piece of a day of payouts in a process of its own. ProcessFailed with what it said where it was not done."""
    out = await _answer(PAYOUTS, job, what=job.work)
    return msgspec.json.decode(out.splitlines()[-1], type=payouts.Done)


async def _answer(command: Sequence[str], given: msgspec.Struct, *, what: str) -> bytes:
    """What a process that is handed `given` writes. ProcessFailed with the end of what it said where it failed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, said = await process.communicate(msgspec.json.encode(given))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise ProcessFailed(f"{what}: {said.decode(errors='replace').strip()[-_SAID_MAX:]}")
    return out


def work(job: Job, *, folder: Path) -> Done:
    """Do a job in a process of its own that runs in `folder`, where engines put what does not fit into memory.

    ProcessFailed with the end of what it said where it did not get done.

    It leaves no process behind, whatever ends it, nor any that the job started.
    """
    process = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of ours
        WORK,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, said = process.communicate(msgspec.json.encode(job))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode != 0:
        raise ProcessFailed(f"{job.work}: {said.decode(errors='replace').strip()[-_SAID_MAX:]}")
    return msgspec.json.decode(out.splitlines()[-1], type=Done)
