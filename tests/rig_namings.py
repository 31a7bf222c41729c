"""How the families of rigs name their joints, for tests: as data, from which rigs are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Rows = Sequence[tuple[str, str | None]]
"""Joint names down a chain with the role each one must get; None for joints that must stay
unmapped.
"""


@dataclass(frozen=True)
class Naming:
    """One family's names. In `arm` and `leg`, "{}" stands for the side, written as in `sides`."""

    sides: tuple[str, str]
    trunk: Rows
    top: Rows
    arm: Rows
    leg: Rows
    above: tuple[str, ...] = ()
    fingers: tuple[str, ...] = ()
    twists: tuple[str, ...] = ()
    thighs_below: str | None = None


CMU_LIKE_ARM = (
    ("{}Shoulder", "clavicle"),
    ("{}Arm", "upper_arm"),
    ("{}ForeArm", "forearm"),
    ("{}Hand", "hand"),
)
CMU_LIKE_LEG = (("{}UpLeg", "thigh"), ("{}Leg", "shin"), ("{}Foot", "foot"), ("{}ToeBase", "toe"))
POSER_ARM = (
    ("{}Collar", "clavicle"),
    ("{}Shoulder", "upper_arm"),
    ("{}Elbow", "forearm"),
    ("{}Wrist", "hand"),
)
POSER_LEG = (("{}Hip", "thigh"), ("{}Knee", "shin"), ("{}Ankle", "foot"), ("{}Toe", "toe"))
NECK_AND_HEAD = (("Neck", "neck"), ("Head", "head"))


def prefixed(prefix: str, rows: Rows) -> Rows:
    return tuple((prefix + name, role) for name, role in rows)


