"""What a clip does is kept, also where the networks never saw it done.

An action shows in the trajectories of hands and feet: how high, how low, how far from the body, and
when. A style may shift these and, on motion that the networks know, reshape them. Where the
networks cannot render the input itself, what they would reshape is the action. There, limb by limb
and moment by moment, a hand or foot keeps the input's trajectory but for a slow deviation, and near
an extreme but for a small one. Two bones reach for that, so the trunk, the hips and the other limbs
carry the style in full; the trunk gives way only where a limb would be too short. In the same way
hands stay out of the body, on any motion, as far as they were out of it in the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.body_shape import depth_in_body, way_out_of_body
from kinestyle.motion.canonical import CANONICAL, HIPS, SIDES, joints_from_hips
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import (
    largest_within,
    ramp,
    segments,
    smooth_in_time,
    smootherstep,
    softly_at_most,
    spread_in_time,
)
from kinestyle.motion.window import WindowSize
from kinestyle.note import Note
from kinestyle.retarget.contacts import CONTACT_JOINTS, CONTACT_REST_HEIGHT_M
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.runtime.change import Change, soft_clamp_height
from kinestyle.runtime.hinges import (
    END,
    LOWER,
    UPPER,
    in_their_planes,
    unwrung,
    without_overstretching,
)
from kinestyle.runtime.limb_change import LENGTH_M, LONGEST, reach_for, steady_limbs, without_flips
from kinestyle.runtime.out_of_domain import spans_of

DOUBTED_M = {"arm": (0.05, 0.11), "leg": (0.03, 0.07)}
"""From which error of its rendering on a limb is doubted, and from where on wholly. On learned
contents hands are rendered to 1 to 5 cm and feet to less than 3, on unknown ones to 5 to 30."""

SUSPECTED_M = {"arm": (0.03, 0.07), "leg": (0.02, 0.045)}
"""The same for large rotations: a limb that is rendered no better than this and rotated by
much more likely flipped than was styled, see `limb_change.without_flips`."""

FAMILIAR, UNFAMILIAR = (1.6, 2.6), (3.0, 4.5)
"""The error of the autoencoder, in times its reference error: up to the first nothing is doubted,
beyond the second what is rendered badly; up to the third what is rendered well is trusted, beyond
the fourth it is not: it may still go wrong in another style. Test clips of learned contents have .5
to 2 times the reference error, walks of other laboratories 2 to 3, other actions 3 to 20."""

SLOW_FRAMES = 25.0
"""What a deviation keeps of its course on a doubted limb: what is smooth over so many frames."""

SLOW_DEVIATION_M = (0.08, 0.16)
"""How far a doubted hand or foot is from where it was: up to the first it may, the second it never
is. Arms of learned styles are carried 5 to 15 cm elsewhere; a decoder that fails flings them."""

EXTREME_FRAMES = 45
"""A height or reach is an extreme if none is larger so many frames before and after."""

EXTREME_RANGE_M = (0.15, 0.3)
"""A hand or foot whose height or reach ranges over less has no extremes; over more, all are kept.
"""

NEAR_EXTREME = (0.12, 0.45)
"""Shares of the range: up to which distance from an extreme a deviation is limited in full, and
from which on not at all."""

ON_GROUND_M = (0.12, 0.2)
"""A wrist that is nearer to the ground than the first is on it, one above the second is not."""

HOLD_FRAMES = 15
"""Hands that hold one thing do so for so many frames before and after."""

RIGID_M, MOVES_M, TOUCHING_M = (0.012, 0.03), (0.1, 0.2), (0.12, 0.18)
"""Hands hold one thing if their distance changes by less than this while they move by more than
that, or if they are no farther apart than they are clasped. Hands that are raised side by side come
4 cm nearer or more."""

DEVIATION_SHARE = (0.04, 0.10)
"""Shares of the range: a deviation up to the first is free at an extreme, none exceeds the second.
"""

ELEVATED_M = (0.06, 0.12)
"""From which height of the lower foot above the clip's floor on a body is on stairs, on a platform
or in the air, and from where on surely. Learned runs have less."""

_LOWER_FOOT_M = 0.015
"""How much lower a foot is that decides alone how high the lower one is."""

_GROUND = [0, 2]
_ARMS, _LEGS = [0, 1], [2, 3]

PASSES = 2
"""How often limbs reach: what the velocity limit leaves of one reaching, the next one adds."""

_LEAST_SHARE = 1e-6
"""Of a style: with less around a moment there is none."""

_LEAST_STRENGTH = 1e-3
"""What a change of less shows of a flip is rounding."""

_NEAR_M = 0.005
"""Hands nearer to the body than wanted by less than this are let be more and more: none is under
the skin."""

_GIVE_WAY_M = 0.1
"""How much too short a limb is when the trunk has given way wholly."""

_REACH_FRAMES = int(np.ceil(3.0 * SLOW_FRAMES)) + EXTREME_FRAMES + 60
"""How far frames influence each other: the halo of a window."""


LIMBS = ("left_arm", "right_arm", "left_leg", "right_leg")
"""The limbs in the order of every axis L."""

_KINDS = [name.split("_")[1] for name in LIMBS]
_DOUBTED = np.array([[bounds[kind] for kind in _KINDS] for bounds in (DOUBTED_M, SUSPECTED_M)])
"""(2, L, 2) from where on a limb is doubted, and suspected, and from where on wholly."""
_TRUNK = [
    CANONICAL.index(name)
    for name in ("spine", "chest", "neck", "head", *(f"{side}_clavicle" for side in SIDES))
]


@dataclass(frozen=True, eq=False)
class Action:
    """What the input does, at 30 frames a second, and where the networks do not know it.

    rotation: (T30, 21, 4) world rotations on the canonical skeleton, the heading removed
    height: (T30,) metres, of the hips
    doubt: (T30, L) 0 to 1, how little the networks know what each limb does
    suspicion: (T30, L) 0 to 1, the same by the stricter measure, `SUSPECTED_M`
    elevation: (T30,) metres of the lower foot above the clip's floor, see
        `kinestyle.retarget.ground`
    hold: (T30,) 0 to 1, whether both hands hold one thing, or each other
    support: (T30, 2) 0 to 1, whether the left and the right hand are on the ground
    """

    rotation: Array
    height: Array
    doubt: Array
    suspicion: Array
    elevation: Array
    hold: Array
    support: Array

    def of(self, frames: slice) -> Action:
        """The same of some frames only."""
        return Action(*(getattr(self, field.name)[frames] for field in fields(self)))

    @property
    def without_doubt(self) -> Action:
        """The same for a change that does not come from the networks."""
        return self.doubted_by(0.0)

    def doubted_by(self, share: float) -> Action:
        """The same with a share of the doubt, of a change of which so much does not spare what
        limbs do of their own.
        """
        return replace(self, doubt=share * self.doubt, suspicion=share * self.suspicion)

    def notes(self, begins_seconds: float = 0.0) -> tuple[str, ...]:
        """What to tell a user: which limbs are kept as they were, and when.

        begins_seconds: the time of the first frame in the clip
        """
        doubted = np.asarray(self.doubt > 0.5)
        limbs = [name for name, it in zip(LIMBS, doubted.T, strict=True) if it.any()]
        told = []
        if limbs:
            when = _when(doubted, begins_seconds)
            kept = f"{_listed(limbs)} kept as in the clip"
            short = kept if len(limbs) <= 2 else f"{len(limbs)} limbs kept as in the clip"
            spans = spans_of(np.asarray(doubted.any(axis=-1)), begins_seconds)
            told.append(Note(f"{kept} {when} (unfamiliar)", "action-kept", short, spans))
        if (self.hold > 0.5).any():
            held = np.asarray(self.hold > 0.5)
            told.append(
                Note(
                    f"Hands are kept together {_when(held[:, None], begins_seconds)}",
                    "hands-together",
                    "Hands are kept together",
                    spans_of(held, begins_seconds),
                )
            )
        return tuple(told)


def _when(where: np.ndarray, begins_seconds: float) -> str:
    """where: (T30, N) bool, somewhere True -> when any is, for a sentence."""
    parts = segments(np.asarray(where.any(axis=-1)))
    if parts == [(0, len(where))]:
        return "throughout"
    first, last = (begins_seconds + frame / FRAME_RATE for frame in (parts[0][0], parts[-1][1]))
    often = f"at {len(parts)} moments " if len(parts) > 1 else ""
    return f"{often}from {first:.1f} to {last:.1f} s"


def find_action(
    world_rotation: Array,
    height: Array,
    rendered: Array,
    times_reference: Array,
    elevation: Array,
) -> Action:
    """world_rotation, height, elevation: the input's as in `Action`; rendered: (T30, 21, 4) the
    same rotations as the networks render the input in its own style; times_reference: (T30,) the
    error of the autoencoder, see `kinestyle.runtime.out_of_domain`.
    """
    times = np.nan_to_num(smooth_in_time(times_reference, 8.0))[:, None]
    error = smooth_in_time(limb_error(world_rotation, rendered), 3.0)
    shares = spread_in_time(ramp(error[:, None], _DOUBTED.transpose(2, 0, 1)), 6)
    doubt, suspicion = (ramp(times, FAMILIAR)[..., None] * shares).swapaxes(0, 1)
    doubt = np.maximum(doubt, ramp(times, UNFAMILIAR))
    hands = _positions(world_rotation, height)[:, END[_ARMS]]
    support = spread_in_time(ramp(hands[..., 1] - elevation[:, None], ON_GROUND_M[::-1]), 2)
    return Action(world_rotation, height, doubt, suspicion, elevation, find_hold(hands), support)


def find_hold(hands: Array) -> Array:
    """hands: (T, 2, 3) metres at 30 frames a second, the hips above the origin -> (T,) 0 to 1,
    whether they hold one thing: they touch, or stay as far apart as they are while they move.
    """
    apart = rotation.length(hands[:, 0] - hands[:, 1])
    values = np.concatenate([apart[:, None], hands.mean(axis=1)], axis=1)
    both = largest_within(np.concatenate([values, -values], axis=1), HOLD_FRAMES)
    ranges = both[:, :4] + both[:, 4:]
    most, moves = ranges[:, 0], rotation.length(ranges[:, 1:])
    rigid = ramp(most, RIGID_M[::-1]) * ramp(moves, MOVES_M)
    # at its ends a clip shows less of what hands do
    shown = min(HOLD_FRAMES, len(apart) // 2)
    rigid = rigid[np.clip(np.arange(len(apart)), shown, len(apart) - 1 - shown)]
    return spread_in_time(np.maximum(rigid, ramp(apart, TOUCHING_M[::-1])), 3)


def limb_error(world_rotation: Array, rendered: Array) -> Array:
    """Two (T, 21, 4) -> (T, L) metres: how far the end of each limb is off, seen from its root."""
    off = np.zeros((len(world_rotation), len(LIMBS), 3))
    for bone, tip in ((UPPER, LOWER), (LOWER, END)):
        both = np.stack([rendered[:, bone], world_rotation[:, bone]])
        there, here = rotation.rotate(both, CANONICAL.offsets[tip])
        off += there
        off -= here
    return rotation.length(off)


def keep_action(
    action: Action,
    heading: Array,
    change: Change,
    size: WindowSize,
    strength: float | Array = 1.0,
) -> Change:
    """The change, such that doubted limbs do what they did in the input, hands stay out of the
    body, and elbows and knees bend as they can. Where all that is so, it stays what it is, to the
    last digit.

    heading: (T30,) radians, of the input; strength: in which the change is, one, or (T30,)
    """
    # below 1, what flips at 1 is spared as it is there: a limb goes one way as strength grows
    of_whole = np.broadcast_to(np.clip(strength, _LEAST_STRENGTH, 1.0), action.height.shape)
    # of a long clip, all of it once more is much
    turns, rises = np.empty_like(change.rotation), np.empty_like(change.rise)
    for window in size.cut(len(action.height), 1.0 / FRAME_RATE, _REACH_FRAMES):
        some = window.read
        facing = rotation.about_y(heading[some])[:, None]
        here = action.of(some)
        in_world = rotation.multiply(facing, here.rotation.astype(float, copy=False))
        turn, rise = _kept(
            replace(here, rotation=in_world),
            change.rotation[some].astype(float, copy=False),
            change.rise[some],
            None if change.share is None else change.share[some],
            of_whole[some],
        )
        turns[window.wanted], rises[window.wanted] = turn[window.core], rise[window.core]
    return replace(change, rotation=turns, rise=rises)


def _kept(
    action: Action, change: Array, rise: Array, share: Array | None, of_whole: Array
) -> tuple[Array, Array]:
    """action: of the same frames, its rotations in the world; change: (T, 21, 4), rise: (T,) -> the
    same with the action kept. share: as in `Change`; of_whole: (T,) as `without_flips`
    """
    before = action.rotation
    was = _positions(before, action.height)
    allowed = depth_in_body(was, before)
    course = _Course(was, action.doubt, share) if action.doubt.any() else None
    change = without_flips(before, change, action.suspicion, of_whole)
    rise = _above_ground(action, change, was, rise)
    rise = rise if course is None else course.rise(rise)
    touches = bool(action.hold.any() or action.support.any())
    bound = action.doubt.copy()
    bound[:, _ARMS] = np.maximum(bound[:, _ARMS], action.support)
    # the trunk gives way where a limb is too short
    for _ in range(PASSES):
        world = rotation.multiply(change, before)
        now = _positions(world, action.height + rise)
        out = way_out_of_body(now, world, allowed)
        if course is None and not (out.any() or touches):
            break
        target = now[:, END] if course is None else course.target(now[:, END])
        if touches:
            target[:, _ARMS] = _touching(action, was[:, END[_ARMS]], target[:, _ARMS])
        target[:, _ARMS] += _steadily(out)
        missing = rotation.length(target - now[:, UPPER]) - LONGEST * LENGTH_M
        short = np.max(bound * np.clip(missing / _GIVE_WAY_M, 0.0, 1.0), axis=1)
        reach_for(change, world, now, target)
        if short.any():
            left = 1.0 - spread_in_time(short, 6)
            change[:, _TRUNK] = rotation.power(change[:, _TRUNK], left[:, None])
            rise = rise * left
        steady_limbs(change)
    else:
        _hands_out(action, change, rise, allowed)
    change = in_their_planes(before, change)
    change = without_overstretching(before, change)
    change = unwrung(before, change)
    return change, _above_ground(action, change, was, rise)


def _hands_out(action: Action, change: Array, rise: Array, allowed: Array) -> None:
    """Take hands out of the body in a change (T, 21, 4), where what keeps the action has put them
    into it.

    rise: (T,) metres; allowed: as in `way_out_of_body`
    """
    for _ in range(PASSES):
        world = rotation.multiply(change, action.rotation)
        now = _positions(world, action.height + rise)
        out = way_out_of_body(now, world, allowed)
        # frame by frame, not if any hand is: what a window shows must not decide
        out *= smootherstep(rotation.length(out) / _NEAR_M)[..., None]
        if not out.any():
            break
        target = now[:, END]
        target[:, _ARMS] += _steadily(out)
        reach_for(change, world, now, target)


def _touching(action: Action, was: Array, target: Array) -> Array:
    """Where hands (T, 2, 3) are to be for those on the ground to stay on it, where they were from
    the hips, and for those that hold one thing to keep it between them.
    """
    target = target + action.support[..., None] * (was - target)
    half = 0.5 * action.hold[:, None] * ((was - target)[:, 0] - (was - target)[:, 1])
    return target + np.stack([half, -half], axis=1)


def _above_ground(action: Action, change: Array, was: Array, rise: Array) -> Array:
    """What of a rise (T,) there is where the body stands on more than the floor, or is in the air:
    there its legs say how far the hips are above the lower foot, and that foot stays as high as it
    was. The networks know the level floor only.

    change: (T, 21, 4); was: (T, 21, 3) metres, of the input
    """
    share = ramp(action.elevation, ELEVATED_M)
    if not share.any():
        return rise
    world = rotation.multiply(change, action.rotation)
    lost = _lowest_foot(was) - _lowest_foot(_positions(world, action.height))
    legs = soft_clamp_height(smooth_in_time(lost, 1.5))
    return np.asarray(rise + smooth_in_time(share, 2.0) * (legs - rise))


def _lowest_foot(position: Array) -> Array:
    """position: (T, 21, 3) metres -> (T,) about how high the lower foot is, smooth where one takes
    over from the other.
    """
    height = position[:, CONTACT_JOINTS, 1] - CONTACT_REST_HEIGHT_M
    least = height.min(axis=-1, keepdims=True)
    weight = np.exp((least - height) / _LOWER_FOOT_M)
    return np.asarray((weight * height).sum(axis=-1) / weight.sum(axis=-1))


def _listed(limbs: Sequence[str]) -> str:
    """Names of limbs for a sentence, and its verb."""
    if len(limbs) == len(LIMBS):
        return "Arms and legs are"
    for kind in ("arm", "leg"):
        pair = [f"{side}_{kind}" for side in SIDES]
        if all(limb in limbs for limb in pair):
            limbs = [f"{kind}s", *(limb for limb in limbs if limb not in pair)]
    words = " and ".join(limb.replace("_", " ") for limb in limbs).capitalize()
    return f"{words} {'are' if ' and ' in words or words.endswith('s') else 'is'}"


def _steadily(out: Array) -> Array:
    """out: (T, K, 3) metres out of the body -> the same, begun a little earlier and ended later."""
    way = rotation.normalize(smooth_in_time(out, 4.0))
    return spread_in_time(rotation.length(out), 4)[..., None] * way


class _Course:
    """What the ends of the limbs do in the input, and how near a result has to stay to that.

    position: (T, 21, 3) metres, of the input; doubt: (T, L); share: as in `Change`
    """

    def __init__(self, position: Array, doubt: Array, share: Array | None) -> None:
        self._doubt = doubt
        self._share = share
        self._hips = position[:, [HIPS]]
        self._end = position[:, END]
        self._over = (self._end - self._hips)[..., _GROUND]
        self._far = rotation.length(self._over)
        # all at once: what it takes is mostly a matter of how often numpy is called
        limbs = len(LIMBS)
        values = [self._end[..., 1], self._far, position[:, HIPS, 1:2]]
        highest, lowest = _extremes(np.concatenate(values, axis=1))
        self._heights = highest.of(slice(limbs)), lowest.of(slice(limbs))
        self._farthest = highest.of(slice(limbs, 2 * limbs))
        self._hips_heights = highest.of(slice(2 * limbs, None)), lowest.of(slice(2 * limbs, None))

    def rise(self, rise: Array) -> Array:
        """rise: (T,) metres, of the hips -> what of it is allowed: a squat stays as deep."""
        doubt = self._doubt[:, _LEGS].max(axis=1, keepdims=True)
        allowed: Array = rise[:, None]
        for extremes in self._hips_heights:
            allowed = extremes.limit(allowed, doubt)
        return allowed[:, 0]

    def target(self, now: Array) -> Array:
        """now: (T, L, 3) where the ends are -> where they are to be."""
        deviation = now - self._end
        slow = self._slow(deviation)
        deviation = deviation + self._doubt[..., None] * (slow - deviation)
        size = rotation.length(deviation)
        allowed = softly_at_most(size, *SLOW_DEVIATION_M) / np.maximum(size, 1e-9)
        deviation = deviation * (1.0 + self._doubt * (allowed - 1.0))[..., None]
        up: Array = deviation[..., 1]
        for extremes in self._heights:
            up = extremes.limit(up, self._doubt)
        moved = self._over + deviation[..., _GROUND]
        out = rotation.length(moved) - self._far
        out = self._far + self._farthest.limit(out, self._doubt)
        # at an extreme the direction in which a limb reaches is a part of the action, too
        pull = 0.5 * self._doubt * self._farthest.weight
        aim = rotation.normalize(moved + pull[..., None] * self._over)
        target = np.empty_like(now)
        target[..., _GROUND] = self._hips[..., _GROUND] + out[..., None] * aim
        target[..., 1] = self._end[..., 1] + up
        return target

    def _slow(self, deviation: Array) -> Array:
        """deviation: (T, L, 3) -> its slow part; none of it where there is no style, whatever there
        is a moment before or after.
        """
        slow = smooth_in_time(deviation, SLOW_FRAMES)
        if self._share is None:
            return slow
        around = smooth_in_time(self._share, SLOW_FRAMES)
        return slow * (self._share / np.maximum(around, _LEAST_SHARE))[:, None, None]


def _extremes(values: Array) -> tuple[_Extremes, _Extremes]:
    """Where values (T, K), in metres, are near a maximum that counts, and near a minimum."""
    count = values.shape[1]
    most = largest_within(np.concatenate([values, -values], axis=1), EXTREME_FRAMES)
    highest, lowest = most[:, :count], -most[:, count:]
    span = np.maximum(smooth_in_time(highest - lowest, 8.0), 1e-3)
    off = np.stack([highest - values, values - lowest], axis=1) / span[:, None]
    weight: Array = ramp(off, NEAR_EXTREME[::-1]) * ramp(span, EXTREME_RANGE_M)[:, None]
    weight = smooth_in_time(largest_within(weight, 4), 3.0)
    return _Extremes(weight[:, 0], span), _Extremes(weight[:, 1], span)


@dataclass(frozen=True, eq=False)
class _Extremes:
    """Where values are near their extremes.

    weight: (T, K) 0 to 1, how near; span: (T, K) metres, of the values
    """

    weight: Array
    span: Array

    def of(self, some: slice) -> _Extremes:
        """The same of some of the values."""
        return _Extremes(self.weight[:, some], self.span[:, some])

    def limit(self, deviation: Array, doubt: Array) -> Array:
        """deviation: (T, L) metres -> what of it is allowed."""
        free, most = (share * self.span for share in DEVIATION_SHARE)
        soft = softly_at_most(np.abs(deviation), free, most)
        return deviation + doubt * self.weight * (np.sign(deviation) * soft - deviation)


def _positions(world: Array, height: Array) -> Array:
    """world: (T, 21, 4) rotations, height: (T,) of the hips -> (T, 21, 3) metres, the hips above
    the origin.
    """
    position = joints_from_hips(world)
    position[..., 1] += height[:, None]
    return position
