"""Makes the example clips, walk.bvh and wave.bvh: motion computed from descriptions of human gait,
recorded from nobody.

The walk follows textbooks: D. A. Winter, "Biomechanics and Motor Control of Human Movement" (foot
angles and clearance, knee flexion, timing of stance and swing), and the determinants of gait of
Saunders, Inman and Eberhart (1953) (pelvic rotation, list and sway, knee flexion in stance, the
roll over heel and ball). Where a foot stands is planned first and never moves while it is planted;
the pelvis travels over the footprints, the legs follow by two-bone inverse kinematics,
and the trunk, arms and head answer. What repeats in every stride is mixed with slow drifts, so that
no two strides are equal. The rig is made up as well: Mixamo's joint names, and a lantern in the
left hand that swings as a pendulum.

Run `python examples/make_clips.py`: it writes both files into the package,
`src/kinestyle/examples`, the same bytes each time. Lengths here are metres, the files are in
centimetres; angles are radians, and flexion is positive.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from kinestyle.formats.table import write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton, local_to_world_rotation

FRAME_RATE = 30.0
DURATION_SECONDS = 5.0
RUN_IN_SECONDS = 2.0
"""Computed before the first frame and cut off, so that the lantern already swings."""

X, Y, Z = np.eye(3)
CENTIMETRES = 100.0
GRAVITY_M_S2 = 9.81

# ---------------------------------------------------------------- the rig

THIGH_M, SHIN_M = 0.432, 0.422
ANKLE_HEIGHT_M = 0.098
BALL_FROM_ANKLE_M = np.array([0.0, -0.072, 0.134])
HEEL_FROM_ANKLE_M = np.array([0.0, -ANKLE_HEIGHT_M, -0.052])
HIP_JOINT_DROP_M, HALF_HIP_WIDTH_M = 0.008, 0.092

FINGERS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "Thumb": ((0.028, -0.014, 0.026), (0.044, 0.033, 0.028)),
    "Index": ((0.094, 0.002, 0.030), (0.040, 0.024, 0.021)),
    "Middle": ((0.096, 0.004, 0.008), (0.044, 0.028, 0.023)),
    "Ring": ((0.092, 0.002, -0.013), (0.041, 0.026, 0.022)),
    "Pinky": ((0.085, -0.002, -0.032), (0.033, 0.020, 0.019)),
}
"""Of the left hand: from the wrist to the first knuckle, and the lengths of the three bones."""
THUMB_DIRECTION = rotation.normalize(np.array([0.72, -0.30, 0.62]))

LANTERN_M = np.array([0.085, -0.034, 0.0])
LANTERN_TIP_M = np.array([0.0, -0.20, 0.0])
PENDULUM_M = 0.10
"""Length of the mathematical pendulum that the lantern, a hanging body with friction at its ring,
swings as.
"""
RING_FRICTION = 35.0
"""Deceleration of the lantern against the hand, a second."""


def build_rig() -> Skeleton:
    """The rig in its T-pose, palms down, facing +Z, in centimetres; all rest orientations are the
    identity.
    """
    rows: list[tuple[str, str | None, Array]] = [
        ("Hips", None, np.array([0.0, HIP_JOINT_DROP_M + THIGH_M + SHIN_M + ANKLE_HEIGHT_M, 0.0])),
        ("Spine", "Hips", np.array([0.0, 0.098, -0.004])),
        ("Spine1", "Spine", np.array([0.0, 0.112, -0.006])),
        ("Spine2", "Spine1", np.array([0.0, 0.124, 0.0])),
        ("Neck", "Spine2", np.array([0.0, 0.168, 0.004])),
        ("Head", "Neck", np.array([0.0, 0.095, 0.008])),
    ]
    tips: list[tuple[str, Array]] = [("Head", np.array([0.0, 0.195, 0.0]))]
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        outward = np.array([sign, 1.0, 1.0])
        arm = [
            ("Shoulder", "Spine2", (0.052, 0.122, 0.006)),
            ("Arm", "Shoulder", (0.124, 0.0, -0.004)),
        ]
        arm += [("ForeArm", "Arm", (0.288, 0.0, 0.0)), ("Hand", "ForeArm", (0.262, 0.0, 0.0))]
        for name, parent, offset in arm:
            rows.append(
                (side + name, parent if parent == "Spine2" else side + parent, outward * offset)
            )
        for finger, (knuckle, lengths) in FINGERS.items():
            direction = THUMB_DIRECTION if finger == "Thumb" else X
            steps = [np.array(knuckle), *(length * direction for length in lengths)]
            for number, step in enumerate(steps[:3], start=1):
                parent = f"{side}Hand{finger}{number - 1}" if number > 1 else f"{side}Hand"
                rows.append((f"{side}Hand{finger}{number}", parent, outward * step))
            tips.append((f"{side}Hand{finger}3", outward * steps[3]))
        if side == "Left":
            rows.append(("Lantern", "LeftHand", LANTERN_M))
            tips.append(("Lantern", LANTERN_TIP_M))
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        rows += [
            (f"{side}UpLeg", "Hips", np.array([sign * HALF_HIP_WIDTH_M, -HIP_JOINT_DROP_M, 0.0])),
            (f"{side}Leg", f"{side}UpLeg", -THIGH_M * Y),
            (f"{side}Foot", f"{side}Leg", -SHIN_M * Y),
            (f"{side}ToeBase", f"{side}Foot", BALL_FROM_ANKLE_M),
        ]
        tips.append((f"{side}ToeBase", np.array([0.0, -0.006, 0.070])))
    names = [name for name, _, _ in rows]
    return Skeleton(
        names=tuple(names),
        parents=np.array([names.index(parent) if parent else -1 for _, parent, _ in rows]),
        offsets=np.round(CENTIMETRES * np.array([offset for _, _, offset in rows]), 6),
        end_parents=np.array([names.index(name) for name, _ in tips]),
        end_offsets=np.round(CENTIMETRES * np.array([offset for _, offset in tips]), 6),
    )


class Puppet:
    """The rig under construction: T frames of local rotations, and the hips' position in metres."""

    def __init__(self, hips_position: Array):
        """hips_position: (T, 3) metres"""
        self.skeleton = build_rig()
        self.hips_position = hips_position
        self.local_rotation = np.tile(
            rotation.IDENTITY, (len(hips_position), self.skeleton.joint_count, 1)
        )

    def turn(self, name: str, q: Array) -> None:
        """Turn a joint against its parent by q: (T, 4)."""
        self.local_rotation[:, self.skeleton.index(name)] = q

    def turn_in_world(self, name: str, q: Array) -> None:
        """Give a joint the world rotation q: (T, 4); the joints above it have theirs already."""
        world = local_to_world_rotation(self.skeleton, self.local_rotation)
        parent = int(self.skeleton.parents[self.skeleton.index(name)])
        self.turn(
            name, rotation.multiply(rotation.inverse(world[:, parent]), q) if parent >= 0 else q
        )

    def position_m(self, name: str) -> Array:
        """(T, 3) where a joint is."""
        clip = self.clip(name)
        return clip.world_position[:, self.skeleton.index(name)] / CENTIMETRES

    def clip(self, name: str, first_frame: int = 0) -> Clip:
        """What there is from `first_frame` on."""
        local_position = np.tile(self.skeleton.offsets, (len(self.hips_position), 1, 1))
        local_position[:, 0] = CENTIMETRES * self.hips_position
        return Clip(
            self.skeleton,
            local_position[first_frame:],
            self.local_rotation[first_frame:],
            1.0 / FRAME_RATE,
            name=name,
        )


