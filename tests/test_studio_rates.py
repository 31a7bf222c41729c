"""Frame rates that are stated over HTTP, for files that state none or a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from studio_client import made_by


@pytest.fixture(scope="module")
def wrong(walk_file: Path) -> bytes:
    """The example with its frame time in milliseconds."""
    text = walk_file.read_bytes()
    assert b"Frame Time: 0.0333" in text
    return text.replace(b"Frame Time: 0.0333", b"Frame Time: 33.3")


def test_an_upload_states_its_rate(
    client: TestClient, wrong: bytes, walk_file: Path, tmp_path: Path
) -> None:
    refused = client.post("/api/clips?name=ms.bvh", content=wrong)
    assert refused.status_code == 422
    assert "state the true rate as fps" in refused.text
    clip = client.post("/api/clips?name=ms.bvh&fps=30", content=wrong).json()
    assert clip["frame_time_seconds"] == pytest.approx(1 / 30)
    parts = {"file": ("ms.bvh", wrong)}
    other = client.post("/api/clips?fps=60", files=parts).json()
    assert other["frame_time_seconds"] == pytest.approx(1 / 60), "the rate is part of what it is"

    result = client.post(f"/api/clips/{clip['id']}/stylize", json={"style": "old"}).json()
    assert result["command"] == "kinestyle stylize ms.bvh --style old --fps 30 -o ms_old.bvh"
    file = client.get(f"/api/clips/{result['id']}/file").content
    assert file == made_by(result["command"], tmp_path, {"ms.bvh": wrong})

    plain = client.post("/api/clips?name=walk.bvh", content=walk_file.read_bytes()).json()
    wanted = {"like": [clip["id"]]}
    like = client.post(f"/api/clips/{plain['id']}/stylize", json=wanted).json()
    assert " --like ms.bvh --like-fps 30 " in like["command"]
    mixed = {"like": [clip["id"], other["id"]]}
    two = client.post(f"/api/clips/{plain['id']}/stylize", json=mixed).json()
    assert two["command"] is None, "a command line states one rate for all references"
    again = client.post(f"/api/clips/{result['id']}/stylize", json={"style": "proud"}).json()
    assert again["command"].count("--fps") == 1, "what was written states the right rate"


def test_a_form_states_rates(client: TestClient, wrong: bytes, walk_file: Path) -> None:
    parts = [("file", ("ms.bvh", wrong)), ("like", ("ms.bvh", wrong))]
    for fields in ({}, {"fps": "30"}, {"like_fps": "30"}):
        assert client.post("/api/stylize", files=parts, data=fields).status_code == 422
    done = client.post("/api/stylize", files=parts, data={"fps": "30", "like_fps": "30"})
    assert done.status_code == 200, done.text
    assert b"Frame Time: 0.0333" in done.content


@pytest.mark.parametrize("fps", ["0", "-1", "nan", "inf", "much", "1e9"])
def test_rates_that_are_none_are_refused(client: TestClient, wrong: bytes, fps: str) -> None:
    answer = client.post(f"/api/clips?name=ms.bvh&fps={fps}", content=wrong)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith("fps: ")
