"""A clip played in over UDP, and what comes back; `kinestyle live`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest

from command_line import PROGRAM, kinestyle, refused
from kinestyle.formats.bvh import read_bvh
from kinestyle.formats.table import read_motion
from kinestyle.live.bridge import (
    LOOPBACK,
    Address,
    Bridge,
    UdpOutlet,
    canonical_packets,
    open_receiver,
)
from kinestyle.live.calibration import Calibration, calibrate
from kinestyle.live.streaming import StreamingStylizer
from kinestyle.live.vmc import Pose, VmcReader, VmcRig
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample
from kinestyle.runtime.stylizer import Stylizer
from live_streams import apart_cm, frames_of

RATE = 30.0
PATIENCE_SECONDS = 60.0
TWO = ("--style", "old", "--style", "proud")


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.load("bandai")


@pytest.fixture(scope="module")
def calibration(stylizer: Stylizer, walk_clip: Clip) -> Calibration:
    return calibrate(stylizer.graphs, walk_clip)


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        yield sender


def packets_of(clip: Clip, calibration: Calibration) -> list[list[bytes]]:
    pose, c = calibration.pose, calibration.correspondence
    return [
        canonical_packets(frame, pose, c, number * clip.frame_time_seconds)
        for number, frame in enumerate(frames_of(clip))
    ]


def arrived(receiver: socket.socket, reader: VmcReader) -> list[Pose]:
    """All that has come until now."""
    receiver.setblocking(False)
    poses = []
    while True:
        try:
            packet = receiver.recv(65536)
        except BlockingIOError:
            return poses
        poses += reader.read(packet)


def clip_of(poses: list[Pose]) -> Clip:
    rig = VmcRig.of(poses[0])
    return rig.clip([rig.frame(pose) for pose in poses], 1.0 / RATE)


def as_sent(packets: list[list[bytes]]) -> Clip:
    reader = VmcReader()
    return clip_of([pose for each in packets for packet in each for pose in reader.read(packet)])


def test_a_clip_played_in_over_udp_comes_back_restyled(
    stylizer: Stylizer, walk_clip: Clip, calibration: Calibration, sender: socket.socket
) -> None:
    packets = packets_of(walk_clip, calibration)
    whole_in = as_sent(packets)

    def make(_: Clip) -> StreamingStylizer:
        # calibrated as the whole clip is, which the result is compared with
        return StreamingStylizer(stylizer, whole_in, style="old")

    ends = Event()
    reader, poses = VmcReader(), list[Pose]()
    with open_receiver(Address(LOOPBACK, 0)) as into, open_receiver(Address(LOOPBACK, 0)) as out:
        bridge = Bridge(into, UdpOutlet(sender, Address(*out.getsockname()), RATE), RATE, 0.1)
        thread = Thread(target=bridge.run, args=(make, ends.is_set))
        thread.start()
        sent = 0
        try:
            for number, frame in enumerate(packets, start=1):
                # what no network may do to it: a packet that is none, and one that comes twice
                for packet in [b"no packet", *frame, *frame] if number == 80 else frame:
                    sender.sendto(packet, into.getsockname())
                    sent += 1
                until = time.monotonic() + PATIENCE_SECONDS
                while bridge.counts.packets < sent and time.monotonic() < until:
                    time.sleep(0.001)
                poses += arrived(out, reader)
        finally:
            ends.set()
            thread.join()
        poses += arrived(out, reader)
    counts = bridge.counts
    assert (counts.bad, counts.refused, reader.bad) == (1, 0, 0)
    assert counts.late == 1
    assert counts.packets == sent
    live = clip_of(poses)
    count = live.frame_count
    assert counts.sent - 1 <= count <= counts.sent
    assert count >= len(packets) - 12
    whole = stylizer.stylize(whole_in, "old", cycle="no")
    c = bridge.stylizer.calibration.correspondence if bridge.stylizer else None
    assert c is not None
    restyled = slice(30, count)
    assert apart_cm(live, whole.window(0, count), c)[restyled].mean() < 1.5
    assert apart_cm(live, whole_in.window(0, count), c)[restyled].mean() > 4.0


def test_the_command_stands_between_two_programs(
    walk_clip: Clip, calibration: Calibration, sender: socket.socket
) -> None:
    packets = packets_of(walk_clip, calibration)
    with open_receiver(Address(LOOPBACK, 0)) as out:
        with open_receiver(Address(LOOPBACK, 0)) as free:
            port = free.getsockname()[1]
        words = ["live", "--in", f"vmc://:{port}", "--out", f"vmc://{LOOPBACK}:"]
        words[-1] += str(out.getsockname()[1])
        words += ["--style", "old", "--rate", "30", "--calibrate", "1.5", "--seconds", "60"]
        command: Any = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words], stderr=subprocess.PIPE, text=True
        )
        try:
            assert f"listening at {LOOPBACK}:{port}" in command.stderr.readline()
            reader, poses = VmcReader(), list[Pose]()
            begin = time.monotonic()
            for number, frame in enumerate(packets):
                time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
                for packet in frame:
                    sender.sendto(packet, (LOOPBACK, port))
                poses += arrived(out, reader)
            while len(poses) < 100 and time.monotonic() < begin + PATIENCE_SECONDS:
                time.sleep(0.05)
                poses += arrived(out, reader)
            command.send_signal(signal.SIGINT)
            _, said = command.communicate(timeout=PATIENCE_SECONDS)
        finally:
            command.kill()
    assert command.returncode == 0
    assert "calibrated; frames leave 267 ms after they came" in said
    assert "packets came, 0 of them bad and 0 late" in said
    assert len(poses) >= 100


def test_a_clip_goes_in_and_comes_out_as_bvh(clip_file: Path) -> None:
    piped = kinestyle("live", "--in", clip_file, "--out", "-", "--style", "old")
    assert (piped.exit_code, piped.stderr) == (0, "")
    Path("piped.bvh").write_bytes(piped.stdout_bytes)
    whole = kinestyle("live", "--in", clip_file, "--out", "old.bvh", "--style", "old")
    assert whole.exit_code == 0
    assert Path("piped.bvh").read_bytes() == Path("old.bvh").read_bytes()
    clip, result = read_motion(clip_file), read_bvh("old.bvh")
    assert result.skeleton.names == clip.skeleton.names
    assert result.frame_count == clip.frame_count
    assert np.abs(result.local_rotation - clip.local_rotation).max() > 0.1


def test_a_clip_of_the_same_rig_calibrates(clip_file: Path) -> None:
    words = ["--style", "old", "--calibrate", clip_file]
    given = kinestyle("live", "--in", clip_file, "--out", "given.bvh", *words)
    itself = kinestyle("live", "--in", clip_file, "--out", "itself.bvh", "--style", "old")
    assert given.exit_code == itself.exit_code == 0
    assert Path("given.bvh").read_bytes() == Path("itself.bvh").read_bytes()


def test_without_strength_the_clip_comes_out(clip_file: Path) -> None:
    assert kinestyle("live", "--in", clip_file, "--out", "same.bvh", "--strength", 0).exit_code == 0
    assert Path("same.bvh").read_bytes() == clip_file.read_bytes()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--in", "vmc://:39539", "--out", "x.bvh", "--style", "old"), "has no end"),
        (("--in", "vmc://:39539", "--out", "-", "--style", "old"), "has no end"),
        (("--in", "vmc:39539", "--out", "vmc://:1", "--style", "old"), "expected vmc://HOST"),
        (("--in", "walk.bvh", "--out", "-"), "none of --style, --like and --random"),
        (("--in", "walk.bvh", "--out", "-", "--style", "old", "--mix", ".5"), "one style only"),
        (
            ("--in", "walk.bvh", "--out", "-", *TWO, "--mix", "0:1,0;1:0,1"),
            "shares of styles change over a clip's time",
        ),
        (("--in", "walk.bvh", "--out", "walk.bvh", "--style", "old"), "also an input"),
        (("--in", "walk.bvh", "--out", "x.doc", "--style", "old"), ".doc"),
        (
            ("--in", "walk.bvh", "--out", "-", "--style", "old", "--strength", "0:0,1:1"),
            "strength changes over a clip's time",
        ),
    ],
)
def test_what_cannot_be_is_refused(clip_file: Path, words: tuple[str, ...], found: str) -> None:
    assert found in refused("live", *words)


def test_frames_at_any_rate_come_at_the_wanted_one(
    walk_clip: Clip, calibration: Calibration, sender: socket.socket
) -> None:
    """Without a style they go on as they came, at the rate that is asked for."""
    clip = resample(walk_clip.window(0, 61), 47.0)
    ends, frames = Event(), packets_of(clip, calibration)
    with open_receiver(Address(LOOPBACK, 0)) as into, open_receiver(Address(LOOPBACK, 0)) as out:
        reader, poses = VmcReader(), list[Pose]()
        outlet = UdpOutlet(sender, Address(*out.getsockname()), 60.0)
        bridge = Bridge(into, outlet, 60.0, 100.0)
        thread = Thread(target=bridge.run, args=(None, ends.is_set))
        thread.start()
        try:
            for frame in frames:
                for packet in frame:
                    sender.sendto(packet, into.getsockname())
                time.sleep(0.002)
                poses += arrived(out, reader)
            until = time.monotonic() + PATIENCE_SECONDS
            while bridge.counts.packets < 2 * len(frames) and time.monotonic() < until:
                time.sleep(0.01)
        finally:
            ends.set()
            thread.join()
        poses += arrived(out, reader)
    seconds = (clip.frame_count - 2) / 47.0
    assert abs(len(poses) - (seconds * 60.0 - 16)) < 4
