"""How long a frame of a stream takes on one core, how near its result is to that of the whole clip,
and whether a long stream grows.

    OMP_NUM_THREADS=1 python benchmarks/live_speed.py --minutes 2
    OMP_NUM_THREADS=1 python benchmarks/live_speed.py --memory --minutes 60 --rate 30
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np

from kinestyle.live.calibration import calibrate
from kinestyle.live.streaming import StreamingStylizer
from kinestyle.motion.clip import Clip
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from live_streams import apart_cm, frames_of, sliding_cm_s, streamed
from long_motion import long_clip

STYLES = ("old", "proud", "feminine", "angry")


def resident_mb() -> float:
    """What this process has in memory now. Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def print_memory(stream: StreamingStylizer, clip: Clip, minutes: float) -> None:
    """What a stream has in memory after each twelfth of so many minutes: a clip again and again."""
    frames = frames_of(clip)
    count = round(60.0 * minutes / clip.frame_time_seconds)
    steps = {round(count * twelfth / 12) for twelfth in range(1, 13)}
    print(f"{clip.skeleton.joint_count} joints, {clip.frame_rate:g} frames a second")
    for number in range(1, count + 1):
        stream.push(frames[number % len(frames)])
        if number in steps or number == len(frames):
            passed = number * clip.frame_time_seconds / 60.0
            print(f"after {passed:5.1f} minutes {resident_mb():.1f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=60.0)
    parser.add_argument("--minutes", type=float, default=1.0, help="of the stream that is timed")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the clip that is compared")
    parser.add_argument("--skip-quality", action="store_true")
    parser.add_argument("--memory", action="store_true", help="what it has in memory, alone")
    given = parser.parse_args()
    stylizer = Stylizer.load("bandai")
    clip = long_clip(given.seconds, given.rate)
    calibration = calibrate(stylizer.graphs, clip)
    if given.memory:
        print_memory(StreamingStylizer(stylizer, calibration, style="old"), clip, given.minutes)
        return
    if not given.skip_quality:
        c = calibration.correspondence
        for style in STYLES:
            for settings in (Settings(), Settings(action="free")):
                live = streamed(StreamingStylizer(stylizer, calibration, settings, style), clip)
                analysis = stylizer.analyse(clip, cycle="no")
                code = stylizer.style_of(style)
                whole = stylizer.apply(analysis, code, settings, cycle="no")
                off, size = apart_cm(live, whole, c), apart_cm(clip, whole, c)
                slides = [
                    sliding_cm_s(each, c, analysis.survey.locked) for each in (clip, whole, live)
                ]
                print(
                    f"{style:10} action {settings.action}: {off.mean():.2f} cm from the whole "
                    f"clip, 95 % {np.percentile(off, 95.0):.2f} (the style: {size.mean():.1f} cm); "
                    f"planted feet slide {slides[0]:.2f} cm/s in the input, {slides[1]:.2f} in "
                    f"the whole clip's result, {slides[2]:.2f} in the stream's"
                )
    frames = frames_of(clip)
    for action in ("keep", "free"):
        stream = StreamingStylizer(stylizer, calibration, style="old", action=action)
        took, worked, begins = [], [], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(round(given.minutes * 60.0 * given.rate)):
            frame = frames[number % len(frames)]
            begin = time.perf_counter(), time.thread_time()
            stream.push(frame)
            took.append(1e3 * (time.perf_counter() - begin[0]))
            worked.append(1e3 * (time.thread_time() - begin[1]))
            if number == len(frames):
                begins = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ms = np.array(took[len(frames) // 4 :])
        cpu = np.array(worked[len(frames) // 4 :])
        grew = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begins
        print(
            f"action {action}, {clip.skeleton.joint_count} joints at {given.rate:g} a second: "
            f"mean {ms.mean():.2f} ms, median {np.median(ms):.2f}, 99 % "
            f"{np.percentile(ms, 99.0):.2f}, longest {ms.max():.2f}; of the "
            f"processor {cpu.mean():.2f}, {np.median(cpu):.2f}, {np.percentile(cpu, 99.0):.2f}; "
            f"{given.minutes:g} minutes "
            f"grew by {grew / 1024:.1f} MB; frames leave "
            f"{1e3 * stream.lookahead_seconds:.0f} ms late"
        )


if __name__ == "__main__":
    main()
