"""Someone who moves and sends it over UDP, for as long as a test lasts."""

from __future__ import annotations

import socket
from threading import Event, Thread

from kinestyle.live.bridge import LOOPBACK, canonical_packets
from kinestyle.live.calibration import calibrate
from kinestyle.motion.clip import Clip
from kinestyle.runtime.stylizer import Stylizer
from live_streams import frames_of

RATE = 30.0


def free_port() -> int:
    """A UDP port of this machine that nobody listens at."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((LOOPBACK, 0))
        return int(free.getsockname()[1])


class Performer:
    """Does what a clip shows, forth and back without end."""

    def __init__(self, clip: Clip, port: int) -> None:
        calibration = calibrate(Stylizer.load("bandai").graphs, clip)
        frames = frames_of(clip)
        self._frames = [*frames, *frames[-2:0:-1]]
        self._pose, self._c = calibration.pose, calibration.correspondence
        self._to, self._ends = (LOOPBACK, port), Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Performer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._socket.close()

    def send(self, packet: bytes) -> None:
        self._socket.sendto(packet, self._to)

    def _run(self) -> None:
        number = 0
        # the time is the sender's: a machine that is busy makes it slower, and not otherwise
        while not self._ends.wait(1.0 / RATE):
            frame = self._frames[number % len(self._frames)]
            for packet in canonical_packets(frame, self._pose, self._c, number / RATE):
                self.send(packet)
            number += 1
