"""When is a foot planted: low and slow, on the canonical skeleton.

A joint of a foot is in contact while it is at most `HEIGHT_M` above its height on a flat foot, and
moves at most `SPEED_M_S`. Gaps and segments shorter than `SHORTEST_SECONDS` are closed.

Rigs put ankles at different heights. So a joint's height on a flat foot is read from the clip: the
lowest it gets, with the two sides taken together. It lies at most `TALLEST_M` above the rest pose;
otherwise a foot that never comes down would count as planted. Thresholds are in metres and seconds:
the answer does not depend on a clip's frame rate.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion.canonical import CANONICAL, REST_POSITION_M, SIDES
from kinestyle.motion.clip import Clip
from kinestyle.motion.percentile import percentile
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import remove_short_segments

CONTACT_JOINTS = np.array(
    [CANONICAL.index(f"{side}_{part}") for side in SIDES for part in ("foot", "toe")]
)
"""The four joints whose contact the features hold: left ankle and toe, right ankle and toe."""

CONTACT_REST_HEIGHT_M = REST_POSITION_M[CONTACT_JOINTS, 1]
"""(4,) their heights in the rest pose."""

HEIGHT_M = 0.06
SPEED_M_S = 0.45
SHORTEST_SECONDS = 0.1
TALLEST_M = 0.10
STILL_HEIGHT_M, STILL_M_S, STILL_SECONDS = 0.2, 0.3, 0.2


def find_contacts(canonical: Clip) -> np.ndarray:
    """A clip on the canonical skeleton, floor at 0 -> (T, 4) bool for the joints of
    `CONTACT_JOINTS`.
    """
    return decide_contacts(*measure_contacts(canonical), canonical.frame_time_seconds)


def measure_contacts(canonical: Clip) -> tuple[Array, np.ndarray]:
    """A clip on the canonical skeleton, or a window of one -> of the joints of `CONTACT_JOINTS` the
    heights above the rest pose, (T, 4) metres, and whether they are slow, (T, 4) bool.
    """
    position = canonical.world_position[:, CONTACT_JOINTS]
    return measure_contacts_at(position, canonical.frame_time_seconds)


def measure_contacts_at(position: Array, frame_time_seconds: float) -> tuple[Array, np.ndarray]:
    """position: (T, 4, 3) metres, of `CONTACT_JOINTS` -> as `measure_contacts`."""
    return (
        position[..., 1] - CONTACT_REST_HEIGHT_M,
        slower(position, SPEED_M_S, frame_time_seconds),
    )


def decide_contacts(above_rest: Array, slow: np.ndarray, frame_time_seconds: float) -> np.ndarray:
    """What `measure_contacts` gives for a whole clip -> (T, 4) bool."""
    low = is_low(above_rest, standing_heights(above_rest))
    if len(low) < 2:
        return low
    shortest = max(1, round(SHORTEST_SECONDS * (1.0 / frame_time_seconds)))
    return remove_short_segments(slow & low, shortest)


def is_low(above_rest: Array, standing: Array) -> np.ndarray:
    """above_rest: (T, 4) metres, standing: (2,) what `standing_heights` gives -> (T, 4) bool."""
    return np.asarray(above_rest - np.tile(standing, 2) < HEIGHT_M)


def standing_heights(above_rest: Array) -> Array:
    """above_rest: (T, 4) metres of a whole clip -> (2,) of ankles and toes on a flat foot."""
    standing = percentile(above_rest, 5.0, axis=0).reshape(2, 2).min(axis=0)
    return np.asarray(np.clip(standing, 0.0, TALLEST_M))


def find_still(ankles: Array, frame_time_seconds: float) -> np.ndarray:
    """ankles: (T, 2, 3) metres, Y up -> (T, 2) bool: the foot stands still, even on its toes or on
    an object.

    This decides only whether a foot is locked and is no contact: a foot may be still in the air.
    Higher than `STILL_HEIGHT_M` above where the lower foot stands, it never counts as still.
    """
    return decide_still(*measure_still(ankles, frame_time_seconds), frame_time_seconds)


def measure_still(ankles: Array, frame_time_seconds: float) -> tuple[Array, np.ndarray]:
    """ankles: (T, 2, 3) metres, Y up, of a clip or a window of one -> their heights (T, 2), and
    whether they are slow enough to stand still, (T, 2) bool.
    """
    return ankles[..., 1], slower(ankles, STILL_M_S, frame_time_seconds)


def decide_still(height: Array, slow: np.ndarray, frame_time_seconds: float) -> np.ndarray:
    """What `measure_still` gives for a whole clip -> (T, 2) bool, see `find_still`."""
    if len(height) < 2:
        return np.zeros(height.shape, dtype=bool)
    low = height - lowest_stand(height) < STILL_HEIGHT_M
    shortest = max(1, round(STILL_SECONDS / frame_time_seconds))
    return remove_short_segments(slow & low, shortest, values=(True,))


def lowest_stand(height: Array) -> float:
    """height: (T, 2) metres of both ankles in a whole clip -> where the lower one stands."""
    return float(percentile(height, 5.0, axis=0).min())


def slower(position: Array, speed_m_s: float, frame_time_seconds: float) -> np.ndarray:
    """position: (T, K, 3) metres -> (T, K) bool. A single frame shows no speed and counts as
    slow.
    """
    if len(position) < 2:
        return np.ones(position.shape[:2], dtype=bool)
    velocity = np.gradient(position, frame_time_seconds, axis=0)
    return np.asarray(np.linalg.norm(velocity, axis=-1) < speed_m_s)
