"""What the file of a clip shows of its character."""

from __future__ import annotations

from kinestyle.formats.character_mesh import CharacterMesh
from kinestyle.motion.clip import Clip


def holds_mesh(clip: Clip) -> bool:
    """Whether the file that a clip was read from shows more than a skeleton. `mesh_of` finds out
    whether that is the clip's own character.
    """
    return bool(getattr(clip.source, "holds_meshes", False))


def mesh_of(clip: Clip) -> CharacterMesh | None:
    """The character of a clip that was read from a file; None where the file shows none. Raises
    MotionFileError for a mesh that is not sound, or larger than what is shown.
    """
    if not holds_mesh(clip):
        return None
    from kinestyle.formats.gltf.source import GltfSource

    if isinstance(clip.source, GltfSource):
        from kinestyle.formats.gltf.mesh import gltf_mesh

        return gltf_mesh(clip.source) if _fits(clip, len(clip.source.nodes)) else None
    from kinestyle.formats.fbx.reader import FbxSource

    if isinstance(clip.source, FbxSource):
        from kinestyle.formats.fbx.mesh import fbx_mesh

        return fbx_mesh(clip.source, clip.name) if _fits(clip, len(clip.source.nodes)) else None
    return None


def _fits(clip: Clip, joints: int) -> bool:
    return clip.skeleton.joint_count == joints
