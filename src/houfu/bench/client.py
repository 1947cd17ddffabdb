"""The load generator, a process of its own: as little work per call as Python allows.

Reads an `Order` as JSON on stdin, keeps one request in flight on each connection, and writes a `Measured` as
JSON on stdout. Requests differ in a few bytes of fixed width, so that making one is one formatting.
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from itertools import count
from time import perf_counter_ns
from typing import Final, Literal, cast
from urllib.parse import urlsplit

import msgspec

from houfu.bench.runner import new_loop

_SECOND_NS: Final = 1_000_000_000
_LENGTH: Final = b"content-length: "
_AFTER_END_SECONDS: Final = 30
"""How long calls that are in flight at the end may still take."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. `run` makes its ids unique; `stores` are gone round; `ids` are what to act on, each once."""

    url: str
    key: str
    kind: Literal["authorize", "batch", "capture", "repay", "withdraw"]
    run: str
    amount: int
    connections: int
    seconds: int
    warm_up_ms: int
    stores: list[str] = []
    items: int = 1
    ids: list[str] = []


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What came back within the window. `unexpected` counts answers that were not the success asked for."""

    orders: int
    nanoseconds: int
    p50_us: int
    p99_us: int
    unexpected: int
    example: str


def requests_of(order: Order) -> Iterator[bytes]:
    """The requests, without end or until the ids run out."""
    match order.kind:
        case "authorize":
            return _singles(order)
        case "batch":
            return _batches(order)
        case "capture" | "repay":
            return _acts(order)
        case "withdraw":
            return _withdrawals(order)


def _singles(order: Order) -> Iterator[bytes]:
    body = _body(order)
    length = len(body % (order.stores[0].encode(), 0))
    template = _head(order, "/v1/authorizations", b"%d" % length, b"%s-%%09d" % order.run.encode()) + body
    stores = [name.encode() for name in order.stores]
    for n in count():
        yield template % (n, stores[n % len(stores)], n)


def _batches(order: Order) -> Iterator[bytes]:
    run = order.run.encode()
    item = _body(order)[:-1] + b',"idempotency_key":"' + run + b'-%09d"}'
    stores = [name.encode() for name in order.stores]
    length = (len(item % (stores[0], 0, 0)) + 1) * order.items + len(b'{"items":[]}') - 1
    head = _head(order, "/v1/authorizations/batch", b"%d" % length, b"%s-%%09d" % run)
    for batch in count():
        first = batch * order.items
        items = [item % (stores[n % len(stores)], n, n) for n in range(first, first + order.items)]
        yield head % batch + b'{"items":[' + b",".join(items) + b"]}"


def _withdrawals(order: Order) -> Iterator[bytes]:
    body = b'{"store_id":"%%s","amount":%d,"bank_account_id":"b1"}' % order.amount
    length = len(body % order.stores[0].encode())
    template = _head(order, "/v1/withdrawals", b"%d" % length, b"%s-%%09d" % order.run.encode()) + body
    stores = [name.encode() for name in order.stores]
    for n in count():
        yield template % (n, stores[n % len(stores)])


def _acts(order: Order) -> Iterator[bytes]:
    verb = "capture" if order.kind == "capture" else "repayments"
    body = b'{"amount":%d}' % order.amount
    template = (
        _head(order, "/v1/authorizations/%s/" + verb, b"%d" % len(body), b"%s-%%s" % order.run.encode())
        + body
    )
    for id in order.ids:
        text = id.encode()
        yield template % (text, text)


def _body(order: Order) -> bytes:
    return b'{"store_id":"%%s","order_id":"%s-%%09d","buyer_id":"buyer","amount":%d}' % (
        order.run.encode(),
        order.amount,
    )


def _head(order: Order, path: str, length: bytes, key: bytes) -> bytes:
    return (
        b"POST " + path.encode() + b" HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " + order.key.encode()
        + b"\r\nContent-Type: application/json\r\nIdempotency-Key: " + key + b"\r\nContent-Length: " + length + b"\r\n\r\n"
    )  # fmt: skip


class _Tally:
    """What all connections have seen together."""

    def __init__(self, order: Order) -> None:
        self.requests = requests_of(order)
        self.items = order.items
        start = perf_counter_ns()
        self.warm = start + order.warm_up_ms * 1_000_000
        self.end = self.warm + order.seconds * _SECOND_NS
        self.last = start
        self.nanoseconds: list[int] = []
        self.unexpected = 0
        self.example = ""

    def finished(self, answer: bytes, sent: int) -> bool:
        """Note an answer; whether to send another request."""
        now = perf_counter_ns()
        if answer[9:11] != b"20" or b'"refused"' in answer or b'"error"' in answer:
            self.unexpected += 1
            self.example = self.example or answer[:2000].decode(errors="replace")
        if now >= self.end:
            return False
        if now >= self.warm:
            self.nanoseconds.append(now - sent)
            self.last = now
        return True

    def measured(self) -> Measured:
        times = sorted(self.nanoseconds)
        return Measured(
            orders=len(times) * self.items,
            # The last answer stands for the end: what ran out before it did not idle.
            nanoseconds=max(self.last - self.warm, 1),
            p50_us=_rank(times, 50),
            p99_us=_rank(times, 99),
            unexpected=self.unexpected,
            example=self.example,
        )


def _rank(ordered: list[int], percent: int) -> int:
    """The nearest-rank percentile in whole microseconds; 0 of nothing."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] // 1000 if ordered else 0


class _Connection(asyncio.Protocol):
    """One request in flight, over and over."""

    def __init__(self, tally: _Tally) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tally = tally
        self._sent = 0
        self._answer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        self._send(self._transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answer + data if self._answer else data
        head = answer.find(b"\r\n\r\n")
        at = answer.find(_LENGTH, 0, head) + len(_LENGTH)
        if head < 0 or len(answer) < head + 4 + int(answer[at : answer.find(b"\r", at)]):
            self._answer = answer
            return
        self._answer = b""
        if self._transport is None:
            return
        if self._tally.finished(answer, self._sent):
            self._send(self._transport)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            if exc is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(exc)

    def _send(self, transport: asyncio.Transport) -> None:
        request = next(self._tally.requests, None)
        if request is None:
            transport.close()
            return
        self._sent = perf_counter_ns()
        transport.write(request)


async def run(order: Order) -> Measured:
    """Carry out the order."""
    address = urlsplit(order.url)
    host, port = address.hostname or "127.0.0.1", address.port or 80
    loop = asyncio.get_running_loop()
    tally = _Tally(order)
    connections: list[_Connection] = []
    for _ in range(order.connections):
        _, connection = await loop.create_connection(lambda: _Connection(tally), host, port)
        connections.append(connection)
    patience = order.warm_up_ms / 1000 + order.seconds + _AFTER_END_SECONDS
    async with asyncio.timeout(patience):
        await asyncio.gather(*[connection.done for connection in connections])
    return tally.measured()


def main() -> None:
    """One order in, one measurement out."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=new_loop) as runner:
        sys.stdout.buffer.write(msgspec.json.encode(runner.run(run(order))))


if __name__ == "__main__":
    main()
