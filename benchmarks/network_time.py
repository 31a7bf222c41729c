"""What the networks of two bundles cost, in one run: parameters, and time on one thread for
everything that one restyling calls.

    python benchmarks/network_time.py A.kinestyle [B.kinestyle] [--repeats 31]

Each bundle may also be the name of one that ships. The calls are those that `Stylizer.analyse` and
`apply` really make: they are recorded once, then replayed by turns, A and B and A and B, so that
whatever else the machine does is in both. Times are the thread's CPU seconds, medians over the
repeats; ratios are what to compare between machines. Counting parameters needs the `train` extra.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = (
    "1"  # before anything is loaded that asks how many threads there may be
)

import numpy as np
import onnx

from kinestyle.bundle import GRAPHS, Bundle
from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip
from kinestyle.runtime.graphs import Graphs
from kinestyle.runtime.stylizer import Stylizer

CLIP = Path(__file__).resolve().parents[1] / "src" / "kinestyle" / "examples" / "walk.bvh"
SECONDS = (5, 60)

Call = tuple[str, dict[str, np.ndarray]]


class Recorder(Graphs):
    """Remembers every call."""

    def __init__(self, bundle: Bundle):
        super().__init__(bundle)
        self.calls: list[Call] = []

    def _run(self, name: str, **inputs: np.ndarray) -> list[np.ndarray]:
        self.calls.append((name, inputs))
        return super()._run(name, **inputs)

    def replay(self, calls: list[Call]) -> dict[str, float]:
        """CPU seconds spent in each graph."""
        spent = dict.fromkeys(GRAPHS, 0.0)
        for name, inputs in calls:
            began = time.thread_time()
            super()._run(name, **inputs)
            spent[name] += time.thread_time() - began
        return spent


def there_and_back(clip: Clip, seconds: float) -> Clip:
    """The clip forwards and backwards until it is long enough."""
    frames = round(seconds * clip.frame_rate)
    forth = np.concatenate([np.arange(clip.frame_count), np.arange(clip.frame_count)[::-1]])
    order = np.resize(forth, frames)
    return clip.with_motion(clip.local_position[order], clip.local_rotation[order])


def recorded(bundle: Bundle, clip: Clip) -> tuple[Recorder, list[Call]]:
    """A restyling of the clip, to a style that is nowhere: the time does not depend on it."""
    stylizer, recorder = Stylizer(bundle), Recorder(bundle)
    stylizer.graphs = recorder
    analysis = stylizer.analyse(clip)
    stylizer.apply(analysis, np.zeros_like(analysis.style.mean))
    return recorder, recorder.calls.copy()


def parameters(graph: bytes) -> int:
    """Numbers in the graph's weights."""
    real = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    model = onnx.load_from_string(graph)
    return sum(int(np.prod(t.dims)) for t in model.graph.initializer if t.data_type in real)


Medians = dict[int, dict[str, float]]
"""CPU seconds of each graph and in total, by the length of the clip."""


def measured(
    bundles: list[Bundle], clip: Clip, repeats: int
) -> tuple[list[Medians], list[dict[str, int]]]:
    """For each bundle its times, and how often it calls each graph for the longest clip."""
    medians: list[Medians] = [{} for _ in bundles]
    counts: list[dict[str, int]] = []
    for seconds in SECONDS:
        made = [recorded(bundle, there_and_back(clip, seconds)) for bundle in bundles]
        runs: list[list[dict[str, float]]] = [[] for _ in bundles]
        for _ in range(repeats):
            for times, (recorder, calls) in zip(runs, made, strict=True):
                times.append(recorder.replay(calls))
        for found, times in zip(medians, runs, strict=True):
            found[seconds] = {name: statistics.median(t[name] for t in times) for name in GRAPHS}
            found[seconds]["total"] = statistics.median(sum(t.values()) for t in times)
        counts = [
            {name: sum(call[0] == name for call in calls) for name in GRAPHS} for _, calls in made
        ]
    return medians, counts


def print_table(
    bundle: Bundle, medians: Medians, counts: dict[str, int], sizes: dict[str, int]
) -> None:
    print(f"{bundle.path.name}  sha256 {bundle.sha256[:16]}")
    head = "".join(f"{f'{seconds} s of motion':>18}" for seconds in SECONDS)
    print(f"  {'graph':<16}{'calls':>6}{'parameters':>12}{head}")
    rows = [(name, counts[name], sizes[name]) for name in GRAPHS]
    for name, calls, size in [*rows, ("total", sum(counts.values()), sum(sizes.values()))]:
        times = "".join(f"{1000 * medians[seconds][name]:>15.2f} ms" for seconds in SECONDS)
        print(f"  {name:<16}{calls:>6}{size:>12,}{times}")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "bundles",
        nargs="+",
        metavar="BUNDLE",
        help="one or two .kinestyle files, or names of what ships",
    )
    parser.add_argument("--repeats", type=int, default=31)
    options = parser.parse_args()
    bundles = [Bundle.open(name) for name in options.bundles]
    medians, counts = measured(bundles, read_motion(CLIP), options.repeats)
    sizes = [{name: parameters(bundle.graph(name)) for name in GRAPHS} for bundle in bundles]
    for row in zip(bundles, medians, counts, sizes, strict=True):
        print_table(*row)
    if len(bundles) == 2:
        first, second = (sum(size.values()) for size in sizes)
        names = " / ".join(bundle.path.name for bundle in bundles)
        ratios = "".join(
            f", {medians[0][seconds]['total'] / medians[1][seconds]['total']:.3f} of the network "
            f"time for {seconds} s of motion"
            for seconds in SECONDS
        )
        print(f"{names}: {first / second:.3f} of the parameters{ratios}")
        print(f"medians of {options.repeats} interleaved repeats, one thread")


if __name__ == "__main__":
    main()
