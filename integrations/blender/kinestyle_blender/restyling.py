# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One restyling of several armatures, in three steps: `read` and `write` touch Blender's data and
belong to its main thread, `compute` does not and may run beside it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import bpy
import numpy as np

from kinestyle import Clip, Cue, KinestyleError, KinestyleWarning, Rig, Settings, map_joints

from . import actions, armatures, channels, styles
from .poses import Captured, capture, restore

Array = np.ndarray

SOURCE, MADE = "kinestyle_source", "kinestyle"
"""Custom properties of a result: the action that it was made of, and how."""

BAKED, BAKED_OF = "kinestyle_baked", "kinestyle_baked_of"
"""Custom properties of a baked result: the constraints that it holds at no influence, as JSON, and
the armature that they are on.
"""

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    style: names with shares, empty for the style of `like`
    like: a clip whose style is taken; parts: what takes the style, for each armature, or None for
        what the settings say
    strip: whether the result lies on a track of the NLA instead of being the active action
    bake: whether what constraints move is written as keys
    """

    bundle: str
    style: Mapping[str, float]
    settings: Settings
    like: Clip | None = None
    collections: tuple[str, ...] = ()
    strip: bool = False
    bake: bool = False

    @property
    def cue(self) -> Cue[Any]:
        if self.like is not None:
            return Cue.of(like=self.like)
        if len(self.style) == 1:
            return Cue.of(next(iter(self.style)))
        return Cue.of(self.style)

    @property
    def words(self) -> str:
        """What a result is called after its source."""
        return "like " + self.like.name if self.like is not None else " ".join(self.style)


@dataclass
class Task:
    """One armature: what was read of it and, later, what came of it."""

    armature: Any
    action: Any
    slot: Any
    frames: Array
    captured: Captured
    rig: Rig | None
    baked: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    held: Array = field(default_factory=lambda: np.zeros(0, dtype=bool))
    result: Clip | None = None
    moments: Array | None = None
    error: str = ""


def source_of(armature: Any) -> Any:
    """The action that is restyled: the active one, or the lowest of the NLA; for a result, what it
    was made of. None where there is none.
    """
    data = armature.animation_data
    if data is None:
        return None
    found = data.action
    if found is None:
        strips = [strip for track in data.nla_tracks for strip in track.strips if strip.action]
        found = strips[0].action if strips else None
    return found.get(SOURCE) or found if found is not None else None


def stated_rig(armature: Any) -> Rig | None:
    """The mapping that is stored with an armature."""
    joints = {row.role: (row.bone,) for row in armature.kinestyle_joints if row.bone}
    return Rig(f"the mapping of {armature.name}", joints) if joints else None


def frame_seconds(scene: Any) -> float:
    return float(scene.render.fps_base) / scene.render.fps


def read(armature: Any, bake: bool) -> Task:
    """Raises KinestyleError for an armature that cannot be restyled as it is."""
    if armature.mode == "EDIT":
        raise KinestyleError(f"{armature.name} is in edit mode; leave it first")
    action = source_of(armature)
    if action is None:
        raise KinestyleError(f"{armature.name} has no action; give it one to restyle")
    slot = actions.slot_for(action, armature)
    curves = actions.curves_of(action, slot)
    frames = actions.frames_of(
        action, [curve for curve in curves if curve.data_path.startswith("pose.bones")]
    )
    if not len(frames):
        raise KinestyleError(
            f"{action.name} has no keys for bones of {armature.name}; choose another action"
        )
    released = 0
    try:
        with actions.playing(armature, action, slot):
            # a baked result that played holds constraints that the source has
            released = release(armature)
            return _read(armature, action, slot, curves, frames, bake)
    finally:
        if released:
            bpy.context.scene.frame_set(bpy.context.scene.frame_current)


def _read(armature: Any, action: Any, slot: Any, curves: Any, frames: Array, bake: bool) -> Task:
    bones = armatures.bones_of(armature)
    moved = armatures.constrained(armature)
    joints = parents = None
    if control := armatures.is_control_rig(armature):
        if not bake:
            raise KinestyleError(
                f"{armature.name} is a control rig, whose constraints would hide a result; turn on "
                f"Bake, which writes keys to its deforming bones and holds these constraints at no "
                f"influence in the new action"
            )
        joints, parents = armatures.deform_tree(armature, bones)
    pose = (
        armatures.seen_pose(armature, bones, frames)
        if bake and moved
        else armatures.pose_of_action(armature, bones, actions.Reader(curves, frames))
    )
    world = armatures.world_of(armature, frames, curves)
    if np.linalg.det(world[0, :3, :3]) < 0.0:
        raise KinestyleError(f"{armature.name} is mirrored by its scale; apply the scale first")
    seconds = frame_seconds(bpy.context.scene)
    if len(frames) > 1:
        seconds *= float(frames[1] - frames[0])
    captured = capture(bones, pose, world, seconds, action.name, joints, parents)
    task = Task(armature, action, slot, frames, captured, stated_rig(armature))
    taken = {bones.names[joint] for joint in captured.joints}
    task.held = np.array([name in moved and name not in taken for name in bones.names])
    if not control and moved:
        _require_bake(task, moved, bake)
    if bake:
        task.baked = {name: owners for name, owners in moved.items() if name in taken}
    return task


def _require_bake(task: Task, moved: Mapping[str, Any], bake: bool) -> None:
    """Raises KinestyleError where constraints move what a result would."""
    mapping = map_joints(task.captured.clip, task.rig)
    names = task.captured.clip.skeleton.names
    hidden = sorted({names[joint] for joint in mapping.joints.values()} & set(moved))
    if hidden and not bake:
        listed = ", ".join(hidden[:4]) + (" and others" if len(hidden) > 4 else "")
        raise KinestyleError(
            f"constraints move {listed} of {task.armature.name}, and would hide a result; turn on "
            f"Bake, which writes keys to these bones and holds the constraints at no influence in "
            f"the new action"
        )


def read_like(action: Any, armature: Any) -> Clip:
    """The clip of another action, as an armature plays it. Raises KinestyleError."""
    slot = actions.slot_for(action, armature)
    curves = actions.curves_of(action, slot)
    frames = actions.frames_of(
        action, [curve for curve in curves if curve.data_path.startswith("pose.bones")]
    )
    if not len(frames):
        raise KinestyleError(f"{action.name} has no keys for bones; choose another action")
    with actions.playing(armature, action, slot):
        return _read(armature, action, slot, curves, frames, True).captured.clip


def armature_for(action: Any, first: Any) -> Any:
    """The armature that an action was made for: the one whose bones most of its paths name, `first`
    where several do alike. None where none has any.
    """
    paths = {
        curve.data_path
        for slot in getattr(action, "slots", (None,))
        for curve in actions.curves_of(action, slot)
    }
    named = {path[: path.find("]") + 2] for path in paths if path.startswith("pose.bones")}
    every = [first, *(one for one in bpy.data.objects if one.type == "ARMATURE" and one != first)]

    def known(armature: Any) -> int:
        return len({armatures.prefix_of(bone.name) for bone in armature.data.bones} & named)

    best = max(every, key=known)
    return best if known(best) else None


def compute(tasks: Sequence[Task], wish: Wish, progress: Progress) -> None:
    """Restyle what was read; a task that cannot be has an error. What `progress` raises ends the
    work.
    """
    try:
        stylizer = styles.stylizer_of(wish.bundle)
        known = stylizer.read_references(wish.cue)
        code = stylizer.style_of(known, wish.settings.seed)
    except KinestyleError as error:
        for task in tasks:
            task.error = str(error)
        return
    for i, task in enumerate(tasks):

        def part(share: float, i: int = i) -> None:
            progress((i + share) / len(tasks))

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", KinestyleWarning)
                _compute(stylizer, code, task, wish, part)
        except KinestyleError as error:
            task.error = str(error)


def _compute(stylizer: Any, code: Any, task: Task, wish: Wish, progress: Progress) -> None:
    settings = replace(wish.settings, rig=task.rig)
    clip = task.captured.clip
    if wish.collections:
        settings = replace(settings, parts=_parts(task, wish.collections))
    analysis = stylizer.analyse(
        clip, rig=task.rig, progress=lambda share: progress(0.6 * share), cycle=settings.cycle
    )
    timed = stylizer.in_time(analysis, code, settings)
    result = stylizer.apply(analysis, code, settings, lambda share: progress(0.6 + 0.4 * share))
    notes = dict.fromkeys((*result.warnings, *analysis.notes(settings), *code.notes))
    task.result, task.moments = replace(result, warnings=tuple(notes)), timed.moments


def _parts(task: Task, collections: tuple[str, ...]) -> str:
    """The bones of collections as parts, by the roles that they play. Raises KinestyleError."""
    chosen = {
        bone.name
        for collection in task.armature.data.collections_all
        if collection.name in collections
        for bone in collection.bones
    }
    names = task.captured.clip.skeleton.names
    mapping = map_joints(task.captured.clip, task.rig)
    role_of = {names[joint]: role for role, joint in mapping.joints.items()}
    parts = [role_of[name] for name in names if name in chosen and name in role_of]
    if not parts:
        raise KinestyleError(
            f"no bone of the body is in {', '.join(collections)} of {task.armature.name}; choose "
            f"collections that have some"
        )
    return ",".join(parts)


def write(task: Task, wish: Wish) -> tuple[Any, list[str]]:
    """The result as a new action, and what its user is to know."""
    assert task.result is not None, "what was computed is written"
    armature, notes = _editable(task.armature)
    made = task.action.copy()
    made.name = f"{task.action.name} {wish.words}"
    if made.asset_data is not None:
        made.asset_clear()
    slot = _same_slot(made, task.slot)
    curves = actions.curves_of(made, slot)
    count = task.result.frame_count
    step = float(task.frames[1] - task.frames[0]) if len(task.frames) > 1 else 1.0
    frames = task.frames[0] + step * np.arange(count)
    frames[: len(task.frames)] = task.frames[:count]
    at = task.frames if task.moments is None else task.frames[0] + step * task.moments
    if task.moments is not None:
        _retime(curves, at, frames)
        if made.use_frame_range:
            made.frame_end = frames[-1]
    with actions.playing(armature, task.action, task.slot):
        world = armatures.world_of(armature, at, actions.curves_of(task.action, task.slot))
    _write_bones(task, task.result, curves, frames, world)
    if task.baked:
        notes.append(_hold(task, made, curves, frames))
    made[SOURCE], made[MADE] = (
        task.action,
        json.dumps({"bundle": wish.bundle, "cue": wish.words, "settings": wish.settings.as_dict()}),
    )
    _show(armature, task, made, slot, wish.strip)
    return made, [*notes, *_hidden(armature, task), *task.result.warnings]


def _editable(armature: Any) -> tuple[Any, list[str]]:
    """The armature, or where it is linked a library override of it, which can play a new action.
    Raises KinestyleError.
    """
    if armature.library is None:
        return armature, []
    context = bpy.context
    made = armature.override_hierarchy_create(context.scene, context.view_layer)
    if made is None:
        raise KinestyleError(
            f"{armature.name} is linked and cannot be overridden; make it local or override it"
        )
    return made, [f"{armature.name} is linked: a library override of it plays the new action"]


def _same_slot(action: Any, slot: Any) -> Any:
    """The slot of a copy that another has in the action that was copied."""
    if slot is None:
        return None
    return next(one for one in action.slots if one.handle == slot.handle)


def _retime(curves: Any, at: Array, frames: Array) -> None:
    """Put the keys of everything that no clip has, such as a bone's scale or a property, where its
    moment is now. at: (T',) frames of the source that are shown at `frames`
    """

    def moved(times: Array) -> Array:
        inside = np.interp(times, at, frames)
        before, after = times < at[0], times > at[-1]
        inside[before], inside[after] = (
            (times + frames[0] - at[0])[before],
            (times + frames[-1] - at[-1])[after],
        )
        return inside

    for curve in curves:
        actions.move_keys(curve, moved)


def _write_bones(task: Task, result: Clip, curves: Any, frames: Array, world: Array) -> None:
    captured, bones = task.captured, task.captured.bones
    restored = restore(captured, result, world, task.moments, task.held)
    has = {curve.data_path for curve in curves}
    for joint in captured.joints.tolist():
        name = bones.names[joint]
        bone, start = task.armature.pose.bones[name], armatures.prefix_of(name)
        mode, whole = bone.rotation_mode, name in task.baked
        way = start + channels.path_of(mode)
        location, q, scale = channels.split(restored.basis[:, joint])
        # with other times, what had no curve stands as still as it did
        timed = task.moments is not None
        if whole or (restored.turned[joint] and (not timed or way in has or _moves(q))):
            near = _standing(
                curves, way, channels.size_of(mode), getattr(bone, channels.path_of(mode))
            )
            values = channels.from_quaternion(q, mode, near)
            actions.write(curves, way, frames, values, name, smooth=True)
        place = start + "location"
        if not bones.connected[joint] and (
            whole or (restored.moved[joint] and (not timed or place in has or _moves(location)))
        ):
            actions.write(curves, place, frames, location, name, smooth=True)
        if whole and (_moves(scale) or np.abs(scale - 1.0).max() > 1e-4):
            actions.write(curves, start + "scale", frames, scale, name, smooth=True)


def _moves(values: Array) -> bool:
    return bool(np.ptp(values, axis=0).max(initial=0.0) > 1e-5)


def _standing(curves: Any, path: str, size: int, standing: Any) -> Array:
    """(N,) what a property has at the beginning: near this, angles begin."""
    found = np.array(standing, dtype=float)
    for index in range(size):
        curve = curves.find(path, index=index)
        if curve is not None and len(curve.keyframe_points):
            found[index] = curve.keyframe_points[0].co[1]
    return found


def _hold(task: Task, made: Any, curves: Any, frames: Array) -> str:
    """Hold the constraints that would hide a result at no influence, in the new action only."""
    owners = sorted({owner for owners in task.baked.values() for owner in owners})
    before = []
    for bone, name in owners:
        constraint = task.armature.pose.bones[bone].constraints[name]
        before.append((bone, name, constraint.influence))
        path = f'{armatures.prefix_of(bone)}constraints["{bpy.utils.escape_identifier(name)}"]'
        actions.write(curves, f"{path}.influence", frames[:1], np.zeros((1, 1)), bone, smooth=False)
    made[BAKED], made[BAKED_OF] = json.dumps(before), task.armature
    return (
        f"baked: {made.name} holds {len(owners)} constraints of {task.armature.name} at no "
        f"influence, and has keys for {len(task.baked)} bones that they moved; when another action "
        f"plays again, Release Constraints gives the influences back"
    )


def held_constraints(armature: Any) -> list[tuple[Any, float]]:
    """The constraints of an armature that baked results hold, and the influence that they had. Not
    those that the action that plays holds.
    """
    data = armature.animation_data
    playing = data.action if data else None
    found = []
    for action in bpy.data.actions:
        if action != playing and action.get(BAKED_OF) == armature:
            for bone, name, influence in json.loads(action[BAKED]):
                owner = armature.pose.bones.get(bone)
                constraint = owner.constraints.get(name) if owner else None
                if constraint is not None and constraint.influence != influence:
                    found.append((constraint, influence))
    return found


def release(armature: Any) -> int:
    """Give constraints the influence back that baked actions took; how many got it."""
    found = held_constraints(armature)
    for constraint, influence in found:
        constraint.influence = influence
    return len(found)


def _hidden(armature: Any, task: Task) -> list[str]:
    """Notes on bones that show another pose than the result's."""
    names = {task.captured.bones.names[joint] for joint in task.captured.joints}
    by_driver = sorted(armatures.driven(armature) & names)
    return [f"drivers move {', '.join(by_driver)}, and were left alone"] if by_driver else []


def _show(armature: Any, task: Task, made: Any, slot: Any, strip: bool) -> None:
    """Let the armature play a new action, or show it on a track of the NLA above the source."""
    if not strip:
        actions.play(armature, made, slot)
        return
    data = armature.animation_data
    data.action = None
    strips = [one for track in data.nla_tracks for one in track.strips]
    if not any(one.action == task.action for one in strips):
        _strip(data, task.action, task.slot)
    above = _strip(data, made, slot)
    # Blender shows the influence of a strip, to set or to animate, only where it has a curve
    above.use_animated_influence = True
    curve = above.fcurves.find("influence")
    for point in list(curve.keyframe_points):
        curve.keyframe_points.remove(point)
    curve.keyframe_points.insert(above.frame_start, 1.0)
    curve.update()


def _strip(data: Any, action: Any, slot: Any) -> Any:
    track = data.nla_tracks.new()
    track.name = action.name
    start = action.frame_range[0]
    made = track.strips.new(action.name, int(start), action)
    made.frame_start, made.frame_end = action.frame_range
    if slot is not None:
        made.action_slot = slot
    made.blend_type, made.extrapolation = "REPLACE", "HOLD"
    return made