# ---------------------------------------------------------------- curves


def through(keys: ArrayLike, at: Array) -> Array:
    """keys: (K, 3) rows of place, value and slope; at: (...) -> the curve through them at those
    places, held at the ends.

    Fifth-degree pieces without second derivative at the keys, so that nothing jerks.
    """
    place, value, slope = np.asarray(keys, dtype=float).T
    at = np.clip(at, place[0], place[-1])
    i = np.clip(np.searchsorted(place, at, side="right") - 1, 0, len(place) - 2)
    length = place[i + 1] - place[i]
    u = (at - place[i]) / length
    rise = u**3 * (10.0 - 15.0 * u + 6.0 * u**2)
    leave = u - u**3 * (6.0 - 8.0 * u + 3.0 * u**2)
    arrive = -(u**3) * (4.0 - 7.0 * u + 3.0 * u**2)
    curve: Array = (
        value[i]
        + (value[i + 1] - value[i]) * rise
        + length * (slope[i] * leave + slope[i + 1] * arrive)
    )
    return curve


def wave(turns: Array, peak: float) -> Array:
    """A cosine of period 1 with its top at `peak`."""
    curve: Array = np.cos(2.0 * np.pi * (turns - peak))
    return curve


def drift(seconds: Array, voice: float) -> Array:
    """A slow aimless curve in about [-1, 1] with periods of two to seven seconds; another `voice`,
    another curve.
    """
    total: Array = np.zeros_like(seconds)
    for hertz, weight in ((0.147, 0.5), (0.263, 0.35), (0.431, 0.25)):
        total += weight * np.sin(
            2.0 * np.pi * (hertz * (1.0 + 0.07 * np.sin(voice)) * seconds + voice * (0.618 + hertz))
        )
    return total


