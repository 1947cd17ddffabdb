"""A rail to a service of the bank over HTTPS, where each side proves with a certificate who it is.

`PUT /files/{message_id}`, `GET /files/{message_id}`, `GET /reports?after=NAME&limit=N`, `GET /reports/{name}`.
Proxies and certificates that the environment names are not used, and redirects are not followed.
"""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import httpx
import msgspec

from houfu.iso20022.message import MessageRefused
from houfu.payouts.rails.config import Already, HttpsTerms, without_tls
from houfu.payouts.rails.rail import (
    REPORT_BYTES_MAX,
    RailAway,
    RailRefused,
    Waiting,
    file_name,
    may_be_report,
    report_name,
)

CALL_SECONDS: Final = 300
"""How long one call may take: a report of the largest size over a slow line."""
_TIMES: Final = httpx.Timeout(60, connect=20)
_PAGE: Final = 1_000
_PAGES_MAX: Final = 1_000
_ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
_WORDS_MAX: Final = 500
_FINAL: Final = frozenset({400, 409, 413, 415, 422})
"""Answers that say no to the file itself; all others may be different another time."""


class _Receipt(msgspec.Struct, frozen=True):
    """What the bank tells of a file: which content it has, or whether it took what came under that id."""

    message_id: str | None = None
    sha256: str | None = None
    accepted: bool | None = None


class _Listed(msgspec.Struct, frozen=True):
    name: str
    size: int | None = None


class _Listing(msgspec.Struct, frozen=True):
    """The reports that a bank offers. One that tells no sizes may answer with a plain list of names."""

    reports: list[_Listed]


class _No(msgspec.Struct, frozen=True):
    words: str | None = None
    detail: str | None = None


_RECEIPT: Final = msgspec.json.Decoder(_Receipt)
_LISTING: Final[msgspec.json.Decoder[_Listing | list[str]]] = msgspec.json.Decoder(_Listing | list[str])
_Answer = TypeVar("_Answer")


class _TooLarge(RailAway):
    """An answer longer than is read."""


class HttpsRail:
    """Files put to the bank's service, reports got from it. Every call makes its own connection.

    The bank goes on listing what was taken: `already` tells which names were recorded.
    """

    def __init__(self, terms: HttpsTerms, *, already: Already) -> None:
        self._terms = terms
        self._already = already
        self._after = ""
        self._taken: set[str] = set()

    async def deliver(self, message_id: str, content: bytes) -> None:
        """The bank answered that it has the file. RailRefused where it said no to it, and asked again has it not."""
        file_name(message_id)
        async with self._call() as client:
            kind = {"content-type": "application/xml"}
            status, body = await _answer(
                client, "PUT", f"/files/{message_id}", content=content, headers=kind, most=_ANSWER_BYTES_MAX
            )
        if status in _FINAL:
            # Some say no to what they have already.
            if await self.has(message_id, content):
                return
            raise RailRefused(_words(status, body))
        if status not in {200, 201, 202, 204}:
            raise RailAway(_words(status, body))

    async def has(self, message_id: str, content: bytes) -> bool:
        """Whether the bank tells of a file of that id, with this content, that it took."""
        file_name(message_id)
        async with self._call() as client:
            status, body = await _answer(client, "GET", f"/files/{message_id}", most=_ANSWER_BYTES_MAX)
        if status == 404:
            return False
        receipt = _decoded(status, body, _RECEIPT)
        if receipt.accepted is False:
            return False
        if receipt.sha256 is not None:
            return receipt.sha256.lower() == hashlib.sha256(content).hexdigest()
        if receipt.accepted and receipt.message_id == message_id:
            # A bank that keeps no sum is believed: it takes an id once.
            return True
        raise RailAway("the bank tells neither the content nor the id of what it took")

    async def waiting(self, *, limit: int) -> list[Waiting]:
        """The reports listed that nobody recorded, in the order of their names, which is that of their age."""
        found: list[Waiting] = []
        after = self._after
        async with self._call() as client:
            for _ in range(_PAGES_MAX):
                page = await _page(client, after)
                plain = [report for report in page if may_be_report(report.name)]
                recorded = self._taken | await self._already([report.name for report in plain])
                found += [Waiting(r.name, r.size) for r in plain if r.name not in recorded]
                if len(found) >= limit or len(page) < _PAGE or page[-1].name <= after:
                    break
                if not found:
                    # The next look begins with this page again: what came late among its names is not missed.
                    self._after = after
                after = page[-1].name
        self._taken = {name for name in self._taken if name > self._after}
        return found[:limit]

    async def fetch(self, name: str) -> bytes:
        """The report, whole. MessageRefused over the size that is fetched; nothing larger is kept in memory."""
        path = f"/reports/{report_name(name)}"
        async with self._call() as client:
            try:
                status, body = await _answer(client, "GET", path, most=REPORT_BYTES_MAX)
            except _TooLarge as error:
                raise MessageRefused(str(error)) from error
        if status != 200:
            raise RailAway(_words(status, body))
        return body

    async def taken(self, name: str) -> None:
        """Nothing is told to the bank; what was recorded is known to `already`, what repeated another to this rail."""
        self._taken.add(report_name(name))

    @asynccontextmanager
    async def _call(self) -> AsyncGenerator[httpx.AsyncClient]:
        """A client for one call. What breaks becomes RailAway."""
        try:
            context = await asyncio.to_thread(_context, self._terms)
            client = httpx.AsyncClient(
                base_url=self._terms.url,
                verify=context,
                timeout=_TIMES,
                trust_env=False,
                follow_redirects=False,
                headers={"accept-encoding": "identity", "user-agent": "houfu"},
            )
            async with asyncio.timeout(CALL_SECONDS), client:
                yield client
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise RailAway(f"{self._terms.url}: {error or type(error).__name__}") from error


