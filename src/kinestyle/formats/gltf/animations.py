"""Which animation of a glTF file is read, and how much each of them moves."""

from __future__ import annotations

import numpy as np

from kinestyle.formats.animations import (
    animation_names,
    choice_note,
    default_animation,
    find_animation,
    is_surely_default,
    movement,
    why_default,
)
from kinestyle.formats.gltf.accessors import read_accessor
from kinestyle.formats.gltf.document import Document
from kinestyle.json_object import JsonObject
from kinestyle.motion import rotation
from kinestyle.motion.clip import Animation
from kinestyle.motion.rotation import IDENTITY, Array

PATHS = {"translation": 3, "rotation": 4, "scale": 3}
"""What a channel may animate -> how many numbers that has."""


def choose_animation(
    document: Document, skinned: set[int], wanted: str | None
) -> tuple[int, tuple[Animation, ...], bool, list[str]]:
    """The number of the animation that is asked for, or else of the one that moves most; all
    animations; whether that one is read without being asked for, in every style; and what there is
    to say. -1 where none is asked for and none moves a node.

    skinned: the joints of all skins

    Raises MotionFileError.
    """
    parts = document.root.parts("animations")
    names = animation_names([part.text("name", "") for part in parts])
    read = None if wanted is None else find_animation(names, wanted, document.name)
    if len(parts) < 2:
        moves_node = bool(parts) and bool(_moved_nodes(parts[0]))
        only = tuple(Animation(name, 0.0, moves_node) for name in names)
        return (0 if moves_node or read is not None else -1), only, True, []
    amounts = _movements(document, parts, skinned)
    lengths = [_stated_length(document, part) for part in parts]
    animations = tuple(
        Animation(name, length, amount > 0)
        for name, length, amount in zip(names, lengths, amounts, strict=True)
    )
    active = next((i for i, part in enumerate(parts) if is_result(part)), None)
    if read is not None:
        return read, animations, is_surely_default(amounts, read, active), []
    read = default_animation(amounts, active)
    if not amounts[read] and not any(map(_moved_nodes, parts)):
        return -1, animations, True, []
    why = why_default(amounts, read, active)
    note = choice_note(document.name, animations, read, why)
    return read, animations, is_surely_default(amounts, read, active), [note]


def is_result(animation: JsonObject) -> bool:
    """Whether Kinestyle put the motion in, beside others: reading it gives what was written."""
    extras = animation.fields.get("extras")
    own = extras.get("kinestyle") if isinstance(extras, dict) else None
    return isinstance(own, dict) and own.get("result") is True


def _moved_nodes(animation: JsonObject) -> set[int]:
    """The nodes that an animation translates or rotates."""
    targets = (channel.part("target").fields for channel in animation.parts("channels"))
    return {
        node
        for target in targets
        if target.get("path") in ("translation", "rotation")
        and isinstance(node := target.get("node"), int)
    }


def _movements(document: Document, parts: list[JsonObject], skinned: set[int]) -> list[float]:
    """How much each animation moves the joints of skins; or all nodes, where none moves those."""
    both = [_movement(document, part, skinned) for part in parts]
    of_skins = [amount for amount, _ in both]
    return of_skins if any(of_skins) else [amount for _, amount in both]


def _movement(document: Document, animation: JsonObject, skinned: set[int]) -> tuple[float, float]:
    """How much an animation moves the joints of skins, and all nodes."""
    samplers = animation.parts("samplers")
    # all curves of as many keys at once: a file may hold thousands
    alike: dict[tuple[str, int, bool], list[Array]] = {}
    for channel in animation.parts("channels"):
        target = channel.part("target").fields
        path = target.get("path")
        if path not in ("translation", "rotation"):
            continue
        sampler = sampler_of(channel, samplers)
        number = sampler.integer(
            "output", 0, len(document.accessors) - 1, "the number of an accessor"
        )
        node = target.get("node")
        of_skin = isinstance(node, int) and node in skinned
        values = read_accessor(document, number, f"VEC{PATHS[path]}")
        if sampler.fields.get("interpolation") == "CUBICSPLINE":
            values = values[1::3]
        alike.setdefault((path, len(values), of_skin), []).append(values)
    amounts = {True: 0.0, False: 0.0}
    for (path, _, of_skin), curves in alike.items():
        amounts[of_skin] += _amount(np.stack(curves, axis=1), path)
    return amounts[True], amounts[True] + amounts[False]


def _amount(values: Array, path: str) -> float:
    """values: (K, N, n) of channels of a path -> see `movement`."""
    rows = values.shape[:2]
    if path == "translation":
        return movement(values, np.broadcast_to(IDENTITY, (*rows, 4)))
    return movement(np.zeros((*rows, 3)), rotation.normalize(values[..., [3, 0, 1, 2]]))


def _stated_length(document: Document, animation: JsonObject) -> float:
    """Seconds between the first and the last key of what moves nodes, as the file states them."""
    samplers, first, last = animation.parts("samplers"), np.inf, -np.inf
    for channel in animation.parts("channels"):
        if channel.part("target").fields.get("path") not in PATHS:
            continue
        sampler = sampler_of(channel, samplers)
        accessor = document.accessors[
            sampler.integer("input", 0, len(document.accessors) - 1, "the number of an accessor")
        ]
        low, high = (accessor.fields.get(key) for key in ("min", "max"))
        for end in (low, high):
            if isinstance(end, list) and end and isinstance(end[0], int | float):
                first, last = min(first, end[0]), max(last, end[0])
    return float(last - first) if last >= first else 0.0


def sampler_of(channel: JsonObject, samplers: list[JsonObject]) -> JsonObject:
    """The sampler of a channel."""
    return samplers[channel.integer("sampler", 0, len(samplers) - 1, "the number of a sampler")]