def euler(order: str, *angles: ArrayLike) -> Array:
    """Angles (T,) about the axes in `order`, first letter outermost -> (T, 4)."""
    return rotation.from_euler(np.stack(np.broadcast_arrays(*angles), axis=-1), order)


# ---------------------------------------------------------------- body parts


def pose_legs(puppet: Puppet, side: str, ankle: Array, foot: Array, toe_bend: Array) -> None:
    """Bend a leg so that its ankle is at `ankle` (T, 3) metres; foot: (T, 4) world rotation;
    toe_bend: (T,) toes up is positive.

    The knee points between the ways the pelvis and the foot point.
    """
    hip = puppet.position_m(f"{side}UpLeg")
    pelvis = puppet.local_rotation[:, 0]
    across = rotation.rotate(rotation.interpolate(pelvis, foot, np.full(len(foot), 0.5)), X)
    across[:, 1] = 0.0
    reach = np.linalg.norm(ankle - hip, axis=-1)
    assert (reach < THIGH_M + SHIN_M).all(), (
        f"the {side} leg is {reach.max() - THIGH_M - SHIN_M:.4f} m too short"
    )
    down = (ankle - hip) / reach[:, None]
    hinge = rotation.normalize(across - np.sum(across * down, axis=-1, keepdims=True) * down)
    ahead = np.cross(down, hinge)

    def along(opening: Array) -> Array:
        bone = np.cos(opening)[:, None] * down + np.sin(opening)[:, None] * ahead
        return rotation.from_sixd(np.concatenate([hinge, -bone], axis=-1))

    at_hip = np.arccos((THIGH_M**2 + reach**2 - SHIN_M**2) / (2.0 * THIGH_M * reach))
    at_ankle = np.arccos((SHIN_M**2 + reach**2 - THIGH_M**2) / (2.0 * SHIN_M * reach))
    puppet.turn_in_world(f"{side}UpLeg", along(at_hip))
    puppet.turn_in_world(f"{side}Leg", along(-at_ankle))
    puppet.turn_in_world(f"{side}Foot", foot)
    puppet.turn(f"{side}ToeBase", euler("X", -toe_bend))


def pose_trunk(puppet: Puppet, pelvis: Array, thorax: Array, head: Array) -> None:
    """World rotations (T, 4) of pelvis, thorax and head. Joints in between share the difference."""
    frames = len(pelvis)
    puppet.turn_in_world("Hips", pelvis)
    for name, share in (("Spine", 0.3), ("Spine1", 0.65), ("Spine2", 1.0)):
        puppet.turn_in_world(name, rotation.interpolate(pelvis, thorax, np.full(frames, share)))
    puppet.turn_in_world("Neck", rotation.interpolate(thorax, head, np.full(frames, 0.45)))
    puppet.turn_in_world("Head", head)


