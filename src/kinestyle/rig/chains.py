"""Limbs on a rig: what a leg, an arm or a neck looks like, and the joints of a chain that fit it
best.

A limb's roles come in a fixed order down a chain of joints. Joints between them may have no role
(twist bones, joints of no length), and some rigs lack some roles. A dynamic programme over (joint,
role) finds the best assignment: names vote for roles, bone lengths speak against unlikely ones,
passing over a joint or lacking a role costs a little. Scores are log-likelihoods by feel: a fitting
name outweighs a length that is off by two sigma.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.rig.names import JointName, Side, read_names

_MEASURED_FRAMES = 8
"""Frames for the distances between all pairs of joints: bones hardly change length."""

_NAME_FITS, _NAME_CONFLICTS = 3.0, -3.0
_PASS_KNOWN, _PASS_UNKNOWN = 1.0, 0.5
_DEEPEST = 20
"""Joints down a chain that are looked at. A limb with twist bones and a finger has ten; a rope may
have a thousand.
"""

_TRIFLE = 1e-12
"""Added to lengths before their logarithm is taken."""

_STATURE_STEP = 0.03
"""The logarithm of a stature is rounded to this."""

_WORST_LENGTH = -4.5
"""Three sigma. Odd proportions must not undo what names say."""


@dataclass(frozen=True)
class Limb:
    """A limb as a sequence of roles.

    roles: from the trunk outwards, without side
    lengths: (role, next role) -> its length as a fraction of stature, and the sigma of its
        logarithm; (None, role) is the distance from the trunk. Pairs that are not listed may have
        any length
    optional: roles that a rig may lack -> what that costs: rigs without toes are common, rigs
        without hands rare
    """

    roles: tuple[str, ...]
    lengths: Mapping[tuple[str | None, str], tuple[float, float]]
    optional: Mapping[str, float]

    def lacking(self, begin: int, end: int) -> float:
        """The cost of a rig without roles[begin:end]; infinite when one of them is needed."""
        return self._lacking[begin][end]

    @cached_property
    def _lacking(self) -> list[list[float]]:
        """(K + 1, K + 1), see `lacking`."""
        costs = [self.optional.get(role, np.inf) for role in self.roles]
        bounds = range(len(costs) + 1)
        return [[sum(costs[begin:end]) for end in bounds] for begin in bounds]

    @cached_property
    def steps(self) -> tuple[tuple[tuple[int, float], ...], ...]:
        """For each role, the roles that may follow it as (next role, cost of lacking those in
        between).
        """
        return tuple(
            tuple(
                (after, gap)
                for after in range(k + 1, len(self.roles))
                if np.isfinite(gap := self.lacking(k + 1, after))
            )
            for k in range(len(self.roles))
        )


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
    lengths={
        (None, "neck"): (0.13, 0.6),
        (None, "head"): (0.19, 0.5),
        ("neck", "head"): (0.06, 0.6),
    },
    optional={"neck": 1.0, "head": 4.0},
)
TRUNK_LENGTH = (0.20, 0.6)
"""Hips to the joint that the arms branch from, as a fraction of stature, and the sigma of its
logarithm.
"""

_TRUNK_ROLES = ("hips", "spine", "chest", "neck", "head")


@dataclass(frozen=True, eq=False)
class Search:
    """The scores from which a limb's joints were chosen: they tell how close the choice was.

    first: the joint at and below which the limb was looked for; N joints
    own: (K, N) what speaks for each joint in each role
    inwards: (K, N) the best score from the trunk to it, without `own`
    outwards: (K, N) the best score from it outwards, with `own`
    """

    limb: Limb
    stature: float
    first: int
    own: Array
    inwards: Array
    outwards: Array


@dataclass(frozen=True, eq=False)
class Chain:
    """The best assignment of one limb.

    joints: role without side -> joint
    fits: role -> the score, at most 0, of the length that leads to it
    """

    score: float
    joints: dict[str, int]
    fits: dict[str, float]
    search: Search


class RigTree:
    """A skeleton and what the search asks of it again and again. Its joints are in an order of its
    own, depth first: every limb is one slice.

    order: (J,) the skeleton's joint for each of the tree's; all else is in the tree's order
    names: what each joint's name says
    position: (T, J, 3) world positions of sampled frames, file units
    """

    def __init__(
        self, skeleton: Skeleton, position: Array, elsewhere: Mapping[int, int] | None = None
    ) -> None:
        """elsewhere: joints that are looked for below others than those they hang on"""
        hung = skeleton.parents.copy()
        for joint, carrier in (elsewhere or {}).items():
            hung[joint] = carrier
        self.order = _depth_first(hung)
        index = np.argsort(self.order)
        parents = np.where(hung < 0, -1, index[hung])[self.order]
        names = tuple(skeleton.names[joint] for joint in self.order)
        self.skeleton = Skeleton(names, parents, skeleton.offsets[self.order])
        self.position = position[:, self.order]
        self.names: tuple[JointName, ...] = read_names(names)
        self.parents: list[int] = parents.tolist()
        self.few_position = self.position[:: max(1, len(position) // _MEASURED_FRAMES)]
        self.usable = np.array([not name.extra for name in self.names])
        self._rows: dict[int, Array] = {}
        self._tables: dict[tuple[str, ...], _LimbTable] = {}
        self._outwards: dict[tuple[tuple[str, ...], float, int], Array] = {}

    def distances(self, joint: int) -> Array:
        """(J,) the mean distances of all joints from one over some frames, in file units, above
        zero.
        """
        if joint not in self._rows:
            apart = self.few_position - self.few_position[:, joint : joint + 1]
            self._rows[joint] = (
                np.sqrt(np.einsum("tjc,tjc->tj", apart, apart)).mean(axis=0) + _TRIFLE
            )
        return self._rows[joint]

    def distance(self, a: int, b: int) -> float:
        """The mean distance between two joints over some frames, in file units."""
        return float(self.distances(a)[b])

    @cached_property
    def subtree(self) -> list[range]:
        """For each joint, itself and all below it, parents before their children."""
        end = list(range(1, len(self.parents) + 1))
        for joint in range(len(self.parents) - 1, 0, -1):
            end[self.parents[joint]] = max(end[self.parents[joint]], end[joint])
        return [range(joint, after) for joint, after in enumerate(end)]

    @cached_property
    def bones(self) -> list[float]:
        """For each joint, how far it is from its parent; 0 for the root."""
        apart = self.few_position - self.few_position[:, np.maximum(self.skeleton.parents, 0)]
        return np.sqrt(np.einsum("tjc,tjc->tj", apart, apart)).mean(axis=0).tolist()

    @cached_property
    def reach(self) -> list[float]:
        """For each joint, the length of the longest path of bones down from it to a joint that may
        play a role.
        """
        found = [0.0] * len(self.parents)
        for joint in range(len(self.parents) - 1, 0, -1):
            parent = self.parents[joint]
            if found[joint] > 0 or not self.names[joint].extra:
                found[parent] = max(found[parent], found[joint] + self.bones[joint])
        return found

    @cached_property
    def side(self) -> list[Side]:
        """For each joint, the side that names at and below it speak of; "" on the trunk, and for
        both or none.
        """
        found: list[Side] = []
        for name, joints in zip(self.names, self.subtree, strict=True):
            sides = [self.names[joint].side for joint in joints]
            left, right = sides.count("left"), sides.count("right")
            of_trunk = not name.side and any(role in name.roles for role in _TRUNK_ROLES)
            if of_trunk or not (left > 3 * right or right > 3 * left):
                found.append("")
            else:
                found.append("left" if left > right else "right")
        return found

    @cached_property
    def goes_on(self) -> list[bool]:
        """For each joint, whether a name below it speaks of the trunk."""
        found = [False] * len(self.parents)
        for joint in range(len(self.parents) - 1, 0, -1):
            if found[joint] or any(role in self.names[joint].roles for role in _TRUNK_ROLES):
                found[self.parents[joint]] = True
        return found

    @cached_property
    def lineage(self) -> Lineage:
        """All pairs of a joint and one below it."""
        return Lineage(self)

    def table(self, limb: Limb) -> _LimbTable:
        """What names say of a limb's roles, remembered."""
        if limb.roles not in self._tables:
            self._tables[limb.roles] = _LimbTable(self, limb)
        return self._tables[limb.roles]

    def outwards(self, limb: Limb, stature: float, first: int) -> Array:
        """`_outwards` of a limb at and below a joint, remembered."""
        key = limb.roles, stature, first
        if key not in self._outwards:
            below = self.subtree[first]
            own = self.table(limb).name_scores[:, below.start : below.stop]
            self._outwards[key] = _outwards(self, limb, stature, first, own)
        return self._outwards[key]

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


