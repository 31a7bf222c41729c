"""Any motion in a made style (`kinestyle.bundle.made_style`), exactly.

What varies is what observers of style name: posture (a bent spine, a hanging head, raised
shoulders, arms held wide, turned feet), the size and the sharpness of what moves, how far the arms
lag, tremble, stride, bounce, sway, a gait that limps, and tempo. The action stays: planted feet
stay planted, and hands and feet come to the extremes that make a kick, a punch or a pick-up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinestyle.bundle.made_style import MadeStyle, styled_count
from kinestyle.motion import rotation
from kinestyle.motion.canonical import (
    CANONICAL,
    FORWARD,
    HIPS,
    LEFT,
    LEG_LENGTH_M,
    SIDES,
    UP,
    canonical_clip,
)
from kinestyle.motion.clip import Clip
from kinestyle.motion.percentile import percentile
from kinestyle.motion.resampling import resample_at, resample_rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import forward_kinematics, world_to_local_rotation
from kinestyle.motion.smoothing import largest_within, smooth_in_time, smootherstep
from kinestyle.motion.window import WindowSize
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.features import FRAME_RATE, heading
from kinestyle.retarget.limb_ik import reach
from kinestyle.retarget.survey import FeatureFrames
from kinestyle.runtime.change import Change, find_change, measured_rise
from kinestyle.runtime.sequences import Rendering

MOST_FLEXION = np.radians(150.0)
"""No elbow is bent further than this."""
LEAST_RANGE_M = 0.3
"""The least range of a hand's height or reach whose extremes count."""
LONGEST_LEG = 0.995
"""How far a leg may be stretched, of its length: straight knees flip."""

_TRUNK = ("spine", "chest", "neck", "head")
_ARM = ("clavicle", "upper_arm", "forearm", "hand")
_INDEX = {name: CANONICAL.index(name) for name in CANONICAL.names}
_SPINE = np.array([_INDEX[name] for name in _TRUNK])
_ARMS = np.array([[_INDEX[f"{side}_{part}"] for part in _ARM] for side in SIDES])
_LEGS = np.array(
    [[_INDEX[f"{side}_{part}"] for part in ("thigh", "shin", "foot", "toe")] for side in SIDES]
)
_ARM_LENGTH_M = float(np.linalg.norm(CANONICAL.offsets[_ARMS[0, 2:]], axis=-1).sum())
_NEAR, _FAR = 0.10, 0.35
"""How near to an extreme of its hand, as a share of its range, an arm is all of the action, and
from how far away on it is all of the style."""
_FREE = 0.12
"""How far off a hand may be at its extremes, as a share of its range. An arm that swings by a few
decimetres, as in a walk, does little that has to be kept, and more of it is style."""


BLENDED_FRAMES = 150
"""At 30 a second: what a style is measured against, such as the mean pose, is each window's own, so
that windows overlap by twice as much and pass over into each other."""


def made_change(
    style: MadeStyle,
    frames: FeatureFrames,
    correspondence: Correspondence,
    contact: np.ndarray,
    strength: float | Array,
    share: Array,
    size: WindowSize,
) -> Change:
    """What a made style changes of a motion, but for its tempo.

    frames: of the motion, T30 of them; contact: (T30, 4) bool; strength, share: as in `find_change`
    """
    count = frames.frame_count
    windows = size.cut(count, 1.0 / FRAME_RATE, BLENDED_FRAMES)
    joints, part = correspondence.body
    numbers = float if len(windows) == 1 else np.float32
    facing = np.empty(count)
    before, after = (
        Rendering(
            np.empty((count, CANONICAL.joint_count, 4), numbers),
            np.empty(count),
            np.empty((count, 2)),
        )
        for _ in range(2)
    )
    done = 0
    for window in windows:
        canonical = frames.canonical(window, part, joints)
        styled = apply_style(canonical, replace(style, tempo=1.0), contact[window.read])
        turn = heading(canonical)
        fresh = smootherstep(
            (np.arange(window.first, window.last) + 1.0 - window.first)
            / (max(done - window.first, 0) + 1.0)
        )
        for kept, clip in ((before, canonical), (after, styled)):
            _blend_into(kept, window.read, _seen_from_heading(clip, turn), fresh)
        facing[window.read] = turn
        done = window.last
    rise = measured_rise(after.height - before.height, strength, share)
    return replace(find_change(before, after, facing, strength, share, decoded=False), rise=rise)


