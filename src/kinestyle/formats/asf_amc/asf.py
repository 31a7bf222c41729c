"""Reading ASF: the skeleton of AMC files. The rules are those of Acclaim's definition, version
1.10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kinestyle.formats.asf_amc.lines import Lines
from kinestyle.formats.limits import MAX_JOINTS
from kinestyle.formats.text_files import NUMBER, decode_text, encoding_warnings, quoted
from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton

ROOT = "root"
_ROTATIONS = ("rx", "ry", "rz")
_TRANSLATIONS = ("tx", "ty", "tz")
_ORDERS = ("xyz", "xzy", "yxz", "yzx", "zxy", "zyx")
_NEEDED = (":units", ":root", ":bonedata", ":hierarchy")
"""In this order: reading one needs what those before it say."""
_IGNORED = (":version", ":name", ":documentation", ":skin")
_IGNORED_OF_A_BONE = ("id", "bodymass", "cofmass")


@dataclass(frozen=True, eq=False)
class AsfRig:
    """What an ASF file says. Lengths are in the file's unit; the factor that `:units` states is not
    needed, because joint mapping finds the unit.

    skeleton: "root", and a joint for each bone, where the bone starts; at rest no joint is rotated
    axes: (J, 4) from the bone's own axes, to which its angles refer, to those of the world at rest
    channels: for each joint what an AMC file gives of it, some of tx ty tz rx ry rz, in that file's
        order
    radians_per_angle: an angle of 1, in AMC files too unless they state another unit
    name, warnings: the file's, for messages
    """

    skeleton: Skeleton
    axes: Array
    channels: tuple[tuple[str, ...], ...]
    radians_per_angle: float
    name: str
    warnings: tuple[str, ...] = ()

    @cached_property
    def joints(self) -> dict[str, int]:
        """Joint by name in small letters: the format ignores case."""
        return {name.lower(): joint for joint, name in enumerate(self.skeleton.names)}


@dataclass
class _Bone:
    """One block of `:bonedata`.

    axis: three angles in the file's unit; stated: the entries so far
    """

    name: str = ""
    direction: list[float] = field(default_factory=list)
    length: float = 0.0
    axis: list[float] = field(default_factory=list)
    axis_order: str = ""
    channels: tuple[str, ...] = ()
    stated: set[str] = field(default_factory=set)

    @property
    def shown(self) -> str:
        """The bone, for a message."""
        return f"bone {quoted(self.name)}" if self.name else "this bone"

    def vector(self) -> Array:
        """(3,) from the bone's start to its end."""
        return rotation.normalize(self.direction) * self.length


@dataclass
class _Parsed:
    """What the sections so far say. bones, children: by the bone's name in small letters."""

    radians_per_angle: float = 0.0
    root_channels: tuple[str, ...] = ()
    bones: dict[str, _Bone] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)


def parse_asf(data: bytes, name: str) -> AsfRig:
    """data: the bytes of an ASF file; name: what messages call it. Raises MotionFileError with the
    line and what is wrong there.
    """
    text, encoding, _ = decode_text(data, name, "ASF", ":version")
    sections: dict[str, Callable[[Lines, _Parsed], None]] = {
        ":units": _parse_units,
        ":root": _parse_root,
        ":bonedata": _parse_bones,
        ":hierarchy": _parse_hierarchy,
    }
    parsed = _Parsed()
    lines = Lines(text, name)
    warnings: list[str] = []
    seen: list[str] = []
    lines.next()
    while lines.words:
        keyword = lines.keyword
        if not keyword.startswith(":"):
            lines.refuse(0, "a section that begins with a colon, such as :bonedata")
        if keyword in _NEEDED:
            wanted = next((needed for needed in _NEEDED if needed not in seen), "")
            if keyword != wanted:
                lines.refuse(0, f"{keyword} once" if keyword in seen else f"{wanted} before it")
            seen.append(keyword)
            lines.next()
            sections[keyword](lines, parsed)
            continue
        if keyword not in _IGNORED:
            warnings.append(
                f"{name}, line {lines.number}: the section {quoted(lines.words[0])} is not known "
                f"and was passed over"
            )
        while lines.next() and not lines.words[0].startswith(":"):
            pass
    if len(seen) < len(_NEEDED):
        lines.refuse(0, f"a section {_NEEDED[len(seen)]}")
    if not all(map(str.isascii, parsed.bones)):
        warnings += encoding_warnings(name, encoding)
    return _rig(parsed, name, tuple(warnings))