FAMILIES = {
    "CMU": Naming(
        sides=("Left", "Right"),
        trunk=(("Hips", "hips"), ("LowerBack", None), ("Spine", "spine"), ("Spine1", "chest")),
        top=(("Neck", "neck"), ("Neck1", None), ("Head", "head")),
        arm=CMU_LIKE_ARM,
        leg=(("{0[0]}HipJoint", None), *CMU_LIKE_LEG),
        fingers=("{}FingerBase", "{}HandIndex1", "{0[0]}Thumb"),
    ),
    "Mixamo": Naming(
        sides=("Left", "Right"),
        trunk=prefixed(
            "mixamorig:",
            (("Hips", "hips"), ("Spine", "spine"), ("Spine1", None), ("Spine2", "chest")),
        ),
        top=prefixed("mixamorig:", (*NECK_AND_HEAD, ("HeadTop_End", None))),
        arm=prefixed("mixamorig:", CMU_LIKE_ARM),
        leg=prefixed("mixamorig:", (*CMU_LIKE_LEG, ("{}Toe_End", None))),
        fingers=("mixamorig:{}HandIndex1", "mixamorig:{}HandThumb1", "mixamorig:{}HandMiddle1"),
    ),
    "LAFAN1": Naming(
        sides=("Left", "Right"),
        trunk=(("Hips", "hips"), ("Spine", "spine"), ("Spine1", None), ("Spine2", "chest")),
        top=NECK_AND_HEAD,
        arm=CMU_LIKE_ARM,
        leg=(*CMU_LIKE_LEG[:3], ("{}Toe", "toe")),
    ),
    "Bandai-Namco": Naming(
        sides=("L", "R"),
        above=("joint_Root",),
        trunk=(("Hips", "hips"), ("Spine", "spine"), ("Chest", "chest")),
        top=NECK_AND_HEAD,
        arm=(
            ("Shoulder_{}", "clavicle"),
            ("UpperArm_{}", "upper_arm"),
            ("LowerArm_{}", "forearm"),
            ("Hand_{}", "hand"),
        ),
        leg=(
            ("UpperLeg_{}", "thigh"),
            ("LowerLeg_{}", "shin"),
            ("Foot_{}", "foot"),
            ("Toes_{}", "toe"),
        ),
    ),
    "Xsens/Poser": Naming(
        sides=("Left", "Right"),
        trunk=(
            ("Hips", "hips"),
            ("Chest", None),
            ("Chest2", "spine"),
            ("Chest3", None),
            ("Chest4", "chest"),
        ),
        top=NECK_AND_HEAD,
        arm=POSER_ARM,
        leg=POSER_LEG,
    ),
    "SMPL": Naming(
        sides=("left", "right"),
        trunk=(("pelvis", "hips"), ("spine1", "spine"), ("spine2", None), ("spine3", "chest")),
        top=(("neck", "neck"), ("head", "head")),
        arm=(
            ("{}_collar", "clavicle"),
            ("{}_shoulder", "upper_arm"),
            ("{}_elbow", "forearm"),
            ("{}_wrist", "hand"),
        ),
        leg=(("{}_hip", "thigh"), ("{}_knee", "shin"), ("{}_ankle", "foot"), ("{}_foot", "toe")),
        fingers=("{}_index1", "{}_thumb1"),
    ),
    "Rokoko": Naming(
        sides=("Left", "Right"),
        trunk=(
            ("Hips", "hips"),
            ("Spine1", None),
            ("Spine2", "spine"),
            ("Spine3", None),
            ("Spine4", "chest"),
        ),
        top=NECK_AND_HEAD,
        arm=CMU_LIKE_ARM,
        leg=(
            ("{}Thigh", "thigh"),
            ("{}Shin", "shin"),
            ("{}Foot", "foot"),
            ("{}Toe", "toe"),
            ("{}ToeTip", None),
        ),
        fingers=("{}Finger2Metacarpal", "{}Finger1Proximal", "{}Finger2Tip"),
        above=("newton",),
    ),
    "Unreal": Naming(
        sides=("l", "r"),
        above=("root",),
        trunk=(
            ("pelvis", "hips"),
            ("spine_01", None),
            ("spine_02", "spine"),
            ("spine_03", None),
            ("spine_04", None),
            ("spine_05", "chest"),
        ),
        top=(("neck_01", "neck"), ("neck_02", None), ("head", "head")),
        arm=(
            ("clavicle_{}", "clavicle"),
            ("upperarm_{}", "upper_arm"),
            ("lowerarm_{}", "forearm"),
            ("hand_{}", "hand"),
        ),
        leg=(("thigh_{}", "thigh"), ("calf_{}", "shin"), ("foot_{}", "foot"), ("ball_{}", "toe")),
        fingers=("index_metacarpal_{}", "thumb_01_{}"),
        twists=(
            "upperarm_twist_01_{}",
            "lowerarm_twist_01_{}",
            "thigh_twist_01_{}",
            "calf_twist_01_{}",
        ),
    ),
    "Biped": Naming(
        sides=("L", "R"),
        above=("Bip01",),
        trunk=prefixed(
            "Bip01 ",
            (("Pelvis", "hips"), ("Spine", "spine"), ("Spine1", None), ("Spine2", "chest")),
        ),
        top=prefixed("Bip01 ", NECK_AND_HEAD),
        arm=prefixed(
            "Bip01 ",
            (
                ("{} Clavicle", "clavicle"),
                ("{} UpperArm", "upper_arm"),
                ("{} Forearm", "forearm"),
                ("{} Hand", "hand"),
            ),
        ),
        leg=prefixed(
            "Bip01 ",
            (("{} Thigh", "thigh"), ("{} Calf", "shin"), ("{} Foot", "foot"), ("{} Toe0", "toe")),
        ),
        fingers=("Bip01 {} Finger0", "Bip01 {} Finger1"),
    ),
    "Rigify": Naming(
        sides=("L", "R"),
        trunk=(
            ("spine", "hips"),
            ("spine.001", "spine"),
            ("spine.002", None),
            ("spine.003", "chest"),
        ),
        top=(("spine.004", "neck"), ("spine.005", None), ("spine.006", "head")),
        arm=(
            ("shoulder.{}", "clavicle"),
            ("upper_arm.{}", "upper_arm"),
            ("forearm.{}", "forearm"),
            ("hand.{}", "hand"),
        ),
        leg=(("thigh.{}", "thigh"), ("shin.{}", "shin"), ("foot.{}", "foot"), ("toe.{}", "toe")),
        fingers=("f_index.01.{}", "thumb.01.{}", "palm.01.{}"),
    ),
    "VRM": Naming(
        sides=("left", "right"),
        trunk=(("hips", "hips"), ("spine", "spine"), ("chest", None), ("upperChest", "chest")),
        top=(("neck", "neck"), ("head", "head")),
        arm=(
            ("{}Shoulder", "clavicle"),
            ("{}UpperArm", "upper_arm"),
            ("{}LowerArm", "forearm"),
            ("{}Hand", "hand"),
        ),
        leg=(
            ("{}UpperLeg", "thigh"),
            ("{}LowerLeg", "shin"),
            ("{}Foot", "foot"),
            ("{}Toes", "toe"),
        ),
        fingers=("{}IndexProximal", "{}ThumbProximal"),
    ),
    "CC3": Naming(
        sides=("L", "R"),
        above=("RL_BoneRoot",),
        trunk=prefixed(
            "CC_Base_",
            (("Hip", "hips"), ("Waist", "spine"), ("Spine01", None), ("Spine02", "chest")),
        ),
        top=prefixed(
            "CC_Base_", (("NeckTwist01", "neck"), ("NeckTwist02", None), ("Head", "head"))
        ),
        arm=prefixed(
            "CC_Base_",
            (
                ("{}_Clavicle", "clavicle"),
                ("{}_Upperarm", "upper_arm"),
                ("{}_Forearm", "forearm"),
                ("{}_Hand", "hand"),
            ),
        ),
        leg=prefixed(
            "CC_Base_",
            (
                ("{}_Thigh", "thigh"),
                ("{}_Calf", "shin"),
                ("{}_Foot", "foot"),
                ("{}_ToeBase", "toe"),
            ),
        ),
        fingers=("CC_Base_{}_Index1", "CC_Base_{}_Thumb1"),
        twists=(
            "CC_Base_{}_UpperarmTwist01",
            "CC_Base_{}_ForearmTwist01",
            "CC_Base_{}_ThighTwist01",
            "CC_Base_{}_CalfTwist01",
        ),
        thighs_below="CC_Base_Pelvis",
    ),
}

