"""What the extension does in Blender. Run by an interpreter that has bpy, which is not Kinestyle's
own, or by Blender.

    blender_extension.py SPEC.json OUT
    blender --background --python blender_extension.py -- SPEC.json OUT

SPEC names the zip, which is installed as Blender does it, and rigs: files to import, how each
stands in its scene, and what is asked for. To OUT go the heads of all bones on every frame of each
result, NAME.npz, and found.json, what else there is to check.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np

MODULE = "bl_ext.user_default.kinestyle"


def install(path: str) -> dict[str, Any]:
    """From the zip to an enabled extension, by the operator behind Install from Disk."""
    began = time.perf_counter()
    bpy.ops.preferences.addon_enable(module="bl_pkg")
    done = bpy.ops.extensions.package_install_files(
        filepath=path, repo="user_default", enable_on_install=True
    )
    kinestyle = importlib.import_module("kinestyle")
    styles = addon("styles").style_items("bandai")
    return {
        "done": list(done),
        "seconds": time.perf_counter() - began,
        "enabled": MODULE in bpy.context.preferences.addons,
        "panel": hasattr(bpy.types, "KINESTYLE_PT_restyle"),
        "from": str(kinestyle.__file__),
        "python": sys.version.split()[0],
        "blender": bpy.app.version_string,
        "numpy": np.__version__,
        # without a window they have no number yet
        "stills": [list(addon("styles").still_of("bandai", one[0]).image_size) for one in styles],
    }


def load(rig: dict[str, Any]) -> Any:
    """The armature of a file in an empty scene, as the spec has it stand there."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    scene = bpy.context.scene
    if rig["file"].endswith(".glb"):
        scene.render.fps = rig.get("fps", 30)
        bpy.ops.import_scene.gltf(filepath=rig["file"])
    else:
        up = {"Y": ("-Z", "Y"), "Z": ("Y", "Z")}[rig["up"]]
        bpy.ops.import_anim.bvh(
            filepath=rig["file"],
            axis_forward=up[0],
            axis_up=up[1],
            update_scene_fps=True,
            rotate_mode=rig["mode"] if rig["mode"] != "AXIS_ANGLE" else "QUATERNION",
            frame_start=rig.get("start", 1),
        )
    armature = next(one for one in bpy.data.objects if one.type == "ARMATURE")
    if rig["mode"] == "AXIS_ANGLE":
        to_axis_angle(armature)
    armature.scale = [rig["scale"]] * 3
    armature.location = rig.get("location", (0.0, 0.0, 0.0))
    armature.rotation_mode = "XYZ"
    armature.rotation_euler = rig.get("turned", (0.0, 0.0, 0.0))
    bpy.context.view_layer.objects.active = armature
    armature.select_set(True)
    bpy.context.view_layer.update()
    if rig.get("controlled"):
        control(armature)
    if rig.get("ik"):
        add_ik(armature, rig["ik"])
    if rig.get("pose_mode"):
        bpy.ops.object.mode_set(mode="POSE")
    return armature


def addon(name: str) -> Any:
    return sys.modules[f"{MODULE}.{name}"]


def curves(armature: Any, action: Any) -> Any:
    slot = addon("actions").slot_for(action, armature)
    return addon("actions").curves_of(action, slot)


def to_axis_angle(armature: Any) -> None:
    action = armature.animation_data.action
    every = curves(armature, action)
    for bone in armature.pose.bones:
        path = f'pose.bones["{bone.name}"].rotation_quaternion'
        found = [every.find(path, index=i) for i in range(4)]
        bone.rotation_mode = "AXIS_ANGLE"
        if None in found:
            continue
        times = [point.co[0] for point in found[0].keyframe_points]
        for curve in found[1:]:
            assert [point.co[0] for point in curve.keyframe_points] == times, "keys side by side"
        turns = np.array([[curve.evaluate(time) for curve in found] for time in times])
        turns /= np.linalg.norm(turns, axis=1, keepdims=True)
        size = np.linalg.norm(turns[:, 1:], axis=1, keepdims=True)
        angle = 2.0 * np.arctan2(size, turns[:, :1])
        axis = turns[:, 1:] / np.maximum(size, 1e-12)
        values = np.concatenate([angle, axis], axis=1)
        addon("actions").write(
            every,
            f'pose.bones["{bone.name}"].rotation_axis_angle',
            np.array(times),
            values,
            bone.name,
            smooth=True,
        )
        for curve in found:
            every.remove(curve)


