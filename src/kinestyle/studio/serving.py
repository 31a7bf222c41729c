"""Running the server until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from kinestyle.errors import DataError
from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig


def serve(config: StudioConfig, on_start: Callable[[str], None]) -> None:
    """Serve until interrupted. `on_start` gets the page's address once it can be opened.

    Raises BundleError, and DataError where the address cannot be listened at.
    """
    app = make_app(config)
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # The protocol is named because without it asyncio leaves small answers waiting for acknowledgements, 40 ms each
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host, config.port))
    except OSError as error:
        found = error.strerror or str(error)
        raise DataError(f"cannot listen at {config.host}, port {config.port}: {found}; name another with --port") from None
    port = listening.getsockname()[1]
    host = f"[{config.host}]" if ":" in config.host else config.host
    token = "" if config.token is None else f"#token={config.token}"
    settings = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=3,
    )
    server = _Server(settings, lambda: on_start(f"http://{host}:{port}/{token}"))
    server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Says when it has started."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]):
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()
