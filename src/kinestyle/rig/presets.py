"""Rigs of well-known naming families, by name: what `--rig mixamo` means.

A preset is for files whose names are right but whose shape misleads. It takes joints by their names
alone; a prefix that all of them have does not matter.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from kinestyle.errors import RigError, wrong_type
from kinestyle.motion.canonical import SIDES
from kinestyle.rig.rig_file import Rig, read_rig

_ARM = ("clavicle", "upper_arm", "forearm", "hand")
_LEG = ("thigh", "shin", "foot", "toe")


def _preset(name: str, sides: str, trunk: str, arm: str, leg: str) -> Rig:
    """The rig of one family. Words are names; "a/b" means a or else b, "{}" stands for the side.

    sides: the words for left and right; trunk: hips, neck, head; arm, leg: in the order of their
        roles
    """
    joints = {
        role: tuple(names.split("/"))
        for role, names in zip(("hips", "neck", "head"), trunk.split(), strict=True)
    }
    for side, word in zip(SIDES, sides.split(), strict=True):
        for roles, names in ((_ARM, arm), (_LEG, leg)):
            for role, given in zip(roles, names.split(), strict=True):
                joints[f"{side}_{role}"] = tuple(
                    one.replace("{}", word) for one in given.split("/")
                )
    return Rig(f"the rig {name!r}", joints, loose=True)


_CMU_ARM, _CMU_LEG = (
    "{}Shoulder {}Arm {}ForeArm {}Hand",
    "{}UpLeg {}Leg {}Foot {}ToeBase/{}Toe/{}ForeFoot",
)
_POSER_ARM, _POSER_LEG = "{}Collar {}Shoulder {}Elbow {}Wrist", "{}Hip {}Knee {}Ankle {}Toe"
_PRESETS = {
    "cmu": ("Left Right", "Hips Neck Head", _CMU_ARM, _CMU_LEG),
    "mixamo": ("Left Right", "Hips Neck Head", _CMU_ARM, _CMU_LEG),
    "lafan1": ("Left Right", "Hips Neck Head", _CMU_ARM, _CMU_LEG),
    "bandai": (
        "L R",
        "Hips Neck Head",
        "Shoulder_{} UpperArm_{} LowerArm_{} Hand_{}",
        "UpperLeg_{} LowerLeg_{} Foot_{} Toes_{}",
    ),
    "xsens": ("Left Right", "Hips Neck Head", _POSER_ARM, _POSER_LEG),
    "smpl": (
        "left right",
        "pelvis neck head",
        "{}_collar {}_shoulder {}_elbow {}_wrist",
        "{}_hip {}_knee {}_ankle {}_foot",
    ),
    "rokoko": ("Left Right", "Hips Neck Head", _CMU_ARM, "{}Thigh {}Shin {}Foot {}Toe"),
    "unreal": (
        "l r",
        "pelvis neck_01/neck head",
        "clavicle_{} upperarm_{} lowerarm_{} hand_{}",
        "thigh_{} calf_{} foot_{} ball_{}",
    ),
    "biped": (
        "L R",
        "Pelvis Neck Head",
        "{}Clavicle {}UpperArm {}Forearm {}Hand",
        "{}Thigh {}Calf {}Foot {}Toe0",
    ),
    "rigify": (
        "L R",
        "spine spine.004 spine.006/spine.005",
        "shoulder.{} upper_arm.{} forearm.{} hand.{}",
        "thigh.{} shin.{} foot.{} toe.{}",
    ),
    "vrm": (
        "left right",
        "hips neck head",
        "{}Shoulder {}UpperArm {}LowerArm {}Hand",
        "{}UpperLeg {}LowerLeg {}Foot {}Toes",
    ),
    "cc3": (
        "L R",
        "Hip NeckTwist01/Neck Head",
        "{}_Clavicle {}_Upperarm {}_Forearm {}_Hand",
        "{}_Thigh {}_Calf {}_Foot {}_ToeBase",
    ),
    "acclaim": (
        "l r",
        "root lowerneck/upperneck head",
        "{}clavicle {}humerus {}radius {}hand",
        "{}femur {}tibia {}foot {}toes",
    ),
}
_ALIASES = {
    "humanml3d": "smpl",
    "100style": "xsens",
    "poser": "xsens",
    "unity": "vrm",
    "blender": "rigify",
    "3dsmax": "biped",
    "hdm05": "acclaim",
    "asf": "acclaim",
    "reallusion": "cc3",
    "bandai-namco": "bandai",
    "ue5": "unreal",
    "ue4": "unreal",
}

PRESETS: dict[str, Rig] = {name: _preset(name, *rows) for name, rows in _PRESETS.items()}
"""By family, in the order of the table above."""


def preset(name: str) -> Rig:
    """The rig of a family, by its name or an alias. Raises RigError for an unknown one."""
    plain = name.lower().strip()
    plain = _ALIASES.get(plain, plain)
    if plain not in PRESETS:
        raise RigError(
            f"no rig is called {name!r}; known are {', '.join(PRESETS)}, or give a file that "
            f"`kinestyle map` wrote"
        )
    return PRESETS[plain]


def as_rig(given: Rig | str | Path | None) -> Rig | None:
    """What is said of a rig: the rig itself, the name of a family, or a file of `kinestyle map`.
    Raises RigError.
    """
    if given is None or isinstance(given, Rig):
        return given
    if not isinstance(given, str | PathLike):
        raise wrong_type("rig", given, "a family such as mixamo, or a file of `kinestyle map`")
    path = Path(given)
    return read_rig(path) if path.suffix.lower() == ".json" or path.exists() else preset(str(given))