OTHER_NAMINGS = {
    "ASF": Naming(
        sides=("l", "r"),
        trunk=(("root", "hips"), ("lowerback", None), ("upperback", "spine"), ("thorax", "chest")),
        top=(("lowerneck", "neck"), ("upperneck", None), ("head", "head")),
        arm=(
            ("{}clavicle", "clavicle"),
            ("{}humerus", "upper_arm"),
            ("{}radius", "forearm"),
            ("{}wrist", None),
            ("{}hand", "hand"),
        ),
        leg=(
            ("{}hipjoint", None),
            ("{}femur", "thigh"),
            ("{}tibia", "shin"),
            ("{}foot", "foot"),
            ("{}toes", "toe"),
        ),
        fingers=("{}fingers", "{}thumb"),
    ),
    "Poser": Naming(
        sides=("l", "r"),
        trunk=(("hip", "hips"), ("abdomen", "spine"), ("chest", "chest")),
        top=(("neck", "neck"), ("head", "head")),
        arm=(
            ("{}Collar", "clavicle"),
            ("{}Shldr", "upper_arm"),
            ("{}ForeArm", "forearm"),
            ("{}Hand", "hand"),
        ),
        leg=(
            ("{}Buttock", None),
            ("{}Thigh", "thigh"),
            ("{}Shin", "shin"),
            ("{}Foot", "foot"),
            ("{}Toe", "toe"),
        ),
        fingers=("{}Thumb1", "{}Mid1"),
    ),
    "VRoid": Naming(
        sides=("L", "R"),
        trunk=(
            ("J_Bip_C_Hips", "hips"),
            ("J_Bip_C_Spine", "spine"),
            ("J_Bip_C_Chest", None),
            ("J_Bip_C_UpperChest", "chest"),
        ),
        top=(("J_Bip_C_Neck", "neck"), ("J_Bip_C_Head", "head")),
        arm=prefixed(
            "J_Bip_",
            (
                ("{}_Shoulder", "clavicle"),
                ("{}_UpperArm", "upper_arm"),
                ("{}_LowerArm", "forearm"),
                ("{}_Hand", "hand"),
            ),
        ),
        leg=prefixed(
            "J_Bip_",
            (
                ("{}_UpperLeg", "thigh"),
                ("{}_LowerLeg", "shin"),
                ("{}_Foot", "foot"),
                ("{}_ToeBase", "toe"),
            ),
        ),
        fingers=("J_Bip_{}_Index1", "J_Bip_{}_Thumb1"),
    ),
    "studio": Naming(
        sides=("L", "R"),
        above=("actor01:reference_jnt",),
        trunk=prefixed(
            "actor01:", (("pelvis_jnt", "hips"), ("torso_jnt", "spine"), ("ribcage_jnt", "chest"))
        ),
        top=prefixed("actor01:", (("neck_jnt", "neck"), ("head_jnt", "head"))),
        arm=prefixed(
            "actor01:",
            (
                ("{}_shoulder_jnt", "upper_arm"),
                ("{}_elbow_jnt", "forearm"),
                ("{}_wrist_jnt", "hand"),
            ),
        ),
        leg=prefixed(
            "actor01:",
            (
                ("{}_hip_jnt", "thigh"),
                ("{}_knee_jnt", "shin"),
                ("{}_ankle_jnt", "foot"),
                ("{}_ball_jnt", "toe"),
            ),
        ),
        fingers=("actor01:{}_index_jnt",),
    ),
    "prefix without a colon": Naming(
        sides=("Left", "Right"),
        trunk=prefixed("mixamorig", (("Hips", "hips"), ("Spine", "spine"), ("Spine2", "chest"))),
        top=prefixed("mixamorig", NECK_AND_HEAD),
        arm=prefixed("mixamorig", CMU_LIKE_ARM),
        leg=prefixed("mixamorig", CMU_LIKE_LEG),
    ),
    "3ds Max, clavicles on the neck": Naming(
        sides=("L", "R"),
        above=("Bip01",),
        trunk=prefixed(
            "Bip01 ",
            (("Pelvis", "hips"), ("Spine", "spine"), ("Spine2", "chest"), ("Neck", "neck")),
        ),
        top=prefixed("Bip01 ", (("Head", "head"),)),
        arm=FAMILIES["Biped"].arm,
        leg=FAMILIES["Biped"].leg,
    ),
}
"""Namings beyond the named families, or of one of them in an unusual form."""

