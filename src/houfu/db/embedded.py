"""The PostgreSQL that Houfu runs itself, inside a data directory.

`<data_dir>/postgres/` holds the cluster (`data/`), its socket (`socket/`), its log (`log`) and two lock
files. Every process that uses the server holds `users.lock` shared for as long as it does; `starting.lock`
is held while somebody starts or stops the server. So two processes that come together start one server, and
the last one to leave stops it. The kernel frees the locks of a killed process: the server then runs on until
the next Houfu process leaves.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import stat
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from houfu.db.binaries import Binaries, find_binaries
from houfu.db.os_account import Account, account_for, give_to, run_as
from houfu.db.postmaster import PORT, disown_stale_pid_file, find_postmaster, socket_answers, stop_postmaster
from houfu.db.server_error import ServerError

SUPERUSER = "houfu"
DATABASE = "houfu"

_SOCKET_PATH_MAX = 103  # bytes; 107 on Linux, 103 on macOS
_FREE_BYTES_TO_CREATE = 200 * 1024 * 1024
_FREE_BYTES_TO_START = 4 * 1024 * 1024
_LOG_BYTES_MAX = 10 * 1024 * 1024
_LOCK_SECONDS_MAX = 120
_INITDB_SECONDS_MAX = 120
_START_SECONDS_MAX = 300  # replaying the log after a crash takes its time
_RETRY_SECONDS_MAX = 10
_STOP_SECONDS_MAX = 120
_POLL_SECONDS = 0.05
_WATCH_SECONDS = 0.5

# Appended to postgresql.conf when a cluster is made; an operator may change it there afterwards.
_SETTINGS = """
# Houfu's defaults for one machine that also runs the service.
shared_buffers = 256MB
max_connections = 100
max_wal_size = 4GB
checkpoint_timeout = 15min
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
"""
# Never to be changed: who may connect rests on them.
_FIXED_OPTIONS = f"-c listen_addresses= -c port={PORT} -c unix_socket_permissions=0700"
_UNSAFE_OPTIONS = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One embedded server's place, programs and account."""

    home: Path
    binaries: Binaries
    account: Account
    durable: bool

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"


@contextlib.contextmanager
def embedded_server(
    *, data_dir: Path, durable: bool, bin_dir: Path | None, on_progress: Callable[[str], None]
) -> Generator[tuple[str, int]]:
    """Use the server of `data_dir`, started if need be; gives its DSN and major version.

    While in use, a server that dies is started again within a second. ServerError if it cannot be had.
    """
    cluster = _cluster_in(data_dir, durable=durable, bin_dir=bin_dir)
    with _lock_file(cluster, "users.lock") as users:
        with _starting(cluster):
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            with _starting(cluster):
                dsn = _ensure_running(cluster, on_progress)
            with _watched(cluster, on_progress):
                yield dsn, cluster.binaries.version
        finally:
            with _starting(cluster):
                if _try_lock(users):
                    _stop(cluster)


def _cluster_in(data_dir: Path, *, durable: bool, bin_dir: Path | None) -> Cluster:
    """Make sure of a writable `data_dir` and of programs that fit what is in it."""
    home = _absolute(data_dir) / "postgres"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        version_file = home / "data" / "PG_VERSION"
        made_by = int(version_file.read_text()) if version_file.exists() else None
        binaries = find_binaries(wanted_version=made_by, bin_dir=bin_dir)
        account = account_for(data_dir, home=home, programs=binaries.bin_dir)
        if not home.exists():
            # Another process may be at the same; what is in the way then is its directory.
            home.mkdir(mode=0o700, exist_ok=True)
            give_to(account, [home])
        if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(home))
    except OSError as error:
        raise _unusable(data_dir, error) from error
    return Cluster(home=home, binaries=binaries, account=account, durable=durable)


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()


def _unusable(data_dir: Path, error: OSError) -> ServerError:
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return ServerError(
            f"The data directory {data_dir} is, or lies below, something that is not a directory.",
            remedy="Choose another one with --data-dir.",
        )
    return ServerError(
        f"The data directory {data_dir} cannot be used: {error.strerror or error} ({error.filename}).",
        remedy="Make it writable for the user who runs houfu, or choose another one with --data-dir.",
    )


def _ensure_running(cluster: Cluster, on_progress: Callable[[str], None]) -> str:
    """The DSN of a server that takes connections. To be called with starting.lock held."""
    running = find_postmaster(cluster.data)
    if running is not None:
        # Somebody who was killed left it while it was starting, or it runs as it should.
        deadline = time.monotonic() + _START_SECONDS_MAX
        while running is not None and not running.ready and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            running = find_postmaster(cluster.data)
        if running is not None and running.socket_dir is not None and socket_answers(cluster.data):
            return _dsn(running.socket_dir)
        # Ours by proof, yet out of reach: its socket was removed, or it is ending.
        _stop(cluster)
    if not (cluster.data / "PG_VERSION").exists():
        _create(cluster, on_progress)
    return _dsn(_start(cluster, on_progress))


