"""Styles of one's own: heard in clips that are no pairs, kept in a file, named like any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import done, kinestyle, refused
from kinestyle import Stylizer, learn_style, read_motion, write_motion, write_style
from kinestyle.bundle import Style
from kinestyle.errors import StyleError
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.own_styles import MOST_POSTURES, OwnStyle, describe, hear_style
from kinestyle.runtime.posture import Posture, find_posture
from kinestyle.runtime.reference import ReferenceStyle, StyleCode
from kinestyle.runtime.style_files import read_style, with_own_styles
from made_rigs import as_rig, walk
from test_reference import ARM, CHEST, degrees_off, held

LEARNED = [
    Style(f"set/{name}", 9.0, np.array([at, 0.0]), np.ones(2)) for name, at in (("a", 0), ("b", 1))
]


@pytest.fixture(scope="module")
def plain() -> Clip:
    return walk(seconds=4.0).clip


def heard(
    clip: Clip, code: float = 5.0, name: str = "clip", seconds: float = 8.0
) -> ReferenceStyle:
    """A clip with a code so far from those of `LEARNED`."""
    posture = find_posture(
        clip.world_rotation, clip.world_position[:, 0, 1], np.ones(clip.frame_count)
    )
    mean, std = np.array([code, 1.0], np.float32), np.full(2, 0.5, np.float32)
    return ReferenceStyle(name, seconds, mean, std, posture=posture)


@pytest.fixture(scope="module")
def goblin(plain: Clip) -> OwnStyle:
    """Bent, its left arm away from the body; one clip of three is of somebody else."""
    bent = [held(plain, bend, lift) for bend, lift in ((28.0, 52.0), (32.0, 48.0), (30.0, 50.0))]
    clips = [heard(clip, 5.0 + 0.1 * i, f"goblin_{i}") for i, clip in enumerate(bent)]
    return hear_style("own/goblin", [*clips, heard(plain, 0.5, "stranger")], LEARNED)


def test_what_clips_have_in_common_is_heard_and_a_stranger_counts_less(
    goblin: OwnStyle, plain: Clip
) -> None:
    assert [clip.name for clip in goblin.clips if clip.disagrees] == ["stranger"]
    weights = [clip.weight for clip in goblin.clips]
    assert sum(weights) == pytest.approx(1.0)
    assert weights[3] < 0.4 * min(weights[:3])
    assert 4.5 < goblin.mean[0] < 5.2
    assert goblin.posture is not None
    bent = rotation.angle(
        rotation.multiply(
            rotation.inverse(rotation.mean(plain.local_rotation[:, CHEST])),
            goblin.posture.mean[CHEST],
        )
    )
    assert 25.0 < np.degrees(bent) < 32.0
    assert (goblin.unfamiliar, goblin.seconds) == (1.0, 32.0)
    assert 0.0 < goblin.known_to < goblin.apart < 1.0


def test_a_long_clip_counts_no_more_than_twenty_seconds(plain: Clip) -> None:
    one, long = heard(plain, 0.0, seconds=20.0), heard(held(plain), 1.0, seconds=600.0)
    weights = [clip.weight for clip in hear_style("s", [one, long], LEARNED).clips]
    assert weights[0] == pytest.approx(weights[1])
    with pytest.raises(StyleError, match="no clip shows the style 'nobody'"):
        hear_style("nobody", [], LEARNED)


def test_legs_that_clips_hold_differently_are_no_style(plain: Clip) -> None:
    local = plain.local_rotation.copy()
    for side in ("left", "right"):
        thigh = CANONICAL.index(f"{side}_thigh")
        turn = rotation.exp(np.radians(-50.0) * np.array([1.0, 0.0, 0.0]))
        local[:, thigh] = rotation.multiply(turn, local[:, thigh])
    stepping_up = plain.with_motion(plain.local_position, local)
    alike, unlike = [plain, plain], [plain, stepping_up]
    for clips, legs in ((alike, 1.0), (unlike, 0.0), ([stepping_up], 1.0)):
        posture = hear_style("s", [heard(clip) for clip in clips], LEARNED).posture
        assert posture is not None
        assert posture.legs == pytest.approx(legs, abs=1e-6)


def test_what_was_heard_is_told_in_words(goblin: OwnStyle, plain: Clip) -> None:
    beside = heard(plain).posture
    assert beside is not None
    assert goblin.posture is not None
    told = " ".join(describe(goblin.posture, beside))
    assert "the trunk leans forward by" in told
    assert "the arms are wider by" in told
    assert describe(beside, beside) == ()


def test_a_style_file_is_read_as_it_was_written(
    released: Stylizer, plain: Clip, tmp_path: Path
) -> None:
    style = learn_style(released, "own/goblin", [held(plain), held(plain, 20.0)])
    path = tmp_path / "goblin.style"
    write_style(style, released.bundle, path)
    assert path.stat().st_size < 2**14
    again = read_style(path, released.bundle)
    assert again == style
    assert (again.unfamiliar, again.clips) == (style.unfamiliar, style.clips)
    assert again.posture is not None
    assert style.posture is not None
    np.testing.assert_allclose(again.posture.mean, style.posture.mean, atol=1e-8)
    assert again.posture.legs == style.posture.legs


@pytest.fixture
def file(goblin: OwnStyle, released: Stylizer, tmp_path: Path) -> Path:
    size = released.bundle.manifest.code_size or 0
    style = replace(goblin, mean=np.ones(size, np.float32), std=np.ones(size, np.float32))
    path = tmp_path / "goblin.style"
    write_style(style, released.bundle, path)
    return path


def test_it_is_named_by_its_file_or_by_its_name(
    file: Path, released: Stylizer, plain: Clip
) -> None:
    wanted = held(plain)
    by_file = released.stylize(plain, str(file))
    for joint in (CHEST, ARM):
        assert degrees_off(by_file, wanted, joint) < 0.3 * degrees_off(plain, wanted, joint)
    named = Stylizer.load(styles=[file.parent])
    assert "own/goblin" in [style.name for style in named.styles]
    by_name = named.stylize(plain, "goblin")
    np.testing.assert_array_equal(by_name.local_rotation, by_file.local_rotation)
    half = released.stylize(plain, str(file), strength=0.5)
    assert 0.3 < degrees_off(half, wanted, CHEST) / degrees_off(plain, wanted, CHEST) < 0.7
    mixed = named.style_of(Cue(style=("goblin", "old"), weights=(1.0, 3.0)))
    assert mixed.share == pytest.approx(0.25)
    drawn = named.style_of(Cue(random=True), 5)
    np.testing.assert_array_equal(drawn, released.style_of(Cue(random=True), 5))


def test_another_bundle_takes_its_posture_alone(file: Path, plain: Clip) -> None:
    other = Stylizer.load("open")
    style = other.style(str(file))
    assert isinstance(style, OwnStyle)
    assert "heard with the bundle bandai" in style.notes[0]
    assert len(style.mean) == other.bundle.manifest.code_size
    result = other.stylize(plain, str(file))
    assert degrees_off(result, held(plain), CHEST) < 0.3 * degrees_off(plain, held(plain), CHEST)
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "posture": None}))
    with pytest.raises(StyleError, match="has no posture, so that it says nothing to open"):
        read_style(file, other.bundle)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kinestyle style": 2}, "the version of the format"),
        ({"name": "a/b"}, "a name without a slash"),
        ({"mean": []}, "as many numbers as mean has"),
        ({"deviation": [1.0]}, "as many numbers as mean has"),
        ({"unfamiliar": 2.0}, "a number from 0 to 1"),
        ({"clips": [{"name": "x"}]}, "a number from 0"),
    ],
)
def test_a_style_file_that_is_none_is_refused(
    file: Path, change: dict[str, Any], said: str, released: Stylizer
) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(StyleError, match=rf"goblin.style, .*{said}"):
        read_style(file, released.bundle)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("mean", [0.0] * 84, "unit quaternions"), ("swing", [0.1], "63 numbers")],
)
def test_a_posture_that_is_none_is_refused(
    file: Path, name: str, value: list[float], said: str, released: Stylizer
) -> None:
    content = json.loads(file.read_text())
    content["posture"][name] = value
    file.write_text(json.dumps(content))
    with pytest.raises(StyleError, match=said):
        read_style(file, released.bundle)


def test_what_is_no_style_file_is_named(tmp_path: Path, released: Stylizer) -> None:
    with pytest.raises(StyleError, match=r"walk.bvh is neither a folder nor a .style file"):
        with_own_styles(released.bundle, [tmp_path / "walk.bvh"])
    assert with_own_styles(released.bundle, [tmp_path]) is released.bundle


# ---------------------------------------------------------------- on every interface


@pytest.fixture
def clips(here: Path, plain: Clip) -> Path:
    """A folder of three clips in one style on another rig, and a file that is no motion."""
    folder = here / "clips"
    folder.mkdir()
    for i, bend in enumerate((26.0, 30.0, 34.0)):
        write_motion(as_rig(held(plain, bend)), folder / f"take_{i}.bvh")
    (folder / "broken.bvh").write_text("HIERARCHY\n")
    (folder / "notes.txt").write_text("takes of Monday\n")
    return folder


def test_learn_and_stylize(clips: Path, clip_file: Path) -> None:
    learned = kinestyle("learn", clips, "-o", "goblin.style")
    assert learned.exit_code == 0, learned.output
    assert "left out: broken.bvh" in learned.stderr
    assert "notes.txt" not in learned.stderr
    assert "goblin: 12 s in 3 clips" in learned.stdout
    assert "the trunk leans forward by" in learned.stdout
    assert "how sure: " in learned.stdout
    kinestyle("stylize", clip_file, "--style", "goblin.style", "-o", "a.bvh")
    kinestyle("stylize", clip_file, "--styles", ".", "--style", "goblin", "-o", "b.bvh")
    assert Path("a.bvh").read_bytes() == Path("b.bvh").read_bytes()
    assert Path("a.bvh").read_bytes() != clip_file.read_bytes()
    assert "goblin" in done("styles", "--styles", ".").stdout
    listed = json.loads(done("styles", "--styles", ".", "--json").stdout)
    assert listed["styles"][-1]["name"] == "own/goblin"


def test_learning_is_refused_with_a_sentence(clips: Path) -> None:
    assert "call it goblin.style" in refused("learn", clips, "-o", "goblin.json")
    assert "without a slash" in refused("learn", clips, "--name", "a/b", "-o", "x.style")
    only_broken = clips / "broken.bvh"
    assert "broken.bvh" in refused("learn", only_broken, "-o", "x.style")
    (clips / "none").mkdir()
    assert "no clip in" in refused("learn", clips / "none", "-o", "x.style")


@pytest.fixture
def own_client(file: Path) -> Iterator[Any]:
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from kinestyle.studio.app import make_app
    from kinestyle.studio.config import StudioConfig

    config = StudioConfig(workers=1, styles=(file.parent,))
    with TestClient(make_app(config), base_url="http://127.0.0.1") as client:
        yield client


def test_the_studio_knows_the_styles_of_its_folders_and_reads_no_other(
    own_client: Any, file: Path
) -> None:
    known = own_client.get("/api/styles").json()
    assert "own/goblin" in [style["name"] for style in known["styles"]]
    walk_id = own_client.post("/api/examples/walk").json()["id"]
    made = own_client.post(f"/api/clips/{walk_id}/stylize", json={"style": ["goblin"]})
    assert made.status_code == 200, made.text
    command = made.json()["command"]
    assert f"--style goblin --styles {file.parent}" in command
    by_path = own_client.post(f"/api/clips/{walk_id}/stylize", json={"style": [str(file)]})
    assert by_path.status_code == 422
    assert "no style is called" in by_path.text


def test_python_takes_clips_of_any_rig(released: Stylizer, clips: Path, tmp_path: Path) -> None:
    motions = [read_motion(path) for path in sorted(clips.glob("take_*.bvh"))]
    style = learn_style(released, "own/goblin", motions)
    write_style(style, released.bundle, tmp_path / "it.style")
    assert len(style.clips) == 3


# ------------------------------------------------------------- the action a style is heard in


def test_a_style_holds_a_body_as_in_the_clips_that_do_the_same(plain: Clip) -> None:
    """Bent in one action, upright in another."""
    first, second = np.array([1.0, 0.0, 0.0]), np.array([0.0, 2.0, 0.0])
    bent, upright = heard(held(plain, 40.0, 0.0)), heard(plain)
    clips = [replace(bent, content=first), replace(upright, content=second)]
    style = hear_style("own/goblin", clips, LEARNED)
    assert [one.content is clip.content for one, clip in zip(style.heard_in, clips, strict=True)]

    def off(posture: Posture | None, clip: ReferenceStyle) -> float:
        assert posture is not None
        assert clip.posture is not None
        return degrees_between(posture.mean[CHEST], clip.posture.mean[CHEST])

    over_time = np.array([[1.0, 0.9, 1.1], [0.1, 0.0, 0.0], [0.0, 0.0, 0.1]])
    assert off(style.posture_in(over_time), bent) < 1.0
    assert off(style.posture_in(second[:, None]), upright) < 1.0
    between = style.posture_in(np.array([[0.5], [1.0], [0.0]]))
    assert min(off(between, bent), off(between, upright)) > 3.0
    code = StyleCode.of(style.mean, [style], [1.0])
    assert clips[1].posture is not None
    share, found = code.heard_in(second[:, None], clips[1].posture)
    assert share == style.unfamiliar == 1.0
    assert off(found, upright) < 1.0
    assert found is not None
    assert (found.acting, found.doing) == (None, None), "several clips are no one action"
    assert off(code.posture, upright) > 10.0
    alone = hear_style("own/goblin", [replace(bent, content=first)], LEARNED)
    assert alone.posture_in(second[:, None]) is alone.posture


def degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(rotation.angle(rotation.multiply(rotation.inverse(a), b))))


def test_what_clips_do_is_kept_in_the_file_for_their_bundle(
    released: Stylizer, plain: Clip, tmp_path: Path
) -> None:
    style = learn_style(released, "own/goblin", [held(plain), held(plain, 20.0)])
    path = tmp_path / "goblin.style"
    write_style(style, released.bundle, path)
    again = read_style(path, released.bundle)
    assert len(again.heard_in) == 2
    for one, before in zip(again.heard_in, style.heard_in, strict=True):
        np.testing.assert_allclose(one.content, before.content, atol=1e-4)
        np.testing.assert_allclose(one.posture.mean, before.posture.mean, atol=1e-8)
    assert read_style(path, Stylizer.load("open").bundle).heard_in == ()
    content = json.loads(path.read_text())
    content["heard in"][1]["content"] = [1.0]
    path.write_text(json.dumps(content))
    with pytest.raises(StyleError, match="as many for each"):
        read_style(path, released.bundle)


def test_the_postures_of_many_clips_stay_few(plain: Clip) -> None:
    clips = [replace(heard(plain), content=np.eye(30)[i]) for i in range(30)]
    style = hear_style("own/goblin", clips, LEARNED)
    assert len(style.heard_in) == MOST_POSTURES
