"""The middleware that every request passes: whose it is, how much it may send, and within which
time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import re
import time
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kinestyle.errors import KinestyleError
from kinestyle.studio.config import LOOPBACK, StudioConfig
from kinestyle.studio.error_responses import (
    BusyError,
    GuessError,
    LimitError,
    OriginError,
    SlowClientError,
    TokenError,
    error_body,
    kind_of,
    status_of,
)
from kinestyle.studio.fair_shares import Client
from kinestyle.studio.wrong_tokens import WrongTokens

_log = logging.getLogger("kinestyle.studio.access")

OPEN = ("/api/health", "/api/openapi.json", "/api/docs")
"""What needs no token beside the page itself: nothing of any clip is in it."""
LARGE = ("/api/clips", "/api/styles", "/api/stylize")
"""Where uploads go."""

DRAINED_BYTES, DRAINED_SECONDS = 2**22, 0.5
"""What is read of a body that is refused, before the connection is closed."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self' "
    "'unsafe-inline'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
}
"""With every answer."""


class Refused(HTTPException):
    """A KinestyleError in the form that the framework lets pass. It would report any other
    exception as a fault of its own.
    """

    def __init__(self, error: KinestyleError):
        super().__init__(status_of(error), str(error))
        self.kind = kind_of(type(error))


class RequestGuard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, config: StudioConfig):
        self.app, self.config = app, config
        self.bytes_under_way = 0
        self.wrong_tokens = WrongTokens()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        guarded = _GuardedRequest(self, scope, receive, send)
        try:
            self._check(scope)
            guarded.check_length()
        except KinestyleError as error:
            await guarded.refuse(error)
        else:
            await self.app(scope, guarded.receive, guarded.send)
        finally:
            self.bytes_under_way -= guarded.counted_bytes
        guarded.finish()

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        path, host = scope["path"], headers.get("host", "")
        if self.config.is_loopback and _host_name(host) not in LOOPBACK:
            # A site may have its own name point to this machine, and so read what is meant for its
            # user alone.
            raise OriginError(
                "the Host header names another machine; open the studio as 127.0.0.1 or localhost"
            )
        origin = headers.get("origin")
        if (
            origin is not None
            and scope["method"] not in ("GET", "HEAD")
            and _host_of(origin) != host
        ):
            raise OriginError(
                "the request comes from another site's page; only the studio's own page may send it"
            )
        if self.config.token is not None and path.startswith("/api/") and path not in OPEN:
            address = (scope.get("client") or ("", 0))[0]
            shown = headers.get("authorization", "").encode()
            if shown:
                self.wrong_tokens.check(address)
            if not hmac.compare_digest(shown, f"Bearer {self.config.token}".encode()):
                if shown:  # a page that has none yet guesses nothing
                    self.wrong_tokens.wrong(address)
                raise TokenError(
                    "the token is missing or wrong; send it as `Authorization: Bearer TOKEN`"
                )
            self.wrong_tokens.right(address)


