"""Between two programs: what one sends, restyled, to the other."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from kinestyle.errors import RigError, StyleError, shown
from kinestyle.live.calibration import Calibration
from kinestyle.live.clock import Clock, frames_of
from kinestyle.live.osc import Message, format_message
from kinestyle.live.performer import Frame
from kinestyle.live.streaming import StreamingStylizer, delay_frames
from kinestyle.live.vmc import CANONICAL_BONES, Pose, VmcReader, VmcRig, pose_packets
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import Correspondence, to_canonical

LOOPBACK = "127.0.0.1"
RECEIVE_PORT, SEND_PORT = 39539, 39540
_LARGEST_BYTES = 65536
_WAITING_BYTES = 2**20
_PATIENCE_SECONDS = 2.0
"""Of frames, in which all of a body comes at least once."""
_WAITS_SECONDS = 0.1
"""For a packet, before it is seen whether to end."""


class Address(NamedTuple):
    """Of a UDP socket."""

    host: str
    port: int


def parse_address(text: str, default_port: int) -> Address | None:
    """ "vmc://:39539" -> its host, this machine alone where none is named, and port; None for what
    is no such address. Raises StyleError.
    """
    if not text.lower().startswith("vmc:"):
        return None
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if not text.lower().startswith("vmc://") or port == 0 or parts.path not in ("", "/"):
        raise StyleError(
            f"{shown(text)} is no address, expected vmc://HOST:PORT, such as vmc://:39539 for this "
            f"machine"
        )
    return Address(parts.hostname or LOOPBACK, port or default_port)


def open_receiver(address: Address) -> socket.socket:
    """A socket that listens there. Raises OSError."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # more than a second of frames, or as much as the system allows: the work may wait for others
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WAITING_BYTES)
    try:
        receiver.bind(address)
    except OSError:
        receiver.close()
        raise
    receiver.settimeout(_WAITS_SECONDS)
    return receiver


@dataclass
class Counts:
    """What came and what left. bad: packets that could not be read; late: frames that came after
    later ones, or twice; refused: frames that could not be believed.
    """

    packets: int = 0
    bad: int = 0
    late: int = 0
    refused: int = 0
    frames: int = 0
    sent: int = 0

    def __str__(self) -> str:
        return (
            f"{self.packets} packets came, {self.bad} of them bad and {self.late} late or doubled; "
            f"{self.refused} of {self.frames} frames were not believed; {self.sent} frames were "
            f"sent"
        )


Make = Callable[[Clip], StreamingStylizer]
"""What makes a stylizer of the first seconds of a stream."""


class Outlet(Protocol):
    """Where a bridge leads."""

    def other(self, message: Message) -> None:
        """What came that is not about the body."""

    def frame(self, rig: VmcRig, frame: Frame, number: int) -> None:
        """The next frame that leaves; number: of those that left before."""


class UdpOutlet:
    """Sends it on. rate: frames a second"""

    def __init__(self, sender: socket.socket, to: Address, rate: float) -> None:
        self._sender, self._to, self._rate = sender, to, rate

    def other(self, message: Message) -> None:
        self._sender.sendto(format_message(message), self._to)

    def frame(self, rig: VmcRig, frame: Frame, number: int) -> None:
        for packet in rig.packets(frame, number / self._rate):
            self._sender.sendto(packet, self._to)


class Bridge:
    """Frames from a socket through a stylizer to an outlet. Until it is calibrated, they go on as
    they came.
    """

    def __init__(
        self, receiver: socket.socket, outlet: Outlet, rate: float, seconds: float
    ) -> None:
        """rate: frames a second that leave; seconds: how many of them calibrate"""
        self._receiver, self._outlet = receiver, outlet
        self._reader, self._clock = VmcReader(), Clock(rate)
        self._rate = rate
        self._wanted = max(frames_of(seconds, rate), delay_frames(rate) + 1)
        self._rig: VmcRig | None = None
        self._first: list[Frame] = []
        self._looked_at = 0
        self.counts = Counts()
        self.stylizer: StreamingStylizer | None = None

    def run(self, make: Make, ends: Callable[[], bool]) -> None:
        """Until it ends. make: see `Make`. Raises RigError where no body is sent, OSError."""
        while not ends():
            try:
                packet = self._receiver.recv(_LARGEST_BYTES)
            except (TimeoutError, ConnectionResetError):
                continue
            self._take(packet, make)

    def _take(self, packet: bytes, make: Make) -> None:
        counts, came = self.counts, time.monotonic()
        counts.packets += 1
        poses = self._reader.read(packet)
        counts.bad = self._reader.bad
        for message in self._reader.others:
            self._outlet.other(message)
        for pose in poses:
            rig = self._rig = self._rig or self._find_rig(pose)
            if rig is None:
                continue
            frame = rig.frame(pose)
            at = came if pose.time_seconds is None else pose.time_seconds
            for each in self._clock.add(at, frame):
                self._pass(each, make)
            counts.late = self._clock.late

    def _find_rig(self, pose: Pose) -> VmcRig | None:
        """The rig of a body; None as long as packets of its first frames may have been lost."""
        self._looked_at += 1
        try:
            return VmcRig.of(pose)
        except RigError:
            if self._looked_at < frames_of(_PATIENCE_SECONDS, self._rate):
                return None
            raise

    def _pass(self, frame: Frame, make: Make) -> None:
        assert self._rig is not None, "a frame is of a rig"
        self.counts.frames += 1
        if self.stylizer is None:
            leaves = self._calibrate(frame, self._rig, make)
        else:
            leaves = self.stylizer.push(frame)
            self.counts.refused = self.stylizer.refused
        if leaves is None:
            return
        self._outlet.frame(self._rig, leaves, self.counts.sent)
        self.counts.sent += 1

    def _calibrate(self, frame: Frame, rig: VmcRig, make: Make) -> Frame | None:
        """Frames that calibrate leave as they came, and as late as they will be then."""
        self._first.append(frame)
        delay = delay_frames(self._rate)
        if len(self._first) >= self._wanted:
            self.stylizer = make(rig.clip(self._first, 1.0 / self._rate))
            for each in self._first[-delay - 1 : -1]:
                self.stylizer.push(each)
            self._first = []
            return self.stylizer.push(frame)
        return self._first[-delay - 1] if len(self._first) > delay else None


def play(
    frames: Iterator[Frame],
    calibration: Calibration,
    sender: socket.socket,
    to: Address,
    paced: bool = True,
) -> int:
    """Send a clip's frames as the body of an avatar, on the canonical skeleton. How many there
    were.

    paced: whether each is sent when its time comes
    """
    begin, count = time.monotonic(), 0
    for count, frame in enumerate(frames, start=1):
        at = (count - 1) * calibration.frame_time_seconds
        if paced:
            time.sleep(max(0.0, begin + at - time.monotonic()))
        for packet in canonical_packets(frame, calibration.pose, calibration.correspondence, at):
            sender.sendto(packet, to)
    return count


def canonical_packets(
    frame: Frame, pose: Clip, correspondence: Correspondence, time_seconds: float
) -> list[bytes]:
    """What is sent for a frame of any rig.

    pose: any frame of the rig
    """
    clip = pose.with_motion(*(rows[None] for rows in frame))
    canonical = to_canonical(clip, correspondence)
    position = CANONICAL.offsets.copy()
    position[0] = canonical.world_position[0, 0]
    return pose_packets(CANONICAL_BONES, position, canonical.local_rotation[0], time_seconds)
