"""Results with another number of frames than their clip, over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.formats.bvh import parse_bvh, read_bvh
from kinestyle.formats.gltf import parse_gltf
from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig
from long_motion import EXAMPLES
from made_gltf import character, see
from studio_client import BASE, made_by, open_walk, unpack

TIMED = {"style": "elderly", "timing": "style"}


def test_a_result_in_its_styles_time(client: TestClient, tmp_path: Path) -> None:
    wave = client.post("/api/examples/wave").json()
    result = client.post(f"/api/clips/{wave['id']}/stylize", json=TIMED).json()
    frames = result["frame_count"]
    assert frames > 1.2 * wave["frame_count"]
    assert result["frame_time_seconds"] == wave["frame_time_seconds"]
    (note,) = [one for one in result["warnings"] if "frames instead of" in one]
    assert f"has {frames} frames instead of {wave['frame_count']}" in note
    head, position, _, contacts = unpack(client.get(f"/api/clips/{result['id']}/motion").content)
    assert head["frame_count"] == len(position) == len(contacts) == frames
    assert "--timing style" in result["command"]
    file = client.get(f"/api/clips/{result['id']}/file").content
    assert parse_bvh(file, "x.bvh").frame_count == frames
    assert file == made_by(
        result["command"], tmp_path, {"wave.bvh": (EXAMPLES / "wave.bvh").read_bytes()}
    )
    fit = client.post(f"/api/clips/{wave['id']}/stylize", json={**TIMED, "timing": "fit"}).json()
    assert fit["frame_count"] == wave["frame_count"]


@pytest.mark.parametrize("timing", ["style", "fit"])
def test_a_worker_that_forgot_the_result_writes_the_same_file(timing: str) -> None:
    """What moves beside the rig goes along, whoever writes it."""
    rig = read_bvh(EXAMPLES / "wave.bvh").window(0, 90)
    data = character(rig).glb()
    config = StudioConfig(workers=1, warm_clips=1)
    with TestClient(make_app(config), base_url=BASE) as client:
        clip = client.post("/api/clips?name=a.glb", content=data).json()
        wanted = {**TIMED, "timing": timing}
        result = client.post(f"/api/clips/{clip['id']}/stylize", json=wanted).json()
        file = client.get(f"/api/clips/{result['id']}/file").content
        other = open_walk(client)  # which takes the one place
        client.post(f"/api/clips/{other['id']}/stylize", json={"style": "old"})
        again = client.get(f"/api/clips/{result['id']}/file").content
        assert again == file
        twice = client.post(f"/api/clips/{result['id']}/stylize", json=wanted).json()
        written = client.get(f"/api/clips/{twice['id']}/file").content
    found = parse_gltf(written, "x.glb")
    seconds = (found.frame_count - 1) * found.frame_time_seconds
    lantern = see(written, [0.0, seconds]).place("Lantern")  # type: ignore[arg-type]
    before = see(data, [0.0, 89 / 30.0]).place("Lantern")  # type: ignore[arg-type]
    assert abs(lantern - before).max() < 1e-3, "it is where it was at both ends"
