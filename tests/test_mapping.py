"""The joint mapping on made-up rigs of every naming family, on rigs without names, and on real
files where they are there.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle.errors import RigError
from kinestyle.formats.asf_amc import read_amc
from kinestyle.formats.bvh import read_bvh
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton, forward_kinematics
from kinestyle.rig.body_frame import axis_name, find_up, standing_axis
from kinestyle.rig.mapping import DOUBTFUL, JointMapping, map_joints
from kinestyle.rig.names import read_names
from rig_namings import FAMILIES, OTHER_NAMINGS, Naming, Rows

REST, _ = forward_kinematics(CANONICAL, CANONICAL.offsets, np.tile(rotation.IDENTITY, (21, 1)))
PLACE = dict(zip(CANONICAL.names, REST, strict=True))
PLACE["spine"] = 0.6 * PLACE["hips"] + 0.4 * PLACE["chest"]
X, Y, Z = np.eye(3)


def between_roles(
    rows: Rows, side: str, start: np.ndarray
) -> list[tuple[str, str | None, np.ndarray]]:
    """Joints of a chain and their places in the T-pose: those without a role evenly between their
    neighbours, or past the end.
    """
    places = [PLACE.get(side + role) if role else None for _, role in rows]
    found = []
    before = start
    for i, (name, role) in enumerate(rows):
        place = places[i]
        if place is None:
            ahead = next(((k, p) for k, p in enumerate(places[i:], start=1) if p is not None), None)
            # the first joint of a leg without a role is of no length (CMU's hip joint)
            if ahead is None:
                place = before + (0.1 * Z if "Toe" in name else 0.18 * Y)
            else:
                place = start if side and i == 0 else before + (ahead[1] - before) / ahead[0]
        found.append((name, role, place))
        before = place
    return found


@dataclass(frozen=True)
class Made:
    clip: Clip
    expected: dict[str, str]
    up: np.ndarray


def make_rig(
    naming: Naming,
    seed: int = 0,
    up: str = "Y",
    metres_per_unit: float = 0.01,
    a_pose: bool = False,
    extras: bool = True,
    without: frozenset[str] = frozenset(),
    frame_count: int = 60,
) -> Made:
    """A rig in a family's names, walking about: scrambled zero pose, any heading, left and right of
    slightly unlike length.

    without: roles (no side) that the rig lacks; "spine" leaves the chest as the only spine joint.
    """
    random = np.random.default_rng(seed)
    rows: list[
        tuple[str, str | None, str | None, np.ndarray]
    ] = []  # name, role, parent, place in the T-pose

    def add_chain(
        chain: list[tuple[str, str | None, np.ndarray]], parent: str | None, side: str = ""
    ) -> str:
        for name, role, place in chain:
            if role in without or (
                role is None and (not extras or ("neck" in without and "eck" in name))
            ):
                continue
            rows.append((name, side + role if role else None, parent, place))
            parent = name
        assert parent is not None
        return parent

    parent: str | None = None
    for name in naming.above:
        rows.append((name, None, parent, np.zeros(3)))
        parent = name
    trunk = (
        naming.trunk
        if "spine" not in without
        else tuple(row for row in naming.trunk if row[1] in ("hips", "chest"))
    )
    hips = trunk[0][0]
    chest = add_chain(between_roles(trunk, "", PLACE["hips"]), parent)
    add_chain(between_roles(naming.top, "", PLACE[trunk[-1][1] or "chest"]), chest)
    thighs = hips
    if naming.thighs_below:
        rows.append((naming.thighs_below, None, hips, PLACE["hips"]))
        thighs = naming.thighs_below
    for side, word in zip(("left_", "right_"), naming.sides, strict=True):
        arm = between_roles(
            [(name.format(word), role) for name, role in naming.arm], side, PLACE["chest"]
        )
        leg = between_roles(
            [(name.format(word), role) for name, role in naming.leg], side, PLACE["hips"]
        )
        hand = add_chain(arm, chest, side)
        add_chain(leg, thighs, side)
        if extras:
            outwards = X if side == "left_" else -X
            for k, name in enumerate(naming.fingers):
                place = PLACE[side + "hand"] + 0.08 * outwards + 0.02 * k * Z
                rows.append((name.format(word), None, hand, place))
            owners = ("upper_arm", "forearm", "thigh", "shin")
            for owner, tip, name in zip(
                owners, ("forearm", "hand", "shin", "foot"), naming.twists, strict=False
            ):
                joint = next(name for name, role, _, _ in rows if role == side + owner)
                rows.append(
                    (
                        name.format(word),
                        None,
                        joint,
                        0.5 * (PLACE[side + owner] + PLACE[side + tip]),
                    )
                )
    if extras:
        head = next(name for name, role, _, _ in rows if role == "head")
        for name in ("LeftEye", "RightEye", "Jaw"):
            rows.append((name, None, head, PLACE["head"] + 0.08 * Y + 0.08 * Z))
        rows.append(("prop_sword", None, rows[0][0], 0.5 * X + 0.2 * Y))

    names = [name for name, _, _, _ in rows]
    order = sorted(range(len(rows)), key=lambda i: depth(rows, i))
    rows = [rows[i] for i in order]
    names = [name for name, _, _, _ in rows]
    parents = np.array([names.index(parent) if parent else -1 for _, _, parent, _ in rows])
    place = np.array([row[3] for row in rows])
    bones = place - place[np.maximum(parents, 0)]
    bones[0] = place[0]
    bones *= 1.0 + 0.03 * random.standard_normal((len(rows), 1))

    # what the body does: turns of each joint away from the T-pose, in T-pose axes
    joints = len(rows)
    time_ = np.linspace(0.0, 2.0 * np.pi, frame_count)
    wave = np.sin(
        time_[:, None, None] * random.integers(1, 3, (1, joints, 3))
        + random.uniform(0, 7, (1, joints, 3))
    )
    turn = rotation.exp(np.radians(6.0) * wave * random.uniform(0.3, 1.0, (1, joints, 3)))
    for joint, (_, role, _, _) in enumerate(rows):
        if role and role.endswith("shin"):
            turn[:, joint] = rotation.multiply(
                rotation.exp(np.radians(25 + 20 * np.sin(time_ + joint))[:, None] * X),
                turn[:, joint],
            )
        if role and role.endswith("upper_arm"):
            down = np.radians(45.0 if a_pose else 70.0) * (-1.0 if role.startswith("left") else 1.0)
            turn[:, joint] = rotation.multiply(rotation.exp(down * Z), turn[:, joint])
        if role and role.endswith("forearm"):
            bend = np.radians(20.0) * (-1.0 if role.startswith("left") else 1.0)
            turn[:, joint] = rotation.multiply(rotation.exp(bend * Y), turn[:, joint])
    heading = rotation.about_y(random.uniform(0, 2 * np.pi) + 0.3 * np.sin(time_))
    turn[:, 0] = rotation.multiply(heading, turn[:, 0])
    root = np.zeros((frame_count, 3)) + bones[0]
    root += (
        np.stack([time_ * 0.3, 0.02 * np.sin(2 * time_), 0.5 * np.cos(time_)], axis=-1)
        + random.uniform(-2, 2) * X
    )

    # each joint's own axes point anywhere: a zero pose that means nothing
    own = rotation.normalize(random.standard_normal((joints, 4)))
    above = np.concatenate([rotation.IDENTITY[None], own[parents[1:]]])
    local_rotation = rotation.multiply(rotation.multiply(rotation.inverse(above), turn), own)
    offsets = rotation.rotate(rotation.inverse(above), bones)
    local_position = np.tile(offsets, (frame_count, 1, 1))
    local_position[:, 0] = root
    world = rotation.exp(np.radians(90.0) * X) if up == "Z" else rotation.IDENTITY
    local_rotation[:, 0] = rotation.multiply(world, local_rotation[:, 0])
    local_position[:, 0] = rotation.rotate(world, local_position[:, 0])
    clip = Clip(
        Skeleton(tuple(names), parents, offsets / metres_per_unit),
        local_position / metres_per_unit,
        local_rotation,
        1 / 30,
        "made",
    )
    return Made(clip, {role: name for name, role, _, _ in rows if role}, Z if up == "Z" else Y)


def depth(rows: list[tuple[str, str | None, str | None, np.ndarray]], i: int) -> int:
    parents = {name: parent for name, _, parent, _ in rows}
    count, name = 0, rows[i][2]
    while name is not None:
        count, name = count + 1, parents[name]
    return count


def named(clip: Clip, mapping: JointMapping) -> dict[str, str]:
    return {role: clip.skeleton.names[joint] for role, joint in mapping.joints.items()}


def swaps(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    right = {name for role, name in expected.items() if role.startswith("right_")}
    return [role for role, name in found.items() if role.startswith("left_") and name in right]


def without_names(made: Made) -> Clip:
    """The same rig with joints named by number only."""
    skeleton = made.clip.skeleton
    return replace(
        made.clip,
        skeleton=replace(
            skeleton, names=tuple(f"joint_{joint}" for joint in range(skeleton.joint_count))
        ),
    )


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


def test_a_mirrored_file_keeps_its_names_but_is_doubted() -> None:
    made = make_rig(FAMILIES["Mixamo"])
    skeleton = made.clip.skeleton
    other = {"Left": "Right", "Right": "Left"}
    swapped = tuple(
        re.sub("Left|Right", lambda found: other[found.group()], name) for name in skeleton.names
    )
    clip = replace(made.clip, skeleton=replace(skeleton, names=swapped))
    mapping = map_joints(clip)
    assert named(clip, mapping) == made.expected
    assert any("as if swapped" in warning for warning in mapping.warnings)
    assert mapping.confidence["left_thigh"] <= 0.5 < mapping.confidence["hips"]


def test_one_side_longer_than_the_other_is_said() -> None:
    made = make_rig(FAMILIES["Mixamo"], without=frozenset())
    keep = [joint for joint, name in enumerate(made.clip.skeleton.names) if "LeftToe" not in name]
    mapping = map_joints(cut(made.clip, keep))
    assert "left_toe" not in mapping.joints
    assert "right_toe" in mapping.joints
    assert any("right_toe" in warning for warning in mapping.warnings)


@pytest.mark.parametrize("axis", ["+X", "-Y", "-Z"])
def test_unusual_up_axes(axis: str) -> None:
    made = make_rig(FAMILIES["Mixamo"])
    wanted = np.eye(3)["XYZ".index(axis[1])] * (1.0 if axis[0] == "+" else -1.0)
    turn = rotation.between(Y, wanted)
    np.testing.assert_array_equal(map_joints(turned(made.clip, turn)).up, wanted)


def test_a_clip_that_ends_lying_down() -> None:
    made = make_rig(FAMILIES["Bandai-Namco"], frame_count=90)
    clip = made.clip
    falling = np.clip(np.linspace(-1.5, 1.5, 90), 0.0, 1.0)
    turn = rotation.exp(np.radians(90.0) * falling[:, None] * X)
    world_position = clip.world_position[:, clip.skeleton.index("Hips")]
    lying = rotation.rotate(turn, world_position)
    lying[:, 1] += 15.0 * falling - (lying[:, 1] - world_position[:, 1] * (1.0 - falling))
    local_rotation = clip.local_rotation.copy()
    local_rotation[:, 0] = rotation.multiply(turn, local_rotation[:, 0])
    local_position = clip.local_position.copy()
    hips_offset = rotation.rotate(local_rotation[:, 0], local_position[:, 1])
    local_position[:, 0] = lying - hips_offset
    mapping = map_joints(clip.with_motion(local_position, local_rotation))
    np.testing.assert_array_equal(mapping.up, Y)
    assert named(clip, mapping) == made.expected


def test_the_rest_pose_decides_where_a_clip_on_the_floor_leaves_up_open() -> None:
    still = np.ones((40, 1))
    # two frames of ten on the feet, then along Z on the floor
    trunk = np.where(np.arange(40)[:, None] < 8, Y, 0.9 * Z + 0.1 * Y)
    hips = np.where(np.arange(40)[:, None] < 8, 0.9 * Y, 0.1 * Y)
    head, ankles = hips + 0.6 * trunk, hips - 0.85 * trunk
    body = np.stack([hips, head, ankles, hips + 0.2 * X * still], axis=1)
    lying = hips, head, ankles, body
    up, margin = find_up(*lying)
    np.testing.assert_array_equal(up, Z)
    assert margin < 0.4
    np.testing.assert_array_equal(find_up(*lying, Y)[0], Y)
    np.testing.assert_array_equal(find_up(*lying, Z)[0], Z)
    upright = hips[:8], head[:8], ankles[:8], body[:8]
    np.testing.assert_array_equal(find_up(*upright, Z)[0], Y)


def test_which_rest_poses_stand() -> None:
    nowhere = np.zeros(3)
    np.testing.assert_array_equal(standing_axis(nowhere, Y, -Y + 0.2 * X), Y)
    np.testing.assert_array_equal(standing_axis(nowhere, 0.6 * Z, -0.8 * Z), Z)
    assert standing_axis(nowhere, X, -X) is None
    assert standing_axis(nowhere, Y, Y) is None
    assert standing_axis(nowhere, Y, Z) is None
    assert standing_axis(nowhere, nowhere, nowhere) is None


def test_a_stature_that_no_unit_explains() -> None:
    made = make_rig(FAMILIES["Mixamo"], metres_per_unit=0.0385)
    mapping = map_joints(made.clip)
    assert mapping.unit == "unknown"
    assert mapping.metres_per_unit == pytest.approx(0.0385, rel=0.05)
    assert any("no usual unit" in warning for warning in mapping.warnings)


def turned(clip: Clip, turn: np.ndarray) -> Clip:
    """The clip with its world turned."""
    local_position, local_rotation = clip.local_position.copy(), clip.local_rotation.copy()
    local_position[:, 0] = rotation.rotate(turn, local_position[:, 0])
    local_rotation[:, 0] = rotation.multiply(turn, local_rotation[:, 0])
    return clip.with_motion(local_position, local_rotation)


def cut(clip: Clip, keep: list[int]) -> Clip:
    """The clip with only the joints in `keep`, whose parents must be among them."""
    old = clip.skeleton
    parents = np.array(
        [keep.index(int(old.parents[joint])) if old.parents[joint] >= 0 else -1 for joint in keep]
    )
    skeleton = Skeleton(tuple(old.names[joint] for joint in keep), parents, old.offsets[keep])
    return Clip(
        skeleton,
        clip.local_position[:, keep],
        clip.local_rotation[:, keep],
        clip.frame_time_seconds,
        "cut",
    )


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        (("LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToe"), "no two legs"),
        (("LeftFoot", "LeftToe", "RightFoot", "RightToe"), "no two legs"),
        (("LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand"), "no two arms"),
        (("Neck", "Head"), "a neck or head"),
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


@pytest.mark.parametrize(
    ("name", "side", "role"),
    [
        ("mixamorig1:LeftUpLeg", "left", "thigh"),
        ("lfemur", "left", "thigh"),
        ("rtibia", "right", "shin"),
        ("LEFTARM", "left", "upper_arm"),
        ("rShldr", "right", "upper_arm"),
        ("DEF-upper_arm.L.001", "left", "upper_arm"),
        ("Bip01 R Toe0", "right", "toe"),
        ("lowerback", "", "spine"),
        ("radius_l", "left", "forearm"),
        ("NeckTwist01", "", "neck"),
        ("Armature|Head", "", "head"),
        ("LHipJoint", "left", None),
        ("LeftHandThumb1", "left", None),
        ("RightHandEnd", "right", None),
        ("forearm_twist_01_r", "right", None),
        ("HeadTop_End", "", None),
        ("joint_12", "", None),
        ("左足", "", None),
        ("aB" * 5000 + "LeftArm", "left", "upper_arm"),
    ],
)
def test_what_a_name_says(name: str, side: str, role: str | None) -> None:
    read = read_names([name, *map(str, range(9))])[0]
    assert read.side == side
    assert (max(read.roles, key=read.weight) if read.roles else None) == role


def test_mapping_is_quick() -> None:
    clip = make_rig(FAMILIES["Bandai-Namco"], extras=False, frame_count=150).clip
    seconds = []
    for _ in range(10):
        start = time.process_time()
        map_joints(clip)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.025


def both(*templates: str) -> dict[str, str]:
    """The eight limb roles for names with "{}" for Left and Right; an empty template stands for a
    joint the rig lacks.
    """
    roles = ("clavicle", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")
    return {
        f"{side.lower()}_{role}": template.format(side)
        for side in ("Left", "Right")
        for role, template in zip(roles, templates, strict=True)
    }


CMU_LIMBS = both(
    *(f"{{}}{n}" for n in ("Shoulder", "Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot", "ToeBase"))
)
POSER_LIMBS = both(
    *(f"{{}}{n}" for n in ("Collar", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Toe"))
)


def trunk(spine: str, chest: str, neck: str = "Neck") -> dict[str, str]:
    return {"hips": "Hips", "spine": spine, "chest": chest, "neck": neck, "head": "Head"}


FOUR_SPINES = trunk("Spine1", "Spine3") | CMU_LIMBS
POSER = trunk("Chest2", "Chest4") | POSER_LIMBS
POSER_ON_CMU = trunk("Chest", "Chest2", "lowerneck") | POSER_LIMBS
CMU = trunk("Spine", "Spine1") | CMU_LIMBS
REAL = {
    "wild/bvh_test1.bvh": (FOUR_SPINES, "+Z", "inch"),
    "wild/bvh_test2.bvh": (POSER, "+Y", "cm"),
    "wild/bvh_test3.bvh": (
        FOUR_SPINES | {"left_toe": "LeftForeFoot", "right_toe": "RightForeFoot"},
        "+Z",
        "inch",
    ),
    "wild/cmu_12_01_walk.bvh": (CMU, "+Y", "CMU"),
    "wild/dab.bvh": (FOUR_SPINES, "+Z", "unknown"),
    "wild/jesse_dance.bvh": (trunk("Spine", "Spine2") | CMU_LIMBS, "+Y", "cm"),
    "wild/jumping.bvh": (FOUR_SPINES, "+Z", "unknown"),
    "wild/jumping_jacks.bvh": (POSER_ON_CMU, "+Y", "CMU"),
    "wild/sample.bvh": (POSER, "+Y", "cm"),
    "wild/scaled_131_01.bvh": (POSER_ON_CMU, "+Y", "m"),
    "wild/wave_hello.bvh": (FOUR_SPINES, "+Z", "unknown"),
    "wild/zombie.bvh": (FOUR_SPINES, "+Z", "unknown"),
    "unlabelled/cmu/01_01.bvh": (CMU, "+Y", "CMU"),
    "unlabelled/cmu/01_03.bvh": (CMU, "+Y", "CMU"),
    "unlabelled/cmu/131_01.bvh": (POSER_ON_CMU, "+Y", "CMU"),
    "unlabelled/cmu/131_02.bvh": (POSER_ON_CMU, "+Y", "CMU"),
    "unlabelled/cmu/131_03.bvh": (POSER_ON_CMU, "+Y", "CMU"),
}


@pytest.mark.parametrize("file", REAL)
def test_real_file(data_dir: Path, file: str) -> None:
    expected, up, unit = REAL[file]
    clip = read_bvh(data_dir / file)
    mapping = map_joints(clip)
    assert named(clip, mapping) == expected
    assert (axis_name(mapping.up), mapping.unit) == (up, unit)
    assert min(mapping.confidence.values()) > 0.5
    assert all("no usual unit" in warning for warning in mapping.warnings)


BANDAI = {"hips": "Hips", "spine": "Spine", "chest": "Chest", "neck": "Neck", "head": "Head"} | {
    f"{side}_{role}": f"{name}_{side[0].upper()}"
    for side in ("left", "right")
    for role, name in {
        "clavicle": "Shoulder",
        "upper_arm": "UpperArm",
        "forearm": "LowerArm",
        "hand": "Hand",
        "thigh": "UpperLeg",
        "shin": "LowerLeg",
        "foot": "Foot",
        "toe": "Toes",
    }.items()
}
CC3 = {
    "hips": "Hip",
    "spine": "Spine01",
    "chest": "Spine02",
    "neck": "NeckTwist01",
    "head": "Head",
} | {
    f"{side}_{role}": f"{side[0].upper()}_{name}"
    for side in ("left", "right")
    for role, name in {
        "clavicle": "Clavicle",
        "upper_arm": "Upperarm",
        "forearm": "Forearm",
        "hand": "Hand",
        "thigh": "Thigh",
        "shin": "Calf",
        "foot": "Foot",
        "toe": "ToeBase",
    }.items()
}


@pytest.mark.parametrize(
    ("folder", "every", "expected", "family"),
    [
        ("bandai", 150, BANDAI, "Bandai-Namco"),
        (
            "unlabelled/cmu/iclone",
            12,
            {role: "CC_Base_" + name for role, name in CC3.items()},
            "CC3",
        ),
    ],
)
def test_real_sets(
    data_dir: Path, folder: str, every: int, expected: dict[str, str], family: str
) -> None:
    files = sorted((data_dir / folder).rglob("*.bvh"))[::every]
    assert files
    for file in files:
        clip = read_bvh(file)
        mapping = map_joints(clip)
        assert named(clip, mapping) == expected, file.name
        assert (mapping.family, axis_name(mapping.up), mapping.unit) == (family, "+Y", "cm"), (
            file.name
        )
        assert not mapping.warnings, file.name
        # and nearly the same by shape alone, sides included
        bare = replace(
            clip,
            skeleton=replace(
                clip.skeleton, names=tuple(map(str, range(clip.skeleton.joint_count)))
            ),
        )
        found = named(clip, map_joints(bare))
        assert {role: name for role, name in found.items() if not role.endswith("toe")} == {
            role: name for role, name in expected.items() if not role.endswith("toe")
        }, file.name


ACCLAIM = {
    "hips": "root",
    "spine": "upperback",
    "chest": "thorax",
    "neck": "lowerneck",
    "head": "head",
} | {
    f"{side}_{role}": side[0] + name
    for side in ("left", "right")
    for role, name in {
        "clavicle": "clavicle",
        "upper_arm": "humerus",
        "forearm": "radius",
        "hand": "hand",
        "thigh": "femur",
        "shin": "tibia",
        "foot": "foot",
        "toe": "toes",
    }.items()
}


@pytest.mark.parametrize("performer", ["bd", "bk", "dg", "mm", "tr"])
def test_the_five_skeletons_of_hdm05(data_dir: Path, performer: str) -> None:
    files = sorted((data_dir / "unlabelled" / "hdm05").glob(f"HDM_{performer}_*.amc"))[::15]
    if not files:
        pytest.skip(f"needs HDM05 below {data_dir}")
    for file in files:
        clip = read_amc(file)
        mapping = map_joints(clip)
        assert named(clip, mapping) == ACCLAIM, file.name
        assert (axis_name(mapping.up), mapping.unit) == ("+Y", "CMU"), file.name
        assert min(mapping.confidence.values()) > 0.5, file.name
        bare = replace(
            clip,
            skeleton=replace(
                clip.skeleton, names=tuple(map(str, range(clip.skeleton.joint_count)))
            ),
        )
        found = map_joints(bare)
        # without names only what carries low confidence may be wrong, and no side
        wrong = {
            role: joint for role, joint in found.joints.items() if joint != mapping.joints[role]
        }
        assert not swaps(named(clip, found), ACCLAIM), file.name
        assert all(
            found.confidence[role] < DOUBTFUL for role in wrong if role not in ("spine", "neck")
        ), (file.name, wrong)


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
