"""What an action consists of, without anybody's label: where hands and feet are at their extremes,
how high a jump goes, and whether a hand goes through the body.

An *event* is the highest, the lowest, or the farthest point (from the hips, over the ground) that a
hand or foot reaches in a clip, if it ranges over at least `LEAST_RANGE_M`. A result keeps it if its
own extreme, at most `WITHIN_SECONDS` earlier or later, is within a quarter of that range.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kinestyle.motion.body_shape import depth_in_body
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import segments
from kinestyle.retarget.contacts import CONTACT_REST_HEIGHT_M
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.legs import role_position

HANDS_AND_FEET = ("left_hand", "right_hand", "left_foot", "right_foot")
LEAST_RANGE_M = 0.30
WITHIN_SECONDS = 0.2
WITHIN_SHARE = 0.25
POP_M = 0.05
"""A result pops if the longest step of a hand or foot, from one frame to the next, is longer than
the input's by more than this."""
LEAST_JUMP_M, LEAST_FLIGHT_SECONDS = 0.10, 0.1
"""Both feet leave the ground for at least so long and rise at least so far in a jump; a run does
not rise as far."""


@dataclass(frozen=True, eq=False)
class Reach:
    """Where hands and feet go.

    position: (T, 4, 3) metres on the canonical body's scale, floor at 0, in the order of
        `HANDS_AND_FEET`; NaN for those that the rig lacks
    hips: (T, 3)
    """

    position: Array
    hips: Array
    frame_time_seconds: float

    @cached_property
    def curves(self) -> Array:
        """(2, 4, T) metres: heights, and distances from the hips over the ground."""
        apart = (self.position - self.hips[:, None])[..., [0, 2]]
        return np.stack([self.position[..., 1].T, np.linalg.norm(apart, axis=-1).T])

    @property
    def longest_step_m(self) -> float:
        """Of any hand or foot, from one frame to the next; 0 for a single frame."""
        steps = np.linalg.norm(np.diff(self.position, axis=0), axis=-1)
        return float(np.nanmax(steps, initial=0.0))


def reach_of(clip: Clip, correspondence: Correspondence) -> Reach:
    """Hands and feet of a clip on its own rig: its own joints, not those of the canonical body."""
    joints = correspondence.mapping.joints
    unknown = np.full((clip.frame_count, 3), np.nan)
    position = [
        role_position(clip, correspondence, role) if role in joints else unknown
        for role in HANDS_AND_FEET
    ]
    return Reach(
        np.stack(position, axis=1),
        role_position(clip, correspondence, "hips"),
        clip.frame_time_seconds,
    )


@dataclass(frozen=True)
class Event:
    """An extreme: of which curve of `Reach.curves`, highest or lowest, in which frame, and how far
    the curve ranges.
    """

    curve: tuple[int, int]
    highest: bool
    frame: int
    range_m: float


def find_events(reach: Reach) -> list[Event]:
    """The events of a clip: up to three for each hand and foot."""
    return [
        Event(
            (kind, limb),
            highest,
            int(values.argmax() if highest else values.argmin()),
            float(np.ptp(values)),
        )
        for kind, limb, values in _wide_curves(reach)
        for highest in ((True, False) if kind == 0 else (True,))
    ]


def keeps_event(event: Event, before: Reach, after: Reach) -> bool:
    """Whether a result, frame for frame with its input, keeps an event of the input."""
    within = max(1, round(WITHIN_SECONDS / before.frame_time_seconds))
    values = after.curves[event.curve][max(0, event.frame - within) : event.frame + within + 1]
    found = values.max() if event.highest else values.min()
    wanted = before.curves[event.curve][event.frame]
    return bool(abs(found - wanted) <= WITHIN_SHARE * event.range_m)


def curve_correlations(before: Reach, after: Reach) -> list[float]:
    """Between input and result, of every curve that ranges over `LEAST_RANGE_M`; 0 where the
    result's does not move.
    """
    found = []
    for kind, limb, values in _wide_curves(before):
        other = after.curves[kind, limb]
        moves = np.ptp(other) > 1e-6
        found.append(float(np.corrcoef(values, other)[0, 1]) if moves else 0.0)
    return found


def _wide_curves(reach: Reach) -> Iterator[tuple[int, int, Array]]:
    for kind, limb in np.ndindex(reach.curves.shape[:2]):
        values = reach.curves[kind, limb]
        if np.isfinite(values).all() and np.ptp(values) >= LEAST_RANGE_M:
            yield kind, limb, values


def find_jumps(feet: Array, contact: np.ndarray, frame_time_seconds: float) -> list[slice]:
    """feet: (T, 4, 3) metres as `contact_positions`, contact: (T, 4) bool -> the frames of every
    jump. What begins or ends in the air is none: nobody knows from where.
    """
    shortest = max(2, round(LEAST_FLIGHT_SECONDS / frame_time_seconds))
    flights = [slice(start, stop) for start, stop in segments(np.logical_not(contact.any(axis=-1)))]
    return [
        flight
        for flight in flights
        if flight.stop - flight.start >= shortest
        and flight.start > 0
        and flight.stop < len(feet)
        and jump_height(feet, flight) >= LEAST_JUMP_M
    ]


def jump_height(feet: Array, flight: slice) -> float:
    """feet: (T, 4, 3) -> metres between the lower foot at its highest and the ground below it: a
    line from where the flight begins to where it ends, so that stairs and ramps do not count.
    """
    lowest = (feet[..., 1] - CONTACT_REST_HEIGHT_M).min(axis=-1)
    ground = np.linspace(lowest[flight.start - 1], lowest[flight.stop], flight.stop - flight.start)
    return float((lowest[flight] - ground).max())


def hands_in_body(canonical: Clip) -> float:
    """A clip on the canonical skeleton -> the share of frames in which the middle of a hand lies
    within trunk, head or legs. Its palm is then under the skin by its own thickness.
    """
    depth = depth_in_body(canonical.world_position, canonical.world_rotation)
    return float((depth > 0.0).any(axis=(1, 2)).mean())