FIVE = ("Thumb", "Index", "Middle", "Ring", "Pinky")
FINGERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Mixamo": ("mixamorig:{side}Hand{finger}{segment}", FIVE),
    "SMPL": ("{side}_{finger}{segment}", tuple(map(str.lower, FIVE))),
    "Rokoko": ("{side}{finger}{segment}", ("Finger1", "Finger2", "Finger3", "Finger4", "Finger5")),
    "Unreal": ("{finger}_0{segment}_{side}", tuple(map(str.lower, FIVE))),
    "Biped": (
        "Bip01 {side} {finger}{segment}",
        ("Finger0", "Finger1", "Finger2", "Finger3", "Finger4"),
    ),
    "Rigify": ("{finger}.0{segment}.{side}", ("thumb", "f_index", "f_middle", "f_ring", "f_pinky")),
    "VRM": ("{side}{finger}{segment}", ("Thumb", "Index", "Middle", "Ring", "Little")),
    "CC3": ("CC_Base_{side}_{finger}{segment}", ("Thumb", "Index", "Mid", "Ring", "Pinky")),
    "Bandai-Namco": ("{finger}{segment}_{side}", FIVE),
    "Xsens/Poser": ("{side}Finger{finger}{segment}", ("0", "1", "2", "3", "4")),
}
"""Family -> the pattern of a finger's joints, and what it calls the five; families without a row do
as CMU's Hand rigs do.
"""


def both(*templates: str, sides: tuple[str, str] = ("Left", "Right")) -> dict[str, str]:
    """Role -> name of the eight limb roles of both sides, clavicle to hand and thigh to toe.

    templates: names in which "{}" stands for the side, written as in `sides`
    """
    roles = ("clavicle", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")
    return {
        f"{side}_{role}": template.format(word)
        for side, word in zip(("left", "right"), sides, strict=True)
        for role, template in zip(roles, templates, strict=True)
    }


ACCLAIM_ROLES = {
    "hips": "root",
    "spine": "upperback",
    "chest": "thorax",
    "neck": "lowerneck",
    "head": "head",
} | both(
    *(
        "{}" + name
        for name in (
            *("clavicle", "humerus", "radius", "hand"),
            *("femur", "tibia", "foot", "toes"),
        )
    ),
    sides=("l", "r"),
)
"""The joints that play the roles on HDM05's skeletons."""
