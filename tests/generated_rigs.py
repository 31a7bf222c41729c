"""Rigs at random, with the truth about them: any family's names or none, any build, unit, axes and
rest pose, in given motion.

A rig is grown as a list of nodes (`grown_rigs`). What its file then holds, the rest pose and each
joint's own axes, is chosen afterwards and changes nothing about where joints are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from grown_rigs import Growth, Node, grow
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.rig.body_frame import UNITS
from made_rigs import X, Y, Z
from rig_namings import FAMILIES

ANONYMOUS = ("numbered", "bones", "words", "shuffled")
"""Ways to name joints that say nothing."""

RESTS = ("T", "A", "folded", "along X", "upright")
"""Rest poses. "upright" is a T-pose in the file's own up axis; "T" stands along Y whatever the
motion's up axis is.
"""

UP_TURNS = {
    "+Y": rotation.IDENTITY,
    "+Z": rotation.exp(0.5 * np.pi * X),
    "-Y": rotation.exp(np.pi * X),
    "+X": rotation.exp(-0.5 * np.pi * Z),
    "-Z": rotation.exp(-0.5 * np.pi * X),
}
"""From Y up to the file's axes, by what is up in the file."""


_WORDS = (
    "amber birch cedar delta ember fjord grove heron islet jade karst larch maple nacre "
    "ochre pearl quartz reed slate tarn"
)


@dataclass(frozen=True)
class Made:
    """A generated rig in motion, and the truth.

    expected: role -> the joints that are right for it; roles that the rig lacks are absent
    unit: None where the body's size fits no adult's
    """

    clip: Clip
    family: str
    expected: dict[str, frozenset[int]]
    up: str
    unit: str | None
    about: str


def generate(
    seed: int, family: str, motion: Clip, naming: str = "family", plain: bool = False
) -> Made:
    """One rig. family: of `rig_namings.FAMILIES`; motion: a clip on the canonical skeleton; naming:
    "family" or of `ANONYMOUS`.

    plain: without extra joints, for the quickest tests
    """
    random = np.random.default_rng([seed, *family.encode()])
    scheme, style = FAMILIES[family], random.random()
    g = Growth(
        random, motion.world_rotation, np.arange(motion.frame_count) * motion.frame_time_seconds
    )
    size, legs, adult = grow(g, scheme, family, plain)
    about = [f"seed {seed}"]
    nodes, expected = g.nodes, _truth(g.nodes)
    names = _names(random, [node.name for node in nodes], family, naming, style)
    world_turn, world_position = _pose(g, motion.world_position[:, 0] * legs)

    up = str(random.choice(list(UP_TURNS), p=(0.5, 0.38, 0.04, 0.04, 0.04)))
    unit = str(random.choice(["m", "cm", "mm", "inch", "CMU"], p=(0.25, 0.4, 0.1, 0.15, 0.1)))
    rest = str(random.choice(RESTS))
    about += [up, unit, f"rest {rest}", f"{len(nodes)} joints", f"stature {size:.2f}"]
    back = UP_TURNS[up]
    turn = rotation.multiply(back, rotation.about_y(random.uniform(0.0, 2.0 * np.pi)))
    own = _own_axes(g, rest, back)
    order = _shuffled(random, nodes) if random.random() < 0.7 else list(range(len(nodes)))
    clip = _as_clip(
        [names[i] for i in order],
        np.array([order.index(nodes[i].parent) if nodes[i].parent >= 0 else -1 for i in order]),
        rotation.rotate(turn, world_position[:, order]) / UNITS[unit],
        rotation.multiply(turn, rotation.multiply(world_turn, own))[:, order],
        motion.frame_time_seconds,
        _tips(g, own, order, UNITS[unit]),
        f"{family} {naming} {seed} on {motion.name}",
    )
    right = {role: frozenset(order.index(i) for i in joints) for role, joints in expected.items()}
    return Made(clip, family, right, up, unit if adult else None, ", ".join(about))


# ---- the truth


def _truth(nodes: list[Node]) -> dict[str, frozenset[int]]:
    """Role -> joints. Any joint between hips and chest may be the spine; of two necks the lower one
    turns the neck.
    """
    found: dict[str, set[int]] = {}
    for index, node in enumerate(nodes):
        if node.role in ("neck again", None):
            continue
        found.setdefault(node.role, set()).add(index)
    return {role: frozenset(joints) for role, joints in found.items()}


# ---- names, axes, files


