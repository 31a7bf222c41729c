"""Which format bytes without a name are of."""

from __future__ import annotations

from kinestyle.errors import MotionFileError

_BEGINNINGS = {
    b"glTF": ".glb",
    b"Kaydara FBX Binary": ".fbx",
    b"; FBX": ".fbx",
    b"\x93NUMPY": ".npy",
    b"PK\x03\x04": ".npz",
    b"{": ".gltf",
}
_LOOKED_AT = 4096


def suffix_of(data: bytes, name: str) -> str:
    """The suffix that files with such content have. name: what messages call it. Raises
    MotionFileError.
    """
    start = data[:_LOOKED_AT].removeprefix(b"\xef\xbb\xbf").lstrip()
    for beginning, suffix in _BEGINNINGS.items():
        if start.startswith(beginning):
            return suffix
    if b"HIERARCHY" in start.upper():
        return ".bvh"
    found = "nothing" if not data else f"{start[:16]!r}"
    raise MotionFileError(
        f"{name} begins with {found}, which is no motion format that is known by its beginning; "
        f"give BVH, GLB, glTF, FBX or arrays, or a file with a name"
    )
