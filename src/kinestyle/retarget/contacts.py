"""When is a foot planted: low and slow, on the canonical skeleton.

A joint of a foot is in contact while it is at most `HEIGHT_M` above where that joint stands when
the foot is flat, and moves at most `SPEED_M_S`; runs and gaps shorter than `SHORTEST_SECONDS` are
closed. Where it stands is read from the clip (its lowest height, the two sides alike), because
ankles are modelled at different heights, but at most `TALLEST_M` above the rest pose, so that a
foot that never comes down is not called planted. The thresholds are in metres and seconds, so
that the frame rate of a clip does not change the answer.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import forward_kinematics

CONTACT_JOINTS = np.array(
    [CANONICAL.index(name) for name in ("left_foot", "left_toe", "right_foot", "right_toe")]
)
"""The four joints whose contact the features hold: left ankle and toe, right ankle and toe."""

HEIGHT_M = 0.06
SPEED_M_S = 0.45
SHORTEST_SECONDS = 0.1
TALLEST_M = 0.10
STILL_HEIGHT_M, STILL_M_S, STILL_SECONDS = 0.2, 0.3, 0.2

_REST, _ = forward_kinematics(
    CANONICAL, CANONICAL.offsets, np.tile(rotation.IDENTITY, (CANONICAL.joint_count, 1))
)
CONTACT_REST_HEIGHT_M = _REST[CONTACT_JOINTS, 1]


def find_contacts(canonical: Clip) -> np.ndarray:
    """A clip on the canonical skeleton, floor at 0 -> (T, 4) bool for the joints of
    `CONTACT_JOINTS`.
    """
    position = canonical.world_position[:, CONTACT_JOINTS]
    above_rest = position[..., 1] - CONTACT_REST_HEIGHT_M
    standing = np.percentile(above_rest, 5.0, axis=0).reshape(2, 2).min(axis=0)
    low = above_rest - np.tile(np.clip(standing, 0.0, TALLEST_M), 2) < HEIGHT_M
    if canonical.frame_count < 2:
        return low
    velocity = np.gradient(position, canonical.frame_time_seconds, axis=0)
    slow = np.linalg.norm(velocity, axis=-1) < SPEED_M_S
    return _close_short_runs(slow & low, max(1, round(SHORTEST_SECONDS * canonical.frame_rate)))


def find_still(ankles: Array, frame_time_seconds: float) -> np.ndarray:
    """ankles: (T, 2, 3) metres, Y up -> (T, 2) bool: the foot stands still, be it on its tips or on
    a thing.

    This is for holding feet only, it is no contact: a foot may be still in the air. Higher than
    `STILL_HEIGHT_M` above where the lower one stands it is left to move.
    """
    if len(ankles) < 2:
        return np.zeros(ankles.shape[:2], dtype=bool)
    low = ankles[..., 1] - np.percentile(ankles[..., 1], 5.0, axis=0).min() < STILL_HEIGHT_M
    slow = np.linalg.norm(np.gradient(ankles, frame_time_seconds, axis=0), axis=-1) < STILL_M_S
    return _close_short_runs(
        slow & low, max(1, round(STILL_SECONDS / frame_time_seconds)), values=(True,)
    )


def _close_short_runs(
    contact: np.ndarray, shortest: int, values: tuple[bool, ...] = (False, True)
) -> np.ndarray:
    """contact: (T, K) bool -> the same with gaps (False), then runs (True), shorter than `shortest`
    frames removed.
    """
    result = contact.copy()
    for value in values:
        for column in result.T:
            for start, stop in segments(column == value):
                if stop - start < shortest and start > 0 and stop < len(column):
                    column[start:stop] = not value
    return result


def segments(mask: np.ndarray) -> list[tuple[int, int]]:
    """mask: (T,) bool -> the [start, stop) of each unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