def pose_arm(
    puppet: Puppet,
    side: str,
    flexion: ArrayLike,
    abduction: ArrayLike,
    inward: ArrayLike,
    elbow: ArrayLike,
    pronation: ArrayLike,
    wrist: ArrayLike,
    shrug: ArrayLike = 0.0,
) -> None:
    """An arm by its angles (T,): the upper arm's swing forward, its distance from hanging down
    sideways and its turn inward, the bend of the elbow, the forearm's turn inward, the bend of the
    wrist towards the palm, and how far the shoulder is lifted."""
    sign = 1.0 if side == "Left" else -1.0
    flexion, abduction, inward, elbow, pronation, wrist, shrug = np.broadcast_arrays(
        *(
            np.asarray(a, dtype=float)
            for a in (flexion, abduction, inward, elbow, pronation, wrist, shrug)
        ),
        np.zeros(len(puppet.local_rotation)),
    )[:7]
    puppet.turn(f"{side}Shoulder", euler("ZY", sign * (shrug - 0.05), sign * -0.12 * flexion))
    puppet.turn(f"{side}Arm", euler("XZX", -flexion, sign * (abduction - 0.5 * np.pi), inward))
    puppet.turn(f"{side}ForeArm", euler("YX", -sign * elbow, pronation))
    puppet.turn(f"{side}Hand", euler("ZY", -sign * wrist, sign * 0.06))


def pose_fingers(
    puppet: Puppet, side: str, curl: Array, seconds: Array, spread: ArrayLike = 0.0
) -> None:
    """Curl the fingers: curl (T,) is 0 for straight and 1 for a fist; each finger is a little alive
    on its own.
    """
    sign = 1.0 if side == "Left" else -1.0
    for place, (finger, more) in enumerate(
        {"Thumb": 0.6, "Index": 0.85, "Middle": 1.0, "Ring": 1.08, "Pinky": 1.12}.items()
    ):
        own = np.clip(
            more * curl + 0.035 * drift(seconds, 3.1 * place + (1.7 if sign > 0 else 9.2)), 0.0, 1.2
        )
        for number, bend in enumerate((1.15, 1.45, 0.85), start=1):
            name = f"{side}Hand{finger}{number}"
            if finger == "Thumb":
                puppet.turn(name, euler("YZ", sign * 0.35 * bend * own, -sign * 0.3 * bend * own))
            else:
                fan = sign * np.asarray(spread) * (2.5 - place) * 0.1 if number == 1 else 0.0
                puppet.turn(name, euler("YZ", -np.asarray(fan), -sign * bend * own))


def hang_lantern(puppet: Puppet) -> None:
    """The lantern swings from the left hand as a damped pendulum, from rest in the first frame."""
    steps = 16
    ring = puppet.position_m("Lantern")
    count = steps * (len(ring) - 1) + 1
    at = np.arange(count) / steps
    fine = np.stack(
        [np.interp(at, np.arange(len(ring)), ring[:, axis]) for axis in range(3)], axis=-1
    )
    kernel = np.hanning(2 * steps + 1)
    padded = np.pad(fine, [(steps, steps), (0, 0)], mode="edge")
    fine = np.stack(
        [np.convolve(padded[:, axis], kernel / kernel.sum(), mode="valid") for axis in range(3)],
        axis=-1,
    )
    dt = 1.0 / (FRAME_RATE * steps)
    bob, before = fine[0] - PENDULUM_M * Y, fine[0] - PENDULUM_M * Y
    hanging = np.empty((count, 3))
    for step in range(count):
        velocity = (bob - before) / dt
        carried = (fine[step] - fine[max(step - 1, 0)]) / dt
        before, bob = (
            bob,
            bob + dt * velocity - dt**2 * (GRAVITY_M_S2 * Y + RING_FRICTION * (velocity - carried)),
        )
        bob = fine[step] + PENDULUM_M * rotation.normalize(bob - fine[step])
        hanging[step] = rotation.normalize(bob - fine[step])
    swing = rotation.between(-Y, hanging[::steps])
    index = puppet.skeleton.index("LeftHand")
    hand = local_to_world_rotation(puppet.skeleton, puppet.local_rotation)[:, index]
    ahead = rotation.rotate(hand, Z)
    puppet.turn_in_world(
        "Lantern", rotation.multiply(swing, rotation.about_y(np.arctan2(ahead[:, 0], ahead[:, 2])))
    )


# ---------------------------------------------------------------- the walk

