"""Rigs in the names of every naming family, walking about, with the truth about their roles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, REST_POSITION_M
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton
from kinestyle.rig.mapping import JointMapping
from rig_namings import Naming, Rows

PLACE = dict(zip(CANONICAL.names, REST_POSITION_M, strict=True))
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
