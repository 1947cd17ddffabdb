"""One request as uvicorn hands it over, by a caller who may stop reading and leave."""

from __future__ import annotations

import asyncio
from typing import Any


class Caller:
    """`patience` is after how many messages it leaves, `hold_after` after how many it reads no more."""

    def __init__(
        self,
        path: str,
        *,
        method: str = "GET",
        query: bytes = b"",
        key: str | None = None,
        patience: int | None = None,
    ) -> None:
        self.sent: list[Any] = []
        self.patience = patience
        self.hold_after: int | None = None
        self.holding = asyncio.Event()
        self._left = asyncio.Event()
        self._asked = False
        headers = [] if key is None else [(b"authorization", f"Bearer {key}".encode())]
        self.scope: Any = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query,
            "headers": headers, "scheme": "http", "server": ("houfu", 80), "client": ("x", 1),
            "http_version": "1.1", "asgi": {"version": "3.0"}, "root_path": "",
        }  # fmt: skip

    def leave(self) -> None:
        """Close the connection."""
        self._left.set()

    async def receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        if self.patience is not None and len(self.sent) >= self.patience:
            self.leave()
        if self.hold_after is not None and len(self.sent) >= self.hold_after:
            self.holding.set()
            await self._left.wait()
        await asyncio.sleep(0)
