"""Reading ASF: the skeleton that AMC files move. The rules are those of Acclaim's definition,
version 1.10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kinestyle.formats.asf_amc.lines import Lines
from kinestyle.formats.limits import MAX_JOINTS
from kinestyle.formats.text_files import NUMBER, decode_text, latin_1_warning, quoted
from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton

ROOT = "root"
_TURNS = ("rx", "ry", "rz")
_SHIFTS = ("tx", "ty", "tz")
_ORDERS = ("xyz", "xzy", "yxz", "yzx", "zxy", "zyx")
_NEEDED = (":units", ":root", ":bonedata", ":hierarchy")
"""In this order: each one is read with what the ones before it say."""
_IGNORED = (":version", ":name", ":documentation", ":skin")


@dataclass(frozen=True, eq=False)
class AsfRig:
    """What an ASF file says. Lengths are in the file's unit, to which `:units` gives a factor that
    joint mapping finds anyway.

    skeleton: "root", and a joint for each bone, which stands where the bone starts; at rest no
        joint is turned
    axes: (J, 4) from a bone's own axes, about which its angles turn, to those of the world at rest
    channels: for each joint what an AMC file gives of it, some of tx ty tz rx ry rz, in that file's
    order radians_per_angle: what an angle of 1 is, in AMC files too unless they say otherwise
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
        """Joint by name in small letters; the format does not tell capitals apart."""
        return {name.lower(): joint for joint, name in enumerate(self.skeleton.names)}


@dataclass
class _Bone:
    """One block of `:bonedata`; empty lists stand for entries not seen yet. axis: three angles in
    the file's unit.
    """

    name: str = ""
    direction: list[float] = field(default_factory=list)
    length: list[float] = field(default_factory=list)
    axis: list[float] = field(default_factory=list)
    axis_order: str = ""
    channels: tuple[str, ...] | None = None

    def vector(self) -> Array:
        """(3,) from the bone's start to its end."""
        return rotation.normalize(self.direction) * self.length[0]


@dataclass
class _Parsed:
    radians_per_angle: float = 0.0
    root_channels: tuple[str, ...] = ()
    bones: dict[str, _Bone] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)


