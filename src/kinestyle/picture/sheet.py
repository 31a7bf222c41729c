"""Contact sheets: one picture with a row for each clip and a column for each moment, to compare
motion by eye.

All cells share one scale and one camera (three-quarter, without perspective, relative to each row's
initial facing), those of a row one floor. Each is centred on its body: travel stays in the cell,
and floating, sinking and leaning show. Left limbs are warm, right limbs cool, so that swapped sides
show too. What has sunk below the floor turns pale.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kinestyle.errors import ClipError
from kinestyle.extras import needs_extra
from kinestyle.motion.rotation import Array
from kinestyle.picture.body import LEFT, RIGHT
from kinestyle.picture.camera import ELEVATION_RADIANS, Camera, three_quarter_axes
from kinestyle.picture.figure import Figure
from kinestyle.picture.floor import PLANTED, Floor
from kinestyle.picture.scene import SIDE_COLOUR, Actor, draw_scene, to_bytes
from kinestyle.picture.text import (
    CARD,
    FAINT_INK,
    INK,
    PAPER,
    draw_card,
    draw_dot,
    draw_text,
    pen_for,
    text_width,
)
from kinestyle.storage import replace_bytes

with needs_extra("pictures", "drawing pictures"):
    from PIL import Image

TRAIL_SPACING_SECONDS = 0.1
MARGIN_PX = 20
LABEL_PX, TIME_PX = 38, 30
HEADER_PX = 46
LEAST_CELL_PX = 16


class Cell(NamedTuple):
    """The size of a cell in pixels, and its view of the floor; the point under the root is at
    (width / 2, floor).
    """

    width: int
    height: int
    floor: int
    pixels_per_metre: float
    radius_px: float
    """Of the patch of floor."""

    def view(self) -> Floor:
        centre = (0.5 * self.width, float(self.floor))
        camera = Camera(np.zeros(3), centre, self.pixels_per_metre, np.inf, three_quarter_axes())
        paper = np.broadcast_to(np.array(CARD, dtype=np.float32), (self.height, self.width, 3))
        return Floor(camera, paper, self.radius_px / self.pixels_per_metre, rim=0.5)


def moments(figure: Figure, columns: int) -> np.ndarray:
    """(columns,) frame numbers, evenly from the first to the last; one alone is the middle."""
    fraction = np.linspace(0.0, 1.0, columns) if columns > 1 else np.array([0.5])
    return np.round(fraction * (figure.frame_count - 1)).astype(int)


def draw(
    figures: Sequence[Figure],
    columns: int = 8,
    width: int = 1600,
    pixels_per_metre: float | None = None,
    title: str = "",
) -> Image.Image:
    """The contact sheet of `figures`, `columns` moments each, as an RGB image `width` pixels wide.

    pixels_per_metre: None takes the largest scale at which every body fits its cell
    """
    assert figures and columns > 0, "a contact sheet has at least one row and one column"
    cells = _lay_out(figures, columns, width, pixels_per_metre)
    gap = MARGIN_PX // 2
    card_heights = [LABEL_PX + cell.height + TIME_PX for cell in cells]
    sheet = Image.new("RGB", (width, HEADER_PX + sum(card_heights) + gap * len(figures)), PAPER)
    _draw_header(sheet, title, planted=any(figure.contact.size for figure in figures))
    pen = pen_for(sheet)
    top = HEADER_PX
    for figure, cell, card_height in zip(figures, cells, card_heights, strict=True):
        draw_card(sheet, (gap, top, width - gap, top + card_height))
        draw_text(
            pen,
            (MARGIN_PX + 6, top + LABEL_PX // 2 + 3),
            figure.label,
            18,
            INK,
            "lm",
            width - 2 * MARGIN_PX - 12,
        )
        floor = cell.view()
        for column, frame in enumerate(moments(figure, columns).tolist()):
            x = (width - columns * cell.width) // 2 + column * cell.width
            actor = Actor(figure, frame, SIDE_COLOUR, trail=_trail(figure, frame))
            target = figure.root[frame] * [1.0, 0.0, 1.0]
            picture = draw_scene([actor], floor, target)
            sheet.paste(Image.fromarray(to_bytes(picture)), (x, top + LABEL_PX))
            below = (x + cell.width // 2, top + LABEL_PX + cell.height + TIME_PX // 2 - 4)
            draw_text(
                pen,
                below,
                f"{frame * figure.frame_time_seconds:.2f} s",
                14,
                FAINT_INK,
                "mm",
                cell.width,
            )
        top += card_height + gap
    return sheet


def write_sheet(image: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write the picture as a PNG; a file already at `path` is replaced whole or not at all.

    Raises MotionFileError when the folder is missing or cannot be written to.
    """
    picture = io.BytesIO()
    image.save(picture, format="PNG", optimize=True)
    replace_bytes(Path(path), picture.getvalue())


