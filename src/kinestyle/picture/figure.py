"""A clip as pictures need it: a figure of round cones on a stage, whatever its rig, units, axes and
first heading were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kinestyle.errors import ClipError, RigError
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, STATURE_M, UP
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample_vector
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import tip_position
from kinestyle.picture.body import LEFT, MIDDLE, RIGHT, shape_of
from kinestyle.retarget.contacts import CONTACT_JOINTS, find_contacts
from kinestyle.retarget.correspondence import Correspondence, correspond, to_canonical
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.rig_file import Rig

__all__ = ["LEFT", "MIDDLE", "RIGHT", "Figure", "figure_of"]


@dataclass(frozen=True, eq=False)
class Figure:
    """T frames of a body of balls on the stage: metres, Y up, the floor at y = 0, at first over the
    origin and facing +Z.

    position: (T, P, 3) the middles of the balls; radius: (P,) metres
    cones: (C, 2) int, two balls each that a round cone joins; cone_side: (C,) int, LEFT, RIGHT or
        MIDDLE
    slabs: (S, 3) int, three balls each with skin stretched over them; slab_side: (S,)
    root: (T, 3) where the body is
    feet: (T, K, 3) and contact: (T, K) in [0, 1], where feet may be planted and whether they are
    note: a sentence where no body was found and plain bones are drawn; empty for a humanoid

    Raises ClipError when there is no frame or a position is not finite.
    """

    label: str
    position: Array
    radius: Array
    cones: np.ndarray
    cone_side: np.ndarray
    slabs: np.ndarray
    slab_side: np.ndarray
    root: Array
    feet: Array
    contact: Array
    frame_time_seconds: float
    note: str = ""

    def __post_init__(self) -> None:
        frames, count = len(self.position), len(self.cones)
        slabs = len(self.slabs)
        assert self.position.shape[2:] == (3,), (
            f"position has shape {self.position.shape}, wanted (T, P, 3)"
        )
        assert self.cones.shape == (count, 2) and count, (
            f"cones have shape {self.cones.shape}, wanted (C, 2), C > 0"
        )
        assert self.radius.shape == self.position.shape[1:2], (
            f"{self.position.shape[1]} points, {self.radius.shape} radii"
        )
        assert self.cone_side.shape == (count,), (
            f"cone_side has shape {self.cone_side.shape}, wanted {(count,)}"
        )
        assert self.slabs.shape == (slabs, 3), f"slabs have shape {self.slabs.shape}, wanted (S, 3)"
        assert self.slab_side.shape == (slabs,), (
            f"slab_side has shape {self.slab_side.shape}, wanted {(slabs,)}"
        )
        assert self.root.shape == (frames, 3), (
            f"root has shape {self.root.shape}, wanted {(frames, 3)}"
        )
        assert self.feet.shape == (*self.contact.shape, 3), (
            f"feet have shape {self.feet.shape}, contact {self.contact.shape}"
        )
        assert self.frame_time_seconds > 0, (
            f"frame time is {self.frame_time_seconds} s, wanted more than 0"
        )
        if not frames:
            raise ClipError(f"The clip {self.label!r} has no frames, so there is nothing to draw.")
        finite = np.isfinite(self.position).all(axis=(1, 2))
        if not finite.all():
            raise ClipError(
                f"Frame {int(np.argmin(finite))} of the clip {self.label!r} has a position that "
                f"is not finite."
            )

    @property
    def frame_count(self) -> int:
        return len(self.position)

    @property
    def duration_seconds(self) -> float:
        """From the first frame to the last."""
        return (self.frame_count - 1) * self.frame_time_seconds

    @cached_property
    def size_m(self) -> float:
        """About how tall the body is, also while it lies: from its usual reach from the root, so
        that a moment's outlier does not count.
        """
        reach = np.linalg.norm(self.position - self.root[:, None], axis=-1).max(axis=1)
        return float(np.clip(1.8 * np.median(reach), 0.5 * STATURE_M, 2.0 * STATURE_M))

    def at(self, seconds: Array) -> Figure:
        """The figure at other times, (N,) ascending seconds from its first frame; it stands still
        before the first and after the last.
        """
        step_seconds = (
            float(np.median(np.diff(seconds))) if len(seconds) > 1 else self.frame_time_seconds
        )
        at_frame = np.asarray(seconds, dtype=float) / self.frame_time_seconds
        resampled = (
            resample_vector(each, at_frame)
            for each in (self.position, self.root, self.feet, self.contact)
        )
        position, root, feet, contact = resampled
        return replace(
            self,
            position=position,
            root=root,
            feet=feet,
            contact=contact,
            frame_time_seconds=step_seconds,
        )


def figure_of(clip: Clip, label: str | None = None, rig: Rig | None = None) -> Figure:
    """The figure of a clip on any rig: a body where a human one is found, else plain bones and a
    note.

    rig: the clip's, where it is known. Raises ClipError, and RigError for a rig that does not fit.
    """
    label = clip.name if label is None else label
    if not clip.frame_count:
        raise ClipError(f"The clip {label!r} has no frames, so there is nothing to draw.")
    tips = tip_position(clip.skeleton, clip.world_position, clip.world_rotation)
    points = np.concatenate([clip.world_position, tips], axis=1)
    finite = np.isfinite(points).all(axis=(1, 2))
    if not finite.all():
        raise ClipError(
            f"Frame {int(np.argmin(finite))} of the clip {label!r} has a position that is not "
            f"finite."
        )
    try:
        correspondence = correspond(clip, map_joints(clip, rig))
    except RigError as error:
        if rig is not None:
            raise
        return _plain(clip, points, label, f"{label} is drawn as plain bones: {error}")
    return _body(clip, points, label, correspondence)


def _body(clip: Clip, joints: Array, label: str, c: Correspondence) -> Figure:
    roles = c.mapping.joints
    position = (rotation.rotate(c.axes, joints) - c.floor * UP) * c.scale_to_canonical
    canonical = to_canonical(clip, c)
    to_stage = _to_stage(
        *(
            position[0, roles[f"{side}_{role}"]]
            for role in ("thigh", "upper_arm")
            for side in ("left", "right")
        )
    )
    position = rotation.rotate(to_stage, position - position[0, roles["hips"]] * [1.0, 0.0, 1.0])
    shape = shape_of(
        clip.skeleton, position, roles, rotation.multiply(to_stage, canonical.world_rotation)
    )
    points, radius = np.stack(shape.points, axis=1), np.array(shape.radii)
    # the drawn soles stand on the floor: below some rigs' toes they are thicker than canonical ones
    sole = float(np.percentile((points[:, shape.soles, 1] - radius[shape.soles]).min(axis=1), 5.0))
    points, position = points - sole * UP, position - sole * UP
    contact = find_contacts(canonical).astype(float)
    feet = [CANONICAL.names[joint] for joint in CONTACT_JOINTS]
    mapped = [column for column, role in enumerate(feet) if role in roles]
    return Figure(
        label=label,
        position=points,
        radius=radius,
        cones=np.array(shape.cones),
        cone_side=np.array(shape.cone_side),
        slabs=np.array(shape.slabs).reshape(-1, 3),
        slab_side=np.array(shape.slab_side),
        root=position[:, roles["hips"]],
        feet=position[:, [roles[feet[column]] for column in mapped]] * [1.0, 0.0, 1.0],
        contact=contact[:, mapped],
        frame_time_seconds=clip.frame_time_seconds,
    )


def _to_stage(left_thigh: Array, right_thigh: Array, left_arm: Array, right_arm: Array) -> Array:
    """(4,) the rotation about +Y by which a body with these joints (3,) faces +Z."""
    across = rotation.normalize(left_thigh - right_thigh) + rotation.normalize(left_arm - right_arm)
    # facing +Z, left is +X
    return rotation.about_y(np.arctan2(across[2], across[0]))


PLAIN_RADIUS_SHARE = 0.012


def _plain(clip: Clip, points: Array, label: str, note: str) -> Figure:
    """Bones as lines of one thickness, scaled to the size of a person. Up is Y, and the floor is at
    the lowest point.
    """
    parents = np.concatenate([clip.skeleton.parents, clip.skeleton.end_parents])
    child = np.flatnonzero(parents >= 0)
    cones = (
        np.stack([parents[child], child], axis=-1) if len(child) else np.zeros((1, 2), dtype=int)
    )
    span = np.median(np.ptp(points, axis=1), axis=0)
    position = points * (STATURE_M / max(float(span.max()), 1e-9))
    centre = position.mean(axis=1)
    floor = float(np.percentile(position[..., 1].min(axis=1), 5.0))
    position = position - [centre[0, 0], floor, centre[0, 2]]
    return Figure(
        label=label,
        position=position,
        radius=np.full(position.shape[1], PLAIN_RADIUS_SHARE * STATURE_M),
        cones=cones,
        cone_side=np.zeros(len(cones), dtype=int),
        slabs=np.zeros((0, 3), dtype=int),
        slab_side=np.zeros(0, dtype=int),
        root=position.mean(axis=1),
        feet=np.zeros((len(position), 0, 3)),
        contact=np.zeros((len(position), 0)),
        frame_time_seconds=clip.frame_time_seconds,
        note=note,
    )
