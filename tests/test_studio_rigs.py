"""Rigs that are stated over HTTP: by a family or a file, for a clip and for references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.formats.bvh import write_bvh
from kinestyle.rig.rig_file import Rig, write_rig
from made_rigs import as_rig, misnamed
from made_rigs import walk as made_walk
from studio_client import made_by


@pytest.fixture(scope="module")
def odd_rig(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A clip whose names mislead, and the rig that says which joint is which, as files."""
    folder = tmp_path_factory.mktemp("odd")
    clip, joints = misnamed(as_rig(made_walk().clip))
    write_bvh(clip, folder / "odd.bvh")
    write_rig(Rig("it", joints), folder / "my.json")
    return (folder / "odd.bvh").read_bytes(), (folder / "my.json").read_bytes()


def test_a_rig_that_is_stated_by_its_family(
    client: TestClient, walk: dict[str, Any], walk_file: Path, tmp_path: Path
):
    assert {"mixamo", "unreal"} <= set(client.get("/api/rigs").json()["families"])
    place = "/api/clips?name=walk.bvh"
    clip = client.post(f"{place}&rig=mixamo", content=walk_file.read_bytes()).json()
    joints = clip["inspection"]["joints"]
    assert {row["confidence"] for row in joints.values()} == {1.0}
    assert min(row["confidence"] for row in walk["inspection"]["joints"].values()) < 1.0
    assert (walk["rig"], clip["rig"]) == (None, "mixamo")
    parts = {"file": ("walk.bvh", walk_file.read_bytes())}
    for other in (
        client.post("/api/clips", files=parts, data={"rig": "mixamo"}),
        client.post("/api/examples/walk?rig=mixamo"),
    ):
        assert (other.status_code, other.json()["inspection"]) == (201, clip["inspection"])
    result = client.post(f"/api/clips/{clip['id']}/stylize", json={"style": "old"}).json()
    assert (
        result["command"] == "kinestyle stylize walk.bvh --style old --rig mixamo -o walk_old.bvh"
    )
    assert {row["confidence"] for row in result["inspection"]["joints"].values()} == {1.0}
    file = client.get(f"/api/clips/{result['id']}/file").content
    assert file == made_by(result["command"], tmp_path, {"walk.bvh": walk_file.read_bytes()})
    assert (
        client.post("/api/stylize", data={"style": "old", "rig": "mixamo"}, files=parts).content
        == file
    )
    again = client.post(f"/api/clips/{result['id']}/stylize", json={"style": "proud"}).json()
    assert (again["rig"], again["command"].count("--rig mixamo")) == ("mixamo", 2)
    assert {row["confidence"] for row in again["inspection"]["joints"].values()} == {1.0}


def test_a_rig_that_is_sent_as_a_file(
    client: TestClient, odd_rig: tuple[bytes, bytes], tmp_path: Path
):
    motion, rig = odd_rig
    parts = {"file": ("odd.bvh", motion), "rig": ("my rig.json", rig)}
    found = client.post("/api/clips?name=odd.bvh", content=motion)
    clip = client.post("/api/clips", files=parts).json()
    assert clip["rig"] == "my rig.json"
    assert clip["inspection"]["joints"]["left_upper_arm"]["joint"] == "Foot"
    assert (
        found.status_code == 422
        or found.json()["inspection"]["joints"] != clip["inspection"]["joints"]
    )
    place = f"/api/clips/{clip['id']}/stylize"
    other = client.post("/api/examples/walk", files={"rig": ("my rig.json", rig)})
    assert (other.status_code, "my rig.json does not fit walk: " in other.text) == (422, True)
    result = client.post(place, json={"style": "old"}).json()
    assert (
        result["command"]
        == "kinestyle stylize odd.bvh --style old --rig 'my rig.json' -o odd_old.bvh"
    )
    file = client.get(f"/api/clips/{result['id']}/file").content
    assert file == made_by(result["command"], tmp_path, {"odd.bvh": motion, "my rig.json": rig})
    assert client.post("/api/stylize", data={"style": "old"}, files=parts).content == file


def test_the_rigs_of_references(
    client: TestClient,
    walk: dict[str, Any],
    odd_rig: tuple[bytes, bytes],
    walk_file: Path,
    tmp_path: Path,
):
    motion, rig = odd_rig
    odd = client.post(
        "/api/clips", files={"file": ("odd.bvh", motion), "rig": ("my.json", rig)}
    ).json()
    place = f"/api/clips/{walk['id']}/stylize"
    like = client.post(place, json={"like": odd["id"]}).json()
    assert (
        like["command"]
        == "kinestyle stylize walk.bvh --like-rig my.json --like odd.bvh -o walk_like_odd.bvh"
    )
    file = client.get(f"/api/clips/{like['id']}/file").content
    assert file == made_by(
        like["command"],
        tmp_path,
        {"walk.bvh": walk_file.read_bytes(), "odd.bvh": motion, "my.json": rig},
    )
    parts = {
        "file": ("walk.bvh", walk_file.read_bytes()),
        "like": ("odd.bvh", motion),
        "like_rig": ("my.json", rig),
    }
    assert client.post("/api/stylize", files=parts).content == file
    both = client.post(place, json={"like": [odd["id"], walk["id"]]}).json()
    assert both["command"] is None, (
        "no command line states a rig for one reference and none for the other"
    )
    again = client.post(f"/api/clips/{both['id']}/stylize", json={"style": "old"}).json()
    assert (again["of"], again["command"]) == (both["id"], None)


@pytest.mark.parametrize(
    ("rigs", "status", "said"),
    [
        (["nosuch"], 422, "no rig is called 'nosuch'; known are cmu, mixamo, "),
        (["unreal"], 422, "the rig 'unreal' does not fit walk: "),
        (["mixamo", "cmu"], 400, "2 rigs are stated where one can be"),
        ([("a/my.json", b"[")], 422, "my.json is no JSON in line 1: "),
        ([("my.json", b'{"kinestyle_rig": 2}')], 422, "my.json is a rig of version 2"),
        (
            [("my.json", b" " * (2**18 + 1))],
            413,
            "my.json has 262145 bytes, more than the limit of 262144 for a rig",
        ),
    ],
)
def test_a_bad_rig_is_answered_with_a_sentence(
    client: TestClient, walk_file: Path, rigs: list[Any], status: int, said: str
):
    parts = [("file", ("walk.bvh", walk_file.read_bytes()))]
    parts += [("rig", (None, rig) if isinstance(rig, str) else rig) for rig in rigs]
    answers = [client.post("/api/clips", files=parts)]
    if isinstance(rigs[-1], str):  # the last as the address, the others in the form
        answers.append(client.post("/api/clips", params={"rig": rigs[-1]}, files=parts[:-1]))
    for answer in answers:
        assert answer.status_code == status, answer.text
        assert said in answer.json()["error"]["message"]