def _create(cluster: Cluster, on_progress: Callable[[str], None]) -> None:
    """Make a new cluster with an empty database, whole or not at all."""
    free = shutil.disk_usage(cluster.home).free
    if free < _FREE_BYTES_TO_CREATE:
        raise ServerError(
            f"The disk of {cluster.home} has {free // 1024**2} MB free; a new database needs {_FREE_BYTES_TO_CREATE // 1024**2} MB.",
            remedy="Free some space, or choose a directory on another disk with --data-dir.",
        )
    on_progress(f"Creating a PostgreSQL {cluster.binaries.version} database in {cluster.home}")
    making = cluster.home / "data.new"
    shutil.rmtree(making, ignore_errors=True)
    initdb = [str(cluster.binaries.bin_dir / "initdb"), "-D", str(making), "-U", SUPERUSER]
    initdb += ["--auth=trust", "--encoding=UTF8", "--data-checksums", *_locale(cluster.binaries.version)]
    done = run_as(cluster.account, initdb, seconds_max=_INITDB_SECONDS_MAX)
    if done.returncode != 0:
        raise _failure(cluster, "PostgreSQL's initdb failed", done.stdout)
    with (making / "postgresql.conf").open("a") as file:
        file.write(_SETTINGS)
    single = [str(cluster.binaries.bin_dir / "postgres"), "--single", "-D", str(making), "postgres"]
    statement = f"CREATE DATABASE {DATABASE}\n"
    done = run_as(cluster.account, single, stdin=statement, seconds_max=_INITDB_SECONDS_MAX)
    if done.returncode != 0 or "ERROR:" in done.stdout:
        raise _failure(cluster, "PostgreSQL could not create the database", done.stdout)
    making.rename(cluster.data)


def _locale(version: int) -> list[str]:
    """Sorting by code point everywhere, the same on every machine; upper and lower case of all of Unicode."""
    if version >= 18:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=PG_UNICODE_FAST"]
    if version == 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C", "--lc-ctype=C.UTF-8"] if Path("/proc").exists() else ["--locale=C"]


def _start(cluster: Cluster, on_progress: Callable[[str], None]) -> Path:
    """Start the server and wait until it takes connections; the directory of its socket."""
    if socket_answers(cluster.data):
        raise ServerError(
            f"A PostgreSQL that this process cannot see, perhaps in another container, uses {cluster.data}.",
            remedy="Stop it, or choose another --data-dir.",
        )
    on_progress(f"Starting PostgreSQL {cluster.binaries.version}")
    socket_dir = _socket_dir(cluster)
    if cluster.log.exists() and cluster.log.stat().st_size > _LOG_BYTES_MAX:
        cluster.log.replace(cluster.log.with_suffix(".old"))
    options = f"{_FIXED_OPTIONS} -c unix_socket_directories={socket_dir}"
    if not cluster.durable:
        options += f" {_UNSAFE_OPTIONS}"
    pg_ctl = [str(cluster.binaries.bin_dir / "pg_ctl"), "start", "--silent", "--wait"]
    pg_ctl += ["-t", str(_START_SECONDS_MAX), "-D", str(cluster.data), "-l", str(cluster.log), "-o", options]
    deadline = time.monotonic() + _RETRY_SECONDS_MAX
    while True:
        disown_stale_pid_file(cluster.data)
        log_begins = cluster.log.stat().st_size if cluster.log.exists() else 0
        with _undisturbed():
            done = run_as(cluster.account, pg_ctl, seconds_max=_START_SECONDS_MAX + 10)
        if done.returncode == 0:
            return socket_dir
        said = _log_since(cluster, log_begins) or done.stdout
        # After kill -9 the orphans need a moment to notice and to let go of the shared memory.
        lingering = "pre-existing shared memory block" in said or "lock file" in said
        if not lingering or time.monotonic() > deadline:
            raise _failure(cluster, "PostgreSQL did not start", said)
        time.sleep(_POLL_SECONDS)


