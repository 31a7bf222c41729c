"""The studio's server on a real socket, in a thread of the test's process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kinestyle.studio.config import StudioConfig
from kinestyle.studio.serving import Server


@contextmanager
def running(config: StudioConfig) -> Iterator[Server]:
    server = Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    end = time.monotonic() + 30.0
    while not server.started:
        assert time.monotonic() < end, "the server does not start"
        time.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(20.0)
    assert not thread.is_alive(), "the server does not stop"
