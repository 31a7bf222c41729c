"""What Blender makes of motion files. Run by an interpreter that has bpy, which is not Kinestyle's
own.

    blender_import.py OUT.npz RATE FILE

Imports one file into an empty scene that runs at RATE frames a second and writes what is there to
OUT.npz: the objects, the first armature's bones, their heads in the world on every frame of the
first action, in Blender's units and axes (Z up), and the scene's rate, which glTF leaves as it is.
"""

import sys
from pathlib import Path

import bpy
import numpy as np

IMPORTERS = {
    ".bvh": lambda path: bpy.ops.import_anim.bvh(
        filepath=path, update_scene_fps=True, update_scene_duration=True, rotate_mode="NATIVE"
    ),
    ".glb": lambda path: bpy.ops.import_scene.gltf(filepath=path),
    ".gltf": lambda path: bpy.ops.import_scene.gltf(filepath=path),
    ".fbx": lambda path: bpy.ops.import_scene.fbx(filepath=path),
}


def main() -> None:
    out, rate, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    fps = max(1, round(rate))
    # glTF has times and no frame rate; Blender turns them into frames at the scene's, of which it
    # takes the base the wrong way round: fps times fps_base
    scene.render.fps = fps
    scene.render.fps_base = rate / fps if Path(path).suffix in (".glb", ".gltf") else fps / rate
    IMPORTERS[Path(path).suffix](path)
    armatures = [item for item in bpy.data.objects if item.type == "ARMATURE"]
    actions = list(bpy.data.actions)
    found = {
        "objects": [f"{item.type} {item.name}" for item in bpy.data.objects],
        "rate": rate
        if Path(path).suffix in (".glb", ".gltf")
        else scene.render.fps / scene.render.fps_base,
        "actions": [action.name for action in actions],
        "range": [0.0, 0.0],
        "bones": [],
        "heads": np.zeros((0, 0, 3)),
    }
    if armatures and actions:
        armature = armatures[0]
        found["range"] = list(actions[0].frame_range)
        first, last = actions[0].frame_range
        count = round(last - first) + 1
        found["bones"] = [bone.name for bone in armature.pose.bones]
        heads = np.zeros((count, len(found["bones"]), 3))
        for i in range(count):
            at = first + i
            scene.frame_set(int(at // 1), subframe=float(at % 1))
            for j, bone in enumerate(armature.pose.bones):
                heads[i, j] = armature.matrix_world @ bone.head
        found["heads"] = heads
    np.savez(out, **{name: np.asarray(value) for name, value in found.items()})


if __name__ == "__main__":
    main()
