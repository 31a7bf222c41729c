"""Rigs of any axes, units and zero pose that walk, and how their motion is compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import correspond
from made_rigs import (
    any_rotations,
    as_rig,
    rig_names,
    walk,
)

WALK = walk(3.0).clip
FRAMES = WALK.frame_count
NOTHING = np.tile(rotation.IDENTITY, (FRAMES, 21, 1))
RIGS: dict[str, dict[str, Any]] = {
    "as the canonical skeleton": {},
    "Z up, centimetres": {"up": "Z", "metres_per_unit": 0.01},
    "inches, any axes": {"metres_per_unit": 0.0254, "own": any_rotations(1, len(rig_names()))},
    "a moving joint above the hips": {
        "moving_root": True,
        "up": "Z",
        "metres_per_unit": 0.01,
        "own": any_rotations(2, 25),
    },
    "few joints": {
        "without": frozenset(
            {"spine", "neck", "left_toe", "right_toe", "left_clavicle", "right_clavicle"}
        )
    },
}
EACH_RIG = pytest.mark.parametrize("rig", RIGS)
MADE = {name: as_rig(WALK, **options) for name, options in RIGS.items()}
HELD = {name: correspond(clip) for name, clip in MADE.items()}


def apart_degrees(a: Array, b: Array) -> Array:
    """a, b: (T, J, 4) -> (J,) the largest angle between them, in degrees."""
    return np.degrees(rotation.angle(rotation.multiply(rotation.inverse(a), b))).max(axis=0)


def bone_degrees(a: Array, b: Array) -> Array:
    """a, b: (T, 3) -> (T,) the angle between vectors, in degrees."""
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1)))


def some_change(seed: int) -> tuple[Array, Array]:
    """A smooth change of every joint by up to some 30 degrees, and of the hips' place by up to 0.2
    m.
    """
    random = np.random.default_rng(seed)
    time = np.linspace(0.0, 5.0, FRAMES)[:, None, None]
    change = 0.3 * np.sin(time + random.uniform(0.0, 6.0, (1, 21, 3)))
    return rotation.exp(change), 0.2 * np.sin(time[:, 0] + random.uniform(0.0, 6.0, 3))


def roles(*parts: str) -> list[int]:
    return [
        j
        for j, name in enumerate(CANONICAL.names)
        if name.removeprefix("left_").removeprefix("right_") in parts
    ]
