"""The studio's HTTP interface: what it answers, what it refuses, and that nothing a client sends brings it down."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinestyle.motion.clip import Clip

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig

BASE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(make_app(StudioConfig(workers=1)), base_url=BASE) as client:
        yield client


@pytest.fixture(scope="module")
def walk(client: TestClient) -> dict[str, Any]:
    answer = client.post("/api/examples/walk")
    assert answer.status_code == 201, answer.text
    return answer.json()


def unpack(data: bytes) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray]:
    """The motion format -> head, positions (T, J, 3) and tips (T, E, 3) in metres, contacts (T, 4)."""
    (length,) = struct.unpack("<I", data[:4])
    head = json.loads(data[4 : 4 + length])
    frames, joints, tips = head["frame_count"], head["joint_count"], head["tips"]
    numbers = np.frombuffer(data, "<f4", 3 * frames * (joints + tips), 4 + length)
    contacts = np.frombuffer(data, np.uint8, 4 * frames, 4 + length + numbers.nbytes)
    assert len(data) == 4 + length + numbers.nbytes + contacts.nbytes
    position, tip = np.split(numbers, [3 * frames * joints])
    return head, position.reshape(frames, joints, 3), tip.reshape(frames, tips, 3), contacts.reshape(frames, 4)


def test_an_upload_is_inspected(client: TestClient, walk: dict[str, Any], walk_clip: Clip):
    assert (walk["name"], walk["format"], walk["frame_count"], walk["joint_count"]) == ("walk.bvh", ".bvh", 151, 53)
    assert walk["inspection"]["family"] == "Mixamo"
    assert walk["request"] is walk["of"] is walk["command"] is None
    head, position, _, contacts = unpack(client.get(f"/api/clips/{walk['id']}/motion").content)
    assert tuple(head["names"]) == walk_clip.skeleton.names
    assert np.abs(np.ptp(position, axis=0) - np.ptp(walk_clip.world_position, axis=0) / 100.0).max() < 1e-4
    assert set(np.unique(contacts)) == {0, 1}


def test_a_style_by_its_label(client: TestClient, walk: dict[str, Any]):
    answer = client.post(f"/api/clips/{walk['id']}/stylize", json={"style": "old", "strength": 0.5})
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert result["of"] == walk["id"]
    assert result["command"] == "kinestyle stylize walk.bvh --style old --strength 0.5 -o walk_old.bvh"


def test_the_file_of_a_result_is_that_of_the_command_line(
    client: TestClient, walk: dict[str, Any], walk_file: Path, tmp_path: Path
):
    from click.testing import CliRunner

    from kinestyle.cli import main

    result = client.post(f"/api/clips/{walk['id']}/stylize", json={"style": "proud", "seed": 3, "root": "keep"}).json()
    answer = client.get(f"/api/clips/{result['id']}/file")
    words = result["command"].split()[1:]
    words[1], words[-1] = str(walk_file), str(tmp_path / words[-1])
    assert CliRunner().invoke(main, words).exit_code == 0
    assert answer.content == Path(words[-1]).read_bytes()
    assert Path(words[-1]).name in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("a.bvh", b"HIERARCHY nonsense", 422, "a.bvh, line 1, column 11: found 'nonsense'"),
        ("a.txt", b"x", 415, "a.txt is of no known motion format"),
        ("a.amc", b"x", 400, "without its skeleton"),
        ("a.bvh", b"", 422, "empty"),
    ],
)
def test_a_bad_file_is_answered_with_a_sentence(client: TestClient, name: str, body: bytes, status: int, said: str):
    answer = client.post("/api/clips", params={"name": name}, content=body)
    assert answer.status_code == status
    assert answer.json()["error"]["status"] == status
    assert said in answer.json()["error"]["message"]
