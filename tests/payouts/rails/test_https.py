"""The rail over HTTPS, against a real server that asks for a certificate."""

import ssl
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from pathlib import Path

import httpx
import msgspec
import pytest
import trustme

from houfu.iso20022.message import MessageRefused
from houfu.payouts.rails import https
from houfu.payouts.rails.config import HttpsTerms
from houfu.payouts.rails.https import HttpsRail
from houfu.payouts.rails.rail import REPORT_BYTES_MAX, Rail, RailAway, RailRefused, Waiting

from .https_server import Service, serving

ID = "0199d2f0a3b17c44a1b2c3d4e5f60718-01"
FILE = b"<Document>1</Document>"


class Bank:
    """The service, a rail to it, and the names that were recorded."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.recorded: set[str] = set()
        self.rail: Rail = self.another()

    def another(self, **terms: object) -> Rail:
        return HttpsRail(msgspec.structs.replace(self.service.terms, **terms), already=self.already)

    async def already(self, names: Sequence[str]) -> set[str]:
        return self.recorded & set(names)

    async def names(self, limit: int = 10_000) -> list[str]:
        return [waiting.name for waiting in await self.rail.waiting(limit=limit)]


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    async with serving(tmp_path) as service:
        yield Bank(service)


async def test_a_file_is_put_once_and_known(bank: Bank) -> None:
    assert not await bank.rail.has(ID, FILE)
    await bank.rail.deliver(ID, FILE)
    await bank.rail.deliver(ID, FILE)
    assert await bank.rail.has(ID, FILE)
    assert not await bank.rail.has(ID, FILE + b" ")
    assert bank.service.files == {ID: FILE}
    assert bank.service.calls[:2] == [f"GET /files/{ID}", f"PUT /files/{ID}"]


async def test_the_same_id_with_other_content_is_refused_with_the_banks_words(bank: Bank) -> None:
    await bank.rail.deliver(ID, FILE)
    with pytest.raises(RailRefused, match="409: 另一份文件"):
        await bank.rail.deliver(ID, b"other")


async def test_a_lost_answer_leaves_the_file_with_the_bank_and_asking_tells_so(bank: Bank) -> None:
    bank.service.lose_answer = True
    with pytest.raises(RailAway):
        await bank.rail.deliver(ID, FILE)
    bank.service.lose_answer = False
    assert await bank.rail.has(ID, FILE)


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
async def test_an_answer_that_says_no_to_the_file_is_final(bank: Bank, status: int) -> None:
    bank.service.put_answer = (status, {}, b"not json")
    with pytest.raises(RailRefused):
        await bank.rail.deliver(ID, FILE)


async def test_a_bank_that_says_no_to_what_it_has_already_did_not_refuse_it(bank: Bank) -> None:
    bank.service.files[ID] = FILE
    bank.service.put_answer = (409, {}, b"")
    await bank.rail.deliver(ID, FILE)
    with pytest.raises(RailRefused):
        await bank.rail.deliver(ID, b"other")


async def test_a_bank_that_says_no_and_then_nothing_leaves_it_open(bank: Bank) -> None:
    bank.service.answer = (503, {}, b"")
    bank.service.put_answer = (422, {}, b"")
    with pytest.raises(RailAway):
        await bank.rail.deliver(ID, FILE)


@pytest.mark.parametrize("status", [302, 307, 401, 403, 404, 408, 429, 500, 503, 504])
async def test_any_other_answer_leaves_open_whether_the_bank_has_the_file(bank: Bank, status: int) -> None:
    bank.service.answer = (status, {"location": f"https://localhost:{bank.service.port}/elsewhere"}, b"{}")
    with pytest.raises(RailAway):
        await bank.rail.deliver(ID, FILE)
    with pytest.raises(RailAway):
        await bank.rail.waiting(limit=1)
    with pytest.raises(RailAway):
        await bank.rail.fetch("a.xml")
    assert len(bank.service.calls) == 3  # no redirect was followed


@pytest.mark.parametrize(
    ("receipt", "has"),
    [
        (b'{"accepted": true, "message_id": "%s"}' % ID.encode(), True),
        (b'{"accepted": false, "message_id": "%s"}' % ID.encode(), False),
        (b'{"accepted": false, "sha256": "%s"}' % sha256(FILE).hexdigest().encode(), False),
        (b'{"sha256": "%s"}' % sha256(FILE).hexdigest().upper().encode(), True),
        (b'{"sha256": "00", "accepted": true, "message_id": "%s"}' % ID.encode(), False),
    ],
)
async def test_a_receipt_that_refuses_or_tells_other_content_is_no_receipt(
    bank: Bank, receipt: bytes, has: bool
) -> None:
    bank.service.answer = (200, {}, receipt)
    assert await bank.rail.has(ID, FILE) is has


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[",
        b"\xff",
        b'{"reports": [{"size": 1}]}',
        b'{"sha256": 7}',
        b'{"accepted": true, "message_id": "other"}',
    ],
)
async def test_an_answer_that_cannot_be_read_is_away(bank: Bank, answer: bytes) -> None:
    bank.service.answer = (200, {}, answer)
    with pytest.raises(RailAway):
        await bank.rail.waiting(limit=1)
    with pytest.raises(RailAway):
        await bank.rail.has(ID, FILE)


async def test_a_client_without_a_certificate_is_let_in_nowhere(bank: Bank) -> None:
    context = ssl.create_default_context(cafile=bank.service.terms.ca)
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"{bank.service.terms.url}/reports")
    assert bank.service.calls == []


async def test_a_certificate_of_another_authority_is_believed_by_neither_side(
    bank: Bank, tmp_path: Path
) -> None:
    other = trustme.CA()
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    stranger = other.issue_cert("houfu.example")
    stranger.private_key_pem.write_to_path(tmp_path / "stranger.key")
    stranger.cert_chain_pems[0].write_to_path(tmp_path / "stranger.pem")
    with pytest.raises(RailAway, match="CERTIFICATE_VERIFY_FAILED"):
        await bank.another(ca=str(tmp_path / "other.pem")).deliver(ID, FILE)
    with pytest.raises(RailAway):
        await bank.another(
            certificate=str(tmp_path / "stranger.pem"), key=str(tmp_path / "stranger.key")
        ).deliver(ID, FILE)
    assert bank.service.files == {}


async def test_a_certificate_for_another_host_is_not_believed(tmp_path: Path) -> None:
    async with serving(tmp_path, named="other.example") as service:
        with pytest.raises(RailAway, match="ostname"):
            await Bank(service).rail.deliver(ID, FILE)
        assert service.calls == []


async def test_old_tls_is_not_spoken(bank: Bank) -> None:
    assert https._context(bank.service.terms).minimum_version >= ssl.TLSVersion.TLSv1_2  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("field", ["certificate", "key", "ca"])
@pytest.mark.parametrize("content", [None, "rubbish"])
async def test_keys_and_certificates_that_cannot_be_read_are_away(
    bank: Bank, tmp_path: Path, field: str, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "bad").write_text(content)
    with pytest.raises(RailAway):
        await bank.another(**{field: str(tmp_path / "bad")}).has(ID, FILE)


async def test_proxies_that_the_environment_names_are_not_used(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    await bank.rail.deliver(ID, FILE)


async def test_nobody_listening_is_away() -> None:
    async def already(names: Sequence[str]) -> set[str]:
        return set()

    rail = HttpsRail(HttpsTerms(url="http://127.0.0.1:1"), already=already)
    for call in (rail.deliver(ID, FILE), rail.has(ID, FILE), rail.waiting(limit=1), rail.fetch("a")):
        with pytest.raises(RailAway):
            await call


async def test_without_tls_only_this_machine_is_spoken_to(bank: Bank) -> None:
    with pytest.raises(ValueError, match="https://"):
        await bank.another(url="http://bank.example").deliver(ID, FILE)


async def test_reports_wait_by_name_until_they_are_recorded(bank: Bank) -> None:
    bank.service.reports = {"b.xml": b"bb", "a.xml": b"a", "c.xml": b"c"}
    assert await bank.rail.waiting(limit=2) == [Waiting("a.xml", 1), Waiting("b.xml", 2)]
    assert await bank.rail.fetch("b.xml") == b"bb"
    bank.recorded = {"a.xml"}
    assert await bank.names() == ["b.xml", "c.xml"]
    await bank.rail.taken("b.xml")
    await bank.rail.taken("b.xml")
    assert await bank.names() == ["c.xml"]


async def test_pages_that_were_recorded_are_not_looked_through_again_and_late_names_are_not_missed(
    bank: Bank,
) -> None:
    bank.service.reports = {f"{n:05d}.xml": b"" for n in range(3_500)}
    assert await bank.names(limit=2) == ["00000.xml", "00001.xml"]
    bank.recorded = {name for name in bank.service.reports if name < "03400"}
    assert await bank.names() == [f"{n:05d}.xml" for n in range(3_400, 3_500)]
    bank.service.calls.clear()
    bank.service.reports["02500-late.xml"] = b""
    bank.recorded |= set(bank.service.reports) - {"02500-late.xml", "03499.xml"}
    assert await bank.names() == ["02500-late.xml", "03499.xml"]
    assert [call.partition("?")[2] for call in bank.service.calls] == [
        "after=01999.xml&limit=1000",
        "after=02998.xml&limit=1000",
    ]


async def test_names_that_lead_elsewhere_are_passed_over_and_refused(bank: Bank) -> None:
    tricks = [
        "../../x",
        "/etc/passwd",
        "a\0.xml",
        "a/b",
        "a.part",
        ".a",
        "a\n",
        "",
        "x" * 200,
        "a?b",
        "%2e%2e",
    ]
    bank.service.reports = dict.fromkeys([*tricks, "good.xml"], b"")
    assert await bank.names() == ["good.xml"]
    for name in tricks:
        with pytest.raises(MessageRefused):
            await bank.rail.fetch(name)
        with pytest.raises(MessageRefused):
            await bank.rail.taken(name)


async def test_a_server_whose_pages_do_not_move_on_is_asked_no_further(bank: Bank) -> None:
    page = ",".join(['{"name": "a.xml"}'] * 1_000)
    bank.service.answer = (200, {}, b'{"reports": [' + page.encode() + b"]}")
    bank.recorded = {"a.xml"}
    assert await bank.names() == []
    assert len(bank.service.calls) == 2


async def test_a_report_larger_than_is_fetched_is_refused_while_it_comes(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert REPORT_BYTES_MAX == 128 * 1024 * 1024
    monkeypatch.setattr(https, "REPORT_BYTES_MAX", 1_000)
    bank.service.reports = {"fits.xml": b"x" * 1_000, "large.xml": b"x" * 1_001}
    assert len(await bank.rail.fetch("fits.xml")) == 1_000
    with pytest.raises(MessageRefused):
        await bank.rail.fetch("large.xml")


async def test_an_answer_larger_than_any_is_away(bank: Bank) -> None:
    bank.service.answer = (200, {}, b" " * (4 * 1024 * 1024 + 1))
    with pytest.raises(RailAway):
        await bank.rail.waiting(limit=1)


async def test_a_packed_answer_is_not_unpacked(bank: Bank) -> None:
    bank.service.answer = (200, {"content-encoding": "gzip"}, b"\x1f\x8b")
    with pytest.raises(RailAway):
        await bank.rail.fetch("a.xml")


async def test_a_bank_that_does_not_answer_is_given_up(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "CALL_SECONDS", 0)
    with pytest.raises(RailAway):
        await bank.rail.has(ID, FILE)
