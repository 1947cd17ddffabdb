"""`houfu bank` for real: over HTTP with mutual TLS, through a directory, stopped and killed."""

from __future__ import annotations

import ssl
import threading
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import trustme

from bank.paper import OPENING, payment_file, transfer, transfers
from bank.running import SANDBOX, SETUP, RunningBank, running_bank
from houfu.commands.console import Exit
from houfu.iso20022 import camt053, pain002
from served import houfu

FILE = payment_file("m-1", [transfer("wd_1", 12_345), transfer("wd_2", number="6222000000000000000")])
TUESDAY_NIGHT = "2026-03-03T23:00:00+08:00"


def kinds(names: list[str]) -> list[str]:
    return [name.split("-")[1] for name in names]


def tls(place: Path, ca: trustme.CA) -> tuple[str, ...]:
    """The options of a bank that demands certificates signed by `ca`."""
    ours = ca.issue_cert("127.0.0.1")
    ca.cert_pem.write_to_path(place / "ca.pem")
    ours.private_key_and_cert_chain_pem.write_to_path(place / "bank.pem")
    bank = str(place / "bank.pem")
    return ("--tls-certificate", bank, "--tls-key", bank, "--client-ca", str(place / "ca.pem"))


def trusting(ca: trustme.CA, *, as_client_of: trustme.CA | None) -> ssl.SSLContext:
    """A client that trusts `ca` and shows a certificate of `as_client_of`."""
    context = ssl.create_default_context()
    ca.configure_trust(context)
    if as_client_of is not None:
        as_client_of.issue_cert("treasury@houfu.example").configure_cert(context)
    return context


def test_a_file_goes_round_over_mutual_tls_and_strangers_are_not_heard(tmp_path: Path) -> None:
    ca, other = trustme.CA(), trustme.CA()
    with running_bank(
        tmp_path, *SANDBOX, *tls(tmp_path, ca), verify=trusting(ca, as_client_of=ca)
    ) as running:
        assert running.url.startswith("https://")
        assert running.hand_in("m-1", FILE).status_code == 201
        running.move_to(TUESDAY_NIGHT)
        names = running.names()
        assert kinds(names) == ["pain.002", "camt.053", "camt.054", "pain.002", "camt.053"]
        stated = camt053.read(running.client.get(f"/reports/{names[-1]}").content)
        assert (stated.opening, stated.closing) == (OPENING, OPENING - 12_345)
        for stranger in (None, other):
            with (
                httpx.Client(verify=trusting(ca, as_client_of=stranger)) as client,
                pytest.raises(httpx.TransportError),
            ):
                client.get(f"{running.url}/healthz")
        with pytest.raises(httpx.TransportError):
            httpx.get(running.url.replace("https", "http") + "/healthz")
        assert running.client.get("/healthz").json()["status"] == "ok"


def test_a_file_is_put_once_and_known_ever_after(tmp_path: Path) -> None:
    with running_bank(tmp_path, *SANDBOX) as running:
        assert running.client.get("/files/m-1").status_code == 404
        first = running.hand_in("m-1", FILE)
        assert first.status_code == 201
        assert first.json() == {
            "message_id": "m-1",
            "received_at": "2026-03-02T01:00:00Z",
            "accepted": True,
            "sha256": sha256(FILE).hexdigest(),
            "payments": 2,
            "amount": 22_345,
            "reason": None,
            "words": None,
        }
        again = running.hand_in("m-1", FILE)
        assert (again.status_code, again.json()) == (200, first.json())
        assert running.client.get("/files/m-1").json() == first.json()
        other = running.hand_in("m-1", payment_file("m-1", [transfer("wd_3")]))
        assert (other.status_code, other.json()["reason"]) == (409, "DU01")
        running.move_to(TUESDAY_NIGHT)
        told = pain002.read(running.client.get("/files/m-1/status").content)
        assert [(status.status, status.reason) for status in told.statuses] == [
            ("ACSC", None),
            ("RJCT", "AC04"),
        ]


