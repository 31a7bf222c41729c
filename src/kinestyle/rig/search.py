"""The body in a rig's tree: legs are a pair of chains below one joint, arms a pair below another,
and the hips are above both.

Names that tell left from right name the pairs. Without them every two chains that hang from one
joint could be a pair of limbs: fingers, hair, the panels of a skirt. So pairs are rated by
proportion and likeness first, legs before arms. The few best are combined into whole bodies, which
are rated by their trunk, neck and head as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from kinestyle.errors import RigError
from kinestyle.motion.canonical import LEG_LENGTH_M, STATURE_M
from kinestyle.motion.rotation import Array
from kinestyle.rig.chains import (
    ARM,
    LEG,
    TOP,
    TRUNK_LENGTH,
    Chain,
    Limb,
    RigTree,
    best_chain,
    length_score,
)

_LEG_REACH = 0.56
"""Hips to the last joint of a leg, as a fraction of stature: in between legs that end at the ankle
and legs that end at the toes.
"""

_LEG_LENGTH = LEG_LENGTH_M / STATURE_M
"""Hip to ankle, as a fraction of stature."""

_UNLIKE = 0.08
"""Sigma of the logarithm of a bone's length on one side over the other's."""

_LEG_PAIRS = 6
"""How many pairs of legs are combined into bodies: of those with sides in their names, and of those
without.
"""

_RANGE = (0.12, 3.0)
"""An arm's reach as a fraction of stature, from a stump to a hand with a pole in it."""

_HEIGHTS = {"neck": (0.005, 0.045), "head": (0.088, 0.030)}
"""How high a joint lies above the middle between the shoulders, along the trunk, as a fraction of
stature, and its sigma. On twenty-one real rigs necks lie between -0.05 and 0.06, heads between 0.06
and 0.13.
"""

_FORK = 2.0
"""What a head beyond a fork costs. Without names, the joint that carries jaw and eyes is the head,
and an eye is not.
"""

RIVAL = 4.0
"""A body, or a joint for a role, is a rival of the best if its score is less by no more than
this.
"""

_CLEAR = -4.0
"""A body with sides in its names and at least this score is found: bodies without sides are not
looked for. Those have about -3.
"""

_WORST = -4.5


@dataclass(frozen=True)
class Pair:
    """Two limbs that hang from one joint.

    branch: that joint
    starts, chains: where the two begin, and their joints; the left one first if `sided`, otherwise
        in no order
    score: how much like a pair of that limb they are
    sided: names tell left and right
    """

    branch: int
    starts: tuple[int, int]
    chains: tuple[Chain, Chain]
    score: float
    sided: bool


@dataclass(frozen=True)
class Body:
    """One reading of the tree as a body. top: neck and head; None on a rig that ends at the
    shoulders.
    """

    score: float
    hips: int
    legs: Pair
    arms: Pair
    top: Chain | None

    @property
    def sided(self) -> bool:
        """Whether names tell left and right."""
        return self.legs.sided or self.arms.sided


def find_bodies(tree: RigTree, clip_name: str) -> list[Body]:
    """Readings of the tree as a body: the best first, then some that are about as good.

    Raises RigError when there is none; the message says what is missing.
    """
    legs = _leg_pairs(tree)
    bodies: list[Body] = []
    for sided in (True, False):
        if not bodies or bodies[0].score < _CLEAR:
            bodies += _bodies(tree, [pair for pair in legs if pair.sided == sided])
            bodies.sort(key=lambda body: -body.score)
    if not bodies:
        bodies = [body for body in _bodies(tree, legs, headless=True) if body.sided]
        bodies.sort(key=lambda body: -body.score)
    # arms would pass for legs where the real legs hang below them
    upside_down = (
        bodies
        and bodies[0].legs.sided
        and not _is_more(tree, LEG, ARM, bodies[0].legs)
        and _below_which_legs_hang(tree, legs) is not None
    )
    if bodies and not upside_down:
        return [body for body in bodies if body.score > bodies[0].score - RIVAL]
    raise RigError(_why_no_body(tree, clip_name, legs))


