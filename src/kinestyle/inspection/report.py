"""A report on a clip: rig, units, axes, rate, length, the joint mapping with its confidence, and
diagnostics.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kinestyle.errors import one_line
from kinestyle.inspection.diagnostics import Diagnostic, facing, find_diagnostics
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import Correspondence, correspond
from kinestyle.rig.body_frame import axis_name
from kinestyle.rig.mapping import DOUBTFUL, JointMapping, map_joints
from kinestyle.rig.rig_file import Rig


@dataclass(frozen=True, eq=False)
class Inspection:
    """A clip and how its rig corresponds to the canonical skeleton."""

    clip: Clip
    correspondence: Correspondence

    @property
    def mapping(self) -> JointMapping:
        return self.correspondence.mapping

    @property
    def warnings(self) -> tuple[str, ...]:
        return (*self.clip.warnings, *self.mapping.warnings)

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What looks wrong in the motion."""
        return find_diagnostics(self.clip, self.correspondence)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: floats in file units where not said otherwise."""
        clip, mapping = self.clip, self.mapping
        names = clip.skeleton.names
        axis, angle = facing(clip, self.correspondence)
        return {
            "name": clip.name,
            "animation": clip.animation or None,
            "characters": list(clip.characters),
            "character": clip.character,
            "animations": [animation._asdict() for animation in clip.animations],
            "family": mapping.family,
            "joint_count": clip.skeleton.joint_count,
            "frame_count": clip.frame_count,
            "frame_time_seconds": clip.frame_time_seconds,
            "duration_seconds": clip.duration_seconds,
            "up": axis_name(mapping.up),
            "facing": axis,
            "facing_off_degrees": round(float(np.degrees(angle)), 1),
            "unit": mapping.unit,
            "metres_per_unit": mapping.metres_per_unit,
            "floor": self.correspondence.floor,
            "joints": {
                role: {
                    "joint": names[mapping.joints[role]],
                    "confidence": round(float(mapping.confidence[role]), 3),
                }
                for role in CANONICAL.names
                if role in mapping.joints
            },
            "missing": [role for role in CANONICAL.names if role not in mapping.joints],
            "unmapped": list(mapping.unmapped),
            "warnings": list(self.warnings),
            "diagnostics": [
                {"kind": diagnostic.kind, "message": diagnostic.message}
                for diagnostic in self.diagnostics
            ],
        }

    def as_text(self) -> str:
        """For a person."""
        found = self.as_dict()
        rate = 1.0 / found["frame_time_seconds"]
        beside = (
            f" ({found['facing_off_degrees']:.0f} degrees beside it)"
            if found["facing_off_degrees"] >= 10.0
            else ""
        )
        characters = [
            f"  {number} {name}" + ("   read" if number == self.clip.character else "")
            for number, name in enumerate(self.clip.characters, start=1)
        ]
        animations = [
            f"  {animation.name:<28}{animation.seconds:.2f} s"
            + ("" if animation.moves else "   nothing moves")
            + ("   read" if animation.name == self.clip.animation else "")
            for animation in self.clip.animations
        ]
        lines = [
            f"{found['name']}: {found['frame_count']} frames at {rate:.4g} frames/s, "
            f"{found['duration_seconds']:.2f} s",
            f"rig      {found['family']}, {found['joint_count']} joints",
            f"axes     {found['up']} up, floor at {found['floor']:.3g}, facing "
            f"{found['facing']}{beside} at first",
            f"unit     {found['unit']} ({found['metres_per_unit']:.4g} m)",
            *(["characters", *characters] if characters else []),
            *(["animations", *animations] if animations else []),
            "joints",
        ]
        for role in CANONICAL.names:
            row = found["joints"].get(role)
            if row is None:
                lines.append(f"  {role:<18}-")
                continue
            doubt = "   doubtful" if row["confidence"] < DOUBTFUL else ""
            lines.append(f"  {role:<18}{row['joint']:<28}{row['confidence']:.2f}{doubt}")
        if found["unmapped"]:
            lines.append(f"without a role: {', '.join(found['unmapped'])}")
        lines += [f"note: {warning}" for warning in found["warnings"]]
        lines += [f"diagnostic: {diagnostic.message}" for diagnostic in self.diagnostics]
        return "\n".join(map(one_line, lines))


def inspect_clip(clip: Clip, rig: Rig | None = None) -> Inspection:
    """Inspect a clip; rig: its own, where known. Raises RigError where there is no humanoid."""
    return Inspection(clip, correspond(clip, map_joints(clip, rig)))
