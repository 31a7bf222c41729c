"""A layer in FBX: the animation below as it is, and an additive animation layer above it.

The layer's curves hold what is added to the channels of a node, angle by angle in degrees and
coordinate by coordinate: its blend mode is additive, its rotations accumulate by channel, its
weight is 100 %. Base and layer together are the result.
"""

from __future__ import annotations

import numpy as np

from kinestyle.formats.fbx.animation_objects import AnimationObjects
from kinestyle.formats.fbx.loading import Node
from kinestyle.formats.fbx.patch import ROTATION, TRANSLATION, channels_of, check, degrees_of
from kinestyle.formats.fbx.reader import FbxSource, parse_fbx
from kinestyle.formats.fbx.records import parse, serialize
from kinestyle.formats.fbx.ticks import TICKS_A_SECOND, frame_ticks, key_rate
from kinestyle.formats.unchanged import UNCHANGED, unit_of
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.layer import layer_between
from kinestyle.motion.rotation import Array


def with_layer(data: bytes, base: Clip, clip: Clip) -> bytes:
    """data: a binary file whose animation `base.animation`, or the only one, is the base's motion
    -> the same with a layer that makes it the clip's. Raises UnpatchableError.

    base, clip: frame for frame, in the world of the file
    """
    below = parse_fbx(data, base.name, base.animation or None)
    source: FbxSource = below.source
    layer = layer_between(base, clip)
    turned = rotation.angle(layer.rotation).max(axis=0) > UNCHANGED
    moved = np.abs(layer.translation).max(axis=(0, 2)) > UNCHANGED * unit_of(base.skeleton)
    objects = AnimationObjects(parse(data, base.name))
    objects.open(source.animation)
    start = round(source.start_seconds * TICKS_A_SECOND)
    rate = source.frame_rate if objects.states_rate else key_rate(base.frame_rate)[1]
    ticks = frame_ticks(base.frame_count, rate, start)
    added: list[tuple[int, str, Array]] = []
    for joint in np.flatnonzero(turned | moved):
        node = source.nodes[joint]
        was, is_now = (channels_of(source, int(joint), each) for each in (base, clip))
        if turned[joint]:
            below_degrees = _below(objects, node, ticks, was[1])
            degrees = degrees_of(node, is_now[1], below_degrees[0])
            added.append((node.identity, ROTATION, degrees - below_degrees))
        shift = is_now[0] - was[0]
        if np.abs(shift).max() > UNCHANGED * unit_of(base.skeleton):
            added.append((node.identity, TRANSLATION, shift))
    if not added:
        return data
    objects.add_layer("Kinestyle")
    for model, channel, values in added:
        objects.set_curves(model, channel, ticks, values)
    objects.close()
    check(objects.document, clip, source.animation)
    return serialize(objects.document)


def _below(objects: AnimationObjects, node: Node, ticks: np.ndarray, q: Array) -> Array:
    """(T, 3) degrees of the node at the T frames. A node without a key at each frame gets them:
    angles are added to angles, and a rotation has several.

    q: (T, 4) its rotation
    """
    found = objects.keys_at(node.identity, ROTATION, ticks)
    if found is not None:
        return found
    degrees = degrees_of(node, q, objects.first_values(node.identity, ROTATION))
    objects.set_curves(node.identity, ROTATION, ticks, degrees)
    # as it is stored
    return degrees.astype(np.float32).astype(float)
