"""Traits that a generated rig may have on top: the same motion in a tree of another shape, or under
other names.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from generated_rigs import Made
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import part_of
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton


def hung_on(clip: Clip, parents: dict[int, int]) -> Clip:
    """The same motion with some joints on others, which come before them."""
    new = clip.skeleton.parents.copy()
    for joint, parent in parents.items():
        new[joint] = parent
    above = np.maximum(new, 0)
    position, world = clip.world_position, clip.world_rotation
    back = rotation.inverse(world[:, above])
    local_position = rotation.rotate(back, position - position[:, above])
    local_rotation = rotation.multiply(back, world)
    roots = new < 0
    local_position[:, roots], local_rotation[:, roots] = position[:, roots], world[:, roots]
    old = clip.skeleton
    skeleton = Skeleton(old.names, new, local_position[0], old.end_parents, old.end_offsets)
    return replace(
        clip, skeleton=skeleton, local_position=local_position, local_rotation=local_rotation
    )


JAPANESE = {
    "hips": "センター",
    "spine": "上半身",
    "chest": "上半身2",
    "neck": "首",
    "head": "頭",
    "clavicle": "肩",
    "upper_arm": "腕",
    "forearm": "ひじ",
    "hand": "手首",
    "thigh": "足",
    "shin": "ひざ",
    "foot": "足首",
    "toe": "つま先",
}
CHINESE = JAPANESE | {
    "hips": "骨盆",
    "spine": "脊椎",
    "chest": "胸部",
    "neck": "颈",
    "head": "头",
    "upper_arm": "上臂",
    "forearm": "前臂",
    "hand": "手",
    "thigh": "大腿",
    "shin": "小腿",
    "foot": "脚踝",
    "toe": "脚趾",
}
_SIDES = {"left": "左", "right": "右", "": ""}


def named_in(made: Made, words: dict[str, str]) -> Made:
    """Names in another language for the joints that have a role; the others are numbered."""
    names = [f"ボーン{joint}" for joint in range(made.clip.skeleton.joint_count)]
    for role, joints in made.expected.items():
        side = role.split("_")[0] if role.startswith(("left_", "right_")) else ""
        for number, joint in enumerate(sorted(joints)):
            name = _SIDES[side] + words[part_of(role)]
            names[joint] = name if not number else f"{name}{number + 2}"
    skeleton = replace(made.clip.skeleton, names=tuple(names))
    return replace(made, clip=replace(made.clip, skeleton=skeleton))


def ended_at_the_shoulders(made: Made) -> Made:
    """Neck and head, and all that hangs on them, left out."""
    lost = made.expected.get("neck") or made.expected["head"]
    gone = np.any([made.clip.skeleton.below(joint) for joint in lost], axis=0)
    kept = np.flatnonzero(~gone)
    index = {int(joint): i for i, joint in enumerate(kept)}
    clip = made.clip.window(0, made.clip.frame_count, kept.tolist())
    expected = {
        role: frozenset(index[joint] for joint in joints if joint in index)
        for role, joints in made.expected.items()
    }
    expected = {role: joints for role, joints in expected.items() if joints}
    return replace(made, clip=clip, expected=expected)


def tilted(made: Made, degrees: float) -> Made:
    """The same in a world that leans, about an axis along the floor."""
    up = np.eye(3)[abs(" XYZ".index(made.up[1])) - 1]
    across = np.cross(up, np.roll(up, 1))
    turn = rotation.exp(np.radians(degrees) * across)
    position, local = made.clip.local_position.copy(), made.clip.local_rotation.copy()
    position[:, 0] = rotation.rotate(turn, position[:, 0])
    local[:, 0] = rotation.multiply(turn, local[:, 0])
    return replace(made, clip=made.clip.with_motion(position, local))


def feet_on_the_root(made: Made) -> Made:
    """Feet for inverse kinematics: they hang on the root, and lie where they lay."""
    feet = {min(made.expected[f"{side}_foot"]): 0 for side in ("left", "right")}
    return replace(made, clip=hung_on(made.clip, feet), about=f"{made.about}, feet on the root")


def among_other_animations(made: Made, path: Path) -> Made:
    """The same out of a file that holds two more: one in which nothing moves, in front and longer,
    and one that moves less.
    """
    write_motion(replace(made.clip, source=None), path)
    clip = replace(read_motion(path), name="Hold", source=None, animation="", animations=())
    first = np.zeros(clip.frame_count, dtype=int)
    write_motion(clip.sample(np.r_[first, first]), path)
    still = clip.sample(first)
    for name, moves in (("Calm", 0.2), ("Motion", 1.0)):  # what was written last is read
        share = np.full((clip.frame_count, 1), moves)
        turned = rotation.interpolate(still.local_rotation, clip.local_rotation, share)
        way = clip.local_position - still.local_position
        held = replace(read_motion(path), name=name, animation=name)
        order = [clip.skeleton.index(joint) for joint in held.skeleton.names]
        moved = held.with_motion((still.local_position + moves * way)[:, order], turned[:, order])
        write_motion(moved, path)
    found = read_motion(path)
    index = {name: joint for joint, name in enumerate(found.skeleton.names)}
    expected = {
        role: frozenset(index[made.clip.skeleton.names[joint]] for joint in joints)
        for role, joints in made.expected.items()
    }
    return replace(made, clip=found, expected=expected)
