"""A cycle from a clip that is none: its end is blended into its beginning.

The last frames, brought over the ground to where the first ones are, pass over into those. What is
left begins where its end leaves off, and so it has its first frame once more as its last, as cycles
mostly do. A clip that travels goes on from round to round, one that turns goes on turning; what is
little of either is blended away.

Where the two ends put a planted foot down in two places, blending would let it slide from one to
the other. The step is held where it is on average instead, over the seam too, and the leg reaches
for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.part import part_of
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import largest_within, segments, smootherstep
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import Correspondence, to_canonical
from kinestyle.retarget.features import heading
from kinestyle.retarget.foot_lock import lock_feet_to, locked_feet
from kinestyle.retarget.footsteps import FADE_SECONDS, drift_of
from kinestyle.retarget.legs import LegTrajectory, leg_trajectories, y_up_position
from kinestyle.runtime.cycles import IN_PLACE_M, Cycle, Unrolled

STRAIGHT_RADIANS = 0.35
"""A round that turns less goes straight on: people who walk a few steps seldom end facing just
where they began."""

FAR_APART_M = 0.25
"""From which distance on, of a joint from itself at the other end of the clip, the user is told
that the blend passes through poses that nobody took."""

SEEN_FRAMES = 4.0
"""How far poses look alike: over so many frames of what moves them."""


@dataclass(frozen=True, eq=False)
class Loop:
    """clip: the cycle; cycle: its period, travel and turn
    apart_m: how far a joint is, at most, at one end of the clip from where it is at the other
    better_last: the frame as the last of which the body looks most as in the beginning
    """

    clip: Clip
    cycle: Cycle
    apart_m: float
    better_last: int


def loop_ends(clip: Clip, c: Correspondence, frames: int, hold_feet: bool = True) -> Loop:
    """Make a cycle of a clip of T frames: T - frames, of which the last is the first once more.

    frames: over which the ends are blended, less than half of T
    hold_feet: whether planted feet stay planted in the blend
    """
    assert clip.frame_count >= 2 * frames + 2, "a blend is less than half of what it is made of"
    count = clip.frame_count - frames
    ends = _Ends(clip, c, frames)
    number = np.arange(frames + 1)
    share = smootherstep(number / frames)
    position, turned = ends.brought(clip, count - 1 + number)
    looped_position, looped = clip.local_position[:count].copy(), clip.local_rotation[:count].copy()
    weight = share[:, None, None]
    looped_position[number] = (1.0 - weight) * position + weight * looped_position[number]
    looped[number] = rotation.interpolate(turned, looped[number], share[:, None])
    # the blend ends with the clip's very numbers
    looped_position[frames] = clip.local_position[frames]
    looped[frames] = clip.local_rotation[frames]
    part = part_of(clip, 0, count).with_motion(looped_position, looped)
    cycle = Cycle(count - 1, True, ends.turn, tuple(ends.travel.tolist()))
    if hold_feet:
        locked = locked_feet(clip, c, find_contacts(to_canonical(clip, c)))
        blended_locked = locked[:count].copy()
        from_end = number < frames / 2
        blended_locked[number[from_end]] = locked[count - 1 + number[from_end]]
        part = _with_held_feet(Unrolled(part, c, cycle, None), blended_locked, frames)
    return Loop(part, cycle, ends.apart_m, ends.better_last(frames))


class _Ends:
    """How the end of a clip is brought to its beginning: turned about the up axis and moved over
    the ground.

    turn, travel: radians and (3,) canonical metres that a round of the cycle turns and goes
    """

    def __init__(self, clip: Clip, c: Correspondence, frames: int) -> None:
        self.c = c
        first = np.arange(frames + 1)
        last = clip.frame_count - 1 - first[::-1]
        hips = y_up_position(clip, c, "hips")
        pose = rotation.rotate(c.axes, clip.world_position[:, c.joints]) - hips[:, None]
        facing = heading(to_canonical(clip, c))
        turn = float(np.angle(np.exp(1j * (facing[last] - facing[first])).mean()))
        self.turn = turn if abs(turn) > STRAIGHT_RADIANS else 0.0
        back = rotation.about_y(np.array(-self.turn))
        # where the hips of the end are to be in the blend: on average, where those of the beginning
        gone = (hips[first] - rotation.rotate(back, hips[last])).mean(axis=0) * (1.0 - UP)
        end = hips[last[0]] * (1.0 - UP)
        travel = end - rotation.rotate(back, end) - gone
        if not self.turn and np.linalg.norm(travel) * c.scale_to_canonical < IN_PLACE_M:
            gone, travel = np.zeros(3), np.zeros(3)
        self.gone, self.travel = gone, travel * c.scale_to_canonical
        apart = np.linalg.norm(rotation.rotate(back, pose[last]) - pose[first], axis=-1)
        self.apart_m = float(apart.mean(axis=0).max()) * c.scale_to_canonical
        self._seen = rotation.rotate(rotation.about_y(-facing)[:, None], pose)

    def better_last(self, frames: int) -> int:
        """The last frame of the part that meets its beginning best, in pose and in movement, in the
        middle of a blend of so many frames.
        """
        middle = frames // 2
        moves = np.gradient(self._seen, axis=0) * SEEN_FRAMES
        state = np.concatenate([self._seen, moves], axis=1)
        apart = np.linalg.norm(state - state[middle], axis=-1).mean(axis=-1)
        after = frames - middle  # from the middle of a blend to its end
        first = 2 * frames + 1 - after
        return int(first + np.argmin(apart[first : len(apart) - after])) + after

    def brought(self, clip: Clip, frame: np.ndarray) -> tuple[Array, Array]:
        """Local positions and rotations of frames (N,) of the end, brought to the beginning."""
        c = self.c
        position, turned = clip.local_position[frame], clip.local_rotation[frame]
        back = rotation.inverse(c.axes)
        turn = rotation.about_y(np.array(-self.turn))
        in_world = rotation.multiply(rotation.multiply(back, turn), c.axes)
        for root in np.flatnonzero(clip.skeleton.parents < 0):
            y_up = rotation.rotate(turn, rotation.rotate(c.axes, position[:, root])) + self.gone
            position[:, root] = rotation.rotate(back, y_up)
            turned[:, root] = rotation.multiply(in_world, turned[:, root])
        return position, turned


def _with_held_feet(unrolled: Unrolled, locked: np.ndarray, frames: int) -> Clip:
    """The round whose first `frames` frames are blended, with steps in these held where they are.

    locked: (T, 2) bool, of the round
    """
    c, clip, cycle = unrolled.correspondence, unrolled.clip, unrolled.cycle
    assert cycle is not None, "a loop is a cycle"
    period = cycle.period
    number = np.arange(-period, 2 * period + 1)
    motion = replace(unrolled.rounds(number), source=None)
    planted = locked[unrolled.in_rounds(number)[0]]
    blended = number % period <= frames
    legs, steps = [], np.zeros_like(planted)
    for column, was in enumerate(leg_trajectories(motion, c)):
        shift = np.zeros_like(was.foot)
        held = [step for step in segments(planted[:, column]) if blended[slice(*step)].any()]
        for start, stop in held:
            steps[start:stop, column] = True
            still = blended[start:stop] | (stop - start >= period)
            shift[start:stop] = _without_drift(was, start, stop, still)
        fade = round(FADE_SECONDS / clip.frame_time_seconds) + 1
        near = largest_within(steps[:, column].astype(float), fade)[:, None]
        legs.append(_shifted(was, near * _between(shift, held)))
    if not steps.any():
        return clip
    held_motion = lock_feet_to(legs, motion, c, steps, np.zeros(len(number)))
    middle = slice(period, 2 * period + 1)
    position = clip.local_position + (held_motion.local_position - motion.local_position)[middle]
    turned = held_motion.local_rotation[middle]
    # what no step changed keeps its very numbers
    same = np.abs(turned - clip.local_rotation).max(axis=-1, keepdims=True) < 1e-9
    return clip.with_motion(position, np.where(same, clip.local_rotation, turned))


def _without_drift(was: LegTrajectory, start: int, stop: int, still: np.ndarray) -> Array:
    """(N, 3) what is added to a foot in a step of N frames so that it goes nowhere while `still`,
    (N,) bool: nothing on average.
    """
    drift = drift_of(was)[start : stop - 1] * still[1:, None]
    shift = -np.concatenate([np.zeros((1, 3)), np.cumsum(drift, axis=0)])
    return np.asarray(shift - shift.mean(axis=0))


def _between(shift: Array, steps: list[tuple[int, int]]) -> Array:
    """shift: (T, 3), known in steps -> the same, held before and after them and straight from one
    to the next.
    """
    if not steps:
        return shift
    known = np.concatenate([np.arange(*step) for step in steps])
    at = np.arange(len(shift))
    return np.stack([np.interp(at, known, shift[known, axis]) for axis in range(3)], axis=-1)


def _shifted(was: LegTrajectory, shift: Array) -> LegTrajectory:
    toe = None if was.toe is None else was.toe + shift
    return replace(was, foot=was.foot + shift, toe=toe)
