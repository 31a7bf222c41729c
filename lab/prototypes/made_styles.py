"""Styles that are made: random ways to hold and move a body, applied to any real clip.

A prototype, see lab/LOG.md (2026-11-28).

Nobody recorded the same action in two styles frame by frame. A made style gives such pairs without
limit, and without anyone's terms: the same clip, on the canonical skeleton, in style A and in
style B. What is varied is what observers of style name: posture (bent spine, hanging head, raised
shoulders, arms held wide, turned feet), the size and the sharpness of what moves, how far the arms
lag, tremble, stride, bounce, sway, and a gait that limps. Planted feet stay planted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from extremes import reach

from kinestyle.motion import rotation
from kinestyle.motion.canonical import (
    CANONICAL,
    HIPS,
    LEFT,
    LEG_LENGTH_M,
    MIRROR,
    UP,
    canonical_clip,
)
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample_rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import forward_kinematics, world_to_local_rotation
from kinestyle.motion.smoothing import smooth_in_time
from kinestyle.retarget.features import FRAME_RATE, heading

SIDES = ("left", "right")
_TRUNK = ("spine", "chest", "neck", "head")
_ARM = ("clavicle", "upper_arm", "forearm", "hand")
_INDEX = {name: CANONICAL.index(name) for name in CANONICAL.names}
_ARMS = np.array([_INDEX[f"{side}_{part}"] for side in SIDES for part in _ARM])
_SPINE = np.array([_INDEX[name] for name in _TRUNK])

OFFSET_DEGREES = {
    "spine": (9.0, 3.0, 3.0),
    "chest": (9.0, 4.0, 3.0),
    "neck": (9.0, 5.0, 4.0),
    "head": (9.0, 6.0, 5.0),
    "clavicle": (2.0, 5.0, 7.0),
    "upper_arm": (8.0, 9.0, 12.0),
    "hand": (9.0, 7.0, 9.0),
}
"""Standard deviations of the constant rotation of each part about its parent's left, up and front
axes."""


@dataclass(frozen=True, eq=False)
class MadeStyle:
    """offsets: (21, 3) rotation vectors in radians, about the parent's axes.

    elbow_flexion: (2,) radians, left and right
    amplitude: of arms, spine (with neck and head), as factors about the clip's mean pose
    lag_seconds: of the arms behind the rest
    smoothing_seconds: of arms and spine; negative sharpens
    tremble: radians, standard deviation, of hands, head and spine; tremble_hz: how fast
    hip_height_m, hip_pitch, bounce: hips lower, tilted, and their up and down as a factor
    sway_m: hips over the standing foot
    toe_out: radians; step_width_m; stride: factor of all travel over the ground; lift: factor of
        the height of feet that swing
    limp: -1 to 1, how much deeper the hips sink over the right foot than over the left
    twist: factor of the hips' turning against the heading
    """

    offsets: Array
    elbow_flexion: Array
    amplitude: tuple[float, float]
    lag_seconds: float
    smoothing_seconds: float
    tremble: float
    tremble_hz: float
    hip_height_m: float
    hip_pitch: float
    bounce: float
    sway_m: float
    toe_out: float
    step_width_m: float
    stride: float
    lift: float
    limp: float
    twist: float
    seed: int = 0

    @property
    def numbers(self) -> Array:
        """(P,) everything that the style is, each of about unit size."""
        scalars = [
            *(np.log(self.amplitude) / 0.35),
            self.lag_seconds / 0.07,
            self.smoothing_seconds / 0.1,
            self.tremble / 0.03,
            self.hip_height_m / 0.05,
            self.hip_pitch / 0.1,
            np.log(self.bounce) / 0.4,
            self.sway_m / 0.03,
            self.toe_out / 0.15,
            self.step_width_m / 0.04,
            np.log(self.stride) / 0.15,
            np.log(self.lift) / 0.4,
            self.limp / 0.5,
            np.log(self.twist) / 0.4,
        ]
        return np.concatenate([self.offsets.ravel() / 0.12, self.elbow_flexion / 0.3, scalars])


def draw_style(random: np.random.Generator, seed: int = 0) -> MadeStyle:
    """One of endless styles: some are subtle, some strong, most are symmetric."""
    size = float(np.exp(random.normal(0.15, 0.4)))
    symmetric = random.random() < 0.7

    def normal(deviation: float, share: float = 1.0) -> float:
        """Zero in all but a share of styles: what marks a style is a few things, not all."""
        return (
            float(size * deviation * random.standard_normal()) if random.random() < share else 0.0
        )

    offsets = np.zeros((CANONICAL.joint_count, 3))
    for part, degrees in OFFSET_DEGREES.items():
        sides = [part] if part in _TRUNK else [f"{side}_{part}" for side in SIDES]
        for name in sides:
            vector = np.radians(degrees) * size * random.standard_normal(3)
            if part in _TRUNK and symmetric:
                vector[1:] *= 0.25
            offsets[_INDEX[name]] = vector
        if part not in _TRUNK and symmetric:
            offsets[_INDEX[sides[1]]] = offsets[_INDEX[sides[0]]] * [1.0, -1.0, -1.0]
    elbow = size * np.abs(random.standard_normal(2)) * np.radians(18.0)
    elbow *= random.choice([1.0, -0.3])
    if symmetric:
        elbow[1] = elbow[0]
    return MadeStyle(
        offsets=offsets,
        elbow_flexion=elbow,
        amplitude=(float(np.exp(normal(0.35, 0.8))), float(np.exp(normal(0.4, 0.8)))),
        lag_seconds=float(np.clip(normal(0.06, 0.5), -0.1, 0.13)),
        smoothing_seconds=float(np.clip(normal(0.08, 0.5), -0.08, 0.25)),
        tremble=abs(normal(0.025, 0.25)),
        tremble_hz=float(random.uniform(3.0, 7.0)),
        hip_height_m=float(np.clip(normal(0.045) - 0.025 * size, -0.2, 0.03)),
        hip_pitch=normal(np.radians(5.0), 0.7),
        bounce=float(np.exp(normal(0.4, 0.7))),
        sway_m=normal(0.025, 0.5),
        toe_out=normal(np.radians(9.0), 0.7),
        step_width_m=float(np.clip(normal(0.03, 0.7), -0.05, 0.12)),
        stride=float(np.exp(np.clip(normal(0.12, 0.6), -0.4, 0.25))),
        lift=float(np.exp(normal(0.3, 0.5))),
        limp=0.0 if symmetric else float(np.clip(normal(0.5, 0.6), -1.0, 1.0)),
        twist=float(np.exp(normal(0.4, 0.6))),
        seed=seed,
    )


def apply_style(clip: Clip, style: MadeStyle, contact: np.ndarray) -> Clip:
    """A clip on the canonical skeleton at 30 frames a second, in a made style, frame for frame.

    contact: (T, 4) of the clip
    """
    world, local = clip.world_rotation, clip.local_rotation.copy()
    yaw = heading(clip)
    turn = rotation.about_y(yaw)
    hips_free = rotation.multiply(rotation.inverse(turn), world[:, HIPS])

    # what moves: larger or smaller, later, smoother, trembling
    local[:, _ARMS] = _amplified(local[:, _ARMS], style.amplitude[0])
    local[:, _SPINE] = _amplified(local[:, _SPINE], style.amplitude[1])
    if style.lag_seconds:
        at_frame = np.arange(clip.frame_count) - style.lag_seconds * FRAME_RATE
        local[:, _ARMS] = resample_rotation(local[:, _ARMS], at_frame)
    moving = np.concatenate([_ARMS, _SPINE])
    if style.smoothing_seconds:
        local[:, moving] = _smoothed(local[:, moving], style.smoothing_seconds)
    if style.tremble:
        local[:, moving] = rotation.multiply(
            _tremble(style, clip.frame_count, len(moving)), local[:, moving]
        )

    # how it is held
    bend = rotation.exp(style.offsets)
    held = np.flatnonzero(np.abs(style.offsets).max(axis=-1) > 0.0)
    local[:, held] = rotation.multiply(bend[held], local[:, held])
    for column, side in enumerate(SIDES):
        hinge = -UP if side == "left" else UP
        fore = _INDEX[f"{side}_forearm"]
        flexed = rotation.multiply(
            rotation.exp(style.elbow_flexion[column] * hinge), local[:, fore]
        )
        local[:, fore] = flexed

    # hips
    mean = rotation.mean(hips_free)
    swing = rotation.multiply(hips_free, rotation.inverse(mean))
    pitched = rotation.exp(np.array([style.hip_pitch, 0.0, 0.0]))
    hips_free = rotation.multiply(
        pitched, rotation.multiply(rotation.power(swing, style.twist), mean)
    )
    hips_world = rotation.multiply(turn, hips_free)
    # the trunk stays where it was told to be, whatever the pelvis does
    spine = _INDEX["spine"]
    local[:, spine] = (
        rotation.multiply(
            rotation.multiply(rotation.inverse(hips_world), world[:, HIPS]), local[:, spine]
        )
        if style.hip_pitch
        else local[:, spine]
    )
    local[:, HIPS] = hips_world

    # over the ground
    root = clip.world_position[:, HIPS].copy()
    start = root[0] * (1.0 - UP)
    ankles = [clip.world_position[:, _INDEX[f"{side}_foot"]].copy() for side in SIDES]
    scale = np.where(UP > 0.0, 1.0, style.stride)
    left = rotation.rotate(turn, np.broadcast_to(LEFT, root.shape))
    for column, sign in enumerate((1.0, -1.0)):
        ankle = start + (ankles[column] - start) * scale
        stand = np.percentile(ankle[:, 1], 5.0)
        rise = np.maximum(ankle[:, 1] - stand, 0.0)
        # only steps are lifted: a kick or a jump keeps its height
        ankle[:, 1] += (style.lift - 1.0) * rise * np.exp(-((rise / 0.2) ** 2))
        planted = contact[:, 2 * column : 2 * column + 2].any(axis=-1)
        aside = _held_while(left, planted)
        ankles[column] = ankle + sign * style.step_width_m * aside
    root = start + (root - start) * scale
    slow = smooth_in_time(root[:, 1], 0.5 * FRAME_RATE)
    height = np.clip(root[:, 1] / (root[:, 1].max() + 1e-9), 0.0, 1.0)
    root[:, 1] = slow + (root[:, 1] - slow) * style.bounce
    loaded = _loaded(contact)
    support = 1.0 - style.limp * loaded
    root[:, 1] += style.hip_height_m * height * support
    root += style.sway_m * (loaded * 1.0)[:, None] * left

    # legs reach for the ankles; hips come down where they are too short
    for _ in range(2):
        hip_joints = _hip_joints(root, local)
        longest = 0.995 * LEG_LENGTH_M
        short = np.max(
            [
                np.linalg.norm(a - h, axis=-1) - longest
                for a, h in zip(ankles, hip_joints, strict=True)
            ],
            axis=0,
        )
        root[:, 1] -= smooth_in_time(np.maximum(short, 0.0), 1.5) * 1.05
    result = _with_legs(root, local, clip, ankles, turn, style)
    return replace(result, name=clip.name)


def _amplified(local: Array, factor: float) -> Array:
    """local: (T, K, 4) -> the same, as far from their mean over the clip as `factor` says."""
    if factor == 1.0:
        return local
    mean = np.stack([rotation.mean(local[:, k]) for k in range(local.shape[1])])
    off = rotation.multiply(local, rotation.inverse(mean))
    angle = rotation.angle(off)
    # what is far from the mean is an action: it is made larger or smaller by less
    share = 1.0 / (1.0 + (angle / np.radians(70.0)) ** 2)
    return rotation.multiply(rotation.power(off, 1.0 + (factor - 1.0) * share), mean)


def _smoothed(local: Array, seconds: float) -> Array:
    continuous = rotation.continuous(local)
    smooth = rotation.normalize(smooth_in_time(continuous, abs(seconds) * FRAME_RATE))
    if seconds > 0.0:
        return smooth
    off = rotation.multiply(local, rotation.inverse(smooth))
    return rotation.multiply(rotation.power(off, 1.6), smooth)


def _tremble(style: MadeStyle, frames: int, joints: int) -> Array:
    """(T, K, 4) of band-limited noise."""
    random = np.random.default_rng(style.seed)
    noise = random.standard_normal((frames + 40, joints, 3))
    sigma = FRAME_RATE / (2.0 * np.pi * style.tremble_hz)
    band = smooth_in_time(noise, sigma) - smooth_in_time(noise, 2.0 * sigma)
    band = band[20:-20]
    return rotation.exp(style.tremble * band / max(float(band.std()), 1e-9))


def _loaded(contact: np.ndarray) -> Array:
    """contact: (T, 4) -> (T,) 1 where the left foot stands alone, -1 where the right one does."""
    left, right = contact[:, :2].any(axis=-1), contact[:, 2:].any(axis=-1)
    return smooth_in_time(left.astype(float) - right.astype(float), 4.0)


def _held_while(vectors: Array, planted: np.ndarray) -> Array:
    """vectors: (T, 3) -> the same, constant while planted, passing smoothly between such times."""
    result = vectors.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], planted, [False]]).astype(np.int8)))
    spans = edges.reshape(-1, 2)
    if len(spans) == 0:
        return result
    frames = np.arange(len(vectors))
    known = np.concatenate([frames[a:b] for a, b in spans])
    values = np.concatenate(
        [np.tile(rotation.normalize(vectors[a:b].mean(axis=0)), (b - a, 1)) for a, b in spans]
    )
    return np.stack([np.interp(frames, known, values[:, k]) for k in range(3)], axis=-1)


def _hip_joints(root: Array, local: Array) -> list[Array]:
    turned = local[:, HIPS]
    return [
        root
        + rotation.rotate(
            turned, np.broadcast_to(CANONICAL.offsets[_INDEX[f"{side}_thigh"]], root.shape)
        )
        for side in SIDES
    ]


def _with_legs(
    root: Array, local: Array, clip: Clip, ankles: list[Array], turn: Array, style: MadeStyle
) -> Clip:
    position = np.tile(CANONICAL.offsets, (len(root), 1, 1))
    position[:, HIPS] = root
    # legs keep their rotation in the world before they reach
    legs = [_INDEX[f"{side}_{part}"] for side in SIDES for part in ("thigh", "shin", "foot", "toe")]
    _, world = forward_kinematics(CANONICAL, position, local)
    world[:, legs] = clip.world_rotation[:, legs]
    local = world_to_local_rotation(CANONICAL, world)
    place, world = forward_kinematics(CANONICAL, position, local)
    for column, side in enumerate(SIDES):
        thigh, shin, foot, toe = (
            _INDEX[f"{side}_{part}"] for part in ("thigh", "shin", "foot", "toe")
        )
        hinge = rotation.rotate(world[:, thigh], np.broadcast_to(LEFT, root.shape))
        upper, lower = reach(place[:, thigh], place[:, shin], place[:, foot], ankles[column], hinge)
        world[:, thigh] = rotation.multiply(upper, world[:, thigh])
        world[:, shin] = rotation.multiply(lower, world[:, shin])
        out = rotation.about_y((1.0 if side == "left" else -1.0) * style.toe_out)
        for joint in (foot, toe):
            world[:, joint] = rotation.multiply(out, clip.world_rotation[:, joint])
    return canonical_clip(root, world, clip.frame_time_seconds, clip.name)


def mirror_style(style: MadeStyle) -> MadeStyle:
    """The same style seen in a mirror."""
    offsets = style.offsets[MIRROR] * [1.0, -1.0, -1.0]
    return replace(
        style, offsets=offsets, elbow_flexion=style.elbow_flexion[::-1], limp=-style.limp
    )
