"""The motion of one rig on another: bones point alike, feet stand where they stood, and the file is
the other rig's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.cli import main
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.retarget.contacts import CONTACT_JOINTS, find_contacts
from kinestyle.retarget.correspondence import Correspondence, correspond, to_canonical
from kinestyle.retarget.transfer import transfer
from made_rigs import any_rotations, as_rig, rig_names, walk

WALK = walk(3.0, 60.0).clip
SOURCE = as_rig(WALK, metres_per_unit=0.01)
LONG_LEGS = {"UpLeg": 1.35, "Leg": 1.25}


def with_legs(clip: Clip, factors: dict[str, float]) -> Clip:
    """The same rotations on a rig whose bones below some joints are longer, moved so that its feet
    are where they were.
    """
    position = clip.local_position.copy()
    for part, factor in factors.items():
        for joint, parent in enumerate(clip.skeleton.parents):
            if (
                clip.skeleton.names[parent].removeprefix("Left").removeprefix("Right") == part
                and parent >= 0
            ):
                position[:, joint] *= factor
    skeleton = clip.skeleton
    moved = Clip(
        Skeleton(
            skeleton.names,
            skeleton.parents,
            position[0],
            skeleton.end_parents,
            skeleton.end_offsets,
        ),
        position,
        clip.local_rotation,
        clip.frame_time_seconds,
        "long legs",
    )
    feet = [skeleton.index(f"{side}Foot") for side in ("Left", "Right")]
    up = np.argmax(np.ptp(clip.world_position[0], axis=0))
    lost = clip.world_position[:, feet, up].min(axis=1) - moved.world_position[:, feet, up].min(
        axis=1
    )
    position[:, 0, up] += lost
    return moved.with_motion(position, clip.local_rotation)


TARGETS = {
    "any axes, inches, Z up": lambda: as_rig(
        walk(1.0).clip, any_rotations(3, len(rig_names())), metres_per_unit=0.0254, up="Z"
    ),
    "long legs": lambda: with_legs(as_rig(walk(1.0).clip, metres_per_unit=0.01), LONG_LEGS),
    "no toes, no clavicles": lambda: as_rig(
        walk(1.0).clip,
        without=frozenset({"spine", "left_toe", "right_toe", "left_clavicle", "right_clavicle"}),
    ),
    "a root above": lambda: as_rig(walk(1.0).clip, moving_root=True),
}
EACH_TARGET = pytest.mark.parametrize("name", TARGETS)


def bones(clip: Clip, c: Correspondence) -> dict[str, Array]:
    """Limb bones (T, 3) by role, Y up; feet, whose pitch is each rig's own, are left out."""
    joints = c.mapping.joints
    position = rotation.rotate(c.axes, clip.world_position)
    pairs = {"thigh": "shin", "shin": "foot", "upper_arm": "forearm", "forearm": "hand"}
    ends = {f"{side}_{a}": f"{side}_{b}" for side in ("left", "right") for a, b in pairs.items()}
    return {a: position[:, joints[b]] - position[:, joints[a]] for a, b in ends.items()}


def degrees_apart(a: Array, b: Array) -> Array:
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1)))


def sliding(clip: Clip, c: Correspondence, contact: np.ndarray) -> float:
    """Mean speed over the ground of the rig's own ankles while they are planted, in metres a second
    of the canonical body.
    """
    columns = [
        i for i, role in enumerate(CONTACT_JOINTS) if CANONICAL.names[role] in c.mapping.joints
    ]
    joints = [c.mapping.joints[CANONICAL.names[role]] for role in CONTACT_JOINTS[columns]]
    place = rotation.rotate(c.axes, clip.world_position[:, joints]) * c.scale_to_canonical
    speed = np.linalg.norm(np.diff(place[..., [0, 2]], axis=0), axis=-1) / clip.frame_time_seconds
    planted = contact[:, columns]
    return float(speed[planted[1:] & planted[:-1]].mean())


@EACH_TARGET
def test_bones_point_alike_and_feet_stand(name: str) -> None:
    target = TARGETS[name]()
    result = transfer(SOURCE, target)
    c, t = correspond(SOURCE), correspond(target)
    source, moved = bones(SOURCE, c), bones(result, t)
    mean = {role: degrees_apart(source[role], moved[role]).mean() for role in source}
    assert np.mean(list(mean.values())) < 1.0
    assert max(mean.values()) < 4.0
    contact = find_contacts(to_canonical(SOURCE, c))
    # where nothing slides there is no ratio
    assert sliding(result, t, contact) < 1.2 * sliding(SOURCE, c, contact) + 0.005
    lowest = to_canonical(result, t).world_position[:, CONTACT_JOINTS, 1].min(axis=1)
    wanted = to_canonical(SOURCE, c).world_position[:, CONTACT_JOINTS, 1].min(axis=1)
    np.testing.assert_allclose(lowest, wanted, atol=0.02)