def parse_asf(data: bytes, name: str) -> AsfRig:
    """data: the bytes of an ASF file, name: what messages call it. Raises MotionFileError that says
    where and what is wrong.
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
            if keyword != (
                wanted := next((needed for needed in _NEEDED if needed not in seen), "")
            ):
                lines.refuse(0, f"{wanted} before it" if keyword not in seen else f"{keyword} once")
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
    if encoding == "latin-1" and not all(map(str.isascii, parsed.bones)):
        warnings.append(latin_1_warning(name))
    return _rig(parsed, name, tuple(warnings))


def _parse_units(lines: Lines, parsed: _Parsed) -> None:
    while lines.words and not lines.keyword.startswith(":"):
        if lines.keyword == "angle":
            units = {"deg": np.pi / 180.0, "rad": 1.0}
            unit = lines.words[1].lower() if len(lines.words) > 1 else ""
            if unit not in units:
                lines.refuse(1, "deg or rad")
            parsed.radians_per_angle = units[unit]
        elif lines.keyword in ("mass", "length"):
            if lines.numbers(lines.keyword, 1)[0] <= 0.0:
                lines.refuse(1, f"a {lines.keyword} unit greater than 0")
        else:
            lines.refuse(0, "mass, length or angle within :units")
        lines.next()
    if not parsed.radians_per_angle:
        lines.refuse(0, "angle deg or angle rad within :units")


def _parse_root(lines: Lines, parsed: _Parsed) -> None:
    while lines.words and not lines.keyword.startswith(":"):
        if lines.keyword == "order":
            parsed.root_channels = _channels(lines, _SHIFTS + _TURNS, "the root's order")
            if len(parsed.root_channels) < 6:
                lines.refuse(len(lines.words), "all of TX TY TZ RX RY RZ in the root's order")
        elif lines.keyword in ("position", "orientation"):
            # programs differ in whether the motion turns such a shift and such a turn along, so
            # that writers keep to zeros
            for i, value in enumerate(lines.numbers(f"the root's {lines.keyword}", 3)):
                if value:
                    lines.refuse(
                        1 + i, f"0 0 0 as the root's {lines.keyword}; put it into the motion"
                    )
        elif lines.keyword == "axis":
            # it speaks of the orientation, which is zero
            _axis_order(lines, 1, "the root")
        else:
            lines.refuse(0, "order, axis, position or orientation within :root")
        lines.next()
    if not parsed.root_channels:
        lines.refuse(0, "order TX TY TZ RX RY RZ within :root")


def _parse_bones(lines: Lines, parsed: _Parsed) -> None:
    while lines.words and not lines.keyword.startswith(":"):
        if lines.keyword != "begin":
            lines.refuse(0, "begin, the first word of a bone")
        if len(parsed.bones) + 1 == MAX_JOINTS:
            lines.refuse(0, f"at most {MAX_JOINTS} joints")
        bone = _parse_bone(lines, parsed)
        parsed.bones[bone.name.lower()] = bone
        lines.next()
    if not parsed.bones:
        lines.refuse(0, "at least one bone within :bonedata")


def _parse_bone(lines: Lines, parsed: _Parsed) -> _Bone:
    """From begin to end, on whose line it leaves `lines`."""
    bone = _Bone()
    lines.next()
    while lines.keyword != "end":
        keyword, of = lines.keyword, f"bone {quoted(bone.name)}" if bone.name else "this bone"
        given = {
            "name": bone.name,
            "direction": bone.direction,
            "length": bone.length,
            "axis": bone.axis,
        }
        if given.get(keyword) or (keyword == "dof" and bone.channels is not None):
            lines.refuse(0, f"one {keyword} for {of}")
        if keyword == "name":
            if len(lines.words) < 2:
                lines.refuse(1, "the name of a bone")
            bone.name = lines.words[1]
            lines.end_of_line(2, "the name of a bone")
            if bone.name.lower() in parsed.bones or bone.name.lower() == ROOT:
                lines.fail(
                    1,
                    f"a second bone named {quoted(bone.name)}",
                    "names that differ; rename one of them",
                )
        elif keyword == "direction":
            bone.direction = lines.numbers(f"the direction of {of}", 3)
        elif keyword == "length":
            bone.length = lines.numbers(f"the length of {of}", 1)
            if bone.length[0] < 0.0:
                lines.refuse(1, f"a length of at least 0 for {of}")
        elif keyword == "axis":
            bone.axis = [
                lines.number_at(1 + i, f"angle {1 + i} of 3 of the axis of {of}") for i in range(3)
            ]
            bone.axis_order = _axis_order(lines, 4, of)
        elif keyword == "dof":
            bone.channels = _channels(
                lines, _TURNS, f"the dof of {of}; bones that shift or stretch cannot be read"
            )
        elif keyword == "limits":
            # what a joint may do is of no use for what it did; one pair stands on each line
            while _is_range(lines.next()):
                pass
            continue
        elif keyword not in ("id", "bodymass", "cofmass"):
            lines.refuse(0, f"an entry of {of} or end")
        lines.next()
    for entry, value in (
        ("name", bone.name),
        ("direction", bone.direction),
        ("length", bone.length),
        ("axis", bone.axis),
    ):
        if not value:
            lines.refuse(
                0,
                f"{entry} before the end of "
                f"{f'bone {quoted(bone.name)}' if bone.name else 'this bone'}",
            )
    if bone.length[0] > 0.0 and not rotation.normalize(bone.direction).any():
        lines.fail(0, f"a direction of no length for bone {quoted(bone.name)}", "a direction")
    return bone


def _is_range(words: list[str]) -> bool:
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
        for i, word in enumerate(lines.words):
            bone = word.lower()
            if bone not in parsed.bones and (bone != ROOT or i):
                lines.refuse(i, "a bone of :bonedata" + ("" if i else " or root"))
            if i and bone in hanging:
                lines.refuse(i, "each bone below one other")
            if i:
                hanging.add(bone)
        parsed.children.setdefault(lines.keyword, []).extend(
            word.lower() for word in lines.words[1:]
        )
    if not lines.words:
        lines.refuse(0, "end after the last bone of :hierarchy")
    if len(loose := parsed.bones.keys() - {bone for bone, _ in _downwards(parsed)}):
        shown = quoted(next(bone.name for key, bone in parsed.bones.items() if key in loose))
        lines.fail(
            0, f"a hierarchy without bone {shown}", "every bone of :bonedata at or below the root"
        )
    lines.next()


def _downwards(parsed: _Parsed) -> list[tuple[str, int]]:
    """All that hangs from the root: bone and its parent's place in this list, one branch after the
    other.
    """
    found: list[tuple[str, int]] = []
    waiting = [(ROOT, -1)]
    while waiting:
        bone, parent = waiting.pop()
        waiting += [(child, len(found)) for child in reversed(parsed.children.get(bone, []))]
        found.append((bone, parent))
    return found


def _rig(parsed: _Parsed, name: str, warnings: tuple[str, ...]) -> AsfRig:
    order = _downwards(parsed)
    bones = [parsed.bones[bone] for bone, _ in order[1:]]
    # the root is no bone: what hangs from it starts where it stands
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
        channels=(parsed.root_channels, *(bone.channels or () for bone in bones)),
        radians_per_angle=parsed.radians_per_angle,
        name=name,
        warnings=warnings,
    )