def _parse_units(lines: Lines, parsed: _Parsed) -> None:
    """The section :units."""
    for keyword in lines.section():
        if keyword == "angle":
            units = {"deg": np.pi / 180.0, "rad": 1.0}
            unit = lines.words[1].lower() if len(lines.words) > 1 else ""
            if unit not in units:
                lines.refuse(1, "deg or rad")
            parsed.radians_per_angle = units[unit]
        elif keyword in ("mass", "length"):
            if lines.numbers(keyword, 1)[0] <= 0.0:
                lines.refuse(1, f"a {keyword} unit greater than 0")
        else:
            lines.refuse(0, "mass, length or angle within :units")
    if not parsed.radians_per_angle:
        lines.refuse(0, "angle deg or angle rad within :units")


def _parse_root(lines: Lines, parsed: _Parsed) -> None:
    """The section :root."""
    for keyword in lines.section():
        if keyword == "order":
            parsed.root_channels = _channels(lines, _TRANSLATIONS + _ROTATIONS, "the root's order")
            if len(parsed.root_channels) < 6:
                lines.refuse(len(lines.words), "all of TX TY TZ RX RY RZ in the root's order")
        elif keyword in ("position", "orientation"):
            # programs differ in how such an offset combines with the motion; writers keep to zeros
            for i, value in enumerate(lines.numbers(f"the root's {keyword}", 3)):
                if value:
                    lines.refuse(1 + i, f"0 0 0 as the root's {keyword}; put it into the motion")
        elif keyword == "axis":
            # of the orientation, which is zero
            _axis_order(lines, 1, "the root")
        else:
            lines.refuse(0, "order, axis, position or orientation within :root")
    if not parsed.root_channels:
        lines.refuse(0, "order TX TY TZ RX RY RZ within :root")


def _parse_bones(lines: Lines, parsed: _Parsed) -> None:
    """The section :bonedata."""
    for keyword in lines.section():
        if keyword != "begin":
            lines.refuse(0, "begin, the first word of a bone")
        if len(parsed.bones) + 1 == MAX_JOINTS:
            lines.refuse(0, f"at most {MAX_JOINTS} joints")
        bone = _parse_bone(lines, parsed)
        parsed.bones[bone.name.lower()] = bone
    if not parsed.bones:
        lines.refuse(0, "at least one bone within :bonedata")


def _parse_bone(lines: Lines, parsed: _Parsed) -> _Bone:
    """From begin to end; `lines` stops at the line of end."""
    entries: dict[str, Callable[[Lines, _Bone], None]] = {
        "name": _parse_name,
        "direction": _parse_direction,
        "length": _parse_length,
        "axis": _parse_axis,
        "dof": _parse_dof,
    }
    bone = _Bone()
    lines.next()
    while (keyword := lines.keyword) != "end":
        if keyword in bone.stated:
            lines.refuse(0, f"one {keyword} for {bone.shown}")
        if keyword in entries:
            entries[keyword](lines, bone)
            bone.stated.add(keyword)
        elif keyword == "limits":
            # limits of a joint tell nothing of its motion; one pair stands on each line
            while _is_range(lines.next()):
                pass
            continue
        elif keyword not in _IGNORED_OF_A_BONE:
            lines.refuse(0, f"an entry of {bone.shown} or end")
        if keyword == "name" and (bone.name.lower() in parsed.bones or bone.name.lower() == ROOT):
            lines.fail(
                1,
                f"a second bone named {quoted(bone.name)}",
                "names that differ; rename one of them",
            )
        lines.next()
    for entry in ("name", "direction", "length", "axis"):
        if entry not in bone.stated:
            lines.refuse(0, f"{entry} before the end of {bone.shown}")
    if bone.length > 0.0 and not rotation.normalize(bone.direction).any():
        lines.fail(0, f"a direction of no length for {bone.shown}", "a direction")
    return bone


def _parse_name(lines: Lines, bone: _Bone) -> None:
    if len(lines.words) < 2:
        lines.refuse(1, "the name of a bone")
    bone.name = lines.words[1]
    lines.end_of_line(2, "the name of a bone")


def _parse_direction(lines: Lines, bone: _Bone) -> None:
    bone.direction = lines.numbers(f"the direction of {bone.shown}", 3)


def _parse_length(lines: Lines, bone: _Bone) -> None:
    (bone.length,) = lines.numbers(f"the length of {bone.shown}", 1)
    if bone.length < 0.0:
        lines.refuse(1, f"a length of at least 0 for {bone.shown}")


