"""Parts of the body by their names: what `--parts` says.

Like `kinestyle.runtime.settings`, this module loads no numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kinestyle.errors import StyleError

ALL = "all"
_SIDES = ("left", "right")
_SPINE, _HEAD, _HIPS = ("spine", "chest"), ("neck", "head"), ("hips",)


def _limbs(*bones: str) -> dict[str, tuple[str, ...]]:
    """By side, the roles of a limb."""
    return {side: tuple(f"{side}_{bone}" for bone in bones) for side in _SIDES}


_ARMS = _limbs("clavicle", "upper_arm", "forearm", "hand")
_LEGS = _limbs("thigh", "shin", "foot", "toe")
_BOTH_ARMS, _BOTH_LEGS = (limb["left"] + limb["right"] for limb in (_ARMS, _LEGS))

BODY_PARTS: dict[str, tuple[str, ...]] = {
    ALL: (*_HIPS, *_SPINE, *_HEAD, *_BOTH_ARMS, *_BOTH_LEGS),
    "upper": (*_SPINE, *_HEAD, *_BOTH_ARMS),
    "lower": (*_HIPS, *_BOTH_LEGS),
    "head": _HEAD,
    "spine": _SPINE,
    "hips": _HIPS,
    "arms": _BOTH_ARMS,
    "left_arm": _ARMS["left"],
    "right_arm": _ARMS["right"],
    "hands": tuple(f"{side}_hand" for side in _SIDES),
    "legs": _BOTH_LEGS,
    "left_leg": _LEGS["left"],
    "right_leg": _LEGS["right"],
    "feet": tuple(f"{side}_{end}" for side in _SIDES for end in ("foot", "toe")),
}
"""The roles of each part that has a name."""

SMALLEST_PARTS = ("head", "spine", "left_arm", "right_arm", "hips", "left_leg", "right_leg")
"""Parts that share no joint, and together are the body: what a figure shows."""


def made_of_smallest() -> dict[str, list[str]]:
    """The parts that are made of some of `SMALLEST_PARTS`, by name, and of which."""
    found = {}
    for name, roles in BODY_PARTS.items():
        members = [part for part in SMALLEST_PARTS if set(BODY_PARTS[part]) <= set(roles)]
        if sum(len(BODY_PARTS[part]) for part in members) == len(roles):
            found[name] = members
    return found


Parts = tuple[tuple[str, float], ...]
"""Names of parts and joints with their weights, in order: a later one changes an earlier one."""

_EXPECTED = (
    f"names with commas between them, each with a weight from 0 to 1 if that is not 1, such as "
    f"spine=1,left_arm=.5; parts are {', '.join(BODY_PARTS)}, and joints have names of their own"
)


def parse_parts(text: str) -> Parts:
    """The inverse of `format_parts`. Which joints there are is not known here. Raises
    StyleError.
    """
    found = []
    for word in text.split(","):
        name, equals, number = word.strip().rpartition("=")
        name, number = (name.strip(), number) if equals else (number.strip(), "1")
        found.append((name, _weight(number, text)))
        if not name:
            raise StyleError(f"parts is {text!r}, expected {_EXPECTED}")
    return tuple(found)


def format_parts(parts: Parts) -> str:
    """As the command line has it."""
    return ",".join(name if weight == 1.0 else f"{name}={weight:.10g}" for name, weight in parts)


def parts_of(value: Any) -> Parts:
    """Parts from text, names, or names with weights. Raises StyleError."""
    if isinstance(value, str):
        return parse_parts(value)
    if isinstance(value, Mapping):
        pairs = [(str(name), _weight(weight, value)) for name, weight in value.items()]
    elif isinstance(value, Iterable):
        pairs = [pair for name in value for pair in parse_parts(str(name))]
    else:
        raise StyleError(f"parts is {value!r}, expected {_EXPECTED}")
    # a comma or an equals sign in a name would be read as another thing
    return parse_parts(format_parts(tuple(pairs)))


def split_style(name: str) -> tuple[str, str | None]:
    """ "old@spine,head" -> the style, and the parts that it is for; None where it is for all of the
    body. Raises StyleError.
    """
    style, at, parts = name.partition("@")
    if at:
        parse_parts(parts)
    return style, parts if at else None


def _weight(number: Any, said: Any) -> float:
    try:
        weight = float(number)
    except (TypeError, ValueError):
        weight = -1.0
    if not 0.0 <= weight <= 1.0:
        raise StyleError(f"parts is {said!r}, expected {_EXPECTED}")
    return weight
