"""Made-up motion and made-up rigs: a walk on the canonical skeleton, and the same walk dressed as
somebody's rig.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, local_to_world_rotation

X, Y, Z = np.eye(3)
HIPS_HEIGHT_M = 0.80
STEP_SECONDS = 0.6
STANCE_SHARE = 0.6
SPEED_M_S = 0.7
_ANKLE_HEIGHT_M = 0.039 * 1.70


@dataclass(frozen=True, eq=False)
class Walk:
    """A made walk on the canonical skeleton. planted: (T, 2) bool, the left and the right foot
    stand still on the floor.
    """

    clip: Clip
    planted: np.ndarray


def walk(
    seconds: float = 3.0,
    frame_rate: float = 30.0,
    start_heading: float = 0.0,
    heel_rise: float = 0.0,
) -> Walk:
    """A walk along a winding path: feet that stand still, knees to the front, arms that hang and
    swing, a live trunk.

    heel_rise: radians by which a foot turns about its toe before it leaves the floor; 0 keeps feet
        flat
    """
    time = np.arange(round(seconds * frame_rate) + 1) / frame_rate
    path, heading = _path(time, start_heading)
    facing = rotation.about_y(heading)
    cycle = 2.0 * np.pi * time / (2.0 * STEP_SECONDS)
    root = path + (HIPS_HEIGHT_M + 0.01 * np.cos(2.0 * cycle))[:, None] * Y
    local = np.tile(rotation.IDENTITY, (len(time), CANONICAL.joint_count, 1))
    local[:, CANONICAL.index("hips")] = rotation.multiply(facing, _turn(0.08 * np.sin(cycle), Y))
    for name, size, axis in (
        ("spine", 0.06, X),
        ("chest", 0.10, Y),
        ("neck", 0.05, X),
        ("head", 0.12, Z),
    ):
        local[:, CANONICAL.index(name)] = _turn(size * np.sin(cycle + len(name)), axis)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        local[:, CANONICAL.index(f"{side}_clavicle")] = _turn(0.05 * np.sin(cycle), Z)
        swing = _turn(0.35 * sign * np.sin(cycle), X)
        local[:, CANONICAL.index(f"{side}_upper_arm")] = rotation.multiply(
            swing, _turn(np.full(len(time), -1.2 * sign), Z)
        )
        local[:, CANONICAL.index(f"{side}_forearm")] = _turn(-sign * (0.5 + 0.2 * np.sin(cycle)), Y)
        local[:, CANONICAL.index(f"{side}_hand")] = _turn(0.1 * np.sin(2.0 * cycle), Z)
    world = local_to_world_rotation(CANONICAL, local)
    planted = np.zeros((len(time), 2), dtype=bool)
    for column, (side, sign) in enumerate((("left", 1.0), ("right", -1.0))):
        ankle, foot, planted[:, column] = _foot(time, start_heading, sign, heel_rise)
        thigh, shin, end, toe = (
            CANONICAL.index(f"{side}_{part}") for part in ("thigh", "shin", "foot", "toe")
        )
        hip = root + rotation.rotate(world[:, 0], CANONICAL.offsets[thigh])
        world[:, thigh], world[:, shin] = _bent_leg(hip, ankle, rotation.rotate(facing, Z))
        world[:, end], world[:, toe] = foot
    return Walk(canonical_clip(root, world, 1.0 / frame_rate, "made walk"), planted)


def _turn(radians: Array, axis: Array) -> Array:
    return rotation.exp(radians[:, None] * axis)


def _path(time: Array, start_heading: float) -> tuple[Array, Array]:
    """time: (T,) seconds -> (T, 3) places on the floor and (T,) headings, the same at any frame
    rate.
    """
    fine = np.linspace(-2.0, 12.0, 7001)
    heading = start_heading + 0.6 * np.sin(0.9 * fine)
    place = np.cumsum(
        SPEED_M_S
        * (fine[1] - fine[0])
        * np.stack([np.sin(heading), 0.0 * heading, np.cos(heading)], axis=-1),
        axis=0,
    )
    return np.stack([np.interp(time, fine, p) for p in place.T], axis=-1), np.interp(
        time, fine, heading
    )


def _foot(
    time: Array, start_heading: float, sign: float, heel_rise: float
) -> tuple[Array, tuple[Array, Array], np.ndarray]:
    """The ankle (T, 3), rotations of foot and toe (T, 4) and when it stands (T,): each stance on
    one spot beside the path.
    """
    stride = time / (2.0 * STEP_SECONDS) + (0.0 if sign > 0 else 0.5)
    number, phase = np.floor(stride), stride - np.floor(stride)
    middle = (number + 0.5 * STANCE_SHARE - (0.0 if sign > 0 else 0.5)) * 2.0 * STEP_SECONDS
    spots, turns = [], []
    for when in (middle, middle + 2.0 * STEP_SECONDS):
        place, heading = _path(when, start_heading)
        turns.append(rotation.about_y(heading))
        spots.append(place + rotation.rotate(turns[-1], 0.1 * sign * X) + _ANKLE_HEIGHT_M * Y)
    swing = np.clip((phase - STANCE_SHARE) / (1.0 - STANCE_SHARE), 0.0, 1.0)
    eased = swing * swing * (3.0 - 2.0 * swing)
    ankle = (
        spots[0]
        + eased[:, None] * (spots[1] - spots[0])
        + 0.12 * np.sin(np.pi * swing)[:, None] ** 2 * Y
    )
    toe = rotation.interpolate(turns[0], turns[1], eased)
    rise = np.where(phase < STANCE_SHARE, (phase - 0.3) / (STANCE_SHARE - 0.3), 1.0 - 2.0 * swing)
    pitch = _turn(heel_rise * np.clip(rise, 0.0, 1.0) ** 2, X)
    offset = CANONICAL.offsets[CANONICAL.index("left_toe")]
    ankle += rotation.rotate(toe, offset - rotation.rotate(pitch, offset))
    return ankle, (rotation.multiply(toe, pitch), toe), phase < STANCE_SHARE


def _bent_leg(hip: Array, ankle: Array, front: Array) -> tuple[Array, Array]:
    """World rotations (T, 4) of thigh and shin that reach from hip to ankle with the knee to the
    front.
    """
    a = -CANONICAL.offsets[CANONICAL.index("left_shin"), 1]
    b = -CANONICAL.offsets[CANONICAL.index("left_foot"), 1]
    line = ankle - hip
    length = np.linalg.norm(line, axis=-1)
    assert (length < a + b).all(), "the made walk asks for legs longer than they are"
    hinge = rotation.normalize(np.cross(front, line))
    lift = np.arccos((a * a + length * length - b * b) / (2.0 * a * length))
    thigh = rotation.rotate(rotation.exp(-hinge * lift[:, None]), rotation.normalize(line))
    shin = rotation.normalize(line - a * thigh)
    rest = rotation.inverse(rotation.from_axes(-Y, X))
    return tuple(rotation.multiply(rotation.from_axes(bone, hinge), rest) for bone in (thigh, shin))


def stand(frame_count: int = 40, frame_rate: float = 30.0) -> Clip:
    """The canonical T-pose, held: legs perfectly straight, feet flat on the floor."""
    world = np.tile(rotation.IDENTITY, (frame_count, CANONICAL.joint_count, 1))
    return canonical_clip(
        np.tile(CANONICAL.offsets[0], (frame_count, 1)), world, 1.0 / frame_rate, "stand"
    )


def misnamed(clip: Clip) -> tuple[Clip, dict[str, tuple[str, ...]]]:
    """A made rig on which some names lie, and the names of each role's joint, as a `Rig` states
    them.
    """
    lies = {"LeftArm": "Foot", "LeftForeArm": "Tail", "Hips": "Hair"}
    names = tuple(lies.get(name, name) for name in clip.skeleton.names)
    joints = {role: (lies.get(name, name),) for role, name in RIG_NAMES.items()}
    return replace(clip, skeleton=replace(clip.skeleton, names=names)), joints


def unrecognisable(clip: Clip) -> tuple[Clip, dict[str, tuple[str, ...]]]:
    """A made rig whose names call all joints left and tell no more, and each role's joint, as a
    `Rig` states it.
    """
    names = {name: f"left_{number}" for number, name in enumerate(clip.skeleton.names)}
    joints = {role: (names[name],) for role, name in RIG_NAMES.items()}
    return replace(clip, skeleton=replace(clip.skeleton, names=tuple(names.values()))), joints


def thrown_about(clip: Clip, trunk: str, *arms: str) -> Clip:
    """The clip with its trunk bent to and fro and its arms thrown about, by the names of their
    joints, as no style has them.
    """
    odd = clip.local_rotation.copy()
    swing = np.sin(0.4 * np.arange(len(odd)))[:, None] * [1.2, 1.7, -1.4]
    for name in (trunk, *arms):
        joint = clip.skeleton.index(name)
        odd[:, joint] = rotation.multiply(odd[:, joint], rotation.exp(swing))
    return clip.with_motion(clip.local_position, odd)


def turned(canonical: Clip, yaw: float, shift: Array) -> Clip:
    """The whole canonical clip turned about +Y by `yaw` radians, then moved by `shift` (3,)."""
    turn = rotation.about_y(yaw)
    root = rotation.rotate(turn, canonical.world_position[:, 0]) + shift
    world = rotation.multiply(turn, canonical.world_rotation)
    return canonical_clip(root, world, canonical.frame_time_seconds, canonical.name)


_LIMBS = {"clavicle": "Shoulder", "upper_arm": "Arm", "forearm": "ForeArm", "hand": "Hand"} | {
    "thigh": "UpLeg",
    "shin": "Leg",
    "foot": "Foot",
    "toe": "Toe",
}
RIG_NAMES = {
    "hips": "Hips",
    "spine": "Spine",
    "chest": "Spine2",
    "neck": "Neck",
    "head": "Head",
} | {
    f"{side.lower()}_{role}": side + name
    for side in ("Left", "Right")
    for role, name in _LIMBS.items()
}
"""Role -> the name that its joint has on a made rig."""

AXES_TO_Y_UP = {"Y": rotation.IDENTITY, "Z": rotation.exp(-0.5 * np.pi * X)}
"""From the file's axes to Y up."""


