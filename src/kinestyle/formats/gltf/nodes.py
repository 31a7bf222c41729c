"""The nodes of a glTF file: their tree, their transforms at rest, and which of them are a rig's
joints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.characters import choose_character
from kinestyle.formats.gltf.document import Document, numbers
from kinestyle.formats.limits import MAX_JOINTS
from kinestyle.formats.text_files import quoted
from kinestyle.formats.unique_names import unique_names
from kinestyle.json_object import JsonObject
from kinestyle.motion import rotation
from kinestyle.motion.rotation import IDENTITY, Array

END_SITE = "end site"
"""In the extras of a node, under "kinestyle": it stands for the tip of a chain and is no joint."""
_SHEAR = 1e-3


@dataclass(frozen=True, eq=False)
class NodeTree:
    """The N nodes of a file.

    parts: their JSON
    parents: (N,) int, -1 for those at the top
    children: of each node, in the order of the file
    order: all nodes, each behind its parent, siblings in the order of the file
    """

    parts: list[JsonObject]
    parents: np.ndarray
    children: list[list[int]]
    order: list[int]

    def ancestors(self, node: int) -> list[int]:
        """The nodes from the parent of `node` up to the top."""
        found = []
        while (node := int(self.parents[node])) >= 0:
            found.append(node)
        return found

    def name(self, node: int) -> str:
        """A node's name, made up for one without."""
        name = self.parts[node].text("name", "") or f"node_{node}"
        # JSON can hold halves of characters, which no file can
        return name.encode("utf-8", "replace").decode("utf-8")

    def is_end_site(self, node: int) -> bool:
        """Whether a node stands for the tip of a chain."""
        extras = self.parts[node].fields.get("extras")
        return (
            isinstance(extras, dict)
            and extras.get("kinestyle") == END_SITE
            and not self.children[node]
        )


def node_tree(document: Document) -> NodeTree:
    """The tree of a file's nodes. Raises MotionFileError where a node has two parents or is above
    itself.
    """
    parts = document.root.parts("nodes")
    parents = np.full(len(parts), -1)
    children = [part.indices("children", len(parts), "the numbers of nodes") for part in parts]
    for node, below in enumerate(children):
        for child in below:
            if parents[child] >= 0:
                parts[node].refuse(
                    "children",
                    f"nodes that hang on no other, as nodes[{child}] does on "
                    f"nodes[{parents[child]}]",
                )
            parents[child] = node
    order: list[int] = []
    waiting = [int(node) for node in np.flatnonzero(parents < 0)[::-1]]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting.extend(reversed(children[node]))
    if len(order) < len(parts):
        circle = min(set(range(len(parts))) - set(order))
        parts[circle].refuse("children", "no node above itself")
    return NodeTree(parts, parents, children, order)


def rest_transform(part: JsonObject) -> tuple[Array, Array, Array]:
    """Translation (3,), rotation (4,) wxyz and scale (3,) of a node without animation. Raises
    MotionFileError for shear.
    """
    if "matrix" in part.fields:
        matrix = numbers(part, "matrix", np.eye(4).ravel()).reshape(4, 4).T
        scale = np.linalg.norm(matrix[:3, :3], axis=0)
        if np.linalg.det(matrix[:3, :3]) < 0:
            scale[0] = -scale[0]
        axes = matrix[:3, :3] / np.where(np.abs(scale) > 1e-12, scale, 1.0)
        q = rotation.from_matrix(axes)
        if (
            np.abs(rotation.to_matrix(q) - axes).max() > _SHEAR
            or np.abs(matrix[3] - [0.0, 0.0, 0.0, 1.0]).max() > _SHEAR
        ):
            part.refuse(
                "matrix",
                "a matrix of translation, rotation and scale, without shear; apply the transforms "
                "and export again",
            )
        return matrix[:3, 3], q, scale
    q = numbers(part, "rotation", IDENTITY[[1, 2, 3, 0]])[[3, 0, 1, 2]]
    if np.linalg.norm(q) < 1e-3:
        part.refuse("rotation", "a quaternion of length 1")
    return (
        numbers(part, "translation", np.zeros(3)),
        rotation.normalize(q),
        numbers(part, "scale", np.ones(3)),
    )


def skinned_nodes(document: Document, node_count: int) -> set[int]:
    """The joints of all skins. Raises MotionFileError for a skin without joints."""
    found: set[int] = set()
    for skin in document.root.parts("skins"):
        joints = skin.indices("joints", node_count, "the numbers of nodes")
        if not joints:
            skin.refuse("joints", "the numbers of the nodes that are its joints")
        found.update(joints)
    return found