SPEED_M_S = 1.22
STEPS_A_SECOND = 1.82
HALF_STEP_WIDTH_M = 0.045
TOE_OUT = 0.10
LIFT_OFF = 0.608
"""When the ball of the foot leaves the floor, in cycles after the heel came down."""
UNDER_HIP = 0.255
"""When the ankle is below the hip, in cycles after the heel came down."""

# Cycles from heel strike, value, slope a cycle.
FOOT_PITCH = (
    (0.000, 0.32, -5.0),
    (0.085, 0.00, 0.0),
    (0.360, 0.00, 0.0),
    (0.508, -0.29, -4.2),
    (0.608, -0.97, -8.4),
    (0.678, -1.27, 0.0),
    (0.790, -0.45, 7.0),
    (0.940, 0.33, 0.8),
    (0.970, 0.345, 0.0),
    (1.000, 0.32, -5.0),
)
"""Toes up is positive: heel strike, flat, heel off, push off, clearance, reach."""
TOE_BEND = (
    (0.000, 0.18, -1.6),
    (0.085, 0.00, 0.0),
    (0.360, 0.00, 0.0),
    (0.508, 0.29, 4.2),
    (0.590, 0.76, 2.5),
    (0.625, 0.78, -1.5),
    (0.720, 0.10, -1.5),
    (0.850, 0.12, 0.4),
    (1.000, 0.18, -1.6),
)
"""Against the foot: the toes stay flat on the floor while the heel rises."""
SWING_PROGRESS = ((0.0, 0.0, 0.0), (0.46, 0.46, 1.85), (1.0, 1.0, 0.22))
"""From footprint to footprint; the heel comes down with a little speed left, as heels do."""
SWING_HEIGHT_M = ((0.690, 0.236, 0.0), (0.815, 0.168, -0.60), (0.930, 0.134, -0.28))
"""Cycles, height of the ankle, slope a cycle: on its way from push off to heel strike."""


def rolled_ankle(pitch: Array) -> Array:
    """pitch: (...) -> (..., 2) the ankle's place ahead of and above where it is with the foot flat,
    in metres.

    The planted foot turns about its heel while the toes are up, and about its ball while the heel
    is up.
    """
    pivot = np.where(pitch[..., None] > 0.0, HEEL_FROM_ANKLE_M[[2, 1]], BALL_FROM_ANKLE_M[[2, 1]])
    cos, sin = np.cos(pitch), np.sin(pitch)
    ahead, above = -pivot[..., 0], -pivot[..., 1]
    turned = np.stack([cos * ahead - sin * above, sin * ahead + cos * above], axis=-1)
    return turned + pivot


class Walkway:
    """The way the body's middle goes, and where and when the feet come down on it."""

    def __init__(self) -> None:
        self.seconds = np.arange(-1200, 2401) / 240.0
        seconds = self.seconds
        self.cycles = 0.5 * STEPS_A_SECOND * seconds + 0.32 + 0.010 * drift(seconds, 1.3)
        self.heading = (
            0.11 * np.sin(0.55 * seconds - 0.5) + 0.045 * seconds + 0.01 * drift(seconds, 2.9)
        )
        speed = SPEED_M_S * (1.0 + 0.02 * drift(seconds, 4.4))
        velocity = speed[:, None] * np.stack([np.sin(self.heading), np.cos(self.heading)], axis=-1)
        self.place = np.cumsum(velocity, axis=0) / 240.0
        self.place -= self.place[np.searchsorted(seconds, 0.0)]

    def at(self, seconds: Array) -> tuple[Array, Array, Array]:
        """(T,) -> cycles (T,), heading (T,), place (T, 2) as x and z."""
        place = np.stack(
            [np.interp(seconds, self.seconds, self.place[:, axis]) for axis in range(2)], axis=-1
        )
        return (
            np.interp(seconds, self.seconds, self.cycles),
            np.interp(seconds, self.seconds, self.heading),
            place,
        )

    def footprints(self, side: str, first: int, last: int) -> tuple[Array, Array]:
        """Where the ankle stands in the side's cycles `first` to `last`: (K, 2) as x and z, and
        (K,) the foot's heading.
        """
        sign = 1.0 if side == "Left" else -1.0
        number = np.arange(first, last + 1)
        when = np.interp(number + strike(side) + UNDER_HIP, self.cycles, self.seconds)
        _, heading, place = self.at(when)
        width = HALF_STEP_WIDTH_M + 0.008 * np.sin(2.4 * number + sign)
        longer = 0.010 * np.sin(1.9 * number + 2.0 * sign)
        left, ahead = (
            np.stack([f(heading), g], axis=-1)
            for f, g in ((np.cos, -np.sin(heading)), (np.sin, np.cos(heading)))
        )
        return place + sign * width[:, None] * left + longer[:, None] * ahead, (
            heading + sign * TOE_OUT + 0.025 * np.sin(3.3 * number + sign)
        )


