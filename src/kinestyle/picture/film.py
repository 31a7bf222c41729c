"""Films: figures in motion, side by side or in one place, on one clock whatever their own frame
rates are.

Each clip has its own tone; right limbs are darker than left ones. The camera keeps its heading. It
either follows the body at a distance that shows all of the motion, or stands where it shows the
whole path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from kinestyle.errors import ClipError
from kinestyle.extras import needs_extra
from kinestyle.motion.rotation import Array
from kinestyle.picture.camera import Camera, fixed_target, follow_path, frame_all
from kinestyle.picture.figure import Figure
from kinestyle.picture.floor import PAPER_BOTTOM, PAPER_TOP, Floor
from kinestyle.picture.scene import TONES, Actor, draw_scene, palette_of, to_bytes
from kinestyle.picture.text import FAINT_INK, INK, draw_dot, draw_text, pen_for

with needs_extra("pictures", "drawing pictures"):
    from PIL import Image

LEAST_PX, MOST_PX = 64, 3840
MOST_RATE = 120.0
ONE_PANEL_PX, ONE_OF_SEVERAL_PX = (640, 480), (340, 440)
GAP_PX = 4
FLOOR_RADIUS_M = 3.6
LEAST_LOOP = 0.4
"""The shortest loop, as a share of the film."""
LOOPED_RADIUS_M = 0.02
"""Fingers and props are left out where poses are compared."""
_MOST_COMPARED = 1500


@dataclass(frozen=True)
class Shot:
    """What a film shows, and how.

    size_px: width and height of the picture; None takes 640 x 480, or 340 x 440 for each of several
        panels
    frame_rate: of the film, pictures a second
    start_seconds, stop_seconds: the part of the clips to show; None is the end of the longest
    camera: "follow" keeps each body in the middle of its panel, "fixed" stands still
    overlay: all figures in one place instead of a panel for each
    columns: panels in a row; None takes what fits the picture best
    labels: name the clips and show the time
    loop: only the part that repeats best
    """

    size_px: tuple[int, int] | None = None
    frame_rate: float = 30.0
    start_seconds: float = 0.0
    stop_seconds: float | None = None
    camera: Literal["follow", "fixed"] = "follow"
    overlay: bool = False
    columns: int | None = None
    labels: bool = True
    loop: bool = False


@dataclass(frozen=True, eq=False)
class Panel:
    """A part of the picture: its top left pixel, the figures in it with their numbers, and the path
    (T, 3) of the camera's target.
    """

    left: int
    top: int
    figures: tuple[tuple[int, Figure], ...]
    path: Array


@dataclass(frozen=True, eq=False)
class Film:
    """A planned film, whose pictures are drawn when they are asked for.

    size_px: width and height
    panels: all of T frames and of panel_px; camera: for all of them
    seconds: (T,) of the clips' own time
    """

    size_px: tuple[int, int]
    frame_rate: float
    seconds: Array
    panels: tuple[Panel, ...]
    panel_px: tuple[int, int]
    camera: Camera
    labels: bool

    @property
    def frame_count(self) -> int:
        return len(self.seconds)

    @property
    def duration_seconds(self) -> float:
        """How long it plays: each picture lasts one frame."""
        return self.frame_count / self.frame_rate

    def pictures(self) -> Iterator[np.ndarray]:
        """(height, width, 3) uint8 each."""
        for frame in range(self.frame_count):
            yield self.picture(frame)

    def picture(self, frame: int) -> np.ndarray:
        """(height, width, 3) uint8."""
        canvas = self._canvas.copy()
        width, height = self.panel_px
        for panel in self.panels:
            actors = [
                Actor(figure, frame, palette_of(number), 0.55) for number, figure in panel.figures
            ]
            drawn = to_bytes(draw_scene(actors, self._floor, panel.path[frame]))
            canvas[panel.top : panel.top + height, panel.left : panel.left + width] = drawn
        return self._letter(canvas, frame) if self.labels else canvas

    @cached_property
    def _canvas(self) -> np.ndarray:
        canvas = np.empty((self.size_px[1], self.size_px[0], 3), dtype=np.uint8)
        canvas[:] = 255
        return canvas

    @cached_property
    def _floor(self) -> Floor:
        width, height = self.panel_px
        shade = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]
        paper = (
            np.array(PAPER_TOP, dtype=np.float32) * (1.0 - shade)
            + np.array(PAPER_BOTTOM, dtype=np.float32) * shade
        )
        reach = max(FLOOR_RADIUS_M, 0.45 * self.camera.distance_m)
        return Floor(self.camera, np.broadcast_to(paper, (height, width, 3)), reach, rim=0.8)

    def _letter(self, canvas: np.ndarray, frame: int) -> np.ndarray:
        picture = Image.fromarray(canvas)
        pen = pen_for(picture)
        size = max(11, round(0.034 * min(self.panel_px[1], 1.3 * self.panel_px[0])))
        for panel in self.panels:
            x, y = panel.left + size, panel.top + size
            for number, figure in panel.figures:
                draw_dot(
                    picture,
                    (x, y + round(0.12 * size)),
                    round(0.76 * size),
                    TONES[number % len(TONES)],
                )
                room = self.panel_px[0] - 3.4 * size
                draw_text(
                    pen, (x + round(1.3 * size), y + size // 2), figure.label, size, INK, "lm", room
                )
                y += round(1.5 * size)
        corner = (self.size_px[0] - size, self.size_px[1] - size)
        draw_text(
            pen,
            corner,
            f"{self.seconds[frame]:.2f} s",
            round(0.85 * size),
            FAINT_INK,
            "rs",
            8.0 * size,
        )
        return np.asarray(picture)


def plan_film(figures: Sequence[Figure], shot: Shot) -> Film:
    """Plan a film of `figures`. Raises ClipError for a shot that they do not allow."""
    assert figures, "a film shows at least one figure"
    if shot.size_px is not None:
        _check_size(*shot.size_px)
    seconds = _clock(figures, shot)
    timed = [figure.at(seconds) for figure in figures]
    if shot.loop:
        seconds = seconds[slice(*find_loop(timed))]
        timed = [figure.at(seconds) for figure in figures]
    numbered = tuple(enumerate(timed))
    groups = [numbered] if shot.overlay else [(each,) for each in numbered]
    columns = _columns(len(groups), shot)
    rows = -(-len(groups) // columns)
    width, height = shot.size_px or _usual_size(columns, rows)
    _check_size(width, height)
    panel_width, panel_height = (
        (width - (columns - 1) * GAP_PX) // columns,
        (height - (rows - 1) * GAP_PX) // rows,
    )
    if min(panel_width, panel_height) < LEAST_PX:
        raise ClipError(
            f"{len(groups)} panels leave {panel_width} x {panel_height} pixels for each, expected "
            f"{LEAST_PX} or more each way; "
            "take a larger --size or fewer clips"
        )
    panels = tuple(
        Panel(
            i % columns * (panel_width + GAP_PX),
            i // columns * (panel_height + GAP_PX),
            group,
            _camera_path([figure for _, figure in group], shot.camera),
        )
        for i, group in enumerate(groups)
    )
    margins = (0.13 * panel_height if shot.labels else 0.06 * panel_height, 0.06 * panel_height)
    scenes = [([figure for _, figure in panel.figures], panel.path) for panel in panels]
    camera = frame_all(scenes, panel_width, panel_height, margins)
    return Film(
        (width, height),
        shot.frame_rate,
        seconds,
        panels,
        (panel_width, panel_height),
        camera,
        shot.labels,
    )


def _camera_path(figures: Sequence[Figure], camera: Literal["follow", "fixed"]) -> Array:
    """(T, 3) the camera's target"""
    if camera == "follow":
        return follow_path(figures)
    return np.broadcast_to(fixed_target(figures), (figures[0].frame_count, 3))


