"""How a rig's joints are rotated against the canonical ones, read from motion: the `align` of a
`Correspondence`.

Every mapped joint gets a constant rotation with which the canonical bone lies along the rig's bone,
and the canonical hinge of a knee or an elbow along the hinge about which the rig's limb bends.

Some directions can only be averaged over frames: the twist of a neck, the front of a head without a
tip. Such a direction snaps to the joint's own axis if one is near. An average alone would hide a
style such as a hanging head. That holds for rigs that are built along their axes. On others the
axes say nothing and the measured direction stands, as does a hinge that is seen to hold still on
any rig.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, FORWARD, LEFT, UP, part_of
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton

_SNAP_COSINE = np.cos(np.radians(40.0))
"""A direction snaps to an axis of its joint that is nearer than this."""

_BENT_SINE = np.sin(np.radians(12.0))
"""A limb that never bends more shows no hinge."""

_ALONG_COSINE = np.cos(np.radians(5.0))
"""A bone this near to an axis of its joint was built along it."""

_STEADY_HINGE, _LIKELY_HINGE = 0.98, 0.7
"""Steadiness of the axis of bending from which on it is taken as measured, and from which on it is
a hinge at all.
"""

_HINGE_SHARE = 0.8
"""A limb that overstretches bends about its hinge in both directions. With a smaller share of all
bending about one axis, it is noise.
"""

_TOP_COSINE, _ONWARD_COSINE, _FOOT_COSINE = 0.7, 0.3, 0.5
"""How far at least, in the mean of all frames, the end of a head lies along the neck, of a hand
along the forearm, of toes ahead, and of a foot ahead of its shin.
"""

_HINGE = {
    "left_upper_arm": ("left_forearm", "left_hand", -UP),
    "right_upper_arm": ("right_forearm", "right_hand", UP),
    "left_thigh": ("left_shin", "left_foot", LEFT),
    "right_thigh": ("right_shin", "right_foot", LEFT),
}
"""Upper bone -> lower bone, end, and the hinge about which the lower bone flexes, in the canonical
T-pose: the left forearm flexes forward (X x Z = -Y), both shins flex backward (-Y x -Z = X).
"""

_UPPER = {lower: upper for upper, (lower, _, _) in _HINGE.items()}
"""Lower bone -> upper bone of the limb."""


class Alignment:
    """Solves for `align`, one joint after the other, parents first.

    position: (F, J, 3), world_rotation: (F, J, 4) of sampled frames, already Y up
    """

    def __init__(
        self, skeleton: Skeleton, joints: Mapping[str, int], position: Array, world_rotation: Array
    ):
        self.skeleton, self.joints, self.position, self.world_rotation = (
            skeleton,
            joints,
            position,
            world_rotation,
        )
        self.align = np.tile(np.eye(3), (CANONICAL.joint_count, 1, 1))
        self.height = float(np.ptp(position[..., 1]))
        self.built_along_axes = self._built_along_axes()

    @cached_property
    def matrices(self) -> Array:
        """(F, J, 3, 3) of `world_rotation`: for as few frames as are sampled, what counts is how
        many operations there are.
        """
        return rotation.to_matrix(self.world_rotation)

    def solve(self) -> Array:
        """(21, 4) the constant rotations; identity for roles the rig lacks."""
        hinges: dict[str, Array | None] = {}
        self._set("hips", self._across("thigh", "hips"), LEFT, self._trunk_axis("hips"), UP)
        for name in CANONICAL.names[1:]:
            if name not in self.joints:
                continue
            bone, rest_bone = self._bone(name), self._rest_bone(name)
            if name in _HINGE:
                hinges[name] = self._hinge(name)
            limb = _UPPER.get(name, name)
            secondary, rest_secondary = self._secondary(name, rest_bone, limb, hinges.get(limb))
            if name.endswith(("_forearm", "_hand")):
                bone, secondary = self._as_in_parent(name, bone, secondary)
            self._set(name, bone, rest_bone, secondary, rest_secondary)
        return rotation.from_matrix(self.align)

    def _secondary(
        self, name: str, rest_bone: Array, limb: str, hinge: Array | None
    ) -> tuple[Array, Array]:
        """A second direction of a role, beside its bone: in its joint's own frame, and in the
        canonical rest pose.

        limb: the upper bone of its limb; hinge: (F, 3) as `_hinge` returns it for that limb
        """
        if hinge is not None:
            return self._mean_hinge(name, hinge), _HINGE[limb][2]
        if name == "chest":
            return self._across("upper_arm", "chest"), LEFT
        rest_secondary = LEFT
        if abs(rest_bone[0]) > 0.9:
            # along the arms: the front for a clavicle, the elbow's hinge for all others
            rest_secondary = FORWARD if name.endswith("clavicle") else _elbow_hinge(name)
        return self._carried(name, rest_bone, rest_secondary), rest_secondary

    def _set(
        self,
        name: str,
        primary: Array,
        rest_primary: Array,
        secondary: Array,
        rest_secondary: Array,
    ) -> None:
        of_rig, at_rest = _frame(primary, secondary), _frame(rest_primary, rest_secondary)
        self.align[CANONICAL.index(name)] = of_rig @ at_rest.T

    def _rest_bone(self, name: str) -> Array:
        """The canonical direction of a role's bone."""
        role = CANONICAL.index(name)
        child = self._next_role(name)
        if child is not None and child in self.joints:
            return rotation.normalize(CANONICAL.offsets[CANONICAL.index(child)])
        tip = np.flatnonzero(CANONICAL.end_parents == role)
        if len(tip):
            return rotation.normalize(CANONICAL.end_offsets[tip[0]])
        return rotation.normalize(CANONICAL.offsets[CANONICAL.index(self._next_role(name) or name)])

    def _next_role(self, name: str) -> str | None:
        """The role that continues a role's chain; None at the ends."""
        if name == "chest":
            return "neck" if "neck" in self.joints else "head"
        children = CANONICAL.children[CANONICAL.index(name)]
        return CANONICAL.names[children[0]] if children else None

    def _bone(self, name: str) -> Array:
        """The direction of a role's bone in its joint's own frame."""
        child = self._next_role(name)
        joint = self.joints[name]
        if child is not None and child in self.joints:
            vector = self.position[:, self.joints[child]] - self.position[:, joint]
            mean = self._mean_local(name, vector, snap=False)
            if rotation.length(vector).mean() > 1e-3 * self.height:
                return mean
        tip = self._tip(name)
        if tip is not None:
            return tip
        # no child and no tip: the canonical bone as the parent carries it, averaged over frames
        rest = self._rest_bone(name)
        if name.endswith(("_foot", "_toe")):
            # on the ground whatever the shin does
            ahead = rotation.normalize(
                self._parent_rotation(name) @ FORWARD * np.array([1.0, 0.0, 1.0])
            )
            return self._mean_local(name, ahead * rest[2] + UP * rest[1])
        return self._carried(name, rest, rest)

    def _tip(self, name: str) -> Array | None:
        """The direction to the end site of a role's joint, in the joint's frame; None where there
        is none with a length, or it cannot be the end of that part of the body.

        Exporters write end sites that mean nothing: a constant, or the last bone once more.
        """
        tip = np.flatnonzero(self.skeleton.end_parents == self.joints[name])
        if len(tip) == 0 or np.linalg.norm(self.skeleton.end_offsets[tip[0]]) < 1e-3 * self.height:
            return None
        direction = rotation.normalize(self.skeleton.end_offsets[tip[0]])
        return direction if self._is_end(name, direction) else None

    def _is_end(self, name: str, tip: Array) -> bool:
        """Whether a part of the body may end in this direction (3,), in the joint's frame. A part
        that is no end may have any.
        """
        part = part_of(name)
        if part == "head":
            return bool(np.dot(tip, self._carried(name, UP, UP)) > _TOP_COSINE)
        if part not in ("hand", "foot", "toe"):
            return True
        world, above = self.matrices[:, self.joints[name]] @ tip, self._parent_rotation(name)

        def along(canonical: Array) -> float:
            """The mean cosine with a direction that the bone above carries."""
            return float(np.mean(np.sum(world * (above @ canonical), axis=-1)))

        if part == "hand":
            return along(_outward(name)) > _ONWARD_COSINE
        if part == "toe":
            return along(FORWARD) > _ONWARD_COSINE
        return along(FORWARD) > _FOOT_COSINE

    def _parent_rotation(self, name: str) -> Array:
        """(F, 3, 3) canonical world rotation of the nearest role above that the rig has. It is
        solved already.
        """
        role = int(CANONICAL.parents[CANONICAL.index(name)])
        while CANONICAL.names[role] not in self.joints:
            role = int(CANONICAL.parents[role])
        return np.asarray(self.matrices[:, self.joints[CANONICAL.names[role]]] @ self.align[role])

    def _carried(self, name: str, rest_bone: Array, rest_vector: Array) -> Array:
        """(3,) a canonical vector as the role's parent carries it, swung with the bone but not
        twisted, averaged over frames.
        """
        parent = self._parent_rotation(name)
        vector: Array = parent @ rest_vector
        child = self._next_role(name)
        if (
            child is not None
            and child in self.joints
            and not np.array_equal(rest_bone, rest_vector)
        ):
            bone = rotation.normalize(
                self.position[:, self.joints[child]] - self.position[:, self.joints[name]]
            )
            swing = rotation.between(parent @ rest_bone, bone)
            vector = rotation.rotate(swing, vector)
        return self._mean_local(name, vector)

    def _as_in_parent(self, name: str, bone: Array, secondary: Array) -> tuple[Array, Array]:
        """The parent's own bone and hinge directions, where the joint's frame looks built like its
        parent's.

        Forearms and hands twist so much that an average over one clip may be a quarter turn off.
        The rig's own axes are not.
        """
        parent = str(CANONICAL.names[CANONICAL.parents[CANONICAL.index(name)]])
        if parent not in self.joints:
            return bone, secondary
        parent_align = self.align[CANONICAL.index(parent)]
        parent_bone = parent_align @ self._rest_bone(parent)
        parent_hinge = parent_align @ _elbow_hinge(name)
        guessed = name.endswith("_hand") and self._tip(name) is None
        alike = np.dot(parent_bone, bone) > (-0.2 if guessed else 0.95)
        if not self.built_along_axes:
            return parent_bone if guessed and alike else bone, secondary
        if alike and np.dot(parent_hinge, secondary) > -0.5:
            return parent_bone if guessed else bone, parent_hinge
        return bone, secondary

    def _across(self, limb: str, name: str) -> Array:
        """(3,) the direction from the right to the left limb, in a joint's frame. Every mapped rig
        has thighs and upper arms.
        """
        left, right = self.joints[f"left_{limb}"], self.joints[f"right_{limb}"]
        return self._mean_local(
            name, self.position[:, left] - self.position[:, right], snap=limb != "thigh"
        )

    def _trunk_axis(self, name: str) -> Array:
        """(3,) the hips' up: to the first joint of the spine if that hangs rigidly on the hips and
        has length, else to the chest on average.
        """
        hips = self.joints["hips"]
        spine = self.joints.get("spine", self.joints["chest"])
        vector = self.position[:, spine] - self.position[:, hips]
        rigid = (
            int(self.skeleton.parents[spine]) == hips
            and np.linalg.norm(vector, axis=-1).mean() > 0.02 * self.height
        )
        if rigid:
            return self._mean_local(name, vector, snap=False)
        return self._mean_local(
            name, self.position[:, self.joints["chest"]] - self.position[:, hips]
        )

    def _hinge(self, limb: str) -> Array | None:
        """(F, 3) the world axis about which a limb is bent, near zero where it is nearly straight;
        None if it shows no hinge.

        A limb that is mostly straight and overstretches at times bends about one axis in both
        directions. Of those the one is taken that fits the bone above.
        """
        lower, end, rest_hinge = _HINGE[limb]
        if end not in self.joints:
            return None
        a, b, c = (self.position[:, self.joints[name]] for name in (limb, lower, end))
        cross = np.cross(rotation.normalize(b - a), rotation.normalize(c - b))
        if np.linalg.norm(cross, axis=-1).max() <= _BENT_SINE:
            return None
        local = self._local(limb, cross)
        if _steadiness(local) >= _LIKELY_HINGE:
            return cross
        share, axes = np.linalg.eigh(local.T @ local)
        if share[-1] < _HINGE_SHARE * share.sum():
            return None
        likely = self._carried(limb, self._rest_bone(limb), rest_hinge)
        axis = axes[:, -1] * np.sign(np.dot(axes[:, -1], likely) or 1.0)
        world = self.matrices[:, self.joints[limb]] @ axis
        return world * np.linalg.norm(cross, axis=-1, keepdims=True)

    def _mean_hinge(self, name: str, hinge: Array) -> Array:
        """hinge: (F, 3) world -> (3,) in the joint's frame, as measured if it holds still."""
        snapped = self._mean_local(name, hinge)
        mean = self._mean_local(name, hinge, snap=False)
        steady = _steadiness(self._local(name, hinge)) >= _STEADY_HINGE
        return (
            mean
            if steady and not name.endswith("_forearm") and np.dot(snapped, mean) < _ALONG_COSINE
            else snapped
        )

    def _built_along_axes(self) -> bool:
        """Whether at least half of the limbs' bones lie along an axis of their joint."""
        along = []
        for upper, (lower, end, _) in _HINGE.items():
            for name, child in ((upper, lower), (lower, end)):
                if name in self.joints and child in self.joints:
                    bone = self._local(
                        name,
                        self.position[:, self.joints[child]] - self.position[:, self.joints[name]],
                    )
                    along.append(
                        np.abs(rotation.normalize(bone.mean(axis=0))).max() > _ALONG_COSINE
                    )
        return sum(along) >= 0.5 * len(along)

    def _local(self, name: str, vector: Array) -> Array:
        """vector: (F, 3) world -> (F, 3) in the joint's frame."""
        return np.einsum("fij,fi->fj", self.matrices[:, self.joints[name]], vector)

    def _mean_local(self, name: str, vector: Array, snap: bool = True) -> Array:
        """vector: (F, 3) world -> (3,) its mean direction in the joint's frame.

        snap: take the joint's nearest axis instead, if it is near
        """
        of_joint = self.matrices[:, self.joints[name]]
        mean = rotation.normalize(np.einsum("fij,fi->j", of_joint, vector))
        nearest = int(np.argmax(np.abs(mean)))
        if snap and self.built_along_axes and abs(mean[nearest]) > _SNAP_COSINE:
            return np.eye(3)[nearest] * np.sign(mean[nearest])
        return mean


def _frame(primary: Array, secondary: Array) -> Array:
    """(3,) each -> (3, 3) the rotation that takes X to `primary`, and Y as near to `secondary` as
    possible. As `rotation.from_axes`, for one at a time.
    """
    x = rotation.normalize(primary)
    y = rotation.normalize(secondary - (secondary @ x) * x)
    if not y.any():
        return rotation.to_matrix(rotation.from_axes(primary, secondary))
    (a, b, c), (d, e, f) = x.tolist(), y.tolist()
    return np.array([[a, d, b * f - c * e], [b, e, c * d - a * f], [c, f, a * e - b * d]])


def _outward(name: str) -> Array:
    """(3,) along the arm of a role's side, in the canonical T-pose."""
    return LEFT if name.startswith("left_") else -LEFT


def _elbow_hinge(name: str) -> Array:
    """(3,) the hinge of the elbow on a role's side, in the canonical T-pose."""
    return -UP if name.startswith("left") else UP


def _steadiness(vectors: Array) -> float:
    """vectors: (F, 3) -> 1 where all point one way, 0 where they cancel out."""
    return float(
        np.linalg.norm(vectors.sum(axis=0)) / max(np.linalg.norm(vectors, axis=-1).sum(), 1e-12)
    )