def test_what_is_no_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with running_bank(tmp_path, *SANDBOX) as running:
        client = running.client
        assert running.hand_in("m-2", FILE).status_code == 422
        assert running.hand_in("m-1", b"<a/>").json()["reason"] == "FF01"
        xml = {"content-type": "application/xml"}
        assert (
            client.put("/files/m-1", content=FILE, headers={"content-type": "text/plain"}).status_code == 415
        )
        assert client.put("/files/m-1", content=b" " * (17 * 2**20), headers=xml).status_code == 413
        for address in ("/files/..%2F..%2Fetc", "/files/a%20b", f"/files/{'a' * 36}", "/files/.hidden"):
            assert client.put(address, content=FILE, headers=xml).status_code in {400, 404, 405}
        for address in (
            "/reports/..%2F..%2Fcharter.json",
            "/reports/charter.json",
            "/reports/x.xml",
            "/files/m-1",
        ):
            assert client.get(address).status_code == 404
        assert client.get("/reports", params={"after": "x"}).status_code == 400
        assert client.get("/reports", params={"limit": 0}).status_code == 400
        assert client.post("/clock", json={"now": "2026-03-02T10:00:00"}).status_code == 400
        assert client.post("/clock", json={"now": "2026-03-01T10:00:00+08:00"}).status_code == 409
        assert client.post("/deposits", json={"amount": 0}).status_code == 400
        assert list((tmp_path / "bank" / "received").iterdir()) == []


def test_reports_are_listed_page_by_page(tmp_path: Path) -> None:
    with running_bank(tmp_path, *SANDBOX, "--duplicate-ppm", "500000") as running:
        for nth in range(12):
            running.hand_in(f"m-{nth}", payment_file(f"m-{nth}", transfers(f"wd{nth}", 2)))
        running.move_to("2026-03-20T23:00:00+08:00")
        whole = running.names(limit=1_000)
        assert whole == sorted(whole)
        pages: list[str] = []
        while page := running.names(limit=5, **({"after": pages[-1]} if pages else {})):
            assert len(page) <= 5
            pages.extend(page)
        assert pages == whole


def test_a_deposit_is_stated(tmp_path: Path) -> None:
    with running_bank(tmp_path, *SANDBOX) as running:
        made = running.client.post("/deposits", json={"amount": 500})
        assert (made.status_code, made.json()["booked_on"]) == (201, "2026-03-02")
        running.move_to("2026-03-02T20:00:00+08:00")
        stated = camt053.read(running.client.get(f"/reports/{running.names()[0]}").content)
        assert stated.closing == OPENING + 500


def test_a_lost_answer_is_a_failure_after_which_the_file_is_known(tmp_path: Path) -> None:
    with running_bank(tmp_path, *SANDBOX, "--lost-answer-ppm", "1000000") as running:
        assert running.hand_in("m-1", FILE).status_code == 504
        assert running.client.get("/files/m-1").json()["accepted"] is True
        assert running.hand_in("m-1", FILE).status_code == 200


def test_a_restart_keeps_everything_and_other_options_are_refused(tmp_path: Path) -> None:
    faults = ("--return-ppm", "500000", "--delay-ppm", "300000", "--seed", "abc")
    with running_bank(tmp_path, *SANDBOX, *faults) as running:
        running.hand_in("m-1", payment_file("m-1", transfers("wd", 30)))
        running.client.post("/deposits", json={"amount": 500})
        running.move_to(TUESDAY_NIGHT)
        before = running.contents()
        running.process.terminate()
        assert running.process.wait(timeout=30) == Exit.DONE
    with running_bank(tmp_path, *SANDBOX, *faults) as running:
        assert running.client.get("/healthz").json()["now"] == "2026-03-03T15:00:00+00:00"
        assert running.contents() == before
        assert running.hand_in("m-1", payment_file("m-1", transfers("wd", 30))).status_code == 200
    other = houfu("bank", "--port", "0", "--data-dir", str(tmp_path), *SANDBOX, "--seed", "other")
    assert other.returncode == Exit.USAGE
    assert "other options" in other.stderr


def test_one_bank_runs_in_a_data_directory(tmp_path: Path) -> None:
    with running_bank(tmp_path, *SANDBOX):
        second = houfu("bank", "--port", "0", "--data-dir", str(tmp_path), *SANDBOX)
        assert (second.returncode, second.stdout) == (Exit.USAGE, "")
        assert "Another bank runs" in second.stderr


@pytest.mark.parametrize(
    "attack",
    [
        b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><Document>&b;</Document>',
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document>&x;</Document>',
        b"<a>" * 1_000_000,
        FILE.replace(b"pain.001.001.09", b"pain.001.001.99"),
        FILE[:-40],
    ],
    ids=["bomb", "external", "nested", "version", "truncated"],
)
def test_an_attack_is_refused_with_words_and_the_bank_goes_on(tmp_path: Path, attack: bytes) -> None:
    with running_bank(tmp_path, *SANDBOX) as running:
        refused = running.hand_in("m-1", attack)
        assert (refused.status_code, refused.json()["reason"]) == (422, "FF01")
        assert "root:" not in refused.text
        assert running.hand_in("m-1", FILE).status_code == 201


