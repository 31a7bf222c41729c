"""Cycles stay cycles, and what goes in place stays in place.

Where a clip's last pose is its first, it is restyled as the motion that it is a piece of: repeated,
with the travel and the turn that it has in each round, for as long on either side as the networks
see. What they change then is blended until it repeats exactly, feet are locked over the seam like
anywhere else, and the round in the middle is the result.

A clip on a treadmill is restyled as if it travelled: the belt's velocity, which shows in the feet
that stand, is added before. What the result travels is taken off after, evenly, so that feet that
stand all slide with one velocity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.percentile import median, percentile
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smootherstep
from kinestyle.motion.window import Motion
from kinestyle.note import Note
from kinestyle.retarget.changes import offset_root
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.retarget.legs import y_up_position
from kinestyle.retarget.treadmill import belt_in_file, find_belt
from kinestyle.runtime.change import Change
from kinestyle.runtime.settings import CycleMode

SHORTEST_SECONDS, LONGEST_SECONDS = 0.3, 60.0
"""Of a cycle that is found without being asked for."""

LONGEST_OPEN_SECONDS = 2.0
"""Of one that lacks the last frame, which is the first once more: longer captures end by chance
where they might go on as they began."""

SEAM_STEPS, SEAM_M, LARGEST_SEAM_M = 0.5, 0.001, 0.06
"""How far a joint may be, at the end of a cycle, from where it was at its beginning: a share of
what joints move in a thirtieth of a second, or so little, and in no case more."""

BEND = 1.5
"""How much more than usual, in a clip, velocity may change over the seam of a cycle."""

FROZEN_SECONDS, STOPPED_SHARE = 0.3, 1e-3
"""How long a clip's last pose may be repeated by an exporter that went on too long, and how much,
of what moves before it, is nothing."""

IN_PLACE_M = 0.05
"""A round that travels less is in place."""

MARGIN_SECONDS = 1.5
"""What is repeated before and after a round, beside what is blended: features, networks and filters
see up to 2 s, and most of it in half of that."""

BLEND_SECONDS = 1.0
"""Over how much time, at most, the changes of two rounds pass over into each other."""


@dataclass(frozen=True)
class Cycle:
    """One round: `period` frames, after which the motion begins again.

    whole: whether the clip has the first frame once more at its end
    turn: radians about the up axis, by which the body has turned after a round
    travel: (3,) canonical metres, Y up and level, which its hips have gone in it
    """

    period: int
    whole: bool
    turn: float
    travel: tuple[float, float, float]

    @property
    def is_in_place(self) -> bool:
        return float(np.linalg.norm(self.travel)) < IN_PLACE_M


def find_cycle(clip: Clip, c: Correspondence, asked: bool = False) -> Cycle | None:
    """The cycle that a clip is; None where it is none.

    asked: whether it is one in any case, whatever its seam
    """
    if clip.frame_count < 4:
        return None
    lasts = SHORTEST_SECONDS <= clip.duration_seconds <= LONGEST_SECONDS
    if not asked and (not lasts or clip.is_still):
        return None
    if not asked and _is_open(clip, c):
        return None
    ends = _Ends(clip, c)
    if ends.meet(True):
        return ends.cycle(True)
    if (asked or clip.duration_seconds <= LONGEST_OPEN_SECONDS) and ends.meet(False):
        return ends.cycle(False)
    return ends.cycle(True) if asked else None


def _is_open(clip: Clip, c: Correspondence) -> bool:
    """Whether the last pose is so far from the first, however turned, that no more need be looked
    at: by heights and distances from the up axis through the hips.
    """
    ends = clip.sample(np.array([0, -2, -1])).world_position
    position = rotation.rotate(c.axes, ends[:, c.joints] - ends[:, [c.mapping.joints["hips"]]])
    level = np.linalg.norm(position[..., [0, 2]], axis=-1)
    first, before, last = np.stack([level, position[..., 1]], axis=-1) * c.scale_to_canonical
    apart = min(np.abs(first - last).max(), np.abs(first - 2.0 * last + before).max())
    return bool(apart > LARGEST_SEAM_M)


class _Ends:
    """The first and the last pose of a clip. Distances in canonical metres."""

    def __init__(self, clip: Clip, c: Correspondence) -> None:
        position = rotation.rotate(c.axes, clip.world_position[:, c.joints])
        position = position * c.scale_to_canonical
        self._hips = y_up_position(clip, c, "hips") * c.scale_to_canonical
        self._pose = position - self._hips[:, None]
        self._frames = clip.frame_count
        steps, bends = (
            np.linalg.norm(np.diff(self._pose, order, axis=0), axis=-1).max(axis=1)
            for order in (1, 2)
        )
        self._frames_a_step = 1.0 / (FRAME_RATE * clip.frame_time_seconds)
        self._step, self._bend = float(median(steps)), float(percentile(bends, 90.0))

    def meet(self, whole: bool) -> bool:
        """Whether the clip begins again where it ends; with its very last frame, or (whole: False)
        one after that.
        """
        turned, end = self._turned(whole), self._end(whole)
        # a pose that is not there is where velocity leads, as well as that leads anywhere else
        likely = SEAM_STEPS * self._step * self._frames_a_step if whole else 2.0 * self._bend
        seam = float(np.linalg.norm(turned[0] - end, axis=-1).max())
        if seam > min(max(SEAM_M, likely), LARGEST_SEAM_M):
            return False
        first, last = turned[1] - turned[0], self._pose[-1] - self._pose[-2]
        bend = float(np.linalg.norm(first - last, axis=-1).max())
        height = abs(self._hips_end(whole) - self._hips[0])[1]
        usual = BEND * self._bend * (1 if whole else 2)
        return bend <= max(SEAM_M, usual) and height <= max(0.01, seam)

    def cycle(self, whole: bool) -> Cycle:
        """The cycle that begins again so."""
        turn, travel = self._turn(whole), (self._hips_end(whole) - self._hips[0]) * (1.0 - UP)
        period = self._frames - 1 if whole else self._frames
        # noise is no turn
        return Cycle(period, whole, turn if abs(turn) > 0.02 else 0.0, tuple(travel.tolist()))

    def _end(self, whole: bool) -> Array:
        """(R, 3) the pose with which the next round begins."""
        return self._pose[-1] if whole else 2.0 * self._pose[-1] - self._pose[-2]

    def _hips_end(self, whole: bool) -> Array:
        return self._hips[-1] if whole else 2.0 * self._hips[-1] - self._hips[-2]

    def _turn(self, whole: bool) -> float:
        """Radians about Y by which the first pose fits the last best."""
        a, b = self._pose[0], self._end(whole)
        across = np.sum(a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2])
        return float(np.arctan2(across, np.sum(a[:, [0, 2]] * b[:, [0, 2]])))

    def _turned(self, whole: bool) -> Array:
        """(2, R, 3) the first two poses as the next round has them."""
        return rotation.rotate(rotation.about_y(np.array(self._turn(whole))), self._pose[:2])


@dataclass(frozen=True, eq=False)
class Unrolled:
    """A clip as the motion that it is a piece of: repeated as a cycle, travelling off its belt.

    clip: the piece, T frames, without its frozen end
    frozen: how many frames at its end are its last pose once more
    cycle: None where it is not repeated; belt: (3,) as `find_belt` returns it, None where there is
        none
    """

    clip: Clip
    correspondence: Correspondence
    cycle: Cycle | None
    belt: Array | None
    frozen: int = 0

    @cached_property
    def margin(self) -> int:
        """How many frames stand before and after the round in the middle."""
        if self.cycle is None:
            return 0
        seconds = MARGIN_SECONDS / self.clip.frame_time_seconds
        return int(np.ceil(seconds + 0.5 * self._blend))

    @property
    def frames(self) -> slice:
        """Where the clip's own frames are."""
        return slice(self.margin, self.margin + self.clip.frame_count)

    @property
    def feature_frames(self) -> slice:
        """The same at 30 frames a second."""
        a_frame = self.clip.frame_time_seconds * FRAME_RATE
        count = int(np.floor((self.clip.frame_count - 1) * a_frame + 1e-6)) + 1
        start = round(self.margin * a_frame)
        return slice(start, start + count)

    @property
    def returns(self) -> tuple[int, int] | None:
        """Two frames between which the hips of a result must not have gone anywhere: of a round in
        place, where feet stand on no belt.
        """
        if self.cycle is None or self.belt is not None or not self.cycle.is_in_place:
            return None
        return self.margin, self.margin + self.cycle.period

    @property
    def begins_again(self) -> bool:
        """Whether the next round begins one frame after the clip's last."""
        return self.cycle is not None and not self.cycle.whole

    @cached_property
    def piece(self) -> Clip:
        """The clip, up to the frame with which the next round begins."""
        if self.cycle is None or not self.begins_again:
            return self.clip
        return self.rounds(np.arange(self.clip.frame_count + 1))

    def rounds(self, number: np.ndarray) -> Clip:
        """The repeated motion, without a belt; number: (N,) frames from the clip's first on, which
        may be before it and behind its last.
        """
        assert self.cycle is not None, "only cycles have rounds"
        frame, rounds = self.in_rounds(number)
        return self.clip.with_motion(*self._repeated(frame, rounds, self.cycle))

    def in_time(self, clip: Clip) -> Unrolled:
        """The same of the clip in another time, which repeats as this one does."""
        pace = (self.piece.frame_count - 1) / (clip.frame_count - 1 + self.begins_again)
        cycle = self.cycle
        if cycle is not None:
            cycle = replace(cycle, period=clip.frame_count - cycle.whole)
        belt = None if self.belt is None else pace * self.belt
        return replace(self, clip=clip, cycle=cycle, belt=belt)

    def moments_in(self, timed: Unrolled, moments: Array) -> Array:
        """moments: (M,) of `piece`, at which the clip of `timed` is -> (N,) of `motion`, at which
        the motion of `timed` is.
        """
        number = np.arange(timed.motion.frame_count) - timed.margin
        if self.cycle is None or timed.cycle is None:
            return moments
        rounds, frame = np.divmod(number, timed.cycle.period)
        return np.asarray(self.margin + rounds * self.cycle.period + moments[frame])

    @property
    def _blend(self) -> int:
        assert self.cycle is not None, "only rounds are blended"
        return min(self.cycle.period, round(BLEND_SECONDS / self.clip.frame_time_seconds))

    @cached_property
    def motion(self) -> Clip:
        """The whole of it; the clip's own frames are in the middle, where they were but for the
        belt.
        """
        number = np.arange(-self.margin, self.clip.frame_count + self.margin)
        if self.cycle is None:
            position, turned = self.clip.local_position.copy(), self.clip.local_rotation
        else:
            repeated = self.rounds(number)
            position, turned = repeated.local_position, repeated.local_rotation
        if self.belt is not None:
            c, roots = self.correspondence, self.clip.skeleton.parents < 0
            belt = belt_in_file(self.belt, c, self.clip.frame_time_seconds)
            position[:, roots] += (number[:, None] * belt)[:, None]
        return replace(self.clip.with_motion(position, turned), source=None)

    def in_rounds(self, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """number: (N,) frames from the clip's first on -> (N,) each as a frame of the clip, and
        (N,) in which round; the clip itself is round 0, with both of its ends.
        """
        assert self.cycle is not None, "only cycles have rounds"
        rounds, frame = np.divmod(number, self.cycle.period)
        if self.cycle.whole:
            seam = (number > 0) & (frame == 0)
            rounds, frame = rounds - seam, np.where(seam, self.cycle.period, frame)
        return frame, rounds

    def _repeated(self, frame: np.ndarray, rounds: np.ndarray, cycle: Cycle) -> tuple[Array, Array]:
        """The local positions and rotations of frames (N,) in rounds (N,)."""
        c = self.correspondence
        position = self.clip.local_position[frame]
        turned = self.clip.local_rotation[frame]
        back = rotation.inverse(c.axes)
        hips = y_up_position(self.clip.window(0, 1), c, "hips")[0] * (1.0 - UP)
        travel = np.array(cycle.travel) / c.scale_to_canonical
        roots = np.flatnonzero(self.clip.skeleton.parents < 0)
        for round_ in np.unique(rounds[rounds != 0]).tolist():
            some = np.ix_(rounds == round_, roots)
            turn = rotation.about_y(np.array(cycle.turn * round_))
            moved = hips + _gone(travel, cycle.turn, round_)
            in_world = rotation.multiply(rotation.multiply(back, turn), c.axes)
            y_up = rotation.rotate(c.axes, position[some])
            position[some] = rotation.rotate(back, rotation.rotate(turn, y_up - hips) + moved)
            turned[some] = rotation.multiply(in_world, turned[some])
        return position, turned

    def repeated_change(self, change: Change) -> Change:
        """change: of `motion`, at 30 frames a second -> the same, repeating exactly with the cycle.
        Where the clip is none it stays what it is.
        """
        if self.cycle is None:
            return change
        period, turn = self.cycle.period, self.cycle.turn
        number = np.arange(-self.margin, self.motion.frame_count - self.margin)
        at = change.at(0, len(number), self.clip.frame_time_seconds)
        at = _turned_back(at, -turn * (number // period))
        rise, fall = (0.5 + (number - end) / self._blend for end in (0, period))
        weight = smootherstep(rise) - smootherstep(fall)
        # each frame of a round in the round before, the clip's own, and the one after
        where = self.margin + np.arange(period) + period * np.array([[0], [-1], [1]])
        inside = (where >= 0) & (where < len(number))
        where = np.where(inside, where, 0)
        weight = weight[where] * inside
        return Repeated(
            _blended_rotation(at.rotation[where], weight),
            np.sum(weight * at.rise[where], axis=0),
            np.sum(weight[..., None] * at.pace[where], axis=0),
            None if at.share is None else np.sum(weight * at.share[where], axis=0),
            self.margin,
            turn,
        )

    def put_back(self, result: Motion) -> Clip:
        """result: of `motion` -> the clip's own frames of it, on the clip's belt."""
        start, stop = self.frames.start, self.frames.stop
        last = start + (self.clip.frame_count - 1 if self.cycle is None else self.cycle.period)
        after, before = (of.window(start, max(stop, last + 1)) for of in (result, self.motion))
        # the difference, so that what did not change keeps its very numbers
        moved = (after.local_position - before.local_position)[: self.clip.frame_count]
        done = self.clip.with_motion(
            self.clip.local_position + moved, after.local_rotation[: self.clip.frame_count]
        )
        return self.with_frozen_end(self._on_belt(done, after, before, last - start))

    def with_frozen_end(self, clip: Clip) -> Clip:
        """The clip with its last pose as often once more as it had."""
        frame = np.minimum(np.arange(clip.frame_count + self.frozen), clip.frame_count - 1)
        return clip.sample(frame) if self.frozen else clip

    def _on_belt(self, done: Clip, after: Clip, before: Clip, last: int) -> Clip:
        """A result without what it travelled more than the input, up to its frame `last`, evenly.

        after, before: result and input as they travel
        """
        if self.belt is None:
            return done
        c = self.correspondence
        more = y_up_position(after, c, "hips") - y_up_position(before, c, "hips")
        drift = (more[last] - more[0]) * (1.0 - UP) * c.scale_to_canonical
        if np.abs(drift).max() < 1e-9:
            return done
        shares = np.arange(done.frame_count)[:, None] / last
        position = offset_root(done, c, done.local_rotation, -shares * drift)
        return done.with_motion(position, done.local_rotation)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell a user."""
        name, notes = self.clip.name, []
        if self.cycle is not None:
            notes.append(
                Note(
                    f"{name} is a cycle of {self.cycle.period} frames, and so is the result "
                    f"(--cycle no: restyled as a clip that begins and ends)",
                    "cycle",
                    f"A cycle of {self.cycle.period} frames, and so is the result",
                    period_frames=self.cycle.period,
                )
            )
        if self.belt is not None:
            speed_m_s = float(np.linalg.norm(self.belt))
            notes.append(
                Note(
                    f"{name} goes in place, at about {speed_m_s:.1f} m/s on a treadmill, and so "
                    f"does the result, at its own speed (--cycle no: restyled as it is)",
                    "treadmill",
                    "In place as on a treadmill, and so is the result",
                    speed_m_s=round(speed_m_s, 2),
                )
            )
        return tuple(notes)


@dataclass(frozen=True, eq=False)
class Repeated(Change):
    """A change that repeats: its arrays have a row for each frame of one round of the clip, at the
    clip's own rate.

    margin: the frame of the motion with which a round begins
    turn: radians about Y, of each round against the one before
    """

    margin: int
    turn: float

    def at(self, first: int, last: int, frame_time_seconds: float) -> Change:
        """As `Change.at`."""
        rounds, frame = np.divmod(np.arange(first, last) - self.margin, len(self.rise))
        share = None if self.share is None else self.share[frame]
        once = Change(self.rotation[frame], self.rise[frame], self.pace[frame], share)
        return _turned_back(once, self.turn * rounds)


def _gone(travel: Array, turn: float, rounds: int) -> Array:
    """(3,) what a body has travelled after some rounds, before the first where they are negative:
    each goes `travel`, turned by the rounds before.
    """
    order = np.arange(min(rounds, 0), max(rounds, 0))
    steps = rotation.rotate(
        rotation.about_y(turn * order), np.broadcast_to(travel, (len(order), 3))
    )
    return np.asarray(np.sign(rounds) * steps.sum(axis=0))


def _turned_back(change: Change, angle: Array) -> Change:
    """The change for a body that is turned by (N,) radians about Y at each moment."""
    if not angle.any():
        return change
    turn = rotation.about_y(angle)
    turned = rotation.multiply(turn[:, None], change.rotation)
    return replace(
        change,
        rotation=rotation.multiply(turned, rotation.inverse(turn)[:, None]),
        pace=rotation.rotate(turn, change.pace),
    )


def _blended_rotation(q: Array, weight: Array) -> Array:
    """q: (K, N, J, 4), weight: (K, N), which sums to 1 over K -> (N, J, 4)."""
    near = np.where(np.sum(q * q[:1], axis=-1, keepdims=True) < 0.0, -q, q)
    return rotation.normalize(np.sum(weight[..., None, None] * near, axis=0))


def unroll(clip: Clip, c: Correspondence, mode: CycleMode) -> Unrolled | None:
    """The motion that a clip is a piece of; None where it is no more than the clip.

    mode: as in `Settings.cycle`
    """
    if mode == "no":
        return None
    frozen = _frozen_end(clip)
    piece = clip.window(0, clip.frame_count - frozen)
    cycle = find_cycle(piece, c, asked=mode == "yes")
    if cycle is None:
        piece, frozen = clip, 0
    elif not cycle.is_in_place:
        return Unrolled(piece, c, cycle, None, frozen)
    belt = find_belt(piece, c, repeats=cycle is not None and cycle.whole)
    return None if cycle is None and belt is None else Unrolled(piece, c, cycle, belt, frozen)


def _frozen_end(clip: Clip) -> int:
    """How many frames at the end are the pose before them once more, where motion stops at once: an
    exporter went on too long.
    """
    most = min(clip.frame_count // 2, int(FROZEN_SECONDS / clip.frame_time_seconds))
    if most < 1:
        return 0
    end = clip.window(max(0, clip.frame_count - 2 * most - 2), clip.frame_count).world_position
    step = np.linalg.norm(np.diff(end, axis=0), axis=-1).max(axis=1)
    moves = step > STOPPED_SHARE * step.max()
    frozen = int(np.argmax(moves[::-1]))
    stops = step[-1 - frozen] > 0.5 * median(step[moves]) if frozen else False
    return frozen if stops and frozen <= most else 0
