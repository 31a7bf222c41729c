"""A rig as somebody states it: which joint plays which role, in a file to edit or as a preset of a
naming family.

A file of version 1 is JSON, `{"kinestyle_rig": 1, "joints": {role: name or null}, "up": "+Y",
"metres_per_unit": 0.01}`. `kinestyle map` writes more into it, which is there for people to read. A
role may have several names, of which the first that a clip has counts: one rig serves files that
differ a little.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kinestyle.errors import RigError
from kinestyle.motion.canonical import CANONICAL, SIDES
from kinestyle.motion.skeleton import Skeleton
from kinestyle.rig.body_frame import AXES, UNITS
from kinestyle.storage import name_of, read_bytes, replace_bytes

VERSION = 1
_LIMIT_BYTES = 1_000_000
_NEEDED = (
    "hips",
    "chest",
    *(f"{side}_{part}" for side in SIDES for part in ("thigh", "shin", "foot")),
)
NEEDED_ROLES = (
    *_NEEDED,
    *(f"{side}_{part}" for side in SIDES for part in ("upper_arm", "forearm")),
)
"""Roles that every rig must have."""

COMMENTS = ("about", "made_from", "family", "unit", "confidence", "without_a_role", "notes")
"""Keys of a file that are written for people. Only `unit` is read, if there is no
`metres_per_unit`.
"""


@dataclass(frozen=True)
class Rig:
    """Joints by their names, for any number of files on one rig.

    name: what it is called in messages
    joints: role -> names, of which the first that a clip has is taken
    up: signed axis such as "+Z"; None: the file or the motion tells
    metres_per_unit: a unit's length; None: the file or the motion tells
    loose: as presets are. All names may have one prefix, and other case and separators. Chest and
        spine need no names: the chest carries the arms, the spine lies between it and the hips
    """

    name: str
    joints: Mapping[str, tuple[str, ...]]
    up: str | None = None
    metres_per_unit: float | None = None
    loose: bool = False

    def joints_in(self, skeleton: Skeleton, clip_name: str) -> dict[str, int]:
        """Role -> joint of a clip's skeleton. Raises RigError for a rig that does not fit the clip;
        the message names the joint.
        """
        where = f"{self.name} does not fit {clip_name}"
        names = self._as_in(skeleton)
        index = {name: joint for joint, name in reversed(list(enumerate(names)))}
        found: dict[str, int] = {}
        for role in CANONICAL.names:
            given = self.joints.get(role, ())
            plain = tuple(map(_plain, given)) if self.loose else given
            joint = next(
                (
                    index[name]
                    for name in plain
                    if name in index and index[name] not in found.values()
                ),
                None,
            )
            if joint is not None:
                found[role] = joint
            elif given and (role in NEEDED_ROLES or not self.loose):
                raise RigError(f"{where}: {_missing(role, given, plain, index, found, skeleton)}")
        if self.loose:
            found |= _trunk_between(found, skeleton, where)
        _check_complete(found, where)
        _check_chains(found, skeleton, where)
        return {role: found[role] for role in CANONICAL.names if role in found}

    def _as_in(self, skeleton: Skeleton) -> list[str]:
        """The skeleton's names in the form of this rig's. For a preset they lose the prefix that
        explains most of them.
        """
        if not self.loose:
            return list(skeleton.names)
        names = [_plain(name) for name in skeleton.names]
        wanted = {_plain(name) for given in self.joints.values() for name in given}
        prefixes = {name[: -len(end)] for name in names for end in wanted if name.endswith(end)}

        def explained(prefix: str) -> tuple[int, int]:
            return len({prefix + end for end in wanted} & set(names)), -len(prefix)

        prefix = max(sorted(prefixes), key=explained, default="")
        return [name[len(prefix) :] if name.startswith(prefix) else "" for name in names]


def _plain(name: str) -> str:
    """A name in small letters without separators."""
    return re.sub(r"[\s_.\-:|]", "", name).lower()


def _trunk_between(found: Mapping[str, int], skeleton: Skeleton, where: str) -> dict[str, int]:
    """Chest and spine of a rig whose hips and limbs are known. Raises RigError where the arms hang
    from the hips.
    """
    hips, neck = found["hips"], found.get("neck")
    left, right = (found.get(f"{side}_clavicle", found[f"{side}_upper_arm"]) for side in SIDES)
    others = set(skeleton.ancestors(right))
    path = []
    for joint in skeleton.ancestors(left):
        if joint == hips:
            break
        # 3ds Max hangs the clavicles from the neck
        if joint in others and joint != neck:
            path.append(joint)
    if not path or hips not in others:
        names = skeleton.names
        raise RigError(
            f"{where}: no joint lies between the hips, {names[hips]!r}, and the arms, "
            f"{names[left]!r} and {names[right]!r}"
        )
    between = path[:0:-1]
    return {"chest": path[0]} | ({"spine": between[int(0.4 * len(between))]} if between else {})


def _missing(
    role: str,
    given: tuple[str, ...],
    plain: tuple[str, ...],
    index: Mapping[str, int],
    found: Mapping[str, int],
    skeleton: Skeleton,
) -> str:
    """Why no joint was found for a role, in words.

    given, plain: the rig's names for it, as stated and as compared; index: the clip's joint by name
    found: the joints of other roles
    """
    taken = next((index[name] for name in plain if name in index), None)
    if taken is not None:
        other = next(role for role, joint in found.items() if joint == taken)
        return (
            f"{role} and {other} are both {skeleton.names[taken]!r}; every role needs a joint "
            f"of its own"
        )
    expected = " or ".join(map(repr, given))
    near = get_close_matches(given[0], skeleton.names, 1, 0.6)
    count = len(skeleton.names)
    has = (
        f"did you mean {near[0]!r}?"
        if near
        else f"it has {', '.join(skeleton.names[:12])}{' ...' if count > 12 else ''}"
    )
    return f"{role} is {expected}, but the clip has no joint of that name; {has}"


def _check_complete(found: Mapping[str, int], where: str) -> None:
    """Raises RigError where a role that every rig needs has no joint."""
    lacking = [role for role in NEEDED_ROLES if role not in found]
    if lacking:
        raise RigError(
            f"{where}: no joint is named for {', '.join(lacking)}, which every rig needs"
        )


def _check_chains(found: Mapping[str, int], skeleton: Skeleton, where: str) -> None:
    """Raises RigError where a joint does not lie below the joint of the role above it. Feet may
    hang on the root, as those for inverse kinematics do.
    """
    for role, joint in found.items():
        if role == "hips" or role.endswith("_foot"):
            continue
        above = "hips" if role in ("neck", "head") else _above(role, found)
        if role == "head" and "neck" in found:
            above = "neck"
        if found[above] not in skeleton.ancestors(joint):
            names = skeleton.names
            if found["chest"] in skeleton.ancestors(found["hips"]):
                raise RigError(
                    f"{where}: its hierarchy hangs from the head, for the hips, "
                    f"{names[found['hips']]!r}, lie below the chest, {names[found['chest']]!r}; "
                    f"export it with the hips as the root"
                )
            raise RigError(
                f"{where}: {role} is {names[joint]!r}, which does not lie below "
                f"{names[found[above]]!r}, the joint for {above}"
            )


def _above(role: str, found: Mapping[str, int]) -> str:
    """The nearest role above that has a joint."""
    index = int(CANONICAL.parents[CANONICAL.index(role)])
    while CANONICAL.names[index] not in found:
        index = int(CANONICAL.parents[index])
    return CANONICAL.names[index]


def write_rig(rig: Rig, path: Path, comments: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Write a rig as JSON to edit, whole or not at all. comments: values for some of `COMMENTS`.
    Raises MotionFileError.
    """
    assert set(comments) <= set(COMMENTS), f"{sorted(comments)} are not all of {COMMENTS}"
    found: dict[str, Any] = {"kinestyle_rig": VERSION}
    found |= {key: comments[key] for key in ("about", "made_from", "family") if key in comments}
    found["up"] = rig.up
    found |= {"unit": comments["unit"]} if "unit" in comments else {}
    found["metres_per_unit"] = rig.metres_per_unit
    joints = {role: rig.joints.get(role, ()) for role in CANONICAL.names}
    found["joints"] = {
        role: None if not names else names[0] if len(names) == 1 else list(names)
        for role, names in joints.items()
    }
    found |= {
        key: comments[key] for key in ("confidence", "without_a_role", "notes") if key in comments
    }
    replace_bytes(path, (json.dumps(found, indent=2, ensure_ascii=False) + "\n").encode())


