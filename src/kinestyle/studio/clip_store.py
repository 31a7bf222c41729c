"""The clips that the server keeps: for a while, up to a limit, under ids that cannot be guessed."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kinestyle.formats.reading import AS_IT_IS, Reading
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.error_responses import UnknownError


class StatedRig(NamedTuple):
    """A clip's rig as a client states it.

    name: of a family, or what the client calls the file; data: the file that `kinestyle map` wrote,
        None for a family
    """

    name: str
    data: bytes | None = None


@dataclass(frozen=True, eq=False)
class Upload:
    """Files as a client sent them.

    name: what the client calls the first, which is the one to read; files: (ending, bytes), the
        ending ours
    rig: what the client knows of the joints, None where they are to be found in the file
    reading: what the client says of how the file is to be read
    """

    name: str
    files: tuple[tuple[str, bytes], ...]
    rig: StatedRig | None = None
    reading: Reading = AS_IT_IS

    @property
    def size(self) -> int:
        return sum(map(len, self.blobs))

    @property
    def blobs(self) -> list[bytes]:
        """Everything of it in bytes: the files, then the rig's."""
        return [
            *(data for _, data in self.files),
            *([self.rig.data] if self.rig and self.rig.data is not None else []),
        ]

    @property
    def key(self) -> str:
        """The same for the same files on the same rig, read in the same way."""
        parts = [part for ending, data in self.files for part in (ending.encode(), data)]
        return key_of(
            self.name.encode(),
            *parts,
            *([] if self.rig is None else [b"rig", self.rig.name.encode(), self.rig.data or b""]),
            *(repr(said).encode() for said in self.reading.as_dict().items()),
        )


@dataclass(frozen=True, eq=False)
class Content:
    """What a clip is, whoever has it under whatever id: all that a worker needs to have it again.

    key: the same for the same content; upload: its files, or those of the clip that it was made
        from
    state: local positions, then rotations, of a result; None for an upload
    facts: see `worker_service.facts_of`; motion: see `motion_packing`
    """

    key: str
    name: str
    upload: Upload
    state: bytes | None
    facts: dict[str, Any]
    motion: bytes

    def supply(self) -> tuple[dict[str, Any], list[bytes]]:
        """How a worker gets it, see `worker_service.WorkerService.work`."""
        rig = self.upload.rig
        head = {
            "key": self.key,
            "name": self.name,
            "endings": [ending for ending, _ in self.upload.files],
            "rig": rig and rig.name,
            "rig_file": rig is not None and rig.data is not None,
            "reading": self.upload.reading.as_dict(),
            "state": self.state is not None,
        }
        return head, [*self.upload.blobs, *([] if self.state is None else [self.state])]

    @property
    def joint_frames(self) -> int:
        return int(self.facts["frame_count"] * self.facts["joint_count"])


@dataclass(eq=False)
class StoredClip:
    """One clip of a client.

    request: what made it, None for an upload; of: the id of the clip that it was made from;
        command: what makes it again
    """

    content: Content
    request: dict[str, Any] | None = None
    of: str | None = None
    command: str | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    used_at: float = 0.0


class ClipStore:
    """Clips by id, the one unused for longest first."""

    def __init__(
        self,
        config: StudioConfig,
        clock: Callable[[], float] = time.monotonic,
        what: str = "clip",
    ):
        """what: messages call what is kept"""
        self.config, self.clock, self.what = config, clock, what
        self._clips: OrderedDict[str, StoredClip] = OrderedDict()
        self._contents: dict[str, tuple[Content, int]] = {}
        self._uploads: dict[int, int] = {}
        self._meshes: dict[int, bytes] = {}
        self.kept_bytes = 0

    def __len__(self) -> int:
        return len(self._clips)

    def put(self, clip: StoredClip) -> StoredClip:
        """Keep a clip, and forget others where that is too much."""
        clip.used_at = self.clock()
        self._clips[clip.id] = clip
        self._count(clip.content, 1)
        self.forget_expired()
        self._make_room()
        return clip

    def _make_room(self) -> None:
        while len(self._clips) > 1 and (
            len(self._clips) > self.config.kept_clips or self.kept_bytes > self.config.kept_bytes
        ):
            self.remove(next(iter(self._clips)))

    def mesh(self, upload: Upload) -> bytes | None:
        """What `keep_mesh` was given for an upload; None without it."""
        return self._meshes.get(id(upload))

    def keep_mesh(self, upload: Upload, mesh: bytes) -> None:
        """Keep what the page draws of an upload as long as that is kept."""
        if id(upload) in self._uploads and id(upload) not in self._meshes:
            self._meshes[id(upload)] = mesh
            self.kept_bytes += len(mesh)
            self._make_room()

    def get(self, clip_id: str) -> StoredClip:
        """The clip with an id, which counts as its use. Raises UnknownError."""
        self.forget_expired()
        try:
            clip = self._clips[clip_id]
        except KeyError:
            minutes = self.config.expiry_seconds / 60
            raise UnknownError(
                f"there is no such {self.what}; {self.what}s are forgotten {minutes:g} minutes "
                "after their last use, or earlier "
                "when there are too many: send it again"
            ) from None
        clip.used_at = self.clock()
        self._clips.move_to_end(clip_id)
        return clip

    def content(self, key: str) -> Content | None:
        """Content that some clip has already."""
        return self._contents[key][0] if key in self._contents else None

    def remove(self, clip_id: str) -> None:
        self._count(self._clips.pop(clip_id).content, -1)

    def expires_in(self, clip: StoredClip) -> float:
        """Seconds until a clip is forgotten if nobody uses it."""
        return max(0.0, clip.used_at + self.config.expiry_seconds - self.clock())

    def forget_expired(self) -> None:
        while self._clips and self.expires_in(clip := next(iter(self._clips.values()))) <= 0.0:
            self.remove(clip.id)

    def _count(self, content: Content, step: int) -> None:
        """Count what is kept, shared content and shared uploads once."""
        owners = self._contents.pop(content.key, (content, 0))[1] + step
        if owners:
            self._contents[content.key] = (content, owners)
        if owners == (1 if step > 0 else 0):
            self.kept_bytes += step * (len(content.state or b"") + len(content.motion))
            users = self._uploads.pop(id(content.upload), 0) + step
            if users:
                self._uploads[id(content.upload)] = users
            if users == (1 if step > 0 else 0):
                self.kept_bytes += step * content.upload.size
            if not users:
                self.kept_bytes -= len(self._meshes.pop(id(content.upload), b""))


def key_of(*parts: bytes) -> str:
    """What identifies content: a hash over all of the parts."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()