def find_loop(figures: Sequence[Figure]) -> tuple[int, int]:
    """The first frame, and the one after the last, of the part that repeats best; figures have T
    frames each.

    Poses are compared relative to a camera that follows, velocities too. Of parts that are about as
    good the longest wins, and none is much shorter than the whole.
    """
    poses = [
        (each.position - each.root[:, None] * [1.0, 0.0, 1.0])[
            :, each.radius > LOOPED_RADIUS_M
        ].reshape(each.frame_count, -1)
        for each in figures
    ]
    pose = np.concatenate(poses, axis=1)
    count = len(pose)
    least = max(int(LEAST_LOOP * count), 2)
    if count < 8:
        return 0, count
    stride = -(-count // _MOST_COMPARED)
    pose = np.concatenate([pose, np.gradient(pose, axis=0) * 4.0], axis=1)[::stride]
    square = (pose**2).sum(axis=1)
    unlike = np.sqrt(
        np.maximum(square[:, None] + square[None] - 2.0 * pose @ pose.T, 0.0) / pose.shape[1]
    )
    first, last = np.triu_indices(len(pose), k=-(-least // stride))
    distance = unlike[first, last]
    good = np.flatnonzero(distance <= 1.2 * distance.min() + 0.002)
    best = good[np.argmax((last - first)[good])]
    return int(first[best]) * stride, int(last[best]) * stride


def _check_size(width: int, height: int) -> None:
    """Raises ClipError for a film that is too small or too large, in pixels."""
    for what, pixels in (("width", width), ("height", height)):
        if not LEAST_PX <= pixels <= MOST_PX:
            raise ClipError(
                f"a film {pixels} pixels in {what} was asked for, expected {LEAST_PX} to "
                f"{MOST_PX}; change --size"
            )


def _usual_size(columns: int, rows: int) -> tuple[int, int]:
    """Width and height in pixels of a film for which none was asked for."""
    if columns * rows == 1:
        return ONE_PANEL_PX
    width, height = ONE_OF_SEVERAL_PX
    return columns * width + (columns - 1) * GAP_PX, rows * height + (rows - 1) * GAP_PX


def _clock(figures: Sequence[Figure], shot: Shot) -> Array:
    """(T,) the seconds that the film shows."""
    if not 0.0 < shot.frame_rate <= MOST_RATE:
        raise ClipError(
            f"a film of {shot.frame_rate:g} pictures a second was asked for, expected more than "
            f"0, at most {MOST_RATE:g}"
        )
    longest = max(figure.duration_seconds for figure in figures)
    start, stop = (
        shot.start_seconds,
        longest if shot.stop_seconds is None else min(shot.stop_seconds, longest),
    )
    if not 0.0 <= start <= longest:
        raise ClipError(
            f"the film was to start at {start:g} s, expected a time within the clips, 0 to "
            f"{longest:.2f} s"
        )
    if not stop >= start:  # nor a number that is none
        raise ClipError(
            f"the film was to go from {start:g} s to {stop:g} s, expected an end after its start"
        )
    return (
        start
        + np.arange(int(np.floor((stop - start) * shot.frame_rate + 1e-6)) + 1) / shot.frame_rate
    )


def _columns(count: int, shot: Shot) -> int:
    """Panels in a row: those asked for, or else so many that they are a bit taller than wide."""
    if shot.columns is not None:
        return max(1, min(shot.columns, count))
    if shot.size_px is None:
        return min(count, 4)
    width, height = shot.size_px
    wanted = np.log(ONE_OF_SEVERAL_PX[0] / ONE_OF_SEVERAL_PX[1])
    shapes = [
        abs(np.log(width / n / (height / -(-count // n))) - wanted) for n in range(1, count + 1)
    ]
    return int(np.argmin(shapes)) + 1
