"""Takes to choose from, over HTTP: those of the command line, and each is made by its number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle import Settings, Stylizer, choose_takes
from kinestyle.formats.bvh import write_bvh
from kinestyle.motion.clip import Clip
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.takes import deciding_settings
from made_rigs import walk
from studio_client import made_by
from test_cli_stylize import done_noisily, seeds_of_takes


@pytest.fixture(scope="module")
def short() -> Clip:
    return walk(seconds=2.0).clip


@pytest.fixture(scope="module")
def sent(client: TestClient, short: Clip, tmp_path_factory: Any) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("sent") / "short.bvh"
    write_bvh(short, path)
    found: dict[str, Any] = client.post(
        "/api/clips?name=short.bvh", content=path.read_bytes()
    ).json()
    return found | {"bytes": path.read_bytes()}


def test_takes_are_those_of_the_command_line(
    client: TestClient, sent: dict[str, Any], here: Path
) -> None:
    path = here / "short.bvh"
    path.write_bytes(sent["bytes"])
    asked = {"style": "youthful", "seed": 2, "parts": "upper"}
    answer = client.post(f"/api/clips/{sent['id']}/takes?count=3", json=asked)
    assert answer.status_code == 200, answer.text
    seeds = answer.json()["seeds"]
    assert seeds != [2, 3, 4], "variations in a row"
    said = done_noisily(
        *("stylize", "short.bvh", "--style", "youthful", "--parts", "upper"),
        *("--seed", "2", "--samples", "3", "-o", "out.bvh"),
    )
    assert seeds == seeds_of_takes(said.stderr)
    # a take's number makes it, and the copied command too
    last = client.post(f"/api/clips/{sent['id']}/stylize", json=asked | {"seed": seeds[-1]}).json()
    file = client.get(f"/api/clips/{last['id']}/file").content
    assert f"--seed {seeds[-1]}" in last["command"]
    assert file == made_by(last["command"], here, {"short.bvh": sent["bytes"]})
    assert file == (here / "out_3.bvh").read_bytes()


def test_what_is_the_same_in_every_take_decides_nothing(
    client: TestClient, sent: dict[str, Any], released: Stylizer
) -> None:
    place = f"/api/clips/{sent['id']}/takes?count=2"
    asked = {"style": "proud", "strength": "0:.3,1:1", "root": "keep", "timing": "style"}
    seeds = client.post(place, json=asked).json()["seeds"]
    assert client.post(place, json={"style": "proud"}).json()["seeds"] == seeds
    assert client.post(place, json={"style": "proud", "strength": 0}).json()["seeds"] == [0, 1]
    settings = Settings(
        strength=0.3, root="keep", timing="style", feet="free", parts="arms", seed=3
    )
    analysis = released.analyse(walk(seconds=2.0).clip)
    chosen = [
        choose_takes(released, analysis, Cue.of("proud"), 2, each)
        for each in (settings, deciding_settings(settings))
    ]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize("count", ["0", "49", "some"])
def test_a_wrong_number_of_takes_is_refused(
    client: TestClient, sent: dict[str, Any], count: str
) -> None:
    place = f"/api/clips/{sent['id']}/takes?count={count}"
    answer = client.post(place, json={"style": "old"})
    assert answer.status_code == 422
    assert "count" in answer.json()["error"]["message"]
