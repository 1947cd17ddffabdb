"""Rendering files that are not made line by line, in a process of their own: a service that exports answers as fast as ever.

The process is handed the very rows that a CSV export writes, makes a file of them and ends; the file is read back in parts.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Final

import msgspec

from houfu.core.reason import Language
from houfu.statements.columns import Exported, Format, Table

PART_BYTES: Final = 256 * 1024
"""How much of a finished file is read at once."""

Write = Callable[[bytes], Coroutine[object, object, None]]
Source = Callable[[Write], Awaitable[int]]
"""Writes rows as CSV without a head; how many there were."""


class RenderingFailed(Exception):
    """The process that renders ended with a fault; the message is what it said last."""


class Task(msgspec.Struct, frozen=True):
    """What the process is told before the rows."""

    format: Format
    table: Table
    language: Language
    about: str
    path: str


async def render(
    table: Table, source: Source, *, format: Format, write: Write, language: Language, about: str
) -> Exported:
    """Make a file of the rows that `source` writes, and write it in parts. RenderingFailed where that cannot be done."""
    with tempfile.TemporaryDirectory(prefix="houfu-export-") as directory:
        path = Path(directory) / f"export.{format}"
        task = Task(format, table, language, about, str(path))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "houfu.statements.render",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            rows = await _feed(process, task, source)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        size = 0
        with path.open("rb") as made:
            while part := made.read(PART_BYTES):
                size += len(part)
                await write(part)
    return Exported(rows, size)


async def _feed(process: asyncio.subprocess.Process, task: Task, source: Source) -> int:
    words, stdin = process.stderr, process.stdin
    if words is None or stdin is None:
        raise RenderingFailed("the process has no streams")
    said = asyncio.create_task(words.read())

    async def feed(lines: bytes) -> None:
        stdin.write(lines)
        await stdin.drain()

    try:
        await feed(msgspec.json.encode(task) + b"\n")
        rows = await source(feed)
        stdin.close()
        code = await process.wait()
    except (BrokenPipeError, ConnectionResetError):
        rows, code = 0, await process.wait() or 1
    finally:
        if process.returncode is None:
            process.kill()
        last = await said
    if code != 0:
        raise RenderingFailed(last.decode(errors="replace")[-2_000:])
    return rows
