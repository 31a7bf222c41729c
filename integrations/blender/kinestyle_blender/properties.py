# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel sets, kept in the scene; which bone plays which role, kept with the armature."""

from typing import Any

import bpy

from kinestyle import Settings
from kinestyle.motion.canonical import CANONICAL
from kinestyle.runtime.options import Choice, Number, Option, Switch, WholeNumber, options_of
from kinestyle.runtime.part_names import BODY_PARTS, SMALLEST_PARTS

from . import styles

SHOWN = (
    "strength",
    "seed",
    "root",
    "timing",
    "keep",
    "action",
    "reference",
    "out_of_domain",
    "cycle",
    "feet",
    "in_place",
    "root_motion",
)
"""Settings that are properties. Blender itself cuts, repeats and mixes actions and has a rate;
parts and the rig are shown in ways of their own.
"""

MOST = 2**31 - 1
"""The largest whole number of a property."""


def options() -> dict[str, Option]:
    """The settings that are shown, by name, in the order of `SHOWN`."""
    every = {option.name: option for option in options_of(Settings)}
    return {name: every[name] for name in SHOWN}


def _property(option: Option) -> Any:
    """A property that sets what an option describes."""
    about: dict[str, Any] = {"name": option.label, "description": option.sentence.rstrip(".")}
    if isinstance(option, Choice):
        items = [(value, value.capitalize(), words) for value, words in option.choices.items()]
        return bpy.props.EnumProperty(items=items, default=option.default, **about)
    if isinstance(option, WholeNumber):
        return bpy.props.IntProperty(
            default=option.default, min=int(option.least), max=min(int(option.most), MOST), **about
        )
    if isinstance(option, Number):
        low, high, step = option.slider or (option.least, option.most, 0.1)
        return bpy.props.FloatProperty(
            default=option.default,
            min=option.least,
            max=option.most,
            soft_min=low,
            soft_max=high,
            step=100.0 * step,
            **about,
        )
    assert isinstance(option, Switch), f"{option.name} is of a kind that has no property yet"
    return bpy.props.BoolProperty(default=option.default, **about)


def _bundles(_owner: Any, _context: Any) -> list[Any]:
    return styles.bundle_items()


def _styles(owner: Any, _context: Any) -> list[Any]:
    return styles.style_items(owner.bundle)


def _known_styles(owner: Any, _context: Any) -> None:
    """Another model has other styles."""
    known = [item[0] for item in styles.style_items(owner.bundle)]
    for name in ("style", "second"):
        if getattr(owner, name) not in known:
            setattr(owner, name, known[0])


def _is_armature(_owner: Any, candidate: Any) -> bool:
    return bool(candidate.type == "ARMATURE")


class KINESTYLE_Collection(bpy.types.PropertyGroup):
    """A bone collection that takes the style, by its name."""

    name: bpy.props.StringProperty()


class KINESTYLE_Joint(bpy.types.PropertyGroup):
    """Which bone plays a role."""

    role: bpy.props.StringProperty(override={"LIBRARY_OVERRIDABLE"})
    bone: bpy.props.StringProperty(
        name="Bone",
        description="The bone that plays this role, none where the rig has none",
        override={"LIBRARY_OVERRIDABLE"},
    )
    confidence: bpy.props.FloatProperty(
        default=1.0, min=0.0, max=1.0, override={"LIBRARY_OVERRIDABLE"}
    )