def _context(terms: HttpsTerms) -> ssl.SSLContext:
    """Only certificates of the bank's authority are believed, and only for the host's name. OSError."""
    if without_tls(terms.url):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if terms.certificate is None or terms.key is None or terms.ca is None:
        raise ValueError("a service is reached with a certificate, its key and the bank's authority")
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=terms.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A key under a passphrase must not ask the terminal for it.
    context.load_cert_chain(terms.certificate, terms.key, password=lambda: b"")
    return context


async def _answer(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    most: int,
    content: bytes | None = None,
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    """Status and body. More than `most` bytes are not read: of a 200 that is _TooLarge, of another its beginning."""
    url = httpx.URL(f"{str(client.base_url).rstrip('/')}{path}", params=params or {})
    async with client.stream(method, url, content=content, headers=headers) as response:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise RailAway(f"{path}: the answer is packed, which was not asked for")
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_raw():
            size += len(part)
            if size > most:
                break
            parts.append(part)
        if size > most and response.status_code == 200:
            raise _TooLarge(f"{path}: the answer is larger than {most} bytes")
        return response.status_code, b"".join(parts)


async def _page(client: httpx.AsyncClient, after: str) -> list[_Listed]:
    params = {"after": after, "limit": str(_PAGE)} if after else {"limit": str(_PAGE)}
    status, body = await _answer(client, "GET", "/reports", params=params, most=_ANSWER_BYTES_MAX)
    listing = _decoded(status, body, _LISTING)
    return [_Listed(name) for name in listing] if isinstance(listing, list) else listing.reports


def _decoded(status: int, body: bytes, decoder: msgspec.json.Decoder[_Answer]) -> _Answer:
    if status != 200:
        raise RailAway(_words(status, body))
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RailAway(f"the bank's answer cannot be read: {error}") from error


def _words(status: int, body: bytes) -> str:
    """What the bank says with an answer that is no success."""
    try:
        no = msgspec.json.decode(body, type=_No)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        no = _No()
    said = (no.words or no.detail or "")[:_WORDS_MAX]
    return f"the bank answered {status}: {said}" if said else f"the bank answered {status}"
