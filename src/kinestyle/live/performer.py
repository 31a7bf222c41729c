"""The frames of a performer: as they came, in the world, and on the canonical skeleton."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor
from typing import NamedTuple

import numpy as np

from kinestyle.live.calibration import Calibration
from kinestyle.live.track import Track
from kinestyle.motion import rotation
from kinestyle.motion.canonical import HIPS
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample_at, resample_rotation, resample_vector
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import few_in_world
from kinestyle.retarget.contacts import CONTACT_JOINTS
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.retarget.features import FRAME_RATE

WILD_RADIANS, WILD_RADIANS_S = 0.3, 40.0
"""A joint that turns by more than so much, and so much a second, from one frame to the next was
not seen right: hands of people reach half of that."""

WILD_M, WILD_M_S = 0.3, 20.0
"""The same for the place of the hips."""

CUT_SECONDS = 0.25
"""After so long of such frames the performer is believed to be there now, as after a cut."""

_ALIKE = 1e-6

_ROUNDED = 1e-12


class Frame(NamedTuple):
    """One frame of a rig: as `Clip`, (J, 3) and (J, 4)."""

    local_position: Array
    local_rotation: Array


class Performer:
    """What came of a performer, of which the last seconds are kept.

    lost, refused: how many frames did not come, and how many came and could not be believed
    feature_count: how many frames there are at 30 a second
    """

    def __init__(self, calibration: Calibration, seconds: float) -> None:
        self.calibration = calibration
        self.frame_time = calibration.frame_time_seconds
        self.lost = self.refused = self.feature_count = 0
        self._given = Track(ceil(seconds / self.frame_time))
        self._features = Track(ceil(seconds * FRAME_RATE))
        self._good: Frame | None = None
        self._missing = 0
        wild = min(WILD_RADIANS + WILD_RADIANS_S * self.frame_time, np.pi)
        self._least_near = float(np.cos(0.5 * wild)) ** 2 - _ROUNDED
        self._poses: dict[tuple[int, ...], Clip] = {}
        """The pose of the calibration, of some joints."""
        self.known = 0
        """Frames whose places in the world are up to date, see `look`."""

    @property
    def count(self) -> int:
        """How many frames there were, those that were lost among them."""
        return self._given.stop

    @property
    def first(self) -> int:
        """The first frame that is still there."""
        return self._given.first

    @property
    def first_feature(self) -> int:
        """The same at 30 frames a second."""
        return self._features.first

    def push(self, frame: Frame | None, left: int) -> None:
        """frame: the next one; None where it was lost, for which the performer stands still

        left: the first frame that did not leave yet; those that are missing from there on are put
            between their neighbours as soon as the next one comes
        """
        if frame is not None and not self._is_believed(frame):
            self.refused += 1
            frame = None
        elif frame is None:
            self.lost += 1
        if frame is None:
            assert self._good is not None, "a stream begins with a frame"
            self._missing += 1
            self._put(self.count, *(rows[None] for rows in self._good))
            return
        if self._missing:
            self._fill(frame, max(self.count - self._missing, left))
        self._good, self._missing = frame, 0
        self._put(self.count, *(rows[None] for rows in frame))

    def believes_first(self, frame: Frame) -> bool:
        """Whether a stream can begin with this frame; else it is counted as refused."""
        believed = self._is_believed(frame)
        self.refused += not believed
        return believed

    def _put(self, start: int, position: Array, turned: Array) -> None:
        turned = np.asarray(turned, dtype=float)
        self._given.put(start, position=np.asarray(position, dtype=float), rotation=turned)
        self.known = min(self.known, start)

    def _fill(self, frame: Frame, start: int) -> None:
        """The frames from `start` on were lost; `frame` is the one behind them."""
        count = self.count - start
        if count <= 0 or start == 0:
            return
        share = np.arange(1, count + 1) / (count + 1.0)
        before = (self._given.rows(name, start - 1, start)[0] for name in ("position", "rotation"))
        position, turned = (np.stack(pair) for pair in zip(before, frame, strict=True))
        self._put(start, resample_vector(position, share), resample_rotation(turned, share))

    def _is_believed(self, frame: Frame) -> bool:
        pose = self.calibration.pose
        for rows, wanted in zip(frame, (pose.local_position, pose.local_rotation), strict=True):
            if np.shape(rows) != wanted.shape[1:] or not np.isfinite(rows).all():
                return False
        squared = rotation.dot(turned := np.asarray(frame.local_rotation), turned)
        if squared.min() < 0.81 or squared.max() > 1.21:
            return False
        if self._good is None or self._missing * self.frame_time >= CUT_SECONDS:
            return True
        c = self.calibration.correspondence
        was, now = self._good.local_rotation[c.joints], turned[c.joints]
        # the cosine of half the angle between them: less than that of half the most
        near = rotation.dot(was, now) ** 2 / (rotation.dot(was, was) * squared[c.joints])
        if near.min() < self._least_near:
            return False
        movers = [*c.root_motion_joints]
        moved = frame.local_position[movers] - self._good.local_position[movers]
        far = rotation.length(moved).max() * c.scale_to_canonical
        return bool(far <= WILD_M + WILD_M_S * self.frame_time)

    def look(self) -> None:
        """Find where the new frames are in the world, and those at 30 a second."""
        start, count = self.known, self.count
        if start == count:
            return
        c = self.calibration.correspondence
        clip = self.clip(start, count)
        clip.with_world(*few_in_world(clip.skeleton, clip.local_position, clip.local_rotation))
        canonical = to_canonical(clip, c)
        contacts = canonical.world_position[:, CONTACT_JOINTS]
        self._given.put(
            start,
            position=clip.local_position.copy(),
            rotation=clip.local_rotation.copy(),
            world_position=clip.world_position,
            world_rotation=clip.world_rotation,
            contacts=contacts,
        )
        self.known = count
        self._look_at_features(start, canonical)

    def _look_at_features(self, start: int, canonical: Clip) -> None:
        """Find the frames at 30 a second that need frames from `start` on.

        canonical: these frames on the canonical skeleton
        """
        step = 1.0 / (FRAME_RATE * self.frame_time)
        if abs(step - 1.0) < 1e-3:
            step = 1.0
        first = min(self.feature_count, max(0, floor((start - 1) / step + _ALIKE) + 1))
        last = floor((self.count - 1) / step + _ALIKE) + 1
        if last <= first:
            return
        at = np.arange(first, last) * step
        low = max(floor(at[0] + _ALIKE), self.first)
        if low < start:
            high = min(ceil(at[-1] - _ALIKE) + 1, self.count)
            clip = self.clip(low, high)
            canonical = to_canonical(clip, self.calibration.correspondence)
            start = low
        nearest = np.rint(at)
        if (np.abs(at - nearest) < _ALIKE).all():
            canonical = canonical.sample(nearest.astype(int) - start)
        else:
            canonical = resample_at(canonical, at - start, 1.0 / FRAME_RATE)
        self._features.put(
            first,
            rotation=np.ascontiguousarray(canonical.world_rotation),
            hips=canonical.world_position[:, HIPS],
        )
        self.feature_count = last

    def clip(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """Frames of the rig, or of some of its joints."""
        names = ["position", "rotation"]
        if stop <= self.known:
            names += ["world_position", "world_rotation"]
        rows = [self._given.rows(name, start, stop) for name in names]
        pose = self.calibration.pose
        if joints is not None:
            rows = [each[:, joints] for each in rows]
            pose = self._pose_of(tuple(joints))
        clip = pose.with_motion(rows[0], rows[1])
        return clip.with_world(rows[2], rows[3]) if len(rows) > 2 else clip

    def _pose_of(self, joints: tuple[int, ...]) -> Clip:
        """The pose of the calibration, of some joints."""
        if joints not in self._poses:
            pose, some = self.calibration.pose, list(joints)
            self._poses[joints] = replace(
                pose,
                skeleton=pose.skeleton.only(some),
                local_position=pose.local_position[:, some],
                local_rotation=pose.local_rotation[:, some],
                source=None,
            )
        return self._poses[joints]

    def contacts(self, start: int, stop: int) -> Array:
        """(N, 4, 3) metres, of the joints of `CONTACT_JOINTS` on the canonical skeleton."""
        return self._given.rows("contacts", start, stop)

    def features(self, start: int, stop: int) -> tuple[Array, Array]:
        """At 30 frames a second, world rotations (N, 21, 4) and the hips (N, 3) on the canonical
        skeleton.
        """
        return self._features.rows("rotation", start, stop), self._features.rows(
            "hips", start, stop
        )
