"""What the tests of the studio's HTTP interface share: a client, and what answers hold."""

from __future__ import annotations

import contextlib
import json
import shlex
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner
from fastapi.testclient import TestClient

from kinestyle.cli import main
from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.pool import Pool

BASE = "http://127.0.0.1"


@contextlib.contextmanager
def studio_client() -> Iterator[TestClient]:
    """A client of a studio with one worker."""
    with TestClient(make_app(StudioConfig(workers=1)), base_url=BASE) as client:
        yield client


def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for what a server does meanwhile."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.002)


def open_walk(client: TestClient) -> dict[str, Any]:
    """The example walk, kept."""
    answer = client.post("/api/examples/walk")
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def made_by(command: str, folder: Path, files: Mapping[str, bytes]) -> bytes:
    """What a command line makes of files, by their names."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    words = shlex.split(command)
    with contextlib.chdir(folder):
        answer = CliRunner().invoke(main, words[1:])
        assert answer.exit_code == 0, answer.output
        return Path(words[-1]).read_bytes()


def unpack(data: bytes) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray]:
    """The motion format -> head, positions (T, J, 3), tips (T, E, 3) in metres, contacts (T, 4)."""
    (length,) = struct.unpack("<I", data[:4])
    head = json.loads(data[4 : 4 + length])
    frames, joints, tips = head["frame_count"], head["joint_count"], head["tips"]
    numbers = np.frombuffer(data, "<f4", 3 * frames * (joints + tips), 4 + length)
    contacts = np.frombuffer(data, np.uint8, 4 * frames, 4 + length + numbers.nbytes)
    assert len(data) == 4 + length + numbers.nbytes + contacts.nbytes
    position, tip = np.split(numbers, [3 * frames * joints])
    return (
        head,
        position.reshape(frames, joints, 3),
        tip.reshape(frames, tips, 3),
        contacts.reshape(frames, 4),
    )


REFINING_QUICKLY = """
from kinestyle.learn import refining
from kinestyle.studio.worker import main
quick = refining.RefiningConfig(steps=12, batch=3, crop_frames=32, known_styles=1)
refining.RefiningConfig = lambda: quick
refining.BETTER = 1e9
main()
"""
"""A worker that refines a style in a few steps, and takes whatever comes of it."""


def refine_quickly(pool: Pool) -> None:
    """Have the worker that refines do so in a few steps. It is no process yet; the others are."""
    until(lambda: all(worker.is_ready for worker in pool.workers[:-1]), 60.0)
    pool.command = [sys.executable, "-c", REFINING_QUICKLY]
