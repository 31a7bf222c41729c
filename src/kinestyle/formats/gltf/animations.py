"""Which animation of a glTF file is read, and how much each of them moves."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.animations import (
    animation_names,
    choice_note,
    default_animation,
    find_animation,
    is_surely_default,
    movement,
    why_default,
)
from kinestyle.formats.gltf.accessors import plain_rows, read_accessor
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
    return {node for node, _, _ in _curves(animation)}


def _movements(document: Document, parts: list[JsonObject], skinned: set[int]) -> list[float]:
    """How much each animation moves the joints of skins; or all nodes, where none moves those."""
    both = [_movement(document, part, skinned) for part in parts]
    of_skins = [amount for amount, _ in both]
    return of_skins if any(of_skins) else [amount for _, amount in both]


def _movement(document: Document, animation: JsonObject, skinned: set[int]) -> tuple[float, float]:
    """How much an animation moves the joints of skins, and all nodes. Curves that are not sound
    count for nothing: they are refused where they are to be read.
    """
    # all curves of as many keys at once: a file may hold thousands
    alike: dict[tuple[str, int, bool], list[Array]] = {}
    for node, path, sampler in _curves(animation):
        values = _values(document, sampler, PATHS[path])
        if values is not None:
            alike.setdefault((path, len(values), node in skinned), []).append(values)
    amounts = {True: 0.0, False: 0.0}
    for (path, _, of_skin), curves in alike.items():
        amounts[of_skin] += movement_of(np.stack(curves, axis=1), path)
    return amounts[True], amounts[True] + amounts[False]


def _curves(
    animation: JsonObject, paths: Collection[str] = ("translation", "rotation")
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Node, path and sampler of each channel for one of the paths, as far as they are sound."""
    samplers, channels = (animation.fields.get(key) for key in ("samplers", "channels"))
    if not isinstance(samplers, list) or not isinstance(channels, list):
        return
    for channel in channels:
        try:
            target, number = channel["target"], channel["sampler"]
            node, path, sampler = target["node"], target["path"], samplers[number]
        except (LookupError, TypeError):
            continue
        if path in paths and isinstance(node, int) and isinstance(sampler, dict):
            yield node, path, sampler


def _values(document: Document, sampler: dict[str, Any], size: int) -> Array | None:
    """The values (K, size) at the keys of a sampler, None for those that are not sound."""
    number = sampler.get("output")
    if not isinstance(number, int) or not 0 <= number < len(document.accessors):
        return None
    values = plain_rows(document, number, size)
    if values is None:
        try:
            values = read_accessor(document, number, f"VEC{size}")
        except MotionFileError:
            return None
    return values[1::3] if sampler.get("interpolation") == "CUBICSPLINE" else values


def movement_of(values: Array, path: str) -> float:
    """values: (K, N, n) of channels of a path -> see `movement`."""
    rows = values.shape[:2]
    values = values.astype(float)  # single precision is too coarse to tell what rests
    if path == "translation":
        return movement(values, np.broadcast_to(IDENTITY, (*rows, 4)))
    return movement(np.zeros((*rows, 3)), rotation.normalize(values[..., [3, 0, 1, 2]]))


def _stated_length(document: Document, animation: JsonObject) -> float:
    """Seconds between the first and the last key of what moves nodes, as the file states them."""
    inputs = {
        sampler["input"]
        for _, _, sampler in _curves(animation, list(PATHS))
        if isinstance(sampler.get("input"), int)
    }
    ends = [
        end[0]
        for number in inputs
        if 0 <= number < len(document.accessors)
        for end in map(document.accessors[number].fields.get, ("min", "max"))
        if isinstance(end, list) and end and isinstance(end[0], int | float)
    ]
    return float(max(ends) - min(ends)) if ends else 0.0


def sampler_of(channel: JsonObject, samplers: list[JsonObject]) -> JsonObject:
    """The sampler of a channel."""
    return samplers[channel.integer("sampler", 0, len(samplers) - 1, "the number of a sampler")]