def _lay_out(
    figures: Sequence[Figure], columns: int, width: int, pixels_per_metre: float | None
) -> list[Cell]:
    """A cell for each row: one scale and width for all, as high as the row's motion needs."""
    cell_width = (width - 2 * MARGIN_PX) // columns
    if cell_width < LEAST_CELL_PX:
        raise ClipError(
            f"{columns} columns leave {cell_width} of {width} pixels for each, expected "
            f"{LEAST_CELL_PX} or more; "
            "take fewer or a wider sheet"
        )
    axes = three_quarter_axes()
    half, tops, bottoms = 0.1, [], []
    for figure in figures:
        frames = moments(figure, columns)
        view = (figure.position[frames] - figure.root[frames, None] * [1.0, 0.0, 1.0]) @ axes.T
        right, up = np.abs(view[..., 0]) + figure.radius, view[..., 1]
        # one joint flung away must not shrink every other body to a dot: beyond these bounds it is
        # cut off
        half = max(half, min(float(right.max()), 0.68 * figure.size_m))
        tops.append(float(np.clip((up + figure.radius).max(), 0.1, 1.3 * figure.size_m)))
        bottoms.append(float(np.clip((up - figure.radius).min(), -0.32 * figure.size_m, 0.0)))
    # a single wide cell must not make a picture taller than a screen
    tallest = min(1.55 * cell_width, 420.0) / (max(tops) - min(bottoms))
    scale = pixels_per_metre or float(min(0.49 * cell_width / half, tallest))
    radius = min(0.48 * cell_width, 1.0 * scale)
    flat = radius * np.sin(ELEVATION_RADIANS)
    cells = []
    for top, bottom in zip(tops, bottoms, strict=True):
        above, below = (int(np.ceil(max(reach * scale, flat))) + 4 for reach in (top, -bottom))
        cells.append(Cell(cell_width, above + below, above, scale, radius))
    return cells


def _trail(figure: Figure, frame: int) -> tuple[Array, Array]:
    """The root's path over the floor, a dot for each tenth of a second, the past stronger than the
    future.
    """
    step = max(1, round(TRAIL_SPACING_SECONDS / figure.frame_time_seconds))
    frames = np.arange(frame % step, figure.frame_count, step)
    return figure.root[frames] * [1.0, 0.0, 1.0], np.where(frames <= frame, 0.9, 0.35)


def _draw_header(sheet: Image.Image, title: str, planted: bool) -> None:
    pen = pen_for(sheet)
    middle, x = HEADER_PX // 2 + 2, sheet.width - MARGIN_PX
    entries = [("right", SIDE_COLOUR[RIGHT]), ("left", SIDE_COLOUR[LEFT])]
    for name, colour in ([("planted", PLANTED)] if planted else []) + entries:
        x -= text_width(pen, name, 15)
        draw_text(pen, (x, middle), name, 15, FAINT_INK, "lm", sheet.width)
        x -= 18
        draw_dot(sheet, (x, middle - 6), 12, colour)
        x -= 18
    draw_text(pen, (MARGIN_PX + 6, middle), title, 21, INK, "lm", x - 2 * MARGIN_PX)
