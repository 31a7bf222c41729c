"""What VRM says beside glTF: which node is which bone of a human body.

VRM 0.x states it in the extension VRM, VRM 1.0 in VRMC_vrm, a VRM animation (.vrma) in
VRMC_vrm_animation. Bones have Unity's names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kinestyle.formats.gltf.document import Document
from kinestyle.motion.canonical import SIDES

CHARACTER_EXTENSIONS = ("VRM", "VRMC_vrm")
ANIMATION_EXTENSION = "VRMC_vrm_animation"
_TRUNK = {"hips": "hips", "spine": "spine", "chest": "chest", "neck": "neck", "head": "head"}
_LIMBS = {
    "thigh": "UpperLeg",
    "shin": "LowerLeg",
    "foot": "Foot",
    "toe": "Toes",
    "clavicle": "Shoulder",
    "upper_arm": "UpperArm",
    "forearm": "LowerArm",
    "hand": "Hand",
}
BONES = _TRUNK | {
    f"{side}_{part}": f"{side}{bone}" for side in SIDES for part, bone in _LIMBS.items()
}
"""Role -> what VRM calls the bone."""


def humanoid_nodes(document: Document) -> dict[str, int]:
    """VRM's name of a bone -> its node, as far as the file states sound ones."""
    extensions = document.root.fields.get("extensions")
    nodes = document.root.fields.get("nodes")
    count = len(nodes) if isinstance(nodes, list) else 0
    for extension in (ANIMATION_EXTENSION, *reversed(CHARACTER_EXTENSIONS)):
        found = {
            bone: node
            for bone, node in _stated(_part(extensions, extension))
            if isinstance(node, int) and not isinstance(node, bool) and 0 <= node < count
        }
        if found:
            return found
    return {}


def is_character(document: Document) -> bool:
    """Whether a file is a VRM character."""
    extensions = document.root.fields.get("extensions")
    return any(_part(extensions, extension) for extension in CHARACTER_EXTENSIONS)


def is_animation(document: Document) -> bool:
    """Whether a file is a VRM animation."""
    return bool(_part(document.root.fields.get("extensions"), ANIMATION_EXTENSION))


def roles_of(bones: Mapping[str, str]) -> dict[str, str]:
    """VRM's name of a bone -> the joint, to role -> the joint."""
    found = {role: bones[bone] for role, bone in BONES.items() if bone in bones}
    if "chest" not in found and "upperChest" in bones:
        found["chest"] = bones["upperChest"]
    elif "chest" not in found and "spine" in found:
        # the lowest that a humanoid needs: one joint between hips and arms
        found["chest"] = found.pop("spine")
    return found


def bones_of(roles: Mapping[str, int]) -> dict[str, int]:
    """Role -> node, to VRM's name of a bone -> the node."""
    bones = {BONES[role]: node for role, node in roles.items()}
    if "spine" not in bones and "chest" in bones:
        bones["spine"] = bones.pop("chest")  # VRM needs a spine and no chest
    return bones


def _part(value: Any, key: str) -> dict[str, Any]:
    """The object at `key` of what should be an object."""
    part = value.get(key) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}


def _stated(extension: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The bones of an extension, with what it gives as their nodes."""
    bones = _part(extension, "humanoid").get("humanBones")
    if isinstance(bones, dict):
        yield from ((bone, _part(bones, bone).get("node")) for bone in bones)
    elif isinstance(bones, list):
        for entry in bones:
            if isinstance(entry, dict) and isinstance(entry.get("bone"), str):
                yield entry["bone"], entry.get("node")
