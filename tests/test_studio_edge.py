"""The studio as a server on a real socket: clients that send too much, too slowly, too little or no
HTTP at all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

pytest.importorskip("fastapi")
import httpx2

from kinestyle.errors import DataError
from kinestyle.studio import restyling
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.middleware import RequestGuard
from kinestyle.studio.serving import Server
from studio_server import running

LIMIT_BYTES = 2**19
CONFIG = StudioConfig(
    port=0,
    workers=1,
    max_upload_bytes=LIMIT_BYTES,
    max_unannounced_bytes=LIMIT_BYTES // 2,
    upload_seconds=3.0,
    stall_seconds=0.6,
    max_connections=20,
    heavy_bytes=2**20,
)
WALK = restyling.example("walk")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(CONFIG) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.address, timeout=30.0, trust_env=False) as client:
        yield client


def connect(server: Server) -> socket.socket:
    return socket.create_connection(server.listening.getsockname(), timeout=10.0)


def answer(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Status and JSON of what comes until the server closes the connection; status 0 where nothing
    comes.
    """
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    if not received:
        return 0, {}
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


def test_a_clip_on_its_way(client: httpx2.Client):
    clip = client.post("/api/clips?name=walk.bvh", content=WALK).json()
    result = client.post(f"/api/clips/{clip['id']}/stylize", json={"style": "old"})
    assert result.status_code == 200, result.text
    assert client.get(f"/api/clips/{result.json()['id']}/motion").status_code == 200


@pytest.mark.parametrize("said", ["Content-Length: 999999999999", "Content-Length: 524289"])
def test_a_body_that_says_it_is_too_large(server: Server, said: str):
    with closing(connect(server)) as connection:
        connection.sendall(head("/api/clips?name=a.bvh", said, "Expect: 100-continue"))
        status, said_back = answer(connection)
    assert (
        status,
        f"the limit here is {LIMIT_BYTES / 2**10:.3g} KB" in said_back["error"]["message"],
    ) == (
        413,
        True,
    )


@pytest.mark.parametrize(
    "path",
    ["/api/clips?name=a.bvh", "/api/stylize", "/api/clips/x/stylize", "/api/nosuch", "/api/clips"],
)
def test_a_body_that_does_not_say_how_large_it_is(client: httpx2.Client, path: str):
    def much() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 2**15

    kind = "multipart/form-data; boundary=x" if "name" not in path else "application/octet-stream"
    refused = client.post(
        path,
        content=much(),
        headers={"content-type": "application/json" if "/x/" in path else kind},
    )
    assert refused.status_code in (400, 404, 413), refused.text
    assert client.get("/api/health").status_code == 200


