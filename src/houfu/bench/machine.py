"""Facts about where a measurement was made: without them its figures say nothing."""

import os
import platform
from pathlib import Path
from typing import Final

import asyncpg
import msgspec

SETTINGS: Final = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "shared_buffers",
    "max_wal_size",
)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The machine; `load_percent` is the load average of the minute before. The server and its settings where one
    was measured."""

    system: str
    processor: str
    cores: int
    memory_mb: int
    load_percent: int
    python: str
    postgresql: str | None = None
    settings: dict[str, str] = {}


async def machine_of(dsn: str) -> Machine:
    """This machine, with the server of `dsn`."""
    connection = await asyncpg.connect(dsn)
    try:
        version = await connection.fetchval("show server_version")
        settings = {name: await connection.fetchval(f"show {name}") for name in SETTINGS}
    finally:
        await connection.close()
    return msgspec.structs.replace(this_machine(), postgresql=version, settings=settings)


def this_machine() -> Machine:
    """This machine, without a server."""
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_mb=_memory_mb(),
        load_percent=int(os.getloadavg()[0] * 100) if hasattr(os, "getloadavg") else 0,
        python=platform.python_version(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _memory_mb() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024 // 1024
    except (AttributeError, ValueError, OSError):
        return 0
