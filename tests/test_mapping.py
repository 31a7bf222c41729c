"""The joint mapping on made-up rigs of every naming family, and on rigs without names."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle.errors import RigError
from kinestyle.motion import rotation
from kinestyle.motion.canonical import mirror_name
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton
from kinestyle.rig.mapping import map_joints, rig_of
from named_rigs import cut, make_rig, named, swaps, without_names
from rig_namings import FAMILIES, OTHER_NAMINGS


@pytest.mark.parametrize("up", ["Y", "Z"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family: str, up: str) -> None:
    made = make_rig(FAMILIES[family], seed=len(family), up=up)
    mapping = map_joints(made.clip)
    assert named(made.clip, mapping) == made.expected
    assert mapping.family == family
    assert (mapping.unit, mapping.metres_per_unit) == ("cm", 0.01)
    np.testing.assert_array_equal(mapping.up, made.up)
    assert set(mapping.unmapped) == set(made.clip.skeleton.names) - set(made.expected.values())
    assert mapping.confidence.keys() == mapping.joints.keys()
    assert min(mapping.confidence.values()) > 0.5
    assert not mapping.warnings


@pytest.mark.parametrize("naming", OTHER_NAMINGS)
def test_other_namings(naming: str) -> None:
    made = make_rig(OTHER_NAMINGS[naming], seed=len(naming))
    mapping = map_joints(made.clip)
    assert named(made.clip, mapping) == made.expected
    assert not mapping.warnings


@settings(max_examples=60, deadline=None)
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    seed=st.integers(0, 10_000),
    up=st.sampled_from("YZ"),
    unit=st.sampled_from(
        [("m", 1.0), ("cm", 0.01), ("inch", 0.0254), ("mm", 0.001), ("CMU", 0.05644)]
    ),
    a_pose=st.booleans(),
    extras=st.booleans(),
    without=st.frozensets(
        st.sampled_from(["toe", "neck", "clavicle", "spine", "hand"]), max_size=3
    ),
)
def test_any_body_in_any_naming(
    family: str,
    seed: int,
    up: str,
    unit: tuple[str, float],
    a_pose: bool,
    extras: bool,
    without: frozenset[str],
) -> None:
    if family == "Rigify":
        without -= {"neck"}  # its neck is called "spine.004", so what is left of it looks like one
    made = make_rig(FAMILIES[family], seed, up, unit[1], a_pose, extras, without)
    mapping = map_joints(made.clip)
    found = named(made.clip, mapping)
    assert not swaps(found, made.expected)
    assert found == made.expected
    assert (mapping.unit, mapping.metres_per_unit) == unit
    np.testing.assert_array_equal(mapping.up, made.up)


@settings(max_examples=40, deadline=None)
@given(
    family=st.sampled_from(sorted(set(FAMILIES) - {"CMU", "Rigify", "Rokoko", "CC3"})),
    seed=st.integers(0, 10_000),
    up=st.sampled_from("YZ"),
    without=st.frozensets(st.sampled_from(["clavicle", "spine"])),
)
def test_shape_alone(family: str, seed: int, up: str, without: frozenset[str]) -> None:
    made = make_rig(FAMILIES[family], seed, up, without=without)
    mapping = map_joints(without_names(made))
    found = named(made.clip, mapping)
    assert not swaps(found, made.expected)
    # which of several joints of a neck is which cannot be seen
    assert {role: name for role, name in found.items() if role != "neck"} == {
        role: name for role, name in made.expected.items() if role != "neck"
    }
    assert any("names tell nothing" in warning for warning in mapping.warnings)
    assert max(mapping.confidence.values()) < 0.7


def test_sides_named_wrongly_are_taken_as_the_knees_have_them() -> None:
    made = make_rig(FAMILIES["Mixamo"])
    skeleton = made.clip.skeleton
    other = {"Left": "Right", "Right": "Left"}
    swapped = tuple(
        re.sub("Left|Right", lambda found: other[found.group()], name) for name in skeleton.names
    )
    clip = replace(made.clip, skeleton=replace(skeleton, names=swapped))
    mapping = map_joints(clip)
    wanted = {role: made.expected[mirror_name(role)] for role in made.expected}
    assert named(clip, mapping) == wanted
    assert any("as if left and right were swapped" in warning for warning in mapping.warnings)
    assert mapping.confidence["left_thigh"] <= 0.5 < mapping.confidence["hips"]


def test_one_side_longer_than_the_other_is_said() -> None:
    made = make_rig(FAMILIES["Mixamo"], without=frozenset())
    keep = [joint for joint, name in enumerate(made.clip.skeleton.names) if "LeftToe" not in name]
    mapping = map_joints(cut(made.clip, keep))
    assert "left_toe" not in mapping.joints
    assert "right_toe" in mapping.joints
    assert any("right_toe" in warning for warning in mapping.warnings)


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        (("LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToe"), "no two legs"),
        (("LeftFoot", "LeftToe", "RightFoot", "RightToe"), "no two legs"),
        (("LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand"), "no two arms"),
        (("Arm", "Hand", "Foot", "Leg", "Toe", "Shoulder"), "no two legs"),
    ],
)
def test_what_is_no_body(gone: tuple[str, ...], sentence: str) -> None:
    clip = make_rig(FAMILIES["LAFAN1"], extras=False).clip
    keep = [
        joint
        for joint, name in enumerate(clip.skeleton.names)
        if not any(part in name for part in gone)
    ]
    with pytest.raises(RigError, match=sentence) as caught:
        map_joints(cut(clip, keep))
    assert "Hips" in str(caught.value)


def test_a_body_may_end_at_its_shoulders() -> None:
    """As rigs of MediaPipe do, whose head is an end site or nothing."""
    for family in ("LAFAN1", "Xsens/Poser", "SMPL"):
        made = make_rig(FAMILIES[family], extras=False)
        lost = {made.expected["neck"], made.expected["head"]}
        keep = [joint for joint, name in enumerate(made.clip.skeleton.names) if name not in lost]
        clip = cut(made.clip, keep)
        mapping = map_joints(clip)
        wanted = {
            role: name for role, name in made.expected.items() if role not in ("neck", "head")
        }
        assert named(clip, mapping) == wanted
        assert any("neither neck nor head" in warning for warning in mapping.warnings)
        assert mapping.unit == map_joints(made.clip).unit
        rig = rig_of(clip, mapping)
        assert map_joints(clip, rig).joints == mapping.joints


def test_a_hierarchy_that_hangs_from_the_head_is_told() -> None:
    """As those of SlimeVR did."""
    made = make_rig(FAMILIES["LAFAN1"], extras=False)
    skeleton = made.clip.skeleton
    names, hips = skeleton.names, skeleton.index("Hips")
    upwards = [hips, *(j for j in range(len(names)) if names[j] in ("Spine", "Spine1", "Spine2"))]
    parent = dict(pairwise(upwards)) | {upwards[-1]: -1}
    position = made.clip.world_position
    order: list[int] = []
    new_parents = {j: parent.get(j, int(skeleton.parents[j])) for j in range(len(names))}
    while len(order) < len(names):
        order += [j for j in new_parents if j not in order and new_parents[j] in (-1, *order)]
    parents = np.array([order.index(new_parents[j]) if new_parents[j] >= 0 else -1 for j in order])
    above = np.maximum(parents, 0)
    local = position[:, order] - position[:, order][:, above]
    local[:, 0] = position[:, order[0]]
    upside_down = Clip(
        Skeleton(tuple(names[j] for j in order), parents, local[0]),
        local,
        np.tile(rotation.IDENTITY, (*local.shape[:2], 1)),
        1 / 30,
    )
    with pytest.raises(RigError, match=r"hangs from the head.*the hips as the root"):
        map_joints(upside_down)
    with pytest.raises(RigError, match=r"hangs from the head.*the hips as the root"):
        map_joints(upside_down, rig_of(made.clip, map_joints(made.clip)))


def test_one_joint_and_one_frame() -> None:
    made = make_rig(FAMILIES["Mixamo"])
    with pytest.raises(RigError, match="no two legs"):
        map_joints(cut(made.clip, [0]))
    single = made.clip.with_motion(made.clip.local_position[:1], made.clip.local_rotation[:1])
    assert named(single, map_joints(single)) == made.expected


def test_motion_that_is_not_finite_is_refused() -> None:
    clip = make_rig(FAMILIES["Mixamo"]).clip
    broken = clip.local_position.copy()
    broken[3, 2, 1] = np.nan
    with pytest.raises(RigError, match="not finite"):
        map_joints(clip.with_motion(broken, clip.local_rotation))


def test_mapping_is_quick() -> None:
    clip = make_rig(FAMILIES["Bandai-Namco"], extras=False, frame_count=150).clip
    seconds = []
    for _ in range(10):
        start = time.process_time()
        map_joints(clip)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.025


def test_many_joints_take_little_time() -> None:
    made = make_rig(FAMILIES["Unreal"], frame_count=90)
    old = made.clip.skeleton
    head, extra = old.index("head"), 300 - old.joint_count
    parents = [head if k % 10 == 0 else old.joint_count + k - 1 for k in range(extra)]
    names = (*old.names, *(f"strand{k}" for k in range(extra)))
    offsets = np.tile([0.0, 2.0, 0.5], (extra, 1))
    skeleton = Skeleton(
        names, np.concatenate([old.parents, parents]), np.concatenate([old.offsets, offsets])
    )
    position = np.concatenate([made.clip.local_position, np.tile(offsets, (90, 1, 1))], axis=1)
    turns = np.concatenate(
        [made.clip.local_rotation, np.tile(rotation.IDENTITY, (90, extra, 1))], axis=1
    )
    clip = Clip(skeleton, position, turns, 1 / 30, "many")
    seconds = []
    for _ in range(3):
        start = time.process_time()
        mapping = map_joints(clip)
        seconds.append(time.process_time() - start)
    assert named(clip, mapping) == made.expected
    assert min(seconds) < 0.25


def test_a_body_hangs_from_one_joint() -> None:
    clip = make_rig(next(iter(FAMILIES.values())), seed=0, up="Y").clip
    parents = clip.skeleton.parents.copy()
    parents[-1] = -1
    loose = replace(clip, skeleton=Skeleton(clip.skeleton.names, parents, clip.skeleton.offsets))
    with pytest.raises(
        RigError, match=rf"2 of its joints have no parent \(.*{loose.skeleton.names[-1]}"
    ):
        map_joints(loose)
