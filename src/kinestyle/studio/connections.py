"""Connections: how many there may be, and how long one may keep the server waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from kinestyle.studio.config import StudioConfig
from kinestyle.studio.error_responses import error_body
from kinestyle.studio.fair_shares import Client


class Connection(H11Protocol):
    """uvicorn waits for ever for a request's headers, and for a client to take its answer; this
    does not.
    """

    def __init__(self, limits: StudioConfig, on_close: Callable[[Client], None], **settings: Any):
        super().__init__(**settings)
        self.limits, self.on_close = limits, on_close
        self._look: asyncio.TimerHandle | None = None
        self._silent_since: object = self
        """The request after which the client was silent at the last look; the connection itself
        where it was not.
        """
        self._unsent_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            transport.abort()
            return
        self._look = self.loop.call_later(self.limits.stall_seconds, self._look_now)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        self.on_close(Client.at(self.client))
        super().connection_lost(exc)

    def _look_now(self) -> None:
        """End a connection on which nothing has gone on since the last look although the client has
        to do something.
        """
        # no request, or only the beginning of its headers; while nothing has come after an answer,
        # uvicorn's own timer runs
        cycle: RequestResponseCycle | None = self.cycle
        is_silent = (
            cycle is None or cycle.response_complete
        ) and self.timeout_keep_alive_task is None
        unsent_bytes = self.transport.get_write_buffer_size()
        if (
            is_silent and self._silent_since is self.cycle
        ) or 0 < self._unsent_bytes <= unsent_bytes:
            self.transport.abort()
            return
        self._silent_since, self._unsent_bytes = self.cycle if is_silent else self, unsent_bytes
        self._look = self.loop.call_later(self.limits.stall_seconds, self._look_now)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is answered in the form of all other refusals."""
        body = error_body(
            400,
            "the request is not HTTP as this server understands it; send it with a browser, curl "
            "or a library",
        )
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