def _why_no_body(tree: RigTree, clip_name: str, leg_pairs: list[Pair]) -> str:
    """Which part of a body was not found in the tree, in words."""
    names = tree.skeleton.names
    help_it = "; if it has, name them in a rig (`kinestyle map --blank`)"
    rig = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    where = f"{clip_name}: no human body was found in the rig ({rig})"
    legs = [pair for pair in leg_pairs if _is_more(tree, LEG, ARM, pair)]
    if not legs:
        return (
            f"{where}: it has no two legs, a left and a right thigh, shin and foot below one "
            f"joint{help_it}"
        )
    left, right = legs[0].starts
    if (chest := _below_which_legs_hang(tree, legs)) is not None:
        return (
            f"{where}: its hierarchy hangs from the head, for the legs lie below the joint of the "
            f"arms, {names[chest]!r}; export it with the hips as the root"
        )
    where += f": legs start at {names[left]!r} and {names[right]!r}"
    if not any(_is_more(tree, ARM, LEG, arms) for pair in legs for arms in _arm_pairs(tree, pair)):
        return (
            f"{where}, but there are no two arms, a left and a right upper arm and forearm below "
            f"one joint{help_it}"
        )
    return (
        f"{where}, but above them no spine joint carries two arms (upper arm, forearm) and a neck "
        f"or head{help_it}"
    )


def _below_which_legs_hang(tree: RigTree, leg_pairs: list[Pair]) -> int | None:
    """The joint that carries two arms, with legs farther down; None on any other tree."""
    for legs in leg_pairs:
        for arms in _arm_pairs(tree, legs):
            above = tree.common_ancestor(legs.branch, arms.branch)
            if above == arms.branch != legs.branch and _is_more(tree, ARM, LEG, arms):
                return arms.branch
    return None


def _is_more(tree: RigTree, limb: Limb, other: Limb, pair: Pair) -> bool:
    """Whether a pair is rather two of one limb than two of the other."""

    def score(limb: Limb) -> float:
        statures = [tree.reach[start] / _LEG_REACH for start in pair.starts]
        chains = [
            best_chain(tree, limb, pair.branch, *at)
            for at in zip(pair.starts, statures, strict=True)
        ]
        return sum(chain.score if chain else -np.inf for chain in chains)

    return score(limb) > score(other)


def _branches(tree: RigTree) -> Iterator[tuple[int, list[int]]]:
    """Joints with two or more chains below them, and where the chains start."""
    for branch, children in enumerate(tree.skeleton.children):
        chains = [child for child in children if tree.reach[child] > 0]
        if len(chains) > 1:
            yield branch, chains


def _pairs(tree: RigTree, branch: int, chains: dict[int, Chain]) -> Iterator[Pair]:
    """The pairs among the chains of one limb that hang from one joint. chains: by their start.

    Where names tell sides, a pair is a left and a right chain. Otherwise the bones of both must be
    about as long.
    """
    for a, b in combinations(chains, 2):
        sides = {tree.side[a], tree.side[b]}
        score = chains[a].score + chains[b].score
        if sides == {"left", "right"}:
            left, right = (a, b) if tree.side[a] == "left" else (b, a)
            yield Pair(branch, (left, right), (chains[left], chains[right]), score, True)
        elif sides == {""}:
            yield Pair(
                branch,
                (a, b),
                (chains[a], chains[b]),
                score + _likeness(tree, branch, chains[a], chains[b]),
                False,
            )


def _likeness(tree: RigTree, branch: int, one: Chain, other: Chain) -> float:
    """At most 0: how alike the bones of two limbs are, and whether they have the same roles."""
    score = -2.0 * len(one.joints.keys() ^ other.joints.keys())
    before = branch, branch
    for role in one.joints:
        if role in other.joints:
            here = one.joints[role], other.joints[role]
            lengths = [tree.distance(a, b) for a, b in zip(before, here, strict=True)]
            z = float(np.log(lengths[0] / lengths[1])) / _UNLIKE
            score += max(-0.5 * z * z, _WORST) if max(lengths) > 1e-6 * tree.reach[branch] else 0.0
            before = here
    return score


