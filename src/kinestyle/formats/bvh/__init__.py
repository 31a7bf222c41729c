"""BVH files: `read_bvh` and `write_bvh`, strict on the way in and lossless on the way out;
`open_bvh` for those that may be too long to be held in memory.

A file becomes a `BvhLayout`, which holds its text and its numbers, and a clip decoded from them.
The writer takes the layout up again: what the file said stays as it was, and only motion that
changed is converted to angles.

Euler angles are intrinsic and follow the order of a joint's channels: "Zrotation Xrotation
Yrotation" is Rz Rx Ry. A position channel replaces the OFFSET of its axis, on every joint.
"""

from kinestyle.formats.bvh.layout import BvhLayout
from kinestyle.formats.bvh.parser import parse_bvh, read_bvh
from kinestyle.formats.bvh.streaming import open_bvh
from kinestyle.formats.bvh.writer import format_bvh, write_bvh

__all__ = ["BvhLayout", "format_bvh", "open_bvh", "parse_bvh", "read_bvh", "write_bvh"]