def resting(tree: NodeTree, skinned: set[int]) -> set[int]:
    """The nodes that count as animated where nothing is: joints of skins, else all bare nodes."""
    return skinned or {node for node in tree.order if _is_bare(tree, node)}


class ChosenRig(NamedTuple):
    """The nodes of a rig, each behind its parent, warnings, the names of all rigs in the file, and
    the index of this one.
    """

    joints: list[int]
    warnings: list[str]
    characters: tuple[str, ...]
    character: int


def find_joints(
    document: Document,
    tree: NodeTree,
    skinned: set[int],
    animated: set[int],
    character: int | None = None,
) -> ChosenRig:
    """The rig that is asked for, see `Reading`.

    They are the joints of the skins and all nodes above them. Without a skin, or with one for a
    small part of what moves, they are also the nodes that the animation moves (`animated`), those
    above, and bare ones below joints of a skin. Of several rigs, the one that moves most is taken.
    skinned: the joints of all skins. Raises MotionFileError for too many joints.
    """
    rigs = _rigs(tree, _rig_nodes(tree, skinned, animated))
    if not rigs:
        raise MotionFileError(
            f"{document.name} holds no nodes, expected the joints of a rig; export with a skeleton"
        )
    best = max(rigs, key=lambda top: (len(animated.intersection(rigs[top])), len(rigs[top])))
    tops = [top for top in rigs if top == best or len(rigs[top]) > 1]
    names = tuple(map(tree.name, tops))
    index, warnings = choose_character(names, character, tops.index(best), document.name)
    joints = [node for node in rigs[tops[index]] if not tree.is_end_site(node)]
    if len(joints) > MAX_JOINTS:
        raise MotionFileError(
            f"{document.name} has {len(joints)} joints, more than the limit of {MAX_JOINTS}"
        )
    in_file_order = sorted(joints)
    if all(tree.parents[node] < node for node in in_file_order):
        joints = in_file_order
    return ChosenRig(joints, warnings, names, index)


def _rig_nodes(tree: NodeTree, skinned: set[int], animated: set[int]) -> set[int]:
    """The nodes of all rigs, with all nodes above them."""
    members = set(skinned) or _below_common(tree, animated)
    if 2 * len(members & animated) <= len(animated):
        for node in tree.order:
            below_member = int(tree.parents[node]) in members
            if node in animated or (below_member and _is_bare(tree, node)):
                members.add(node)
    return members | {above for node in members for above in tree.ancestors(node)}


def _below_common(tree: NodeTree, animated: set[int]) -> set[int]:
    """Without a skin: the bare nodes below the lowest node that all animated ones of a tree have in
    common, whether or not they move themselves.
    """
    paths: dict[int, list[int]] = {}
    for node in animated:
        path = [node, *tree.ancestors(node)][::-1]
        known = paths.setdefault(path[0], path)
        alike = [a for a, b in zip(known, path, strict=False) if a == b]
        paths[path[0]] = alike
    members = {path[-1] for path in paths.values()}
    for node in tree.order:
        if int(tree.parents[node]) in members and _is_bare(tree, node):
            members.add(node)
    return members


def _is_bare(tree: NodeTree, node: int) -> bool:
    """Whether a node carries other nodes, or at least no mesh or camera."""
    return bool(tree.children[node]) or not {"mesh", "camera"} & tree.parts[node].fields.keys()


def _rigs(tree: NodeTree, members: set[int]) -> dict[int, list[int]]:
    """The nodes of each rig, by the node at its top, each behind its parent."""
    rigs: dict[int, list[int]] = {}
    top_of: dict[int, int] = {}
    for node in tree.order:
        top_of[node] = node if tree.parents[node] < 0 else top_of[int(tree.parents[node])]
        if node in members:
            rigs.setdefault(top_of[node], []).append(node)
    return rigs


def joint_names(tree: NodeTree, joints: list[int], file: str) -> tuple[tuple[str, ...], list[str]]:
    """A name for each joint, no two alike, and a warning if some had to be changed."""
    names, renamed = unique_names([tree.name(node) for node in joints], "_")
    if not renamed:
        return names, []
    several = ", ".join(map(quoted, dict.fromkeys(renamed[:4])))
    return names, [
        f"{file} has several nodes named {several}; numbers were added to tell them apart"
    ]
