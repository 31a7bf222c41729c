"""How fast a folder of clips is restyled, on one process and on several, and in how much memory.

python benchmarks/many_clips.py [--clips 1000] [--jobs 1,2] [--seconds 2]

The clips are pieces of the example walk, all different. Each number of processes makes all of them
into a folder of its own; the results have to be the same. CPU seconds are those of all processes:
on a machine that does other things too, they say what wall seconds do not.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kinestyle import read_motion, write_motion

ROOT = Path(__file__).resolve().parents[1]
LOOK_SECONDS = 0.25


def write_clips(folder: Path, count: int, seconds: float) -> None:
    """Pieces of the walk at changing places and of changing size."""
    walk = read_motion(ROOT / "src" / "kinestyle" / "examples" / "walk.bvh")
    frames = round(seconds * walk.frame_rate)
    last = len(walk) - frames
    for i in range(count):
        start = i % last
        piece = walk[start : start + frames]
        moved = piece.with_motion(
            piece.local_position * (1.0 + 1e-4 * (i // last)), piece.local_rotation
        )
        write_motion(moved, folder / f"clip_{i:05}.bvh")


def children_mb(parent: int) -> list[float]:
    """Resident memory of each process that a process started."""
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in task.read_text().split():
            status = Path(f"/proc/{child}/status").read_text()
            (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
            found.append(int(line.split()[1]) / 1024)
    return found


def run(
    clips: Path, out: Path, jobs: int, count: int
) -> tuple[float, float, list[tuple[int, float]]]:
    """Seconds of wall and CPU, and the memory of the largest process after some numbers of
    results.
    """
    used = cpu_of_children()
    line = ["stylize", str(clips), "--style", "old", "-o", f"{out}/", "--jobs", str(jobs)]
    began = time.monotonic()
    running = subprocess.Popen(
        [sys.executable, "-m", "kinestyle", *line],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL,
    )
    memory: list[tuple[int, float]] = []
    marks = [count // 10, count // 2, count - count // 20]
    while running.poll() is None:
        time.sleep(LOOK_SECONDS)
        manifest = out / "manifest.jsonl"
        done = manifest.read_bytes().count(b"\n") if manifest.exists() else 0
        if len(memory) < len(marks) and done >= marks[len(memory)]:
            try:
                memory.append((done, max(children_mb(running.pid), default=0.0)))
            except (OSError, ValueError):  # they ended meanwhile
                continue
    if running.returncode:
        raise SystemExit(f"kinestyle ended with {running.returncode}")
    return time.monotonic() - began, cpu_of_children() - used, memory


def cpu_of_children() -> float:
    """Seconds of all that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--jobs", default="1,2")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        clips = Path(place) / "clips"
        clips.mkdir()
        write_clips(clips, asked.clips, asked.seconds)
        print(f"{asked.clips} clips of {asked.seconds:g} s, 53 joints, stylize --style old\n")
        print("  jobs   wall s    CPU s   clips/s   x one   MB of the largest process, and when")
        first, results = None, []
        for jobs in map(int, asked.jobs.split(",")):
            out = Path(place) / f"out_{jobs}"
            seconds, cpu, memory = run(clips, out, jobs, asked.clips)
            first = first or seconds
            seen = ", ".join(f"{mb:.0f} ({done})" for done, mb in memory)
            rate = asked.clips / seconds
            print(
                f"{jobs:6} {seconds:8.1f} {cpu:8.1f} {rate:9.1f} {first / seconds:7.2f}   {seen}",
                flush=True,
            )
            results.append({path.name: path.read_bytes() for path in out.glob("*.bvh")})
        same = all(made == results[0] for made in results) and len(results[0]) == asked.clips
        print(f"\nresults are {'the same' if same else 'NOT the same, or not all'}")


if __name__ == "__main__":
    main()
