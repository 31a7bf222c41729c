"""A rig's body as bones that can be drawn: round cones between its joints and tips. Placeholder
characters are built of them and the studio draws them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.body_shape import RADIUS_M
from kinestyle.motion.canonical import CANONICAL, SIDES, part_of
from kinestyle.motion.skeleton import Skeleton
from kinestyle.retarget.correspondence import Correspondence

TRUNK = ("hips", "spine", "chest")
WHOLE = (0.0, 1.0)
_HEAD_SPAN = (0.25, 0.55)
"""A head is a ball above its joint, not a pillar from there to the crown."""
_SHOULDERS_SHARE, _BRANCH_SHARE = 0.65, 0.8
"""Of the trunk's radius: what is left of it at the neck, and where a limb branches off."""
_THIN_SHARE, _THIN_M = 0.12, (0.004, 0.03)
"""Radius of bones without a role, such as fingers: by their length, and its limits."""
_LONGEST_THIN_M = 0.5
"""A bone that hangs on the body and is longer is a handle for animators, not a thing."""
_FACE = re.compile(
    r"(?<![a-z])(?:eye|eyes|eyeball|eyelid|eyelids|eyebrow|lid|brow|jaw|tongue|teeth|tooth|mouth|"
    r"lip|lips|cheek|cheeks|nose|nostril|chin|face|facial|hair|ponytail|ear|ears|beard|muzzle)"
    r"(?![a-z])"
)
"""Words in the names of joints that move a face or hair: as bones they would be horns."""
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


class BodyBone(NamedTuple):
    """A round cone between two nodes, which are joints 0 to J - 1 and then tips.

    radii: at both ends, in the unit of the rig
    span: from where to where between the nodes it reaches, as shares
    role: whose bone it is; empty for what hangs on the body without being of it, such as fingers
    """

    start: int
    end: int
    radii: tuple[float, float]
    span: tuple[float, float]
    role: str


def with_body_tips(skeleton: Skeleton, c: Correspondence) -> Skeleton:
    """The skeleton with a tip wherever the body ends.

    Crown, fingers and toes without one get the canonical tip. A head's own tips, which may be eyes
    or a jaw, are dropped.
    """
    role_of = _role_of(c.mapping.joints)
    kept = [i for i, j in enumerate(skeleton.end_parents.tolist()) if role_of.get(j) != "head"]
    tipped = set(skeleton.end_parents.tolist())
    parents, offsets = list(skeleton.end_parents[kept]), list(skeleton.end_offsets[kept])
    for joint, role in zip(c.joints.tolist(), c.roles.tolist(), strict=True):
        tips = np.flatnonzero(CANONICAL.end_parents == role)
        bare = joint not in tipped and not skeleton.children[joint]
        if len(tips) and (bare or CANONICAL.names[role] == "head"):
            offset = CANONICAL.end_offsets[tips[0]] * (1.0 / c.scale_to_canonical)
            parents.append(joint)
            offsets.append(rotation.rotate(c.align[role], offset))
    return replace(
        skeleton,
        end_parents=np.array(parents, dtype=int),
        end_offsets=np.reshape(offsets, (-1, 3)),
    )


