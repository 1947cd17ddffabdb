"""Rails to the simulated bank that runs as a service of its own."""

import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme

from bank.paper import payment_file, transfer
from bank.running import SANDBOX, running_bank
from houfu.iso20022 import pain002
from houfu.payouts.rails.config import Already, open_rail, read_rails
from houfu.payouts.rails.rail import Rail, RailAway, RailRefused

ID = "0199d2f0a3b17c44a1b2c3d4e5f60718-01"
FILE = payment_file(ID, [transfer("wd_1", 12_345)])
OTHER = payment_file(ID, [transfer("wd_1", 12_346)])
TUESDAY_NIGHT = "2026-03-03T23:00:00+08:00"


def opened(adapter: str, *, already: Already) -> Rail:
    """The rail of a file that names this one adapter."""
    file = f'rails: [{{name: bank, account: {{name: a, number: "1", bank_code: "102"}}, {adapter}}}]'
    [terms] = read_rails(file).rails
    return open_rail(terms, already=already)


async def test_a_file_and_its_reports_go_round_over_https(tmp_path: Path) -> None:
    ca = trustme.CA()
    context = ssl.create_default_context()
    ca.configure_trust(context)
    ca.issue_cert("treasury@houfu.example").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name, host in (("bank", "127.0.0.1"), ("us", "houfu.example")):
        ca.issue_cert(host).private_key_and_cert_chain_pem.write_to_path(tmp_path / f"{name}.pem")
    bank, us, authority = (str(tmp_path / f"{name}.pem") for name in ("bank", "us", "ca"))
    recorded: set[str] = set()

    async def already(names: Sequence[str]) -> set[str]:
        return recorded & set(names)

    tls = ("--tls-certificate", bank, "--tls-key", bank, "--client-ca", authority)
    with running_bank(tmp_path / "bank", *SANDBOX, *tls, verify=context) as running:
        rail = opened(
            f"https: {{url: '{running.url}', certificate: {us}, key: {us}, ca: {authority}}}", already=already
        )
        assert not await rail.has(ID, FILE)
        await rail.deliver(ID, FILE)
        await rail.deliver(ID, FILE)
        assert await rail.has(ID, FILE)
        with pytest.raises(RailRefused):
            await rail.deliver(ID, OTHER)
        running.move_to(TUESDAY_NIGHT)
        names = [waiting.name for waiting in await rail.waiting(limit=100)]
        assert names == running.names()
        first = pain002.read(await rail.fetch(names[0]))
        assert first.original_message_id == ID
        recorded.add(names[0])
        await rail.taken(names[1])
        assert [waiting.name for waiting in await rail.waiting(limit=100)] == names[2:]


async def test_a_file_whose_answer_the_bank_loses_is_found_by_asking(tmp_path: Path) -> None:
    async def already(names: Sequence[str]) -> set[str]:
        return set()

    with running_bank(tmp_path / "bank", *SANDBOX, "--lost-answer-ppm", "1000000") as running:
        rail = opened(f"https: {{url: '{running.url}'}}", already=already)
        with pytest.raises(RailAway):
            await rail.deliver(ID, FILE)
        assert await rail.has(ID, FILE)