def read_rig(path: Path) -> Rig:
    """Read what `write_rig` wrote and somebody edited. Raises RigError for anything else."""
    return parse_rig(read_bytes(path, _LIMIT_BYTES), name_of(path))


def parse_rig(data: bytes, name: str) -> Rig:
    """The rig in a file's bytes. name: what messages call it. Raises RigError as `read_rig`
    does.
    """
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise RigError(
            f"{name} is no text in UTF-8, expected a rig as `kinestyle map` writes it"
        ) from None
    except (ValueError, RecursionError) as error:  # also for whole numbers of thousands of digits
        where = (
            f" in line {error.lineno}: {error.msg}"
            if isinstance(error, json.JSONDecodeError)
            else ""
        )
        raise RigError(
            f"{name} is no JSON{where}; expected a rig as `kinestyle map` writes it"
        ) from None
    if not isinstance(found, dict) or "kinestyle_rig" not in found:
        raise RigError(
            f'{name} is no rig: it has no "kinestyle_rig"; expected a file as `kinestyle map` '
            f"writes it"
        )
    if found["kinestyle_rig"] != VERSION:
        raise RigError(
            f"{name} is a rig of version {found['kinestyle_rig']!r}, expected {VERSION}; write it "
            f"again with `kinestyle map`"
        )
    strange = sorted(found.keys() - {"kinestyle_rig", "joints", "up", "metres_per_unit", *COMMENTS})
    if strange:
        raise RigError(
            f"{name} has {strange[0]!r}, which means nothing here; expected joints, up, unit and "
            f"metres_per_unit"
        )
    up = found.get("up")
    if up is not None and not (isinstance(up, str) and up in AXES):
        raise RigError(
            f"{name} says that {up!r} is up, expected one of {', '.join(AXES)}, or null to find out"
        )
    return Rig(name, _joints(found.get("joints"), name), up, _metres(found, name))