def body_bones(
    skeleton: Skeleton, roles: Mapping[str, int], length: Sequence[float], size: float
) -> list[BodyBone]:
    """The bones of a rig; at least one. Bones above the hips are left out, and those of the head
    and the face, whatever they hang on.

    roles: role -> joint, as `JointMapping.joints`; empty where no body was found
    length: (J + E,) of the bone that ends at each joint and then at each tip, file units
    size: of the body, file units to a canonical metre
    """
    parents = _carriers(skeleton, roles)
    owner = _owners(parents, roles)
    of_body = _below(parents, roles.get("hips", 0))
    of_face = _faces(skeleton, parents, roles)
    nodes = [*enumerate(parents)]
    nodes += enumerate(skeleton.end_parents.tolist(), skeleton.joint_count)
    role_of = _role_of(roles)
    bones = []
    for end, start in nodes:
        if start < 0 or not of_body[start] or length[end] < 1e-4 * size:
            continue
        is_tip = end >= skeleton.joint_count
        if of_face[start] or (not is_tip and of_face[end]):
            continue
        hangs = not owner[start] or (start not in role_of if is_tip else not owner[end])
        if hangs:
            if owner[start] and length[end] > _LONGEST_THIN_M * size:
                continue
            low, high = _THIN_M
            thin = float(np.clip(_THIN_SHARE * length[end], low * size, high * size))
            bones.append(BodyBone(start, end, (thin, 0.8 * thin), WHOLE, ""))
            continue
        # round ends reach beyond a short bone
        most = 0.9 * length[end] + 0.02 * size
        first, last = _radii(part_of(owner[start]), part_of(role_of.get(end, "")), size)
        radii = min(first, most), min(last, most)
        span = _HEAD_SPAN if owner[start] == "head" else WHOLE
        bones.append(BodyBone(start, end, radii, span, owner[start]))
    return bones or [BodyBone(0, 0, (0.05 * size, 0.05 * size), WHOLE, "")]


def _radii(part: str, next_part: str, size: float) -> tuple[float, float]:
    """At both ends of a bone between two parts of the body; the second is empty at tips and at
    joints between two parts.
    """
    first = RADIUS_M[part] * size
    if not next_part:
        return first, first
    if next_part == "neck":
        return first, _SHOULDERS_SHARE * first
    last = RADIUS_M[next_part] * size
    if part not in TRUNK:
        return first, 0.5 * (first + last)
    if next_part in ("clavicle", "thigh"):
        return _BRANCH_SHARE * first, last
    return first, first


def _role_of(roles: Mapping[str, int]) -> dict[int, str]:
    """Joint -> role."""
    return {joint: role for role, joint in roles.items()}


def _carriers(skeleton: Skeleton, roles: Mapping[str, int]) -> list[int]:
    """For each joint the one that its bone begins at: its parent or, for feet that hang elsewhere,
    the shin.
    """
    parents = [int(parent) for parent in skeleton.parents]
    for side in SIDES:
        shin, foot = roles.get(f"{side}_shin"), roles.get(f"{side}_foot")
        if shin is not None and foot is not None and shin not in skeleton.ancestors(foot):
            parents[foot] = shin
    return parents


def _path(parents: Sequence[int], joint: int) -> list[int]:
    """A joint and all that it hangs on."""
    found = []
    while joint >= 0:
        found.append(joint)
        joint = parents[joint]
    return found


def _below(parents: Sequence[int], joint: int) -> list[bool]:
    """For each joint whether it is the given one or hangs on it."""
    return [joint in _path(parents, other) for other in range(len(parents))]


def _faces(skeleton: Skeleton, parents: Sequence[int], roles: Mapping[str, int]) -> list[bool]:
    """For each joint whether it moves a part of the head: it hangs on the head, or it is called
    after a part of a face and hangs on the body; and all that hangs on such a one.
    """
    role_of = _role_of(roles)
    bare = _bare(parents, roles)
    found: list[bool] = []
    for joint, name in enumerate(skeleton.names):
        above = parents[joint]
        words = _WORDS.sub(" ", name).lower()
        is_first = role_of.get(above) == "head" or _FACE.search(words) is not None
        found.append(joint in bare and (is_first or (above >= 0 and found[above])))
    return found


def _bare(parents: Sequence[int], roles: Mapping[str, int]) -> set[int]:
    """The joints that lead to no role."""
    return set(range(len(parents))) - {
        above for joint in roles.values() for above in _path(parents, joint)
    }


def _owners(parents: Sequence[int], roles: Mapping[str, int]) -> list[str]:
    """For each joint its own role, or the role above it if the chain goes on to another role (a
    second spine, a twist); otherwise empty.
    """
    role_of = _role_of(roles)
    leads = {above for joint in roles.values() for above in _path(parents, joint)}
    return [
        next((role_of[above] for above in _path(parents, joint) if above in role_of), "")
        if joint in leads
        else ""
        for joint in range(len(parents))
    ]
