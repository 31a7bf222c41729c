"""What Blender's NLA makes of a layer. Run by an interpreter that has bpy, which is not Kinestyle's
own.

    blender_layer.py OUT.npz RATE WEIGHT FILE [LAYER]

The last action of LAYER, or of FILE without one, lies over the first action of FILE on a track of
the NLA that combines, with WEIGHT as its influence. To OUT.npz go the bones and their heads in the
world on every frame, in Blender's units and axes (Z up).
"""

import sys
from pathlib import Path

import bpy
import numpy as np


def load(path: str):
    """The armature of a file, and its actions: the one that the file shows comes first."""
    before = set(bpy.data.objects), set(bpy.data.actions)
    if Path(path).suffix == ".bvh":
        bpy.ops.import_anim.bvh(filepath=path, update_scene_fps=True, rotate_mode="QUATERNION")
    else:
        bpy.ops.import_scene.gltf(filepath=path)
    armature = next(o for o in bpy.data.objects if o.type == "ARMATURE" and o not in before[0])
    actions = sorted(set(bpy.data.actions) - before[1], key=lambda a: a.name.endswith("layer"))
    return armature, actions


def strip(armature, action, blend: str):
    track = armature.animation_data.nla_tracks.new()
    made = track.strips.new(action.name, int(action.frame_range[0]), action)
    made.blend_type, made.extrapolation = blend, "HOLD"
    if getattr(made, "action_slot", 0) is None and len(action.slots):
        made.action_slot = action.slots[0]
    return made


def main() -> None:
    out, rate, weight, path, *more = sys.argv[1:]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = round(float(rate))
    armature, actions = load(path)
    above = load(more[0])[1][-1] if more else actions[-1]
    data = armature.animation_data
    data.action = None
    for track in list(data.nla_tracks):
        data.nla_tracks.remove(track)
    strip(armature, actions[0], "REPLACE")
    layer = strip(armature, above, "COMBINE")
    layer.use_animated_influence = True
    layer.influence = float(weight)
    layer.keyframe_insert("influence", frame=int(above.frame_range[0]))
    first, last = actions[0].frame_range
    heads = []
    for frame in range(int(first), int(last) + 1):
        scene.frame_set(frame)
        heads.append([list(armature.matrix_world @ bone.head) for bone in armature.pose.bones])
    np.savez(out, bones=[bone.name for bone in armature.pose.bones], heads=np.array(heads))


main()
