"""Folders of clips as a user may have them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kinestyle.formats.table import read_motion, write_motion
from kinestyle.rig.rig_file import Rig
from made_rigs import as_rig, unrecognisable, walk


def numbered(*names: str, count: int = 3) -> list[str]:
    return [f"{name.format(i)}.bvh" for name in names for i in range(1, count + 1)]


def put(folder: Path, name: str, seconds: float = 1.0, heading: float = 0.0) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_motion(as_rig(walk(seconds, 30.0, heading).clip, metres_per_unit=0.01), path)
    return path


def filled(folder: Path, *names: str, count: int = 6) -> Path:
    """Clips that all differ."""
    for number, file in enumerate(numbered(*names, count=count)):
        put(folder, file, 0.7 + 0.05 * number, 0.1 * number)
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_unrecognisable(data: Path, *names: str) -> Rig:
    """Give some of the clips in a folder joints whose names mislead, and return the rig that states
    which is which.
    """
    joints: dict[str, tuple[str, ...]] = {}
    for name in names:
        clip, joints = unrecognisable(read_motion(data / name))
        write_motion(clip, data / name)
    return Rig("my_rig.json", joints)


def without_toes(rig: Rig) -> Rig:
    """A rig without toes."""
    return replace(
        rig, joints={role: names for role, names in rig.joints.items() if not role.endswith("toe")}
    )
