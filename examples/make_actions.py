"""Makes further clips, punch.bvh, pick_up.bvh and jump.bvh: like those of `make_clips.py` computed
from descriptions and recorded from nobody, on the same rig, whose left hand is empty here.

Feet that stand, stand: a heel rises about the ball of its foot, which stays where it is. In the air
the hips are thrown: they leave the floor with the speed that brings them down again when the feet
do. Hands that have to be somewhere get there by two-bone inverse kinematics.

Run `python examples/make_actions.py FOLDER`. Lengths here are metres, the files are in centimetres;
angles are radians.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from make_clips import (
    BALL_FROM_ANKLE_M,
    FRAME_RATE,
    GRAVITY_M_S2,
    Puppet,
    drift,
    euler,
    pose_arm,
    pose_fingers,
    pose_legs,
    pose_trunk,
    through,
)
from numpy.typing import ArrayLike

from kinestyle.formats.table import write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array

UPPER_ARM_M, FOREARM_M = 0.288, 0.262
BALL_HEIGHT_M = 0.026
STRAIGHTEST = 0.985
"""How much of its length an arm that reaches has at most between shoulder and wrist."""

SIDES = (("Left", 1.0), ("Right", -1.0))


class Performer(Puppet):
    """The rig without its lantern."""

    def __init__(self, hips_position: Array):
        super().__init__(hips_position)
        kept = [i for i, name in enumerate(self.skeleton.names) if name != "Lantern"]
        self.skeleton = self.skeleton.only(kept)
        self.local_rotation = self.local_rotation[:, kept]


def seconds_of(duration: float) -> Array:
    """(T,) the moments of the frames."""
    return np.arange(round(duration * FRAME_RATE) + 1) / FRAME_RATE


def points(*rows: tuple[float, tuple[float, float, float]], at: Array) -> Array:
    """rows: of a moment and a place, at which what moves is at rest; at: (T,) -> (T, 3)."""
    return np.stack(
        [through([(when, place[axis], 0.0) for when, place in rows], at) for axis in range(3)],
        axis=-1,
    )


def on_the_ball(ball: ArrayLike, yaw: Array, lift: Array) -> tuple[Array, Array, Array]:
    """A foot whose ball stays: ball: (2,) or (T, 2) its x and z; yaw: (T,); lift: (T,) by how much
    the heel is up -> ankle (T, 3), world rotation of the foot (T, 4), bend of the toes (T,).
    """
    foot = euler("YX", yaw, lift)
    place = np.zeros((len(yaw), 3)) + np.insert(np.asarray(ball, float), 1, BALL_HEIGHT_M, axis=-1)
    return place - rotation.rotate(foot, BALL_FROM_ANKLE_M), foot, lift


def reach(
    puppet: Puppet, side: str, wrist: Array, elbow: ArrayLike, pronation: Array, bend: Array
) -> None:
    """Bring a wrist to a place, (T, 3) metres, the elbow towards a direction (3,) or (T, 3);
    pronation, bend: (T,) of the forearm and the wrist, as in `pose_arm`.
    """
    sign = 1.0 if side == "Left" else -1.0
    shoulder = puppet.position_m(f"{side}Arm")
    ahead = wrist - shoulder
    distance = np.linalg.norm(ahead, axis=-1)
    ahead = ahead / distance[:, None]
    most = STRAIGHTEST * (UPPER_ARM_M + FOREARM_M)
    # an arm that cannot reach it stretches softly
    distance = most - np.logaddexp(0.0, 60.0 * (most - distance)) / 60.0
    pole = np.broadcast_to(np.asarray(elbow, float), ahead.shape)
    pole = rotation.normalize(pole - np.sum(pole * ahead, axis=-1, keepdims=True) * ahead)
    cos = (UPPER_ARM_M**2 + distance**2 - FOREARM_M**2) / (2.0 * UPPER_ARM_M * distance)
    cos = np.clip(cos, -1.0, 1.0)[:, None]
    upper = cos * ahead + np.sqrt(1.0 - cos**2) * pole
    fore = rotation.normalize(distance[:, None] * ahead - UPPER_ARM_M * upper)
    hinge = -sign * np.cross(pole, ahead)
    for bone, direction in ((f"{side}Arm", upper), (f"{side}ForeArm", fore)):
        q = rotation.from_sixd(np.concatenate([sign * direction, hinge], axis=-1))
        if bone.endswith("ForeArm"):
            q = rotation.multiply(q, euler("X", pronation))
        puppet.turn_in_world(bone, q)
    puppet.turn(f"{side}Hand", euler("ZY", -sign * bend, sign * 0.06))


# ---------------------------------------------------------------- two punches, twice

JABS, CROSSES = (0.98, 2.50), (1.42, 2.94)
"""When the left and the right hand are out."""


def struck(at: Array, moments: tuple[float, ...], out: float, back: float) -> Array:
    """(T,) 0 to 1: a hand that goes out in `out` seconds, stays a moment and comes back."""
    keys = []
    for moment in moments:
        keys += [(moment - out, 0.0, 0.0), (moment, 1.0, 0.0), (moment + 0.05, 1.0, 0.0)]
        keys += [(moment + 0.05 + back, 0.0, 0.0)]
    return through(keys, at)


def make_punch() -> Clip:
    """Four seconds in a boxer's stance: left, right; and once more."""
    t = seconds_of(4.0)
    jab, cross = struck(t, JABS, 0.20, 0.24), struck(t, CROSSES, 0.26, 0.34)
    driven = struck(t, CROSSES, 0.32, 0.44)  # the body begins before the hand and ends after it
    ready = 1.0 - np.maximum(jab, driven)
    bounce = 0.012 * ready * np.sin(2.0 * np.pi * 1.55 * t + 0.4)
    hips = np.stack(
        [
            0.010 * drift(t, 1.2) + 0.015 * driven,
            0.868 + bounce - 0.022 * driven - 0.008 * jab,
            -0.015 + 0.030 * jab + 0.085 * driven + 0.010 * drift(t, 2.1),
        ],
        axis=-1,
    )
    puppet = Performer(hips)
    turn = 0.03 * drift(t, 3.3)
    pose_trunk(
        puppet,
        pelvis=euler("YXZ", -0.62 + turn - 0.08 * jab + 0.98 * driven, 0.10 + 0.05 * driven, 0.0),
        thorax=euler(
            "YXZ",
            -0.68 + 1.2 * turn - 0.22 * jab + 1.42 * driven,
            0.17 + 0.04 * jab + 0.10 * driven,
            0.03 * jab - 0.05 * driven,
        ),
        head=euler("YXZ", -0.10 + 0.4 * turn + 0.14 * driven, 0.20 + 0.03 * bounce, 0.02 * driven),
    )
    still = np.zeros(len(t))
    pose_legs(puppet, "Left", *on_the_ball((0.135, 0.335), still - 0.22, 0.04 + 0.6 * bounce))
    heel = 0.20 + bounce + 0.42 * driven
    pose_legs(puppet, "Right", *on_the_ball((-0.165, -0.135), -0.92 + 0.62 * driven, heel))

    for side, sign, out, guard, target in (
        ("Left", 1.0, jab, (0.085, 0.500, 0.335), (0.02, 0.490, 0.800)),
        ("Right", -1.0, cross, (-0.085, 0.515, 0.215), (0.01, 0.480, 0.820)),
    ):
        sway = np.stack([0.012 * drift(t, 5.0 + sign), 0.015 * drift(t, 7.0 + sign)], axis=-1)
        held = np.array(guard) + np.insert(sway, 2, -0.02 * driven * sign, axis=-1)
        # straight out from the chin, a little upward on its way
        wrist = hips + held + out[:, None] * (np.array(target) - held)
        wrist[:, 1] += 0.020 * np.sin(np.pi * out)
        puppet.turn(f"{side}Shoulder", euler("ZY", sign * (0.04 + 0.13 * out), -sign * 0.16 * out))
        reach(puppet, side, wrist, (sign * 0.42, -1.0, -0.15), 0.35 + 0.95 * out, 0.10 - 0.10 * out)
        pose_fingers(puppet, side, 0.92 + 0.10 * out, t)
    return puppet.clip("punch")


