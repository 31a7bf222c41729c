"""Poses in front of a motion: found, kept to the digit, and out of sight of everything else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.cli import main
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.lead_in import find_lead_in
from kinestyle.motion.window import Motion, WindowSize, collect
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.runtime.stylizer import Stylizer
from long_motion import long_clip
from made_cycles import WALK, walk_cycle

POSES = ("T", "A", "own")


def with_pose(clip: Clip, frames: int, pose: str = "T") -> Clip:
    """The clip with a pose of its rig in front: all rotations zero, its arms lowered from that by
    50 degrees, or a pose of the clip with raised arms.
    """
    names = clip.skeleton.names
    turned = np.zeros_like(clip.local_rotation[:1])
    turned[..., 0] = 1.0
    if pose == "own":
        turned = clip.local_rotation[:1].copy()
    degrees = {"T": 0.0, "A": 50.0, "own": -70.0}[pose]
    for side, sign in (("Left", -1.0), ("Right", 1.0)):
        arm = names.index(f"{side}Arm")
        lowered = rotation.exp(np.radians(sign * degrees) * np.array([0.0, 0.0, 1.0]))
        turned[:, arm] = rotation.multiply(lowered, turned[:, arm])
    position = clip.local_position[:1]
    return replace(
        clip.with_motion(
            np.concatenate([np.repeat(position, frames, axis=0), clip.local_position]),
            np.concatenate([np.repeat(turned, frames, axis=0), clip.local_rotation]),
        ),
        source=None,
    )


@pytest.mark.parametrize("frames", [1, 10, 60])
@pytest.mark.parametrize("pose", POSES)
def test_a_held_pose_and_a_jump_are_a_lead_in(walk_clip: Clip, frames: int, pose: str) -> None:
    assert find_lead_in(with_pose(walk_clip, frames, pose)) == frames


@pytest.mark.parametrize("every", [1, 2])
def test_a_quick_walk_at_a_low_rate_has_its_lead_in_found(every: int) -> None:
    quick = walk_cycle(30.0, in_place=True, pace=1.9)
    twice = quick.sample(np.tile(np.arange(0, quick.frame_count - 1, every), 3))
    assert find_lead_in(with_pose(twice, 2)) == 2


def test_motion_that_begins_at_once_has_none(walk_clip: Clip) -> None:
    for clip in (
        walk_clip,
        walk_clip.sample(np.arange(0, 151, 4)),  # as if at 7.5 frames a second
        walk_clip.sample(np.repeat(np.arange(0, 151, 6), 6)),  # animated on sixes
        walk_clip.sample(np.r_[np.zeros(20, dtype=int), np.arange(151)]),  # stands, then walks
        walk_clip.sample(np.zeros(40, dtype=int)),
        walk_clip.window(0, 1),
        with_pose(walk_clip, 1).window(0, 2),
    ):
        assert find_lead_in(clip) == 0


@pytest.mark.parametrize("frames", [1, 10])
def test_the_pose_is_kept_and_the_rest_is_as_without_it(
    tiny: Stylizer, walk_clip: Clip, tmp_path: Path, frames: int
) -> None:
    path, out = tmp_path / "in.bvh", tmp_path / "out.bvh"
    write_motion(with_pose(walk_clip, frames), path)
    clip = read_motion(path)
    result = tiny.stylize(clip, "one/calm")
    np.testing.assert_array_equal(result.local_rotation[:frames], clip.local_rotation[:frames])
    np.testing.assert_array_equal(result.local_position[:frames], clip.local_position[:frames])
    alone = tiny.stylize(clip.window(frames, clip.frame_count), "one/calm")
    np.testing.assert_array_equal(result.local_rotation[frames:], alone.local_rotation)
    np.testing.assert_array_equal(result.local_position[frames:], alone.local_position)
    assert any("no part of the motion" in note for note in result.warnings)
    write_motion(result, out)
    rows = [file.read_text().splitlines()[-clip.frame_count :][:frames] for file in (path, out)]
    assert rows[0] == rows[1]
    assert tiny.stylize(clip, "one/calm", strength=0).local_rotation is clip.local_rotation


def test_a_reference_is_what_is_behind_its_lead_in(tiny: Stylizer, walk_clip: Clip) -> None:
    with_, without = (tiny.reference_style(c) for c in (with_pose(walk_clip, 5), walk_clip))
    np.testing.assert_allclose(with_.mean, without.mean, atol=1e-6)


def test_contacts_and_notes_are_of_the_whole_clip(tiny: Stylizer, walk_clip: Clip) -> None:
    analysis = tiny.analyse(with_pose(walk_clip, 30))
    assert analysis.contact.shape == (181, 4)
    assert not analysis.contact[:30].any()
    assert analysis.contact[30:].any()
    assert analysis.own_domain.begins_seconds == pytest.approx(1.0)


def test_a_long_file_has_its_lead_in_kept(tiny: Stylizer, tmp_path: Path) -> None:
    clip = with_pose(long_clip(20.0), 3)
    path = tmp_path / "long.bvh"
    write_motion(clip, path)
    small = WindowSize(whole_frames=100, whole_seconds=3.0, frames=200, seconds=10.0)
    windowed = Stylizer(tiny.bundle, small)
    whole = read_motion(path)
    motion: Motion = _Streamed(whole)
    result = windowed.stylize(motion, "one/calm")
    assert result.frame_count == whole.frame_count
    done = collect(result, small)
    np.testing.assert_array_equal(done.local_rotation[:3], whole.local_rotation[:3])
    assert np.abs(done.local_rotation[3:] - whole.local_rotation[3:]).max() > 0.01
    np.testing.assert_array_equal(
        result.sample(np.array([0, 50])).local_rotation, done.local_rotation[[0, 50]]
    )


class _Streamed:
    """A clip as a motion that is no clip."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip

    def __getattr__(self, name: str) -> object:
        return getattr(self._clip, name)

    def with_warnings(self, *more: str) -> _Streamed:
        return _Streamed(self._clip.with_warnings(*more))