def as_rig(
    canonical: Clip,
    own: Array | None = None,
    metres_per_unit: float = 1.0,
    up: str = "Y",
    moving_root: bool = False,
    without: frozenset[str] = frozenset(),
) -> Clip:
    """The same motion on a rig with the canonical bones but its own names, units, up axis, zero
    pose and further joints.

    own: (J, 4) for each joint of `rig_names`, its own axes as turned away from the canonical ones
    moving_root: a joint above the hips that turns and travels by itself, while the hips move as
        ever
    without: roles that the rig lacks; their children and tips hang from their parents
    """
    names = rig_names(moving_root, without)
    count, frames = len(names), canonical.frame_count
    time = np.arange(frames) * canonical.frame_time_seconds
    role_of = {name: role for role, name in RIG_NAMES.items()}
    parents = np.full(count, -1)
    position, world = np.zeros((frames, count, 3)), np.zeros((frames, count, 4))
    for joint, name in enumerate(names):
        if name == "Reference":
            position[:, joint] = np.stack(
                [0.2 * time, 0.1 * np.sin(time), 0.3 * np.cos(time)], axis=-1
            )
            world[:, joint] = rotation.exp(
                np.stack([0.3 * np.sin(time), 0.5 * time, 0.2 * np.cos(time)], axis=-1)
            )
        elif name in role_of:
            role = CANONICAL.index(role_of[name])
            position[:, joint], world[:, joint] = (
                canonical.world_position[:, role],
                canonical.world_rotation[:, role],
            )
            parents[joint] = (
                names.index(_parent_name(role, names)) if role else names.index(name) - 1
            )
        elif name == "Spine1":
            parents[joint], spine = names.index("Spine"), CANONICAL.index("spine")
            world[:, joint] = canonical.world_rotation[:, spine]
            middle = 0.5 * CANONICAL.offsets[CANONICAL.index("chest")]
            position[:, joint] = canonical.world_position[:, spine] + rotation.rotate(
                world[:, joint], middle
            )
        else:  # a finger
            hand = name.removesuffix("Index1")
            parents[joint], sign = names.index(hand), 1.0 if name.startswith("Left") else -1.0
            holder = world[:, parents[joint]]
            position[:, joint] = position[:, parents[joint]] + rotation.rotate(
                holder, 0.08 * sign * X
            )
            world[:, joint] = rotation.multiply(holder, _turn(0.4 * np.sin(3.0 * time), Z))
    if "Spine1" in names and "chest" not in without:
        parents[names.index("Spine2")] = names.index("Spine1")
    own = np.tile(rotation.IDENTITY, (count, 1)) if own is None else own
    world = rotation.multiply(world, own)
    above = np.maximum(parents, 0)
    from_parent = (position - position[:, above]) / metres_per_unit
    local_position = rotation.rotate(rotation.inverse(world[:, above]), from_parent)
    local_rotation = rotation.multiply(rotation.inverse(world[:, above]), world)
    back = rotation.inverse(AXES_TO_Y_UP[up])
    local_position[:, 0] = rotation.rotate(back, position[:, 0] / metres_per_unit)
    local_rotation[:, 0] = rotation.multiply(back, world[:, 0])
    end_parents, end_offsets = _tips(names, own)
    skeleton = Skeleton(
        names, parents, local_position[0], end_parents, end_offsets / metres_per_unit
    )
    return Clip(skeleton, local_position, local_rotation, canonical.frame_time_seconds, "made rig")


