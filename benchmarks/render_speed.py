"""How long `kinestyle render` takes for each picture of a film, beside matplotlib drawing the same
bones.

    python benchmarks/render_speed.py [CLIP ...] [--frames 150] [--size 640x480] [--no-matplotlib]

Drawing and writing are measured apart, CPU and wall seconds; both draw the same instants of
the same clips in the same run, in turn, so that a busy machine is busy for both. The CPU time and
the ratio are what to compare between machines.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kinestyle.formats.table import read_motion
from kinestyle.picture.figure import Figure, figure_of
from kinestyle.picture.film import Film, Shot, plan_film
from kinestyle.picture.video import CONTAINERS, write_film

CLIP = Path(__file__).resolve().parents[1] / "src" / "kinestyle" / "examples" / "walk.bvh"
TURNS = 5
"""Each method draws its pictures in so many rounds."""


def matplotlib_picture(
    figures: list[Figure], size_px: tuple[int, int]
) -> Callable[[int], np.ndarray]:
    """What one would do without a renderer: thick lines in a 3-D axes, of one figure each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Sheet

    sheet = Sheet(figsize=(size_px[0] / 100, size_px[1] / 100), dpi=100)
    canvas = FigureCanvasAgg(sheet)
    panels = [
        sheet.add_subplot(1, len(figures), i + 1, projection="3d") for i in range(len(figures))
    ]
    lines = []
    for panel, figure in zip(panels, figures, strict=True):
        panel.view_init(elev=17, azim=52)
        width = 2.0 * figure.radius[figure.cones].mean(axis=1) * 120.0
        lines.append(
            [
                panel.plot([0, 1], [0, 1], [0, 1], linewidth=w, solid_capstyle="round")[0]
                for w in width
            ]
        )

    def draw(frame: int) -> np.ndarray:
        for panel, figure, bones in zip(panels, figures, lines, strict=True):
            x, z = figure.root[frame, [0, 2]]
            panel.set(xlim=(z - 1, z + 1), ylim=(x - 1, x + 1), zlim=(0, 2))
            for bone, ends in zip(bones, figure.position[frame][figure.cones], strict=True):
                bone.set_data_3d(ends[:, 2], ends[:, 0], ends[:, 1])
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3]

    return draw


class Stopwatch:
    """CPU and wall seconds, added up."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0

    def __enter__(self) -> Stopwatch:
        self.began = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu += time.process_time() - self.began[0]
        self.wall += time.perf_counter() - self.began[1]

    def line(self, what: str, pictures: int) -> str:
        each = 1000.0 * self.cpu / pictures
        return (
            f"{what:<34}{pictures:6d}{self.cpu:9.2f} s CPU{self.wall:9.2f} s wall{each:9.1f} "
            f"ms{pictures / self.cpu:9.1f} a s"
        )


def measure_drawing(film: Film, with_matplotlib: bool) -> None:
    methods: dict[str, tuple[Callable[[int], np.ndarray], Stopwatch]] = {
        "kinestyle, drawing": (film.picture, Stopwatch())
    }
    if with_matplotlib:
        figures = [figure for panel in film.panels for _, figure in panel.figures]
        methods["matplotlib, lines"] = (matplotlib_picture(figures, film.size_px), Stopwatch())
    with methods["kinestyle, drawing"][1]:
        film.picture(0)  # the floor, once for all
    for turn in range(TURNS):
        for draw, watch in methods.values():
            with watch:
                for frame in range(turn, film.frame_count, TURNS):
                    draw(frame)
    for what, (_, watch) in methods.items():
        print(watch.line(what, film.frame_count))
    if with_matplotlib:
        ours, theirs = (watch.cpu for _, watch in methods.values())
        print(f"matplotlib takes {theirs / ours:.1f} times the CPU time")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="*", type=Path, default=[CLIP])
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--no-matplotlib", action="store_true")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    with Stopwatch() as prepared:
        figures = [figure_of(read_motion(clip), clip.stem) for clip in options.clips]
        longest = max(figure.duration_seconds for figure in figures)
        film = plan_film(
            figures,
            Shot((width, height), frame_rate=(options.frames - 1) / longest if longest else 30.0),
        )
    print(f"{len(figures)} clips, {film.frame_count} pictures of {width} x {height}")
    print(prepared.line("reading, mapping, shaping", film.frame_count))
    measure_drawing(film, not options.no_matplotlib)
    with tempfile.TemporaryDirectory() as folder:
        for suffix in CONTAINERS:
            path = Path(folder) / f"film{suffix}"
            with Stopwatch() as watch:
                write_film(film, path)
            size = path.stat().st_size / 1e6
            print(f"{watch.line(f'drawing and writing {suffix}', film.frame_count)}{size:8.2f} MB")


if __name__ == "__main__":
    main()