def _leg_pairs(tree: RigTree) -> list[Pair]:
    """Pairs that could be the legs, the likeliest first. Of limbs that look like legs, larger ones
    are likelier.
    """
    found: list[tuple[float, Pair]] = []
    largest = max(
        (tree.reach[chain] for _, chains in _branches(tree) for chain in chains), default=0.0
    )
    for branch, starts in _branches(tree):
        chains = {}
        for start in starts:
            if (
                tree.reach[start] > 0.2 * largest
                and (chain := _leg(tree, branch, start)) is not None
            ):
                chains[start] = chain
        for pair in _pairs(tree, branch, chains):
            small = float(np.log(largest / _leg_length(tree, pair)))
            found.append((pair.score - 1.5 * small, pair))
    found.sort(key=lambda rated: -rated[0])
    sided = [pair for _, pair in found if pair.sided][:_LEG_PAIRS]
    return sided + [pair for _, pair in found if not pair.sided][:_LEG_PAIRS]


def _leg(tree: RigTree, branch: int, start: int) -> Chain | None:
    """The best leg that starts at a joint. Its own length gives the stature: chains may go on
    beyond a foot or carry things.
    """
    chain = best_chain(tree, LEG, branch, start, tree.reach[start] / _LEG_REACH)
    if chain is None:
        return None
    return best_chain(tree, LEG, branch, start, _chain_length(tree, chain) / _LEG_LENGTH)


def _chain_length(tree: RigTree, chain: Chain) -> float:
    thigh, shin, foot = (chain.joints[role] for role in ("thigh", "shin", "foot"))
    return tree.distance(thigh, shin) + tree.distance(shin, foot)


def _leg_length(tree: RigTree, pair: Pair) -> float:
    return 0.5 * sum(_chain_length(tree, chain) for chain in pair.chains)


def _arm_pairs(tree: RigTree, legs: Pair) -> Iterator[Pair]:
    """Pairs that could be the arms of a body with these legs."""
    stature = _leg_length(tree, legs) / _LEG_LENGTH
    taken = {joint for start in legs.starts for joint in tree.subtree[start]}
    for branch, starts in _branches(tree):
        if branch in taken:
            continue
        chains = {}
        for start in starts:
            reach = tree.reach[start] / stature
            if start not in taken and _RANGE[0] < reach < _RANGE[1]:
                chain = best_chain(tree, ARM, branch, start, stature)
                if chain is not None:
                    chains[start] = chain
        yield from _pairs(tree, branch, chains)


def _bodies(tree: RigTree, leg_pairs: list[Pair], headless: bool = False) -> Iterator[Body]:
    """All combinations of a pair of legs and a pair of arms, except those that cannot rival an
    earlier one. headless: those without neck and head
    """
    best = -np.inf
    most = float(np.maximum(tree.table(TOP).name_scores.max(axis=1), 0.0).sum())
    for legs in leg_pairs:
        stature = _leg_length(tree, legs) / _LEG_LENGTH
        leg_joints = {joint for start in legs.starts for joint in tree.subtree[start]}
        for arms in sorted(_arm_pairs(tree, legs), key=lambda pair: -pair.score):
            if legs.score + arms.score + most < best - RIVAL:
                break
            hips = tree.common_ancestor(legs.branch, arms.branch)
            if hips == arms.branch:
                continue
            trunk = float(
                length_score(np.log(tree.distance(hips, arms.branch)), TRUNK_LENGTH, stature)
            )
            score = legs.score + arms.score + trunk + _posture(tree, hips, legs, arms)
            if headless:
                if _is_more(tree, LEG, ARM, legs) and _is_more(tree, ARM, LEG, arms):
                    yield Body(score, hips, legs, arms, None)
                continue
            top = (
                _neck_and_head(tree, hips, arms, leg_joints, stature)
                if score + most >= best - RIVAL
                else None
            )
            if top is not None:
                best = max(best, score + top.score)
                yield Body(score + top.score, hips, legs, arms, top)