@contextlib.contextmanager
def _undisturbed() -> Generator[None]:
    """Put off Ctrl-C and SIGTERM: a server that is half started has no lock file yet, and could not be stopped."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _log_since(cluster: Cluster, begins: int) -> str:
    try:
        with cluster.log.open("rb") as file:
            file.seek(begins)
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _stop(cluster: Cluster) -> None:
    running = find_postmaster(cluster.data)
    if not stop_postmaster(cluster.data, seconds_max=_STOP_SECONDS_MAX):
        raise ServerError(
            f"PostgreSQL in {cluster.data} did not stop within {_STOP_SECONDS_MAX} seconds.",
            remedy=f"It may still be writing to disk; its log is {cluster.log}. Do not kill it: wait, then try again.",
        )
    if running is not None and running.socket_dir is not None and running.socket_dir.parent == Path("/tmp"):  # noqa: S108
        with contextlib.suppress(OSError):
            running.socket_dir.rmdir()


@contextlib.contextmanager
def _watched(cluster: Cluster, on_progress: Callable[[str], None]) -> Generator[None]:
    """Meanwhile start the server again whenever it was killed, as long as that succeeds."""
    leaving = threading.Event()

    def watch() -> None:
        while not leaving.wait(_WATCH_SECONDS):
            if find_postmaster(cluster.data) is not None:
                continue
            try:
                with _starting(cluster):
                    if not leaving.is_set() and find_postmaster(cluster.data) is None:
                        on_progress("PostgreSQL ended unexpectedly")
                        _ensure_running(cluster, on_progress)
            except ServerError as error:
                on_progress(str(error))
                return

    thread = threading.Thread(target=watch, name="houfu-postgresql-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join()


def _socket_dir(cluster: Cluster) -> Path:
    """A directory only the account may enter, whose path fits into a socket address and a DSN."""
    inside = cluster.home / "socket"
    length = len(os.fsencode(inside / f".s.PGSQL.{PORT}"))
    if length <= _SOCKET_PATH_MAX and re.fullmatch(r"[A-Za-z0-9_./-]+", str(inside)):
        directory = inside
    else:
        key = hashlib.sha256(os.fsencode(cluster.home)).hexdigest()[:16]
        directory = Path(f"/tmp/houfu-{cluster.account.uid}-{key}")  # noqa: S108 - verified just below
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        give_to(cluster.account, [directory])
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != cluster.account.uid or status.st_mode & 0o077:
        raise ServerError(
            f"{directory} is not a private directory of {cluster.account.name!r}, so a socket in it is not safe.",
            remedy="Remove it and try again, or use a --data-dir with a shorter path.",
        )
    return directory


def _dsn(socket_dir: Path) -> str:
    return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(socket_dir))}&port={PORT}"


def _failure(cluster: Cluster, what: str, said: str) -> ServerError:
    """PostgreSQL's own words turned into a sentence and a remedy."""
    last_lines = "\n".join(said.strip().splitlines()[-12:])
    # A disk that is full to the brim does not even take the log that would say so.
    brimful = shutil.disk_usage(cluster.home).free < _FREE_BYTES_TO_START
    if brimful or "No space left on device" in said or "Disk quota exceeded" in said:
        sentence, remedy = f"{what}: the disk of {cluster.home} is full.", "Free some space and try again."
    elif "Permission denied" in said or "invalid permissions" in said or "wrong ownership" in said:
        sentence = f"{what}: the account {cluster.account.name!r} may not use {cluster.home}."
        remedy = "Give the directory back to that account (mode 0700), or choose another one with --data-dir."
    elif "could not look up effective user ID" in said:
        sentence = f"{what}: user id {cluster.account.uid} has no name on this machine."
        remedy = "Add the user to /etc/passwd, or set DATABASE_URL to a PostgreSQL you run."
    elif "Read-only file system" in said:
        sentence, remedy = f"{what}: {cluster.home} cannot be written to.", "Choose another --data-dir."
    elif "could not map anonymous shared memory" in said or "Cannot allocate memory" in said:
        sentence = f"{what}: there is not enough memory."
        remedy = f"Lower shared_buffers in {cluster.data}/postgresql.conf, or free some memory."
    elif "lock file" in said or "could not lock" in said or "Address already in use" in said:
        sentence = f"{what}: another server uses its directory or its socket."
        remedy = "Stop that server, or choose another --data-dir."
    else:
        sentence, remedy = f"{what}.", f"Its own words are below; the whole log is {cluster.log}."
    return ServerError(sentence, remedy=remedy, details=last_lines)


@contextlib.contextmanager
def _lock_file(cluster: Cluster, name: str) -> Generator[int]:
    """An open, unlocked lock file that whoever may use the directory can open, too."""
    path = cluster.home / name
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unusable(cluster.home.parent, error) from error
    try:
        give_to(cluster.account, [path])
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _starting(cluster: Cluster) -> Generator[None]:
    """Hold starting.lock; ServerError if another process keeps it for too long."""
    deadline = time.monotonic() + _LOCK_SECONDS_MAX
    with _lock_file(cluster, "starting.lock") as descriptor:
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise ServerError(
                    f"Another houfu process has been starting or stopping PostgreSQL in {cluster.home} "
                    f"for {_LOCK_SECONDS_MAX} seconds.",
                    remedy=f"See what it waits for in {cluster.log}, and try again.",
                )
            time.sleep(_POLL_SECONDS)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
