"""What is stated over HTTP of how a file is to be read: its rate, and which of its animations."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.formats.gltf import parse_gltf
from kinestyle.formats.reading import Reading
from several_animations import several
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


def test_an_upload_states_its_world(client: TestClient, walk_file: Path, tmp_path: Path) -> None:
    data = walk_file.read_bytes()
    query = "up=%2BZ&swap_sides=true&level=false"
    clip = client.post(f"/api/clips?name=w.bvh&{query}", content=data).json()
    plain = client.post("/api/clips?name=w.bvh", content=data).json()
    assert (clip["inspection"]["up"], plain["inspection"]["up"]) == ("+Z", "+Y")
    left, right = (clip["inspection"]["joints"][f"{side}_thigh"] for side in ("left", "right"))
    joints = plain["inspection"]["joints"]
    assert left["joint"] == joints["right_thigh"]["joint"]
    assert right["joint"] == joints["left_thigh"]["joint"]
    result = client.post(f"/api/clips/{clip['id']}/stylize", json={"style": "old"}).json()
    assert " --up +Z --swap-sides --no-level " in result["command"]
    file = client.get(f"/api/clips/{result['id']}/file").content
    assert file == made_by(result["command"], tmp_path, {"w.bvh": data})
    wanted = {"like": [clip["id"]]}
    like = client.post(f"/api/clips/{plain['id']}/stylize", json=wanted).json()
    assert " --like-up +Z --like-swap-sides --no-like-level " in like["command"]
    assert client.post("/api/clips?name=w.bvh&up=north", content=data).status_code == 422
    parts = [("file", ("w.bvh", data)), ("like", ("w.bvh", data))]
    fields = {"up": "+Y", "level": "false", "like_up": "+Y", "like_swap_sides": "false"}
    assert client.post("/api/stylize", files=parts, data=fields).status_code == 200


def test_the_page_has_a_field_for_all_that_is_said_of_a_file() -> None:
    page = (resources.files("kinestyle.studio") / "page" / "index.html").read_text()
    row = page[page.index('id="reading"') : page.index('class="rig-table"')]
    named = set(re.findall(r'name="(\w+)"', row))
    assert named == {name for name in Reading._fields if name != "animation"}


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


def test_an_upload_states_its_animation(
    client: TestClient, walk_file: Path, tmp_path: Path
) -> None:
    data = several().glb()
    clip = client.post("/api/clips?name=x.glb", content=data).json()
    assert clip["inspection"]["animation"] == "Walk"
    assert [row["name"] for row in clip["inspection"]["animations"]][2:] == ["Calm", "Hold"]
    calm = client.post("/api/clips?name=x.glb&animation=Calm", content=data).json()
    assert calm["inspection"]["animation"] == "Calm"
    wanted = {"style": "old", "keep_original": True}
    result = client.post(f"/api/clips/{calm['id']}/stylize", json=wanted).json()
    assert result["command"] == (
        "kinestyle stylize x.glb --style old --keep-original --animation Calm -o x_old.glb"
    )
    assert result["inspection"]["animation"] == "x_old"
    file = client.get(f"/api/clips/{result['id']}/file").content
    assert file == made_by(result["command"], tmp_path, {"x.glb": data})
    plain = client.post("/api/clips?name=walk.bvh", content=walk_file.read_bytes()).json()
    like = client.post(f"/api/clips/{plain['id']}/stylize", json={"like": calm["id"]}).json()
    assert " --like x.glb --like-animation Calm " in like["command"]
    missing = client.post("/api/clips?name=x.glb&animation=Jump", content=data)
    assert (missing.status_code, "no animation 'Jump'" in missing.text) == (422, True)

    parts = [("file", ("x.glb", data)), ("like", ("x.glb", data))]
    fields = {"animation": "Calm", "like_animation": "Walk", "keep_original": "true"}
    done = client.post("/api/stylize", files=parts, data=fields)
    assert done.status_code == 200, done.text
    back = parse_gltf(done.content, "back.glb")
    assert [animation.name for animation in back.animations][2:] == ["Calm", "Hold", "x_like_x"]
