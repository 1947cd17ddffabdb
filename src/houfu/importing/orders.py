"""Past orders through the order engine: authorized, and shipped, paid and returned as far as the file says.

Each command's key is made of the file's hash and the row's line, so that an import which was interrupted is simply
run again: what was done is recognised, and what was not is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from houfu.core.ids import parse_public_id
from houfu.importing.rows import PastOrder
from houfu.lines.command import PREFIX, Act, Answer, AuthorizationOutcome, Authorize, Command, Trouble
from houfu.lines.lanes import Lanes

CHUNK: Final = 1_000
"""Orders in flight at once: each goes its whole way before the next thousand."""
REFUSED_SHOWN_MAX: Final = 1_000

_decode = msgspec.json.Decoder(AuthorizationOutcome).decode


class RefusedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order the programme did not take, and why."""

    line: int
    store_id: str
    order_id: str
    reason: str


class LoadedOrders(msgspec.Struct, kw_only=True):
    """What an import of orders came to. `resumed`: of the authorized, those an earlier run had made."""

    authorized: int = 0
    refused: int = 0
    resumed: int = 0
    shipped: int = 0
    repaid: int = 0
    returned: int = 0
    refused_shown: list[RefusedOrder] = msgspec.field(default_factory=list[RefusedOrder])


class OrderFailed(Exception):
    """The engine did not carry out an order's command; the message names line and cause."""


async def load_orders(
    lanes: Lanes,
    orders: Sequence[PastOrder],
    *,
    sha: str,
    author: str,
    on_progress: Callable[[int, int], None],
) -> LoadedOrders:
    """Load the orders in their order. Running it again with the same file takes no effect twice. OrderFailed."""
    loaded = LoadedOrders()
    for at in range(0, len(orders), CHUNK):
        part = orders[at : at + CHUNK]
        answers = await lanes.submit_all([_authorize(order, sha, author) for order in part])
        taken: list[tuple[PastOrder, str]] = []
        for order, answer in zip(part, answers, strict=True):
            outcome = _decode(_answered(order, answer).body)
            parsed = parse_public_id(PREFIX, outcome.id)
            if outcome.status == "refused" or parsed is None:
                loaded.refused += 1
                if len(loaded.refused_shown) < REFUSED_SHOWN_MAX:
                    refused = RefusedOrder(
                        line=order.line,
                        store_id=order.store_id,
                        order_id=order.order_id,
                        reason=outcome.reason or "",
                    )
                    loaded.refused_shown.append(refused)
                continue
            loaded.authorized += 1
            loaded.resumed += isinstance(answer, Answer) and answer.replayed
            taken.append((order, parsed[1]))
        loaded.shipped += await _act(lanes, taken, "capture", sha, author)
        loaded.repaid += await _act(lanes, taken, "repay", sha, author)
        loaded.returned += await _act(lanes, taken, "return", sha, author)
        on_progress(at + len(part), len(orders))
    return loaded


def _authorize(order: PastOrder, sha: str, author: str) -> Command:
    key = _key(sha, order, "authorize")
    return Authorize(
        store_id=order.store_id,
        order_id=order.order_id,
        buyer_id=order.buyer_id,
        amount=order.amount,
        currency=order.currency,
        key=key,
        request_sha=_sha(key),
        author=author,
    )


async def _act(
    lanes: Lanes,
    taken: Sequence[tuple[PastOrder, str]],
    verb: Literal["capture", "repay", "return"],
    sha: str,
    author: str,
) -> int:
    """Carry the verb out on the orders that call for it; on how many it was."""
    amounts = [(order, id, _amount(order, verb)) for order, id in taken]
    wanted = [(order, id, amount) for order, id, amount in amounts if amount]
    commands: list[Command] = []
    for order, id, amount in wanted:
        key = _key(sha, order, verb)
        commands.append(
            Act(
                kind=verb,
                store_id=order.store_id,
                id=id,
                amount=amount,
                key=key,
                request_sha=_sha(key),
                author=author,
            )
        )
    for (order, _, _), answer in zip(wanted, await lanes.submit_all(commands), strict=True):
        _answered(order, answer)
    return len(wanted)


def _amount(order: PastOrder, verb: Literal["capture", "repay", "return"]) -> int:
    match verb:
        case "capture":
            return order.shipped_amount
        case "repay":
            return order.repaid_amount
        case "return":
            return order.returned_amount


def _answered(order: PastOrder, answer: Answer | Trouble) -> Answer:
    if isinstance(answer, Trouble):
        raise OrderFailed(f"line {order.line}, order {order.order_id}: {answer.code}")
    return answer


def _key(sha: str, order: PastOrder, verb: str) -> str:
    return f"import:{sha}:{order.line}:{verb}"


def _sha(key: str) -> bytes:
    """A key names the file's content and the line: it is the whole request."""
    return hashlib.sha256(key.encode()).digest()
