"""How much CPU a worker of the studio takes for a clip: to read and describe it, to restyle what is
around the playhead, and all of it.

    python benchmarks/worker_cost.py [--seconds 5,26,85,141,300]

Without browser and HTTP, in this process: a machine that does other things too does not change it
much. `benchmarks/page_latency.py` measures what a person waits. Clips are made by the generator of
the tests, 53 joints at 30 frames a second; of three runs the shortest counts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from kinestyle.formats.bvh import format_bvh
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.worker_service import WorkerService
from long_motion import long_clip


def cpu_seconds(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(service: WorkerService, seconds: float, key: str) -> list[float]:
    """CPU seconds: read, first part, another strength of it, the whole."""
    data = format_bvh(long_clip(seconds), "clip.bvh")[0]
    sent = {
        "key": key,
        "name": "clip.bvh",
        "endings": [".bvh"],
        "rig": None,
        "rig_file": False,
        "reading": {},
        "state": False,
    }
    cue = {"style": ["old"]}
    common = {"keys": [key], "allow_heavy": True, "name": "clip.bvh", "cue": cue}

    def work(kind: str, strength: float = 1.0, **more: Any) -> float:
        settings = {"strength": strength}
        head = {**common, "work": kind, "clips": [], "settings": settings, **more}
        blobs = [data] if head["clips"] else []
        return cpu_seconds(lambda: service.work(head, blobs, lambda *_: None))

    return [
        work("read", clips=[sent]),
        work("part", 0.5, at=seconds / 2),
        work("part", 0.6, at=seconds / 2),
        work("stylize", result=f"{key}-result"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", default="5,26,85,141,300")
    options = parser.parse_args()
    names = ("read", "first part", "next part", "whole")
    print(f"{'clip s':>8}" + "".join(f"{name:>12}" for name in names) + "   CPU seconds")
    with tempfile.TemporaryDirectory() as folder:
        service = WorkerService({**asdict(StudioConfig()), "styles": []}, Path(folder))
        service.warm_up()
        measure(service, 5.0, "warm-up")
        for seconds in map(float, options.seconds.split(",")):
            rows = [measure(service, seconds, f"{seconds}-{turn}") for turn in range(3)]
            best = [min(column) for column in zip(*rows, strict=True)]
            print(f"{seconds:8g}" + "".join(f"{value:12.3f}" for value in best), flush=True)


if __name__ == "__main__":
    main()
