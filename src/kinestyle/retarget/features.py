"""The numbers a network sees: 260 a frame, heading removed (Guo et al. 2024, following their
21-joint representation).

`FeatureLayout` names the slices. Nothing else in the project knows the index of a feature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS, MIRROR, SIDES, canonical_clip
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time
from kinestyle.retarget.contacts import CONTACT_JOINTS, find_contacts

FRAME_RATE = 30.0
"""Frames a second of all features."""

HEADING_SMOOTHING_SECONDS = 0.2

FEATURE_REACH = 1 + int(np.ceil(3.0 * HEADING_SMOOTHING_SECONDS * FRAME_RATE))
"""How many frames before and after a frame decide its features, contacts aside."""


@dataclass(frozen=True)
class FeatureLayout:
    """Names and sizes of the feature slices, in order; stored with prepared data and released
    models.
    """

    sizes: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        return sum(size for _, size in self.sizes)

    def __getitem__(self, name: str) -> slice:
        """The slice of one group. Raises KeyError for a name that is not there."""
        start = 0
        for group, size in self.sizes:
            if group == name:
                return slice(start, start + size)
            start += size
        raise KeyError(
            f"no feature group {name!r}; the layout has "
            f"{', '.join(group for group, _ in self.sizes)}"
        )

    def only(self, *names: str) -> np.ndarray:
        """The indices of the features in the named groups."""
        return np.concatenate([np.arange(self.size)[self[name]] for name in names])

    def without(self, *names: str) -> np.ndarray:
        """The indices of all features except the named groups."""
        keep = np.ones(self.size, dtype=bool)
        for name in names:
            keep[self[name]] = False
        return np.flatnonzero(keep)


_J = CANONICAL.joint_count
LAYOUT = FeatureLayout(
    (
        ("root_yaw_velocity", 1),
        ("root_xz_velocity", 2),
        ("root_height", 1),
        ("joint_position", 3 * _J),
        ("joint_rotation", 6 * _J),
        ("joint_velocity", 3 * _J),
        ("foot_contact", len(CONTACT_JOINTS)),
    )
)
"""Radians and metres a frame, metres, metres, none (6-D), metres a frame, 0 or 1."""


def heading(canonical: Clip) -> Array:
    """A canonical clip -> (T,) radians about +Y from +Z: the direction the body faces, smoothed
    over time.

    Facing is square to the vectors across hips and shoulders.
    """
    position = canonical.world_position
    left, right = (
        position[:, [CANONICAL.index(f"{side}_{limb}") for limb in ("thigh", "upper_arm")]]
        for side in SIDES
    )
    across = (left - right).sum(axis=1)
    facing = np.stack([-across[:, 2], across[:, 0]], axis=-1)  # across x up, as (x, z)
    sigma = HEADING_SMOOTHING_SECONDS * canonical.frame_rate
    smooth = smooth_in_time(rotation.normalize(facing), sigma)
    return np.arctan2(smooth[:, 0], smooth[:, 1])


def at_feature_rate(canonical: Clip) -> Clip:
    """The clip at 30 frames a second; one within a thousandth of it (files say 0.0333333 s) keeps
    its frames.
    """
    if canonical.frame_time_seconds == 1.0 / FRAME_RATE:
        return canonical  # the same object keeps what it has computed already
    if abs(canonical.frame_rate / FRAME_RATE - 1.0) < 1e-3:
        return replace(canonical, frame_time_seconds=1.0 / FRAME_RATE)
    return resample(canonical, FRAME_RATE)


def clip_to_features(
    canonical: Clip,
    contact: np.ndarray | None = None,
    facing: Array | None = None,
    heading_free: Array | None = None,
) -> Array:
    """A clip on the canonical skeleton -> (T', 260) features at 30 frames a second. Velocities are
    to the next frame.

    contact: (T', 4) what `find_contacts` finds at 30 frames a second, where that is known already,
        as for a window of a longer clip
    facing: (T',) radians, what `heading` finds, where that is known already
    heading_free: (T', 21, 4) what `without_heading` makes, where that is known already
    """
    canonical = at_feature_rate(canonical)
    frames = canonical.frame_count
    yaw = heading(canonical) if facing is None else facing
    position = canonical.world_position
    root = position[:, HIPS]
    ground = root * np.array([1.0, 0.0, 1.0])
    features = np.empty((frames, LAYOUT.size))
    features[:, LAYOUT["root_yaw_velocity"]] = rotation.wrap(_to_next(yaw))[:, None]
    features[:, LAYOUT["root_xz_velocity"]] = rotation.turn_about_y(-yaw, _to_next(root))[:, [0, 2]]
    features[:, LAYOUT["root_height"]] = root[:, 1:2]
    relative = rotation.turn_about_y(-yaw[:, None], position - ground[:, None])
    features[:, LAYOUT["joint_position"]] = relative.reshape(frames, -1)
    if heading_free is None:
        heading_free = without_heading(canonical, yaw)
    sixd = features[:, LAYOUT["joint_rotation"]].reshape(frames, _J, 6)  # the same memory
    rotation.to_sixd(heading_free, out=sixd)
    velocity = rotation.turn_about_y(-yaw[:, None], _to_next(position))
    features[:, LAYOUT["joint_velocity"]] = velocity.reshape(frames, -1)
    features[:, LAYOUT["foot_contact"]] = find_contacts(canonical) if contact is None else contact
    return features


def without_heading(canonical: Clip, facing: Array) -> Array:
    """A canonical clip and its `heading`, (T,) radians -> (T, 21, 4) world rotations with that
    removed.
    """
    return rotation.multiply(rotation.about_y(-facing)[:, None], canonical.world_rotation)


def heading_free_rotation(features: Array) -> Array:
    """features: (..., 260) -> (..., 21, 4), world rotations with the heading removed."""
    sixd = features[..., LAYOUT["joint_rotation"]]
    # component by component, and joint by joint in memory, as all that is done with them
    apart = np.ascontiguousarray(np.moveaxis(sixd, -1, 0), dtype=float)
    return rotation.from_sixd(np.moveaxis(apart.reshape(_J, 6, *sixd.shape[:-1]), (0, 1), (-2, -1)))


_VECTOR_SIGNS = np.array([-1.0, 1.0, 1.0])
_SIXD_SIGNS = np.array([1.0, -1.0, -1.0, -1.0, 1.0, 1.0])
"""Of both columns of M R M with M = diag(-1, 1, 1)."""


def _mirror() -> tuple[np.ndarray, Array]:
    order, sign = np.arange(LAYOUT.size), np.ones(LAYOUT.size)
    sign[LAYOUT["root_yaw_velocity"]] = -1.0
    sign[LAYOUT["root_xz_velocity"]] = [-1.0, 1.0]
    for group, signs in (
        ("joint_position", _VECTOR_SIGNS),
        ("joint_rotation", _SIXD_SIGNS),
        ("joint_velocity", _VECTOR_SIGNS),
    ):
        order[LAYOUT[group]] = order[LAYOUT[group]].reshape(_J, -1)[MIRROR].reshape(-1)
        sign[LAYOUT[group]] = np.tile(signs, _J)
    order[LAYOUT["foot_contact"]] = np.roll(order[LAYOUT["foot_contact"]], 2)
    return order, sign


_MIRROR_ORDER, _MIRROR_SIGN = _mirror()


def mirror_features(features: Array) -> Array:
    """features: (..., 260) -> those of the motion seen in a mirror."""
    return np.take(features, _MIRROR_ORDER, axis=-1) * _MIRROR_SIGN.astype(features.dtype)


def pad_last(features: Array, frames: int) -> Array:
    """features: (T, 260) -> (frames, 260), the last frame repeated without velocity; `frames` of T
    or less change nothing.
    """
    if frames <= len(features):
        return features
    padding = np.repeat(features[-1:], frames - len(features), axis=0)
    for group in ("root_yaw_velocity", "root_xz_velocity", "joint_velocity"):
        padding[:, LAYOUT[group]] = 0.0
    return np.concatenate([features, padding])


def features_to_clip(
    features: Array, start_heading: float = 0.0, start_xz: Array | None = None
) -> Clip:
    """features: (T, 260) -> a canonical clip at 30 frames a second, from rotations and integrated
    root velocities.

    start_heading: radians, start_xz: (2,) metres, where the clip begins
    """
    yaw_velocity = features[:, LAYOUT["root_yaw_velocity"]][:, 0]
    yaw = start_heading + _integrate(yaw_velocity)
    facing = rotation.about_y(yaw)
    step = np.zeros((len(features), 3))
    step[:, [0, 2]] = features[:, LAYOUT["root_xz_velocity"]]
    root = _integrate(rotation.rotate(facing, step))
    if start_xz is not None:
        root[:, [0, 2]] += start_xz
    root[:, 1] = features[:, LAYOUT["root_height"]][:, 0]
    world = rotation.multiply(facing[:, None], heading_free_rotation(features))
    return canonical_clip(root, world, 1.0 / FRAME_RATE)


def _to_next(values: Array) -> Array:
    """values: (T, ...) -> differences to the next frame; the last is repeated."""
    if len(values) < 2:
        return np.zeros_like(values)
    step = np.diff(values, axis=0)
    return np.concatenate([step, step[-1:]], axis=0)


def _integrate(step: Array) -> Array:
    """step: (T, ...) -> running sums that start at zero."""
    return np.concatenate([np.zeros_like(step[:1]), np.cumsum(step[:-1], axis=0)], axis=0)
