"""The shape of a body around a rig's joints: round cones for trunk, limbs, head and feet, thin
lines for all that hangs on.

A joint's role says what it is, so that the shape does not depend on how a rig divides its spine,
names its bones or ends its hands. Lengths are the rig's own. Radii are those of
`kinestyle.motion.body_shape` and grow and shrink with the part: a character with a large trunk on
short legs has a large head too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.body_shape import RADIUS_M
from kinestyle.motion.canonical import CANONICAL, REST_POSITION_M, STATURE_M, part_of
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton

RIGHT, MIDDLE, LEFT = -1, 0, 1
SIDES = (("left", LEFT), ("right", RIGHT))

PALM_RADIUS_M, TOE_TIP_RADIUS_M, HEEL_RADIUS_M = 0.028, 0.027, 0.032
PALM_M = 0.108
THIN_RADII_M = (0.011, 0.008)
"""Of what has no role: fingers, tails, props; at either end."""
SKULL = ((0.075, 0.071), (0.125, 0.096))
"""Two balls: how far above the base of the skull, and their radii, in metres."""
LONGEST_THIN_M = 1.5
"""A bone without a role that is longer is a handle for animators, not a thing."""
SHAPED_JOINTS, SHAPED_TIPS = ("toe", "foot"), ("toe", "foot", "hand", "forearm", "head")
"""Parts that are drawn to their end: nothing that hangs on them, or no tip, is a line of its own.
"""
FACE_M = 0.30
"""What is nearer to the base of the skull than this lies within the head: eyes, jaws, the head's
own tip.
"""

Rotated = Callable[[str, Sequence[float]], Array]
"""A role and a vector (3,) in the canonical T-pose, metres -> (T, 3), as the role's bone rotates
it.
"""


@dataclass(eq=False)
class Shape:
    """A body as it is put together: balls, of which any two may be the ends of a round cone and any
    three the corners of a slab.

    points: (T, 3) each; radii: metres; cones, slabs, soles: numbers of points; cone_side,
        slab_side: LEFT, RIGHT or MIDDLE
    """

    points: list[Array] = field(default_factory=list)
    radii: list[float] = field(default_factory=list)
    cones: list[tuple[int, int]] = field(default_factory=list)
    cone_side: list[int] = field(default_factory=list)
    slabs: list[tuple[int, int, int]] = field(default_factory=list)
    slab_side: list[int] = field(default_factory=list)
    soles: list[int] = field(default_factory=list)

    def ball(self, position: Array, radius: float) -> int:
        """position: (T, 3) -> the number of the new point."""
        self.points.append(position)
        self.radii.append(radius)
        return len(self.points) - 1

    def cone(self, start: int, end: int, side: int) -> None:
        self.cones.append((start, end))
        self.cone_side.append(side)

    def chain(self, points: Sequence[int], side: int) -> None:
        for start, end in pairwise(points):
            self.cone(start, end, side)

    def slab(self, a: int, b: int, c: int, side: int) -> None:
        """The skin stretched over three balls, and round its edges."""
        self.slabs.append((a, b, c))
        self.slab_side.append(side)
        for start, end in combinations(sorted((a, b, c)), 2):
            if (start, end) not in self.cones:
                self.cone(start, end, side)


def median_length(start: Array, end: Array) -> float:
    """start, end: (T, 3) -> metres, the median over time: files with translating joints stretch
    their bones.
    """
    return float(np.median(np.linalg.norm(end - start, axis=-1)))


def shape_of(
    skeleton: Skeleton, position: Array, roles: Mapping[str, int], canonical_rotation: Array
) -> Shape:
    """The body of a mapped rig.

    position: (T, J + E, 3) metres, Y up, joints and then end sites; roles: role -> joint, as
    `JointMapping.joints`; canonical_rotation: (T, 21, 4) world rotations of the canonical bones,
    for what joints alone do not tell
    """
    shape = Shape()
    at = {role: position[:, joint] for role, joint in roles.items()}

    def rotated(role: str, vector: Sequence[float]) -> Array:
        return rotation.rotate(
            canonical_rotation[:, CANONICAL.index(role)], np.asarray(vector, dtype=float)
        )

    shoulders = 0.5 * (at["left_upper_arm"] + at["right_upper_arm"])
    # some rigs have their neck between the shoulder blades: the longest of these sizes the trunk
    trunk_scale = max(
        _scale(median_length(at["hips"], at[role]), _rest_distance_m("hips", role))
        for role in ("neck", "head", "left_upper_arm", "right_upper_arm")
        if role in at
    )
    arms = _trunk(shape, at, shoulders, trunk_scale)
    _head(shape, at, shoulders, rotated, trunk_scale)
    for side, sign in SIDES:
        scale = _scale(
            median_length(at[f"{side}_upper_arm"], at[f"{side}_forearm"]),
            _rest_distance_m("left_upper_arm", "left_forearm"),
        )
        fingers = [
            position[:, point] for point in _hanging(skeleton, roles.get(f"{side}_hand"), roles)
        ]
        _arm(shape, at, side, sign, fingers, scale)
        shape.cone(
            arms[side],
            shape.ball(at[f"{side}_upper_arm"], RADIUS_M["clavicle"] * trunk_scale),
            MIDDLE,
        )
        _leg(shape, at, side, sign, rotated)
    _thin(shape, skeleton, position, roles)
    return shape


def _rest_distance_m(a: str, b: str) -> float:
    """Between two joints of the canonical skeleton in its T-pose."""
    apart = REST_POSITION_M[CANONICAL.index(a)] - REST_POSITION_M[CANONICAL.index(b)]
    return float(np.linalg.norm(apart))


def _scale(length_m: float, canonical_m: float) -> float:
    """How much thicker than the canonical one a part is drawn. It grows less than the length, so
    that odd rigs stay bodies.
    """
    return float(np.clip((length_m / canonical_m) ** 0.8, 0.55, 1.9))


def _trunk(shape: Shape, at: Mapping[str, Array], shoulders: Array, scale: float) -> dict[str, int]:
    """Skin over a core along the spine and two flanks: wide at the shoulders, narrow at the waist.
    Returns the points below the shoulders."""
    across = rotation.normalize(
        at["left_thigh"] - at["right_thigh"] + at["left_upper_arm"] - at["right_upper_arm"]
    )
    waist = at.get("spine", 0.65 * at["hips"] + 0.35 * shoulders)
    chest = at.get("chest", 0.4 * waist + 0.6 * shoulders)
    collar = at.get("neck", shoulders)
    pelvis = shape.ball(at["hips"], RADIUS_M["hips"] * scale)
    core = shape.ball(0.3 * waist + 0.7 * chest, RADIUS_M["chest"] * scale)
    breast = shape.ball(0.35 * chest + 0.65 * collar, 0.088 * scale)
    shape.chain([pelvis, core, breast], MIDDLE)
    arms = {}
    for side, sign in SIDES:
        hip = shape.ball(
            0.2 * at["hips"] + 0.8 * at[f"{side}_thigh"] + 0.010 * scale * sign * across,
            1.02 * RADIUS_M["thigh"] * scale,
        )
        flank = shape.ball(0.5 * (waist + chest) + 0.044 * scale * sign * across, 0.080 * scale)
        arms[side] = armpit = shape.ball(
            0.34 * (0.2 * chest + 0.8 * collar) + 0.66 * at[f"{side}_upper_arm"], 0.062 * scale
        )
        for corners in (
            (hip, flank, pelvis),
            (flank, pelvis, core),
            (flank, armpit, core),
            (armpit, core, breast),
        ):
            shape.slab(*corners, MIDDLE)
    return arms


def _head(
    shape: Shape, at: Mapping[str, Array], shoulders: Array, rotated: Rotated, scale: float
) -> None:
    collar = at.get("neck", shoulders)
    role = (
        "head" if "head" in at else "neck" if "neck" in at else "chest" if "chest" in at else "hips"
    )
    up, forward = rotated(role, (0.0, scale, 0.0)), rotated(role, (0.0, 0.0, scale))
    base = at.get("head", collar + _rest_distance_m("neck", "head") * up)
    (low, low_radius), (high, high_radius) = SKULL
    shape.cone(
        shape.ball(collar, RADIUS_M["neck"] * scale),
        shape.ball(base + 0.03 * up, 0.047 * scale),
        MIDDLE,
    )
    jaw = shape.ball(base + low * up + 0.014 * forward, low_radius * scale)
    shape.cone(jaw, shape.ball(base + high * up, high_radius * scale), MIDDLE)
    # a nose shows at a glance where a body looks
    nose = base + 0.090 * up + 0.080 * forward
    shape.cone(
        shape.ball(nose, 0.017 * scale),
        shape.ball(nose + 0.018 * forward - 0.010 * up, 0.014 * scale),
        MIDDLE,
    )


def _arm(
    shape: Shape, at: Mapping[str, Array], side: str, sign: int, fingers: list[Array], scale: float
) -> None:
    """fingers: (T, 3) each, what hangs on the hand: the bases of fingers, a tip, a prop."""
    shoulder, elbow = at[f"{side}_upper_arm"], at[f"{side}_forearm"]
    # some rigs end at the elbow
    wrist = at.get(
        f"{side}_hand",
        elbow
        + _rest_distance_m("left_forearm", "left_hand")
        * scale
        * rotation.normalize(elbow - shoulder),
    )
    palm_m = PALM_M * scale
    fingers = [
        point for point in fingers if 0.3 * palm_m < median_length(wrist, point) < 2.2 * palm_m
    ]
    along = rotation.normalize(np.mean(fingers, axis=0) - wrist if fingers else wrist - elbow)
    palm = wrist + (1.0 if len(fingers) > 1 else 1.35) * palm_m * along
    balls = [(shoulder, "upper_arm"), (elbow, "forearm"), (wrist, "hand")]
    chain = [shape.ball(position, RADIUS_M[part] * scale) for position, part in balls]
    shape.chain([*chain, shape.ball(palm, PALM_RADIUS_M * scale)], sign)


def _leg(shape: Shape, at: Mapping[str, Array], side: str, sign: int, rotated: Rotated) -> None:
    thigh, shin, ankle = (
        shape.ball(at[f"{side}_{part}"], RADIUS_M[part]) for part in ("thigh", "shin", "foot")
    )
    shape.chain([thigh, shin, ankle], sign)
    foot, canonical_toe = at[f"{side}_foot"], CANONICAL.offsets[CANONICAL.index("left_toe")]
    toe = at.get(f"{side}_toe", foot + rotated(f"{side}_foot", canonical_toe))
    # the heel is as far below the ankle as the rig's own toes are: some have them on the floor,
    # some above it
    down_m = float(
        np.median(np.sum((toe - foot) * rotated(f"{side}_foot", (0.0, 1.0, 0.0)), axis=-1))
    )
    heel = shape.ball(
        foot + rotated(f"{side}_foot", (0.0, np.clip(down_m, -0.12, 0.0), -0.042)), HEEL_RADIUS_M
    )
    ball = shape.ball(toe, RADIUS_M["toe"])
    shape.slab(ankle, heel, ball, sign)
    tip = shape.ball(
        toe + rotated(f"{side}_toe", (0.0, -0.004, 0.036 * STATURE_M)), TOE_TIP_RADIUS_M
    )
    shape.cone(ball, tip, sign)
    shape.soles += [heel, ball, tip]


def _hanging(skeleton: Skeleton, joint: int | None, roles: Mapping[str, int]) -> list[int]:
    """The points without a role just below a joint: joints, then end sites, numbered after them."""
    if joint is None:
        return []
    mapped = set(roles.values())
    tips = skeleton.joint_count + np.flatnonzero(skeleton.end_parents == joint)
    return [child for child in skeleton.children[joint] if child not in mapped] + tips.tolist()


def _thin(shape: Shape, skeleton: Skeleton, position: Array, roles: Mapping[str, int]) -> None:
    """Bones beyond the roles as lines. What lies inside the body, in the face or between two mapped
    joints, is left out.
    """
    parents = np.concatenate([skeleton.parents, skeleton.end_parents])
    role_of = {joint: role for role, joint in roles.items()}
    side = _sides(parents, role_of)
    of_body, leads = skeleton.below(roles["hips"]), skeleton.leading_to(roles.values())
    head = roles.get("head", roles.get("neck"))
    of_head = np.zeros_like(of_body) if head is None else skeleton.below(head)
    balls = dict[int, int]()
    for point, parent in enumerate(parents.tolist()):
        is_tip = point >= skeleton.joint_count
        if parent < 0 or not of_body[parent] or (not is_tip and leads[point]):
            continue
        # the body's own shape ends there
        if part_of(role_of.get(parent, "")) in (SHAPED_TIPS if is_tip else SHAPED_JOINTS):
            continue
        start, end = position[:, parent], position[:, point]
        if of_head[parent] and median_length(position[:, head], end) < FACE_M:
            continue
        if 0.004 < median_length(start, end) < LONGEST_THIN_M:
            first, last = THIN_RADII_M
            if parent not in balls:
                balls[parent] = shape.ball(start, first)
            balls[point] = shape.ball(end, last)
            shape.cone(balls[parent], balls[point], side[point])


def _sides(parents: np.ndarray, role_of: Mapping[int, str]) -> list[int]:
    """LEFT, RIGHT or MIDDLE for each point: its own role's, else that of the point above."""
    side: list[int] = []
    for point, parent in enumerate(parents.tolist()):
        role = role_of.get(point, "")
        own = next((value for name, value in SIDES if role.startswith(name)), None)
        side.append(own if own is not None else side[parent] if parent >= 0 else MIDDLE)
    return side