def _seen_from_heading(clip: Clip, turn: Array) -> Rendering:
    """A clip on the canonical skeleton, its heading `turn` (T,) radians removed."""
    back = rotation.about_y(-turn)
    root = clip.world_position[:, HIPS]
    step = np.zeros_like(root)
    step[:-1] = np.diff(root, axis=0)
    step[-1] = step[-2:].sum(axis=0)  # nobody knows the last one: as the one before
    return Rendering(
        rotation.multiply(back[:, None], clip.world_rotation),
        root[:, 1],
        rotation.rotate(back, step)[:, [0, 2]],
    )


def _blend_into(kept: Rendering, frames: slice, fresh: Rendering, share: Array) -> None:
    """Put what is fresh in the place of what is there, as far as `share` says. In place."""
    with_old = share < 1.0
    if with_old.any():
        old = kept.rotation[frames][with_old].astype(float)
        fresh.rotation[with_old] = rotation.interpolate(
            old, fresh.rotation[with_old], share[with_old, None]
        )
        for name in ("height", "velocity"):
            was, now = getattr(kept, name)[frames][with_old], getattr(fresh, name)
            weight = share[with_old].reshape(-1, *[1] * (now.ndim - 1))
            now[with_old] = was + weight * (now[with_old] - was)
    kept.rotation[frames] = fresh.rotation
    kept.height[frames] = fresh.height
    kept.velocity[frames] = fresh.velocity


def apply_style(clip: Clip, style: MadeStyle, contact: np.ndarray | None = None) -> Clip:
    """A clip on the canonical skeleton in a made style, at its own frame rate; `MadeStyle.frames`
    says which frames show the same moment.

    contact: (T, 4) bool, what `find_contacts` finds, where that is known
    """
    contact = find_contacts(clip) if contact is None else np.asarray(contact, dtype=bool)
    turn = rotation.about_y(heading(clip))
    local = clip.local_rotation.copy()
    _move(local, clip, style)
    _hold(local, style)
    _tilt_hips(local, clip, style, turn)
    root, ankles = _over_ground(clip, style, contact, turn)
    root = _within_reach(root, local, ankles, clip.frame_rate)
    styled = _keep_extremes(_with_legs(root, local, clip, ankles, style), clip)
    if style.tempo == 1.0:
        return styled
    at_frame = np.arange(styled_count(clip.frame_count, style.tempo)) * style.tempo
    return resample_at(styled, at_frame, clip.frame_time_seconds)


def _move(local: Array, clip: Clip, style: MadeStyle) -> None:
    """What moves in arms and spine: larger or smaller, later, smoother, trembling. In place."""
    arms, rate = _ARMS.ravel(), clip.frame_rate
    local[:, arms] = _amplified(local[:, arms], style.amplitude[0])
    local[:, _SPINE] = _amplified(local[:, _SPINE], style.amplitude[1])
    if style.lag_seconds:
        at_frame = np.arange(len(local)) - style.lag_seconds * rate
        at_frame = np.clip(at_frame, 0.0, len(local) - 1.0)
        local[:, arms] = resample_rotation(local[:, arms], at_frame)
    moving = np.concatenate([arms, _SPINE])
    if style.smoothing_seconds:
        local[:, moving] = _smoothed(local[:, moving], style.smoothing_seconds * rate)
    if style.tremble:
        noise = _tremble(style, len(local), len(moving), rate)
        local[:, moving] = rotation.multiply(noise, local[:, moving])


def _amplified(local: Array, factor: float) -> Array:
    """local: (T, K, 4) -> the same, as far from their mean over the clip as `factor` says.

    What is far from the mean is an action: it is made larger or smaller by less.
    """
    if factor == 1.0:
        return local
    mean = np.stack([rotation.mean(local[:, k]) for k in range(local.shape[1])])
    off = rotation.multiply(local, rotation.inverse(mean))
    share = 1.0 / (1.0 + (rotation.angle(off) / np.radians(70.0)) ** 2)
    return rotation.multiply(rotation.power(off, 1.0 + (factor - 1.0) * share), mean)


