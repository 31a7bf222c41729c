"""Every limit of the studio."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from pathlib import Path

from kinestyle.errors import DataError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts that only this machine reaches."""


@dataclass(frozen=True)
class StudioConfig:
    """The limits of one server. Sizes are bytes, times seconds, lengths of clips frames."""

    bundle: Path | None = None
    """The model that restyles: a file or the name of one that ships; None is the one that ships."""
    styles: tuple[Path, ...] = ()
    """Folders of `.style` files, whose styles are known by name beside the model's."""
    host: str = "127.0.0.1"
    """The address it listens at."""
    port: int = 7860
    """The port it listens at; 0 lets the system choose."""
    live: str | None = None
    """Where a performer is heard while they move, as vmc://:39539; None hears nobody."""
    live_rate: float = 30.0
    """Frames a second in which they are shown."""
    token: str | None = None
    """What a client has to show as `Authorization: Bearer`; None asks for nothing."""

    max_upload_bytes: int = 64 * 2**20
    """The body of an upload, whatever its headers say."""
    max_unannounced_bytes: int = 16 * 2**20
    """The same where they say nothing: taking in what is refused in the end costs the most."""
    max_request_bytes: int = 64 * 2**10
    """The body of every other request."""
    max_bytes_under_way: int = 256 * 2**20
    """The bodies of all requests that are not answered yet; further ones are refused as busy."""
    max_files: int = 4
    """Files in one upload, for formats that need two."""
    max_rig_bytes: int = 2**18
    """A rig's file that comes with a clip; that of a rig of as many joints as may be has some 30
    KB.
    """
    max_style_bytes: int = 2**18
    """A `.style` file; one that was learned from a hundred clips and refined has some 60 KB."""
    upload_seconds: float = 120.0
    """From a request's first byte to its last."""
    stall_seconds: float = 15.0
    """Without a byte from the client, or to it."""
    max_connections: int = 512
    """Open at once; further ones are closed."""

    max_frames: int = 40_000
    """Frames of a clip."""
    max_joints: int = 512
    """Joints of a clip."""
    max_joint_frames: int = 2_000_000
    """Frames times joints."""
    max_clip_seconds: float = 600.0
    """Duration of a clip: few frames far apart become many at the networks' own rate."""
    max_cues: int = 8
    """Styles and reference clips in one mix."""
    max_learn_clips: int = 24
    """Clips in which one style is heard; no more than a worker keeps."""
    max_learn_seconds: float = 600.0
    """The same, of motion in all of them."""

    workers: int = max(1, min(4, os.cpu_count() or 1))
    """Processes for clips of usual size. One more, at a lower priority, is for heavy ones."""
    heavy_bytes: int = 2 * 2**20
    """Larger uploads are read by the process for heavy clips; usual ones do not wait for them."""
    heavy_joint_frames: int = 100_000
    """Frames times joints beyond which a clip is heavy: half a minute of an ordinary rig at 60
    frames a second.
    """
    usual_cpu_seconds: float = 2.0
    """Processor time of a job on a usual clip; one that needs more counts as heavy, because a small
    file may claim to be enormous."""
    queue_length: int = 64
    """Jobs that wait for a worker; further ones are refused as busy."""
    wait_seconds: float = 30.0
    """How long a job waits for a worker before it is refused as busy."""
    patience_seconds: float = 60.0
    """How much earlier a job may come and still wait for that of a client who has used less; after
    that it is served in turn."""
    job_seconds: float = 20.0
    """Of work on one job of usual size, from when a worker takes it up."""
    heavy_job_seconds: float = 120.0
    """The same on a heavy clip."""
    refine_seconds: float = 180.0
    """Processor time of refining one style, for which it may take three times as long."""
    steal_seconds: float = 0.25
    """How long a job waits for the worker that knows its clip before another one, which has to
    analyse it again, takes it.
    """
    warm_clips: int = 32
    """Clips whose analysis each worker keeps."""
    warm_joint_frames: int = 2_000_000
    """The same, in frames times joints."""
    worker_bytes: int = 3 * 2**30
    """Memory of one worker; it has 100 MB before it does anything."""

    kept_clips: int = 512
    """Clips kept, results included; the one unused for longest goes first."""
    kept_bytes: int = 512 * 2**20
    """The same, in bytes of files and motion."""
    expiry_seconds: float = 3600.0
    """Without use, after which a clip is forgotten."""

    def __post_init__(self) -> None:
        """Raises DataError for a token that no client could show: a header takes no others."""
        if self.token is not None and not re.fullmatch("[!-~]{1,500}", self.token):
            raise DataError(
                f"the token is {self.token[:20]!r}, expected 1 to 500 letters, digits and signs of "
                f"ASCII without blanks; leave it out to have one made where one is needed"
            )

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK

    def limits(self) -> dict[str, float]:
        """What `GET /api/limits` answers."""
        others = ("bundle", "styles", "host", "port", "live", "live_rate", "token")
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in others
        }
