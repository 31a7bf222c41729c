"""Style files that are sent to the studio: known to who has their id, used wherever a style is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from kinestyle import Stylizer, read_motion
from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with TestClient(make_app(StudioConfig(workers=1)), base_url="http://127.0.0.1") as client:
        yield client


def sent(client: Any, content: bytes, name: str = "goblin.style") -> Any:
    return client.post(f"/api/styles?name={name}", content=content)


@pytest.fixture
def walk_id(client: Any) -> str:
    return str(client.post("/api/examples/walk").json()["id"])


def test_a_style_that_is_sent_is_used_like_any_other(
    client: Any, style_file: Path, walk_id: str, tmp_path: Path, released: Stylizer
) -> None:
    answer = sent(client, style_file.read_bytes())
    assert answer.status_code == 201, answer.text
    style = answer.json()
    assert (style["file"], style["name"], style["label"]) == (
        "goblin.style",
        "own/goblin",
        "goblin",
    )
    known = [row["name"] for row in client.get("/api/styles").json()["styles"]]
    assert "own/goblin" not in known
    made = client.post(f"/api/clips/{walk_id}/stylize", json={"style": style["style"]})
    assert made.status_code == 200, made.text
    assert made.json()["name"] == "walk_goblin.bvh"
    assert "--style goblin.style " in made.json()["command"]
    file = client.get(f"/api/clips/{made.json()['id']}/file").content
    source = client.get(f"/api/clips/{walk_id}/file").content
    (tmp_path / "walk.bvh").write_bytes(source)
    (tmp_path / "made.bvh").write_bytes(file)
    wanted = released.stylize(read_motion(tmp_path / "walk.bvh"), str(style_file))
    np.testing.assert_allclose(
        read_motion(tmp_path / "made.bvh").world_position, wanted.world_position, atol=1e-3
    )
    assert client.get(f"/api/previews/{style['style']}").status_code == 200
    mixed = {"style": ["old", f"{style['style']}@arms"]}
    parts = client.post(f"/api/clips/{walk_id}/stylize", json=mixed)
    assert parts.status_code == 200, parts.text
    assert "--style goblin.style@arms" in parts.json()["command"]


def test_the_same_file_again_is_no_work_and_another_id(client: Any, style_file: Path) -> None:
    first, second = (sent(client, style_file.read_bytes()).json() for _ in range(2))
    assert first["id"] != second["id"]


def test_a_style_goes_along_with_a_clip_in_one_request(client: Any, style_file: Path) -> None:
    source = Path(__file__).parent.parent / "src" / "kinestyle" / "examples" / "walk.bvh"
    files = [
        ("file", ("walk.bvh", source.read_bytes())),
        ("style", ("goblin.style", style_file.read_bytes())),
    ]
    done = client.post("/api/stylize", files=files)
    assert done.status_code == 200, done.text
    assert "walk_goblin.bvh" in done.headers["content-disposition"]
    other = client.post("/api/stylize", files=files[:1], data={"style": "old"})
    assert other.content != done.content


@pytest.mark.parametrize(
    ("content", "name", "status", "said"),
    [
        (b"", "x.style", 422, "x.style"),
        (b"\xff\xfe\x00", "x.style", 422, "x.style"),
        (b"[" * 100_000, "x.style", 422, "x.style"),
        (b'{"kinestyle style": 1}', "x.style", 422, "name"),
        (b'{"kinestyle style": 1e999, "name": "a"}', "x.style", 422, "the version of the format"),
        (b"HIERARCHY", "walk.bvh", 415, "walk.bvh is no .style file"),
        (b"x" * (2**18 + 1), "x.style", 413, "more than the limit of 262144 for a style"),
    ],
)
def test_hostile_files_are_refused_with_a_sentence(
    client: Any, content: bytes, name: str, status: int, said: str
) -> None:
    answer = sent(client, content, name)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]
    assert client.get("/api/health").status_code == 200


def test_numbers_that_are_none_are_refused(client: Any, style_file: Path) -> None:
    content = json.loads(style_file.read_text())
    for name, value in (
        ("modulation", ["x"]),
        ("mean", [1e300]),
        ("deviation", [-1.0]),
        ("posture", {"mean": []}),
    ):
        answer = sent(client, json.dumps({**content, name: value}).encode())
        assert answer.status_code == 422, (name, answer.text)
        assert "goblin.style" in answer.json()["error"]["message"]


def test_a_modulation_of_the_wrong_size_is_refused_where_it_is_used(
    client: Any, style_file: Path, walk_id: str
) -> None:
    content = json.loads(style_file.read_text())
    content |= {"modulation": [0.5, 0.5], "unfamiliar": 0.0}
    style = sent(client, json.dumps(content).encode()).json()
    answer = client.post(f"/api/clips/{walk_id}/stylize", json={"style": style["style"]})
    assert answer.status_code == 422
    assert "changes 2 numbers of the generator's modulation" in answer.text


def test_no_name_reads_a_file_of_the_server(client: Any, style_file: Path, walk_id: str) -> None:
    for name in (str(style_file), "goblin.style", f"../{style_file.name}"):
        answer = client.post(f"/api/clips/{walk_id}/stylize", json={"style": name})
        assert answer.status_code == 422
        assert "no style is called" in answer.text
    unknown = "A" * 22 + ".style"
    answer = client.post(f"/api/clips/{walk_id}/stylize", json={"style": unknown})
    assert answer.status_code == 404
    assert "there is no such style" in answer.text