def control(armature: Any) -> None:
    """Make a control rig of it: the bones that have the motion control as many that deform."""
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    names = [bone.name for bone in bones]
    for name in names:
        made = bones.new(f"DEF-{name}")
        made.head, made.tail, made.roll = bones[name].head, bones[name].tail, bones[name].roll
    for name in names:
        bones[f"DEF-{name}"].parent = bones[name].parent
    bpy.ops.object.mode_set(mode="OBJECT")
    for name in names:
        armature.data.bones[name].use_deform = False
        constraint = armature.pose.bones[f"DEF-{name}"].constraints.new("COPY_TRANSFORMS")
        constraint.target, constraint.subtarget = armature, name


def add_ik(armature: Any, legs: dict[str, str]) -> None:
    """legs: shin -> foot; targets that are still in the world hold the feet there."""
    for shin, foot in legs.items():
        target = bpy.data.objects.new(f"target {shin}", None)
        bpy.context.scene.collection.objects.link(target)
        bpy.context.scene.frame_set(1)
        target.matrix_world = armature.matrix_world @ armature.pose.bones[foot].matrix
        constraint = armature.pose.bones[shin].constraints.new("IK")
        constraint.target, constraint.chain_count = target, 2


def ask(rig: dict[str, Any]) -> None:
    wish = bpy.context.scene.kinestyle
    for name, value in rig["ask"].items():
        setattr(wish, name, set(value) if isinstance(value, list) else value)


def fingerprint(action: Any) -> Any:
    """All keys of an action."""
    found = []
    slots = getattr(action, "slots", (None,))
    for slot in slots:
        for curve in addon("actions").curves_of(action, slot):
            points = [tuple(v) for p in curve.keyframe_points for v in (p.co, p.handle_right)]
            found.append((curve.data_path, curve.array_index, points))
    return found


