"""Files with several animations: which one is read, how another is, and where a result goes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gltf_clips import CENTIMETRES, RIG, plain, restyled
from kinestyle.cli import main
from kinestyle.errors import MotionFileError
from kinestyle.formats.animations import default_animation, find_animation
from kinestyle.formats.fbx.records import serialize
from kinestyle.formats.gltf import format_gltf, parse_gltf
from kinestyle.formats.gltf.animations import movement_of
from kinestyle.formats.table import read_animations, read_motion, write_motion
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.runtime.stylizer import Stylizer
from several_animations import as_mixamo_writes_it, several

WALK = replace(RIG, world=StatedWorld(1.0, (0.0, 1.0, 0.0)), name="walk")
LONGER_STILL = 90
"""Frames of the animation in which nothing moves, more than the walk has."""


def still(clip: Clip, frames: int) -> Clip:
    """A clip that keeps the first pose."""
    held = np.zeros(frames, dtype=int)
    return clip.sample(held)


# ---------------------------------------------------------------- which is read


def test_the_default_is_the_active_one_or_else_the_one_that_moves_most() -> None:
    assert default_animation([1.0, 3.0, 2.0]) == 1
    assert default_animation([1.0, 3.0, 2.0], active=2) == 2
    assert default_animation([1.0, 3.0, 0.0], active=2) == 1, "nothing moves in the active one"
    assert default_animation([0.0, 0.0], active=1) == 1


def test_what_rests_in_single_precision_does_not_move() -> None:
    """Two keys of one pose, of 500 joints, whose quaternions are as long as they can be told."""
    posed = np.random.default_rng(0).standard_normal((1, 500, 4)).astype(np.float32)
    posed /= np.linalg.norm(posed, axis=-1, keepdims=True)
    assert movement_of(np.repeat(posed, 2, axis=0), "rotation") == 0.0
    posed[0, 0] += np.float32(1e-3)
    assert movement_of(np.concatenate([np.roll(posed, 1, axis=1), posed]), "rotation") > 1.0


def test_an_animation_is_found_by_its_name_or_number() -> None:
    names = ["Armature|Walk", "Run", "run fast", "2"]
    for wanted, found in (
        ("Run", 1),
        ("run", 1),
        ("walk", 0),
        ("RUN FAST", 2),
        ("1", 0),
        ("2", 3),  # a name comes before a number
        ("4", 3),
    ):
        assert find_animation(names, wanted, "x.glb") == found, wanted
    with pytest.raises(MotionFileError, match=r"x.glb holds no animation 'Jump', .*'Run'"):
        find_animation(names, "Jump", "x.glb")
    with pytest.raises(MotionFileError, match="'5'"):
        find_animation(names, "5", "x.glb")


def test_of_a_gltf_file_the_one_that_moves_most_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.glb"
    path.write_bytes(several().glb())
    clip = read_motion(path)
    assert (clip.animation, clip.frame_count) == ("Walk", CENTIMETRES.frame_count)
    names = {animation.name: animation for animation in clip.animations}
    assert list(names) == ["Walk", "T-Pose", "Calm", "Hold"]
    assert [animation.moves for animation in clip.animations] == [True, False, True, False]
    assert names["Hold"].seconds == pytest.approx(9 * names["Walk"].seconds)
    assert "'Walk', the one that moves most, was read" in clip.warnings[0]
    calm = read_motion(path, animation="calm")
    assert (calm.animation, calm.warnings) == ("Calm", ())
    assert calm.animations == clip.animations
    steps = [np.abs(np.diff(each.world_position, axis=0)).sum() for each in (calm, clip)]
    assert steps[0] < 0.5 * steps[1]
    assert [each.animation for each in read_animations(path)] == list(names)


@pytest.mark.parametrize("active", ["mixamo.com", "Take 001", None])
def test_of_an_fbx_file_never_the_pose_in_front(active: str | None, tmp_path: Path) -> None:
    pytest.importorskip("ufbx", reason="reading FBX needs the fbx extra")
    path = tmp_path / "x.fbx"
    path.write_bytes(serialize(as_mixamo_writes_it(WALK, active)))
    clip = read_motion(path)
    assert (clip.animation, clip.frame_count) == ("mixamo.com", WALK.frame_count)
    assert [(name, moves) for name, _, moves in clip.animations] == [
        ("Take 001", False),
        ("mixamo.com", True),
    ]
    assert clip.animations[0].seconds == pytest.approx(3.0)
    pose = read_motion(path, animation="Take 001")
    assert (pose.frame_count, pose.is_still) == (LONGER_STILL + 1, True)


def test_of_two_moving_animations_the_active_one_is_read(tmp_path: Path) -> None:
    """Not the one that moves more: two takes of which the calmer one is marked."""
    pytest.importorskip("ufbx", reason="reading FBX needs the fbx extra")
    first = tmp_path / "first.fbx"
    write_motion(replace(WALK, name="wild"), first)
    wild = read_motion(first)
    calm = wild.with_motion(
        wild.local_position[:1] + 0.1 * (wild.local_position - wild.local_position[:1]),
        wild.local_rotation,
    )
    both = tmp_path / "both.fbx"
    write_motion(replace(calm.sample(np.arange(5)), animation="calm"), both)
    assert read_motion(both).animation == "calm"
    back = read_motion(both, animation="wild")
    np.testing.assert_allclose(back.world_position, wild.world_position, atol=1e-6)


# ---------------------------------------------------------------- where a result goes


def test_a_result_is_what_is_read_from_its_file() -> None:
    data = several().glb()
    calm = restyled(parse_gltf(data, "x.glb", wanted="Calm"))
    result = format_gltf(calm, "x.glb")[0]
    back = parse_gltf(result, "x.glb")
    assert back.animation == "Calm", "which moves less than the walk beside it"
    np.testing.assert_allclose(back.world_position, calm.world_position, atol=1e-5)
    before, after = plain(data)["animations"], plain(result)["animations"]
    assert [before[i] for i in (0, 1, 3)] == [after[i] for i in (0, 1, 3)]
    # and again for another one
    hold = restyled(parse_gltf(result, "x.glb", wanted="Hold"))
    assert parse_gltf(format_gltf(hold, "x.glb")[0], "x.glb").animation == "Hold"


def test_a_result_beside_the_original() -> None:
    data = several().glb()
    clip = parse_gltf(data, "x.glb")
    changed = replace(restyled(clip), animation="Walk old")
    result, notes = format_gltf(changed, "x.glb")
    assert notes == ()
    before, after = plain(data)["animations"], plain(result)["animations"]
    assert after[:-1] == before
    assert after[-1]["name"] == "Walk old"
    back = parse_gltf(result, "x.glb")
    assert back.animation == "Walk old"
    np.testing.assert_allclose(back.world_position, changed.world_position, atol=1e-5)
    targets = {
        (channel["target"]["node"], channel["target"]["path"]) for channel in after[-1]["channels"]
    }
    others = {
        (channel["target"]["node"], channel["target"]["path"])
        for channel in before[0]["channels"]
        if channel["target"]["node"] not in clip.source.nodes
    }
    assert others
    assert others <= targets, "the lantern and the eye move as they did"
    old = parse_gltf(result, "x.glb", wanted="Walk")
    np.testing.assert_array_equal(old.local_rotation, clip.local_rotation)


def test_an_fbx_result_beside_the_original(tmp_path: Path) -> None:
    pytest.importorskip("ufbx", reason="reading FBX needs the fbx extra")
    path = tmp_path / "x.fbx"
    path.write_bytes(serialize(as_mixamo_writes_it(WALK)))
    clip = read_motion(path)
    changed = replace(restyled(clip), animation="walk old")
    out = tmp_path / "out.fbx"
    assert write_motion(changed, out) == ()
    back = read_motion(out)
    assert back.animation == "walk old"
    assert [name for name, _, _ in back.animations] == ["Take 001", "mixamo.com", "walk old"]
    np.testing.assert_allclose(back.world_position, changed.world_position, atol=1e-3)
    old = read_motion(out, animation="mixamo.com")
    np.testing.assert_array_equal(old.local_rotation, clip.local_rotation)


def test_keep_original_in_python() -> None:
    clip = parse_gltf(several().glb(), "x.glb")
    stylizer = Stylizer.load()
    beside = stylizer.stylize(clip, style="old", keep_original=True)
    replaced = stylizer.stylize(clip, style="old")
    assert (beside.animation, replaced.animation) == ("Walk restyled", "Walk")
    np.testing.assert_array_equal(beside.local_rotation, replaced.local_rotation)


def test_on_the_command_line(tmp_path: Path) -> None:
    path, out = tmp_path / "x.glb", tmp_path / "out.glb"
    path.write_bytes(several().glb())

    def run(*words: str | Path) -> str:
        result = CliRunner().invoke(main, [*map(str, words)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    found = json.loads(run("inspect", path, "--json", "--animation", "Calm"))
    assert found["animation"] == "Calm"
    assert found["animations"][3] == {
        "name": "Hold",
        "seconds": pytest.approx(found["animations"][3]["seconds"]),
        "moves": False,
    }
    assert "nothing moves" in run("inspect", path)
    run("stylize", path, "--style", "old", "--animation", "Calm", "--keep-original", "-o", out)
    assert read_motion(out).animation == "out"
    said = run("stylize", path, "--style", "old", "--animation", "all", "-o", out)
    for name in ("Walk", "Calm", "Hold", "T-Pose"):
        place = tmp_path / f"out_{name}.glb"
        assert str(place) in said
        assert read_motion(place, animation=name).frame_count > 0
    assert "nothing moves in x_Hold" in said
    clip, changed = (read_motion(p, animation="Calm") for p in (path, tmp_path / "out_Calm.glb"))
    assert np.abs(clip.local_rotation - changed.local_rotation).max() > 0.01
    like = ["stylize", path, "--like", path, "-o"]
    run(*like, tmp_path / "a.bvh", "--like-animation", "Calm")
    run(*like, tmp_path / "b.bvh")
    assert (tmp_path / "a.bvh").read_bytes() != (tmp_path / "b.bvh").read_bytes()


def test_a_file_without_animations_has_none_to_name(walk_file: Path, tmp_path: Path) -> None:
    with pytest.raises(MotionFileError, match="holds one motion without a name, found 'Walk'"):
        read_motion(walk_file, animation="Walk")
    assert read_motion(walk_file).animations == ()
    assert [clip.animation for clip in read_animations(walk_file)] == [""]


def test_what_does_not_move_is_said() -> None:
    held = still(WALK, 40)
    warnings = Stylizer.load().analyse(held).clip.warnings
    assert f"nothing moves in {held.name}: all of its 40 frames are the same" in warnings
    assert not Stylizer.load().analyse(WALK).clip.warnings