# ---------------------------------------------------------------- picking something up


def make_pick_up() -> Clip:
    """Five seconds: standing, going down for something small on the floor, holding it before the
    chest to look at it.
    """
    t = seconds_of(5.0)
    down = through([(0.55, 0.0, 0.0), (1.70, 1.0, 0.0), (2.05, 1.0, 0.0), (3.25, 0.0, 0.0)], t)
    bent = through([(0.45, 0.0, 0.0), (1.55, 1.0, 0.0), (2.10, 1.0, 0.0), (3.30, 0.0, 0.0)], t)
    look = through([(0.30, 0.0, 0.0), (0.95, 1.0, 0.0), (2.30, 1.0, 0.0), (3.40, 0.45, 0.0)], t)
    breath = 0.006 * np.sin(2.0 * np.pi * 0.27 * t)
    shown = through([(2.9, 0.0, 0.0), (3.6, 1.0, 0.0)], t)
    puppet = Performer(
        np.stack(
            [
                0.008 * drift(t, 1.4) - 0.020 * down,
                0.9535 - 0.480 * down + 0.0015 * drift(t, 2.2),
                0.012 - 0.150 * down + 0.006 * drift(t, 3.1) * (1.0 - down),
            ],
            axis=-1,
        )
    )
    aside = 0.02 * drift(t, 4.4) - 0.10 * down
    pose_trunk(
        puppet,
        pelvis=euler("YXZ", aside, 0.03 + 0.78 * bent, 0.05 * down),
        thorax=euler("YXZ", 1.7 * aside, 0.02 + breath + 1.20 * bent, 0.14 * down),
        head=euler(
            "YXZ", 1.4 * aside - 0.16 * shown, 0.05 + 0.62 * look + 0.30 * bent, -0.04 * shown
        ),
    )
    still = np.zeros(len(t))
    pose_legs(puppet, "Left", *on_the_ball((0.118, 0.185), still + 0.16, still))
    pose_legs(puppet, "Right", *on_the_ball((-0.128, 0.085), still - 0.20, 0.55 * down**2))

    # the left forearm comes to rest on its thigh
    pose_arm(
        puppet,
        "Left",
        flexion=0.03 + 0.72 * bent,
        abduction=0.17 + 0.12 * bent,
        inward=0.25 + 0.25 * bent,
        elbow=0.28 + 0.72 * bent + 0.02 * drift(t, 9.3),
        pronation=0.25 + 0.35 * bent,
        wrist=0.06,
    )
    pose_fingers(puppet, "Left", 0.32 + 0.10 * bent, t)
    wrist = points(
        (0.55, (-0.275, 0.885, 0.045)),
        (1.75, (-0.125, 0.165, 0.350)),
        (2.02, (-0.125, 0.158, 0.350)),
        (3.55, (-0.105, 1.135, 0.295)),
        at=t,
    )
    # out of the way of the knee, and away from the body
    wrist[:, 2] += 0.06 * np.sin(np.pi * np.clip((t - 2.0) / 1.5, 0.0, 1.0)) ** 2
    wrist[:, :2] += 0.006 * np.stack([drift(t, 6.4), drift(t, 8.5)], axis=-1)
    puppet.turn("RightShoulder", euler("ZY", -0.02 - 0.05 * down, 0.14 * down + 0.05 * shown))
    elbow = np.array([-0.55, -0.35, -1.0]) + shown[:, None] * np.array([0.0, -0.8, 0.55])
    reach(puppet, "Right", wrist, elbow, 0.25 + 0.55 * down - 0.95 * shown, 0.10 + 0.12 * shown)
    grasp = through([(0.8, 0.30, 0.0), (1.45, 0.10, 0.0), (1.78, 0.12, 0.0), (2.02, 0.66, 0.0)], t)
    pose_fingers(puppet, "Right", grasp, t)
    return puppet.clip("pick_up")


