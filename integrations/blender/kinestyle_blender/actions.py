# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""F-curves of actions, with slots (Blender 4.4 and later) and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

Array = np.ndarray

_EVEN = 1e-3
"""Frames by which keys may miss an even grid."""


def has_slots(action: Any) -> bool:
    return hasattr(action, "slots")


def slot_for(action: Any, animated: Any) -> Any:
    """The slot of an action that an object plays, or would: its own where it has the action
    already, else the one of its name, else the first for objects. None before Blender 4.4.
    """
    if not has_slots(action):
        return None
    data = animated.animation_data
    if data is not None and data.action == action and data.action_slot is not None:
        return data.action_slot
    fitting = [slot for slot in action.slots if slot.target_id_type in ("OBJECT", "UNSPECIFIED")]
    named = [slot for slot in fitting if slot.identifier[2:] == animated.name]
    last = getattr(data, "last_slot_identifier", "") if data is not None else ""
    before = [slot for slot in fitting if slot.identifier == last]
    return next(iter([*before, *named, *fitting]), None)


def curves_of(action: Any, slot: Any) -> Any:
    """The F-curves of a slot, as a collection that can be added to."""
    if not has_slots(action):
        return action.fcurves
    if slot is None:
        return ()
    for layer in action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(slot)
            if bag is not None:
                return bag.fcurves
    return ()


def play(animated: Any, action: Any, slot: Any) -> None:
    """Make an action the active one of an object."""
    data = animated.animation_data or animated.animation_data_create()
    data.action = action
    if slot is not None:
        data.action_slot = slot


@contextmanager
def playing(animated: Any, action: Any, slot: Any) -> Iterator[None]:
    """For a while, another action plays."""
    data = animated.animation_data or animated.animation_data_create()
    before, own = data.action, data.action_slot if has_slots(action) else None
    if (before, own) == (action, slot):
        yield
        return
    play(animated, action, slot)
    try:
        yield
    finally:
        data.action = before
        if own is not None:
            data.action_slot = own


def key_times(curve: Any) -> Array:
    """(K,) frames."""
    points = curve.keyframe_points
    found = np.empty(2 * len(points), dtype=np.float32)
    points.foreach_get("co", found)
    return found[::2].astype(float)


def frames_of(action: Any, curves: Any) -> Array:
    """(T,) the frames at which an action is read and written: those of its keys where these are
    even and no further apart than a frame, as captured motion has them, else every frame.
    """
    times = [key_times(curve) for curve in curves if len(curve.keyframe_points)]
    if not times:
        return np.zeros(0)
    start, end = min(float(t[0]) for t in times), max(float(t[-1]) for t in times)
    if action.use_frame_range:
        start, end = action.frame_start, action.frame_end
    # a curve of captured motion has a key at each of its frames
    densest = max(times, key=len)
    step = np.diff(densest)
    spans = abs(densest[0] - start) < _EVEN and abs(densest[-1] - end) < _EVEN
    if spans and len(step) > 1 and np.ptp(step) < _EVEN and step.mean() <= 1.0 + _EVEN:
        # a whole step is exactly one: the numbers are float32
        even = float((end - start) / len(step))
        even = round(even, 4) if abs(even - round(even, 4)) * len(step) < _EVEN else even
        return start + even * np.arange(len(densest))
    count = max(1, int(np.ceil(end - start - _EVEN))) if end > start else 0
    return np.linspace(start, end, count + 1)


class Reader:
    """Values of properties over frames: from their F-curves, or as they stand."""

    def __init__(self, curves: Any, frames: Array):
        self.frames = [float(frame) for frame in frames]
        self.curves = {(curve.data_path, curve.array_index): curve for curve in curves}

    def has(self, path: str) -> bool:
        return any((path, index) in self.curves for index in range(4))

    def values(self, path: str, standing: Any) -> Array:
        """(T, N). standing: (N,) what the property has where no curve drives it"""
        found = np.empty((len(self.frames), len(standing)))
        for index, value in enumerate(standing):
            curve = self.curves.get((path, index))
            if curve is None or curve.mute or curve.is_empty:
                found[:, index] = value
            else:
                found[:, index] = [curve.evaluate(frame) for frame in self.frames]
        return found


def write(curves: Any, path: str, frames: Array, values: Array, group: str, smooth: bool) -> None:
    """A key at each of `frames`, (T,), of each of a property's numbers, values (T, N).

    smooth: keys with lines between them; False: held until the next one
    """
    for index in range(values.shape[1]):
        curve = curves.find(path, index=index) or _new(curves, path, index, group)
        for modifier in list(curve.modifiers):
            # what the others do is in the values already
            if modifier.type != "CYCLES":
                curve.modifiers.remove(modifier)
        points = curve.keyframe_points
        points.clear()
        points.add(len(frames))
        places = np.column_stack([frames, values[:, index]]).astype(np.float32).ravel()
        for name in ("co", "handle_left", "handle_right"):
            points.foreach_set(name, places)
        kind = "LINEAR" if smooth else "CONSTANT"
        number = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items[kind].value
        points.foreach_set("interpolation", np.full(len(frames), number, dtype=np.int32))
        curve.mute = False
        curve.update()


def _new(curves: Any, path: str, index: int, group: str) -> Any:
    word = "group_name" if "group_name" in curves.bl_rna.functions["new"].parameters else None
    if word is None:
        word = "action_group" if "action_group" in curves.bl_rna.functions["new"].parameters else ""
    return curves.new(path, index=index, **({word: group} if word else {}))


def move_keys(curve: Any, moved: Callable[[Array], Array]) -> None:
    """Put a curve's keys at other times. moved: (K,) frames -> (K,) frames"""
    points = curve.keyframe_points
    for name in ("co", "handle_left", "handle_right"):
        places = np.empty(2 * len(points), dtype=np.float32)
        points.foreach_get(name, places)
        places[::2] = moved(places[::2].astype(float))
        points.foreach_set(name, places)
    curve.update()
