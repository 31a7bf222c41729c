# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar's tab (N), in object and pose mode."""

from __future__ import annotations

from typing import Any

import bpy

from . import restyling
from .operators import chosen
from .properties import SHOWN

_MAIN = ("strength", "seed", "root", "timing")


class _Panel:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Kinestyle"


class KINESTYLE_PT_restyle(_Panel, bpy.types.Panel):
    bl_idname = "KINESTYLE_PT_restyle"
    bl_label = "Kinestyle"

    def draw(self, context: Any) -> None:
        layout, wish = self.layout, context.scene.kinestyle
        layout.use_property_split = True
        layout.use_property_decorate = False
        for armature in chosen(context):
            source = restyling.source_of(armature)
            found = source.name if source else "no action"
            layout.label(text=f"{armature.name}: {found}", icon="ARMATURE_DATA")
        if not chosen(context):
            layout.label(text="Select an armature", icon="INFO")
        layout.prop(wish, "bundle")
        layout.row().prop(wish, "kind", expand=True)
        if wish.kind == "LIKE":
            layout.prop(wish, "like")
            layout.prop(wish, "like_armature")
        else:
            layout.template_icon_view(wish, "style", show_labels=True, scale_popup=5.0)
            layout.prop(wish, "style", text="")
        if wish.kind == "MIX":
            layout.template_icon_view(wish, "second", show_labels=True, scale_popup=5.0)
            layout.prop(wish, "second", text="")
            layout.prop(wish, "mix", slider=True)
        for name in _MAIN:
            layout.prop(wish, name, slider=name == "strength")
        layout.row().prop(wish, "output", expand=True)
        layout.prop(wish, "bake")
        if wish.running:
            layout.progress(factor=wish.progress, text="Esc stops it")
        else:
            row = layout.row()
            row.scale_y = 1.5
            row.operator("kinestyle.restyle", icon="ARMATURE_DATA")
        if any(restyling.held_constraints(armature) for armature in chosen(context)):
            layout.operator("kinestyle.release", icon="CONSTRAINT")


class KINESTYLE_PT_parts(_Panel, bpy.types.Panel):
    bl_idname = "KINESTYLE_PT_parts"
    bl_parent_id = "KINESTYLE_PT_restyle"
    bl_label = "Parts"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: Any) -> None:
        layout, wish = self.layout, context.scene.kinestyle
        layout.row().prop(wish, "parts_from", expand=True)
        if wish.parts_from == "PARTS":
            layout.column().prop(wish, "parts")
        if wish.parts_from == "COLLECTIONS":
            for armature in chosen(context)[:1]:
                for collection in armature.data.collections_all:
                    taken = wish.collections.find(collection.name) >= 0
                    layout.operator(
                        "kinestyle.toggle_collection",
                        text=collection.name,
                        icon="CHECKBOX_HLT" if taken else "CHECKBOX_DEHLT",
                        depress=taken,
                    ).name = collection.name
        row = layout.row()
        row.use_property_split = True
        row.use_property_decorate = False
        row.prop(wish, "keep")


class KINESTYLE_UL_joints(bpy.types.UIList):
    bl_idname = "KINESTYLE_UL_joints"

    def draw_item(
        self,
        context: Any,
        layout: Any,
        data: Any,
        item: Any,
        icon: Any,
        active_data: Any,
        active_property: Any,
    ) -> None:
        row = layout.split(factor=0.38)
        row.alert = item.confidence < 0.5
        row.label(text=item.role.replace("_", " "))
        row.prop_search(item, "bone", data.data, "bones", text="")


class KINESTYLE_PT_joints(_Panel, bpy.types.Panel):
    bl_idname = "KINESTYLE_PT_joints"
    bl_parent_id = "KINESTYLE_PT_restyle"
    bl_label = "Joints"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: Any) -> None:
        layout = self.layout
        for armature in chosen(context)[:1]:
            if not len(armature.kinestyle_joints):
                layout.label(text="Found in each motion")
                layout.operator("kinestyle.find_joints")
                continue
            layout.template_list(
                "KINESTYLE_UL_joints",
                "",
                armature,
                "kinestyle_joints",
                armature,
                "kinestyle_joint",
                rows=8,
            )
            row = layout.row()
            row.operator("kinestyle.find_joints", text="Find Again")
            row.operator("kinestyle.forget_joints")


class KINESTYLE_PT_more(_Panel, bpy.types.Panel):
    bl_idname = "KINESTYLE_PT_more"
    bl_parent_id = "KINESTYLE_PT_restyle"
    bl_label = "More"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: Any) -> None:
        self.layout.use_property_split = True
        for name in SHOWN:
            if name not in (*_MAIN, "keep"):
                self.layout.prop(context.scene.kinestyle, name)


CLASSES = (
    KINESTYLE_PT_restyle,
    KINESTYLE_PT_parts,
    KINESTYLE_UL_joints,
    KINESTYLE_PT_joints,
    KINESTYLE_PT_more,
)