# ---------------------------------------------------------------- a jump forward

TAKE_OFF_SECONDS, AIRBORNE_SECONDS = 1.30, 0.44
LANDING_SECONDS = TAKE_OFF_SECONDS + AIRBORNE_SECONDS
LEAVES_M, LANDS_M, CROUCH_M, STANDS_M = 1.008, 0.945, 0.635, 0.9525
"""Heights of the hips: when the toes leave the floor, and come back to it; lowest; standing."""
FAR_M, AHEAD_M = 0.80, 0.16
"""From standing to standing; and how far the hips are ahead of the feet at take-off."""


def make_jump() -> Clip:
    """Four seconds: a jump forward with both feet, the arms swing along."""
    t = seconds_of(4.0)
    up = 0.5 * GRAVITY_M_S2 * AIRBORNE_SECONDS + (LANDS_M - LEAVES_M) / AIRBORNE_SECONDS
    air = t - TAKE_OFF_SECONDS
    flying = (air > 0.0) & (t < LANDING_SECONDS)
    height = np.where(
        flying,
        LEAVES_M + up * air - 0.5 * GRAVITY_M_S2 * air**2,
        through(
            [
                (0.35, STANDS_M, 0.0),
                (0.98, CROUCH_M, 0.0),
                (TAKE_OFF_SECONDS, LEAVES_M, up),
                (LANDING_SECONDS, LANDS_M, up - GRAVITY_M_S2 * AIRBORNE_SECONDS),
                (LANDING_SECONDS + 0.34, CROUCH_M + 0.04, 0.0),
                (LANDING_SECONDS + 1.15, STANDS_M, 0.0),
            ],
            t,
        ),
    )
    speed = (FAR_M - AHEAD_M - 0.11) / AIRBORNE_SECONDS
    ahead = through(
        [
            (0.35, 0.0, 0.0),
            (0.90, -0.075, 0.0),
            (TAKE_OFF_SECONDS, AHEAD_M, speed),
            (LANDING_SECONDS, FAR_M - 0.11, speed),
            (LANDING_SECONDS + 0.42, FAR_M - 0.03, 0.0),
            (LANDING_SECONDS + 1.2, FAR_M, 0.0),
        ],
        t,
    )
    hips = np.stack([0.006 * drift(t, 1.1), height + 0.0012 * drift(t, 2.0), ahead], axis=-1)
    puppet = Performer(hips)
    fold = [(0.35, 0.0, 0.0), (0.95, 1.0, 0.0), (TAKE_OFF_SECONDS, 0.10, -1.2)]
    fold += [(1.46, 0.0, 0.0), (LANDING_SECONDS, 0.34, 1.4), (LANDING_SECONDS + 0.32, 0.92, 0.0)]
    lean = through([*fold, (LANDING_SECONDS + 1.1, 0.0, 0.0)], t)
    turn = 0.012 * drift(t, 4.2)
    pose_trunk(
        puppet,
        pelvis=euler("YXZ", turn, 0.03 + 0.62 * lean, 0.008 * drift(t, 5.1)),
        thorax=euler("YXZ", 1.5 * turn, 0.02 + 0.74 * lean, 0.010 * drift(t, 6.3)),
        head=euler("YXZ", 2.0 * turn, 0.05 + 0.26 * lean, 0.0),
    )
    for side, sign in SIDES:
        pose_legs(puppet, side, *_jumping_foot(t, side, sign))
        late = 0.012 * sign
        swing = [(0.40, 0.03, 0.0), (0.98, -0.85, 0.0), (TAKE_OFF_SECONDS, 1.20, 4.5)]
        swing += [(1.50, 2.05, 0.0), (LANDING_SECONDS + 0.10, 0.95, -4.0)]
        swing += [(LANDING_SECONDS + 0.45, 0.20, 0.0), (LANDING_SECONDS + 1.2, 0.03, 0.0)]
        bend = [(0.40, 0.28, 0.0), (0.98, 0.22, 0.0), (TAKE_OFF_SECONDS, 0.75, 1.0)]
        bend += [(1.55, 0.60, 0.0), (LANDING_SECONDS + 0.35, 0.62, 0.0)]
        pose_arm(
            puppet,
            side,
            flexion=through(swing, t - late) + 0.015 * drift(t, 9.0 + sign),
            abduction=0.17 + 0.14 * lean + 0.012 * drift(t, 11.0 + sign),
            inward=0.25,
            elbow=through([*bend, (LANDING_SECONDS + 1.2, 0.28, 0.0)], t - late),
            pronation=0.25,
            wrist=0.06 + 0.10 * lean,
            shrug=0.10 * through([(0.98, 0.0, 0.0), (1.45, 1.0, 0.0), (1.9, 0.0, 0.0)], t),
        )
        pose_fingers(puppet, side, 0.30 + 0.25 * lean, t)
    return puppet.clip("jump")