def _joints(found: Any, name: str) -> dict[str, tuple[str, ...]]:
    """Role -> names, from the "joints" of a file. Raises RigError."""
    if not isinstance(found, dict):
        raise RigError(
            f'{name} has no "joints", expected an object with a joint\'s name for each role'
        )
    joints: dict[str, tuple[str, ...]] = {}
    for role, given in found.items():
        if role not in CANONICAL.names:
            near = get_close_matches(role, CANONICAL.names, 1, 0.5)
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else f"the roles are {', '.join(CANONICAL.names)}"
            )
            raise RigError(f"{name} names a joint for {role!r}, which is no role; {hint}")
        names = given if isinstance(given, list) else [] if given is None else [given]
        if not all(isinstance(one, str) and one for one in names):
            raise RigError(
                f"{name} has {given!r} for {role}, expected the name of a joint, or null where "
                f"the rig has none"
            )
        if names:
            joints[role] = tuple(names)
    owners: dict[tuple[str, ...], str] = {}
    for role, given in joints.items():
        if given in owners:
            raise RigError(
                f"{name} has {given[0]!r} for both {owners[given]} and {role}; every role needs a "
                f"joint of its own"
            )
        owners[given] = role
    _check_complete(dict.fromkeys(joints, 0), f"{name} is not complete")
    return joints


def _metres(found: Mapping[str, Any], name: str) -> float | None:
    """Metres in a unit, from the fields of a file; None where it states none. Raises RigError."""
    metres, unit = found.get("metres_per_unit"), found.get("unit")
    named = UNITS.get(unit) if isinstance(unit, str) else None
    if metres is None:
        if named is None and unit not in (None, "unknown"):
            raise RigError(
                f"{name} has the unit {unit!r}, expected one of {', '.join(UNITS)}, or its length "
                f"as metres_per_unit"
            )
        return named
    if isinstance(metres, bool) or not isinstance(metres, int | float) or not 1e-6 < metres < 1e6:
        raise RigError(
            f"{name} has {metres!r} as metres_per_unit, expected a number such as 0.01, or null "
            f"to find out"
        )
    if named is not None and abs(metres / named - 1.0) > 0.01:
        raise RigError(
            f"{name} says that the unit is {unit}, which is {named:g} m, but also that it is "
            f"{metres:g} m; keep one"
        )
    return float(metres)
