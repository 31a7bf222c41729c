"""glTF files, binary (.glb) and as JSON (.gltf): `read_gltf` and `write_gltf`.

glTF's world is metres, Y up and right-handed, its quaternions are xyzw. A clip that was read from
glTF is written into its own file: meshes, materials, other nodes and animations stay. Any other
clip gets a file with a plain body skinned to its joints.
"""

from kinestyle.formats.gltf.reader import parse_gltf, read_gltf
from kinestyle.formats.gltf.source import GltfSource
from kinestyle.formats.gltf.writer import format_gltf, write_gltf

__all__ = ["GltfSource", "format_gltf", "parse_gltf", "read_gltf", "write_gltf"]