def _names(
    random: np.random.Generator, names: list[str], family: str, naming: str, style: float
) -> list[str]:
    """Unique names for all joints, in the order of growth."""
    names = [re.sub(r"^(origin|floor|hips):", "", name) for name in names]
    count = len(names)
    if naming == "numbered":
        names = [f"joint_{k:02d}" for k in range(1, count + 1)]
    elif naming == "bones":
        names = ["Bone", *(f"Bone.{k:03d}" for k in range(1, count))]
    elif naming == "words":
        words = _WORDS.split()
        names = [
            f"{words[k % len(words)]}{k // len(words) or ''}" for k in random.permutation(count)
        ]
    elif naming == "shuffled":
        names = [f"n{k}" for k in random.permutation(1000)[:count]]
    else:
        if family == "Mixamo":
            names = [
                name.replace(
                    "mixamorig:", ("mixamorig:", "mixamorig1:", "mixamorig", "")[int(4 * style)]
                )
                for name in names
            ]
        elif family == "Biped":
            names = [name.replace("Bip01", "Bip001") if style < 0.4 else name for name in names]
            names = [name.replace(" ", "_") for name in names] if style > 0.7 else names
        elif style < 0.1:
            names = ["actor01:" + name for name in names]
        elif style > 0.95:
            names = ["Armature|" + name for name in names]
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return unique


def _pose(g: Growth, hips_position: Array) -> tuple[Array, Array]:
    """World turns (T, N, 4) and positions (T, N, 3), Y up, metres, with the hips where they are
    given.
    """
    turn = np.stack([node.turn for node in g.nodes], axis=1)
    position = np.zeros((*turn.shape[:2], 3))
    hips = next(i for i, node in enumerate(g.nodes) if node.role == "hips")
    above = hips
    while above >= 0:
        where = g.nodes[above].name.split(":")[0]
        position[:, above] = {"origin": 0.0, "floor": 1.0}.get(where, 1.0) * hips_position
        if where == "floor":
            position[:, above, 1] = 0.0
        above = g.nodes[above].parent
    for index, node in enumerate(g.nodes):
        if index > hips:
            position[:, index] = position[:, node.parent] + rotation.rotate(
                turn[:, node.parent], node.bone
            )
    return turn, position


def _own_axes(g: Growth, rest: str, back: Array) -> Array:
    """(N, 4) each joint's own axes as turned away from the T-pose's; all local rotations identity
    is then the rest pose.
    """
    r, nodes = g.random, g.nodes
    own = np.tile(rotation.IDENTITY, (len(nodes), 1))
    if rest == "upright":
        own[:] = rotation.inverse(back)
    elif rest == "folded":
        own = rotation.normalize(r.standard_normal((len(nodes), 4)))
    elif rest == "A":
        for index, node in enumerate(nodes):
            side = node.role.split("_")[0] if node.role else None
            if side in ("left", "right") and any(
                part in str(node.role) for part in ("upper_arm", "forearm", "hand")
            ):
                own[index] = rotation.exp(np.radians(45.0 if side == "left" else -45.0) * Z)
            elif not node.role and node.parent >= 0:
                own[index] = own[node.parent]
    elif rest == "along X":
        mirrored = g.chance(0.6)
        for index, node in enumerate(nodes):
            child = next(
                (
                    other.bone
                    for other in nodes
                    if other.parent == index and np.linalg.norm(other.bone) > 1e-6
                ),
                Y,
            )
            right = bool(node.role) and str(node.role).startswith("right")
            ahead = rotation.normalize(child) * (-1.0 if mirrored and right else 1.0)
            second = Z if abs(ahead[2]) < 0.9 else Y
            own[index] = rotation.multiply(
                rotation.from_axes(ahead, second), rotation.inverse(rotation.from_axes(X, Y))
            )
    return own


def _shuffled(random: np.random.Generator, nodes: list[Node]) -> list[int]:
    """The nodes in another order in which parents still come first."""
    order: list[int] = []
    ready = [index for index, node in enumerate(nodes) if node.parent < 0]
    while ready:
        index = ready.pop(int(random.integers(len(ready))))
        order.append(index)
        ready += [other for other, node in enumerate(nodes) if node.parent == index]
    return order


def _tips(g: Growth, own: Array, order: list[int], metres: float) -> tuple[np.ndarray, Array]:
    """End sites of head, hands and toes, as BVH files have them; three files of five."""
    parents, offsets = [], []
    if g.chance(0.6):
        parents_of = {node.parent for node in g.nodes}
        for role, tip in zip(CANONICAL.end_parents, CANONICAL.end_offsets, strict=True):
            index = g.index(CANONICAL.names[role])
            if index is not None and index not in parents_of:
                parents.append(order.index(index))
                offsets.append(rotation.rotate(rotation.inverse(own[index]), tip) / metres)
    return np.array(parents, dtype=int), np.array(offsets).reshape(-1, 3)


def _as_clip(
    names: list[str],
    parents: np.ndarray,
    position: Array,
    turn: Array,
    frame_time_seconds: float,
    tips: tuple[np.ndarray, Array],
    name: str,
) -> Clip:
    """World positions (T, N, 3) and turns (T, N, 4) of joints, parents first, as a clip."""
    above = np.maximum(parents, 0)
    from_parent = rotation.inverse(turn[:, above])
    local_position = rotation.rotate(from_parent, position - position[:, above])
    local_rotation = rotation.multiply(from_parent, turn)
    local_position[:, 0], local_rotation[:, 0] = position[:, 0], turn[:, 0]
    skeleton = Skeleton(tuple(names), parents, local_position[0], *tips)
    return Clip(skeleton, local_position, local_rotation, frame_time_seconds, name)
