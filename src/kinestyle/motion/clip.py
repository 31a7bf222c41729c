"""A clip of motion: a skeleton, how it moves, and what its file says beyond that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np

from kinestyle.errors import ClipError, MotionFileError, wrong_type
from kinestyle.motion import display, paged
from kinestyle.motion.rotation import Array, rotate
from kinestyle.motion.skeleton import (
    Skeleton,
    local_to_world_rotation,
    place_joints,
)


@dataclass(frozen=True)
class StatedWorld:
    """What a file, or who reads it, states of the world its numbers are in. None is what is not
    stated; BVH states nothing.

    metres_per_unit: length of one unit of its positions
    up: (3,) signed unit axis that points up
    tilted: whether the floor is not square to `up`, as in a camera's world
    mirrored: whether the joints named for the left side are on the right, as in mirrored captures
    """

    metres_per_unit: float | None = None
    up: tuple[float, float, float] | None = None
    tilted: bool | None = None
    mirrored: bool | None = None


class Animation(NamedTuple):
    """One of the animations that a file holds.

    name: no two of a file are alike; seconds: its length; moves: whether any joint moves in it
    """

    name: str
    seconds: float
    moves: bool


_STILL = 1e-5
"""How much a position may differ, as a share of its size or of 1, and a quaternion's component, of
a joint that does not move.
"""

_PARTS_KEPT, _PARTS_FRAMES = 2, 7200
"""Clips of some of a clip's joints that it keeps, of its body and of the legs, where it has at most
so many frames."""

UNSTATED = StatedWorld()
METRES_Y_UP = StatedWorld(1.0, (0.0, 1.0, 0.0))
"""The world of every glTF file."""


@dataclass(frozen=True, eq=False)
class Clip:
    """T frames of motion of a rig, in the units and axes of its file. Axes are right-handed: the
    reader of a left-handed file mirrors what it reads.

    local_position: (T, J, 3) from the parent, in the parent's frame; of the root, its position in
        the world
    local_rotation: (T, J, 4) unit quaternions wxyz, relative to the parent
    frame_time_seconds: time from one frame to the next
    name: what the clip is called in messages and pictures
    source: what the file format needs to write the clip back as it was (such as a `bvh.BvhLayout`);
        None for a clip made here
    warnings: what the reader found odd but could read
    world: what the file states of its units and axes
    animations: those that the file holds, none for formats that have none
    animation: the name of the one that this motion is. A writer that keeps the clip's file replaces
        that one; under another name it adds one to the file; for "", of a motion from elsewhere,
        one that is called as the clip
    roles: role, a name of the canonical skeleton, -> joint, as far as the file states them
    characters: names of the skeletons or persons in the file, where there are several
    character: the number of the one that was read, from 1 on
    base: another motion of the rig, frame for frame, over which this one is written as a layer, see
        `kinestyle.motion.layer`; None for a motion that is written itself
    """

    skeleton: Skeleton
    local_position: Array
    local_rotation: Array
    frame_time_seconds: float
    name: str = "clip"
    source: Any = None
    warnings: tuple[str, ...] = field(default=())
    world: StatedWorld = UNSTATED
    animations: tuple[Animation, ...] = ()
    animation: str = ""
    characters: tuple[str, ...] = ()
    character: int = 1
    roles: Mapping[str, str] = field(default_factory=dict)
    base: Clip | None = None

    def __post_init__(self) -> None:
        shape = (*self.local_rotation.shape[:1], self.skeleton.joint_count)
        assert self.local_rotation.shape == (*shape, 4), (
            f"local_rotation has shape {self.local_rotation.shape}, wanted {(*shape, 4)}"
        )
        assert self.local_position.shape == (*shape, 3), (
            f"local_position has shape {self.local_position.shape}, wanted {(*shape, 3)}"
        )
        assert self.frame_time_seconds > 0, (
            f"frame time is {self.frame_time_seconds} s, wanted more than 0"
        )

    @property
    def frame_count(self) -> int:
        """T."""
        return len(self.local_rotation)

    def __len__(self) -> int:
        """How many frames there are."""
        return self.frame_count

    def __bool__(self) -> bool:
        """A clip is one, also without frames."""
        return True

    def __getitem__(self, frames: int | slice) -> Clip:
        """Frames of this clip as one: `clip[10:50]`, `clip[::2]` at half the rate, `clip[-1]`.

        Raises IndexError for a frame that it does not have, ClipError for an order that is not that
        of time.
        """
        if not isinstance(frames, slice):
            try:
                frame = range(self.frame_count)[frames]
            except TypeError:
                raise wrong_type(
                    "a frame of a clip", frames, "a whole number, or a slice such as 10:50"
                ) from None
            return self.window(frame, frame + 1)
        start, stop, step = frames.indices(self.frame_count)
        if step < 0:
            raise ClipError(
                f"the frames of {self.name} are asked for backwards; give a step above 0"
            )
        if step == 1:
            return self.window(start, max(start, stop))
        taken = self.sample(np.arange(start, stop, step))
        return replace(taken, frame_time_seconds=self.frame_time_seconds * step, base=None)

    def seconds(self, start: float | None = None, stop: float | None = None) -> Clip:
        """The frames from one time to another, both included, in seconds from the first frame on.

        Raises ClipError for times between which the clip has no frame.
        """
        last = self.frame_count - 1
        first = 0 if start is None else max(0, round(start / self.frame_time_seconds))
        end = last if stop is None else min(last, round(stop / self.frame_time_seconds))
        if first > end:
            begin = "its beginning" if start is None else f"{start:g} s"
            until = "its end" if stop is None else f"{stop:g} s"
            raise ClipError(
                f"{self.name} has no frame from {begin} to {until}; it lasts "
                f"{self.duration_seconds:.4g} s"
            )
        return self.window(first, end + 1)

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return 1.0 / self.frame_time_seconds

    @property
    def duration_seconds(self) -> float:
        """From the first frame to the last."""
        return (self.frame_count - 1) * self.frame_time_seconds

    @property
    def is_finite(self) -> bool:
        """Whether all positions and rotations are finite numbers, as those from files are."""
        both = self.local_position, self.local_rotation
        return all(bool(np.isfinite(part).all()) for values in both for part in paged.parts(values))

    @property
    def is_still(self) -> bool:
        """Whether no joint moves from the first frame to the last."""
        return not is_moving(self.local_position, self.local_rotation)

    @cached_property
    def world_position(self) -> Array:
        """(T, J, 3) joint positions in the file's units and axes."""
        return place_joints(self.skeleton, self.local_position, self.world_rotation)

    @cached_property
    def world_rotation(self) -> Array:
        """(T, J, 4) joint rotations in the file's axes."""
        return local_to_world_rotation(self.skeleton, self.local_rotation)

    def position_of(self, joint: int) -> Array:
        """(T, 3) the world position of one joint: those of all others are not computed for it."""
        if "world_position" in self.__dict__:
            return self.world_position[:, joint]
        place, _ = self.joint(joint)
        for above in self.skeleton.ancestors(joint):
            position, turned = self.joint(above)
            place = position + rotate(turned, place)
        return place

    def with_world(self, world_position: Array, world_rotation: Array) -> Self:
        """This very clip, for which (T, J, 3) and (T, J, 4) need not be computed any more."""
        # where `cached_property` keeps what it has computed
        self.__dict__.update(world_position=world_position, world_rotation=world_rotation)
        return self

    def _with_world_of(self, clip: Clip, *part: Any) -> Self:
        """This very clip, with what is known of another one in the world, of which it is a part;
        part: the indices of that, one after the other
        """
        for name in ("world_position", "world_rotation"):
            known = clip.__dict__.get(name)
            if known is not None:
                for some in part:
                    known = known[some]
                self.__dict__[name] = known
        return self

    def __repr__(self) -> str:
        return (
            f"<Clip {self.name}: {self.frame_count} frames at {self.frame_rate:.4g} a second, "
            f"{self.skeleton.joint_count} joints>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows where a clip is the value of a cell: a player."""
        return display.viewer().frame_html([self])

    def show(self, *others: Clip, labels: Sequence[str] | None = None) -> None:
        """Play this clip, and others beside it: below a notebook's cell or, outside a notebook, in
        the web browser.

        labels: a name for each clip, instead of its own
        """
        display.show(self, *others, labels=labels)

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """The frames from `start` up to, not including, `stop`: the clip itself where these are all
        its frames, else views of its arrays.

        joints: those that are wanted, ascending, each with all above it; None: all. A clip of some
            joints has no source.
        """
        whole = (start, stop) == (0, self.frame_count)
        if joints is None and whole:
            return self
        if joints is None or not whole or self.frame_count > _PARTS_FRAMES:
            return self._window(start, stop, joints)
        # a clip that is one window is asked for the same part again and again
        parts: dict[tuple[int, ...], Clip] = self.__dict__.setdefault("_parts", {})
        key = tuple(joints)
        if key not in parts:
            while len(parts) >= _PARTS_KEPT:
                parts.pop(next(iter(parts)))
            parts[key] = self._window(start, stop, joints)
        return parts[key]

    def _window(self, start: int, stop: int, joints: Sequence[int] | None) -> Clip:
        both = self.local_position, self.local_rotation
        position, rotation = (paged.taken(values[start:stop], joints) for values in both)
        base = None if self.base is None else self.base.window(start, stop, joints)
        if joints is None:
            part = getattr(self.source, "window", None)
            source = self.source if part is None else part(start, stop)
            found = replace(
                self, local_position=position, local_rotation=rotation, source=source, base=base
            )
        else:
            found = replace(
                self,
                skeleton=self.skeleton.only(joints),
                local_position=position,
                local_rotation=rotation,
                source=None,
                base=base,
            )
        every = () if joints is None else ((slice(None), joints),)
        return found._with_world_of(self, slice(start, stop), *every)

    def sample(self, frames: np.ndarray) -> Clip:
        """frames: (N,) int -> a clip of these frames only."""
        both = self.local_position, self.local_rotation
        sampled = self.with_motion(*(values[frames] for values in both))
        paged.give_back(*both)
        return sampled._with_world_of(self, frames)

    def joint(self, joint: int) -> tuple[Array, Array]:
        """(T, 3) and (T, 4), local position and rotation of one joint."""
        return paged.taken(self.local_position[:, joint]), paged.taken(
            self.local_rotation[:, joint]
        )

    def with_warnings(self, *more: str) -> Self:
        """The same clip with more to tell its user."""
        return replace(self, warnings=(*self.warnings, *more))._with_world_of(self)

    def with_animations(self, animations: tuple[Animation, ...], animation: str) -> Self:
        """The same clip with the animations of its file, and the name of the one that it is."""
        return replace(self, animations=animations, animation=animation)

    def with_motion(self, local_position: Array, local_rotation: Array) -> Clip:
        """The same rig and source with other motion: local_position (T, J, 3), local_rotation (T,
        J, 4).
        """
        return replace(self, local_position=local_position, local_rotation=local_rotation)


def is_moving(local_position: Array, local_rotation: Array) -> bool:
    """Whether any joint moves: local_position (T, J, 3), local_rotation (T, J, 4)."""
    allowed = _STILL * np.maximum(1.0, np.abs(local_position[:1]))
    # most motion shows it soon
    both = zip(paged.parts(local_position), paged.parts(local_rotation), strict=True)
    for position, rotation in both:
        if (np.abs(position - local_position[:1]) > allowed).any():
            return True
        # a quaternion and its negative are one rotation
        cosine = np.abs(np.einsum("tjk,jk->tj", rotation, local_rotation[0]))
        if (cosine < 1.0 - 0.5 * _STILL**2 - 1e-12).any():
            return True
    return False


def check_writable(clip: Clip, name: str, first_frame: int = 0) -> None:
    """Raises MotionFileError for a clip that no file can hold: one without frames, or with motion
    that is not finite. `name` is what the message calls the file, `first_frame` the number of the
    clip's first frame in it.
    """
    if not clip.frame_count:
        raise MotionFileError(
            f"{name} cannot be written: found a clip without frames, expected at least one"
        )
    for what, values in (("position", clip.local_position), ("rotation", clip.local_rotation)):
        frame = first_frame + 1
        for part in paged.parts(values):
            if not np.isfinite(part).all():
                at, joint = np.argwhere(~np.isfinite(part))[0][:2]
                where = f"frame {frame + at} of joint {clip.skeleton.names[joint]!r}"
                raise MotionFileError(
                    f"{name} cannot be written: found a {what} that is not finite at {where}, "
                    f"expected numbers"
                )
            frame += len(part)
