"""Seven rigs of the kinds that people have in Blender, walking, for the tests of its extension."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from generated_rigs import generate
from kinestyle import Clip, write_motion
from kinestyle.rig.body_frame import UNITS
from made_rigs import walk

AUTO_RIG_PRO = {
    "hips": "root.x",
    "spine": "spine_01.x",
    "chest": "spine_02.x",
    "neck": "neck.x",
    "head": "head.x",
    **{
        f"{side}_{role}": f"{name}.{side[0]}"
        for side in ("left", "right")
        for role, name in {
            "clavicle": "shoulder",
            "upper_arm": "arm_stretch",
            "forearm": "forearm_stretch",
            "hand": "hand",
            "thigh": "thigh_stretch",
            "shin": "leg_stretch",
            "foot": "foot",
            "toe": "toes_01",
        }.items()
    },
}
"""What Auto-Rig Pro calls the bones that deform a character."""


@dataclass(frozen=True)
class Rig:
    """A rig, how it stands in a Blender scene, and what is asked for.

    stands: of the armature as an object and its bones, see tests/blender_extension.py
    ask: properties of the panel; words: the same on the command line
    """

    name: str
    clip: Clip
    up: str
    metres: float
    ending: str = ".bvh"
    stands: dict[str, Any] = field(default_factory=dict)
    ask: dict[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    expected: dict[str, frozenset[int]] = field(default_factory=dict)

    def spec(self, folder: Path) -> dict[str, Any]:
        file = folder / f"{self.name}{self.ending}"
        write_motion(self.clip, file)
        scale = 1.0 if self.ending == ".glb" else self.metres
        return {"name": self.name, "file": str(file), "up": self.up, "scale": scale} | (
            {"mode": "QUATERNION", "ask": self.ask} | self.stands
        )

    def asked_of(self, folder: Path) -> tuple[Path, str]:
        """The file that the command line is given, and which axis is up in it: what was imported,
        or what Blender wrote of that.
        """
        if self.stands.get("from_blender"):
            return folder / f"{self.name}.bvh", "Z"
        return folder / f"{self.name}{self.ending}", self.up

    def joint(self, role: str) -> str:
        return self.clip.skeleton.names[min(self.expected[role])]


def _made(name: str, family: str, up: str, unit: str, plain: bool = False, **more: Any) -> Rig:
    """The first rig of a family that was made with this axis up and in this unit. plain: without
    hair, twists and props
    """
    motion = walk(2.5, heel_rise=0.3).clip
    for seed in range(400):
        made = generate(seed, family, motion, plain=plain)
        if (made.up, made.unit) == (f"+{up}", unit):
            return Rig(name, made.clip, up, UNITS[unit], expected=made.expected, **more)
    raise AssertionError(f"no {family} rig in {unit} with {up} up among the first")


def _renamed(rig: Rig, names: dict[str, str]) -> Rig:
    """names: role -> name"""
    given = list(rig.clip.skeleton.names)
    for role, joints in rig.expected.items():
        given[min(joints)] = names.get(role, given[min(joints)])
    skeleton = replace(rig.clip.skeleton, names=tuple(given))
    return replace(rig, clip=replace(rig.clip, skeleton=skeleton))


def rigs() -> list[Rig]:
    old = {"style": "old"}
    proud = {"kind": "MIX", "style": "old", "second": "proud", "mix": 0.25, "strength": 0.8}
    return [
        _made(
            "cmu",
            "CMU",
            "Y",
            "cm",
            stands={"mode": "NATIVE", "pose_mode": True},
            ask=old,
            words=("--style", "old"),
        ),
        _made(
            "mixamo",
            "Mixamo",
            "Y",
            "cm",
            stands={"turned": (0.0, 0.0, 0.7), "location": (1.5, -2.0, 0.0), "start": 11},
            ask=proud,
            words=(
                "--style",
                "old",
                "--style",
                "proud",
                "--mix",
                "0.75,0.25",
                "--strength",
                "0.8",
            ),
        ),
        _made(
            "rigify",
            "Rigify",
            "Z",
            "m",
            stands={"mode": "YXZ"},
            ask={"style": "childish", "seed": 3, "root": "planted"},
            words=("--style", "childish", "--seed", "3", "--root", "planted"),
        ),
        _made(
            "vrm",
            "VRM",
            "Y",
            "m",
            plain=True,
            ending=".glb",
            stands={"mode": "AXIS_ANGLE"},
            ask={"style": "proud"},
            words=("--style", "proud"),
        ),
        # joints have axes of their own in that file, of which Blender keeps the rest pose
        _made(
            "vrm with hair",
            "VRM",
            "Y",
            "m",
            ending=".glb",
            stands={"from_blender": True},
            ask={"style": "proud"},
            words=("--style", "proud"),
        ),
        _made(
            "unreal",
            "Unreal",
            "Z",
            "cm",
            stands={"mode": "XYZ"},
            ask={"bundle": "open", "style": "stooped", "timing": "style", "parts_from": "PARTS"}
            | {"parts": ["spine", "head", "left_arm", "right_arm"]},
            words=(
                "--bundle",
                "open",
                "--style",
                "stooped",
                "--timing",
                "style",
                "--parts",
                "head,spine,left_arm,right_arm",
            ),
        ),
        _renamed(
            _made(
                "auto-rig-pro",
                "Rigify",
                "Y",
                "m",
                stands={"controlled": True},
                ask={"style": "old", "bake": True},
                words=("--style", "old"),
            ),
            AUTO_RIG_PRO,
        ),
    ]


def to_blender(position: np.ndarray, up: str) -> np.ndarray:
    """(..., 3) of a file with Y or Z up -> in Blender's axes."""
    if up == "Z":
        return position
    return np.stack([position[..., 0], -position[..., 2], position[..., 1]], axis=-1)
