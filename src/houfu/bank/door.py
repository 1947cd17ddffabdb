"""The HTTP door of a bank that runs by itself. Who may come in is settled below HTTP: by mutual TLS."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from litestar import Litestar, Request, Response, get, post, put
from litestar.datastructures import State
from litestar.exceptions import ClientException, HTTPException, NotFoundException
from litestar.params import Parameter

from houfu.bank.branch import Branch
from houfu.bank.receipt import Receipt
from houfu.bank.report import delivered_at
from houfu.core.clock import SandboxClock
from houfu.iso20022 import pain002

FILE_BYTES_MAX: Final = 16 * 1024 * 1024
REPORTS_MAX: Final = 1_000
"""Names of reports in one answer."""

_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,34}")
_XML: Final = "application/xml"
_XML_TYPES: Final = ("application/xml", "text/xml")

Asked = Request[Any, Any, State]
T = TypeVar("T", bound=msgspec.Struct)
Limit = Annotated[int, Parameter(ge=1, le=REPORTS_MAX)]


class ClockMove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the sandbox's clock shall stand: a moment with an offset."""

    now: Annotated[datetime, msgspec.Meta(tz=True)]


class Deposit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money brought to the account, fen."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


def bank_door(branch: Branch, *, run_due: Callable[[], object]) -> Litestar:
    """The door of `branch`. `run_due` does what else is due, before the clock moves and after."""

    @get("/healthz", sync_to_thread=False)
    def healthz() -> dict[str, str]:
        return {"status": "ok", "now": branch.now().isoformat()}

    @put("/files/{message_id:str}")
    async def put_file(message_id: str, request: Asked) -> Response[dict[str, object]]:
        _check(message_id)
        if request.content_type[0] not in _XML_TYPES:
            raise HTTPException(status_code=415, detail=f"a file of payments is {_XML}")
        content = await request.body()
        known = branch.known(message_id) is not None
        receipt = branch.receive(content, named=message_id)
        if receipt.answer_lost:
            return Response({"detail": "the bank did not answer in time"}, status_code=504)
        return Response(_shown(receipt), status_code=_status(receipt, known=known))

    @get("/files/{message_id:str}", sync_to_thread=False)
    def get_file(message_id: str) -> dict[str, object]:
        receipt = branch.known(_check(message_id))
        if receipt is None:
            raise NotFoundException(f"no file {message_id} came")
        return _shown(receipt)

    @get("/files/{message_id:str}/status", sync_to_thread=False)
    def get_status(message_id: str) -> Response[bytes]:
        report = branch.status(_check(message_id))
        if report is None:
            raise NotFoundException(f"no file {message_id} came")
        return Response(pain002.write(report), media_type=_XML)

    @get("/reports", sync_to_thread=False)
    def list_reports(after: str = "", limit: Limit = 100) -> list[str]:
        at = delivered_at(after)
        if after and at is None:
            raise ClientException("after: no report is called so")
        return branch.names(after=at, last=after, limit=limit)

    @get("/reports/{name:str}", sync_to_thread=False)
    def get_report(name: str) -> Response[bytes]:
        report = branch.report(name)
        if report is None:
            raise NotFoundException("no report of that name is due")
        return Response(report.content, media_type=_XML)

    @post("/clock", status_code=200)
    async def move_clock(request: Asked) -> dict[str, str]:
        if not isinstance(branch.clock, SandboxClock):
            raise NotFoundException("the real clock cannot be moved")
        moved = _decoded(await request.body(), ClockMove)
        # What was put there before the move came in before it.
        run_due()
        try:
            branch.move_clock(branch.clock, moved.now)
        except ValueError as past:
            raise HTTPException(status_code=409, detail=str(past)) from None
        run_due()
        return {"now": branch.now().isoformat()}

    @post("/deposits")
    async def deposit(request: Asked) -> dict[str, object]:
        entry = branch.deposit(_decoded(await request.body(), Deposit).amount)
        return {
            "reference": entry.reference,
            "amount": entry.amount,
            "booked_on": entry.booked_on.isoformat(),
        }

    return Litestar(
        route_handlers=[
            healthz,
            put_file,
            get_file,
            get_status,
            list_reports,
            get_report,
            move_clock,
            deposit,
        ],
        exception_handlers={OSError: _not_kept},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=FILE_BYTES_MAX,
    )


def _check(message_id: str) -> str:
    if _MESSAGE_ID.fullmatch(message_id) is None:
        raise ClientException("a message id has up to 35 letters, digits, dots, dashes and underscores")
    return message_id


def _status(receipt: Receipt, *, known: bool) -> int:
    if receipt.accepted:
        return 200 if known else 201
    return 409 if receipt.reason == "DU01" else 422


def _shown(receipt: Receipt) -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(receipt)
    del shown["answer_lost"]
    return shown


def _not_kept(_request: Asked, _fault: OSError) -> Response[dict[str, object]]:
    """The disk does not take it: it did not happen."""
    return Response({"detail": "it cannot be kept now, and was not taken"}, status_code=503)


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as fault:
        raise ClientException(str(fault)) from None
