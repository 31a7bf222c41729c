"""A layer as a further animation of a glTF file, beside the one that it is added to.

Its pose is the rest pose of the nodes with the layer on it: a node's rotation is that at rest times
the layer's, its translation that at rest and what is added. So Blender, whose bones hold what they
differ from rest by, shows the layer alone, and combines it. What the layer leaves alone has no
curves. The animation's `extras` say all of this.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinestyle.formats.gltf.accessors import Packer
from kinestyle.formats.gltf.container import Container, open_container
from kinestyle.formats.gltf.nodes import rest_transform
from kinestyle.formats.gltf.source import GltfSource, mirror_rotation
from kinestyle.formats.unchanged import UNCHANGED, unit_of
from kinestyle.formats.unique_names import unique_names
from kinestyle.json_object import JsonObject
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.layer import Layer
from kinestyle.motion.rotation import Array

MEANING = {
    "rotation": "rest * inverse(over) * result, so result = over * inverse(rest) * rotation",
    "translation": "rest + result - over, so result = over + translation - rest",
    "units": "metres, in the axes of the node's parent",
}
"""What the animation says of itself: of each node's local transform, `over` being the animation
below, `rest` the node's own."""


def add_layer_animation(below: Clip, layer: Layer) -> Container:
    """The file that `below` was read from, with the layer as a further animation."""
    source: GltfSource = below.source
    container = open_container(source.document)
    packer = Packer(container.accessors, container.views, container.blob)
    animations = list(container.fields.get("animations") or [])
    names = [str(animation.get("name", "")) for animation in animations]
    name = unique_names([*names, f"{source.name or below.name} layer"], " ")[0][-1]
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []
    seconds = source.grid.start_seconds + np.arange(layer.frame_count) * below.frame_time_seconds
    times: int | None = None
    turned = mirror_rotation(layer.rotation, source.parent_sign)
    scale = np.where(np.abs(source.parent_scale) > 1e-12, source.parent_scale, 1.0)
    parts = source.document.root.parts("nodes")
    for j, node in enumerate(source.nodes):
        translation, q, _ = rest_transform(parts[node])
        rows = {
            "translation": translation + layer.translation[:, j] / scale[:, j],
            "rotation": rotation.continuous(rotation.multiply(q, turned[:, j]))[:, [1, 2, 3, 0]],
        }
        moved = {
            "translation": np.abs(layer.translation[:, j]).max()
            > UNCHANGED * unit_of(below.skeleton),
            "rotation": rotation.angle(layer.rotation[:, j]).max() > UNCHANGED,
        }
        for path, values in rows.items():
            if not moved[path]:
                continue
            if times is None:
                times = packer.add(seconds.astype("<f4"), "SCALAR", limits=True)
            container.split_matrix(node, source.document)
            channels.append({"sampler": len(samplers), "target": {"node": node, "path": path}})
            output = packer.add(values.astype("<f4"), f"VEC{values.shape[1]}")
            samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})
    said = {
        "frame_time_seconds": below.frame_time_seconds,
        "layer": {"over": source.name, **MEANING},
    }
    if not channels:
        return container
    container.fields["animations"] = [
        *animations,
        {"name": name, "samplers": samplers, "channels": channels, "extras": {"kinestyle": said}},
    ]
    if source.animation >= 0:
        # which is read where none is asked for
        container.mark_result(container.own_animation(source.animation))
    return container


def stated_layer(animation: JsonObject) -> dict[str, Any] | None:
    """What an animation says of itself where it is a layer, else None."""
    extras = animation.fields.get("extras")
    own = extras.get("kinestyle") if isinstance(extras, dict) else None
    layer = own.get("layer") if isinstance(own, dict) else None
    return layer if isinstance(layer, dict) else None


def layer_of_animation(clip: Clip) -> Layer:
    """The layer in an animation that was read as a clip."""
    source: GltfSource = clip.source
    parts = source.document.root.parts("nodes")
    rest = [rest_transform(parts[node]) for node in source.nodes]
    q = mirror_rotation(np.stack([turn for _, turn, _ in rest]), source.parent_sign)
    offset: Array = np.stack([offset for offset, _, _ in rest]) * source.parent_scale
    return Layer(
        clip.skeleton.names,
        rotation.multiply(rotation.inverse(q), clip.local_rotation),
        clip.local_position - offset,
    )
