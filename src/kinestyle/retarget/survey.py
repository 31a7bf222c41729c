"""What of a motion shows only when all of it is seen: contacts, locked feet, how high it stands.

Each of these is decided by a percentile, or by how long something lasts. What decides is a few
numbers a frame, gathered window by window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinestyle.motion.canonical import SIDES
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample_at, resample_vector, sample_times
from kinestyle.motion.rotation import Array
from kinestyle.motion.warp import warped_again
from kinestyle.motion.window import Motion, Progress, Window, WindowSize, gather, part_of_progress
from kinestyle.retarget.contacts import (
    decide_contacts,
    decide_still,
    measure_contacts,
    measure_contacts_at,
    measure_still,
)
from kinestyle.retarget.correspondence import (
    Correspondence,
    canonical_feet,
    to_canonical,
)
from kinestyle.retarget.features import FRAME_RATE, at_feature_rate
from kinestyle.retarget.foot_lock import feet_in_contact
from kinestyle.retarget.footsteps import floor_of
from kinestyle.retarget.ground import find_ground
from kinestyle.retarget.legs import leg_trajectories, y_up_position
from kinestyle.retarget.travel import carried_along


class FeatureFrames:
    """The frames of a motion at 30 a second, on the canonical skeleton.

    keeps_frames: whether these are the motion's own frames, see `at_feature_rate`
    """

    def __init__(self, motion: Motion) -> None:
        self.motion = motion
        rate = 1.0 / motion.frame_time_seconds
        self.keeps_frames = abs(rate / FRAME_RATE - 1.0) < 1e-3
        self._at_frame = None if self.keeps_frames else sample_times(motion, FRAME_RATE) * rate
        self.frame_count = motion.frame_count if self._at_frame is None else len(self._at_frame)

    def canonical(
        self, window: Window, correspondence: Correspondence, joints: Sequence[int] | None = None
    ) -> Clip:
        """The frames that a window reads.

        joints, correspondence: of the whole rig, or of a part of it
        """
        if self._at_frame is None:
            clip = self.motion.window(window.first, window.last, joints)
            return at_feature_rate(to_canonical(clip, correspondence))
        first, last = 0, self.motion.frame_count
        if (window.first, window.last) != (0, self.frame_count):
            first = int(self._at_frame[window.first])
            last = min(int(self._at_frame[window.last - 1]) + 2, last)
        canonical = to_canonical(self.motion.window(first, last, joints), correspondence)
        return resample_at(canonical, self._at_frame[window.read] - first, 1.0 / FRAME_RATE)


@dataclass(frozen=True, eq=False)
class Survey:
    """A motion of T frames, T30 of them at 30 a second.

    contact: (T, 4) bool, at the motion's own rate
    feature_contact: (T30, 4) bool
    locked: (T, 2) bool, left and right, when a foot is to be locked
    floors: for the left and the right leg, heights of ankle and pivot when they stand, file units
    travel_m: the larger extent of the path of the hips over the ground
    raised: (T, 2) bool, left and right, when a foot rests on more than the floor
    elevation: (T30,) metres of the lower foot above the floor: of the ground below it, and of jumps
    carried: (T,) 0 to 1, how much the body walks or runs, see `carried_along`
    """

    contact: np.ndarray
    feature_contact: np.ndarray
    locked: np.ndarray
    floors: tuple[tuple[float, float], ...]
    travel_m: float
    raised: np.ndarray
    elevation: Array
    carried: Array

    @property
    def on_any_ground(self) -> Survey:
        """The same with feet locked on stairs and platforms as well."""
        return replace(self, locked=self.locked | self.raised)

    def at(self, moments: Array, frames: FeatureFrames) -> Survey:
        """The same of the motion sampled at (M,) fractional frame numbers: a foot stands when it
        stood. frames: of the sampled motion
        """
        nearest = np.clip(moments.round().astype(int), 0, len(self.contact) - 1)
        at_30 = moments
        if not frames.keeps_frames:
            rate = FRAME_RATE * frames.motion.frame_time_seconds
            at_30 = warped_again(moments, np.arange(frames.frame_count) / rate) * rate
        nearest_30 = np.clip(at_30.round().astype(int), 0, len(self.feature_contact) - 1)
        return replace(
            self,
            contact=self.contact[nearest],
            feature_contact=self.feature_contact[nearest_30],
            locked=self.locked[nearest],
            raised=self.raised[nearest],
            elevation=resample_vector(self.elevation, at_30),
            carried=resample_vector(self.carried, moments),
        )


def survey(
    motion: Motion,
    correspondence: Correspondence,
    size: WindowSize,
    progress: Progress | None = None,
) -> Survey:
    """Look at the legs of a whole motion."""
    joints, legs = correspondence.legs
    frames = FeatureFrames(motion)
    frame_time = 1.0 / FRAME_RATE if frames.keeps_frames else motion.frame_time_seconds

    def measure(window: Window) -> tuple[np.ndarray, ...]:
        clip = motion.window(window.first, window.last, joints)
        contact = measure_contacts_at(canonical_feet(clip, legs), frame_time)
        both = leg_trajectories(clip, legs)
        ankles = np.stack([leg.foot for leg in both], axis=1)
        still = measure_still(ankles * legs.scale_to_canonical, clip.frame_time_seconds)
        heights = np.stack([y[:, 1] for leg in both for y in (leg.foot, leg.pivot)], axis=1)
        hips = y_up_position(clip, legs, "hips")[:, [0, 2]]
        return tuple(found[window.core] for found in (*contact, *still, heights, hips))

    def measure_at_feature_rate(window: Window) -> tuple[np.ndarray, ...]:
        found = measure_contacts(frames.canonical(window, legs, joints))
        return tuple(values[window.core] for values in found)

    # with a frame on either side, which shows speeds
    windows = size.cut(motion.frame_count, motion.frame_time_seconds, 1)
    above, slow, ankle_height, still, heights, hips = gather(
        windows, measure, part_of_progress(progress, 0.0, 1.0 if frames.keeps_frames else 0.5)
    )
    contact = feature_contact = decide_contacts(above, slow, frame_time)
    ground = feature_ground = find_ground(above, slow, frame_time)
    if not frames.keeps_frames:
        windows = size.cut(frames.frame_count, 1.0 / FRAME_RATE, 1)
        above, slow = gather(windows, measure_at_feature_rate, part_of_progress(progress, 0.5, 1.0))
        feature_contact = decide_contacts(above, slow, 1.0 / FRAME_RATE)
        feature_ground = find_ground(above, slow, 1.0 / FRAME_RATE)
    still = decide_still(ankle_height, still, motion.frame_time_seconds)
    return Survey(
        contact,
        feature_contact,
        feet_in_contact(contact) | still,
        tuple(
            (floor_of(heights[:, 2 * k]), floor_of(heights[:, 2 * k + 1]))
            for k in range(len(SIDES))
        ),
        float(np.ptp(hips, axis=0).max() * correspondence.scale_to_canonical),
        ground.raised,
        feature_ground.height + feature_ground.flight,
        carried_along(
            hips * correspondence.scale_to_canonical, ground.flight, motion.frame_time_seconds
        ),
    )
