"""FBX files: `read_fbx`, by means of the library ufbx, and `write_fbx`, our own.

Degrees exist only in this package. Euler angles are named outermost axis first, as everywhere: what
FBX calls XYZ, which turns about X first, is "ZYX" here.
"""

from kinestyle.formats.fbx.reader import FbxSource, parse_fbx, read_fbx
from kinestyle.formats.fbx.writer import format_fbx, write_fbx

__all__ = ["FbxSource", "format_fbx", "parse_fbx", "read_fbx", "write_fbx"]
