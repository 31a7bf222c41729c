"""Layers in files, see `kinestyle.motion.layer`."""

from __future__ import annotations

from pathlib import Path

from kinestyle.errors import MotionFileError, shown
from kinestyle.formats.reading import Reading
from kinestyle.formats.table import read_as
from kinestyle.motion.layer import Layer
from kinestyle.storage import name_of

_BVH, _GLTF = (".bvh",), (".glb", ".gltf", ".vrm")


def read_layer(path: str | Path, animation: str | None = None) -> Layer:
    """The layer in a file that was written with output layer.

    animation: of a glTF file, the name of the one that is the layer; None: the last that says that
        it is one

    Raises MotionFileError for a file that holds none. An FBX file is read whole: base and layer
    together are the result, so `layer_between` makes it of that and the clip.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in _BVH:
        clip = read_as(path, Reading())
        translation = clip.local_position - clip.skeleton.offsets
        return Layer(clip.skeleton.names, clip.local_rotation, translation)
    if suffix not in _GLTF:
        raise MotionFileError(
            f"{shown(name_of(path))} has the suffix {path.suffix!r}, expected .bvh, .glb or .gltf "
            f"for a layer; of an .fbx, read_motion gives base and layer together"
        )
    from kinestyle.formats.gltf.layer import layer_of_animation, stated_layer

    whole = read_as(path, Reading())
    stated = whole.source.document.root.parts("animations")
    names = [
        one.name
        for one, fields in zip(whole.animations, stated, strict=True)
        if stated_layer(fields) is not None and animation in (None, one.name)
    ]
    if not names:
        which = "no animation that is a layer" if animation is None else f"no layer {animation!r}"
        raise MotionFileError(
            f"{shown(name_of(path))} holds {which}, expected one that was written with output layer"
        )
    return layer_of_animation(read_as(path, Reading(animation=names[-1])))
