"""Long clips in the studio: the seconds around the playhead come first, work that is not wanted any
more is left, and results push out no analysis.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.formats.bvh import format_bvh
from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip
from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.parts_first import HALO_SECONDS, PART_SECONDS, cut_around
from kinestyle.studio.warm_clips import WarmClip, WarmClips
from kinestyle.studio.worker_service import WorkerService
from long_motion import EXAMPLES, long_clip
from studio_client import BASE, unpack, until

LONG_SECONDS = 130.0
"""From 120 seconds on a clip is restyled in windows, between which work can be left."""


@pytest.fixture(scope="module")
def long_file() -> bytes:
    return format_bvh(long_clip(LONG_SECONDS), "long.bvh")[0]


@pytest.fixture(scope="module")
def client() -> Any:
    with TestClient(make_app(StudioConfig(workers=1)), base_url=BASE) as client:
        yield client


@pytest.fixture(scope="module")
def kept(client: TestClient, long_file: bytes) -> str:
    answer = client.post("/api/clips?name=long.bvh", content=long_file)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def ask_part(client: TestClient, clip: str, at: float, **more: Any) -> Any:
    return client.post(f"/api/clips/{clip}/part?at={at}", json={"style": "old", **more})


@pytest.mark.parametrize("at", [0.0, 60.3, LONG_SECONDS + 100.0])
def test_a_part_is_nearly_that_of_the_whole(client: TestClient, kept: str, at: float) -> None:
    answer = ask_part(client, kept, at)
    assert answer.status_code == 200, answer.text
    head, part, _, _ = unpack(answer.content)
    first, count = head["first_frame"], head["frame_count"]
    assert count == PART_SECONDS / head["frame_time_seconds"]
    assert first * head["frame_time_seconds"] <= min(at, LONG_SECONDS) <= LONG_SECONDS
    result = client.post(f"/api/clips/{kept}/stylize", json={"style": "old"}).json()
    assert first + count <= result["frame_count"]
    _, whole, _, _ = unpack(client.get(f"/api/clips/{result['id']}/motion").content)
    hips = head["roles"]["hips"]
    here, there = part, whole[first : first + count]
    # where the body has walked to differs: the part begins where the clip is
    here, there = here - here[:, [hips]], there - there[:, [hips]]
    assert np.linalg.norm(here - there, axis=-1).mean() < 0.02
    _, plain, _, _ = unpack(client.get(f"/api/clips/{kept}/motion").content)
    was = plain[first : first + count]
    changed = np.linalg.norm(was - was[:, [hips]] - there, axis=-1).mean()
    assert np.linalg.norm(here - there, axis=-1).mean() < 0.25 * changed


@pytest.mark.parametrize(
    "more",
    [
        {"strength": "0:0,2:1"},
        {"stop": "2"},
        {"timing": "style"},
        {"in_place": True},
        {"style": ["old", "proud"], "weights": "0:1,0;4:0,1"},
    ],
)
def test_what_changes_over_the_clip_has_no_part(
    client: TestClient, kept: str, more: dict[str, Any]
) -> None:
    answer = ask_part(client, kept, 3.0, **more)
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_part_of_what_is_not_there(client: TestClient, kept: str) -> None:
    assert ask_part(client, "nothing", 0.0).status_code == 404
    assert ask_part(client, kept, 0.0, style="furious").status_code == 422
    assert ask_part(client, kept, -1.0).status_code == 422


def test_the_part_moves_along_in_steps() -> None:
    clip = long_clip(30.0)
    found = [cut_around(at, clip) for at in (0.0, 1.9, 2.0, 3.9, 11.0, 29.9, 99.0)]
    rate = clip.frame_rate
    assert [frames.start / rate for frames in found] == [0, 0, 0, 0, 8, 22, 22]
    assert all(frames.stop - frames.start == PART_SECONDS * rate for frames in found)
    assert found[4].first == found[4].start - HALO_SECONDS * rate
    short = cut_around(1.0, clip.window(0, 9))
    assert (short.first, short.start, short.stop, short.last) == (0, 0, 9, 9)


def test_work_that_is_left_costs_no_worker_its_clips(client: TestClient, kept: str) -> None:
    """While a slider moves, one result after the other is begun and left."""
    (heavy,) = [worker for worker in client.app.state.studio.pool.workers if worker.heavy]  # type: ignore[attr-defined]
    client.post(f"/api/clips/{kept}/stylize", json={"style": "old"})
    process = heavy.process
    with ThreadPoolExecutor(1) as background:
        for seed in range(1, 4):
            job = f"left-{seed}"
            work = background.submit(
                client.post,
                f"/api/clips/{kept}/stylize",
                json={"style": "old", "seed": seed, "job": job},
            )
            until(
                lambda job=job: (at := heavy.job) and (at.name, at.stage) == (job, "restyling"),
                60.0,
            )
            client.delete(f"/api/jobs/{job}")
            assert work.result().status_code == 409
    until(lambda: heavy.job is None, 60.0)
    assert heavy.process is process, "the worker was ended, and with it what it knew"
    assert ask_part(client, kept, 3.0).status_code == 200


def test_results_push_out_no_clip_with_its_analysis(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    walk = (EXAMPLES / "walk.bvh").read_bytes()
    joint_frames = read_motion(EXAMPLES / "walk.bvh")
    room = joint_frames.frame_count * joint_frames.skeleton.joint_count
    config = {**asdict(StudioConfig()), "warm_joint_frames": room + 1, "styles": []}
    service = WorkerService(config, tmp_path)
    counted: list[str] = []
    stylizer = service._stylizer("")
    analyse = stylizer.analyse

    def counting(clip: Clip, *arguments: Any, **given: Any) -> Any:
        counted.append(clip.name)
        return analyse(clip, *arguments, **given)

    monkeypatch.setattr(stylizer, "analyse", counting)
    sent = {
        "key": "walk",
        "name": "walk.bvh",
        "endings": [".bvh"],
        "rig": None,
        "rig_file": False,
        "reading": {},
        "state": False,
    }
    for seed in range(4):
        head = {
            "work": "stylize",
            "keys": ["walk"],
            "clips": [sent] if seed == 0 else [],
            "allow_heavy": True,
            "cue": {"style": ["old"]},
            "settings": {"seed": seed},
            "name": "out.bvh",
            "result": f"result-{seed}",
        }
        service.work(head, [walk] if seed == 0 else [], lambda *_: None)
    assert counted == ["walk"]


def test_the_clip_unused_for_longest_is_forgotten_first() -> None:
    clip = long_clip(1.0)
    size = clip.frame_count * clip.skeleton.joint_count
    warm = WarmClips(count=3, joint_frames=2 * size)
    for name in "abc":
        warm.keep(name, WarmClip(clip, None))
        warm.keep(f"{name}-result", WarmClip(clip, None, is_result=True))
    assert [name for name in "abc" if name in warm] == ["b", "c"]
    assert [name for name in "abc" if f"{name}-result" in warm] == ["b", "c"]
    warm.keep("b", warm["b"])
    warm.keep("d", WarmClip(clip, None))
    assert [name for name in "abcd" if name in warm] == ["b", "d"]
    assert len(warm) == 4