def strike(side: str) -> float:
    """When in the left foot's cycle a foot's heel comes down."""
    return 0.0 if side == "Left" else 0.503


def foot_path(way: Walkway, side: str, cycles: Array) -> tuple[Array, Array, Array]:
    """cycles: (T,) -> the ankle (T, 3) in metres, the foot's world rotation (T, 4) and the bend of
    the toes (T,).
    """
    own = cycles - strike(side)
    number = np.floor(own).astype(int)
    phase = own - number
    prints, headings = way.footprints(side, int(number.min()), int(number.max()) + 1)
    k = number - number.min()

    pitch = through(FOOT_PITCH, phase)
    ends = np.array([LIFT_OFF, 1.0])
    small = 1e-4
    roll, ahead_of, behind = (
        rolled_ankle(through(FOOT_PITCH, p)) for p in (ends, ends - small, ends - 2 * small)
    )
    slope = (1.5 * roll - 2.0 * ahead_of + 0.5 * behind) / small
    # the next heel strike turns about the heel from its first moment on
    after = rolled_ankle(through(FOOT_PITCH, np.array([0.0, small, 2 * small])))
    slope[1] = (-1.5 * after[0] + 2.0 * after[1] - 0.5 * after[2]) / small

    stride = np.linalg.norm(prints[k + 1] - prints[k], axis=-1)
    swinging = phase > LIFT_OFF
    u = (phase - LIFT_OFF) / (1.0 - LIFT_OFF)
    progress = np.where(swinging, through(SWING_PROGRESS, u), 0.0)
    offset = rolled_ankle(pitch)
    # in swing there is nothing to roll on: the offset goes smoothly from the one end to the other
    offset[:, 0] = np.where(
        swinging,
        through([(LIFT_OFF, roll[0, 0], slope[0, 0]), (1.0, roll[1, 0], slope[1, 0])], phase),
        offset[:, 0],
    )
    height = [(place, metres - ANKLE_HEIGHT_M, steep) for place, metres, steep in SWING_HEIGHT_M]
    offset[:, 1] = np.where(
        swinging,
        through(
            [(LIFT_OFF, roll[0, 1], slope[0, 1]), *height, (1.0, roll[1, 1], slope[1, 1])], phase
        ),
        offset[:, 1],
    )
    assert (stride > 0).all(), "footprints follow one another"
    yaw = headings[k] + progress * (headings[k + 1] - headings[k])
    ground = prints[k] + progress[:, None] * (prints[k + 1] - prints[k])
    ground += offset[:, :1] * np.stack([np.sin(yaw), np.cos(yaw)], axis=-1)
    ankle = np.stack([ground[:, 0], ANKLE_HEIGHT_M + offset[:, 1], ground[:, 1]], axis=-1)
    return ankle, euler("YX", yaw, -pitch), through(TOE_BEND, phase)


