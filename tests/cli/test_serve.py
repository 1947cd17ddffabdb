"""`houfu serve` as a process: ready when it says so, over a real socket, and gone without a trace."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from front import LIMIT, STORE
from houfu.commands.console import Exit
from served import HOUFU, PATIENCE_SECONDS, answer, environment, houfu, serving


def client_of(url: str, dsn: str, role: str = "platform", *more: str) -> httpx.Client:
    key = answer("keys", "create", "--role", role, *more, "--name", role, dsn=dsn)["key"]
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60)


def order(nth: int) -> dict[str, Any]:
    return {"store_id": "s1", "order_id": f"o{nth}", "buyer_id": "b", "amount": 100}


def test_the_service_answers_over_a_socket_and_stops_cleanly(database: str, tmp_path: Path) -> None:
    with serving(tmp_path / "log", dsn=database) as served, client_of(served.url, database) as client:
        assert client.get("/readyz").json() == {"status": "ready"}
        assert client.put("/v1/stores/s1", json={**STORE, "opened_on": "2020-01-01"}).status_code == 201
        refused = client.post("/v1/authorizations", json=order(1), headers={"idempotency-key": "k"})
        assert refused.json()["reason"] == "line_not_open"
        shown = answer("policy", "show", "1", dsn=database)
        assert (shown["name"], shown["version"]) == ("taobao", 1)
        assert served.stop() == Exit.DONE
        said = served.log.read_text()
        assert "Stopped." in said
        assert "Traceback" not in said


def test_a_second_service_on_the_port_says_so(database: str, tmp_path: Path) -> None:
    with serving(tmp_path / "log", dsn=database) as served:
        port = str(urlsplit(served.url).port)
        second = houfu("serve", "--port", port, dsn=database)
        assert (second.returncode, second.stdout) == (Exit.ADDRESS, "")
        assert f"Port {port} of 127.0.0.1 cannot be had" in second.stderr
    elsewhere = houfu("serve", "--host", "192.0.2.1", "--port", "0", dsn=database)
    assert elsewhere.returncode == Exit.ADDRESS


def test_a_sandbox_moves_its_clock_by_a_call_and_goes_on_from_there(database: str, tmp_path: Path) -> None:
    start = ("--sandbox", "--now", "2026-03-02T09:00:00+08:00")
    with serving(tmp_path / "log", *start, dsn=database) as served, client_of(served.url, database) as client:
        assert client.put("/v1/stores/s1", json=STORE).status_code == 201
        assert client.post("/v1/stores/s1/assessment").json()["total"] == LIMIT
        held = client.post("/v1/authorizations", json=order(1), headers={"idempotency-key": "k"}).json()
        assert client.get("/v1/stores/s1/line").json()["used"] == 100
        moved = client.post("/v1/sandbox/clock", json={"now": held["expires_at"]}).json()
        assert (moved["now"], moved["done"]["expired"]) == (held["expires_at"], 1)
        assert client.get("/v1/stores/s1/line").json()["used"] == 0
        assert client.get(f"/v1/authorizations/{held['id']}").json()["status"] == "expired"
        back = client.post("/v1/sandbox/clock", json={"now": "2026-03-02T09:00:00+08:00"})
        assert (back.status_code, back.json()["code"]) == (422, "clock_goes_back")
        far = client.post("/v1/sandbox/clock", json={"now": "2099-01-01T00:00:00Z"})
        assert (far.status_code, far.json()["errors"][0]["field"]) == (422, "now")
    with serving(tmp_path / "log", *start, dsn=database) as served, client_of(served.url, database) as client:
        assert client.get("/v1/stores/s1/line").json()["as_of"] == held["expires_at"]


def test_without_sandbox_there_is_no_clock_to_move(database: str, tmp_path: Path) -> None:
    with serving(tmp_path / "log", dsn=database) as served, client_of(served.url, database) as client:
        refused = client.post("/v1/sandbox/clock", json={"now": "2099-01-01T00:00:00Z"})
        assert (refused.status_code, refused.json()["code"]) == (404, "sandbox_off")


def test_requests_that_have_begun_are_answered_before_the_service_stops(
    database: str, tmp_path: Path
) -> None:
    start = ("--sandbox", "--now", "2026-03-02T09:00:00+08:00")
    with serving(tmp_path / "log", *start, dsn=database) as served, client_of(served.url, database) as client:
        client.put("/v1/stores/s1", json=STORE)
        client.post("/v1/stores/s1/assessment")

        def ask(nth: int) -> int | None:
            if nth == 40:
                served.process.send_signal(signal.SIGTERM)
            try:
                return client.post(
                    "/v1/authorizations", json=order(nth), headers={"idempotency-key": f"k{nth}"}
                ).status_code
            except httpx.TransportError:
                return None

        with ThreadPoolExecutor(16) as threads:
            statuses = list(threads.map(ask, range(200)))
        assert served.process.wait(timeout=PATIENCE_SECONDS) == Exit.DONE
    assert set(statuses) <= {201, None}
    answered = statuses.count(201)
    proof = answer("ledger", "verify", dsn=database)
    assert proof["verified"] is True
    with (
        serving(tmp_path / "log", "--sandbox", dsn=database) as served,
        client_of(served.url, database) as client,
    ):
        assert client.get("/v1/stores/s1/line").json()["used"] >= 100 * answered


def test_a_body_over_the_limit_is_refused_over_a_socket(database: str, tmp_path: Path) -> None:
    with serving(tmp_path / "log", dsn=database) as served, client_of(served.url, database) as client:
        big = b'{"order_id":"' + b"x" * 10_000_000 + b'"}'
        for address in ("/v1/authorizations", "/v1/withdrawals"):
            refused = client.post(address, content=big, headers={"idempotency-key": "k"})
            assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
            chunked = client.post(
                address,
                content=(big[at : at + 65_536] for at in range(0, len(big), 65_536)),
                headers={"idempotency-key": "k"},
            )
            assert (chunked.status_code, chunked.json()["code"]) == (413, "body_too_large")
        assert client.get("/healthz").status_code == 200


def test_what_is_no_http_harms_nobody(database: str, tmp_path: Path) -> None:
    with serving(tmp_path / "log", dsn=database) as served, client_of(served.url, database) as client:
        parts = urlsplit(served.url)
        assert parts.hostname is not None
        for sent in (
            b"\x16\x03\x01\x00",
            b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/9\r\n\r\n",
        ):
            with socket.create_connection((parts.hostname, parts.port or 0), timeout=10) as connection:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(4096)
        assert client.get("/healthz").status_code == 200
        assert "Traceback" not in served.log.read_text()


def test_requests_one_after_another_on_one_connection_are_answered_in_order(
    database: str, tmp_path: Path
) -> None:
    with serving(tmp_path / "log", dsn=database) as served:
        parts = urlsplit(served.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
            asked = b"".join(
                b"GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n" % (path, end)
                for path, end in (
                    (b"/healthz", b""),
                    (b"/nowhere", b""),
                    (b"/v1/authorizations", b""),
                    (b"/docs/swagger-ui.css", b""),
                    (b"/readyz", b"Connection: close\r\n"),
                )
            )
            connection.sendall(asked)
            received = b""
            while part := connection.recv(65_536):
                received += part
    statuses = re.findall(rb"HTTP/1\.1 (\d+) ", received)
    assert statuses == [b"200", b"404", b"401", b"200", b"200"]
    assert received.endswith(b'{"status":"ready"}')


def test_an_embedded_database_is_started_and_stopped_with_the_service(tmp_path_factory: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="houfu-serve-") as directory:
        Path(directory).chmod(0o755)
        log = tmp_path_factory.mktemp("serve") / "log"
        with serving(log, "--data-dir", directory) as served:
            assert httpx.get(f"{served.url}/readyz").status_code == 200
            served.process.send_signal(signal.SIGINT)
            assert served.process.wait(timeout=PATIENCE_SECONDS) == Exit.DONE
        assert not (Path(directory) / "postgres" / "data" / "postmaster.pid").exists()


def test_a_service_that_is_told_to_stop_while_it_starts_leaves_nothing_running() -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="houfu-serve-") as directory:
        Path(directory).chmod(0o755)
        process = subprocess.Popen(
            [*HOUFU, "serve", "--port", "0", "--data-dir", directory],
            env=environment(),
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if "Starting PostgreSQL" in line:
                break
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode in {Exit.TERMINATED, Exit.DONE}, output
        assert not (Path(directory) / "postgres" / "data" / "postmaster.pid").exists()


def test_logs_are_json_and_hold_no_secret(database: str, tmp_path: Path) -> None:
    with serving(tmp_path / "log", dsn=database, HOUFU_LOG_LEVEL="debug") as served:
        with client_of(served.url, database) as client:
            client.put("/v1/stores/s1", json=STORE)
            body = {"holder": "h", "number": "6222021234567890", "bank_code": "X"}
            client.put("/v1/stores/s1/bank_accounts/b1", json=body)
            key = client.headers["authorization"].removeprefix("Bearer ")
        served.stop()
        said = served.log.read_text()
        assert key not in said
        assert "6222021234567890" not in said
        for line in said.splitlines():
            if line.startswith("{"):
                json.loads(line)


def test_the_module_and_the_script_are_the_same_program() -> None:
    script = Path(sys.executable).with_name("houfu")
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert "serve" in done.stdout