def heads(armature: Any, frames: np.ndarray) -> np.ndarray:
    """(T, J, 3) in the world."""
    found = np.zeros((len(frames), len(armature.pose.bones), 3))
    for i, frame in enumerate(frames.tolist()):
        bpy.context.scene.frame_set(int(frame // 1), subframe=frame % 1)
        stands = armature.matrix_world
        found[i] = [stands @ bone.head for bone in armature.pose.bones]
    return found


def restyle(rig: dict[str, Any], out: Path) -> dict[str, Any]:
    armature = load(rig)
    source = armature.animation_data.action
    before = fingerprint(source)
    if rig.get("from_blender"):
        start, end = (int(frame) for frame in source.frame_range)
        bpy.ops.export_anim.bvh(
            filepath=str(out / f"{rig['name']}.bvh"), frame_start=start, frame_end=end
        )
    ask(rig)
    began = time.perf_counter()
    done = bpy.ops.kinestyle.restyle()
    seconds = time.perf_counter() - began
    made = armature.animation_data.action
    found: dict[str, Any] = {
        "done": list(done),
        "seconds": seconds,
        "new": made is not None and made != source,
        "kept": fingerprint(source) == before,
        "mode": armature.mode,
        "modes": sorted({bone.rotation_mode for bone in armature.pose.bones}),
        "constraints": sum(len(bone.constraints) for bone in armature.pose.bones),
        "range": list(source.frame_range),
    }
    if found["new"]:
        found["made"], found["made_range"] = made.name, list(made.frame_range)
        of_bones = [
            curve
            for curve in curves(armature, made)
            if curve.data_path.startswith("pose.bones") and "influence" not in curve.data_path
        ]
        action_frames = addon("actions").frames_of(made, of_bones)
        np.savez(
            out / f"{rig['name']}.npz",
            names=np.array([bone.name for bone in armature.pose.bones]),
            heads=heads(armature, action_frames),
            frames=action_frames,
            world=np.array(armature.matrix_world),
        )
    return found


def run_rigs(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    return {rig["name"]: restyle(rig, out) for rig in spec["rigs"]}


# ---- what is checked once, on the first rig


def undo(rig: dict[str, Any]) -> dict[str, Any]:
    armature = load(rig)
    name, source = armature.name, armature.animation_data.action.name
    ask(rig)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.kinestyle.restyle()
    bpy.ops.ed.undo_push(message="Restyle")
    there = bpy.data.objects[name].animation_data.action.name
    bpy.ops.ed.undo()
    armature = bpy.data.objects[name]
    back = armature.animation_data.action.name
    actions = sorted(action.name for action in bpy.data.actions)
    bpy.ops.ed.redo()
    again = bpy.data.objects[name].animation_data.action.name
    return {"source": source, "made": there, "after": back, "actions": actions, "redone": again}


def save_and_load(rig: dict[str, Any], out: Path) -> dict[str, Any]:
    armature = load(rig)
    ask(rig)
    bpy.ops.kinestyle.find_joints()
    armature.kinestyle_joints["head"].bone = ""
    bpy.ops.kinestyle.restyle()
    frames = np.arange(*armature.animation_data.action.frame_range)
    before = heads(armature, frames)
    style = bpy.context.scene.kinestyle.style
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "saved.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(out / "saved.blend"))
    armature = next(one for one in bpy.data.objects if one.type == "ARMATURE")
    after = heads(armature, frames)
    return {
        "apart": float(np.abs(after - before).max()),
        "style": bpy.context.scene.kinestyle.style == style,
        "actions": sorted(action.name for action in bpy.data.actions),
        "joints": {row.role: row.bone for row in armature.kinestyle_joints},
    }


def mapping(rig: dict[str, Any]) -> dict[str, Any]:
    """Found, corrected, used."""
    armature = load(rig)
    ask(rig)
    bpy.ops.kinestyle.find_joints()
    found = {row.role: row.bone for row in armature.kinestyle_joints}
    armature.kinestyle_joints["left_forearm"].bone = found["right_forearm"]
    try:
        done = list(bpy.ops.kinestyle.restyle())
    except RuntimeError as error:
        done = [str(error)]
    bpy.ops.kinestyle.forget_joints()
    again = list(bpy.ops.kinestyle.restyle())
    return {"found": found, "wrong": done, "forgotten": again}


def strength_zero(rig: dict[str, Any]) -> dict[str, Any]:
    armature = load(rig)
    ask(rig | {"ask": rig["ask"] | {"strength": 0.0}})
    source = armature.animation_data.action
    bpy.ops.kinestyle.restyle()
    made = armature.animation_data.action
    return {"same": fingerprint(made) == fingerprint(source), "new": made != source}


def strip(rig: dict[str, Any]) -> dict[str, Any]:
    """Two strips, and the influence blends between them."""
    armature = load(rig)
    source = armature.animation_data.action
    frames = np.arange(*source.frame_range)
    plain = heads(armature, frames)
    ask(rig | {"ask": rig["ask"] | {"output": "STRIP"}})
    bpy.ops.kinestyle.restyle()
    data = armature.animation_data
    full = heads(armature, frames)
    above = data.nla_tracks[-1].strips[0]
    above.fcurves.find("influence").keyframe_points[0].co[1] = 0.0
    none = heads(armature, frames)
    ask(rig | {"ask": rig["ask"] | {"output": "ACTION"}})
    bpy.ops.kinestyle.restyle()
    data.nla_tracks[-1].mute = data.nla_tracks[-2].mute = True
    alone = heads(armature, frames)
    return {
        "tracks": [track.name for track in data.nla_tracks],
        "none": float(np.abs(none - plain).max()),
        "full": float(np.abs(full - plain).max()),
        "alone": float(np.abs(full - alone).max()),
    }


def several(rigs: list[dict[str, Any]]) -> dict[str, Any]:
    """Two armatures at once."""
    load(rigs[0])
    kept = [one.name for one in bpy.data.objects if one.type == "ARMATURE"]
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.import_anim.bvh(filepath=rigs[0]["file"], rotate_mode="QUATERNION")
    for one in bpy.data.objects:
        one.select_set(one.type == "ARMATURE")
    ask(rigs[0])
    before = {one.name: one.animation_data.action.name for one in bpy.context.selected_objects}
    bpy.ops.kinestyle.restyle()
    after = {one.name: one.animation_data.action.name for one in bpy.context.selected_objects}
    return {"kept": kept, "before": before, "after": after}


def ik(rig: dict[str, Any]) -> dict[str, Any]:
    """Refused without Bake; with it, what is seen is restyled, and released again."""
    armature = load(rig)
    source = armature.animation_data.action
    ask(rig)
    try:
        refused = str(bpy.ops.kinestyle.restyle())
    except RuntimeError as error:
        refused = str(error)
    ask({"ask": {"bake": True, "strength": 0.0}})
    frames = np.arange(*source.frame_range)
    seen = heads(armature, frames)
    bpy.ops.kinestyle.restyle()
    baked = heads(armature, frames)
    influences = [c.influence for bone in armature.pose.bones for c in bone.constraints]
    # as a user does it: the source plays again, then the operator that the panel shows
    addon("actions").play(armature, source, addon("actions").slot_for(source, armature))
    done = bpy.ops.kinestyle.release()
    released = [c.influence for bone in armature.pose.bones for c in bone.constraints]
    back = heads(armature, frames)
    return {
        "refused": refused,
        "apart": float(np.abs(baked - seen).max()),
        "influences": influences,
        "released": [list(done), released],
        "back": float(np.abs(back - seen).max()),
    }


def parts(rig: dict[str, Any], collections: bool) -> dict[str, Any]:
    """Only the arms, named or in a collection: whose own curves change."""
    armature = load(rig)
    if collections:
        made = armature.data.collections.new("arms")
        for name in rig["arms"]:
            made.assign(armature.data.bones[name])
        bpy.ops.kinestyle.toggle_collection(name="arms")
        wanted = {"parts_from": "COLLECTIONS"}
    else:
        wanted = {"parts_from": "PARTS", "parts": ["left_arm", "right_arm"]}
    ask(rig | {"ask": rig["ask"] | wanted})
    source = armature.animation_data.action
    bpy.ops.kinestyle.restyle()
    old, new = fingerprint(source), fingerprint(armature.animation_data.action)
    changed = [a[0] for a, b in zip(old, new, strict=True) if a != b]
    return {"changed": sorted({path.split('"')[1] for path in changed})}


def like_action(rig: dict[str, Any]) -> dict[str, Any]:
    armature = load(rig)
    other = armature.animation_data.action.copy()
    other.name = "Other"
    ask(rig | {"ask": {"kind": "LIKE"}})
    bpy.context.scene.kinestyle.like = other
    done = bpy.ops.kinestyle.restyle()
    return {"done": list(done), "made": armature.animation_data.action.name}


def linked(rig: dict[str, Any], out: Path) -> dict[str, Any]:
    """A rig in another file: linked, and overridden."""
    armature = load(rig)
    name = armature.name
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "library.blend"))
    found: dict[str, Any] = {}
    for way in ("linked", "overridden"):
        bpy.ops.wm.read_homefile(use_empty=True)
        with bpy.data.libraries.load(str(out / "library.blend"), link=True) as (_, into):
            into.objects = [name]
        one = bpy.data.objects[name]
        bpy.context.scene.collection.objects.link(one)
        if way == "overridden":
            one = one.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
            bpy.ops.object.select_all(action="DESELECT")
        bpy.context.view_layer.objects.active = one
        one.select_set(True)
        ask(rig)
        if way == "overridden":
            bpy.ops.kinestyle.find_joints()
        done = bpy.ops.kinestyle.restyle()
        bpy.ops.wm.save_as_mainfile(filepath=str(out / f"{way}.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(out / f"{way}.blend"))
        playing = [
            (o.override_library is not None, o.animation_data.action.name, len(o.kinestyle_joints))
            for o in bpy.data.objects
            if o.type == "ARMATURE" and o.library is None
        ]
        found[way] = {"done": list(done), "playing": playing}
    return found


def subframes(rig: dict[str, Any]) -> dict[str, Any]:
    """Keys between frames stay there, and other curves go along with another tempo."""
    armature = load(rig)
    action = armature.animation_data.action
    bpy.context.scene.render.fps = 24
    for curve in curves(armature, action):
        addon("actions").move_keys(curve, lambda times: 10.5 + 0.8 * (times - 1.0))
    marker = armature.pose.bones[0]
    marker["note"] = 0.0
    times = addon("actions").frames_of(action, curves(armature, action))
    addon("actions").write(
        curves(armature, action),
        f'pose.bones["{marker.name}"]["note"]',
        times[[0, len(times) // 2, -1]],
        np.array([[0.0], [1.0], [0.0]]),
        "",
        smooth=True,
    )
    ask(rig)
    bpy.ops.kinestyle.restyle()
    made = armature.animation_data.action
    kept = addon("actions").frames_of(made, curves(armature, made))
    ask(rig | {"ask": rig["ask"] | {"timing": "style"}})
    bpy.ops.kinestyle.restyle()
    timed = armature.animation_data.action
    frames = addon("actions").frames_of(timed, curves(armature, timed))
    note = next(c for c in curves(armature, timed) if c.data_path.endswith('["note"]'))
    return {
        "kept": float(np.abs(kept - times).max()) if len(kept) == len(times) else -1.0,
        "step": float(frames[1] - frames[0]),
        "counts": [len(times), len(frames)],
        "note": [list(point.co) for point in note.keyframe_points],
        "range": [float(frames[0]), float(frames[-1])],
    }


def kinematics() -> dict[str, Any]:
    """The extension's pose of random bones against Blender's own, for each of a bone's switches."""
    bpy.ops.wm.read_homefile(use_empty=True)
    random = np.random.default_rng(4)
    data = bpy.data.armatures.new("any")
    armature = bpy.data.objects.new("any", data)
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for i in range(24):
        bone = data.edit_bones.new(f"b{i}")
        bone.head = random.standard_normal(3).tolist()
        bone.tail = (np.array(bone.head) + random.standard_normal(3)).tolist()
        bone.roll = float(random.uniform(-3.0, 3.0))
        if i:
            bone.parent = data.edit_bones[f"b{random.integers(i)}"]
            bone.use_connect = bool(i % 5 == 0)
        bone.use_inherit_rotation = bool(i % 3)
        bone.use_local_location = bool(i % 4)
        bone.inherit_scale = "NONE" if i % 7 == 3 else "FULL"
    bpy.ops.object.mode_set(mode="OBJECT")
    modes = ["QUATERNION", "AXIS_ANGLE", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"]
    for i, bone in enumerate(armature.pose.bones):
        bone.rotation_mode = modes[i % len(modes)]
        bone.location = random.standard_normal(3).tolist()
        bone.scale = [float(random.uniform(0.5, 2.0))] * 3
        if bone.rotation_mode == "QUATERNION":
            bone.rotation_quaternion = random.standard_normal(4).tolist()
        elif bone.rotation_mode == "AXIS_ANGLE":
            bone.rotation_axis_angle = random.standard_normal(4).tolist()
        else:
            bone.rotation_euler = random.uniform(-3.0, 3.0, 3).tolist()
    bpy.context.view_layer.update()
    bones = addon("armatures").bones_of(armature)
    reader = addon("actions").Reader((), np.zeros(1))
    made = addon("armatures").pose_of_action(armature, bones, reader)[0]
    shown = np.array([armature.pose.bones[name].matrix for name in bones.names])
    basis = addon("armatures").basis_of_action(armature, bones, reader)
    again = addon("poses").basis_of(bones, made[None])
    return {
        "pose": float(np.abs(made - shown).max()),
        "basis": float(np.abs(again - basis).max()),
    }


def off_and_on() -> dict[str, Any]:
    """Disabled, enabled and disabled in the preferences: whether anything of it is there."""

    def there() -> list[bool]:
        shown = [name for name in dir(bpy.types) if name.startswith("KINESTYLE_")]
        kept = [hasattr(bpy.types.Scene, "kinestyle"), hasattr(bpy.types.Object, "kinestyle_joint")]
        return [bool(shown), *kept, hasattr(bpy.types, "KINESTYLE_PT_restyle")]

    found = [there()]
    for switch in ("addon_disable", "addon_enable", "addon_disable"):
        getattr(bpy.ops.preferences, switch)(module=MODULE)
        found.append(there())
    return {"there": found}


def main() -> None:
    given, folder = sys.argv[-2:]
    spec, out = json.loads(Path(given).read_text(encoding="utf-8")), Path(folder)
    first = spec["rigs"][0]
    found: dict[str, Any] = {}
    steps = {
        "install": lambda: install(spec["zip"]),
        "kinematics": kinematics,
        "rigs": lambda: run_rigs(spec, out),
        "undo": lambda: undo(first),
        "saved": lambda: save_and_load(first, out),
        "mapping": lambda: mapping(first),
        "zero": lambda: strength_zero(first),
        "strip": lambda: strip(first),
        "several": lambda: several(spec["rigs"]),
        "ik": lambda: ik(first | {"ik": first["legs"]}),
        "parts": lambda: parts(first, False),
        "collections": lambda: parts(first, True),
        "like": lambda: like_action(first),
        "linked": lambda: linked(first, out),
        "subframes": lambda: subframes(first),
        "off_and_on": off_and_on,
    }
    for name in spec.get("steps") or steps:
        found[name] = steps[name]()
        # what was found before a fault is of use too
        (out / "found.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    if bpy.app.version == (4, 2, 0):
        # where it has imported a glTF file, this bpy frees panels after Python has ended, and ends
        # in a fault, with or without the extension; 4.2.23 does not
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
