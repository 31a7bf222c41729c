# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restyle, in the background of a window or at once without one; the mapping's operators."""

from functools import partial
from typing import Any, ClassVar

import bpy

from kinestyle import KinestyleError, map_joints

from . import armatures, restyling
from .properties import fill_joints
from .work import Work

_TICK_SECONDS = 0.1


def chosen(context: Any) -> list[Any]:
    """The armatures that are selected, in pose or object mode, or the active one."""
    found = [one for one in context.selected_objects if one.type == "ARMATURE"]
    active = context.object
    if active is not None and active.type == "ARMATURE" and active not in found:
        found.insert(0, active)
    return found


class KINESTYLE_OT_restyle(bpy.types.Operator):
    """Make a new action of the selected armatures' motion, in another style"""

    bl_idname = "kinestyle.restyle"
    bl_label = "Restyle"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        armatures_here = chosen(context)
        if not armatures_here:
            cls.poll_message_set("Select an armature")
            return False
        if any(one.mode == "EDIT" for one in armatures_here):
            cls.poll_message_set("Leave edit mode first")
            return False
        return not context.scene.kinestyle.running

    def execute(self, context: Any) -> set[str]:
        if not self._read(context):
            return {"CANCELLED"}
        restyling.compute(self._tasks, self._wish, lambda share: None)
        return self._write(context)

    def invoke(self, context: Any, _event: Any) -> set[str]:
        if bpy.app.background or context.window is None:
            return self.execute(context)
        if not self._read(context):
            return {"CANCELLED"}
        self._work = Work(partial(restyling.compute, self._tasks, self._wish))
        manager = context.window_manager
        self._timer = manager.event_timer_add(_TICK_SECONDS, window=context.window)
        manager.progress_begin(0.0, 1.0)
        manager.modal_handler_add(self)
        context.scene.kinestyle.running = True
        context.workspace.status_text_set("Kinestyle is restyling; Esc stops it")
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        if event.type == "ESC":
            self._work.stop()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            # looking around does no harm; what edits would
            looks = event.type in {"MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE", "MOUSEMOVE"}
            return {"PASS_THROUGH"} if looks else {"RUNNING_MODAL"}
        context.window_manager.progress_update(self._work.share)
        context.scene.kinestyle.progress = self._work.share
        for area in context.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
        if self._work.running:
            return {"RUNNING_MODAL"}
        self._leave(context)
        if self._work.fault is not None:
            raise self._work.fault
        if self._work.stopped:
            self.report({"INFO"}, "Stopped; nothing was changed")
            return {"CANCELLED"}
        return self._write(context)

    def _leave(self, context: Any) -> None:
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        context.workspace.status_text_set(None)
        context.scene.kinestyle.running = False

    def _read(self, context: Any) -> bool:
        """Whether there is anything to restyle."""
        wanted = context.scene.kinestyle
        armatures_here = chosen(context)
        self._tasks: list[restyling.Task] = []
        try:
            self._wish = _wish(wanted, armatures_here[0])
        except KinestyleError as error:
            self.report({"ERROR"}, str(error))
            return False
        for armature in armatures_here:
            try:
                self._tasks.append(restyling.read(armature, wanted.bake))
            except KinestyleError as error:
                self.report({"ERROR" if len(armatures_here) == 1 else "WARNING"}, str(error))
        return bool(self._tasks)

    def _write(self, context: Any) -> set[str]:
        made = []
        for task in self._tasks:
            error = task.error
            try:
                if not error:
                    action, notes = restyling.write(task, self._wish)
                    made.append(action.name)
                    for note in notes:
                        self.report({"WARNING"}, f"{task.armature.name}: {note}")
            except KinestyleError as fault:
                error = str(fault)
            if error:
                self.report({"ERROR" if len(self._tasks) == 1 else "WARNING"}, error)
        if not made:
            return {"CANCELLED"}
        self.report({"INFO"}, f"Made {', '.join(made)}")
        return {"FINISHED"}


def _wish(wanted: Any, armature: Any) -> restyling.Wish:
    """Raises KinestyleError."""
    like = None
    if wanted.kind == "LIKE":
        if wanted.like is None:
            raise KinestyleError("no action is chosen to be like; choose one")
        owner = wanted.like_armature or restyling.armature_for(wanted.like, armature)
        if owner is None:
            raise KinestyleError(
                f"no armature has the bones of {wanted.like.name}; choose the one that it is for"
            )
        like = restyling.read_like(wanted.like, owner)
    collections = tuple(one.name for one in wanted.collections)
    if wanted.parts_from == "COLLECTIONS" and not collections:
        raise KinestyleError("no bone collection is chosen to take the style; choose one")
    return restyling.Wish(
        wanted.bundle,
        wanted.shares(),
        wanted.settings(),
        like,
        collections if wanted.parts_from == "COLLECTIONS" else (),
        wanted.output == "STRIP",
        wanted.bake,
    )


class KINESTYLE_OT_find_joints(bpy.types.Operator):
    """Find which bone plays which role, to look at it and to correct it"""

    bl_idname = "kinestyle.find_joints"
    bl_label = "Find Joints"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        return bool(chosen(context))

    def execute(self, context: Any) -> set[str]:
        armature = chosen(context)[0]
        armature.kinestyle_joints.clear()
        try:
            clip = restyling.read(
                armature, armatures.is_control_rig(armature) or context.scene.kinestyle.bake
            ).captured.clip
            found = map_joints(clip)
        except KinestyleError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        names = clip.skeleton.names
        fill_joints(
            armature, {role: names[j] for role, j in found.joints.items()}, found.confidence
        )
        for note in found.warnings:
            self.report({"WARNING"}, note)
        self.report({"INFO"}, f"{len(found.joints)} joints found; names are {found.family}'s")
        return {"FINISHED"}


class KINESTYLE_OT_forget_joints(bpy.types.Operator):
    """Forget the stored mapping: the joints are found in each motion again"""

    bl_idname = "kinestyle.forget_joints"
    bl_label = "Forget"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        chosen(context)[0].kinestyle_joints.clear()
        return {"FINISHED"}


class KINESTYLE_OT_toggle_collection(bpy.types.Operator):
    """Whether the bones of this collection take the style"""

    bl_idname = "kinestyle.toggle_collection"
    bl_label = "Take the Style"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    name: bpy.props.StringProperty()

    def execute(self, context: Any) -> set[str]:
        taken = context.scene.kinestyle.collections
        place = taken.find(self.name)
        if place >= 0:
            taken.remove(place)
        else:
            taken.add().name = self.name
        return {"FINISHED"}


class KINESTYLE_OT_release(bpy.types.Operator):
    """Give the constraints that a baked action held their influence back"""

    bl_idname = "kinestyle.release"
    bl_label = "Release Constraints"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        count = sum(map(restyling.release, chosen(context)))
        self.report({"INFO"}, f"{count} constraints released")
        return {"FINISHED"}


CLASSES = (
    KINESTYLE_OT_restyle,
    KINESTYLE_OT_find_joints,
    KINESTYLE_OT_forget_joints,
    KINESTYLE_OT_toggle_collection,
    KINESTYLE_OT_release,
)
