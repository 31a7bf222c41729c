"""What every rig gets back from restyling: hierarchy, names, channels, tips, rate, length, and all
motion that has no role.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contract_rigs import RIGS, opened
from kinestyle.formats.bvh import read_bvh
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.inspection.report import inspect_clip
from kinestyle.motion.clip import Clip
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import (
    any_rotations,
    as_rig,
    rig_names,
    walk,
)
from stylizer_checks import BvhText, assert_sound, degrees_apart, place_apart

STYLES = ("old", "proud", "childish")


@pytest.mark.parametrize("rig", RIGS)
def test_every_rig_keeps_its_contract(
    released: Stylizer, data_dir: Path, tmp_path: Path, rig: str
) -> None:
    clip = opened(data_dir, RIGS[rig])
    given = tmp_path / "given.bvh"
    write_motion(clip, given)
    clip = read_motion(given)
    analysis = released.analyse(clip)
    same = released.apply(analysis, released.style_of("old"), strength=0.0)
    assert same.local_rotation is clip.local_rotation
    assert same.local_position is clip.local_position
    role_less = [
        j
        for j in range(clip.skeleton.joint_count)
        if j not in analysis.correspondence.mapping.joints.values()
    ]
    hips = analysis.correspondence.mapping.joints["hips"]
    above = {*clip.skeleton.ancestors(hips), hips}
    trunk = {
        j
        for role in ("chest", "head")
        if role in analysis.correspondence.mapping.joints
        for j in clip.skeleton.ancestors(analysis.correspondence.mapping.joints[role])
    }
    own = [j for j in role_less if j not in trunk - above]
    for style in STYLES:
        result = released.apply(analysis, released.style_of(style))
        out = tmp_path / f"{style}.bvh"
        assert write_motion(result, out) == ()
        again = read_motion(out)
        assert again.source.head_text == clip.source.head_text
        assert again.source.frame_time_text == clip.source.frame_time_text
        assert again.frame_count == clip.frame_count
        np.testing.assert_array_equal(again.skeleton.end_offsets, clip.skeleton.end_offsets)
        np.testing.assert_array_equal(again.local_rotation[:, own], clip.local_rotation[:, own])
        still = [j for j in range(clip.skeleton.joint_count) if j not in above]
        np.testing.assert_array_equal(again.local_position[:, still], clip.local_position[:, still])
        np.testing.assert_allclose(
            again.world_position,
            result.world_position,
            atol=1e-4 / analysis.correspondence.scale_to_canonical,
        )


# ---------------------------------------------------------------- through files, on their text


@pytest.fixture(scope="module")
def restyled_file(
    tiny: Stylizer, walk_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("restyled") / "walk.bvh"
    assert write_motion(tiny.stylize(read_motion(walk_file), "one/calm"), path) == ()
    return path


def test_the_file_keeps_all_it_says_beyond_the_motion(walk_file: Path, restyled_file: Path) -> None:
    before, after = BvhText.read(walk_file), BvhText.read(restyled_file)
    assert after.head == before.head
    assert (after.frames, after.frame_time) == (before.frames, before.frame_time)
    assert [len(row) for row in after.rows] == [len(row) for row in before.rows]
    a, b = read_bvh(walk_file), read_bvh(restyled_file)
    assert a.skeleton.names == b.skeleton.names
    np.testing.assert_array_equal(a.skeleton.offsets, b.skeleton.offsets)
    np.testing.assert_array_equal(a.skeleton.end_offsets, b.skeleton.end_offsets)
    assert a.source.channels == b.source.channels


def test_mapped_joints_move_and_others_keep_their_numbers(
    walk_file: Path, restyled_file: Path
) -> None:
    before, after = BvhText.read(walk_file), BvhText.read(restyled_file)

    def numbers(text: BvhText, joint: str) -> list[list[str]]:
        return [row[text.columns(joint)] for row in text.rows]

    for joint in ("Hips", "Spine1", "Head", "LeftArm", "RightHand", "LeftUpLeg", "RightFoot"):
        assert numbers(after, joint) != numbers(before, joint), joint
    kept = [name for name in inspect_clip(read_bvh(walk_file)).mapping.unmapped if name != "Spine1"]
    assert {"Lantern", "LeftHandThumb1", "LeftHandPinky3", "RightHandIndex2"} <= set(kept)
    for joint in kept:
        assert numbers(after, joint) == numbers(before, joint), joint
    # a joint other than the hips does not change its place on its parent either
    a, b = read_bvh(walk_file), read_bvh(restyled_file)
    np.testing.assert_array_equal(a.local_position[:, 1:], b.local_position[:, 1:])


def test_the_motion_read_back_is_the_motion_that_was_made(
    tiny: Stylizer, walk_clip: Clip, restyled_file: Path
) -> None:
    made = tiny.stylize(walk_clip, "one/calm")
    assert_sound(made)
    assert degrees_apart(made, read_motion(restyled_file)).max() < 1e-4
    assert place_apart(made, read_motion(restyled_file)) < 1e-3


@pytest.mark.parametrize("moving_root", [False, True])
def test_any_zero_pose_order_of_channels_and_root_is_kept(
    tiny: Stylizer, tmp_path: Path, moving_root: bool
) -> None:
    own = any_rotations(1, len(rig_names(moving_root)))
    rig, path, out = (
        as_rig(walk(2.0).clip, own, moving_root=moving_root),
        tmp_path / "rig.bvh",
        tmp_path / "out.bvh",
    )
    write_motion(rig, path)
    path.write_text(
        path.read_text().replace("Zrotation Xrotation Yrotation", "Yrotation Zrotation Xrotation")
    )
    clip = read_motion(path)
    result = tiny.stylize(clip, "proud")
    assert write_motion(result, out) == ()
    before, after = BvhText.read(path), BvhText.read(out)
    assert after.head == before.head
    assert "Yrotation Zrotation Xrotation" in after.head
    for finger in ("LeftHandIndex1", "RightHandIndex1"):
        columns = before.columns(finger)
        assert [row[columns] for row in after.rows] == [row[columns] for row in before.rows]
    assert place_apart(result, read_motion(out)) < 1e-4
    assert degrees_apart(result, clip).max() > 1.0


@pytest.mark.parametrize(
    "name",
    [
        "bvh_test3",
        "cmu_12_01_walk",
        "dab",
        "jumping_jacks",
        "scaled_131_01",
        "wave_hello",
        "zombie",
    ],
)
def test_real_rigs_keep_their_contract(
    tiny: Stylizer, data_dir: Path, tmp_path: Path, name: str
) -> None:
    path, out = data_dir / "wild" / f"{name}.bvh", tmp_path / "out.bvh"
    clip = read_motion(path)
    result = tiny.stylize(clip, "one/calm", strength=0.5)
    assert_sound(result)
    write_motion(result, out)
    again = read_motion(out)
    assert again.source.head_text == clip.source.head_text
    assert again.source.frame_time_text == clip.source.frame_time_text
    assert again.frame_count == clip.frame_count
    write_motion(tiny.stylize(clip, "one/calm", strength=0.0), out)
    np.testing.assert_array_equal(read_motion(out).source.values, clip.source.values)