def _depth_first(parents: np.ndarray) -> np.ndarray:
    """(J,) the joints in an order in which all below a joint follow it directly."""
    children: list[list[int]] = [[] for _ in parents]
    for joint, parent in enumerate(parents.tolist()):
        if parent >= 0:
            children[parent].append(joint)
    order, ready = [], [0]
    while ready:
        order.append(joint := ready.pop())
        ready += reversed(children[joint])
    return np.array(order)


class Lineage:
    """All pairs of a joint and one below it that may both play roles, sorted by the upper one.

    upper, lower: (P,) joints; length: (P,) logarithm of the mean distance, file units
    begin: (J + 1,) for each joint, the index of the first pair in which it is the upper one
    """

    def __init__(self, tree: RigTree) -> None:
        rows = []
        for joint, name in enumerate(tree.names):
            above, steps = tree.parents[joint], 0
            while not name.extra and above >= 0 and steps < _DEEPEST:
                if not tree.names[above].extra:
                    rows.append((above, joint))
                above, steps = tree.parents[above], steps + 1
        rows.sort()
        self.upper, self.lower = np.array(rows, dtype=int).reshape(-1, 2).T
        self.begin = np.searchsorted(self.upper, np.arange(len(tree.names) + 1))
        apart = tree.few_position[:, self.upper] - tree.few_position[:, self.lower]
        self.length = np.log(np.sqrt(np.einsum("tpc,tpc->tp", apart, apart)).mean(axis=0) + _TRIFLE)


