from __future__ import annotations

from pathlib import Path

import pytest

from bank.paper import ACCOUNT, MONDAY, NIGHT, OPENING, at, payment_file, transfer
from houfu.bank.branch import Branch
from houfu.bank.habits import Habits
from houfu.bank.vault import Received, Vault
from houfu.core.clock import SandboxClock


def branch_in(place: Path, clock: SandboxClock) -> Branch:
    return Branch(Vault(place), clock, habits=Habits(), account=ACCOUNT, opening=OPENING, opened_at=at(2, 0))


def test_a_file_that_the_disk_does_not_take_was_not_received(tmp_path: Path) -> None:
    branch = branch_in(tmp_path, SandboxClock(NIGHT))
    content = payment_file("m-1", [transfer("wd_1")], execution_on=MONDAY)
    in_the_way = tmp_path / "received" / ".00000001-20260302T150000000000Z.xml.part"
    in_the_way.mkdir()
    with pytest.raises(OSError, match="directory"):
        branch.receive(content)
    assert branch.known("m-1") is None
    in_the_way.rmdir()
    assert branch.receive(content).accepted
    assert branch_in(tmp_path, SandboxClock(NIGHT)).known("m-1") == branch.known("m-1")


def test_a_clock_that_goes_back_does_not_take_the_bank_with_it(tmp_path: Path) -> None:
    branch_in(tmp_path, SandboxClock(NIGHT)).deposit(100)
    assert branch_in(tmp_path, SandboxClock(at(2, 9))).now() == NIGHT


def test_the_vault_tells_in_order_what_it_was_given(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    kept = [Received(NIGHT, b"<a/>"), Received(NIGHT, 500), Received(NIGHT, b"")]
    for received in kept:
        vault.keep(received)
    (tmp_path / "received" / "notes.txt").write_text("not ours")
    assert list(vault.received()) == kept == list(Vault(tmp_path).received())
