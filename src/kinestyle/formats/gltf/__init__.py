"""glTF files, binary (.glb) and as JSON (.gltf): `read_gltf` and `write_gltf`.

Reading: `document` opens a file, `accessors` reads its arrays (`meshopt` the compressed ones),
`animations` chooses one, `nodes` finds the joints, `keys` turns curves into frames, `reader` makes
the clip. Writing: `writer` puts curves into the `container` of the file that a clip came from, or
`new_animation` adds one; any other clip becomes a `new_file` with a plain body skinned to the
joints, or a `vrm_animation`. `humanoid` knows what VRM says of a body; `mesh` and
`materials` read what the page shows.

glTF's world is metres, Y up and right-handed; its quaternions are xyzw. In a clip's own file,
meshes, materials, other nodes and other animations stay as they are.
"""

from kinestyle.formats.gltf.reader import parse_gltf, read_gltf
from kinestyle.formats.gltf.source import GltfSource
from kinestyle.formats.gltf.writer import format_gltf, write_gltf

__all__ = ["GltfSource", "format_gltf", "parse_gltf", "read_gltf", "write_gltf"]