def _smoothed(local: Array, sigma_frames: float) -> Array:
    """Smoother or, where sigma is negative, sharper."""
    smooth = rotation.normalize(smooth_in_time(rotation.continuous(local), abs(sigma_frames)))
    if sigma_frames > 0.0:
        return smooth
    off = rotation.multiply(local, rotation.inverse(smooth))
    return rotation.multiply(rotation.power(off, 1.6), smooth)


def _tremble(style: MadeStyle, frames: int, joints: int, rate: float) -> Array:
    """(T, K, 4) of noise around one frequency."""
    random = np.random.default_rng((style.number, 1))
    sigma = rate / (2.0 * np.pi * style.tremble_hz)
    margin = int(np.ceil(6.0 * sigma))
    noise = random.standard_normal((frames + 2 * margin, joints, 3))
    band = smooth_in_time(noise, sigma) - smooth_in_time(noise, 2.0 * sigma)
    band = band[margin : margin + frames]
    return rotation.exp(style.tremble * band / max(float(band.std()), 1e-9))


def _hold(local: Array, style: MadeStyle) -> None:
    """How trunk and arms are held. In place."""
    held = np.flatnonzero(np.abs(style.offsets).max(axis=-1) > 0.0)
    local[:, held] = rotation.multiply(rotation.exp(style.offsets[held]), local[:, held])
    for column, side in enumerate(SIDES):
        fore, sign = _INDEX[f"{side}_forearm"], 1.0 if side == "left" else -1.0
        flexion = elbow_flexion(local[:, fore], sign)
        # an elbow that is bent already bends by less, and none is stretched beyond straight
        more = style.elbow_flexion[column]
        room = 1.0 - np.clip(flexion / MOST_FLEXION, 0.0, 1.0)
        change = more * room if more > 0.0 else np.maximum(more, -0.7 * np.maximum(flexion, 0.0))
        bend = rotation.exp(-sign * change[:, None] * UP)
        local[:, fore] = rotation.multiply(bend, local[:, fore])


def elbow_flexion(forearm: Array, sign: float) -> Array:
    """forearm: (T, 4) relative to the upper arm, sign: 1 of the left and -1 of the right -> (T,)
    radians by which the elbow is bent, negative beyond straight.
    """
    bone = rotation.rotate(forearm, np.broadcast_to(sign * LEFT, (len(forearm), 3)))
    return np.arctan2(bone @ FORWARD, sign * bone @ LEFT)


def _keep_extremes(styled: Clip, clip: Clip) -> Clip:
    """Near the highest, lowest and farthest points of a hand, it comes to where it was, as seen
    from the hips: its arm reaches for that, and the trunk gives way where the arm would be too
    short.
    """
    aims = [_Aim.of(clip, arm) for arm in _ARMS]
    if not any(aim.share.any() for aim in aims):
        return styled
    local, root = styled.local_rotation.copy(), styled.local_position[:, HIPS]
    short = np.zeros(len(local))
    for aim in aims:
        target = aim.target(styled)
        shoulder = styled.world_position[:, aim.arm[1]]
        beyond = np.linalg.norm(target - shoulder, axis=-1) - _ARM_LENGTH_M
        short = np.maximum(short, aim.share * np.clip(beyond / 0.1, 0.0, 1.0))
    if short.any():
        straight = smooth_in_time(
            largest_within(short, round(0.1 * clip.frame_rate)), 0.1 * clip.frame_rate
        )
        trunk = np.concatenate([_SPINE, _ARMS[:, 0]])
        local[:, trunk] = rotation.interpolate(
            local[:, trunk], clip.local_rotation[:, trunk], straight[:, None]
        )
    bent = styled.with_motion(styled.local_position, local)
    world = bent.world_rotation.copy()
    for aim in aims:
        aim.reach(bent, world)
    return canonical_clip(root, world, clip.frame_time_seconds, clip.name)


