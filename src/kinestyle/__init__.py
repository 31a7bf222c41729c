"""Kinestyle restyles captured human motion: a clip in, the same rig out, in another style.

from kinestyle import Stylizer, read_motion, write_motion

clip = read_motion("walk.bvh")
write_motion(Stylizer.load().stylize(clip, style="old"), "walk_old.bvh")
"""

from __future__ import annotations

import os
from importlib import import_module

from kinestyle.motion.display import announce, show

TYPE_CHECKING = False  # `typing` is most of the time that this import would take
if TYPE_CHECKING:
    from typing import Any

    from kinestyle.errors import KinestyleError, KinestyleWarning
    from kinestyle.formats.layers import read_layer
    from kinestyle.formats.table import open_motion, read_motion, write_motion
    from kinestyle.live.streaming import StreamingStylizer
    from kinestyle.motion.clip import Clip, StatedWorld
    from kinestyle.motion.joining import concatenate
    from kinestyle.motion.layer import add_layer
    from kinestyle.motion.skeleton import Skeleton
    from kinestyle.rig.mapping import map_joints
    from kinestyle.rig.rig_file import Rig
    from kinestyle.runtime.cue import Cue
    from kinestyle.runtime.edits import edit, resample
    from kinestyle.runtime.settings import Settings
    from kinestyle.runtime.style_files import write_style
    from kinestyle.runtime.stylizer import Stylizer
    from kinestyle.runtime.takes import choose_takes
    from kinestyle.runtime.teaching import learn_style

# onnxruntime 1.30 and later keep a device id and a database below the home folder and look up a
# telemetry host, unless this is set before onnxruntime is imported; processes that are started
# inherit it. Where it was imported before Kinestyle, only the user can set it. Whoever sets it to 0
# has chosen telemetry.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ.get("ORT_DISABLE_TELEMETRY") or "1"

__all__ = [
    "Clip",
    "Cue",
    "KinestyleError",
    "KinestyleWarning",
    "Rig",
    "Settings",
    "Skeleton",
    "StatedWorld",
    "StreamingStylizer",
    "Stylizer",
    "add_layer",
    "choose_takes",
    "concatenate",
    "edit",
    "learn_style",
    "map_joints",
    "open_motion",
    "read_layer",
    "read_motion",
    "resample",
    "show",
    "write_motion",
    "write_style",
]
__version__ = "0.1.0"

_HOME = {
    "Clip": "kinestyle.motion.clip",
    "Cue": "kinestyle.runtime.cue",
    "Rig": "kinestyle.rig.rig_file",
    "Skeleton": "kinestyle.motion.skeleton",
    "StatedWorld": "kinestyle.motion.clip",
    "map_joints": "kinestyle.rig.mapping",
    "Settings": "kinestyle.runtime.settings",
    "add_layer": "kinestyle.motion.layer",
    "KinestyleError": "kinestyle.errors",
    "KinestyleWarning": "kinestyle.errors",
    "concatenate": "kinestyle.motion.joining",
    "choose_takes": "kinestyle.runtime.takes",
    "edit": "kinestyle.runtime.edits",
    "resample": "kinestyle.runtime.edits",
    "learn_style": "kinestyle.runtime.teaching",
    "open_motion": "kinestyle.formats.table",
    "read_layer": "kinestyle.formats.layers",
    "read_motion": "kinestyle.formats.table",
    "write_motion": "kinestyle.formats.table",
    "write_style": "kinestyle.runtime.style_files",
    "StreamingStylizer": "kinestyle.live.streaming",
    "Stylizer": "kinestyle.runtime.stylizer",
}


def __getattr__(name: str) -> Any:
    """Import on first use: a command that only reads a file need not wait for onnxruntime."""
    if name not in _HOME:
        raise AttributeError(f"module 'kinestyle' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """What completion offers: all that is meant for use, imported or not."""
    return sorted({*__all__, "__version__"})


# clips show themselves in notebooks; what draws them is not imported before one does
announce(lambda: import_module("kinestyle.picture.notebook"))