def _parse_axis(lines: Lines, bone: _Bone) -> None:
    bone.axis = [
        lines.number_at(1 + i, f"angle {1 + i} of 3 of the axis of {bone.shown}") for i in range(3)
    ]
    bone.axis_order = _axis_order(lines, 4, bone.shown)


def _parse_dof(lines: Lines, bone: _Bone) -> None:
    bone.channels = _channels(
        lines,
        _ROTATIONS,
        f"the dof of {bone.shown}; bones that are translated or stretch cannot be read",
    )


def _is_range(words: list[str]) -> bool:
    """Whether a line is a pair of limits."""
    return bool(words) and all(
        NUMBER.fullmatch(word) or word.lower().lstrip("+-") == "inf" for word in words
    )


def _channels(lines: Lines, allowed: tuple[str, ...], of: str) -> tuple[str, ...]:
    """The words after the first one, each one of `allowed`, each once."""
    names: list[str] = []
    for i, word in enumerate(lines.words[1:]):
        if word.lower() not in allowed:
            lines.refuse(1 + i, f"one of {' '.join(allowed)} for {of}")
        if word.lower() in names:
            lines.refuse(1 + i, f"each of {' '.join(allowed)} once in {of}")
        names.append(word.lower())
    return tuple(names)


def _axis_order(lines: Lines, word: int, of: str) -> str:
    """The word with which a line ends, the order of three axes, in capitals."""
    order = lines.words[word].lower() if len(lines.words) > word else ""
    if order not in _ORDERS:
        lines.refuse(word, f"the order of the axes of {of}, such as XYZ")
    lines.end_of_line(word + 1, f"the axis of {of}")
    return order.upper()


def _parse_hierarchy(lines: Lines, parsed: _Parsed) -> None:
    """Between begin and end, lines of a bone and the bones that hang from it."""
    if lines.keyword != "begin":
        lines.refuse(0, "begin after :hierarchy")
    hanging: set[str] = set()
    while lines.next() and lines.keyword != "end":
        if lines.keyword not in parsed.bones and lines.keyword != ROOT:
            lines.refuse(0, "a bone of :bonedata or root")
        children = [word.lower() for word in lines.words[1:]]
        for i, bone in enumerate(children, start=1):
            if bone not in parsed.bones:
                lines.refuse(i, "a bone of :bonedata")
            if bone in hanging:
                lines.refuse(i, "each bone below one other")
            hanging.add(bone)
        parsed.children.setdefault(lines.keyword, []).extend(children)
    if not lines.words:
        lines.refuse(0, "end after the last bone of :hierarchy")
    if len(loose := parsed.bones.keys() - {bone for bone, _ in _downwards(parsed)}):
        shown = quoted(next(bone.name for key, bone in parsed.bones.items() if key in loose))
        lines.fail(
            0, f"a hierarchy without bone {shown}", "every bone of :bonedata at or below the root"
        )
    lines.next()


def _downwards(parsed: _Parsed) -> list[tuple[str, int]]:
    """All bones from the root down, one branch after the other: each bone and the index of its
    parent in this list.
    """
    found: list[tuple[str, int]] = []
    waiting = [(ROOT, -1)]
    while waiting:
        bone, parent = waiting.pop()
        waiting += [(child, len(found)) for child in reversed(parsed.children.get(bone, []))]
        found.append((bone, parent))
    return found


def _rig(parsed: _Parsed, name: str, warnings: tuple[str, ...]) -> AsfRig:
    """The rig of a file's sections."""
    order = _downwards(parsed)
    bones = [parsed.bones[bone] for bone, _ in order[1:]]
    # the root is no bone and has no length
    vectors = np.stack([np.zeros(3), *(bone.vector() for bone in bones)])
    parents = np.array([parent for _, parent in order])
    ends = [joint for joint, (bone, _) in enumerate(order) if not parsed.children.get(bone)]
    axes = [
        rotation.from_euler(
            np.array(bone.axis[::-1]) * parsed.radians_per_angle, bone.axis_order[::-1]
        )
        for bone in bones
    ]
    return AsfRig(
        skeleton=Skeleton(
            names=(ROOT, *(bone.name for bone in bones)),
            parents=parents,
            offsets=np.where(parents[:, None] > 0, vectors[parents], 0.0),
            end_parents=np.array(ends, dtype=int),
            end_offsets=vectors[ends],
        ),
        axes=np.stack([rotation.IDENTITY, *axes]),
        channels=(parsed.root_channels, *(bone.channels for bone in bones)),
        radians_per_angle=parsed.radians_per_angle,
        name=name,
        warnings=warnings,
    )
