"""The engine in process: a closed loop of callers, no network, no JSON to decode."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from time import perf_counter_ns
from typing import Final, Literal

from houfu.bench.programme import AMOUNT, HOT_STORE, store_id
from houfu.bench.table import Sample
from houfu.lines.command import Act, Authorize, Command
from houfu.lines.lanes import Lanes, Result

IN_FLIGHT: Final = 400
_SHA: Final = bytes(32)
_SECOND_NS: Final = 1_000_000_000


class UnexpectedAnswer(RuntimeError):
    """The engine refused what the benchmark asked; the message holds its answer."""


def authorizations(run: str, stores: int) -> Iterator[Authorize]:
    """Orders without end, going round the stores; on one hot store where `stores` is 1."""
    names = [HOT_STORE] if stores == 1 else [store_id(number) for number in range(1, stores + 1)]
    for n in count():
        name = f"{run}-{n:09d}"
        yield Authorize(
            store_id=names[n % stores],
            order_id=name,
            buyer_id="buyer",
            amount=AMOUNT,
            currency="CNY",
            key=name,
            request_sha=_SHA,
            author="bench",
        )


def acts(kind: Literal["capture", "repay"], orders: Iterable[tuple[str, str]]) -> Iterator[Act]:
    """One act on each of the orders, on all of its amount."""
    for store, id in orders:
        yield Act(
            kind=kind,
            store_id=store,
            id=id,
            amount=AMOUNT,
            key=f"{kind}-{id}",
            request_sha=_SHA,
            author="bench",
        )


async def closed_loop(lanes: Lanes, commands: Iterator[Command], *, seconds: int, warm_up_ms: int) -> Sample:
    """Keep IN_FLIGHT commands in flight for `seconds` after a warm-up, or until they run out; how many a second."""
    start = perf_counter_ns()
    warm = start + warm_up_ms * 1_000_000
    end = warm + seconds * _SECOND_NS
    done = 0
    last = start

    async def work() -> None:
        nonlocal done, last
        for command in commands:
            must_have_worked(await lanes.submit(command))
            last = perf_counter_ns()
            if last >= end:
                return
            if last >= warm:
                done += 1

    await asyncio.gather(*[work() for _ in range(IN_FLIGHT)])
    counted_ns = min(last, end) - warm
    return Sample(done * _SECOND_NS // counted_ns if counted_ns > 0 else 0)


async def carry_out(lanes: Lanes, commands: Sequence[Command]) -> None:
    """Carry out commands before the clock runs: the stock for what is measured."""
    for at in range(0, len(commands), IN_FLIGHT):
        for result in await lanes.submit_all(commands[at : at + IN_FLIGHT]):
            must_have_worked(result)


def must_have_worked(result: Result) -> None:
    """UnexpectedAnswer unless the command took effect."""
    outcome = getattr(result, "outcome", None)
    if outcome is None or outcome.status == "refused":
        raise UnexpectedAnswer(repr(result))