class _LimbTable:
    """What a limb's search needs of a rig at any stature.

    name_scores: (K, J) how well each joint's name fits each role
    passing: (J + 1,) the cost of passing over all joints from the root down to each; the last one
        is 0 and stands for the root's parent
    """

    def __init__(self, tree: RigTree, limb: Limb) -> None:
        self.name_scores, costs = _of_names(tree.skeleton.names, limb.roles)
        passing = [0.0] * (len(costs) + 1)
        for joint, cost in enumerate(costs):
            passing[joint] = passing[tree.parents[joint]] + cost
        self.passing = np.array(passing)


@lru_cache(maxsize=256)
def _of_names(names: tuple[str, ...], roles: tuple[str, ...]) -> tuple[Array, tuple[float, ...]]:
    """(K, J) how well each joint's name fits each role of a limb, and what it costs to pass over
    each joint. Many clips have the same names.
    """
    read = read_names(names)
    scores = np.array([[_name_score(name, role) for name in read] for role in roles])
    scores.flags.writeable = False
    return scores, tuple(_passing_cost(name, roles) for name in read)


def length_score(log_length: Array | float, expected: tuple[float, float], stature: float) -> Array:
    """How usual lengths are: 0 for the expected one, less is worse.

    log_length: logarithms of lengths, and stature, both in file units; expected: see
    `Limb.lengths`
    """
    fraction, sigma = expected
    # joints that coincide count as 0.4 % of stature apart
    z = (np.maximum(log_length - np.log(stature), np.log(0.004)) - np.log(fraction)) / sigma
    return np.maximum(-0.5 * z * z, _WORST_LENGTH)


def _name_score(name: JointName, role: str) -> float:
    """How well a name fits a role; negative if it says something else."""
    weight = name.weight(role)
    if weight:
        return _NAME_FITS * weight
    return _NAME_CONFLICTS if name.roles or name.passed_over else 0.0


def _passing_cost(name: JointName, roles: tuple[str, ...]) -> float:
    """What it costs to pass over a joint of this name in a limb."""
    if name.extra or name.passed_over:
        return 0.0
    if not name.roles:
        return _PASS_UNKNOWN
    return _PASS_KNOWN * max(name.weight(role) for role in roles)


def step_scores(
    tree: RigTree, limb: Limb, stature: float, k: int, after: int, gap: float, pairs: slice
) -> Array:
    """For pairs of the lineage, what speaks for the upper joint as role k and the lower one as role
    `after`, the next that the rig has. gap: the cost of lacking the roles in between.
    """
    lineage, passing = tree.lineage, tree.table(limb).passing
    upper, lower = lineage.upper[pairs], lineage.lower[pairs]
    score = passing[upper] - passing[tree.skeleton.parents[lower]] - gap
    expected = limb.lengths.get((limb.roles[k], limb.roles[after]))
    return score + length_score(lineage.length[pairs], expected, stature) if expected else score