def _posture(tree: RigTree, hips: int, legs: Pair, arms: Pair) -> float:
    """At most 0: shoulders should lie parallel to hips, and legs on the other side of the hips than
    the shoulders.
    """
    if legs.sided and arms.sided:
        return 0.0

    def position(pair: Pair, role: str) -> tuple[Array, Array]:
        return tuple(tree.position[:, chain.joints[role]] for chain in pair.chains)  # type: ignore[return-value]

    thighs, feet = position(legs, "thigh"), position(legs, "foot")
    shoulders = position(arms, "upper_arm")
    across = abs(_mean_cosine(thighs[0] - thighs[1], shoulders[0] - shoulders[1]))
    middle = tree.position[:, hips]
    upright = _mean_cosine(
        0.5 * (shoulders[0] + shoulders[1]) - middle, middle - 0.5 * (feet[0] + feet[1])
    )
    return 3.0 * (across - 1.0) + 2.0 * min(upright - 0.5, 0.0)


def _mean_cosine(a: Array, b: Array) -> float:
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return float(np.mean(np.sum(a * b, axis=-1) / np.maximum(lengths, 1e-12)))


def _neck_and_head(
    tree: RigTree, hips: int, arms: Pair, leg_joints: set[int], stature: float
) -> Chain | None:
    """The chain of neck and head from the arms' branch or, on odd rigs, from the next joint of the
    trunk that has one.
    """
    trunk = tree.path(arms.branch, hips)
    taken = {*trunk, *leg_joints, *tree.subtree[arms.starts[0]], *tree.subtree[arms.starts[1]]}
    heights = _heights(tree, hips, arms) / stature
    for joint in trunk:
        starts = [
            child
            for child in tree.skeleton.children[joint]
            if child not in taken and not tree.side[child]
        ]
        chains = [
            best_chain(tree, TOP, arms.branch, child, stature, _top_scores(tree, child, heights))
            for child in starts
        ]
        best = max(
            (chain for chain in chains if chain), key=lambda chain: chain.score, default=None
        )
        if best is not None:
            return best
    return None


def _heights(tree: RigTree, hips: int, arms: Pair) -> Array:
    """(J,) how high joints lie above the middle between the shoulders, along the trunk, in file
    units.
    """
    position = tree.position
    left, right = (position[:, chain.joints["upper_arm"]] for chain in arms.chains)
    middle = 0.5 * (left + right)
    trunk = middle - position[:, hips]
    trunk = trunk / np.maximum(np.linalg.norm(trunk, axis=-1, keepdims=True), 1e-12)
    return np.einsum("tjc,tc->tj", position - middle[:, None], trunk).mean(axis=0)


def _top_scores(tree: RigTree, first: int, heights: Array) -> Array:
    """(2, N) what, beside names and lengths, speaks for the joints at and below `first` as the neck
    and as the head.

    Shape does not count for a joint whose name says what it is.
    """
    names, children, below = tree.names, tree.skeleton.children, tree.subtree[first]
    scores = np.zeros((2, len(below)))
    forks: dict[int, int] = {tree.parents[first]: 0}
    for joint in below:
        above = tree.parents[joint]
        forks[joint] = forks[above] + (joint != first and len(children[above]) > 1)
        for k, role in enumerate(TOP.roles):
            if names[joint].weight(role) <= 0.5:
                usual, sigma = _HEIGHTS[role]
                scores[k, joint - first] = max(
                    -0.5 * ((heights[joint] - usual) / sigma) ** 2, _WORST
                )
        if names[joint].weight("head") <= 0.5:
            # "spine.005" is no head while there is a "spine.006" above it
            scores[1, joint - first] -= _FORK * (forks[joint] + tree.goes_on[joint])
    return scores