def _tips(names: tuple[str, ...], own: Array) -> tuple[np.ndarray, Array]:
    """The tips (E,) and (E, 3) metres of the canonical skeleton, each on the nearest joint that the
    rig has.
    """
    parents, offsets = [], []
    for role, offset in zip(CANONICAL.end_parents, CANONICAL.end_offsets, strict=True):
        while RIG_NAMES[CANONICAL.names[role]] not in names:
            role, offset = CANONICAL.parents[role], offset + CANONICAL.offsets[role]
        parents.append(names.index(RIG_NAMES[CANONICAL.names[role]]))
        offsets.append(offset)
    return np.array(parents), rotation.rotate(rotation.inverse(own[parents]), np.array(offsets))


def rig_names(moving_root: bool = False, without: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The joints of a made rig, parents first: those with a role, one more in the spine, a finger
    on each hand.
    """
    names = ["Reference"] if moving_root else []
    for role in CANONICAL.names:
        if role in without:
            continue
        names.append(RIG_NAMES[role])
        if role == "spine":
            names.append("Spine1")
    names += [f"{side}HandIndex1" for side in ("Left", "Right") if f"{side}Hand" in names]
    return tuple(names)


def _parent_name(role: int, names: tuple[str, ...]) -> str:
    parent = int(CANONICAL.parents[role])
    while RIG_NAMES[CANONICAL.names[parent]] not in names:
        parent = int(CANONICAL.parents[parent])
    return RIG_NAMES[CANONICAL.names[parent]]


def any_rotations(seed: int, *shape: int) -> Array:
    """(*shape, 4) rotations at random; as the own axes of a rig's joints, a zero pose that means
    nothing.
    """
    return rotation.normalize(np.random.default_rng(seed).standard_normal((*shape, 4)))


def square_axes(seed: int, count: int) -> Array:
    """(count, 4) of the 24 turns that take axes to axes: joints whose bones still lie along their
    axes.
    """
    random = np.random.default_rng(seed)
    quarter = 0.5 * np.pi * random.integers(0, 4, (count, 3))
    return rotation.from_euler(quarter, "XYZ")


def about_x(radians: Array) -> Array:
    """radians: (T,) -> (T, 4), turns about +X."""
    return rotation.exp(np.stack([radians, 0 * radians, 0 * radians], axis=-1))