def _outwards(tree: RigTree, limb: Limb, stature: float, first: int, own: Array) -> Array:
    """(K, N) the best score of a limb, outwards from each of the N joints at and below `first` in
    each role.

    own: (K, N) what speaks for the joint itself
    """
    below, lineage = tree.subtree[first], tree.lineage
    best = np.full((len(limb.roles), len(below)), -np.inf)
    usable = tree.usable[below.start : below.stop]
    for k in range(len(limb.roles)):
        best[k, usable] = -limb.lacking(k + 1, len(limb.roles))
    pairs = slice(int(lineage.begin[below.start]), int(lineage.begin[below.stop]))
    lower = lineage.lower[pairs] - first
    upper = lineage.upper[pairs] - first
    starts = np.flatnonzero(np.diff(upper, prepend=-1))
    owners = upper[starts]
    for k in range(len(limb.roles) - 1, -1, -1):
        for after, gap in limb.steps[k] if len(lower) else ():
            scores = step_scores(tree, limb, stature, k, after, gap, pairs) + best[after, lower]
            best[k, owners] = np.maximum(best[k, owners], np.maximum.reduceat(scores, starts))
        best[k] += own[k]
    return best


def best_chain(
    tree: RigTree, limb: Limb, trunk: int, first: int, stature: float, further: Array | None = None
) -> Chain | None:
    """The best joints for the roles of a limb that hangs from the joint `trunk`, at or below
    `first`. None when the chain is too short for the roles that no rig may lack.

    stature: the body's, in file units, roughly
    further: (K, N) what else, beside names and lengths, speaks for each of the joints at and below
        `first` in each role
    """
    roles, passing = limb.roles, tree.table(limb).passing
    # rounded: the result for nearly this stature is used again
    stature = float(np.exp(round(float(np.log(stature)) / _STATURE_STEP) * _STATURE_STEP))
    below = tree.subtree[first]
    joints = slice(below.start, below.stop)
    own = tree.table(limb).name_scores[:, joints]
    if further is None:
        best = tree.outwards(limb, stature, first)
    else:
        own = own + further
        best = _outwards(tree, limb, stature, first, own)
    log_length = np.log(tree.distances(trunk)[joints])
    inwards = np.full((len(roles), len(below)), -np.inf)
    passed = passing[tree.skeleton.parents[joints]] - passing[tree.parents[first]]
    for k, role in enumerate(roles):
        gap = limb.lacking(0, k)
        if np.isfinite(gap):
            expected = limb.lengths.get((None, role))
            fit = length_score(log_length, expected, stature) if expected else 0.0
            inwards[k] = fit - gap - passed
    starts = inwards + best
    total = float(starts.max())
    if not np.isfinite(total):
        return None
    # among equals the joint nearest to the trunk
    joint = int(np.argmax(starts.max(axis=0)))
    k = int(np.argmax(starts[:, joint]))
    found = {roles[k]: first + joint}
    fits = {roles[k]: _fit(tree, limb, trunk, first + joint, None, roles[k], stature)}
    while (following := _following(tree, limb, stature, first, best, own, joint, k)) is not None:
        before, role_before, (joint, k) = joint, roles[k], following
        found[roles[k]] = first + joint
        fits[roles[k]] = _fit(
            tree, limb, first + before, first + joint, role_before, roles[k], stature
        )
    return Chain(total, found, fits, Search(limb, stature, first, own, inwards, best))


def _following(
    tree: RigTree,
    limb: Limb,
    stature: float,
    first: int,
    best: Array,
    own: Array,
    joint: int,
    k: int,
) -> tuple[int, int] | None:
    """The joint, and its role, that follows a joint in role k in the best limb from there outwards;
    None at the limb's end.

    best, own: as in `_outwards`; joints are counted from `first`
    """
    lineage, outwards = tree.lineage, float(best[k, joint] - own[k, joint])
    pairs = slice(int(lineage.begin[first + joint]), int(lineage.begin[first + joint + 1]))
    for after, gap in limb.steps[k] if pairs.stop > pairs.start else ():
        lower = lineage.lower[pairs] - first
        scores = step_scores(tree, limb, stature, k, after, gap, pairs) + best[after, lower]
        if scores.max() > outwards - 1e-9:
            return int(lower[int(np.argmax(scores))]), after
    return None


def _fit(
    tree: RigTree, limb: Limb, a: int, b: int, role_a: str | None, role_b: str, stature: float
) -> float:
    """The score of the length between joints a and b in these roles, 0 if it may be any."""
    expected = limb.lengths.get((role_a, role_b))
    return float(length_score(np.log(tree.distance(a, b)), expected, stature)) if expected else 0.0
