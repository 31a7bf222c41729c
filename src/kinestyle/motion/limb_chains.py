"""Limbs on a rig: what a leg, an arm or a neck looks like, and the joints of a chain that fit it best.

A limb's roles come in a fixed order down a chain of joints, with joints between them that have no role (twist bones,
joints of no length) and roles that some rigs lack. A dynamic programme over (joint, role) finds the best assignment:
names vote for roles, bone lengths speak against unlikely ones, passing over a joint or lacking a role costs a little.
Scores are log-likelihoods by feel: a fitting name outweighs a length that is off by two sigma.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kinestyle.motion.joint_names import JointName, Side, read_names
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton

_MEASURED_FRAMES = 8
"""Frames for the distances between all pairs of joints: bones hardly change length."""

_NAME_FITS, _NAME_CONFLICTS = 3.0, -3.0
_PASS_KNOWN, _PASS_UNKNOWN = 1.0, 0.5
_FORK = 2.0
"""For a head that lies beyond a fork: where names are silent, the joint that carries jaw and eyes is the head, not an eye."""

_DEEPEST = 20
"""Joints down a chain that are looked at. A limb with twist bones and a finger has ten; a rope may have a thousand."""

_WORST_LENGTH = -4.5
"""Three sigma. Odd proportions must not undo what names say."""


@dataclass(frozen=True)
class Limb:
    """A limb as a sequence of roles.

    roles: from the trunk outwards, without side
    lengths: (role, next role) -> its length as a fraction of stature, and the sigma of its logarithm; (None, role) is the
        way from the trunk. Pairs that are not listed may have any length
    optional: roles that a rig may lack -> what that costs: rigs without toes are common, rigs without hands rare
    """

    roles: tuple[str, ...]
    lengths: Mapping[tuple[str | None, str], tuple[float, float]]
    optional: Mapping[str, float]


LEG = Limb(
    roles=("thigh", "shin", "foot", "toe"),
    lengths={
        (None, "thigh"): (0.06, 0.8),
        ("thigh", "shin"): (0.245, 0.3),
        ("shin", "foot"): (0.246, 0.3),
        ("foot", "toe"): (0.087, 0.6),
    },
    optional={"toe": 1.0},
)
ARM = Limb(
    roles=("clavicle", "upper_arm", "forearm", "hand"),
    lengths={
        ("clavicle", "upper_arm"): (0.075, 0.7),
        (None, "upper_arm"): (0.18, 0.5),
        ("upper_arm", "forearm"): (0.172, 0.3),
        ("forearm", "hand"): (0.157, 0.35),
    },
    optional={"clavicle": 1.0, "hand": 2.5},
)
TOP = Limb(
    roles=("neck", "head"),
    lengths={(None, "neck"): (0.13, 0.6), (None, "head"): (0.19, 0.5), ("neck", "head"): (0.06, 0.6)},
    optional={"neck": 1.0, "head": 2.0},
)
LEG_REACH = 0.56
"""Hips to the last joint of a leg, as a fraction of stature: between legs that end at the ankle and at the toes."""

TRUNK_LENGTH = (0.20, 0.6)
"""Hips to the joint that the arms branch from, as a fraction of stature, and the sigma of its logarithm."""

_TRUNK_ROLES = ("hips", "spine", "chest", "neck", "head")


@dataclass(frozen=True)
class Chain:
    """The best assignment of one limb.

    joints: role without side -> joint
    fits: role -> the score, at most 0, of the length that leads to it
    """

    score: float
    joints: dict[str, int]
    fits: dict[str, float]


class RigTree:
    """A skeleton with what the search asks of it again and again.

    names: what each joint's name says
    position: (T, J, 3) world positions of sampled frames, file units
    """

    def __init__(self, skeleton: Skeleton, position: Array) -> None:
        self.skeleton = skeleton
        self.position = position
        self.names: tuple[JointName, ...] = read_names(skeleton.names)
        self.parents: list[int] = skeleton.parents.tolist()
        self._few = position[:: max(1, len(position) // _MEASURED_FRAMES)]
        self._rows: dict[int, list[float]] = {}

    def distance(self, a: int, b: int) -> float:
        """The mean distance between two joints over some frames, in file units."""
        if a not in self._rows:
            apart = self._few - self._few[:, a : a + 1]
            # a list, because the search reads single numbers, which is slow on arrays
            self._rows[a] = np.sqrt(np.sum(apart * apart, axis=-1)).mean(axis=0).tolist()
        return self._rows[a][b]

    @cached_property
    def subtree(self) -> list[list[int]]:
        """For each joint, itself and all below it, parents before their children."""
        found: list[list[int]] = [[joint] for joint in range(len(self.parents))]
        for joint in range(len(self.parents) - 1, 0, -1):
            found[self.parents[joint]] += found[joint]
        return [sorted(joints) for joints in found]

    @cached_property
    def reach(self) -> list[float]:
        """For each joint, the length of the longest path of bones down from it to a joint that may play a role."""
        found = [0.0] * len(self.parents)
        for joint in range(len(self.parents) - 1, 0, -1):
            parent = self.parents[joint]
            if found[joint] > 0 or not self.names[joint].extra:
                found[parent] = max(found[parent], found[joint] + self.distance(parent, joint))
        return found

    @cached_property
    def side(self) -> list[Side]:
        """For each joint, the side that names at and below it speak of; "" on the trunk, or when that is both or none."""
        found: list[Side] = []
        for name, joints in zip(self.names, self.subtree, strict=True):
            sides = [self.names[joint].side for joint in joints]
            left, right = sides.count("left"), sides.count("right")
            of_trunk = not name.side and any(role in name.roles for role in _TRUNK_ROLES)
            found.append("" if of_trunk else "left" if left > 3 * right else "right" if right > 3 * left else "")
        return found

    def path(self, joint: int, above: int) -> list[int]:
        """From `joint` up to `above`, which is an ancestor or `joint` itself, both included."""
        found = [joint]
        while found[-1] != above:
            found.append(self.parents[found[-1]])
        return found

    def common_ancestor(self, a: int, b: int) -> int:
        """The lowest joint that is at or above both."""
        while a != b:
            # parents come before children, so the later joint is never an ancestor of the other
            a, b = self.parents[max(a, b)], min(a, b)
        return a


def length_score(length: float, expected: tuple[float, float], stature: float) -> float:
    """How usual a length is (0 is just so, less is worse); `length` and `stature` in file units."""
    fraction, sigma = expected
    # joints that coincide are as unlikely as their logarithm would have it at 0.4 % of stature
    z = float(np.log(max(length / stature, 0.004) / fraction)) / sigma
    return max(-0.5 * z * z, _WORST_LENGTH)


def _name_score(name: JointName, role: str) -> float:
    weight = name.weight(role)
    if weight:
        return _NAME_FITS * weight
    return _NAME_CONFLICTS if name.roles or name.passed_over else 0.0


def _passing_cost(name: JointName, limb: Limb) -> float:
    if name.extra or name.passed_over:
        return 0.0
    if not name.roles:
        return _PASS_UNKNOWN
    return _PASS_KNOWN * max(name.weight(role) for role in limb.roles)


def _head_cost(tree: RigTree, joint: int, first: int) -> float:
    """What speaks against `joint` as the head of a chain that starts at `first`, beside its own name and lengths."""
    names, children = tree.names, tree.skeleton.children
    if names[joint].weight("head") > 0.5:
        return 0.0
    forks = sum(len(children[above]) > 1 for above in tree.path(joint, first)[1:])
    # "spine.005" is no head while there is a "spine.006" above it
    trunk_goes_on = any(any(role in names[below].roles for role in _TRUNK_ROLES) for below in tree.subtree[joint][1:])
    return _FORK * forks + _FORK * trunk_goes_on


def best_chain(tree: RigTree, limb: Limb, trunk: int, first: int, stature: float) -> Chain | None:
    """The best joints for a limb's roles, at or below `first`, for a limb that comes from the joint `trunk`.

    stature: the body's, in file units, roughly
    Returns None when the chain is too short for the roles that no rig may lack.
    """
    roles = limb.roles
    # what it costs to pass over every joint from `first` down to this one, and how many those are
    passed, depth = {tree.parents[first]: 0.0}, {tree.parents[first]: 0}
    candidates = []
    below: dict[int, list[int]] = {}
    for joint in tree.subtree[first]:
        parent = tree.parents[joint]
        if parent not in depth or depth[parent] == _DEEPEST:
            continue
        passed[joint] = passed[parent] + _passing_cost(tree.names[joint], limb)
        depth[joint] = depth[parent] + 1
        if not tree.names[joint].extra:
            candidates.append(joint)
            below[joint] = []
            for above in tree.path(joint, first)[1:]:
                if above in below:
                    below[above].append(joint)

    def lacking(begin: int, end: int) -> float | None:
        """The cost of a rig without roles[begin:end]; None when one of them is needed."""
        costs = [limb.optional.get(role) for role in roles[begin:end]]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    def fit(a: int, b: int, role_a: str | None, role_b: str) -> float:
        expected = limb.lengths.get((role_a, role_b))
        return length_score(tree.distance(a, b), expected, stature) if expected else 0.0

    # (joint, index of its role) -> the best score from there outwards, and the next such pair
    best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]] = {}
    for joint in reversed(candidates):
        for k, role in enumerate(roles):
            rest = lacking(k + 1, len(roles))
            options: list[tuple[float, tuple[int, int] | None]] = [] if rest is None else [(-rest, None)]
            for after in range(k + 1, len(roles)):
                gap = lacking(k + 1, after)
                if gap is None:
                    break
                for other in below[joint]:
                    if (other, after) in best:
                        between = passed[tree.parents[other]] - passed[joint]
                        score = best[other, after][0] + fit(joint, other, role, roles[after]) - between - gap
                        options.append((score, (other, after)))
            if options:
                score, following = max(options, key=lambda option: option[0])
                score += _name_score(tree.names[joint], role)
                if role == "head":
                    score -= _head_cost(tree, joint, first)
                best[joint, k] = (score, following)

    starts = []
    for (joint, k), (score, _) in best.items():
        gap = lacking(0, k)
        if gap is not None:
            score += fit(trunk, joint, None, roles[k]) - gap - passed[tree.parents[joint]]
            # among equals the joint nearest to the trunk
            starts.append((score, -joint, k))
    if not starts:
        return None
    total, joint, k = max(starts)
    joints: dict[str, int] = {}
    fits: dict[str, float] = {}
    before = trunk
    role_before: str | None = None
    step: tuple[int, int] | None = (-joint, k)
    while step is not None:
        joint, role = step[0], roles[step[1]]
        joints[role], fits[role] = joint, fit(before, joint, role_before, role)
        before, role_before, step = joint, role, best[step][1]
    return Chain(total, joints, fits)
