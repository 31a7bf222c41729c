"""Feet that hang on the root are found, and go with their legs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driving_motion import made_motions
from generated_rigs import Made, generate
from kinestyle.errors import RigError
from kinestyle.formats.placeholder import find_bind_pose
from kinestyle.inspection.diagnostics import find_diagnostics
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.retarget.correspondence import correspond
from kinestyle.retarget.transfer import transfer
from kinestyle.rig.mapping import map_joints, rig_of
from mapping_score import Tally, score
from rig_namings import FAMILIES
from rig_traits import feet_on_the_root

SIDES = ("left", "right")


@pytest.fixture(scope="module")
def made() -> list[Clip]:
    return made_motions()


def in_its_leg(clip: Clip, foot: int, shin: int) -> Array:
    """(T, 3) where the foot is as its shin sees it."""
    return rotation.rotate(
        rotation.inverse(clip.world_rotation[:, shin]),
        clip.world_position[:, foot] - clip.world_position[:, shin],
    )


def with_control(rig: Made) -> tuple[Clip, int, int]:
    """The rig's clip with one more joint on the root, which lies at the left ankle and turns with
    it; its index, and the ankle's.
    """
    clip, ankle = rig.clip, min(rig.expected["left_foot"])
    old = clip.skeleton
    skeleton = Skeleton(
        (*old.names, "control"),
        np.append(old.parents, 0),
        np.concatenate([old.offsets, np.zeros((1, 3))]),
        old.end_parents,
        old.end_offsets,
    )
    back = rotation.inverse(clip.world_rotation[:, :1])
    place = clip.world_position[:, [ankle]] - clip.world_position[:, :1]
    added = replace(
        clip,
        skeleton=skeleton,
        local_position=np.concatenate([clip.local_position, rotation.rotate(back, place)], axis=1),
        local_rotation=np.concatenate(
            [clip.local_rotation, rotation.multiply(back, clip.world_rotation[:, [ankle]])], axis=1
        ),
    )
    return added, skeleton.joint_count - 1, ankle


@pytest.mark.parametrize("family", FAMILIES)
def test_they_are_found_by_name(made: list[Clip], family: str) -> None:
    rigs = [feet_on_the_root(generate(seed, family, made[seed % 3])) for seed in range(4)]
    found = Tally([score(rig)[0] for rig in rigs])
    assert found.refused == 0
    assert found.right_share >= 0.97


@pytest.mark.parametrize("root", ["planted", "keep"])
@pytest.mark.parametrize("seed", range(3))
def test_they_stay_at_the_legs_end(made, seed, root, released) -> None:
    whole = generate(seed, "Unreal", made[0])
    hanging = feet_on_the_root(whole)
    results = [released.stylize(rig.clip, style="old", root=root) for rig in (whole, hanging)]
    for side in SIDES:
        foot, shin = (min(whole.expected[f"{side}_{part}"]) for part in ("foot", "shin"))
        before = in_its_leg(hanging.clip, foot, shin)
        after = in_its_leg(results[1], foot, shin)
        size = np.linalg.norm(before, axis=-1).mean()
        assert np.abs(after - before).max() < 1e-6 * size
        # as if they hung on the leg
        apart = results[1].world_position[:, foot] - results[0].world_position[:, foot]
        assert np.abs(apart).max() < 1e-6 * size
        off = rotation.multiply(
            rotation.inverse(results[0].world_rotation[:, foot]),
            results[1].world_rotation[:, foot],
        )
        assert np.degrees(rotation.angle(off)).max() < 1e-3


def test_what_lies_at_an_ankle_goes_along(made, released) -> None:
    for rig in (generate(2, "CC3", made[0]), feet_on_the_root(generate(2, "CC3", made[0]))):
        clip, control, ankle = with_control(rig)
        result = released.stylize(clip, style="old")
        apart = result.world_position[:, control] - result.world_position[:, ankle]
        size = np.ptp(clip.world_position[0], axis=0).max()
        assert np.abs(apart).max() < 1e-6 * size
        off = rotation.multiply(
            rotation.inverse(result.world_rotation[:, ankle]), result.world_rotation[:, control]
        )
        assert np.degrees(rotation.angle(off)).max() < 1e-3
        assert np.abs(result.world_position - clip.world_position)[:, control].max() > 0.01 * size


def test_a_rig_may_name_them(made, released) -> None:
    hanging = feet_on_the_root(generate(1, "VRM", made[0]))
    rig = rig_of(hanging.clip, map_joints(hanging.clip))
    mapping = map_joints(hanging.clip, rig)
    assert {joint for joint, _ in mapping.carried} == {
        min(hanging.expected[f"{side}_foot"]) for side in SIDES
    }
    swapped = {"left_foot": rig.joints["right_foot"], "right_foot": rig.joints["left_foot"]}
    joints = {role: names for role, names in rig.joints.items() if not role.endswith("toe")}
    wrong = replace(rig, joints=joints | swapped)
    with pytest.raises(RigError, match=r"neither lies below the shin .* nor stays at its end"):
        map_joints(hanging.clip, wrong)


def test_they_are_carried_where_motion_comes_from_another_rig(made) -> None:
    target = feet_on_the_root(generate(4, "Rigify", made[0]))
    moved = transfer(made[1], target.clip)
    pose = find_bind_pose(target.clip)
    position, world = pose.world()
    for side in SIDES:
        foot, shin = (min(target.expected[f"{side}_{part}"]) for part in ("foot", "shin"))
        first = in_its_leg(target.clip, foot, shin)[0]
        size = np.linalg.norm(first)
        assert np.abs(in_its_leg(moved, foot, shin) - first).max() < 1e-6 * size
        bound = rotation.rotate(rotation.inverse(world[shin]), position[foot] - position[shin])
        assert np.abs(bound - first).max() < 1e-6 * size


def test_strength_0_changes_nothing(made, released) -> None:
    hanging = feet_on_the_root(generate(0, "Mixamo", made[0])).clip
    assert released.stylize(hanging, style="old", strength=0.0) is hanging
    c = correspond(hanging)
    assert len(c.mapping.carried) == 2
    assert "stretching" not in {found.kind for found in find_diagnostics(hanging, c)}


def test_a_foot_that_its_leg_does_not_reach_at_times_is_found(made) -> None:
    """IK leaves it behind: in a lunge, for near half of the clip."""
    hanging = feet_on_the_root(generate(2, "Mixamo", made[0])).clip
    foot = map_joints(hanging).joints["left_foot"]
    position = hanging.local_position.copy()
    third = slice(0, hanging.frame_count // 3)
    leg = np.ptp(hanging.world_position[0], axis=0).max()
    position[third, foot] += 0.2 * leg * np.array([0.0, 0.0, 1.0])
    mapping = map_joints(hanging.with_motion(position, hanging.local_rotation))
    assert mapping.joints["left_foot"] == foot
