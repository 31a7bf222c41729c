"""FBX files: `read_fbx`, by means of the library ufbx, and `write_fbx`, our own.

Reading: `sampler` runs the library in a process of its own, `loading` talks to it, `stacks` chooses
the animation, `joint_nodes` the skeleton, `reader` makes the clip. Writing: `patch` puts keys into
the `animation_objects` of the file that a clip came from, `scene` makes a new file; both use
`records` (the binary format), `objects`, `curves` and `ticks`. `mesh` and `materials` read what the
page shows.

Euler angles are named outermost axis first, as everywhere: what FBX calls XYZ, which rotates about
X first, is "ZYX" here.
"""

from kinestyle.formats.fbx.reader import FbxSource, parse_fbx, read_fbx
from kinestyle.formats.fbx.writer import format_fbx, write_fbx

__all__ = ["FbxSource", "format_fbx", "parse_fbx", "read_fbx", "write_fbx"]