def test_the_command_tells(clip_file: Path, walk_clip: Clip) -> None:
    write_motion(with_pose(walk_clip, 1), clip_file)
    done = CliRunner().invoke(main, ["stylize", "walk.bvh", "--style", "old", "-o", "out.bvh"])
    assert done.exit_code == 0
    assert "the first frame is a pose that is no part of the motion in walk" in done.stderr


# ---------------------------------------------------------------- a T-pose in front of a result


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_a_t_pose_is_put_in_front(
    tiny: Stylizer, walk_clip: Clip, tmp_path: Path, strength: float
) -> None:
    c = correspond(walk_clip)
    without = tiny.stylize(walk_clip, "one/calm", strength=strength)
    result = tiny.stylize(walk_clip, "one/calm", strength=strength, t_pose=True)
    assert result.frame_count == walk_clip.frame_count + 1
    np.testing.assert_array_equal(result.local_rotation[1:], without.local_rotation)
    np.testing.assert_array_equal(result.local_position[1:], without.local_position)
    pose = to_canonical(result.window(0, 1), c)
    turned = rotation.angle(pose.world_rotation[0, c.roles])
    assert np.degrees(turned).max() < 0.01
    hips = to_canonical(without.window(0, 1), c).world_position[0, 0]
    np.testing.assert_allclose(pose.world_position[0, 0, [0, 2]], hips[[0, 2]], atol=1e-9)
    assert any("152 frames in all" in note for note in result.warnings)
    assert find_lead_in(result) == 1
    for suffix in (".bvh", ".glb", ".fbx"):
        out = tmp_path / f"out{suffix}"
        write_motion(result, out)
        assert read_motion(out).frame_count == 152
    rows = [p.read_text().splitlines() for p in (tmp_path / "out.bvh", WALK)]
    if strength == 0.0:  # the numbers of the file, behind one row more
        assert rows[0][-151:] == rows[1][-151:]


def test_a_t_pose_in_front_of_a_long_result(tiny: Stylizer) -> None:
    clip = long_clip(20.0)
    small = WindowSize(whole_frames=100, whole_seconds=3.0, frames=200, seconds=10.0)
    windowed = Stylizer(tiny.bundle, small)
    result = windowed.stylize(_Streamed(clip), "one/calm", t_pose=True)
    without = windowed.stylize(_Streamed(clip), "one/calm")
    done, rest = collect(result, small), collect(without, small)
    np.testing.assert_array_equal(done.local_rotation[1:], rest.local_rotation)


def test_the_command_says_what_it_put_in_front(clip_file: Path) -> None:
    line = ["stylize", "walk.bvh", "--style", "old", "--t-pose", "-o", "out.bvh"]
    done = CliRunner().invoke(main, line)
    assert done.exit_code == 0
    assert "the first frame of the result is a T-pose" in done.stderr
    assert read_motion("out.bvh").frame_count == 152