@EACH_TARGET
def test_the_rig_is_the_target_s_and_the_time_the_clip_s(name: str) -> None:
    target = TARGETS[name]()
    result = transfer(SOURCE, target)
    assert result.skeleton is target.skeleton
    assert (result.frame_count, result.frame_time_seconds, result.name) == (
        SOURCE.frame_count,
        1.0 / 60.0,
        SOURCE.name,
    )
    t = correspond(target)
    fingers = [
        joint
        for joint in range(target.skeleton.joint_count)
        if target.skeleton.names[joint].endswith("Index1")
    ]
    still = [*fingers, *target.skeleton.ancestors(t.mapping.joints["hips"])]
    for joint in still:
        np.testing.assert_array_equal(
            result.local_rotation[:, joint],
            np.tile(target.local_rotation[0, joint], (SOURCE.frame_count, 1)),
        )
    # no bone changes its length
    hips = t.mapping.joints["hips"]
    others = np.arange(target.skeleton.joint_count) != hips
    np.testing.assert_array_equal(
        result.local_position[:, others],
        np.repeat(target.local_position[:1, others], SOURCE.frame_count, axis=0),
    )


def test_travel_grows_with_the_legs() -> None:
    target = TARGETS["long legs"]()
    result = transfer(SOURCE, target)
    way = [
        np.ptp(clip.world_position[:, clip.skeleton.index("Hips")][:, [0, 2]], axis=0)
        for clip in (SOURCE, result)
    ]
    longer = correspond(SOURCE).scale_to_canonical / correspond(target).scale_to_canonical
    assert longer == pytest.approx(1.3, abs=0.01)
    np.testing.assert_allclose(way[1], longer * way[0], rtol=0.02)


def test_its_own_rig_gives_the_motion_back() -> None:
    result = transfer(SOURCE, SOURCE)
    height = np.ptp(SOURCE.world_position[0, :, 1])
    # the joint without a role between spine and chest takes its share of the bend
    apart = np.linalg.norm(result.world_position - SOURCE.world_position, axis=-1)
    assert apart.mean() < 0.002 * height
    assert apart.max() < 0.02 * height


def test_one_pose_is_enough_of_a_target() -> None:
    target = TARGETS["long legs"]()
    pose = replace(
        target.with_motion(target.local_position[:1], target.local_rotation[:1]),
        frame_time_seconds=1.0,
    )
    result = transfer(SOURCE, pose)
    source, moved = bones(SOURCE, correspond(SOURCE)), bones(result, correspond(target))
    assert np.mean([degrees_apart(source[role], moved[role]).mean() for role in source]) < 2.0


def test_the_command_line(tmp_path: Path) -> None:
    clip, rig, out = (tmp_path / name for name in ("walk.bvh", "rig.bvh", "out.bvh"))
    write_motion(SOURCE, clip)
    write_motion(TARGETS["any axes, inches, Z up"](), rig)
    done = CliRunner().invoke(main, ["retarget", str(clip), "--to", str(rig), "-o", str(out)])
    assert done.exit_code == 0, done.output
    result, target = read_motion(out), read_motion(rig)
    assert result.source.head_text == target.source.head_text
    assert (result.frame_count, result.frame_time_seconds) == (
        SOURCE.frame_count,
        pytest.approx(1.0 / 60.0),
    )
    refused = CliRunner().invoke(main, ["retarget", str(clip), "--to", str(rig), "-o", str(rig)])
    assert refused.exit_code == 1
    assert "also an input" in refused.output


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("wild/cmu_12_01_walk.bvh", "wild/zombie.bvh"),
        (
            "bandai/Bandai-Namco-Research-Motiondataset-2/data/dataset-2_walk_normal_001.bvh",
            "wild/jumping_jacks.bvh",
        ),
        (
            "wild/bvh_test1.bvh",
            "bandai/Bandai-Namco-Research-Motiondataset-2/data/dataset-2_walk_normal_001.bvh",
        ),
    ],
)
def test_real_rigs(data_dir: Path, source: str, target: str) -> None:
    clip, rig = read_motion(data_dir / source), read_motion(data_dir / target)
    frames = slice(0, 300)
    clip = clip.with_motion(clip.local_position[frames], clip.local_rotation[frames])
    result = transfer(clip, rig)
    c, t = correspond(clip), correspond(rig)
    before, after = bones(clip, c), bones(result, t)
    assert np.mean([degrees_apart(before[role], after[role]).mean() for role in before]) < 2.0
    contact = find_contacts(to_canonical(clip, c))
    assert sliding(result, t, contact) <= 1.2 * sliding(clip, c, contact)
