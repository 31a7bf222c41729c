"""Styles of one's own, heard and refined by the studio: what the command line makes of the same
files, one refinement at a time, that can be cancelled and is refused where torch is not installed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from command_line import kinestyle
from kinestyle import Stylizer, read_motion, write_motion
from kinestyle.errors import MissingExtraError
from kinestyle.motion.clip import Clip
from kinestyle.studio.learning import learn
from kinestyle.studio.pool import MOST_REFINEMENTS, Pool, Worker
from kinestyle.studio.warm_clips import WarmClip
from made_rigs import walk
from studio_client import refine_quickly, studio_client, until
from test_reference import held

MINUTES = 200.0
"""What a test waits for a refinement of a few steps, on a machine that is busy."""


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with studio_client() as client:
        refine_quickly(pool_of(client))
        yield client


def pool_of(client: TestClient) -> Pool:
    return client.app.state.studio.pool  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three takes of a walk that is bent."""
    folder = tmp_path_factory.mktemp("takes")
    for i, bend in enumerate((28.0, 30.0, 32.0)):
        write_motion(held(walk(seconds=4.0).clip, bend), folder / f"take_{i}.bvh")
    return sorted(folder.iterdir())


@pytest.fixture
def ids(client: TestClient, takes: list[Path]) -> list[str]:
    return [sent(client, take) for take in takes]


def sent(client: TestClient, file: Path, **query: str) -> str:
    query = {"name": file.name, **query}
    answer = client.post("/api/clips", params=query, content=file.read_bytes())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def asked(client: TestClient, clips: list[str], **more: Any) -> Any:
    return client.post("/api/learn", json={"clips": clips, "name": "goblin", **more})


def file_of(client: TestClient, style: dict[str, Any]) -> bytes:
    answer = client.get(f"/api/styles/{style['id']}/file")
    assert answer.status_code == 200
    assert 'filename="goblin.style"' in answer.headers["content-disposition"]
    return answer.content


