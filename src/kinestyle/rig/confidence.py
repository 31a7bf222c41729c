"""How certain the joints of a body are: by how much the best reading of a rig is better than those
that differ in a role.

Names and lengths say how well a joint fits. Only its rivals say whether another fits as well: the
tip of a foot beside the toes, a second neck, a strand of hair where a head might be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from kinestyle.motion.canonical import part_of
from kinestyle.rig.chains import Chain, RigTree, step_scores
from kinestyle.rig.names import Side
from kinestyle.rig.search import RIVAL, Body

_SPINE_SHARE = 0.4
"""How far from hips to chest a single spine joint bends best."""

_USUAL_MARGIN = 0.45
"""A margin over the next best at which a joint is two thirds sure."""


def certainty(
    tree: RigTree,
    body: Body,
    others: Sequence[Body],
    sides: Mapping[Side, tuple[Chain, Chain]],
    joints: Mapping[str, int],
) -> dict[str, float]:
    """Role -> [0, 1], how clearly its joint is better than any other.

    others: rivals of `body`; sides: its legs and arms; joints: role -> joint of `body`
    """
    margins = dict.fromkeys(joints, RIVAL)
    of_top = {} if body.top is None else _chain_margins(tree, body.top)
    for role, margin in of_top.items():
        margins[role] = min(margins.get(role, RIVAL), margin)
    for side, chains in sides.items():
        for chain in chains:
            for role, margin in _chain_margins(tree, chain).items():
                margins[f"{side}_{role}"] = min(margins.get(f"{side}_{role}", RIVAL), margin)
    for other in others:
        behind = body.score - other.score
        for role in _differing(joints, _sets(tree, other)):
            margins[role] = min(margins[role], behind)
    sure = {role: 1.0 - float(np.exp(-margins[role] / _USUAL_MARGIN)) for role in joints}
    if "neck" in sure and tree.names[joints["neck"]].weight("neck") > 0.5:
        # another piece of the neck is no rival: the lower one is meant
        sure["neck"] = 1.0
    if "neck" in sure and "head" in sure:
        # if the head is really a strand of hair, the neck is the head: neither is surer than both
        sure["neck"] = sure["head"] = sure["neck"] * sure["head"]
    return sure


def _sets(tree: RigTree, body: Body) -> dict[str, set[int]]:
    """Role without side -> its joints."""
    found = {role: {joint} for role, joint in trunk_roles(tree, body).items()}
    for pair in (body.legs, body.arms):
        for chain in pair.chains:
            for role, joint in chain.joints.items():
                found.setdefault(role, set()).add(joint)
    return found


def _differing(joints: Mapping[str, int], other: Mapping[str, set[int]]) -> list[str]:
    """Roles whose joint does not have that role, on either side, in another body."""
    return [role for role, joint in joints.items() if joint not in other.get(part_of(role), set())]


def _chain_margins(tree: RigTree, chain: Chain) -> dict[str, float]:
    """Role -> by how much the limb would be worse with another joint in this role, or with none."""
    search = chain.search
    limb, below = search.limb, tree.subtree[search.first]
    count = len(limb.roles)
    lineage = tree.lineage
    pairs = slice(int(lineage.begin[below.start]), int(lineage.begin[below.stop]))
    upper, lower = lineage.upper[pairs] - search.first, lineage.lower[pairs] - search.first
    inwards = search.inwards.copy()
    steps: list[tuple[int, int, np.ndarray]] = []
    for k in range(count):
        for after, gap in limb.steps[k] if len(upper) else ():
            scores = (
                step_scores(tree, limb, search.stature, k, after, gap, pairs)
                + (inwards + search.own)[k, upper]
            )
            np.maximum.at(inwards[after], lower, scores)
            steps.append((k, after, scores))
    through = inwards + search.outwards
    margins = {}
    for k, role in enumerate(limb.roles):
        rivals = [-np.inf]
        if role in chain.joints:
            others = np.delete(through[k], chain.joints[role] - search.first)
            rivals += [float(others.max())] if len(others) else []
        if role not in chain.joints or role in limb.optional:
            # limbs without this role begin after it, end before it, or pass over it
            rivals += [float((search.inwards + search.outwards)[k + 1 :].max(initial=-np.inf))]
            for before in range(k):
                rivals.append(
                    float((inwards + search.own)[before].max()) - limb.lacking(before + 1, count)
                )
            rivals += [
                float((s + search.outwards[b, lower]).max()) for a, b, s in steps if a < k < b
            ]
        if role in chain.joints:
            margins[role] = max(0.0, chain.score - max(rivals))
    return margins


def trunk_roles(tree: RigTree, body: Body) -> dict[str, int]:
    """Hips, spine, chest, neck and head -> joints, as far as the rig has them."""
    joints = {} if body.top is None else dict(body.top.joints)
    branch = body.arms.branch
    if "neck" in joints and branch in tree.skeleton.ancestors(joints["neck"]):
        # a neck in two pieces (CMU's Neck and Neck1) bends at the lower one
        upwards = tree.path(joints["neck"], branch)[-2::-1]
        joints["neck"] = next(
            (joint for joint in upwards if tree.names[joint].weight("neck") > 0.5), joints["neck"]
        )
    path = tree.path(branch, body.hips)[::-1]
    if len(path) > 2 and tree.names[branch].weight("neck") > 0.5:
        # 3ds Max hangs the clavicles from the neck: the chest is the joint below it
        joints["neck"] = path.pop()
    joints |= {"hips": path[0], "chest": path[-1]}
    if len(path) > 2:
        along = np.cumsum([tree.distance(a, b) for a, b in pairwise(path)])
        joints["spine"] = path[1 + int(np.argmin(np.abs(along[:-1] - _SPINE_SHARE * along[-1])))]
    return joints
