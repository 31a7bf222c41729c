"""The extension in Blender's window, as a user sees it and works with it. Run by Blender:

    blender --enable-event-simulate --python blender_window.py -- ZIP CLIP.bvh OUT

Installs the zip, imports the clip, and restyles it in the background of the window: once stopped by
Esc, once to the end, which one undo takes back. To OUT go pictures of the screen, taken by
ImageMagick, and found.json. What has to be waited for is waited for; each wait has an end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy

PATIENCE_SECONDS = 120.0
TICK_SECONDS = 0.05

Steps = Iterator[Callable[[], bool] | None]
"""What to wait for before the next step; None for a window that is drawn."""


def view() -> dict[str, Any]:
    """The window's 3D view, as what an operator is called in."""
    window = bpy.context.window_manager.windows[0]
    area = next(one for one in window.screen.areas if one.type == "VIEW_3D")
    region = next(one for one in area.regions if one.type == "WINDOW")
    return {"window": window, "screen": window.screen, "area": area, "region": region}


def tap(key: str) -> None:
    """Press a key and let it go, over the 3D view."""
    here = view()
    area = here["area"]
    place = {"x": area.x + area.width // 3, "y": area.y + area.height // 3}
    for value in ("PRESS", "RELEASE"):
        here["window"].event_simulate(key, value, **place)


def picture(path: Path) -> None:
    # Blender's own screenshot is black where a program draws in place of a graphics card
    subprocess.run(["import", "-window", "root", str(path)], check=True)


def open_panels() -> None:
    """As new ones, which are open at first: of others Blender keeps whether they are."""
    for name in ("parts", "joints", "more"):
        one = getattr(bpy.types, f"KINESTYLE_PT_{name}")
        bpy.utils.unregister_class(one)
        one.bl_idname, one.bl_options = f"{one.bl_idname}_open", set()
        bpy.utils.register_class(one)


def steps(zip_file: str, clip: str, out: Path, found: dict[str, Any]) -> Steps:
    bpy.ops.extensions.package_install_files(
        filepath=zip_file, repo="user_default", enable_on_install=True
    )
    for one in list(bpy.data.objects):
        bpy.data.objects.remove(one)
    bpy.ops.import_anim.bvh(filepath=clip, global_scale=0.01, update_scene_fps=True)
    armature = bpy.data.objects[0]
    armature.name = armature.animation_data.action.name = "Walk"
    armature.show_in_front = True
    scene = bpy.context.scene
    wish = scene.kinestyle
    wish.style = "old"
    scene.frame_end = int(armature.animation_data.action.frame_range[1])
    scene.frame_set(30)
    yield None
    here = view()
    here["area"].spaces[0].show_region_ui = True
    here["area"].spaces[0].show_region_toolbar = False
    yield None
    sidebar = next(one for one in here["area"].regions if one.type == "UI")
    sidebar.active_panel_category = "Kinestyle"
    with bpy.context.temp_override(**here):
        bpy.ops.view3d.view_axis(type="LEFT")
        bpy.ops.view3d.view_selected()
    here["area"].tag_redraw()
    yield None
    yield None
    picture(out / "panel.png")
    bpy.ops.ed.undo_push(message="Before")

    with bpy.context.temp_override(**here):
        found["started"] = list(bpy.ops.kinestyle.restyle("INVOKE_DEFAULT"))
    found["running"] = wish.running
    tap("ESC")
    yield lambda: not wish.running
    found["stopped"] = sorted(one.name for one in bpy.data.actions)

    with bpy.context.temp_override(**here):
        bpy.ops.kinestyle.restyle("INVOKE_DEFAULT")
    yield lambda: not wish.running

    def playing() -> str:
        return str(bpy.data.objects["Walk"].animation_data.action.name)

    found["made"] = [playing()]
    for turn in (bpy.ops.ed.undo, bpy.ops.ed.redo):
        with bpy.context.temp_override(**view()):
            turn()
        found["made"].append(playing())

    with bpy.context.temp_override(**view()):
        bpy.ops.kinestyle.find_joints()
    joints = bpy.data.objects["Walk"].kinestyle_joints
    found["joints"] = len([row for row in joints if row.bone])
    open_panels()
    wish = bpy.context.scene.kinestyle
    wish.parts_from, wish.kind, wish.second = "PARTS", "MIX", "proud"
    view()["area"].tag_redraw()
    yield None
    yield None
    picture(out / "all.png")


def play(run: Steps, end: Callable[[], None]) -> Callable[[], float | None]:
    """What Blender's timer calls: each step after what it waits for."""
    ready: Callable[[], bool] = lambda: True  # noqa: E731
    began = time.monotonic()

    def tick() -> float | None:
        nonlocal ready, began
        try:
            if not ready():
                assert time.monotonic() - began < PATIENCE_SECONDS, "nothing came of a step"
                return TICK_SECONDS
            waited_for = next(run)
            ready, began = waited_for or (lambda: True), time.monotonic()
            # a window is drawn between two ticks
            return TICK_SECONDS if waited_for else 1.0
        except StopIteration:
            end()
        except Exception:
            traceback.print_exc()
            end()
        return None

    return tick


def main() -> None:
    zip_file, clip, folder = sys.argv[-3:]
    out = Path(folder)
    found: dict[str, Any] = {}

    def end() -> None:
        (out / "found.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        bpy.ops.wm.quit_blender()

    # before Blender shows it
    bpy.context.preferences.view.show_splash = False
    run = steps(zip_file, clip, out, found)
    bpy.app.timers.register(play(run, end), first_interval=1.0)


main()
