"""The operating system account PostgreSQL runs as.

PostgreSQL refuses to run as root. An ordinary user's server runs as that user. Root's runs as an
unprivileged account; where that account may not enter the directories on the way (root's home is 0700, and
both the data directory and the virtual environment may lie below it), it is given one single capability:
to search and read directories. docs/decisions/0002-embedded-postgresql.md says why.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from houfu.db.server_error import ServerError

_CAPABILITY_BITS = {"dac_override": 1, "dac_read_search": 2, "setpcap": 8}
_UNPRIVILEGED_NAMES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server. `capability` is what it needs beyond its own rights to reach its files."""

    uid: int
    gid: int
    name: str
    is_caller: bool
    capability: str | None = None


def account_for(data_dir: Path, *, home: Path, programs: Path) -> Account:
    """The account for the server kept in `home`, a directory inside `data_dir`, run from `programs`."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), name=_name_of(os.geteuid()), is_caller=True)
    # A directory keeps the account it began with, also when root comes by later.
    entry = _owner_of(home) or _owner_of(data_dir) or _unprivileged_entry()
    capability = None
    if not (_may_enter(home, entry) and _may_run(programs / "postgres", entry)):
        capability = _capability_to_reach(home, program=programs / "postgres", entry=entry)
    return Account(
        uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name, is_caller=False, capability=capability
    )


def run_as(
    account: Account, command: Sequence[str], *, stdin: str | None = None, seconds_max: int
) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end as `account`, in English, without inheriting PG* settings."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    drops = not account.is_caller and account.capability is None
    return subprocess.run(  # noqa: S603 - programs of the PostgreSQL found on this machine
        [*_prefix(account), *command],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",
        env=environment,
        timeout=seconds_max,
        check=False,
        user=account.uid if drops else None,
        group=account.gid if drops else None,
        extra_groups=[] if drops else None,
    )


def give_to(account: Account, paths: Iterable[Path]) -> None:
    """Make `account` the owner of `paths` (not of what is in them) where another one creates them."""
    if account.is_caller:
        return
    for path in paths:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _prefix(account: Account) -> list[str]:
    if account.capability is None:
        return []
    only = f"-all,+{account.capability}"
    return [
        "setpriv",
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--clear-groups",
        f"--bounding-set={only}",
        f"--inh-caps={only}",
        f"--ambient-caps=+{account.capability}",
        # pg_ctl asks access(2), which looks at the capabilities of a non-root user only with this bit.
        "--securebits=+no_setuid_fixup",
        "--no-new-privs",
        "--",
    ]


def _capability_to_reach(home: Path, *, program: Path, entry: pwd.struct_passwd) -> str:
    # dac_read_search reads everything and writes nothing; dac_override also passes a program that is not
    # executable for others (installed under umask 077) and is what containers leave their root.
    runs_for_all = bool(program.stat().st_mode & stat.S_IXOTH)
    wanted = ("dac_read_search", "dac_override") if runs_for_all else ("dac_override",)
    held = _held_capabilities()
    if shutil.which("setpriv") is not None and "setpcap" in held:
        for capability in wanted:
            if capability in held:
                return capability
    raise ServerError(
        f"PostgreSQL does not run as root, and the account {entry.pw_name!r} may not enter {home} or {program.parent}.",
        remedy="Run houfu as an ordinary user, or use a --data-dir and an installation that others may enter, "
        "or set DATABASE_URL.",
    )


def _held_capabilities() -> set[str]:
    """Names of the capabilities of interest in this process's bounding and effective sets; Linux only."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return set()
    sets = [int(line.split()[1], 16) for line in lines if line.startswith(("CapEff:", "CapBnd:"))]
    return {name for name, bit in _CAPABILITY_BITS.items() if sets and all(held >> bit & 1 for held in sets)}


def _may_enter(directory: Path, entry: pwd.struct_passwd) -> bool:
    """Whether every directory above `directory` lets `entry` through. One still to be made will not (0700)."""
    return all(
        parent.exists() and _has_bit(parent, entry, stat.S_IXOTH) for parent in directory.resolve().parents
    )


def _may_run(program: Path, entry: pwd.struct_passwd) -> bool:
    real = program.resolve()
    return _may_enter(real, entry) and _has_bit(real, entry, stat.S_IXOTH)


def _has_bit(path: Path, entry: pwd.struct_passwd, bit_for_others: int) -> bool:
    status = path.stat()
    if status.st_uid == entry.pw_uid:
        return bool(status.st_mode & bit_for_others << 6)
    if status.st_gid == entry.pw_gid:
        return bool(status.st_mode & bit_for_others << 3)
    return bool(status.st_mode & bit_for_others)


def _unprivileged_entry() -> pwd.struct_passwd:
    for name in _UNPRIVILEGED_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return entry
    raise ServerError(
        "PostgreSQL does not run as root, and there is neither an account 'postgres' nor 'nobody' to run it as.",
        remedy="Run houfu as an ordinary user, or set DATABASE_URL to a PostgreSQL you run.",
    )


def _owner_of(path: Path) -> pwd.struct_passwd | None:
    """The account that owns `path`; None where that is root, nobody known, or there is no such path."""
    uid = path.stat().st_uid if path.exists() else 0
    return _entry_of(uid) if uid != 0 else None


def _entry_of(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _name_of(uid: int) -> str:
    entry = _entry_of(uid)
    return entry.pw_name if entry is not None else str(uid)