class _GuardedRequest:
    """One request: its bytes are counted, and the time until its answer."""

    def __init__(self, guard: RequestGuard, scope: Scope, receive: Receive, send: Send):
        self.guard, self.config, self.scope, self._receive, self._send = (
            guard,
            guard.config,
            scope,
            receive,
            send,
        )
        self.started = time.monotonic()
        self.received_bytes = self.counted_bytes = 0
        self.is_large = is_large = scope["method"] == "POST" and scope["path"].rstrip("/") in LARGE
        self.limit_bytes = (
            guard.config.max_upload_bytes if is_large else guard.config.max_request_bytes
        )
        self.is_read, self.status = False, 0
        self.is_announced = "content-length" in Headers(scope=scope)
        if not self.is_announced:
            self.limit_bytes = min(self.limit_bytes, guard.config.max_unannounced_bytes)

    def check_length(self) -> None:
        """Refuse by what the header says; `receive` counts what it does not say."""
        said = Headers(scope=self.scope).get("content-length", "0")
        if not re.fullmatch("[0-9]{1,18}", said):
            raise self._too_large("a length that is none")
        if int(said) > self.limit_bytes:
            raise self._too_large(_megabytes(int(said)))

    def _too_large(self, found: str) -> LimitError:
        option = "start the studio with a larger --max-upload-mb, or send less"
        remedy = option if self.is_large else "send less"
        if self.limit_bytes == self.config.max_unannounced_bytes and not self.is_announced:
            found, remedy = f"{found} without a Content-Length", "state it, or send less"
        limit = _megabytes(self.limit_bytes)
        return LimitError(f"the request has {found}, the limit here is {limit}; {remedy}")

    async def receive(self) -> Message:
        if self.is_read:
            return await self._receive()
        left = self.started + self.config.upload_seconds - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(left, self.config.stall_seconds))):
                message = await self._receive()
        except TimeoutError:
            raise Refused(
                SlowClientError("the request arrives too slowly; send it again over a faster line")
            ) from None
        self.received_bytes += len(message.get("body", b""))
        self.is_read = not message.get("more_body", False)
        if self.received_bytes > self.limit_bytes:
            raise Refused(self._too_large(f"more than {_megabytes(self.limit_bytes)}"))
        self.guard.bytes_under_way += self.received_bytes - self.counted_bytes
        self.counted_bytes = self.received_bytes
        if self.guard.bytes_under_way > self.config.max_bytes_under_way:
            raise Refused(BusyError("too much is being sent at the moment; try again in a moment"))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = {name.lower() for name, _ in message["headers"]}
            extra = [
                (name.encode(), value.encode())
                for name, value in HEADERS.items()
                if name.encode() not in given
            ]
            if b"cache-control" not in given:
                extra.append(
                    (
                        b"cache-control",
                        b"no-store" if self.scope["path"].startswith("/api/") else b"no-cache",
                    )
                )
            extra += self._timing()
            if not self.is_read and self.scope["method"] not in ("GET", "HEAD", "DELETE"):
                extra.append((b"connection", b"close"))
            message = {**message, "headers": [*message["headers"], *extra]}
            await self._drain()
        await self._send(message)

    def _timing(self) -> list[tuple[bytes, bytes]]:
        """How long the request waited for workers, and they for it."""
        client: Client | None = self.scope.get("state", {}).get("client")
        if client is None or not client.accounts:
            return []
        waited, worked = 1000.0 * client.waited_seconds, 1000.0 * client.worked_seconds
        return [(b"server-timing", f"queue;dur={waited:.1f}, work;dur={worked:.1f}".encode())]

    async def _drain(self) -> None:
        """Take in what is still to come of a body that nobody wants: some clients hear no answer
        while they are sending.
        """
        if self.is_read or b"expect" in {name.lower() for name, _ in self.scope["headers"]}:
            return
        allowed_bytes = self.received_bytes + DRAINED_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_SECONDS):
                while not self.is_read and self.received_bytes < allowed_bytes:
                    message = await self._receive()
                    self.received_bytes += len(message.get("body", b""))
                    self.is_read = not message.get("more_body", False)

    async def refuse(self, error: KinestyleError) -> None:
        status = status_of(error)
        body = error_body(status, str(error), kind_of(type(error)))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        if isinstance(error, GuessError):
            headers.append((b"retry-after", str(error.wait_seconds).encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def finish(self) -> None:
        """Write the line of the access log: never a name of a file, an id or a token."""
        route: Any = self.scope.get("route")
        path = getattr(route, "path", None) or (
            "/api/…" if self.scope["path"].startswith("/api/") else "/…"
        )
        took = 1000.0 * (time.monotonic() - self.started)
        _log.info(
            "%s %s %d %.0f ms %d bytes in",
            self.scope["method"],
            path,
            self.status,
            took,
            self.received_bytes,
        )


def _megabytes(size: int) -> str:
    """Bytes, as a person reads them."""
    if size < 2**20:
        return f"{size / 2**10:.0f} KB"
    return f"{size / 2**20:.{0 if size >= 10 * 2**20 else 1}f} MB"


def _host_of(origin: str) -> str | None:
    """Host and port of an Origin header; None for one that is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _host_name(host: str) -> str:
    """ "localhost:7860" -> "localhost", "[::1]:7860" -> "::1"."""
    if host.startswith("["):
        return host[1:].split("]")[0]
    return host.split(":")[0].lower()
