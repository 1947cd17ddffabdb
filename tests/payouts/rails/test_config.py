"""The file that says which bank pays whom, and how it is reached."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from houfu.iso20022.message import Party
from houfu.payouts.rails.config import (
    DirectoryTerms,
    ExtraMissing,
    HttpsTerms,
    RailsInvalid,
    RailTerms,
    SftpTerms,
    SimulatedTerms,
    open_rail,
    read_rails,
    route,
)

FILE = """
rails:
  - name: icbc
    account: {name: 某某平台, number: "0200001019000000001", bank_code: "102100099996"}
    banks: ["102", "103"]
    directory: {outgoing: /srv/bank/out, incoming: /srv/bank/in}
  - name: ccb
    account: {name: 某某平台, number: "11001019000000001", bank_code: "105100000017"}
    banks: ["105"]
    approval: automatic
    file_payments_max: 500
    sftp:
      host: sftp.bank.example
      user: houfu
      key_file: /etc/houfu/id_ed25519
      known_hosts: /etc/houfu/known_hosts
      outgoing: out
      incoming: in
      archives: [out/old]
  - name: cmb
    account: {name: 某某平台, number: "755900000000001", bank_code: "308584000013"}
    banks: ["308"]
    https: {url: "https://bank.example/houfu", certificate: /etc/houfu/us.pem, key: /etc/houfu/us.key, ca: /etc/houfu/bank.pem}
  - name: other
    account: {name: 某某平台, number: "1", bank_code: "X"}
    simulated: {}
"""
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "rails.md"
ACCOUNT = 'account: {name: a, number: "1", bank_code: "1"}'
HTTPS = "certificate: /c, key: /k, ca: /a"


def faults(text: str) -> list[str]:
    with pytest.raises(RailsInvalid) as raised:
        read_rails(text)
    return list(raised.value.faults)


def test_a_file_gives_its_rails_in_order_with_what_it_leaves_out() -> None:
    icbc, ccb, cmb, other = read_rails(FILE).rails
    assert icbc == RailTerms(
        name="icbc",
        account=Party("某某平台", "0200001019000000001", "102100099996"),
        banks=("102", "103"),
        approval="two_people",
        file_payments_max=10_000,
        adapter=DirectoryTerms("/srv/bank/out", "/srv/bank/in"),
    )
    assert (ccb.approval, ccb.file_payments_max) == ("automatic", 500)
    assert ccb.adapter == SftpTerms(
        host="sftp.bank.example",
        port=22,
        user="houfu",
        key_file="/etc/houfu/id_ed25519",
        known_hosts="/etc/houfu/known_hosts",
        outgoing="out",
        incoming="in",
        archives=("out/old",),
    )
    assert cmb.adapter == HttpsTerms(
        url="https://bank.example/houfu",
        certificate="/etc/houfu/us.pem",
        key="/etc/houfu/us.key",
        ca="/etc/houfu/bank.pem",
    )
    assert (other.adapter, other.approval) == (SimulatedTerms(), "automatic")


@pytest.mark.parametrize(
    ("bank_code", "name"),
    [
        ("102100099996", "icbc"),
        ("103", "icbc"),
        ("105100000017", "ccb"),
        ("308584000013", "cmb"),
        ("10", "other"),
        ("ICBC", "other"),
        ("", "other"),
    ],
)
def test_a_payment_takes_the_rail_that_names_its_bank_and_else_the_one_that_takes_all_others(
    bank_code: str, name: str
) -> None:
    assert route(read_rails(FILE), bank_code).name == name


def test_every_fault_is_told_at_once_with_its_place() -> None:
    assert faults(
        """
rails:
  - name: ICBC
    account: {name: a, number: 12, bank_code: "1"}
    banks: ["102", 103, "105", ""]
    approval: nobody
    file_payments_max: 50001
    directory: {outgoing: out, incoming: /in, password: x}
    colour: red
  - name: two
    sftp: {host: "-x", port: 0, user: u, key_file: /k, outgoing: o, incoming: i}
  - 7
