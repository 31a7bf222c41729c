"""The studio's HTTP interface: clips in, restyled clips out, and what is refused."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.formats.bvh import write_bvh
from kinestyle.motion.clip import Clip
from made_rigs import thrown_about
from studio_client import made_by, unpack


def test_an_upload_is_inspected(client: TestClient, walk: dict[str, Any], walk_clip: Clip):
    assert (walk["name"], walk["format"], walk["frame_count"], walk["joint_count"]) == (
        "walk.bvh",
        ".bvh",
        151,
        53,
    )
    assert walk["inspection"]["family"] == "Mixamo"
    assert walk["request"] is walk["of"] is walk["command"] is None
    head, position, _, contacts = unpack(client.get(f"/api/clips/{walk['id']}/motion").content)
    assert tuple(head["names"]) == walk_clip.skeleton.names
    assert (
        np.abs(np.ptp(position, axis=0) - np.ptp(walk_clip.world_position, axis=0) / 100.0).max()
        < 1e-4
    )
    assert set(np.unique(contacts)) == {0, 1}


def test_a_style_by_its_label(client: TestClient, walk: dict[str, Any]):
    answer = client.post(f"/api/clips/{walk['id']}/stylize", json={"style": "old", "strength": 0.5})
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert result["of"] == walk["id"]
    assert (
        result["command"] == "kinestyle stylize walk.bvh --style old --strength 0.5 -o walk_old.bvh"
    )


def test_the_file_of_a_result_is_that_of_the_command_line(
    client: TestClient, walk: dict[str, Any], walk_file: Path, tmp_path: Path
):
    result = client.post(
        f"/api/clips/{walk['id']}/stylize", json={"style": "proud", "seed": 3, "root": "keep"}
    ).json()
    answer = client.get(f"/api/clips/{result['id']}/file")
    assert answer.content == made_by(
        result["command"], tmp_path, {"walk.bvh": walk_file.read_bytes()}
    )
    assert 'filename="walk_proud.bvh"' in answer.headers["content-disposition"]


def test_where_a_clip_is_unlike_all_that_was_learned(
    client: TestClient, walk_clip: Clip, tmp_path: Path
):
    path = tmp_path / "odd.bvh"
    write_bvh(thrown_about(walk_clip, "Spine", "LeftArm", "RightArm"), path)
    clip = client.post("/api/clips?name=odd.bvh", content=path.read_bytes()).json()
    place = f"/api/clips/{clip['id']}/stylize"
    faded, told, ignored = (
        client.post(place, json={"style": "old"} | more).json()
        for more in ({}, {"out_of_domain": "fade"}, {"out_of_domain": "ignore"})
    )
    assert "faded" not in " ".join(clip["warnings"]), "nothing is done to an upload"
    assert "the style is faded from" in faded["warnings"][-1]
    assert "a lower strength may be better" in ignored["warnings"][-1]
    assert "faded" not in " ".join(ignored["warnings"])
    motions = [
        client.get(f"/api/clips/{result['id']}/motion").content for result in (faded, told, ignored)
    ]
    assert motions[0] == motions[1] != motions[2]
    original, *restyled = (
        unpack(data)[1]
        for data in (client.get(f"/api/clips/{clip['id']}/motion").content, *motions)
    )
    changed = [np.abs(position - original).max() for position in restyled]
    assert changed[0] < 0.5 * changed[2]
    assert [result["request"]["out_of_domain"] for result in (faded, told, ignored)] == [
        "fade",
        "fade",
        "ignore",
    ]
    assert "--out-of-domain" not in told["command"]
    assert (
        ignored["command"]
        == "kinestyle stylize odd.bvh --style old --out-of-domain ignore -o odd_old.bvh"
    )
    file = client.get(f"/api/clips/{ignored['id']}/file").content
    assert file == made_by(ignored["command"], tmp_path, {"odd.bvh": path.read_bytes()})
    form = {"style": "old", "out_of_domain": "ignore"}
    at_once = client.post("/api/stylize", data=form, files={"file": ("odd.bvh", path.read_bytes())})
    assert at_once.content == file
    assert "faded" not in at_once.headers["x-kinestyle-notes"]


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("a.bvh", b"HIERARCHY nonsense", 422, "a.bvh, line 1, column 11: found 'nonsense'"),
        ("a.txt", b"x", 415, "a.txt is of no known motion format"),
        ("a.amc", b"x", 400, "without its skeleton"),
        ("a.bvh", b"", 422, "empty"),
    ],
)
def test_a_bad_file_is_answered_with_a_sentence(
    client: TestClient, name: str, body: bytes, status: int, said: str
):
    answer = client.post("/api/clips", params={"name": name}, content=body)
    assert answer.status_code == status
    assert answer.json()["error"]["status"] == status
    assert said in answer.json()["error"]["message"]


def test_a_mix_of_styles_and_clips(client: TestClient, walk: dict[str, Any]):
    wave = client.post("/api/examples/wave").json()
    wanted = {"style": ["old", "bandai2/elderly"], "like": wave["id"], "weights": [0.5, 0.25, 0.25]}
    answer = client.post(f"/api/clips/{walk['id']}/stylize", json=wanted)
    assert answer.status_code == 200, answer.text
    mixed = "--style old --style bandai2/elderly --like wave.bvh --mix 0.5,0.25,0.25"
    assert (
        answer.json()["command"]
        == f"kinestyle stylize walk.bvh {mixed} -o walk_old_elderly_like_wave.bvh"
    )


def test_a_result_can_be_restyled_and_be_a_reference(client: TestClient, walk: dict[str, Any]):
    place = "/api/clips/{}/stylize"
    old = client.post(place.format(walk["id"]), json={"style": "old"}).json()
    both = client.post(place.format(old["id"]), json={"style": "proud"}).json()
    assert both["command"].count("kinestyle stylize") == 2
    assert both["command"].endswith(
        "kinestyle stylize walk_old.bvh --style proud -o walk_old_proud.bvh"
    )
    like = client.post(place.format(walk["id"]), json={"like": both["id"]})
    assert like.status_code == 200, like.text


def test_random_draws(client: TestClient, walk: dict[str, Any]):
    place = f"/api/clips/{walk['id']}/stylize"
    first, second, again = (
        client.post(place, json={"random": True, "seed": seed}).json() for seed in (1, 2, 1)
    )
    motions = [
        client.get(f"/api/clips/{clip['id']}/motion").content for clip in (first, second, again)
    ]
    assert motions[0] == motions[2] != motions[1]
    assert first["id"] != again["id"]


def test_strength_0_is_the_clip_itself(client: TestClient, walk: dict[str, Any], walk_file: Path):
    same = client.post(
        f"/api/clips/{walk['id']}/stylize", json={"style": "old", "strength": 0}
    ).json()
    motion, file = (
        client.get(f"/api/clips/{same['id']}/{what}").content for what in ("motion", "file")
    )
    assert motion == client.get(f"/api/clips/{walk['id']}/motion").content
    assert file == walk_file.read_bytes()


@pytest.mark.parametrize(
    ("wanted", "status", "said"),
    [
        ({}, 422, "neither style nor like nor random"),
        ({"style": []}, 422, "neither style nor like nor random"),
        ({"random": True, "style": "old"}, 422, "without any cue"),
        (
            {"style": "nosuch"},
            422,
            "no style is called 'nosuch'; the bundle bandai.kinestyle knows active",
        ),
        ({"style": "\ud800"}, 422, "style"),
        (
            {"style": "old", "strength": 1e7},
            422,
            "strength is 10000000.0, expected a number from 0 to",
        ),
        (
            {"style": "old", "strength": -0.1},
            422,
            "strength is -0.1, expected a number from 0 to 1000000: 0 changes nothing",
        ),
        ({"style": "old", "strength": float("nan")}, 422, "strength is nan, expected a number"),
        ({"style": "old", "strength": "much"}, 422, "strength: input should be a valid number"),
        ({"style": "old", "strength": "0:0,x:1"}, 422, "'x:1' in '0:0,x:1' is no key, expected"),
        (
            {"style": "old", "strength": "0:" + 60_000 * "1"},
            422,
            "strength: value error, a curve of",
        ),
        ({"style": "old", "parts": "arms=2"}, 422, "parts is 'arms=2', expected names"),
        ({"style": "old", "parts": "left_am"}, 422, "did you mean 'left_arm'?"),
        ({"style": "old", "keep": "space"}, 422, "keep is 'space', expected one of local, world"),
        ({"style": "old@left_am"}, 422, "did you mean 'left_arm'?"),
        ({"style": ["old", "proud"], "weights": "0:1,0;4:0"}, 422, "is no key, expected 2 numbers"),
        (
            {"style": "old", "seed": -1},
            422,
            "seed is -1, expected a whole number from 0 to 4294967295",
        ),
        ({"style": "old", "seed": 2**64}, 422, "seed is 18446744073709551616, expected"),
        (
            {"style": "old", "root": "flying"},
            422,
            "root is 'flying', expected one of auto, planted",
        ),
        (
            {"style": "old", "out_of_domain": "guess"},
            422,
            "out_of_domain is 'guess', expected one of",
        ),
        ({"style": "old", "strenght": 1.0}, 422, "strenght: extra inputs are not permitted"),
        ({"style": ["old", "proud"], "weights": [1]}, 422, "1 weights given for 2 styles"),
        ({"style": ["old", "proud"], "weights": [0, 0]}, 422, "not all of them 0"),
        ({"style": ["old"] * 9}, 413, "9 styles and reference clips are more than the limit of 8"),
        ({"like": "nosuch"}, 404, "there is no such clip"),
        ({"style": "old", "job": "a/b"}, 422, "job: "),
        ([], 422, "the request: "),
    ],
)
def test_a_bad_request_is_answered_with_a_sentence(
    client: TestClient, walk: dict[str, Any], wanted: Any, status: int, said: str
):
    answer = client.post(
        f"/api/clips/{walk['id']}/stylize",
        content=json.dumps(wanted),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]


def test_a_clip_with_its_skeleton_beside_it(client: TestClient):
    folder = Path(__file__).parent / "files" / "asf_amc" / "valid_amc"
    parts = [("file", (name, (folder / name).read_bytes())) for name in ("plain.amc", "plain.asf")]
    answer = client.post("/api/clips", files=parts)
    assert answer.status_code in (201, 422), answer.text
    assert "skeleton" not in answer.text.split("message")[-1] or answer.status_code == 201
    alone = client.post("/api/clips", files=parts[:1])
    assert (alone.status_code, "send its .asf file with it" in alone.text) == (400, True)
    wrong = client.post("/api/clips", files=[parts[0], ("file", ("a.txt", b"x"))])
    assert (wrong.status_code, "a.txt does not belong to plain.amc" in wrong.text) == (400, True)


def test_the_whole_way_in_one_request(client: TestClient, walk: dict[str, Any], walk_file: Path):
    kept = client.post(
        f"/api/clips/{walk['id']}/stylize", json={"style": "sad", "strength": 0.7}
    ).json()
    file = client.get(f"/api/clips/{kept['id']}/file").content
    parts = {"file": ("walk.bvh", walk_file.read_bytes())}
    answer = client.post("/api/stylize", data={"style": "sad", "strength": "0.7"}, files=parts)
    assert answer.status_code == 200, answer.text
    assert answer.content == file
    assert 'filename="walk_sad.bvh"' in answer.headers["content-disposition"]
    like = client.post(
        "/api/stylize",
        data={"format": ".bvh"},
        files=parts | {"like": ("wave.bvh", walk_file.read_bytes())},
    )
    assert 'filename="walk_like_wave.bvh"' in like.headers["content-disposition"]


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({}, 422, "neither style"),
        ({"style": "old", "seed": "-1"}, 422, "seed is -1, expected a whole number"),
        ({"style": "old", "strength": "x"}, 400, "strength: input should be a valid number"),
        ({"style": "old", "weights": "1,x"}, 400, "weights.1: "),
        ({"style": "old", "colour": "red"}, 400, "colour: extra inputs are not permitted"),
    ],
)
def test_a_bad_form_is_answered_with_a_sentence(
    client: TestClient, walk_file: Path, fields: dict[str, str], status: int, said: str
):
    answer = client.post(
        "/api/stylize", data=fields, files={"file": ("walk.bvh", walk_file.read_bytes())}
    )
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/api/stylize", "/api/clips"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x\r\n",
        b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--",
        b"--x--\r\n",
        b"\0" * 99,
    ],
)
def test_a_broken_form_is_answered_with_a_sentence(client: TestClient, path: str, body: bytes):
    answer = client.post(
        path, content=body, headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
    assert (
        client.post(path, content=body, headers={"content-type": "multipart/form-data"}).status_code
        == 400
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.bvh", "passwd.bvh"),
        ("C:\\clips\\walk.bvh", "walk.bvh"),
        ("/a/b/.bvh", None),
        ("..", None),
        ("", None),
        ("a\0b\n.bvh", "a_b_.bvh"),
        ("gå 歩く.BVH", "gå 歩く.BVH"),
        ('";x="y.bvh', "_;x=_y.bvh"),
        ("x" * 290 + ".bvh", "x" * 80 + ".bvh"),
    ],
)
def test_names_are_only_shown(client: TestClient, walk_file: Path, name: str, shown: str | None):
    answer = client.post("/api/clips", params={"name": name}, content=walk_file.read_bytes())
    if shown is None:
        assert answer.status_code == 415
        return
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == shown
    file = client.get(f"/api/clips/{answer.json()['id']}/file")
    assert file.status_code == 200
    disposition = file.headers["content-disposition"]
    assert "\n" not in disposition
    assert disposition.count('"') == 2


def test_a_name_that_looks_like_an_option_is_quoted_in_the_command(
    client: TestClient, walk_file: Path
):
    clip = client.post(
        "/api/clips", params={"name": "-o it's.bvh"}, content=walk_file.read_bytes()
    ).json()
    result = client.post(f"/api/clips/{clip['id']}/stylize", json={"style": "old"}).json()
    words = shlex.split(result["command"])
    assert words == [
        "kinestyle",
        "stylize",
        "./-o it's.bvh",
        "--style",
        "old",
        "-o",
        "./-o it's_old.bvh",
    ]


def test_nothing_of_a_client_stays_on_the_disk(client: TestClient, walk: dict[str, Any]):
    assert walk["id"], "a clip was read"
    folder = client.app.state.studio.pool.folder  # type: ignore[attr-defined]
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert found - {".kinestyle-lock"} == {"worker-0", "worker-1"}


def test_forgetting_a_clip(client: TestClient):
    clip = client.post("/api/examples/walk").json()
    assert client.delete(f"/api/clips/{clip['id']}").status_code == 204
    for path in ("", "/motion", "/file"):
        assert client.get(f"/api/clips/{clip['id']}{path}").status_code == 404
    assert client.delete(f"/api/clips/{clip['id']}").status_code == 404


def test_previews(client: TestClient):
    first = client.get("/api/previews/old")
    head, *_ = unpack(first.content)
    assert head["frame_count"] == 151
    assert (
        client.get("/api/previews/bandai1/old").content
        == first.content
        != client.get("/api/previews/proud").content
    )
    assert client.get("/api/previews/nosuch").status_code == 422


def test_what_is_asked_for_again_is_not_worked_out_again(
    client: TestClient, walk: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    first = client.post(f"/api/clips/{walk['id']}/stylize", json={"style": "tired"}).json()

    def work(*_: Any) -> None:
        raise AssertionError("a worker was asked")

    monkeypatch.setattr(client.app.state.studio.pool, "run", work)  # type: ignore[attr-defined]
    again = client.post(f"/api/clips/{walk['id']}/stylize", json={"style": "tired"}).json()
    assert again["id"] != first["id"]
    assert client.post("/api/examples/walk").status_code == 201
