"""Writing FBX: into the file that the clip came from, or as a new file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kinestyle.errors import MotionFileError
from kinestyle.formats.fbx.animation_objects import UnpatchableError
from kinestyle.formats.fbx.layer import with_layer
from kinestyle.formats.fbx.patch import patched
from kinestyle.formats.fbx.reader import FbxSource
from kinestyle.formats.fbx.records import pieces
from kinestyle.formats.fbx.scene import scene_document
from kinestyle.formats.placeholder import meshes_note
from kinestyle.motion.clip import Clip, StatedWorld, check_writable
from kinestyle.motion.window import Progress
from kinestyle.rig.world_frame import bring_into_world, find_world
from kinestyle.storage import name_of, replace_pieces

CENTIMETRES_Y_UP = StatedWorld(0.01, (0.0, 1.0, 0.0))
"""What programs that read FBX expect. They convert everything else, some of them wrongly."""


def write_fbx(clip: Clip, path: str | Path, progress: Progress | None = None) -> tuple[str, ...]:
    """Write `clip` to `path`, whole or not at all, and return a sentence for each thing that was
    left out or assumed.

    A clip that was read from FBX keeps its file byte for byte, except for the keys of joints whose
    motion changed. Where that is impossible, a new file is written. Raises MotionFileError when the
    clip is not finite or the file cannot be written.
    """
    path = Path(path)
    parts, notes = _pieces(clip, name_of(path), progress)
    replace_pieces(path, parts)
    return notes


def format_fbx(clip: Clip, name: str) -> tuple[bytes, tuple[str, ...]]:
    """The bytes that `write_fbx` writes, and its notes; `name` is what messages call the file.
    Raises MotionFileError.
    """
    parts, notes = _pieces(clip, name, None)
    return b"".join(parts), notes


def _pieces(
    clip: Clip, name: str, progress: Progress | None
) -> tuple[list[bytes | memoryview], tuple[str, ...]]:
    """As `format_fbx`, one piece after the other."""
    check_writable(clip, name)
    if clip.base is not None:
        data, notes = _format_layer(clip, clip.base, name)
        return [data], notes
    if bad := next((joint for joint in clip.skeleton.names if "\x00" in joint), None):
        raise MotionFileError(
            f"{name} cannot be written: found {bad!r} as the name of a joint, expected one "
            f"without zero bytes"
        )
    left_out: tuple[str, ...] = ()
    if isinstance(clip.source, FbxSource):
        try:
            changed, notes = patched(clip, clip.source, progress)
            return changed, tuple(f"{name}: {note}" for note in notes)
        except UnpatchableError as reason:
            left_out = (
                f"{name} was written as a new file, with the skeleton, its motion and a plain "
                f"body, because {reason}; the meshes, materials, other nodes and other animations "
                f"of that file were left out",
            )
    else:
        left_out = meshes_note(clip, name)
    brought, notes = bring_into_world(clip, CENTIMETRES_Y_UP)
    return pieces(scene_document(brought, progress)), left_out + notes


def _format_layer(clip: Clip, base: Clip, name: str) -> tuple[bytes, tuple[str, ...]]:
    """The file of the motion below, with a layer that makes it the clip."""
    data, notes = format_fbx(base, name)
    try:
        if isinstance(base.source, FbxSource):
            return with_layer(data, base, clip), notes
    except UnpatchableError:
        data, notes = format_fbx(replace(base, source=None), name)
    world = find_world(base)
    brought = [bring_into_world(each, CENTIMETRES_Y_UP, world)[0] for each in (base, clip)]
    return with_layer(data, replace(brought[0], animation=""), brought[1]), notes
