"""Animals on four legs are told from people, also from those who crawl."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.errors import RigError
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import forward_kinematics
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.rig_file import Rig
from made_rigs import as_rig, walk

X, Y, Z = np.eye(3)
TRUNK = ("hips", "spine", "chest", "neck", "head")


def on_all_fours(knees_down: bool = False, foreleg: float = 1.0) -> Clip:
    """The canonical body with its trunk along the floor, arms and legs straight down; foreleg:
    how much longer its arms are; knees_down: as who crawls
    """
    frames = 40
    bent = 0.2 * np.sin(np.linspace(0.0, 12.0, frames))
    world = np.tile(rotation.IDENTITY, (frames, CANONICAL.joint_count, 1))
    lying = rotation.exp(0.5 * np.pi * X)
    for joint, name in enumerate(CANONICAL.names):
        if name in TRUNK or name.endswith("clavicle"):
            world[:, joint] = lying
        sign = 1.0 if name.startswith("left") else -1.0
        if name.endswith(("upper_arm", "forearm", "hand")):
            swing = rotation.exp((sign * bent)[:, None] * X)
            world[:, joint] = rotation.multiply(swing, rotation.exp(-sign * 0.5 * np.pi * Z))
        if name.endswith(("thigh", "shin")):
            world[:, joint] = rotation.exp((-sign * bent)[:, None] * X)
        if knees_down and name.endswith(("shin", "foot", "toe")):
            world[:, joint] = rotation.exp(0.45 * np.pi * X)
    longer = [f"{side}_{part}" for side in ("left", "right") for part in ("forearm", "hand")]
    offsets = CANONICAL.offsets.copy()
    offsets[[CANONICAL.index(name) for name in longer]] *= foreleg
    skeleton = replace(CANONICAL, offsets=offsets)
    local = world.copy()
    local[:, 1:] = rotation.multiply(
        rotation.inverse(world[:, CANONICAL.parents[1:]]), world[:, 1:]
    )
    position = np.tile(offsets, (frames, 1, 1))
    position[:, 0] = np.linspace(0.0, 1.0, frames)[:, None] * Z
    lowest = forward_kinematics(skeleton, position, local)[0][..., 1].min()
    position[:, 0, 1] -= lowest
    return Clip(skeleton, position, local, 1 / 30, "fours")


def test_an_animal_is_refused_and_a_rig_is_the_way_on() -> None:
    animal = on_all_fours(foreleg=1.5)
    with pytest.raises(RigError, match=r"goes on four legs.*looks like an animal.*--rig"):
        map_joints(animal)
    rig = Rig("it", {name: (name,) for name in CANONICAL.names})
    assert map_joints(animal, rig).joints["left_foot"] == CANONICAL.index("left_foot")


def test_who_goes_on_all_fours_is_doubted_aloud() -> None:
    mapping = map_joints(on_all_fours())
    assert mapping.warnings[0].startswith("the body goes on all fours")


def test_people_are_people() -> None:
    for clip in (on_all_fours(knees_down=True), as_rig(walk(2.0).clip)):
        assert not any("all fours" in note for note in map_joints(clip).warnings)