def make_walk() -> Clip:
    """Five seconds from the middle of a walk that bends slightly to the left."""
    run_in = round(RUN_IN_SECONDS * FRAME_RATE)
    seconds = np.arange(-run_in, round(DURATION_SECONDS * FRAME_RATE) + 1) / FRAME_RATE
    way = Walkway()
    turns, heading, place = way.at(seconds)

    sway = 0.019 * wave(turns, 0.30) + 0.004 * drift(seconds, 5.2)
    surge = 0.010 * wave(2.0 * turns, 0.34)
    bob = -0.022 * wave(2.0 * turns, 0.10) + 0.002 * drift(seconds, 6.1)
    left, ahead = (
        np.stack([np.cos(heading), -np.sin(heading)], -1),
        np.stack([np.sin(heading), np.cos(heading)], -1),
    )
    ground = place + sway[:, None] * left + surge[:, None] * ahead
    puppet = Puppet(np.stack([ground[:, 0], 0.923 + bob, ground[:, 1]], axis=-1))

    pelvis_turn = (
        -0.085 * wave(turns, 0.02) - 0.010 * wave(3.0 * turns, 0.10) + 0.012 * drift(seconds, 7.7)
    )
    pelvis_list = 0.060 * wave(turns, 0.17) + 0.011 * wave(3.0 * turns, 0.45)
    pelvis_tilt = 0.05 + 0.014 * wave(2.0 * turns, 0.05) + 0.005 * wave(4.0 * turns, 0.30)
    thorax_turn = (
        0.072 * wave(turns, 0.05) + 0.006 * wave(3.0 * turns, 0.25) + 0.015 * drift(seconds, 8.3)
    )
    thorax_list = -0.018 * wave(turns, 0.22) + 0.008 * drift(seconds, 9.9)
    thorax_lean = (
        0.045
        + 0.016 * wave(2.0 * turns, 0.12)
        + 0.004 * wave(4.0 * turns, 0.45)
        + 0.010 * drift(seconds, 10.4)
    )
    head_turn = 0.016 * wave(turns, 0.08) + 0.075 * drift(seconds, 11.6)
    head_nod = 0.055 - 0.014 * wave(2.0 * turns, 0.10) + 0.030 * drift(seconds, 12.8)
    head_list = -0.006 * wave(turns, 0.25) + 0.016 * drift(seconds, 13.3)
    pose_trunk(
        puppet,
        pelvis=euler("YXZ", heading + pelvis_turn, pelvis_tilt, pelvis_list),
        thorax=euler("YXZ", heading + thorax_turn, thorax_lean, thorax_list),
        head=euler("YXZ", heading + head_turn, head_nod, head_list),
    )
    for side in ("Left", "Right"):
        pose_legs(puppet, side, *foot_path(way, side, turns))

    # an arm is farthest forward shortly after the other side's heel strike; the elbow follows the
    # shoulder
    for side, peak, swing, voice in (("Left", 0.53, 0.30, 14.1), ("Right", 0.03, 0.37, 15.9)):
        size = 1.0 + 0.10 * drift(seconds, voice)
        held = 1.0 if side == "Left" else 0.0
        pose_arm(
            puppet,
            side,
            flexion=-0.02 + size * (swing * wave(turns, peak) + 0.025 * wave(2.0 * turns, peak)),
            abduction=0.21
            + 0.05 * held
            + 0.020 * wave(2.0 * turns, peak)
            + 0.012 * drift(seconds, voice + 0.4),
            inward=0.20 + 0.06 * wave(turns, peak),
            elbow=0.40
            + 0.05 * held
            + size * (0.185 * wave(turns, peak + 0.05) + 0.04 * wave(2.0 * turns, peak + 0.05)),
            pronation=0.22 + 0.06 * wave(turns, peak + 0.1) + 0.04 * drift(seconds, voice + 0.8),
            wrist=0.06
            + 0.10 * wave(turns, peak + 0.16)
            + 0.02 * wave(2.0 * turns, peak + 0.2)
            + 0.03 * drift(seconds, voice + 1.2),
            shrug=0.012 * wave(2.0 * turns, 0.30),
        )
        pose_fingers(
            puppet,
            side,
            (0.80 if held else 0.30) + (0.0 if held else 0.04) * wave(turns, peak + 0.15),
            seconds,
        )
    hang_lantern(puppet)
    return puppet.clip("walk", run_in)


# ---------------------------------------------------------------- standing and waving