class KINESTYLE_Wish(bpy.types.PropertyGroup):
    """What is asked for. The settings of `SHOWN` are added to it below."""

    bundle: bpy.props.EnumProperty(
        name="Model",
        description="The model whose styles are taken",
        items=_bundles,
        update=_known_styles,
    )
    kind: bpy.props.EnumProperty(
        name="Style from",
        items=[
            ("STYLE", "Style", "One of the model's styles"),
            ("MIX", "Mix", "Two of the model's styles, mixed"),
            ("LIKE", "Action", "The style of another action"),
        ],
    )
    style: bpy.props.EnumProperty(name="Style", description="The style to take", items=_styles)
    second: bpy.props.EnumProperty(name="Second", description="The style to mix in", items=_styles)
    mix: bpy.props.FloatProperty(
        name="Mix",
        description="The share of the second style",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    like: bpy.props.PointerProperty(
        name="Like", description="An action whose style is taken", type=bpy.types.Action
    )
    like_armature: bpy.props.PointerProperty(
        name="On",
        description="The armature of that action; without one, the one whose bones it names",
        type=bpy.types.Object,
        poll=_is_armature,
    )
    parts_from: bpy.props.EnumProperty(
        name="Parts",
        items=[
            ("ALL", "All", "The whole body takes the style"),
            ("PARTS", "Parts", "Parts of the body take the style"),
            ("COLLECTIONS", "Collections", "The bones of bone collections take the style"),
        ],
    )
    parts: bpy.props.EnumProperty(
        name="Parts of the Body",
        description="The parts that take the style",
        items=[
            (name, name.replace("_", " ").capitalize(), ", ".join(BODY_PARTS[name]))
            for name in SMALLEST_PARTS
        ],
        options={"ENUM_FLAG"},
        default=set(SMALLEST_PARTS),
    )
    collections: bpy.props.CollectionProperty(type=KINESTYLE_Collection)
    output: bpy.props.EnumProperty(
        name="Result",
        items=[
            ("ACTION", "New Action", "The armature plays a new action"),
            ("STRIP", "NLA Strip", "A strip above the source's, with an influence to blend by"),
        ],
    )
    bake: bpy.props.BoolProperty(
        name="Bake",
        description="For rigs whose constraints move the body, as inverse kinematics do: read what "
        "is seen, write keys to the bones that they move, and hold these constraints at no "
        "influence in the new action",
    )
    running: bpy.props.BoolProperty(options={"SKIP_SAVE"})
    progress: bpy.props.FloatProperty(min=0.0, max=1.0, options={"SKIP_SAVE"})

    def settings(self) -> Settings:
        """Raises StyleError."""
        values = {name: getattr(self, name) for name in SHOWN}
        if self.parts_from == "PARTS":
            values["parts"] = ",".join(name for name in SMALLEST_PARTS if name in self.parts)
        return Settings(**values)

    def shares(self) -> dict[str, float]:
        """The styles with their shares."""
        if self.kind != "MIX" or self.style == self.second:
            return {self.style: 1.0}
        return {self.style: 1.0 - self.mix, self.second: self.mix}


CLASSES = (KINESTYLE_Collection, KINESTYLE_Joint, KINESTYLE_Wish)


def register() -> None:
    for name, option in options().items():
        KINESTYLE_Wish.__annotations__[name] = _property(option)
    for one in CLASSES:
        bpy.utils.register_class(one)
    bpy.types.Scene.kinestyle = bpy.props.PointerProperty(type=KINESTYLE_Wish)
    bpy.types.Object.kinestyle_joints = bpy.props.CollectionProperty(
        type=KINESTYLE_Joint, override={"LIBRARY_OVERRIDABLE", "USE_INSERTION"}
    )
    bpy.types.Object.kinestyle_joint = bpy.props.IntProperty(options={"SKIP_SAVE"})


def unregister() -> None:
    del bpy.types.Object.kinestyle_joint
    del bpy.types.Object.kinestyle_joints
    del bpy.types.Scene.kinestyle
    for one in reversed(CLASSES):
        bpy.utils.unregister_class(one)


def fill_joints(armature: Any, joints: dict[str, str], confidence: dict[str, float]) -> None:
    """Store which bone plays which role. joints: role -> bone, for the roles that the rig has"""
    armature.kinestyle_joints.clear()
    for role in CANONICAL.names:
        row = armature.kinestyle_joints.add()
        row.name = row.role = role
        row.bone, row.confidence = joints.get(role, ""), confidence.get(role, 1.0)