def _jumping_foot(t: Array, side: str, sign: float) -> tuple[Array, Array, Array]:
    """As `on_the_ball`: on the floor until the toes leave it, through the air, on the floor."""
    leave, land = TAKE_OFF_SECONDS, LANDING_SECONDS + (0.010 if side == "Left" else 0.0)
    lift = through(
        [
            (1.02, 0.0, 0.0),
            (leave, 0.95, 4.5),
            (leave + 0.07, 1.10, 0.0),
            (land - 0.06, 0.46, -1.5),
            (land, 0.36, -2.4),
            (land + 0.11, 0.0, 0.0),
        ],
        t,
    )
    yaw = np.full(len(t), sign * 0.13)
    from_ball, to_ball = ((sign * 0.118, 0.134 + z) for z in (0.0, FAR_M + 0.005 * sign))
    ankle, foot, toes = on_the_ball(from_ball, yaw, lift)
    after, _, _ = on_the_ball(to_ball, yaw, lift)
    # in the air each coordinate goes on as it left, and arrives as the floor wants it
    small = 1e-3
    rows = []
    for moment, ball in ((leave, from_ball), (land, to_ball)):
        near = np.array([moment - small, moment, moment + small])
        near_lift = np.interp(near, t, lift)
        rows.append(on_the_ball(ball, np.full(3, yaw[0]), near_lift)[0])
    for axis, middle in ((0, None), (1, 0.470), (2, None)):
        slopes = [(row[2, axis] - row[0, axis]) / (2.0 * small) for row in rows]
        keys = [(leave, rows[0][1, axis], slopes[0]), (land, rows[1][1, axis], slopes[1])]
        if axis == 1:
            keys = [(leave, rows[0][1, 1], 1.2), (1.50, middle, 0.0), (land, rows[1][1, 1], -2.4)]
        if axis == 2:
            keys = [(leave, rows[0][1, 2], 0.9), (land, rows[1][1, 2], 0.5)]
        path = through(keys, t)
        ankle[:, axis] = np.where(
            t <= leave, ankle[:, axis], np.where(t >= land, after[:, axis], path)
        )
    return ankle, foot, np.where((t > leave) & (t < land), 0.4 * toes, toes)


CLIPS = (make_punch, make_pick_up, make_jump)


def write_actions(folder: Path) -> list[Path]:
    """Write the clips into a folder."""
    paths = []
    for make in CLIPS:
        clip = make()
        paths.append(folder / f"{clip.name}.bvh")
        notes = write_motion(clip, paths[-1])
        assert not notes, f"the made-up rig fits BVH, yet: {notes}"
    return paths


if __name__ == "__main__":
    for written in write_actions(Path(sys.argv[1])):
        sys.stdout.write(f"{written.name}\n")