def make_wave() -> Clip:
    """Five seconds: standing at ease, the right arm comes up, waves and goes down again; the
    lantern hangs in the left hand.
    """
    run_in = round(RUN_IN_SECONDS * FRAME_RATE)
    seconds = np.arange(-run_in, round(DURATION_SECONDS * FRAME_RATE) + 1) / FRAME_RATE
    raised = through(
        [(0.80, 0.0, 0.0), (1.55, 1.0, 0.0), (3.65, 1.0, 0.0), (4.60, 0.0, 0.0)], seconds
    )
    unfolded = through(
        [(0.70, 0.0, 0.0), (1.45, 1.0, 0.0), (3.80, 1.0, 0.0), (4.70, 0.0, 0.0)], seconds
    )
    greeting = through(
        [(1.25, 0.0, 0.0), (1.85, 1.0, 0.0), (3.15, 0.9, 0.0), (3.80, 0.0, 0.0)], seconds
    )
    beat = 1.75 * seconds + 0.03 * drift(seconds, 2.2)
    breath = np.sin(2.0 * np.pi * 0.27 * seconds)

    weight = 0.014 + 0.012 * drift(seconds, 1.1) + 0.016 * raised
    puppet = Puppet(
        np.stack(
            [
                weight,
                0.9565 - 0.001 * raised + 0.0015 * drift(seconds, 2.7),
                0.010 + 0.006 * drift(seconds, 3.4),
            ],
            axis=-1,
        )
    )
    toward = 0.05 * raised
    pose_trunk(
        puppet,
        pelvis=euler(
            "YXZ", 0.02 * drift(seconds, 4.1) + 0.3 * toward, 0.03, 0.014 + 0.012 * raised
        ),
        thorax=euler(
            "YXZ",
            0.025 * drift(seconds, 5.5) + toward,
            0.015 + 0.008 * breath - 0.015 * raised,
            0.010 * drift(seconds, 6.6) + 0.045 * raised + 0.012 * greeting * wave(beat, 0.1),
        ),
        head=euler(
            "YXZ",
            0.05 * drift(seconds, 7.2) - 0.06 * raised,
            0.02 + 0.02 * drift(seconds, 8.8),
            -0.05 * raised,
        ),
    )
    for side, sign, forward in (("Left", 1.0, -0.012), ("Right", -1.0, 0.022)):
        ankle = np.tile([sign * 0.108, ANKLE_HEIGHT_M, forward], (len(seconds), 1))
        still = np.zeros(len(seconds))
        pose_legs(puppet, side, ankle, euler("Y", still + sign * 0.14), still)

    pose_arm(
        puppet,
        "Left",
        flexion=0.02 + 0.02 * drift(seconds, 9.1) - 0.03 * raised,
        abduction=0.20 + 0.03 * raised + 0.008 * breath,
        inward=0.25,
        elbow=0.30 + 0.03 * drift(seconds, 10.2),
        pronation=0.25,
        wrist=0.05 + 0.02 * drift(seconds, 11.8),
        shrug=0.012 * breath,
    )
    pose_fingers(puppet, "Left", np.full(len(seconds), 0.80), seconds)
    pose_arm(
        puppet,
        "Right",
        flexion=0.03 + 0.02 * drift(seconds, 12.4) + 0.32 * raised,
        abduction=0.14 + 1.00 * raised + 0.05 * greeting * wave(beat, 0.12),
        inward=0.25 - 1.50 * unfolded,
        elbow=0.28
        + 0.03 * drift(seconds, 13.7)
        + 1.58 * unfolded
        + 0.40 * greeting * wave(beat, 0.0),
        pronation=0.22 - 0.15 * unfolded,
        wrist=0.06 - 0.12 * unfolded,
        shrug=0.012 * breath + 0.13 * raised,
    )
    pose_fingers(puppet, "Right", 0.30 - 0.22 * unfolded, seconds, spread=unfolded)
    hang_lantern(puppet)
    return puppet.clip("wave", run_in)


def write_examples(folder: Path) -> list[Path]:
    """Write walk.bvh and wave.bvh into `folder`."""
    paths = []
    for clip in (make_walk(), make_wave()):
        paths.append(folder / f"{clip.name}.bvh")
        notes = write_motion(clip, paths[-1])
        assert not notes, f"the made-up rig fits BVH, yet: {notes}"
    return paths


if __name__ == "__main__":
    for written in write_examples(
        Path(__file__).resolve().parents[1] / "src" / "kinestyle" / "examples"
    ):
        sys.stdout.write(f"{written.name}\n")
