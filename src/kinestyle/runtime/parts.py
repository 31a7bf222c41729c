"""Which joints of a rig a part of the body is, and how much each of them takes of a style.

A weight belongs to a joint's rotation against its parent, so that a part is in its style as it is
in a whole body of that style, whatever it hangs on. Where a part that has a name meets another one,
the joint in between (the first one of the spine, the neck, a clavicle) takes the mean of both, and
joints between two of the canonical skeleton what is between theirs. So parts that make up the body
have weights that add up to 1 on every joint.
"""

from __future__ import annotations

import numpy as np

from kinestyle.errors import StyleError
from kinestyle.motion.canonical import CANONICAL, SIDES
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.runtime.part_names import ALL, BODY_PARTS, Parts

_BORDERS = {
    "spine": ("hips", "chest"),
    "neck": ("chest", "head"),
    **{f"{side}_clavicle": ("chest", f"{side}_upper_arm") for side in SIDES},
}
"""Roles that lie between two parts: the one above each, and the one below, without which the part
begins with the next joint.
"""

_MOST_LISTED = 40
"""Names of joints in a message."""


def joint_weights(parts: Parts, c: Correspondence) -> Array:
    """(J,) the weight of each joint of a rig, 0 to 1. Joints that no part names have 0.

    Raises StyleError for a name that is neither a part's nor a joint's.
    """
    by_part = dict.fromkeys(CANONICAL.names, 0.0)
    by_joint: dict[int, float] = {}
    for name, weight in parts:
        found = _find(name, c)
        if isinstance(found, int):
            by_joint[found] = weight
            continue
        for role in found:
            by_part[role] = weight
            by_joint.pop(c.mapping.joints.get(role, -1), None)
    weights = np.zeros(c.skeleton.joint_count)
    for role, joint in c.mapping.joints.items():
        weights[joint] = _at_border(role, by_part, c)
    weights[list(by_joint)] = list(by_joint.values())
    roles = dict(zip(c.joints.tolist(), c.roles.tolist(), strict=True))
    for joint, (above, below, share) in c.shared.items():
        if joint not in by_joint:
            ends = [weights[c.mapping.joints[CANONICAL.names[role]]] for role in (above, below)]
            weights[joint] = (1.0 - share) * ends[0] + share * ends[1]
    for joint, carrier in c.mapping.carried:
        if joint not in roles and joint not in by_joint:
            weights[joint] = weights[carrier]
    return weights


def is_whole(parts: Parts) -> bool:
    """Whether all of the body is meant, on any rig."""
    return parts == ((ALL, 1.0),)


def _at_border(role: str, by_part: dict[str, float], c: Correspondence) -> float:
    above, below = _BORDERS.get(role, ("", ""))
    if below in c.mapping.joints and above in c.mapping.joints:
        return 0.5 * (by_part[above] + by_part[role])
    return by_part[role]


def _find(name: str, c: Correspondence) -> tuple[str, ...] | int:
    """The roles of a part, or the joint, that a name means: a part's name before a role's, and that
    before the name of one of the rig's own joints; as it is written, or else in any case.
    """
    own = {joint: index for index, joint in enumerate(c.skeleton.names)}
    roles = c.mapping.joints
    for said, names in ((name, own), (name.lower(), {j.lower(): i for j, i in own.items()})):
        if said in BODY_PARTS:
            return BODY_PARTS[said]
        if said in roles:
            return roles[said]
        if said in names:
            return names[said]
    raise StyleError(_unknown(name, c))


def _unknown(name: str, c: Correspondence) -> str:
    from difflib import get_close_matches

    known = [*BODY_PARTS, *c.mapping.joints, *c.skeleton.names]
    by_lower = {one.lower(): one for one in reversed(known)}
    near = get_close_matches(name.lower(), by_lower, n=1)
    meant = f"did you mean {by_lower[near[0]]!r}? " if near else ""
    joints = ", ".join(c.skeleton.names[:_MOST_LISTED])
    more = c.skeleton.joint_count - _MOST_LISTED
    return (
        f"parts names {name!r}, which is neither a part nor a joint; {meant}Parts are "
        f"{', '.join(BODY_PARTS)}; joints are {joints}{f' and {more} more' if more > 0 else ''}"
    )
