"""Which nodes of an FBX scene are the joints of its skeleton."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.fbx.loading import Node, Scene
from kinestyle.formats.text_files import MAX_JOINTS

_PROBES = 12
"""Moments of the take at which a node above the skeleton is looked at, to see whether it moves."""


@dataclass(frozen=True, eq=False)
class JointNodes:
    """A skeleton within a scene.

    joints: J nodes, parents first; names: theirs, made to differ; parents: (J,) int
    above: the nodes that the root hangs from, from the top; they stand still
    tips, tip_parents: E nodes that stand for the ends of chains, (E,) int
    warnings: sentences about what was passed over
    """

    joints: tuple[Node, ...]
    names: tuple[str, ...]
    parents: np.ndarray
    above: tuple[Node, ...]
    tips: tuple[Node, ...]
    tip_parents: np.ndarray
    warnings: tuple[str, ...]


def choose_joints(scene: Scene) -> JointNodes:
    """The skeleton with the most bones: limb nodes and what carries a skin, what lies between them,
    and what moves above them.

    In a scene without bones, the nodes without geometry that move take their place. Raises
    MotionFileError where there is no skeleton.
    """
    file, nodes = scene.file, scene.nodes
    bones = {node.place for node in nodes if node.is_bone} | scene.skinned
    tips = {place for place in bones if nodes[place].is_end_site}
    bones -= tips
    if not bones:
        plain = [node for node in nodes if node.place not in scene.shaped]
        bones = {
            node.place for node, moves in zip(plain, _moving(scene, plain), strict=True) if moves
        }
    if not bones:
        raise MotionFileError(
            f"{file} holds no skeleton: found {len(nodes)} nodes, expected bones (limb nodes) or "
            f"nodes that move"
        )

    def path(key: int) -> list[int]:
        """From the top of the scene down to a node."""
        found = [key]
        while (key := nodes[key].parent) >= 0:
            found.append(key)
        return found[::-1]

    paths = {key: path(key) for key in bones}
    groups: dict[int, list[int]] = {}
    for key, way in paths.items():
        groups.setdefault(way[0], []).append(key)
    top = max(groups, key=lambda key: len(groups[key]))
    warnings = []
    if len(groups) > 1:
        others = ", ".join(repr(nodes[key].name) for key in list(groups)[:6] if key != top)
        warnings.append(
            f"{file} holds {len(groups)} skeletons; the one below {nodes[top].name!r} was read, "
            f"which has most bones, "
            f"not {others}"
        )
    ways = [paths[key] for key in groups[top]]
    depth = (
        next(
            i
            for i in range(len(ways[0]) + 1)
            if any(len(way) <= i or way[i] != ways[0][i] for way in ways)
        )
        - 1
    )
    moving = _moving(scene, [nodes[key] for key in ways[0][:depth]])
    depth = moving.index(True) if True in moving else depth

    joined = {key for way in ways for key in way[depth:]}
    children: dict[int, list[int]] = {}
    for node in nodes:
        children.setdefault(node.parent, []).append(node.place)
    order: list[int] = []
    waiting = [ways[0][depth]]
    while waiting:
        key = waiting.pop()
        order.append(key)
        waiting += [child for child in reversed(children.get(key, [])) if child in joined]
    if len(order) > MAX_JOINTS:
        raise MotionFileError(f"{file} holds {len(order)} joints, expected at most {MAX_JOINTS}")
    index = {key: i for i, key in enumerate(order)}
    ends = sorted(
        (key for key in tips if nodes[key].parent in index),
        key=lambda key: index[nodes[key].parent],
    )
    names, changed = _different_names([nodes[key].name for key in order])
    if changed:
        warnings.append(f"{file} names several joints alike; {changed} were given a number here")
    return JointNodes(
        joints=tuple(nodes[key] for key in order),
        names=names,
        parents=np.array(
            [index.get(nodes[key].parent, -1) if i else -1 for i, key in enumerate(order)]
        ),
        above=tuple(nodes[key] for key in ways[0][:depth]),
        tips=tuple(nodes[key] for key in ends),
        tip_parents=np.array([index[nodes[key].parent] for key in ends], dtype=int),
        warnings=tuple(warnings),
    )


def _moving(scene: Scene, nodes: list[Node]) -> list[bool]:
    """For each node whether it moves within the take."""
    sampled = scene.sample(nodes, np.linspace(*scene.span_seconds, _PROBES))
    found = np.concatenate([sampled.position, sampled.turn, sampled.scale], axis=-1)
    allowed = 1e-5 * np.maximum(1.0, np.abs(found[0]))
    return [bool(moves) for moves in (np.ptp(found, axis=0) > allowed).any(axis=-1)]


def _different_names(names: list[str]) -> tuple[tuple[str, ...], int]:
    """The names, with a number behind those that came before, and how many got one."""
    given, changed = set(names), 0
    seen: set[str] = set()
    different = []
    for i, name in enumerate(names):
        if not name or name in seen:
            stem, n = name or f"joint {i}", 2
            name = stem
            while name in seen or name in given:
                name, n = f"{stem} {n}", n + 1
            changed += 1
        seen.add(name)
        different.append(name)
    return tuple(different), changed
