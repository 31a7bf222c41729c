"""The posture of a reference: a second way to hear a style, where the style code says too little.

A style that no network learned lies, as a code, hardly anywhere. Its posture can be measured all
the same: the mean rotation of each joint about its parent, how far the joint swings about that, and
how high the hips are. A clip takes these over as statistics (as colours between pictures, Reinhard
et al. 2001) and keeps the rest: when it does what, and in which direction.

A limb that does something of its own, a hand raised to wave or a foot to kick, is no place for
posture. It keeps what it does for as long, and the rest of the body carries the style. What an arm
does in a reference is style as well where the body walks all the while; of one who stands and waves
the arm says nothing. Nor do legs that stand say anything to legs that walk.

Where reference and clip do the same, what limbs do of their own is done in both, and how it is done
is style, see `kinestyle.runtime.doing`. Then it is taken over in the same way, mean and swing of
the moments at which limbs do it, those of the others for the others, and nothing is spared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, MIRROR, SIDES
from kinestyle.motion.percentile import percentile
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import (
    forward_kinematics,
    local_to_world_rotation,
    world_to_local_rotation,
)
from kinestyle.motion.smoothing import largest_within, ramp, smooth_in_time
from kinestyle.runtime.doing import Doing, find_doing, likeness, mix_doings

LEAST_SWING = 0.01
"""Radians, added to what is divided by: a joint that hardly moves has no scale."""

MOST_SCALING = 3.0
"""Swings grow or shrink by at most this factor."""

SWINGS_FRAMES = 20.0
"""The swings of a reference of so many frames, at 30 a second, count half: it shows less than a
cycle of them."""

RAISED_M, LOWERED_M = (0.28, 0.42), (-0.32, -0.45)
"""Height of a hand above the hips from which on it does something of its own, and from where on
nothing else. Hands swing from -.2 to .25 in walks and runs; shoulders are at .45."""

GESTURE_M = (0.24, 0.36)
"""The same, of how far a hand is above where it is at its lowest. In walks and runs they rise by
less; a hand that waves before the chest, by .5."""

LOWEST = 10.0
"""Per cent of the time at which a hand counts as at its lowest."""

STANDING_GESTURE_M = (0.1, 0.25)
"""The same, in a reference, while nobody steps. Hands of who stands idle hang below the hips."""

STEPPING_M = (0.015, 0.035)
"""Root mean square of how far the feet are from each other, about its mean of a second, from which
on the body steps, and from where on wholly. Up to .01 in who stands, from .03 on in the shortest
steps, .15 to .4 in walks."""

SAID = (0.1, 0.4)
"""Share of the time that an arm does nothing of its own, from which on a reference says how it is
held, and from where on wholly."""

KICKED_M = (0.5, 0.7)
"""The same, of an ankle above the lower one. Runners come to .4."""

LOW_HIPS_M = (0.7, 0.55)
"""Height of the hips from which on legs squat or sit, and from where on wholly. They stand at .9.
"""

BENT = (np.cos(np.radians(55.0)), np.cos(np.radians(75.0)))
"""Cosine of the angle between trunk and vertical from which on the trunk reaches or lies, and from
where on wholly."""

STANCE = (np.radians(9.0), np.radians(15.0))
"""How far the thighs' mean rotations are from each other's mirror image: from where on legs have a
stance that belongs to an action, a fighter's or a bow's, and from where on wholly. 5 to 6 degrees
in walks and runs, 16 to 37 in actions."""

MOST_FRAMES = 18_000
"""Of a longer motion, so many frames evenly apart tell its posture."""

VARIATION_RADIANS, VARIATION_SWING = np.radians(3.0), 0.15
"""Standard deviations of how a posture varies: of the rotations of arms, neck and head, and of the
log of all swings. Of the trunk a third of the former, of hips and legs nothing."""

_EARLIER_FRAMES, _SMOOTHING_FRAMES, _STEP_FRAMES = 5, 5.0, 15.0
POSTURE_REACH = max(_EARLIER_FRAMES + ceil(3.0 * _SMOOTHING_FRAMES), 2 * ceil(3.0 * _STEP_FRAMES))
"""How far frames influence each other: the halo of a window."""


def _with(*bones: str) -> np.ndarray:
    return np.array([i for i, n in enumerate(CANONICAL.names) if n.split("_", 1)[-1] in bones])


_TRUNK = _with("hips", "spine", "chest", "neck", "head")
_ARMS, _LEGS = (
    [np.array([CANONICAL.index(f"{side}_{bone}") for bone in bones]) for side in SIDES]
    for bones in (
        ("clavicle", "upper_arm", "forearm", "hand"),
        ("thigh", "shin", "foot", "toe"),
    )
)
_HANDS, _FEET = (
    np.array([CANONICAL.index(f"{side}_{n}") for side in SIDES]) for n in ("hand", "foot")
)
_UPPER_ARMS = np.array([arm[1] for arm in _ARMS])
_STILL = np.concatenate([[HIPS], *_LEGS])
_STEADY = _with("spine", "chest")
_HEAD = CANONICAL.index("neck")


@dataclass(frozen=True, eq=False)
class Posture:
    """How a body is held and how far it swings about that, heading removed.

    mean: (21, 4) rotations relative to the parents, of the hips relative to the heading
    swing: (21, 3) radians, standard deviations about the axes of each mean
    height: metres, mean height of the hips above the ground
    frames: how many frames at 30 a second show it
    hands: (2,) metres above the hips, where left and right hand are at their lowest
    legs: 0 to 1, how far legs are held in a style, and not for what is done: several clips show it
    arms: (2,) 0 to 1, how far left and right arm are held so, and not for what is done
    stepping: 0 to 1, how much of the time is spent in steps
    acting: the posture of limbs while they do something of their own, or the body steps; resting:
        while they do not; None where they are not known
    rests: (21,) 0 to 1, how far the motion shows each joint's part of the body resting
    doing: what is done; None where it is not known
    """

    mean: Array
    swing: Array
    height: float
    frames: float
    hands: Array
    legs: float = 1.0
    arms: Array = field(default_factory=lambda: np.ones(len(SIDES)))
    stepping: float = 1.0
    acting: Posture | None = None
    resting: Posture | None = None
    rests: Array = field(default_factory=lambda: np.zeros(CANONICAL.joint_count))
    doing: Doing | None = None


def find_posture(world_rotation: Array, height: Array, known: Array) -> Posture | None:
    """world_rotation: (T, 21, 4) heading removed, height: (T,) metres of the hips above the
    ground, of a reference; known: (T,) 0 to 1, how well the bundle knows what is done -> its
    posture; None where nobody stands, walks or runs in it.
    """
    every = -(-len(height) // MOST_FRAMES)
    world_rotation, height, known = world_rotation[::every], height[::every], known[::every]
    local = world_to_local_rotation(CANONICAL, world_rotation.astype(float, copy=False))
    position = _above_hips(local)
    weight = known * (1.0 - np.maximum(_bent(position), ramp(height, LOW_HIPS_M)))
    if weight.sum() < 1.0:
        return None
    # what an arm does of its own is style in who walks all the while, and an action in who stands
    stepping = _stepping(position)
    busy = _busy(position, height, _lowest(position))
    acting = np.maximum(busy[:, _UPPER_ARMS], _raised(position))
    arms = 1.0 - acting * (1.0 - stepping[:, None])
    of_joints = np.repeat(weight[:, None], CANONICAL.joint_count, axis=1)
    for column, joints in enumerate(_ARMS):
        of_joints[:, joints] *= arms[:, [column]]
    posture = replace(
        _posture(local, position, height, of_joints),
        arms=ramp(weight @ arms / weight.sum(), SAID),
        stepping=float(weight @ stepping / weight.sum()),
    )
    return _with_acting(posture, local, position, height, busy, stepping)


def mix_postures(postures: Sequence[Posture], weights: Sequence[float]) -> Posture:
    """What several references have in common, each with its weight."""
    share = np.array(weights) / np.sum(weights)
    means = np.stack([posture.mean for posture in postures])

    swings = np.log(np.stack([posture.swing for posture in postures]) + LEAST_SWING)
    acting = [posture.acting for posture in postures if posture.acting is not None]
    resting = [posture.resting for posture in postures if posture.resting is not None]
    doings = [posture.doing for posture in postures if posture.doing is not None]
    return Posture(
        np.stack([rotation.mean(means[:, joint], share) for joint in range(means.shape[1])]),
        np.exp(np.tensordot(share, swings, 1)) - LEAST_SWING,
        float(share @ [posture.height for posture in postures]),
        float(sum(posture.frames for posture in postures)),
        share @ np.stack([posture.hands for posture in postures]),
        float(share @ [posture.legs for posture in postures]),
        share @ np.stack([posture.arms for posture in postures]),
        float(share @ [posture.stepping for posture in postures]),
        mix_postures(acting, weights) if len(acting) == len(postures) else None,
        mix_postures(resting, weights) if len(resting) == len(postures) else None,
        share @ np.stack([posture.rests for posture in postures]),
        mix_doings(doings, share) if len(doings) == len(postures) else None,
    )


def vary_posture(posture: Posture, seed: int) -> Posture:
    """The posture itself (seed 0), or another way in which the same body may hold itself; both
    sides vary alike.
    """
    if seed == 0:
        return posture
    random = np.random.default_rng(seed)
    turn = VARIATION_RADIANS * random.standard_normal((CANONICAL.joint_count, 3))
    turn[:, 1:] = 0.5 * (turn[:, 1:] - turn[MIRROR, 1:])
    turn[:, 0] = 0.5 * (turn[:, 0] + turn[MIRROR, 0])
    turn[_STILL] = 0.0
    turn[_STEADY] /= 3.0
    larger = VARIATION_SWING * random.standard_normal((CANONICAL.joint_count, 1))
    larger = 0.5 * (larger + larger[MIRROR])
    return replace(
        posture,
        mean=rotation.multiply(rotation.exp(turn), posture.mean),
        swing=posture.swing * np.exp(larger),
        acting=None if posture.acting is None else vary_posture(posture.acting, seed),
        resting=None if posture.resting is None else vary_posture(posture.resting, seed),
    )


def own_posture(world_rotation: Array, height: Array) -> Posture:
    """The posture of a motion to be restyled, each limb's while it does nothing of its own, and
    while it does.

    world_rotation: (T, 21, 4) heading removed, height: (T,) metres of the hips above the ground
    """
    every = -(-len(height) // MOST_FRAMES)
    height = height[::every]
    local = world_to_local_rotation(CANONICAL, world_rotation[::every].astype(float, copy=False))
    position = _above_hips(local)
    busy = _busy(position, height, _lowest(position))
    posture = _posture(local, position, height, 1.0 - busy)
    return _with_acting(posture, local, position, height, busy, _stepping(position))


def take_posture(
    world_rotation: Array, height: Array, own: Posture, wanted: Posture
) -> tuple[Array, Array]:
    """world_rotation: (T, 21, 4) heading removed, height: (T,) metres of the hips above the
    ground, of a motion in its own posture -> the same in the wanted one. What a limb does of its
    own stays, as far as that is not done in the reference as well.
    """
    local = world_to_local_rotation(CANONICAL, world_rotation.astype(float, copy=False))
    position = _above_hips(local)
    busy, stepping = _busy(position, height, own.hands), _stepping(position)
    free = 1.0 - busy
    # who steps and who stands hold and move their legs for what they do
    alike = 1.0 - stepping * (1.0 - wanted.stepping)
    free[:, np.concatenate(_LEGS)] *= alike[:, None] * (1.0 - _stance(own)) * wanted.legs
    for column, joints in enumerate(_ARMS):
        free[:, joints] *= wanted.arms[column]
    held = _held(local, own, wanted, alike)
    standing = free[:, np.concatenate(_LEGS)].min(axis=1)
    # in the world: what a hand or foot does of its own, it does in the same direction
    turned = rotation.interpolate(world_rotation.astype(float, copy=False), held, free)
    level = height + standing * (wanted.height - own.height)
    same = likeness(own.doing, wanted.doing)
    if not same:
        return turned, level
    acts = _acts(busy, stepping)
    for a, b, share in (
        (own.resting, wanted.resting, same * wanted.rests * (1.0 - acts)),
        (own.acting, wanted.acting, same * acts),
    ):
        if a is not None and b is not None:
            held = _held(local, a, b, np.ones(len(height)))
            turned = rotation.interpolate(turned, held, share)
            standing = share[:, np.concatenate(_LEGS)].min(axis=1)
            level = level + standing * (height + b.height - a.height - level)
    return turned, level


def _held(local: Array, own: Posture, wanted: Posture, alike: Array) -> Array:
    """local: (T, 21, 4), alike: (T,) how far swings are taken -> (T, 21, 4) rotations in the
    world, in the wanted posture.
    """
    swing = rotation.log(rotation.multiply(rotation.inverse(own.mean), local))
    sure = wanted.frames / (wanted.frames + SWINGS_FRAMES)
    larger = np.log((wanted.swing + LEAST_SWING) / (own.swing + LEAST_SWING))
    larger = np.clip(larger, -np.log(MOST_SCALING), np.log(MOST_SCALING))
    scale = np.exp(sure * alike[:, None, None] * larger)
    styled = rotation.multiply(wanted.mean, rotation.exp(swing * scale))
    return local_to_world_rotation(CANONICAL, styled)


def _stance(posture: Posture) -> float:
    """0 to 1: how far the legs have a stance that belongs to an action."""
    left, right = posture.mean[[legs[0] for legs in _LEGS]]
    mirrored = right * np.array([1.0, 1.0, -1.0, -1.0])
    apart = rotation.angle(rotation.multiply(rotation.inverse(left), mirrored))
    return float(ramp(apart, STANCE))


def _stepping(position: Array) -> Array:
    """position: (T, 21, 3) metres from the hips, facing +Z -> (T,) 0 to 1, how far it steps."""
    apart = position[:, _FEET[0], 1:] - position[:, _FEET[1], 1:]
    apart = apart - smooth_in_time(apart, _STEP_FRAMES)
    square = smooth_in_time(np.sum(apart**2, axis=1, keepdims=True), _STEP_FRAMES)
    return ramp(np.sqrt(square[:, 0]), STEPPING_M)


def _raised(position: Array) -> Array:
    """position: (T, 21, 3) metres from the hips -> (T, 2) 0 to 1, how far a hand is raised by one
    who stands.
    """
    return ramp(position[:, _HANDS, 1], STANDING_GESTURE_M)


def _lowest(position: Array) -> Array:
    """position: (T, 21, 3) metres from the hips -> (2,) as `Posture.hands`."""
    return percentile(position[:, _HANDS, 1], LOWEST, axis=0)


def _above_hips(local: Array) -> Array:
    """local: (T, 21, 4) -> (T, 21, 3) metres from the hips, facing +Z."""
    position = forward_kinematics(CANONICAL, CANONICAL.offsets, local)[0]
    return np.asarray(position - position[:, [HIPS]])


def _posture(local: Array, position: Array, height: Array, weight: Array) -> Posture:
    """local: (T, 21, 4), position: (T, 21, 3) metres from the hips, height: (T,), weight: (T, 21)
    of each joint at each moment.
    """
    weight = weight + 1e-6
    weight = weight / weight.sum(axis=0)
    mean = np.stack([rotation.mean(local[:, j], weight[:, j]) for j in range(local.shape[1])])
    swing = rotation.log(rotation.multiply(rotation.inverse(mean), local))
    centred = swing - np.sum(weight[..., None] * swing, axis=0)
    std = np.sqrt(np.sum(weight[..., None] * centred**2, axis=0))
    frames = 1.0 / float(np.sum(weight[:, _TRUNK[0]] ** 2))
    return Posture(mean, std, float(weight[:, _LEGS[0][0]] @ height), frames, _lowest(position))


def _with_acting(
    posture: Posture, local: Array, position: Array, height: Array, busy: Array, stepping: Array
) -> Posture:
    """With the postures of limbs that act, and do not, and what is done; busy: (T, 21) as `_busy`,
    stepping: (T,) as `_stepping` gives it.
    """
    acts = _acts(busy, stepping)
    return replace(
        posture,
        acting=_posture(local, position, height, acts),
        resting=_posture(local, position, height, 1.0 - acts),
        rests=ramp(1.0 - acts.mean(axis=0), SAID),
        doing=find_doing(position, busy[:, _UPPER_ARMS], stepping),
    )


def _acts(busy: Array, stepping: Array) -> Array:
    """busy: (T, 21), stepping: (T,) -> (T, 21) 0 to 1, how far each joint does something of its own
    or takes part in steps.
    """
    return np.maximum(busy, stepping[:, None])


def _busy(position: Array, height: Array, hands: Array) -> Array:
    """position: (T, 21, 3) metres from the hips, hands: as in `Posture` -> (T, 21) 0 to 1, how far
    each joint's part of the body does something of its own.
    """
    hand = position[:, _HANDS, 1]
    arms = np.maximum(ramp(hand, RAISED_M), ramp(hand, LOWERED_M))
    arms = np.maximum(arms, ramp(hand - hands, GESTURE_M))
    foot = position[:, _FEET, 1]
    low = ramp(height, LOW_HIPS_M)
    legs = np.maximum(ramp(foot - foot.min(axis=1, keepdims=True), KICKED_M), low[:, None])
    busy = np.empty(position.shape[:2])
    busy[:, _TRUNK] = _bent(position)[:, None]
    for column in range(len(SIDES)):
        busy[:, _ARMS[column]] = arms[:, [column]]
        busy[:, _LEGS[column]] = legs[:, [column]]
    return smooth_in_time(largest_within(busy, _EARLIER_FRAMES), _SMOOTHING_FRAMES)


def _bent(position: Array) -> Array:
    """position: (T, 21, 3) metres from the hips -> (T,) 0 to 1, how far the trunk is bent."""
    return ramp(rotation.normalize(position[:, _HEAD])[:, 1], BENT)
