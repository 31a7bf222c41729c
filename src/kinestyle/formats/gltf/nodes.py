"""The nodes of a glTF file: their tree, where they stand at rest, and which of them are a rig's
joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.gltf.document import Document, numbers
from kinestyle.formats.limits import MAX_JOINTS
from kinestyle.formats.text_files import quoted
from kinestyle.json_object import JsonObject
from kinestyle.motion import rotation
from kinestyle.motion.rotation import IDENTITY, Array

END_SITE = "end site"
"""What the extras of a node say, under "kinestyle", that stands for the tip of a chain and is no
joint.
"""
_SHEAR = 1e-3


@dataclass(frozen=True, eq=False)
class NodeTree:
    """parts: N nodes, parents: (N,) -1 for those at the top, children: for each node in the order
    of the file, order: all nodes, each behind its parent, the children of one in their order"""

    parts: list[JsonObject]
    parents: np.ndarray
    children: list[list[int]]
    order: list[int]

    def ancestors(self, node: int) -> list[int]:
        found = []
        while (node := int(self.parents[node])) >= 0:
            found.append(node)
        return found

    def name(self, node: int) -> str:
        name = self.parts[node].text("name", "") or f"node_{node}"
        # JSON can hold halves of characters, which no file can
        return name.encode("utf-8", "replace").decode("utf-8")

    def is_end_site(self, node: int) -> bool:
        extras = self.parts[node].fields.get("extras")
        return (
            isinstance(extras, dict)
            and extras.get("kinestyle") == END_SITE
            and not self.children[node]
        )


def node_tree(document: Document) -> NodeTree:
    """Raises MotionFileError where nodes hang on two others or on themselves."""
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
    """Translation (3,), rotation (4,) wxyz and scale (3,) of a node that nothing moves. Raises
    MotionFileError for shear.
    """
    if "matrix" in part.fields:
        matrix = numbers(part, "matrix", np.eye(4).ravel()).reshape(4, 4).T
        scale = np.linalg.norm(matrix[:3, :3], axis=0)
        if np.linalg.det(matrix[:3, :3]) < 0:
            scale[0] = -scale[0]
        axes = matrix[:3, :3] / np.where(np.abs(scale) > 1e-12, scale, 1.0)
        turned = rotation.from_matrix(axes)
        if (
            np.abs(rotation.to_matrix(turned) - axes).max() > _SHEAR
            or np.abs(matrix[3] - [0.0, 0.0, 0.0, 1.0]).max() > _SHEAR
        ):
            part.refuse(
                "matrix",
                "a matrix of a move, a turn and a scale, without shear; apply the transforms and "
                "export again",
            )
        return matrix[:3, 3], turned, scale
    turn = numbers(part, "rotation", IDENTITY[[1, 2, 3, 0]])[[3, 0, 1, 2]]
    if np.linalg.norm(turn) < 1e-3:
        part.refuse("rotation", "a quaternion of length 1")
    return (
        numbers(part, "translation", np.zeros(3)),
        rotation.normalize(turn),
        numbers(part, "scale", np.ones(3)),
    )


def find_joints(
    document: Document, tree: NodeTree, animated: set[int]
) -> tuple[list[int], list[str]]:
    """The nodes that are the rig, each behind its parent, and warnings.

    They are the joints of the skins and the nodes above them; without a skin, or with one for a
    small part of what moves, the nodes that the animation moves (`animated`) with those above and
    below. Of several rigs, the one that moves most is taken.
    """
    skinned: set[int] = set()
    for skin in document.root.parts("skins"):
        joints = skin.indices("joints", len(tree.parts), "the numbers of nodes")
        if not joints:
            skin.refuse("joints", "the numbers of the nodes that are its joints")
        skinned.update(joints)
    if 2 * len(skinned & animated) <= len(animated):
        for node in tree.order:
            bare = not {"mesh", "camera"} & tree.parts[node].fields.keys() or bool(
                tree.children[node]
            )
            if node in animated or (int(tree.parents[node]) in skinned and bare):
                skinned.add(node)
    wanted = {above for node in skinned for above in tree.ancestors(node)} | skinned
    tops = [node for node in tree.order if node in wanted and tree.parents[node] < 0]
    top_of: dict[int, int] = {}
    for node in tree.order:
        top_of[node] = node if tree.parents[node] < 0 else top_of[int(tree.parents[node])]
    rigs = {
        top: [node for node in tree.order if node in wanted and top_of[node] == top] for top in tops
    }
    best = max(tops, key=lambda top: (len(animated.intersection(rigs[top])), len(rigs[top])))
    warnings = []
    others = [top for top in tops if top != best and len(rigs[top]) > 1]
    if others:
        left = ", ".join(quoted(tree.name(top)) for top in others[:4])
        warnings.append(
            f"{document.name} holds {len(others) + 1} rigs; that below {quoted(tree.name(best))} "
            f"was taken, {left} left as found"
        )
    joints = [node for node in rigs[best] if not tree.is_end_site(node)]
    if len(joints) > MAX_JOINTS:
        raise MotionFileError(
            f"{document.name} has {len(joints)} joints, more than the limit of {MAX_JOINTS}"
        )
    rising = sorted(joints)
    in_order = all(tree.parents[node] < node for node in rising)
    # the file's own order where it is one
    return (rising if in_order else joints), warnings


def joint_names(tree: NodeTree, joints: list[int], file: str) -> tuple[tuple[str, ...], list[str]]:
    """A name for each joint, no two alike, and a warning where that took a change."""
    taken: set[str] = set()
    names, changed = [], []
    for node in joints:
        name = base = tree.name(node)
        number = 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        if name != base:
            changed.append(base)
        taken.add(name)
        names.append(name)
    several = ", ".join(map(quoted, dict.fromkeys(changed[:4])))
    return tuple(names), [
        f"{file} has several nodes named {several}; numbers were added to tell them apart"
    ] if changed else []