@dataclass(frozen=True, eq=False)
class _Aim:
    """Where one hand has to be. arm: its four joints; offset: (T, 3) from the floor below the hips;
    share: (T,) how much it has to; free_m: how far off it may be
    """

    arm: np.ndarray
    offset: Array
    share: Array
    free_m: float

    @classmethod
    def of(cls, clip: Clip, arm: np.ndarray) -> _Aim:
        position = clip.world_position
        offset = position[:, arm[-1]] - position[:, HIPS] * (1.0 - UP)
        share, least = np.zeros(len(offset)), np.inf
        for values in (offset[:, 1], -offset[:, 1], np.linalg.norm(offset[:, [0, 2]], axis=-1)):
            size = float(np.ptp(values))
            if size >= LEAST_RANGE_M:
                below = (values.max() - values) / size
                near = np.clip((_FAR - below) / (_FAR - _NEAR), 0.0, 1.0)
                share = np.maximum(share, near * np.clip((size - 0.25) / 0.25, 0.0, 1.0))
                least = min(least, size)
        widened = largest_within(share, round(0.1 * clip.frame_rate))
        share = np.clip(smooth_in_time(widened, 0.1 * clip.frame_rate), 0.0, 1.0)
        return cls(arm, offset, share, _FREE * least)

    def target(self, styled: Clip) -> Array:
        """(T, 3) where the hand of a styled clip should go."""
        hand = styled.world_position[:, self.arm[-1]]
        wanted = styled.world_position[:, HIPS] * (1.0 - UP) + self.offset
        off = hand - wanted
        length = np.maximum(np.linalg.norm(off, axis=-1), 1e-9)
        wanted = wanted + off * np.minimum(1.0, self.free_m / length)[:, None]
        return hand + self.share[:, None] * (wanted - hand)

    def reach(self, styled: Clip, world: Array) -> None:
        """Bend the arm of a styled clip in its world rotations (T, 21, 4), in place; the hand keeps
        its own.
        """
        if not self.share.any():
            return
        _, upper, fore, hand = self.arm
        place = styled.world_position
        hinge = UP if hand == _INDEX["right_hand"] else -UP
        axis = rotation.rotate(world[:, upper], np.broadcast_to(hinge, self.offset.shape))
        bends = reach(
            place[:, upper],
            place[:, fore],
            place[:, hand],
            self.target(styled),
            axis,
            np.ones(len(axis)),
        )
        for joint, bend in zip((upper, fore), bends, strict=True):
            world[:, joint] = rotation.multiply(bend, world[:, joint])


def _tilt_hips(local: Array, clip: Clip, style: MadeStyle, turn: Array) -> None:
    """The pelvis tilted, its turning larger or smaller; the trunk stays where it is held. In place.

    turn: (T, 4) of the heading
    """
    world = clip.world_rotation[:, HIPS]
    free = rotation.multiply(rotation.inverse(turn), world)
    mean = rotation.mean(free)
    swing = rotation.power(rotation.multiply(free, rotation.inverse(mean)), style.twist)
    pitch = rotation.exp(np.array([style.hip_pitch, 0.0, 0.0]))
    tilted = rotation.multiply(turn, rotation.multiply(pitch, rotation.multiply(swing, mean)))
    undo = rotation.multiply(rotation.inverse(tilted), world)
    local[:, _INDEX["spine"]] = rotation.multiply(undo, local[:, _INDEX["spine"]])
    local[:, HIPS] = tilted


def _over_ground(
    clip: Clip, style: MadeStyle, contact: np.ndarray, turn: Array
) -> tuple[Array, list[Array]]:
    """Where the hips, (T, 3), and both ankles, (T, 3) each, go."""
    position, rate = clip.world_position, clip.frame_rate
    root = position[:, HIPS].copy()
    start = root[0] * (1.0 - UP)
    scale = np.where(UP > 0.0, 1.0, style.stride)
    left = rotation.rotate(turn, np.broadcast_to(LEFT, root.shape))
    ankles = []
    for column, leg in enumerate(_LEGS):
        sign = 1.0 if column == 0 else -1.0
        toe = position[:, leg[3]]
        # the foot turns about its toe, which stays where it is planted
        out = rotation.about_y(np.full(len(root), sign * style.toe_out))
        planted = contact[:, 2 * column : 2 * column + 2].any(axis=-1)
        toe = (
            start
            + (toe - start) * scale
            + sign * style.step_width_m * _held(left, np.asarray(planted))
        )
        ankle = toe + rotation.rotate(out, position[:, leg[2]] - position[:, leg[3]])
        ankles.append(_lifted(ankle, style.lift))
    root = start + (root - start) * scale
    slow = smooth_in_time(root[:, 1], 0.5 * rate)
    standing = np.clip(root[:, 1] / max(float(root[:, 1].max()), 1e-9), 0.0, 1.0)
    grounded = smooth_in_time(contact.any(axis=-1).astype(float), 0.05 * rate)
    # no jump gets higher or lower: only what is done on the ground bounces
    root[:, 1] += grounded * (style.bounce - 1.0) * (root[:, 1] - slow)
    loaded = _loaded(contact, rate)
    root[:, 1] += style.hip_height_m * standing * (1.0 - style.limp * loaded)
    root += style.sway_m * loaded[:, None] * left
    return root, ankles


