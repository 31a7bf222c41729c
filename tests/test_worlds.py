"""Worlds that are not as files mostly have them: tilted floors, mirrored captures, lying bodies;
and what a user says of them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.cli import main
from kinestyle.errors import MotionFileError
from kinestyle.formats.table import open_motion, read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, UP, mirror_name
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.tilted_floor import find_floor_normal
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.world_frame import mirror_axis
from made_rigs import as_rig, walk

X, Y, Z = np.eye(3)


def turned(clip: Clip, q: Array) -> Clip:
    """The clip in a world that is turned."""
    position, local = clip.local_position.copy(), clip.local_rotation.copy()
    position[:, 0] = rotation.rotate(q, position[:, 0])
    local[:, 0] = rotation.multiply(q, local[:, 0])
    return clip.with_motion(position, local)


def tilt(degrees: float, axis: Array = X) -> Array:
    return rotation.exp(np.radians(degrees) * axis)


@pytest.fixture(scope="module")
def walking() -> Clip:
    return as_rig(walk(5.0).clip, metres_per_unit=0.01)


@pytest.mark.parametrize(
    ("degrees", "axis"),
    [(2.5, X), (8.0, -Z), (8.0, rotation.normalize(X + Z)), (20.0, X), (20.0, Z)],
)
def test_a_tilted_floor_is_worked_with_as_level(walking, degrees, axis, released) -> None:
    q = tilt(degrees, axis)
    tilted = turned(walking, q)
    c = correspond(tilted)
    normal = rotation.rotate(q, UP)
    assert np.degrees(np.arccos(np.clip(c.mapping.up @ normal, -1, 1))) < 0.5
    (note,) = [note for note in c.mapping.warnings if "tilted" in note]
    assert f"tilted by {degrees:.0f}"[:12] in note
    # the result is that of the level clip, in the file's world
    level = released.stylize(walking, style="old")
    result = released.stylize(tilted, style="old")
    wanted = rotation.rotate(q, level.world_position)
    apart = np.linalg.norm(result.world_position - wanted, axis=-1)
    moved = np.linalg.norm(wanted - tilted.world_position, axis=-1)
    assert np.median(apart) < 0.1 * np.median(moved)


def test_a_level_floor_is_left_alone(walking) -> None:
    for clip in (walking, as_rig(walk(4.0, start_heading=1.0).clip)):
        c = correspond(clip)
        assert np.array_equal(c.mapping.up, UP)
        assert c.mapping.warnings == ()


def test_who_knows_better_says_so(walking, released) -> None:
    tilted = turned(walking, tilt(10.0))
    believed = replace(tilted, world=replace(tilted.world, tilted=False))
    assert np.array_equal(correspond(believed).mapping.up, UP)
    # too near together to be sure by themselves
    few = turned(walking.window(0, 30), tilt(10.0))
    assert np.array_equal(correspond(few).mapping.up, UP)
    told = correspond(replace(few, world=replace(few.world, tilted=True)))
    off = told.mapping.up @ rotation.rotate(tilt(10.0), UP)
    assert np.degrees(np.arccos(np.clip(off, -1, 1))) < 4.0


def steps(height_of: object, count: int = 12) -> Array:
    """Ankles (T, 2, 3) at 30 a second: each foot stands for half a second, then the other, half a
    metre ahead; height_of: of a place along the way
    """
    ankles = np.zeros((count * 15, 2, 3))
    for frame in range(len(ankles)):
        for side in range(2):
            number = (frame // 15 + side) // 2 * 2 - side
            share = np.clip((frame % 15) / 14.0, 0.0, 1.0) if (frame // 15 + side) % 2 else 0.0
            ahead = 0.5 * (number + 2.0 * share)
            ankles[frame, side] = (
                0.1 - 0.2 * side,
                height_of(ahead) + 0.1 * share * (1 - share),
                ahead,
            )  # type: ignore[operator]
    return ankles


def test_ramps_are_floors_and_stairs_are_none() -> None:
    ramp = find_floor_normal(steps(lambda z: 0.05 * z), 1 / 30, UP)
    assert ramp is not None
    assert np.degrees(np.arccos(ramp @ UP)) == pytest.approx(2.86, abs=0.3)
    assert find_floor_normal(steps(lambda z: 0.6 * z), 1 / 30, UP) is None
    assert find_floor_normal(steps(lambda z: 0.4 * (z > 2.5)), 1 / 30, UP) is None
    assert find_floor_normal(steps(lambda z: 0.1 * (int(z) % 2)), 1 / 30, UP) is None
    assert find_floor_normal(steps(lambda z: 0.0), 1 / 30, UP) is None
    # a body that leans against the floor by more than anyone does stands on stairs
    assert find_floor_normal(steps(lambda z: 0.3 * z), 1 / 30, UP) is None


@pytest.mark.parametrize("toes", [True, False])
def test_a_mirrored_capture_is_taken_as_the_knees_have_it(toes, released) -> None:
    without = frozenset() if toes else frozenset({"left_toe", "right_toe"})
    clip = as_rig(walk(3.0).clip, metres_per_unit=0.01, without=without)
    plain, mirrored = map_joints(clip), mirror_axis(clip)
    found = map_joints(mirrored)
    assert found.swapped
    assert "--no-swap-sides" in found.warnings[0]
    assert found.joints == {mirror_name(role): joint for role, joint in plain.joints.items()}
    # the body in it is a sound one
    analysis = released.analyse(mirrored)
    assert analysis.domain.share.mean() > 0.9
    canonical = to_canonical(mirrored, analysis.correspondence)
    knee = canonical.local_rotation[:, CANONICAL.index("left_shin")]
    assert rotation.log(knee)[:, 0].mean() > 0.1

    stated = [replace(mirrored, world=StatedWorld(mirrored=value)) for value in (True, False)]
    assert map_joints(stated[0]).joints == found.joints
    assert map_joints(stated[0]).warnings == ()
    assert map_joints(stated[1]).joints == plain.joints
    assert map_joints(replace(clip, world=StatedWorld(mirrored=True))).joints == found.joints


def test_a_body_that_lies_on_the_floor_of_the_usual_world_lies() -> None:
    """All bones along X at rest; the body lies along Z, then sits up: on the side of +Y all frames
    touch one level.
    """
    standing = walk(2.0).clip
    still = standing.sample(np.zeros(60, dtype=int))
    share = np.clip((np.arange(60) - 45) / 14.0, 0.0, 1.0)
    lying = np.stack([rotation.exp(-0.5 * np.pi * (1.0 - s) * X) for s in share])
    local = still.local_rotation.copy()
    local[:, 0] = rotation.multiply(lying, local[:, 0])
    position = still.local_position.copy()
    position[:, 0] = np.array([0.3, 0.0, 1.7])
    body = still.with_motion(position, local)
    # it touches the floor at zero, wherever it has come to
    position[:, 0, 1] -= body.world_position[..., 1].min(axis=1)
    body = still.with_motion(position, local)
    along_x = np.tile(rotation.from_axes(Y, Z), (CANONICAL.joint_count, 1))
    world = rotation.multiply(body.world_rotation, along_x)
    skeleton = replace(
        body.skeleton, offsets=rotation.rotate(rotation.inverse(along_x[0]), body.skeleton.offsets)
    )
    local = world.copy()
    local[:, 1:] = rotation.multiply(rotation.inverse(world[:, skeleton.parents[1:]]), world[:, 1:])
    from_parent = np.tile(skeleton.offsets, (60, 1, 1))
    from_parent[:, 0] = position[:, 0]
    clip = Clip(skeleton, from_parent, local, 1 / 30, "lying")
    np.testing.assert_allclose(clip.world_position, body.world_position, atol=1e-9)
    mapping = map_joints(clip)
    assert np.array_equal(mapping.up, UP)
    assert any("hardly stands upright" in note and "--up" in note for note in mapping.warnings)


def test_a_file_is_read_as_somebody_says(tmp_path, walking) -> None:
    """In Python, and as a long file that is read a window at a time."""
    path = tmp_path / "walk.bvh"
    write_motion(turned(walking, tilt(-90.0)), path)  # facing down: -Z is up
    assert read_motion(path).world == StatedWorld()
    said = {"up": "-Z", "swap_sides": True, "level": False}
    world = StatedWorld(up=(0.0, 0.0, -1.0), mirrored=True, tilted=False)
    for read in (read_motion, open_motion):
        clip = read(path, fps=25.0, **said)
        assert clip.world == world
        assert clip.frame_time_seconds == pytest.approx(0.04)
    mapping = map_joints(clip)
    assert np.array_equal(mapping.up, [0.0, 0.0, -1.0])
    assert mapping.joints["left_thigh"] == map_joints(walking).joints["right_thigh"]
    with pytest.raises(MotionFileError, match=r"up is 'Z', expected .* one of \+X"):
        read_motion(path, up="Z")


def test_the_command_line_says_the_same(tmp_path, walking) -> None:
    path = tmp_path / "walk.bvh"
    write_motion(turned(walking, tilt(8.0)), path)
    plain = inspected(path)
    assert any("tilted by 8.0 degrees" in note for note in plain["warnings"])
    assert inspected(path, "--no-level")["warnings"] == []
    assert inspected(path, "--up", "+Z", "--no-level")["up"] == "+Z"
    swapped = inspected(path, "--swap-sides", "--no-level")["joints"]
    assert swapped["left_thigh"]["joint"] == plain["joints"]["right_thigh"]["joint"]
    out = tmp_path / "out.bvh"
    ran = CliRunner().invoke(
        main, ["stylize", str(path), "--like", str(path), "--like-up", "+Y", "--no-like-level",
               "--no-level", "--fps", "30", "-o", str(out)]
    )  # fmt: skip
    assert (ran.exit_code, "tilted" in ran.output) == (0, False), ran.output
    ran = CliRunner().invoke(main, ["inspect", str(path), "--up", "north"])
    assert "up is 'north'" in ran.output


def inspected(path: Path, *options: str) -> dict[str, Any]:
    ran = CliRunner().invoke(main, ["inspect", str(path), "--json", *options])
    assert ran.exit_code == 0, ran.output
    return dict(json.loads(ran.stdout))