def message_of(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


def test_a_style_is_heard_as_on_the_command_line(
    client: TestClient, takes: list[Path], ids: list[str], tmp_path: Path
) -> None:
    answer = asked(client, ids)
    assert answer.status_code == 201, answer.text
    style = answer.json()
    out = tmp_path / "goblin.style"
    done = kinestyle("learn", *map(str, takes), "-o", str(out))
    assert done.exit_code == 0, done.output
    assert file_of(client, style) == out.read_bytes()
    assert style["said"] == done.stdout.splitlines()[: len(style["said"])]
    assert "the trunk leans forward" in style["said"][1]
    assert (style["refined"], style["disagree"], style["left_out"]) == (None, [], [])
    names = [take.name for take in takes]
    assert style["command"] == f"kinestyle learn {' '.join(names)} -o goblin.style"
    walk_id = client.post("/api/examples/walk").json()["id"]
    made = client.post(f"/api/clips/{walk_id}/stylize", json={"style": style["style"]})
    assert made.json()["command"].startswith(f"{style['command']} && kinestyle stylize walk.bvh")


def test_a_clip_that_disagrees_is_named(client: TestClient, ids: list[str], tmp_path: Path) -> None:
    write_motion(walk(seconds=4.0).clip, tmp_path / "stranger.bvh")
    style = asked(client, [*ids, sent(client, tmp_path / "stranger.bvh")]).json()
    assert style["disagree"] == ["stranger"]
    assert any(line.endswith("counted less: stranger") for line in style["said"])


def test_a_style_is_refined_as_in_python(
    client: TestClient,
    takes: list[Path],
    ids: list[str],
    released: Stylizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from kinestyle.learn import refining

    assert client.get("/api/learn").json() == {"refine": True, "reason": None, "refinements": 0}
    answer = asked(client, ids, refine=True)
    assert answer.status_code == 201, answer.text
    style = answer.json()
    monkeypatch.setattr(refining, "BETTER", 1e9)
    quick = refining.RefiningConfig(steps=12, batch=3, crop_frames=32, known_styles=1)
    clips = [read_motion(take) for take in takes]
    wanted = refining.refine_style(released, "own/goblin", clips, config=quick)
    assert style["said"][-1] == str(wanted)
    assert wanted.refined is not None
    assert style["refined"]["left"] == pytest.approx(wanted.refined.left, abs=2e-4)
    assert style["refined"]["taken"]
    assert style["refined"]["held_out"] == 1
    modulation = json.loads(file_of(client, style))["modulation"]
    assert wanted.style.modulation is not None
    np.testing.assert_allclose(modulation, wanted.style.modulation, atol=2e-5)
    assert " --refine -o goblin.style" in style["command"]
    # nothing of it stays: torch takes memory that sliders want
    refiner = pool_of(client).workers[-1]
    process = refiner.process
    assert process is not None
    until(lambda: not refiner.is_ready and process.returncode is not None)
    assert client.get("/api/health").json()["workers"] == 2
    walk_id = client.post("/api/examples/walk").json()["id"]
    made = client.post(f"/api/clips/{walk_id}/stylize", json={"style": style["style"]})
    assert made.status_code == 200, made.text
    assert " --refine -o goblin.style && kinestyle stylize" in made.json()["command"]


def stopped(
    client: TestClient, background: ThreadPoolExecutor, ids: list[str]
) -> tuple[Worker, Any]:
    """A refinement that has begun and goes no further: its worker, and what becomes of it."""
    worker = pool_of(client).workers[-1]
    answer = background.submit(asked, client, ids, refine=True, job="mine")
    until(lambda: worker.job is not None or answer.done(), MINUTES)
    assert not answer.done(), answer.result().text
    send(worker, signal.SIGSTOP)
    return worker, answer


def send(worker: Worker, sign: int) -> None:
    assert worker.process is not None
    os.kill(worker.process.pid, sign)


def test_one_is_refined_at_a_time_and_sliders_go_on(
    client: TestClient,
    ids: list[str],
    background: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = pool_of(client)
    _, first = stopped(client, background, ids)
    monkeypatch.setattr(pool, "config", replace(pool.config, wait_seconds=1.0))
    assert client.get("/api/learn").json()["refinements"] == 1
    walk_id = client.post("/api/examples/walk").json()["id"]
    for seed in range(3):
        body = {"style": "old", "seed": seed}
        assert client.post(f"/api/clips/{walk_id}/stylize", json=body).status_code == 200
    assert asked(client, ids).status_code == 201, "hearing alone waits for no refinement"
    waiting = [
        background.submit(asked, client, ids, refine=True) for _ in range(MOST_REFINEMENTS + 1)
    ]
    for one in waiting:
        assert "one at a time" in message_of(one.result(MINUTES), 429)
        assert one.result().headers["retry-after"] == "1"
    assert client.delete("/api/jobs/mine").status_code == 204
    assert message_of(first.result(MINUTES), 409) == "the job was cancelled"
    until(lambda: pool.workers[-1].job is None)
    assert client.get("/api/learn").json()["refinements"] == 0


def test_cancelling_ends_it_and_the_next_one_is_done(
    client: TestClient, ids: list[str], background: ThreadPoolExecutor
) -> None:
    worker, answer = stopped(client, background, ids)
    send(worker, signal.SIGCONT)
    until(lambda: client.get("/api/jobs/mine").json()["share"] > 0.0 or answer.done(), MINUTES)
    client.delete("/api/jobs/mine")
    message_of(answer.result(MINUTES), 409)
    until(lambda: worker.job is None)
    again = asked(client, ids, refine=True)
    assert again.status_code == 201, again.text


def test_what_takes_too_long_is_ended_in_words(
    client: TestClient, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(client)
    until(lambda: not pool.workers[-1].is_ready)
    monkeypatch.setattr(pool, "config", replace(pool.config, refine_seconds=0.2))
    said = message_of(asked(client, ids, refine=True), 413)
    assert said.startswith("goblin.style takes longer than the 0.")
    assert said.endswith("take fewer clips, or shorter ones")


def test_without_torch_refining_is_refused_and_hearing_is_not(
    client: TestClient, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    sentence = (
        "refining a style needs torch, which is not installed; pip install 'kinestyle[train]'"
    )
    found = client.get("/api/learn").json()
    assert (found["refine"], found["reason"]) == (False, sentence)
    refused = asked(client, ids, refine=True)
    assert message_of(refused, 415) == sentence
    assert refused.json()["error"]["kind"] == "missing-extra"
    assert asked(client, ids).status_code == 201


def test_a_worker_without_torch_says_the_same(
    released: Stylizer, walk_clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "kinestyle.learn.refining", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"refining a style needs torch.*\[train\]"):
        learn(released, [WarmClip(walk_clip, None)], "own/x", True, lambda stage, share: None)


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"clips": []}, 422, "none is given; give one or more"),
        ({"clips": ["A" * 22]}, 404, "there is no such clip"),
        ({"name": "a/b"}, 422, "take a name without a slash"),
        ({"name": ""}, 422, "name: string should have at least 1 character"),
        ({"refine": "perhaps"}, 422, "refine: "),
        ({"steps": 3}, 422, "steps: extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_words(
    client: TestClient, ids: list[str], change: dict[str, Any], status: int, said: str
) -> None:
    assert said in message_of(asked(client, **{"clips": ids, **change}), status)


def test_more_than_the_limits_is_refused(
    client: TestClient, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = client.app.state.studio  # type: ignore[attr-defined]
    for limit, unit in (("max_learn_clips", "3 clips"), ("max_learn_seconds", "seconds of motion")):
        monkeypatch.setattr(studio, "config", replace(studio.config, **{limit: 2}))
        assert f"{unit} are more than the limit of 2" in message_of(asked(client, ids), 413)
        monkeypatch.undo()


def test_a_name_that_no_file_can_have_is_said_in_the_command(
    client: TestClient, takes: list[Path]
) -> None:
    clip = sent(client, takes[0], fps="30")
    style = client.post("/api/learn", json={"clips": clip, "name": "goblin?"}).json()
    assert (style["name"], style["file"]) == ("own/goblin?", "goblin_.style")
    assert "--name 'goblin?'" in style["command"]
    assert "--fps 30" in style["command"]