def test_a_bank_that_is_killed_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    heard = threading.Event()

    def hand_in_many(running: RunningBank) -> None:
        for nth in range(100_000):
            try:
                done = running.hand_in(f"m-{nth}", payment_file(f"m-{nth}", transfers(f"wd{nth}", 3)))
            except httpx.TransportError:
                return
            assert done.status_code == 201
            acknowledged.append(f"m-{nth}")
            if len(acknowledged) == 20:
                heard.set()

    with running_bank(tmp_path, *SANDBOX) as running:
        sender = threading.Thread(target=hand_in_many, args=(running,))
        sender.start()
        assert heard.wait(timeout=60)
        running.kill()
        sender.join(timeout=60)
    (tmp_path / "bank" / "received" / ".00009999-x.xml.part").write_bytes(b"half a fi")
    with running_bank(tmp_path, *SANDBOX) as running:
        for message_id in acknowledged:
            assert running.client.get(f"/files/{message_id}").status_code == 200
        # The one that was under way is there or is not; handed in again it is there once.
        nth = len(acknowledged)
        again = running.hand_in(f"m-{nth}", payment_file(f"m-{nth}", transfers(f"wd{nth}", 3)))
        assert again.status_code in {200, 201}
        running.move_to(TUESDAY_NIGHT)
        last = camt053.read(running.client.get(f"/reports/{running.names(limit=1_000)[-1]}").content)
        assert len(last.entries) == 3 * (nth + 1)


def test_a_directory_takes_files_and_leaves_reports(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    arguments = (*SANDBOX, "--directory", str(drop))
    with running_bank(tmp_path, *arguments) as running:
        (drop / "in" / "a.xml").write_bytes(FILE)
        (drop / "in" / "broken.xml").write_bytes(b"<Document>")
        (drop / "in" / ".being-written.xml").write_bytes(b"<Docu")
        (drop / "in" / "link.xml").symlink_to("/etc/hostname")
        running.move_to("2026-03-02T09:01:00+08:00")
        assert [path.name for path in (drop / "in").iterdir()] == [".being-written.xml"]
        assert {path.name for path in (drop / "refused").iterdir()} == {
            "broken.xml",
            "broken.xml.txt",
            "link.xml",
            "link.xml.txt",
        }
        assert (drop / "done" / "a.xml").read_bytes() == FILE
        assert "文件格式有误" in (drop / "refused" / "broken.xml.txt").read_text()
        # The same name again: the file that came before is not overwritten.
        (drop / "in" / "a.xml").write_bytes(payment_file("m-2", [transfer("wd_3")]))
        running.move_to(TUESDAY_NIGHT)
        assert len(list((drop / "done").iterdir())) == 2
        assert (drop / "done" / "a.xml").read_bytes() == FILE
        left = {path.name: path.read_bytes() for path in (drop / "out").iterdir()}
        assert left == running.contents()
        running.kill()
    # What was fetched is not delivered again.
    for path in (drop / "out").iterdir():
        path.unlink()
    with running_bank(tmp_path, *arguments) as running:
        running.move_to("2026-03-04T21:00:00+08:00")
        assert kinds([path.name for path in (drop / "out").iterdir()]) == ["camt.053"]


def test_by_the_real_clock_a_directory_is_looked_into_by_itself(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    with running_bank(tmp_path, *SETUP, "--directory", str(drop)) as running:
        (drop / "in" / "a.xml").write_bytes(payment_file("m-1", [transfer("wd_1")]))
        waited = threading.Event()
        for _ in range(300):
            if kinds([path.name for path in (drop / "out").glob("*.xml")]) == ["pain.002"]:
                break
            waited.wait(timeout=0.1)
        assert running.client.get("/files/m-1").status_code == 200
        assert kinds([path.name for path in (drop / "out").glob("*.xml")]) == ["pain.002"]
        assert running.client.post("/clock", json={"now": "2030-01-01T00:00:00Z"}).status_code == 404


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--now", "2026-03-02T09:00:00+08:00"), "--sandbox"),
        (("--client-ca", "/nowhere.pem"), "--tls-certificate"),
        (("--tls-certificate", "/nowhere.pem", "--tls-key", "/nowhere.pem"), "/nowhere.pem"),
        (("--busy", "11-01"), "11-01..11-11"),
        (("--busy", "13-01..13-02"), "month"),
        (("--books-at", "ten"), "--books-at"),
        (("--books-at", "21:00"), "books_at"),
        (("--account", "6222 0000"), "--account"),
    ],
)
def test_options_that_make_no_sense_end_it_at_once(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    ended = houfu("bank", "--port", "0", "--data-dir", str(tmp_path), *arguments)
    assert (ended.returncode, ended.stdout) == (Exit.USAGE, "")
    assert words in ended.stderr