def _lifted(ankle: Array, factor: float) -> Array:
    """ankle: (T, 3) -> the same, its steps lifted; a kick or a jump keeps its height."""
    rise = np.maximum(ankle[:, 1] - percentile(ankle[:, 1], 5.0), 0.0)
    lifted = ankle.copy()
    lifted[:, 1] += (factor - 1.0) * rise * np.exp(-((rise / 0.2) ** 2))
    return lifted


def _loaded(contact: np.ndarray, rate: float) -> Array:
    """contact: (T, 4) -> (T,) 1 where the left foot stands alone, -1 where the right one does."""
    left, right = contact[:, :2].any(axis=-1), contact[:, 2:].any(axis=-1)
    return smooth_in_time(left.astype(float) - right.astype(float), 0.13 * rate)


def _held(vectors: Array, planted: np.ndarray) -> Array:
    """vectors: (T, 3) unit -> the same, constant while planted, passing smoothly between such
    times.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], planted, [False]]).astype(np.int8)))
    if len(edges) == 0:
        return vectors
    frames, values = [], []
    for start, stop in edges.reshape(-1, 2).tolist():
        frames += [start, stop - 1]
        values += [rotation.normalize(vectors[start:stop].mean(axis=0))] * 2
    return np.stack(
        [np.interp(np.arange(len(vectors)), frames, np.array(values)[:, k]) for k in range(3)],
        axis=-1,
    )


def _within_reach(root: Array, local: Array, ankles: list[Array], rate: float) -> Array:
    """root: (T, 3) -> the same, lower where a leg would be too short for its ankle."""
    for _ in range(2):
        short = np.zeros(len(root))
        for leg, ankle in zip(_LEGS, ankles, strict=True):
            hip = root + rotation.rotate(local[:, HIPS], CANONICAL.offsets[leg[0]][None])
            short = np.maximum(short, np.linalg.norm(ankle - hip, axis=-1))
        lower = np.maximum(short - LONGEST_LEG * LEG_LENGTH_M, 0.0)
        root = root - 1.05 * smooth_in_time(lower, 0.05 * rate)[:, None] * UP
    return root


def _with_legs(
    root: Array, local: Array, clip: Clip, ankles: list[Array], style: MadeStyle
) -> Clip:
    """The clip whose legs reach for the ankles; before that they are as they were in the world."""
    position = np.tile(CANONICAL.offsets, (len(root), 1, 1))
    position[:, HIPS] = root
    _, world = forward_kinematics(CANONICAL, position, local)
    world[:, _LEGS] = clip.world_rotation[:, _LEGS]
    place, world = forward_kinematics(
        CANONICAL, position, world_to_local_rotation(CANONICAL, world)
    )
    for column, (leg, ankle) in enumerate(zip(_LEGS, ankles, strict=True)):
        thigh, shin, foot, toe = leg
        hinge = rotation.rotate(world[:, thigh], np.broadcast_to(LEFT, root.shape))
        bends = reach(
            place[:, thigh], place[:, shin], place[:, foot], ankle, hinge, np.ones(len(root))
        )
        for joint, bend in zip((thigh, shin), bends, strict=True):
            world[:, joint] = rotation.multiply(bend, world[:, joint])
        out = rotation.about_y((1.0 if column == 0 else -1.0) * style.toe_out)
        for joint in (foot, toe):
            world[:, joint] = rotation.multiply(out, world[:, joint])
    return canonical_clip(root, world, clip.frame_time_seconds, clip.name)
