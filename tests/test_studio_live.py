"""A performer who sends over UDP, in the studio's HTTP interface."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the studio needs the studio extra")
import httpx2

from kinestyle.errors import DataError
from kinestyle.live.bridge import LOOPBACK
from kinestyle.motion.clip import Clip
from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.live_source import MOST_LOOKERS
from kinestyle.studio.serving import Server
from live_performer import Performer, free_port
from studio_client import studio_client, unpack
from studio_server import running

PATIENCE_SECONDS = 90.0
TOKEN = "sesame"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


PORT = free_port()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    config = StudioConfig(port=0, workers=1, live=f"vmc://:{PORT}", token=TOKEN)
    with running(config) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx2.Client]:
    address = server.address.split("#")[0]
    with httpx2.Client(base_url=address, headers=SHOWN, trust_env=False, timeout=60.0) as client:
        yield client


@pytest.fixture(scope="module")
def performer(walk_clip: Clip) -> Iterator[Performer]:
    with Performer(walk_clip, PORT) as performer:
        yield performer


def until(client: httpx2.Client, stage: str) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE_SECONDS
    while (state := client.get("/api/live").json())["stage"] != stage:
        assert time.monotonic() < end, f"the source stays {state}"
        time.sleep(0.1)
    return dict(state)


class Looker:
    """Reads what `GET /api/live/frames` sends."""

    def __init__(self, answer: Any) -> None:
        self._chunks, self._bytes = answer.iter_raw(), b""
        (size,) = struct.unpack("<I", self.take(4))
        self.head, _, _, _ = unpack(self.take(size))
        self.nodes = self.head["joint_count"] + self.head["tips"]

    def take(self, count: int) -> bytes:
        while len(self._bytes) < count:
            self._bytes += next(self._chunks)
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken

    def frame(self) -> np.ndarray:
        """(2, N, 3) metres: the original, the result."""
        data = np.frombuffer(self.take(2 * self.nodes * 12), "<f4")
        return data.reshape(2, self.nodes, 3)

    def until(self, holds: Any) -> np.ndarray:
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds(frame := self.frame()):
            assert time.monotonic() < end, "it never comes"
        return frame

    def apart_m(self, frame: np.ndarray) -> float:
        """The joint that differs most, hips at one place."""
        hips = self.head["roles"]["hips"]
        off = (frame[0] - frame[0, hips]) - (frame[1] - frame[1, hips])
        return float(np.linalg.norm(off[1 : self.head["joint_count"]], axis=-1).max())


def test_a_studio_that_hears_nobody_says_so() -> None:
    with studio_client() as client:
        assert client.get("/api/live").json()["source"] is None
        for answer in (
            client.put("/api/live", json={"style": "old"}),
            client.get("/api/live/frames"),
        ):
            assert answer.status_code == 404
            assert "start it with --live vmc://:39539" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("live", "found"), [("clip.bvh", "expected one as vmc://"), ("taken", "cannot listen at")]
)
def test_what_cannot_be_heard_is_said_at_once(live: str, found: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOOPBACK, 0))
        if live == "taken":
            live = f"vmc://:{taken.getsockname()[1]}"
        with pytest.raises(DataError, match=found):
            make_app(StudioConfig(live=live))


def test_nothing_of_a_performer_is_shown_without_the_token(server: Server) -> None:
    address = server.address.split("#")[0]
    for method, path in (("GET", ""), ("PUT", ""), ("GET", "/frames")):
        answer = httpx2.request(method, f"{address}api/live{path}", trust_env=False)
        assert answer.status_code == 401


def test_it_waits_on_this_machine_alone(client: httpx2.Client) -> None:
    state = client.get("/api/live").json()
    assert state["source"] == f"vmc://{LOOPBACK}:{PORT}"
    assert state["stage"] == "waiting"
    assert {"strength", "parts", "feet"} <= set(state["settings"])
    assert not {"loop", "timing", "start", "t_pose"} & set(state["settings"])


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ({"style": "no such"}, "no such"),
        ({"style": "old", "loop": 4}, "loop is for clips"),
        ({"style": "old", "strength": "0:0,1:1"}, "strength changes over a clip's time"),
        ({"like": "abc"}, "kinestyle live --like"),
    ],
    ids=str,
)
def test_what_a_stream_cannot_be_is_refused(
    client: httpx2.Client, request_: dict[str, Any], found: str
) -> None:
    before = client.get("/api/live").json()["request"]
    answer = client.put("/api/live", json=request_)
    assert answer.status_code == 422
    assert found in answer.json()["error"]["message"]
    assert client.get("/api/live").json()["request"] == before


def test_a_performer_is_shown_restyled_and_otherwise_while_they_move(
    client: httpx2.Client, performer: Performer
) -> None:
    state = client.put("/api/live", json={"style": "old", "strength": 1.2}).json()
    assert state["command"].startswith(f"kinestyle live --in vmc://{LOOPBACK}:{PORT} --out vmc://")
    assert state["command"].endswith("--style old --strength 1.2")
    state = until(client, "running")
    assert state["error"] is None
    assert 0.0 < state["lookahead_seconds"] <= 0.27
    with client.stream("GET", "/api/live/frames") as answer:
        looker = Looker(answer)
        assert {"hips", "head", "left_hand"} <= set(looker.head["roles"])
        shown = looker.until(lambda frame: looker.apart_m(frame) > 0.05)
        assert -0.1 < shown[..., 1].min() < 0.3
        assert 1.3 < shown[..., 1].max() < 2.2
        client.put("/api/live", json={"style": "old", "strength": 0.0})
        looker.until(lambda frame: looker.apart_m(frame) < 1e-4)
        client.put("/api/live", json={"style": "proud", "parts": "upper"})
        foot = looker.head["roles"]["left_foot"]
        frame = looker.until(lambda frame: looker.apart_m(frame) > 0.05)
        hips = looker.head["roles"]["hips"]
        np.testing.assert_allclose(
            frame[0, foot] - frame[0, hips], frame[1, foot] - frame[1, hips], atol=1e-4
        )
        refused = client.put("/api/live", json={"style": "old", "parts": "upper,nonsense"})
        assert refused.status_code == 422
        assert client.get("/api/live").json()["request"]["style"] == ["proud"]


def test_a_style_of_ones_own_is_heard_too(
    client: httpx2.Client, performer: Performer, style_file: Path
) -> None:
    sent = client.post("/api/styles?name=goblin.style", content=style_file.read_bytes()).json()
    until(client, "running")
    answer = client.put("/api/live", json={"style": [f"{sent['style']}@upper"], "strength": 1.0})
    assert answer.status_code == 200, answer.text
    assert "--style goblin.style@upper" in answer.json()["command"]
    with client.stream("GET", "/api/live/frames") as answer:
        looker = Looker(answer)
        looker.until(lambda frame: looker.apart_m(frame) > 0.1)
    gone = client.put("/api/live", json={"style": ["a-style-that-nobody-sent.style"]})
    assert gone.status_code in (404, 422)


def test_bad_packets_are_counted_and_dropped(client: httpx2.Client, performer: Performer) -> None:
    before = until(client, "running")["counts"]
    performer.send(b"no packet")
    end = time.monotonic() + PATIENCE_SECONDS
    while (counts := client.get("/api/live").json()["counts"])["bad"] == before["bad"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert counts["frames"] >= before["frames"]
    assert counts["refused"] == before["refused"] == 0


def test_too_many_who_look_are_refused(client: httpx2.Client, performer: Performer) -> None:
    until(client, "running")
    with ExitStack() as stack:
        lookers = [
            Looker(stack.enter_context(client.stream("GET", "/api/live/frames")))
            for _ in range(MOST_LOOKERS)
        ]
        assert len({looker.nodes for looker in lookers}) == 1
        answer = client.get("/api/live/frames")
        assert answer.status_code == 429
    # those that went make room
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        with client.stream("GET", "/api/live/frames") as again:
            if again.status_code == 200:
                Looker(again).frame()
                return
        assert time.monotonic() < end
        time.sleep(0.2)
