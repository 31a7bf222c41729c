"""What assimp, a library that engines import with, makes of a motion file: joints on each frame.

Its command `assimp` prints what it read as XML (`assimp dump`), to six decimals.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array

COMMAND = os.environ.get("KINESTYLE_ASSIMP") or shutil.which("assimp")


@dataclass(frozen=True)
class Imported:
    """animations: their names; frames: of the first; seconds: its length
    position: by node, (T, 3) in the file's units, on each frame of the first animation
    """

    animations: list[str]
    frames: int
    seconds: float
    position: dict[str, Array]


def import_file(path: Path) -> Imported:
    """Raises CalledProcessError where assimp does not take the file."""
    assert COMMAND is not None, "callers skip where assimp is not there"
    out = path.with_suffix(".xml")
    subprocess.run([COMMAND, "dump", str(path), str(out)], capture_output=True, check=True)
    scene = ElementTree.parse(out).getroot().find("Scene")
    assert scene is not None, "assimp's dump has a scene"
    animations = list(scene.iter("Animation"))
    tracks = {str(one.get("node")): one for one in animations[0].iter("NodeAnim")}
    frames = max(len(list(one.iter("RotationKey"))) for one in tracks.values())
    node = scene.find("Node")
    assert node is not None, "assimp's scene has a root"
    position: dict[str, Array] = {}
    still = np.zeros((frames, 3)), np.tile(rotation.IDENTITY, (frames, 1))
    _place(node, *still, tracks, position)
    ticks = [float(str(animations[0].get(key))) for key in ("duration", "tick_cnt")]
    names = [str(one.get("name")) for one in animations]
    return Imported(names, frames, ticks[0] / ticks[1], position)


def _place(
    node: ElementTree.Element,
    at: Array,
    turned: Array,
    tracks: dict[str, ElementTree.Element],
    position: dict[str, Array],
) -> None:
    """at: (T, 3), turned: (T, 4) of the node's parent in the world"""
    name, frames = str(node.get("name")), len(at)
    text = node.findtext("Matrix4") or ""
    matrix = np.array(text.split(), dtype=float).reshape(4, 4)
    moved, local = matrix[:3, 3], rotation.from_matrix(matrix[:3, :3])
    if name in tracks:
        moved = _keys(tracks[name], "PositionKey", moved, frames)
        # xyzw
        local = _keys(tracks[name], "RotationKey", np.roll(local, -1), frames)[:, [3, 0, 1, 2]]
    place = at + rotation.rotate(turned, np.broadcast_to(moved, (frames, 3)))
    turn = rotation.multiply(turned, np.array(np.broadcast_to(local, (frames, 4))))
    position[name] = place
    children = node.find("NodeList")
    for child in [] if children is None else children.findall("Node"):
        _place(child, place, turn, tracks, position)


def _keys(track: ElementTree.Element, tag: str, otherwise: Array, frames: int) -> Array:
    """(T, N) one key for each frame, or one for all."""
    keys = np.array([(key.text or "").split() for key in track.iter(tag)], dtype=float)
    assert len(keys) in (0, 1, frames), f"{len(keys)} keys for {frames} frames"
    return np.array(np.broadcast_to(keys if len(keys) else otherwise, (frames, len(otherwise))))