def test_what_says_nothing_of_its_size_may_send_less(client: httpx2.Client):
    large = WALK + b" " * (3 * LIMIT_BYTES // 4 - len(WALK))
    refused = client.post("/api/clips?name=a.bvh", content=iter([large]))
    assert refused.status_code == 413, refused.text
    assert "without a Content-Length, the limit here is 256 KB; state it, or" in refused.text
    assert client.post("/api/clips?name=a.bvh", content=iter([WALK])).status_code == 201
    assert client.post("/api/clips?name=b.bvh", content=large).status_code == 201


def test_too_much_at_once(server: Server, client: httpx2.Client, monkeypatch: pytest.MonkeyPatch):
    guard = next(layer for layer in layers(server) if isinstance(layer, RequestGuard))
    monkeypatch.setattr(guard, "config", dataclasses.replace(CONFIG, max_bytes_under_way=2**18))
    with closing(connect(server)) as connection:
        connection.sendall(
            head("/api/clips?name=a.bvh", f"Content-Length: {LIMIT_BYTES}") + b"x" * 2**17
        )
        end = time.monotonic() + 10.0
        while guard.bytes_under_way < 2**17:
            assert time.monotonic() < end
            time.sleep(0.01)
        refused = client.post("/api/clips?name=b.bvh", content=b"x" * 2**18)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    while guard.bytes_under_way:
        assert time.monotonic() < end + 10.0, "bytes that nobody sends any more are counted"
        time.sleep(0.01)
    assert client.post("/api/clips?name=b.bvh", content=b"x" * 1000).status_code == 422


def layers(server: Server) -> Iterator[Any]:
    """The application's layers, outermost first."""
    layer = server.app.middleware_stack
    while layer is not None:
        yield layer
        layer = getattr(layer, "app", None)


def test_a_form_with_a_large_part(client: httpx2.Client):
    too_long = client.post(
        "/api/stylize",
        data={"style": "x" * (CONFIG.max_request_bytes + 1)},
        files={"file": ("a.bvh", WALK)},
    )
    assert (too_long.status_code, "the form cannot be read" in too_long.text) == (400, True)
    files = [("file", (f"{i}.bvh", b"x")) for i in range(CONFIG.max_files + 1)]
    too_many = client.post("/api/clips", files=files)
    assert (too_many.status_code, "Maximum number of files is 4" in too_many.text) == (400, True)


def test_a_body_that_stops(server: Server):
    started = time.monotonic()
    with closing(connect(server)) as connection:
        connection.sendall(head("/api/clips?name=a.bvh", "Content-Length: 1000") + b"HIERARCHY")
        status, said = answer(connection)
    assert (status, "arrives too slowly" in said["error"]["message"]) == (408, True)
    assert time.monotonic() - started < 6.0


def test_a_body_that_drips(server: Server):
    with closing(connect(server)) as connection:
        connection.sendall(head("/api/clips?name=a.bvh", "Content-Length: 1000"))
        connection.settimeout(0.2)
        started = time.monotonic()
        status = 0
        while time.monotonic() - started < 12.0 and not status:
            try:
                connection.sendall(b"x")
                status = int(connection.recv(65536).split()[1])
            except TimeoutError:
                pass
    assert status == 408


def test_headers_that_never_end(server: Server):
    for sent in (b"", b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "):
        with closing(connect(server)) as connection:
            connection.sendall(sent)
            started = time.monotonic()
            assert answer(connection) == (0, {})
            assert time.monotonic() - started < 8.0


def test_headers_that_never_end_after_a_request(server: Server):
    with closing(connect(server)) as connection:
        connection.sendall(head("/api/health", method="GET"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /api/health HT")
        started = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(65536):
                assert b"HTTP" not in more
        assert time.monotonic() - started < 8.0


def test_an_answer_that_nobody_takes(server: Server, client: httpx2.Client):
    clip = client.post("/api/clips?name=walk.bvh", content=WALK).json()["id"]
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        before = set(server.server_state.connections)
        connection.connect(server.listening.getsockname())
        connection.sendall(head(f"/api/clips/{clip}/motion", method="GET") * 60)
        end = time.monotonic() + 8.0
        while not (new := set(server.server_state.connections) - before):
            assert time.monotonic() < end
            time.sleep(0.01)
        while new & set(server.server_state.connections):
            assert time.monotonic() < end, "the connection is kept"
            time.sleep(0.05)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 99 + b"\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
        head("/api/clips?name=a.bvh", "Content-Length: 1", "Content-Length: 2"),
        head("/api/clips?name=a.bvh", "Content-Length: -1"),
        head("/api/clips?name=a.bvh", "Content-Length: x"),
        head("/api/clips?name=a.bvh", "Transfer-Encoding: chunked") + b"zz\r\n",
        head("/api/health", "X: " + "x" * 3_000_000, method="GET"),
        b"GET /api/health HTTP/9.9\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_no_http(server: Server, sent: bytes):
    with closing(connect(server)) as connection:
        # it is refused by its beginning: the rest may find nobody who takes it
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        status, said = answer(connection)
    assert 400 <= status < 500
    assert said["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/app.py",
        "/..%5c..%5capp.py",
        "//etc/passwd",
        "/%00",
        "/\xff",
        "/api/previews/%00",
        "/api/clips/%ff/file",
    ],
)
def test_paths_that_lead_elsewhere(server: Server, path: str):
    with closing(connect(server)) as connection:
        connection.sendall(
            head(path, "Connection: close", method="GET").replace(b"\xc3\xbf", b"%C3%BF")
        )
        status, said = answer(connection)
    assert status in (400, 404, 422)
    assert said["error"]["message"]


def test_the_client_that_comes_after_too_many(server: Server, client: httpx2.Client):
    crowd = [connect(server) for _ in range(CONFIG.max_connections + 5)]
    try:
        ended = 0
        for connection in crowd:
            connection.settimeout(0.05)
            try:
                ended += connection.recv(1) == b""
            except ConnectionResetError:
                ended += 1
            except TimeoutError:
                pass
        assert ended >= 5
    finally:
        for connection in crowd:
            connection.close()
    end = time.monotonic() + 10.0
    while len(server.server_state.connections) >= CONFIG.max_connections:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert client.get("/api/health").status_code == 200


def test_a_client_that_goes_away_ends_its_job(server: Server, client: httpx2.Client):
    clip = client.post("/api/clips?name=walk.bvh", content=WALK).json()["id"]
    pool = server.app.state.studio.pool
    worker = pool.workers[0]
    os.kill(worker.process.pid, signal.SIGSTOP)
    body = json.dumps({"style": "old", "seed": 77, "job": "leaving"}).encode()
    with closing(connect(server)) as connection:
        sent = head(
            f"/api/clips/{clip}/stylize",
            f"Content-Length: {len(body)}",
            "Content-Type: application/json",
        )
        connection.sendall(sent + body)
        end = time.monotonic() + 10.0
        while "leaving" not in pool.jobs:
            assert time.monotonic() < end
            time.sleep(0.01)
    while "leaving" in pool.jobs:
        assert time.monotonic() < end, "the job goes on without its client"
        time.sleep(0.01)
    assert (
        client.post(f"/api/clips/{clip}/stylize", json={"style": "old", "seed": 78}).status_code
        == 200
    )


def test_a_port_that_is_taken(server: Server):
    port = server.listening.getsockname()[1]
    for config in (
        StudioConfig(port=port),
        StudioConfig(host="192.0.2.1"),
        StudioConfig(host="no such host"),
    ):
        with pytest.raises(DataError, match="cannot listen at"):
            Server(config)


def test_the_command(tmp_path: Any):
    arguments = [
        "studio",
        "--no-open",
        "--port",
        "0",
        "--workers",
        "1",
        "--token",
        "sesame",
        "--max-upload-mb",
        "1",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "kinestyle", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address, _, fragment = process.stdout.readline().strip().partition("#")
        assert fragment == "token=sesame"
        assert httpx2.get(f"{address}api/limits", trust_env=False).status_code == 401
        limits = httpx2.get(
            f"{address}api/limits", headers={"authorization": "Bearer sesame"}, trust_env=False
        ).json()
        assert (limits["workers"], limits["max_upload_bytes"]) == (1, 2**20)
    finally:
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=20.0)
    assert "GET /api/… 401" in log
    assert "GET /api/limits 200" in log
    assert "Traceback" not in log


def test_a_host_that_others_can_reach_gets_a_token(monkeypatch: pytest.MonkeyPatch):
    from click.testing import CliRunner

    from kinestyle.cli import main
    from kinestyle.studio import serving

    configs: list[StudioConfig] = []

    class NoServer:
        def __init__(self, config: StudioConfig, on_start: Any):
            configs.append(config)

        def run(self) -> None: ...

    monkeypatch.setattr(serving, "Server", NoServer)
    for arguments in (
        ["--host", "0.0.0.0"],
        ["--host", "127.0.0.1"],
        ["--host", "0.0.0.0", "--token", "mine"],
    ):
        assert CliRunner().invoke(main, ["studio", "--no-open", *arguments]).exit_code == 0
    made_up, none, mine = (config.token for config in configs)
    assert len(made_up or "") > 20
    assert (none, mine) == (None, "mine")


def test_a_terminal_hears_no_line_for_a_request():
    """A log that is kept does, see above."""
    import pty

    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kinestyle", "studio", "--no-open", "--port", "0", "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=end,
        text=True,
    )
    os.close(end)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert httpx2.get(f"{address}api/limits", trust_env=False).status_code == 200
        assert httpx2.get(f"{address}api/nosuch", trust_env=False).status_code == 404
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20.0)
    os.set_blocking(terminal, False)
    try:
        said = os.read(terminal, 10_000).decode()
    except OSError:  # nothing was said, and the other end is closed
        said = ""
    os.close(terminal)
    assert "GET" not in said
