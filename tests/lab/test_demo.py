"""`houfu demo` as it is run: what it prints, the calls it offers, and what it never touches."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from houfu.commands.console import Failed
from houfu.commands.demo import DATABASE, make_database
from houfu.db.server import open_server

HOUFU = (sys.executable, "-m", "houfu.cli")


def environment(data_dir: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(data_dir), "HOUFU_DATA_DIR": str(data_dir / "data")}


def test_demo_simulates_serves_offers_calls_that_work_and_stops_cleanly(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [*HOUFU, "demo", "--stores", "12", "--days", "20", "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(tmp_path),
        )
        try:
            assert process.stdout is not None
            report, ready = json.loads(process.stdout.readline()), json.loads(process.stdout.readline())
            assert report["stores"] == 12
            assert report["ledger"]["verified"] is True
            assert report["tally_agrees"] is True
            words = said.read_text()
            calls = [line for line in words.splitlines() if line.startswith("curl ")]
            assert len(calls) == 3
            assert all(ready["url"] in call for call in calls)
            answers = [
                json.loads(subprocess.run(shlex.split(call), capture_output=True, check=True).stdout)
                for call in calls
            ]
            assert answers[0]["headline"].startswith("可使用额度:¥")
            assert answers[0]["as_of"].startswith("2026-01-20")
            assert answers[1]["waterfall"]
            assert answers[2]["status"] == "authorized"
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=30)
    assert code == 0
    assert "Stopped." in said.read_text()
    assert not (tmp_path / "data" / "postgres" / "data" / "postmaster.pid").exists()


def hear_ctrl_c() -> None:
    """A run in the background of a shell starts with SIGINT ignored, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_demo_that_is_interrupted_stops_its_server_and_can_be_run_again(tmp_path: Path) -> None:
    command = [*HOUFU, "demo", "--stores", "300", "--days", "300", "--no-serve"]
    said = tmp_path / "said"
    with said.open("wb") as stderr:
        process = subprocess.Popen(command, stderr=stderr, env=environment(tmp_path), preexec_fn=hear_ctrl_c)
        pid_file = tmp_path / "data" / "postgres" / "data" / "postmaster.pid"
        give_up_at = time.monotonic() + 60
        while "The year:" not in said.read_text() and time.monotonic() < give_up_at:
            time.sleep(0.05)
        assert pid_file.exists()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
    assert "interrupted" in said.read_text()
    assert "Traceback" not in said.read_text()
    assert not pid_file.exists()
    again = subprocess.run(
        [*HOUFU, "demo", "--stores", "3", "--days", "2", "--no-serve", "--json"],
        capture_output=True,
        env=environment(tmp_path),
        check=True,
    )
    assert json.loads(again.stdout)["ledger"]["verified"] is True


def test_demo_drops_its_own_database_and_no_other_and_none_in_use(tmp_path: Path) -> None:
    async def run(dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute("create table mine (kept int)")
            await connection.execute(f"create database {DATABASE}")
            with pytest.raises(Failed, match="did not make"):
                await make_database(dsn)
            await connection.execute(f"drop database {DATABASE}")
            first = await make_database(dsn)
            used = await asyncpg.connect(first)
            with pytest.raises(Failed, match="is using"):
                await make_database(dsn)
            await used.execute("create table of_an_earlier_run (n int)")
            await used.close()
            again = await asyncpg.connect(await make_database(dsn))
            assert await again.fetchval("select to_regclass('of_an_earlier_run')") is None
            await again.close()
            assert await connection.fetchval("select to_regclass('mine')") is not None
        finally:
            await connection.close()

    with open_server(
        data_dir=tmp_path, database_url=None, on_progress=lambda _: None, durable=False
    ) as server:
        asyncio.run(run(server.dsn))


@pytest.mark.parametrize(
    "arguments", [["--stores", "0"], ["--days", "366"], ["--seed", "-1"], ["--stores", "many"]]
)
def test_demo_refuses_sizes_it_cannot_run(tmp_path: Path, arguments: list[str]) -> None:
    run = subprocess.run(
        [*HOUFU, "demo", *arguments], capture_output=True, env=environment(tmp_path), check=False
    )
    assert run.returncode == 2
    assert not (tmp_path / "data").exists()