"""
    ) == [
        "3:11 rails[0].name: Expected `str` matching regex '^[a-z][a-z0-9_-]{0,31}\\\\Z'",
        "4:32 rails[0].account.number: Expected `str`, got `int`",
        "5:20 rails[0].banks[1]: Expected `str`, got `int`",
        "5:33 rails[0].banks[3]: Expected `str` matching regex '^[0-9A-Za-z]{1,32}\\\\Z'",
        "6:15 rails[0].approval: Invalid enum value 'nobody'",
        "7:24 rails[0].file_payments_max: Expected `int` <= 50000",
        "8:27 rails[0].directory.outgoing: must be an absolute path",
        "8:47 rails[0].directory.password: unknown; known are outgoing, incoming, archives",
        "9:5 rails[0].colour: unknown; known are name, account, banks, approval, file_payments_max, directory, sftp, https, simulated",
        "10:5 rails[1]: account is missing",
        "11:11 rails[1].sftp: known_hosts is missing",
        "11:19 rails[1].sftp.host: Expected `str` matching regex '^[0-9A-Za-z][0-9A-Za-z.:-]{0,252}\\\\Z'",
        "11:30 rails[1].sftp.port: Expected `int` >= 1",
        "12:5 rails[2]: must be a mapping",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1:1 $: the document must be a mapping"),
        ("rails: []", "1:8 rails: Expected `array` of length >= 1"),
        ("{}", "1:1 $: rails is missing"),
        ("rails: x", "1:8 rails: Expected `array`, got `str`"),
        ("rails: [", "1:9 $: not YAML: did not find expected node content"),
        (f"rails: [{{name: a, {ACCOUNT}}}]", "1:9 rails[0]: a rail has exactly one of directory, sftp, https, simulated"),
        (f"rails: [{{name: a, {ACCOUNT}, simulated: {{}}, directory: {{outgoing: /o, incoming: /i}}}}]", "1:9 rails[0]: a rail has exactly one of directory, sftp, https, simulated"),
        (f'rails: [{{name: a, {ACCOUNT}, banks: ["1"], simulated: {{}}}}]', "1:8 rails: one rail must name no banks: it pays all that no other rail names"),
        (f"rails: [{{name: a, {ACCOUNT}, simulated: {{}}}}, {{name: b, {ACCOUNT}, simulated: {{}}}}]", "1:80 rails[1]: rail a takes all other banks already: name banks"),
        (f'rails: [{{name: a, {ACCOUNT}, simulated: {{}}}}, {{name: a, {ACCOUNT}, banks: ["1"], simulated: {{}}}}]', "1:87 rails[1].name: another rail is called a"),
        (f'rails: [{{name: a, {ACCOUNT}, banks: ["102"], simulated: {{}}}}, {{name: b, {ACCOUNT}, banks: ["10"], simulated: {{}}}}, {{name: c, {ACCOUNT}, simulated: {{}}}}]', "1:164 rails[1].banks[0]: 10 overlaps 102 of rail a"),
        (f'rails: [{{name: a, {ACCOUNT}, banks: ["1", "1"], simulated: {{}}}}, {{name: c, {ACCOUNT}, simulated: {{}}}}]', "1:79 rails[0].banks[1]: 1 overlaps 1 of rail a"),
        (f"rails: [{{name: a, {ACCOUNT}, https: {{url: 'http://bank.example', {HTTPS}}}}}]", "1:79 rails[0].https.url: must be https://: only this machine itself is spoken to without TLS"),
        (f"rails: [{{name: a, {ACCOUNT}, https: {{url: 'https://u:secret@bank.example', {HTTPS}}}}}]", "1:79 rails[0].https.url: must be https://host[:port][/path], with nothing before the host or behind the path"),
        (f"rails: [{{name: a, {ACCOUNT}, https: {{url: 'https://bank.example', certificate: /c, key: /k}}}}]", "1:73 rails[0].https.ca: is missing: both sides prove who they are"),
        (f"rails: [{{name: a, {ACCOUNT}, https: {{url: 'http://127.0.0.1:1', ca: /a}}}}]", "1:105 rails[0].https.ca: is of no use without TLS"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_file_of_rails_is_refused(text: str, fault: str) -> None:
    found = faults(text)
    assert [f.split(" ", 1)[1] for f in found if f.endswith(fault.split(" ", 1)[1])] == [
        fault.split(" ", 1)[1]
    ]


def test_this_machine_itself_is_spoken_to_without_tls() -> None:
    [rail] = read_rails(f"rails: [{{name: a, {ACCOUNT}, https: {{url: 'http://localhost:8443/x'}}}}]").rails
    assert rail.adapter == HttpsTerms(url="http://localhost:8443/x")
    assert rail.approval == "two_people"


async def already(names: Sequence[str]) -> set[str]:
    return set()


def test_a_rail_is_opened_by_its_adapter_and_the_simulated_banks_is_not_opened_here() -> None:
    icbc, ccb, cmb, other = read_rails(FILE).rails
    opened = [type(open_rail(terms, already=already)).__name__ for terms in (icbc, ccb, cmb)]
    assert opened == ["DirectoryRail", "SftpRail", "HttpsRail"]
    with pytest.raises(ValueError, match="simulated"):
        open_rail(other, already=already)


def test_without_the_extra_a_rail_over_sftp_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    monkeypatch.delitem(sys.modules, "houfu.payouts.rails.sftp", raising=False)
    with pytest.raises(ExtraMissing, match=r"rail ccb needs the extra sftp: pip install 'houfu\[sftp\]'"):
        open_rail(read_rails(FILE).rails[1], already=already)


def test_the_file_that_the_page_shows_is_one_and_the_page_names_every_field() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    assert [rail.name for rail in read_rails(shown.group(1)).rails] == ["icbc", "ccb", "others"]
    fields = {
        field.name
        for kind in (DirectoryTerms, SftpTerms, HttpsTerms, RailTerms)
        for field in msgspec.structs.fields(kind)
    }
    assert {field for field in fields - {"adapter"} if f"`{field}`" not in page} == set()
