"""Which nodes of an FBX scene are the joints of its skeleton."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.characters import choose_character
from kinestyle.formats.fbx.loading import Node, Scene
from kinestyle.formats.limits import MAX_JOINTS
from kinestyle.formats.unique_names import unique_names

_PROBES = 12
"""Times within the animation at which a node is sampled, to see whether it moves."""


@dataclass(frozen=True, eq=False)
class JointNodes:
    """A skeleton within a scene.

    joints: J nodes, parents first
    names: theirs, made unique
    parents: (J,) int
    above: the nodes that the root hangs from, from the top; they do not move
    tips, tip_parents: E nodes that stand for the ends of chains, (E,) int
    warnings: sentences about what was left out
    characters: the top nodes of all skeletons; character: the index of this one's
    """

    joints: tuple[Node, ...]
    names: tuple[str, ...]
    parents: np.ndarray
    above: tuple[Node, ...]
    tips: tuple[Node, ...]
    tip_parents: np.ndarray
    warnings: tuple[str, ...]
    characters: tuple[str, ...]
    character: int


def choose_joints(scene: Scene, character: int | None = None) -> JointNodes:
    """The skeleton that is asked for, else the one with the most bones.

    Its joints are limb nodes and nodes that carry a skin, the nodes between them, and nodes above
    them that move. In a scene without bones, nodes without geometry that move count as bones.
    Raises MotionFileError where there is no skeleton.
    """
    file, nodes = scene.file, scene.nodes
    bones, tips = _bones(scene)
    skeletons: dict[int, list[list[int]]] = {}
    for bone in sorted(bones):
        skeletons.setdefault((path := _path(scene, bone))[0], []).append(path)
    # a skeleton is what hangs from one top node
    tops = list(skeletons)
    characters = tuple(nodes[top].name for top in tops)
    largest = max(range(len(tops)), key=lambda number: len(skeletons[tops[number]]))
    index, warnings = choose_character(characters, character, largest, file)
    paths = skeletons[tops[index]]
    above = _still_above(scene, paths)
    order = _depth_first(scene, paths, len(above))
    if len(order) > MAX_JOINTS:
        raise MotionFileError(f"{file} holds {len(order)} joints, expected at most {MAX_JOINTS}")
    joint_of = {node: joint for joint, node in enumerate(order)}
    ends = sorted(
        (tip for tip in tips if nodes[tip].parent in joint_of),
        key=lambda tip: joint_of[nodes[tip].parent],
    )
    names, renamed = unique_names([nodes[node].name for node in order], " ")
    if renamed:
        warnings.append(
            f"{file} names several joints alike; {len(renamed)} were given a number here"
        )
    parents = [joint_of.get(nodes[node].parent, -1) for node in order]
    parents[0] = -1
    return JointNodes(
        joints=tuple(nodes[node] for node in order),
        names=names,
        parents=np.array(parents),
        above=tuple(nodes[node] for node in above),
        tips=tuple(nodes[tip] for tip in ends),
        tip_parents=np.array([joint_of[nodes[tip].parent] for tip in ends], dtype=int),
        warnings=tuple(warnings),
        characters=characters,
        character=index,
    )


def _bones(scene: Scene) -> tuple[set[int], set[int]]:
    """The nodes that are bones, and those that mark the tip of a chain. Raises MotionFileError
    where there are no bones.
    """
    nodes = scene.nodes
    marked = {node.index for node in nodes if node.is_bone} | scene.skinned
    tips = {node for node in marked if nodes[node].is_end_site}
    bones = marked - tips
    if not bones:
        plain = [node for node in nodes if node.index not in scene.shaped]
        bones = {
            node.index for node, moves in zip(plain, _moving(scene, plain), strict=True) if moves
        }
    if not bones:
        raise MotionFileError(
            f"{scene.file} holds no skeleton: found {len(nodes)} nodes, expected bones (limb "
            f"nodes) or nodes that move"
        )
    return bones, tips


def _path(scene: Scene, node: int) -> list[int]:
    """The nodes from the top of the scene down to one."""
    path = [node]
    while (node := scene.nodes[node].parent) >= 0:
        path.append(node)
    return path[::-1]


def _still_above(scene: Scene, paths: list[list[int]]) -> list[int]:
    """The nodes above the skeleton's root, from the top. The root is the lowest node that all bones
    have in common, or the highest node above it that moves.
    """
    common = [
        alike[0] for alike in zip(*paths, strict=False) if all(node == alike[0] for node in alike)
    ]
    above = common[:-1]
    moving = _moving(scene, [scene.nodes[node] for node in above])
    return above[: moving.index(True)] if True in moving else above


def _depth_first(scene: Scene, paths: list[list[int]], depth: int) -> list[int]:
    """The nodes of the paths from a depth on, each before those below it, in the scene's order."""
    members = {node for path in paths for node in path[depth:]}
    children: dict[int, list[int]] = {}
    for node in scene.nodes:
        children.setdefault(node.parent, []).append(node.index)
    order: list[int] = []
    waiting = [paths[0][depth]]
    while waiting:
        order.append(waiting.pop())
        waiting += [child for child in reversed(children.get(order[-1], [])) if child in members]
    return order


def _moving(scene: Scene, nodes: list[Node]) -> list[bool]:
    """For each node whether it moves within the animation."""
    sampled = scene.probe(nodes, np.linspace(*scene.span_seconds, _PROBES))
    values = np.concatenate([sampled.position, sampled.rotation, sampled.scale], axis=-1)
    allowed = 1e-5 * np.maximum(1.0, np.abs(values[0]))
    return [bool(moves) for moves in (np.ptp(values, axis=0) > allowed).any(axis=-1)]
