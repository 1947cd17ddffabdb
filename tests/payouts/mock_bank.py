"""The bank of somebody else: mock-bank, a simulated counterparty that shares no code with Houfu, as a process of its own.

Its clock stands at the evening of the cut-off and moves only when told to; its zone is the programme's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from sqlite3 import connect
from threading import Thread
from typing import Any, Final

import httpx

from houfu.iso20022.message import Party
from houfu.payouts.rails.config import DirectoryTerms, RailsConfig, RailTerms

ID: Final = "HOUFU"
"""What the bank calls the platform's account."""
IBAN: Final = "CN15MOCK0000000009"
HELD: Final = 10_000_000_000
"""What the platform holds there in the beginning, fen."""
BEGINNING: Final = "2026-03-02T23:00"


@dataclass(frozen=True)
class Sent:
    """A message of the bank, as it sent it."""

    kind: str
    content: bytes


@dataclass(frozen=True)
class MockBank:
    """The bank, spoken to as any client speaks to it. `drop` and `pickup` are its folders, `register` its accounts."""

    http: httpx.Client
    drop: Path
    pickup: Path
    register: Path

    @property
    def rails(self) -> RailsConfig:
        """The one rail, which leads to this bank."""
        return RailsConfig(
            (
                RailTerms(
                    name="mock",
                    account=Party("后付平台备付金", IBAN, "102100099996"),
                    banks=(),
                    approval="automatic",
                    file_payments_max=10_000,
                    adapter=DirectoryTerms(
                        str(self.drop), str(self.pickup), archives=("processed", "failed")
                    ),
                ),
            )
        )

    @property
    def rail(self) -> RailTerms:
        return self.rails.rails[0]

    def begin(self) -> None:
        """A new bank, with the platform's account."""
        self._done(self.http.post("/_mock/reset"))
        for folder in (self.drop, self.pickup):
            for path in folder.rglob("*"):
                if path.is_file():
                    path.unlink()
        account = {"id": ID, "iban": IBAN, "name": "后付平台备付金", "currency": "CNY", "balance": HELD}
        self._done(self.http.post("/_mock/accounts", json=account))

    def behave(self, behaviour: str, **parameters: object) -> None:
        """From now on the bank does this with what the platform sends."""
        self._change(behaviour=behaviour, parameters=parameters)

    def hold(self, balance: int) -> None:
        """The platform's account holds as much, fen."""
        self._change(balance=balance)

    def close(self) -> None:
        """The platform's own account is closed."""
        self._change(closed=True)

    def hold_closed_account(self, number: str) -> None:
        """The bank holds a closed account of that number. Its door takes IBANs alone, its register any number."""
        account = {"id": "CLOSED", "iban": "NL30MOCK0000000005", "name": "Holder", "currency": "CNY"}
        self._done(self.http.post("/_mock/accounts", json=account | {"closed": True}))
        with closing(connect(self.register)) as register, register:
            register.execute("update account set iban = ? where id = 'CLOSED'", (number,))

    def take(self, content: bytes) -> dict[str, Any]:
        """Hand over a file; what the bank says at its door."""
        answer = self.http.post("/payments", content=content)
        assert answer.status_code in (202, 422), answer.text
        return answer.json()

    def scan(self) -> None:
        """The bank looks into its folder now."""
        self._done(self.http.post("/_mock/drop/scan"))

    def move_to(self, day: date) -> None:
        """The bank's clock moves to the first moment of `day`: the day before ends."""
        self._done(self.http.post("/_mock/advance", params={"to": day.isoformat()}))

    def sent(self) -> list[Sent]:
        """What the bank sent the platform since it was last asked, the oldest first."""
        waiting = self._done(self.http.get("/_mock/mailbox")).json()
        return [
            Sent(
                message["type"][:8],
                self._done(self.http.get(f"/_mock/mailbox/{message['id']}")).content,
            )
            for message in waiting
            if message["account"] == ID
        ]

    def _change(self, **fields: object) -> None:
        self._done(self.http.patch(f"/_mock/accounts/{ID}", json=fields))

    def _done(self, answer: httpx.Response) -> httpx.Response:
        assert answer.is_success, answer.text
        return answer


@contextmanager
def open_mock_bank(root: Path) -> Generator[MockBank]:
    """The bank runs on a free port, its folders and register under `root`."""
    drop, pickup, register = root / "drop", root / "pickup", root / "bank.db"
    drop.mkdir()
    pickup.mkdir()
    command = [sys.executable, "-m", "mockbank", "--port", "0", "--db", str(register)]
    command += ["--clock", BEGINNING, "--timezone", "Asia/Shanghai"]
    command += ["--drop-dir", str(drop), "--pickup-dir", str(pickup), "--drop-settle-ms", "0"]
    # The folder is looked into when the test says so, not when a minute is over.
    command += ["--drop-interval-ms", "60000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            _, _, rest = said.partition(" listening on ")
            assert rest, f"mock-bank did not start: {said!r}"
            # What it logs of every request is read away, so that it never waits for a reader.
            Thread(target=process.stderr.read, daemon=True).start()
            with httpx.Client(base_url=rest.split()[0], trust_env=False, timeout=30) as http:
                yield MockBank(http, drop, pickup, register)
        finally:
            process.terminate()
