"""Parts, cycles, rates and layers over HTTP: the same files as from the command line, whoever
writes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.formats.bvh import parse_bvh
from kinestyle.formats.gltf import parse_gltf
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig
from long_motion import EXAMPLES
from made_gltf import accessor, character, see
from studio_client import BASE, made_by, open_walk

WANTED: dict[str, dict[str, Any]] = {
    "part": {"start": "30f", "stop": 3.0},
    "loop": {"start": 1, "loop": 10, "in_place": True},
    "rate": {"stop": "90f", "out_fps": 24.0},
    "free feet": {"feet": "free", "t_pose": True},
    "layer": {"output": "layer", "stop": 2.0, "out_fps": 60.0},
}


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED)
@pytest.mark.parametrize("ending", [".bvh", ".glb", ".fbx"])
def test_a_client_and_the_command_get_the_same_file_from_whoever_writes_it(
    tmp_path: Path, wanted: dict[str, Any], ending: str
) -> None:
    given = tmp_path / f"walk{ending}"
    write_motion(read_motion(EXAMPLES / "walk.bvh"), given)
    config = StudioConfig(workers=1, warm_clips=1)
    with TestClient(make_app(config), base_url=BASE) as client:
        clip = client.post(f"/api/clips?name=walk{ending}", content=given.read_bytes()).json()
        asked = {"style": "old", **wanted}
        result = client.post(f"/api/clips/{clip['id']}/stylize", json=asked).json()
        file = client.get(f"/api/clips/{result['id']}/file").content
        open_walk(client)  # which takes the one place
        again = client.get(f"/api/clips/{result['id']}/file").content
    assert again == file
    folder = tmp_path / "command"
    folder.mkdir()
    made = made_by(result["command"], folder, {f"walk{ending}": given.read_bytes()})
    assert made == file


def test_what_is_wrong_with_a_part_is_said(client: TestClient) -> None:
    walk = open_walk(client)
    for wanted, words in (
        ({"start": "soon"}, "from is 'soon', expected a time in the clip"),
        ({"start": 60.0}, "behind the end of walk"),
        ({"loop": 100}, "loop is 100"),
        ({"output": "layer", "timing": "fit"}, "timing keep"),
    ):
        answer = client.post(f"/api/clips/{walk['id']}/stylize", json={"style": "old", **wanted})
        assert answer.status_code == 422
        assert words in answer.json()["error"]["message"]


def test_the_distance_at_the_end_is_that_of_the_part(client: TestClient) -> None:
    """A clip that keeps its path ends where the part of it does."""
    walk = open_walk(client)
    wanted = {"style": "old", "root": "keep", "stop": "60f"}
    result = client.post(f"/api/clips/{walk['id']}/stylize", json=wanted).json()
    assert result["frame_count"] == 61
    assert result["end_distance_m"] < 1e-3


def test_what_moves_beside_a_rig_is_cut_with_it(tmp_path: Path) -> None:
    """A face, a prop: their curves end with the part, and have no times below zero."""
    rig = read_motion(EXAMPLES / "walk.bvh").window(0, 91)
    path, out = tmp_path / "a.glb", tmp_path / "part.glb"
    path.write_bytes(character(rig).glb())
    clip = read_motion(path)
    from kinestyle.runtime.edits import edit
    from kinestyle.runtime.settings import Settings

    write_motion(edit(clip, Settings(start="30f", stop="60f")), out)
    part = parse_gltf(out.read_bytes(), "x.glb")
    assert part.frame_count == 31
    times = part.source.grid.start_seconds + np.arange(31) / 30.0
    before = see(path.read_bytes(), times + 1.0)
    after = see(out.read_bytes(), times)
    assert after.names == before.names
    # the character is in centimetres
    np.testing.assert_allclose(after.world, before.world, atol=1e-3)
    animation = after.file.animations[0]
    used = [animation.samplers[channel.sampler] for channel in animation.channels]
    keys = [accessor(after.file, sampler.input)[:, 0] for sampler in used]
    assert all(each[0] >= 0.0 and each[-1] <= times[-1] + 1e-6 for each in keys)


def test_a_form_takes_them_as_text(client: TestClient) -> None:
    data = {"style": "old", "start": "30f", "stop": "2", "loop": "5", "in_place": "true"}
    files = {"file": ("walk.bvh", (EXAMPLES / "walk.bvh").read_bytes())}
    answer = client.post("/api/stylize", data=data, files=files)
    assert answer.status_code == 200, answer.text
    assert parse_bvh(answer.content, "x.bvh").frame_count == 31 - 5
