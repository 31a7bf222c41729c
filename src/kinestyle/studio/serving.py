"""Running the server until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import uvicorn

from kinestyle.errors import DataError
from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.connections import Connection
from kinestyle.studio.own_addresses import as_host, reachable_hosts

KEEP_ALIVE_SECONDS, GRACE_SECONDS = 15, 3
"""How long a connection without a request is kept, and how long requests under way may take once
the server is to stop.
"""


class Server(uvicorn.Server):
    """One server. `run` serves until it is interrupted, or until `should_exit` is set.

    Raises BundleError, and DataError where the address cannot be listened at.
    """

    def __init__(
        self, studio: StudioConfig, on_start: Callable[[list[str]], None] = lambda addresses: None
    ):
        self.studio, self.on_start = studio, on_start
        self.app = make_app(studio)
        self.listening = _listen(studio)
        self.port = self.listening.getsockname()[1]
        super().__init__(
            uvicorn.Config(
                self.app,
                http=partial(Connection, studio, self.app.state.studio.pool.shares.leave),  # type: ignore[arg-type]
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    @property
    def addresses(self) -> list[str]:
        """Of the page, with the token that it needs, to type into a browser: the first is for this
        machine.
        """
        token = "" if self.studio.token is None else f"#token={quote(self.studio.token, safe='')}"
        hosts = reachable_hosts(self.studio.host)
        return [f"http://{as_host(host)}:{self.port}/{token}" for host in hosts]

    @property
    def address(self) -> str:
        """The first of them."""
        return self.addresses[0]

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        super().run(sockets=sockets or [self.listening])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_start(self.addresses)


def _listen(studio: StudioConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in studio.host else socket.AF_INET
    # The protocol is named because without it asyncio leaves small answers waiting for
    # acknowledgements, 40 ms each
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        # "::" is all addresses, those of IPv4 too, on every system
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listening.bind((studio.host, studio.port))
    except (OSError, OverflowError) as error:
        listening.close()
        found = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"cannot listen at {studio.host}, port {studio.port}: {found}; name another --host or "
            f"--port"
        ) from None
    return listening
