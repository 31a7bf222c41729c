"""From what is heard to frames of the rig: changes put on, hips moved, feet planted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kinestyle.errors import StyleError
from kinestyle.live.calibration import Calibration
from kinestyle.live.listening import Heard, Listener, Voice
from kinestyle.live.performer import Frame, Performer
from kinestyle.live.planting import FoundLocks, Planting
from kinestyle.live.settings import check_for_stream
from kinestyle.live.track import Track
from kinestyle.motion import rotation
from kinestyle.motion.canonical import UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import few_in_world
from kinestyle.motion.smoothing import smooth_in_time, smootherstep
from kinestyle.motion.window import Window
from kinestyle.retarget.changes import carry_along, offset_root, with_body_moved, with_root_moved
from kinestyle.retarget.correspondence import LEG_ROLES, Correspondence
from kinestyle.retarget.foot_lock import EVEN_SECONDS, reach_locks, stance_velocity, with_legs
from kinestyle.retarget.hands import hold_hands
from kinestyle.retarget.legs import LegTrajectory, leg_trajectories
from kinestyle.retarget.travel import STEADY_SECONDS, carried_along
from kinestyle.runtime.action import Action
from kinestyle.runtime.change import Change
from kinestyle.runtime.code_change import CodeLayer
from kinestyle.runtime.layers import Layer, Layers, shared_weights
from kinestyle.runtime.part_names import parse_parts
from kinestyle.runtime.parts import is_whole, joint_weights
from kinestyle.runtime.reference import StyleCode
from kinestyle.runtime.restyled import STANCE_SMOOTHING_SECONDS
from kinestyle.runtime.settings import Settings

CHANGE_OVER_SECONDS = 0.5
"""How long the body takes from one style, strength or mask to another."""

REACH_SEAM_SECONDS = 0.1
"""Within which hips pass from how far they were to be lowered to what is found now."""


class Part:
    """A style in a strength, on some parts of the body: what a stream is restyled with until it is
    changed.
    """

    def __init__(self, code: np.ndarray, settings: Settings, c: Correspondence) -> None:
        """Raises StyleError for what a stream cannot be restyled with, and for parts that the rig
        has not.
        """
        check_for_stream(settings)
        self.settings, self._c = settings, c
        codes = (code.layers if isinstance(code, StyleCode) else ()) or (CodeLayer((code,)),)
        if any(one.weights is not None for one in codes):
            raise StyleError(
                "the shares of styles change over a clip's time, which a stream has not; give one "
                "share for each, and others when they are to change"
            )
        body = settings.body_parts
        self._weights = shared_weights(
            [
                None if one.parts is None else joint_weights(parse_parts(one.parts), c)
                for one in codes
            ],
            [one.share for one in codes],
            None if is_whole(body) else joint_weights(body, c),
            c.skeleton.joint_count,
        )
        self.voices = [] if self.is_nothing else [Voice(one.codes[0], settings) for one in codes]

    @property
    def moves_legs(self) -> bool:
        """Whether hips or legs change at all."""
        joints = [
            self._c.mapping.joints[role] for role in LEG_ROLES if role in self._c.mapping.joints
        ]
        return any(each is None or bool(each[joints].any()) for each in self._weights)

    @property
    def is_nothing(self) -> bool:
        """Whether it leaves the input."""
        return self.settings.strength == 0.0

    @property
    def is_silent(self) -> bool:
        """Whether it is not known yet what it changes."""
        return any(voice.is_silent for voice in self.voices)

    def hearing(
        self, listener: Listener, heard: Heard, action: Action | None, left: int
    ) -> list[Callable[[], None]]:
        """As `Voice.hearing`, of all styles."""
        kept = action if self.settings.action == "keep" else None
        return [
            piece for voice in self.voices for piece in voice.hearing(listener, heard, kept, left)
        ]

    def at(self, first: int, last: int, frame_time_seconds: float) -> list[Change]:
        """What each style changes in these frames; none where there is nothing."""
        return [voice.at(first, last, frame_time_seconds) for voice in self.voices]

    def layers(self, changes: Sequence[Change], frames: slice) -> Layers:
        """Some frames of what `at` gives, on the body."""
        return Layers(
            [
                Layer(change.of(frames), weights)
                for change, weights in zip(changes, self._weights, strict=True)
            ],
            self._c,
        )


@dataclass(frozen=True, eq=False)
class Turned:
    """Frames with all that is changed, but without travel. rise: (N,), pace: (N, 3) metres."""

    clip: Clip
    rise: Array
    pace: Array


class Stage:
    """Puts the parts on the performer's frames. Only one part, or two, of which the second comes
    while the first goes.
    """

    def __init__(self, calibration: Calibration) -> None:
        self._calibration = calibration
        self._c = calibration.correspondence
        self._frame_time = calibration.frame_time_seconds
        self._joints, self._legs = self._c.legs
        self._parts: list[Part] = []
        self._changes_at = 0
        self._waits: Part | None = None
        self._planting = Planting(calibration)
        self._left_alone_from = 0
        self._reach = Track(1)
        self._rests_from: float | None = -np.inf
        """From which frame on legs do what they did; None where they do not."""
        seconds = 2.0 * STEADY_SECONDS + 1.0
        self._travel = Track(round(seconds / self._frame_time) + 8)
        self._around = round((2.5 * EVEN_SECONDS) / self._frame_time) + 1
        self._longer = round(3.0 * STEADY_SECONDS / self._frame_time)

    @property
    def parts(self) -> list[Part]:
        """Those whose changes have to be known."""
        if self._waits is None or len(self._parts) == 2:
            return self._parts
        return [*self._parts, self._waits]

    def change(self, part: Part) -> None:
        """The body passes to this part, as soon as it is heard and the body has passed to the last
        one. Of several that wait, only the latest counts.
        """
        if self._parts:
            self._waits = part
        else:
            self._parts = [part]

    def _share(self, first: int, last: int) -> Array:
        """(N,) how much there is of the second part."""
        frames = CHANGE_OVER_SECONDS / self._frame_time
        return smootherstep((np.arange(first, last) - self._changes_at) / frames)

    def _pass_on(self, first: int, left: int) -> None:
        """Drop the first part where it is over in all frames from `first` on; from `left` on, begin
        with the next one.
        """
        over = self._changes_at + CHANGE_OVER_SECONDS / self._frame_time
        if len(self._parts) == 2 and over <= first:
            self._parts = self._parts[1:]
            self._left_alone_from = int(np.ceil(over))
        if len(self._parts) == 1 and self._waits is not None and not self._waits.is_silent:
            self._parts, self._changes_at = [self._parts[0], self._waits], left
            self._waits = None

    def frames(self, performer: Performer, left: int, leaves: int) -> list[Frame]:
        """The frames from `left` up to, not including, `leaves`, as they leave."""
        stop = performer.known
        first = max(performer.first, left - self._around)
        self._pass_on(first, left)
        before = performer.clip(left, leaves)
        resting = self._resting(left, leaves)
        rests = resting.min() == 1.0
        if rests and all(part.is_nothing for part in self._parts):
            return self._where_it_was(before, left)
        changes = [part.at(first, stop, self._frame_time) for part in self._parts]
        turned = self._turned(before, self._c, changes, (first, left, leaves), None)
        if rests:
            return self._where_it_was(turned.clip, left)
        was = performer.clip(first, stop, self._joints)
        legs = self._turned(was, self._legs, changes, (first, first, stop), self._joints)
        if legs.clip is not was:
            clip = legs.clip
            clip.with_world(*few_in_world(clip.skeleton, clip.local_position, clip.local_rotation))
        after = self._on_its_feet(performer, before, turned, was, legs, (first, left, leaves, stop))
        if resting.any():
            travel = self._travel.rows("travel", left, leaves)
            after = _between(after, with_root_moved(turned.clip, self._c, travel), resting)
        return _frames(after)

    def _resting(self, left: int, leaves: int) -> Array:
        """(N,) 0 to 1, how far legs have come to do what they did: where a mask or no strength
        lets go of them, they pass to it.
        """
        if not self._legs_rest():
            self._rests_from = None
            return np.zeros(leaves - left)
        if self._rests_from is None:
            self._rests_from = left
        frames = CHANGE_OVER_SECONDS / self._frame_time
        return smootherstep((np.arange(left, leaves) - self._rests_from) / frames)

    def _legs_rest(self) -> bool:
        """Whether legs do what they did, and no foot is where a part took it that is over."""
        return not any(
            part.moves_legs and not part.is_nothing for part in self._parts
        ) and not self._planting.began_before(self._left_alone_from)

    def _where_it_was(self, clip: Clip, left: int) -> list[Frame]:
        """The clip with the travel that was gained before, if any was."""
        self._rest_there(left, left + clip.frame_count)
        travel = self._travel.rows("travel", left, left + clip.frame_count)
        return _frames(with_root_moved(clip, self._c, travel) if travel.any() else clip)

    def _rest_there(self, left: int, leaves: int) -> None:
        """The body is as far from where it would be as in the frame before."""
        there = self._travel_at(left) * (1.0 - UP)
        self._travel.put(left, travel=np.repeat(there[None], leaves - left + 1, axis=0))

    def _travel_at(self, frame: int) -> Array:
        if self._travel.stop <= frame:
            return np.zeros(3)
        return self._travel.rows("travel", frame, frame + 1)[0].copy()

    def _turned(
        self,
        before: Clip,
        c: Correspondence,
        changes: Sequence[Sequence[Change]],
        frames: tuple[int, int, int],
        joints: Sequence[int] | None,
    ) -> Turned:
        """As `Layers.turned`, on the way from one part to the next.

        changes: of each part; frames: their first one, and from which to which they are `before`
        """
        first, start, stop = frames
        here = slice(start - first, stop - first)
        found = [
            self._of_part(part, before, c, part.layers(each, here) if each else None, joints)
            for part, each in zip(self._parts, changes, strict=True)
        ]
        if len(found) == 1:
            return found[0]
        share = self._share(start, stop)
        a, b = found
        local = rotation.interpolate(
            a.clip.local_rotation,
            b.clip.local_rotation,
            np.broadcast_to(share[:, None], a.clip.local_rotation.shape[:2]),
        )
        clip = before.with_motion(offset_root(before, c, local, None), local)
        return Turned(
            clip,
            a.rise + share * (b.rise - a.rise),
            a.pace + share[:, None] * (b.pace - a.pace),
        )

    def _of_part(
        self,
        part: Part,
        before: Clip,
        c: Correspondence,
        layers: Layers | None,
        joints: Sequence[int] | None,
    ) -> Turned:
        count = before.frame_count
        if layers is None:
            return Turned(before, np.zeros(count), np.zeros((count, 3)))
        turned = layers.turned(before, c, joints)
        hands = layers.left_out_hands if part.settings.keep == "world" else {}
        if hands and joints is None:
            shares = {side: np.full(count, share) for side, share in hands.items()}
            turned = hold_hands(before, turned, c, shares, np.zeros((count, 3)))
        return Turned(turned, layers.rise, layers.pace)

    def _on_its_feet(
        self,
        performer: Performer,
        before: Clip,
        turned: Turned,
        was: Clip,
        legs: Turned,
        frames: tuple[int, int, int, int],
    ) -> Clip:
        """before, turned: of all joints, the frames that leave; was, legs: of the legs, all that
        are looked at
        """
        first, left, leaves, stop = frames
        locked = self._planting.contacts.find(performer, first, left, stop)
        self._find_travel(performer, was, legs, locked, (first, left, leaves, stop))
        travel = self._travel.rows("travel", first, stop)
        here = slice(left - first, leaves - first)
        after = with_root_moved(turned.clip, self._c, travel[here])
        moved = with_body_moved(legs.clip, self._legs, travel)
        ways = leg_trajectories(was, self._legs), leg_trajectories(moved, self._legs)
        found = self._planting.find((first, left, leaves), locked, *ways)
        self._planting.contacts.decide(locked, first, leaves)
        lock = self._share_of(left, leaves, feet=("lock",))
        if lock.any():
            after = _between(after, self._locked(after, moved, ways[0], found, (first, here)), lock)
        keep = self._share_of(left, leaves, root=("keep",))
        if keep.any():
            kept = carry_along(before, self._c, before.local_position, after.local_rotation)
            after = _between(after, after.with_motion(kept, after.local_rotation), keep)
        return after

    def _share_of(self, first: int, last: int, **wanted: tuple[str, ...]) -> Array:
        """(N,) 0 to 1, how much there is of parts with a setting that has one of these values."""
        ((name, values),) = wanted.items()
        has = [float(getattr(part.settings, name) in values) for part in self._parts]
        if len(has) == 1:
            return np.full(last - first, has[0])
        share = self._share(first, last)
        return has[0] + share * (has[1] - has[0])

    def _locked(
        self,
        after: Clip,
        moved: Clip,
        was: Sequence[LegTrajectory],
        found: FoundLocks,
        frames: tuple[int, slice],
    ) -> Clip:
        """frames: the number of the first one that is looked at, and which of them leave"""
        first, here = frames
        left = first + here.start

        def passed(lowered: Array) -> Array:
            return self._lowered(lowered, first, left)

        turned, lowered = reach_locks(
            was,
            moved,
            self._legs,
            found.locks,
            Window.whole(moved.frame_count),
            np.full(moved.frame_count, found.amount),
            passed=passed,
        )
        in_rig = {self._joints[joint]: each[here] for joint, each in turned.items()}
        return with_legs(after, self._c, in_rig, lowered[here])

    def _lowered(self, lowered: Array, first: int, left: int) -> Array:
        """lowered: (N, 3) how far hips are lowered for the feet -> the same, beginning in the frame
        `left` with what it was to be there before: a knee that is nearly straight shows every
        millimetre of a step that was not seen to come then.
        """
        track, here = self._reach, lowered[left - first :]
        if track.first <= left < track.stop:
            reach = min(track.stop - left, len(here))
            at = np.minimum(np.arange(len(here)), reach - 1)
            goes = 1.0 - smootherstep(np.arange(len(here)) * self._frame_time / REACH_SEAM_SECONDS)
            was = track.rows("lowered", left, left + reach)[at]
            here = here + goes[:, None] * (was - here[at])
        else:
            self._reach = track = Track(2 * len(here))
        track.put(left, lowered=here)
        return np.concatenate([lowered[: left - first], here])

    def _find_travel(
        self,
        performer: Performer,
        was: Clip,
        legs: Turned,
        locked: np.ndarray,
        frames: tuple[int, int, int, int],
    ) -> None:
        """How far the hips are from where they were, from the frame `left` on."""
        first, left, _, stop = frames
        pace = self._pace(performer, was, legs, locked, (first, stop))[left - first :]
        way = self._travel_at(left) * (1.0 - UP) + np.cumsum(pace, axis=0)
        rows = np.concatenate([self._travel_at(left)[None] * (1.0 - UP), way])
        up = legs.rise[left - first :] * (1.0 - self._share_of(left, stop, root=("keep",)))
        rows[:-1, 1] = up
        rows[-1, 1] = up[-1]
        if self._travel.stop == 0:
            # nothing was changed in the frames before
            rows = np.concatenate([np.zeros((left - first, 3)), rows])
            left = first
        self._travel.put(left, travel=rows)

    def _pace(
        self,
        performer: Performer,
        was: Clip,
        legs: Turned,
        locked: np.ndarray,
        frames: tuple[int, int],
    ) -> Array:
        """(N, 3) metres a frame, how much faster the hips move over the ground."""
        predicted = self._share_of(*frames, root=("predicted",))
        planted = self._share_of(*frames, root=("auto", "planted"))
        auto = self._share_of(*frames, root=("auto",))
        pace = predicted[:, None] * legs.pace
        if planted.any():
            sigma = STANCE_SMOOTHING_SECONDS / self._frame_time
            stance, known = stance_velocity(was, legs.clip, self._legs, locked)
            known = smooth_in_time(known, sigma)[:, None]
            by_feet = known * smooth_in_time(stance, sigma) + (1.0 - known) * legs.pace
            if auto.any():
                planted = planted - auto * (1.0 - self._carried(performer, *frames))
            pace = pace + planted[:, None] * by_feet
        return pace

    def _carried(self, performer: Performer, first: int, stop: int) -> Array:
        start = max(performer.first, first - self._longer)
        c = self._calibration.correspondence
        hips = c.mapping.joints["hips"]
        clip = performer.clip(start, stop, [*sorted({hips, *c.skeleton.ancestors(hips)})])
        place = rotation.rotate(c.axes, clip.world_position[:, -1])[:, [0, 2]]
        carried = carried_along(
            place * c.scale_to_canonical, np.zeros(len(place)), self._frame_time
        )
        return carried[first - start :]


def _between(one: Clip, other: Clip, share: Array) -> Clip:
    """share: (N,) 0 to 1, how much of the other"""
    if share.min() == 1.0:
        return other
    of_all = np.broadcast_to(share[:, None], one.local_rotation.shape[:2])
    position = one.local_position + share[:, None, None] * (
        other.local_position - one.local_position
    )
    turned = rotation.interpolate(one.local_rotation, other.local_rotation, of_all)
    return one.with_motion(position, turned)


def _frames(clip: Clip) -> list[Frame]:
    return [
        Frame(position, turned)
        for position, turned in zip(clip.local_position, clip.local_rotation, strict=True)
    ]
