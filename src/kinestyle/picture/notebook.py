"""A player of clips in the output of a notebook's cell, or as a page of one file.

Nothing is served and nothing is loaded: the page holds its own script, and the motion in steps of
less than a millimetre.
"""

from __future__ import annotations

import base64
import html
import json
import sys
import tempfile
import webbrowser
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kinestyle.errors import ClipError, KinestyleError
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.picture.body import LEFT, MIDDLE, RIGHT
from kinestyle.picture.camera import (
    AZIMUTH_RADIANS,
    DISTANCE_M,
    ELEVATION_RADIANS,
    NEAREST_SHARE,
    follow_path,
    three_quarter_axes,
)
from kinestyle.picture.capsules import LIGHT
from kinestyle.picture.figure import Figure, figure_of
from kinestyle.picture.floor import PAPER_BOTTOM, PAPER_TOP, PLANTED, PLANTED_RADIUS_M, SHADOW
from kinestyle.picture.scene import palette_of
from kinestyle.storage import replace_bytes

HEIGHT_PX = 440
MOST_CLIPS = 8
MOST_BYTES = 900_000
"""Of a page's motion: a saved notebook holds all its outputs. Longer clips get fewer frames a
second.
"""
RATES = (30.0, 20.0, 15.0, 10.0, 5.0)
"""Frames a second. The highest rate that fits is packed; the page interpolates between frames."""


def show(*clips: Clip, labels: Sequence[str] | None = None) -> None:
    """Play clips side by side: below the notebook's cell, or elsewhere in the browser."""
    if in_notebook():
        from IPython.display import display

        display(_Shown(frame_html(clips, labels)))
        return
    with tempfile.NamedTemporaryFile(
        "w", suffix=".html", prefix="kinestyle-", delete=False, encoding="utf-8"
    ) as file:
        file.write(page_html(clips, labels))
    webbrowser.open(Path(file.name).as_uri())


class _Shown(NamedTuple):
    """The output of a cell."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def in_notebook() -> bool:
    """Whether this runs in a kernel with HTML output. Nothing is imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def write_page(figures: Sequence[Figure], path: Path) -> None:
    """Write a page of one file that plays figures. Raises MotionFileError, ClipError."""
    replace_bytes(path, page_of(figures).encode())


def frame_html(clips: Sequence[Clip], labels: Sequence[str] | None = None) -> str:
    """The page as a frame within another page, apart from its styles and scripts; for what cannot
    be shown, a sentence.
    """
    try:
        page = page_html(clips, labels)
    except KinestyleError as error:
        return f"<p>{html.escape(str(error))}</p>"
    return (
        f'<iframe srcdoc="{html.escape(page, quote=True)}" sandbox="allow-scripts" title="motion '
        f'player" '
        f'style="width:100%;height:{HEIGHT_PX}px;border:0;border-radius:8px" '
        f'loading="lazy"></iframe>'
    )


def page_html(clips: Sequence[Clip], labels: Sequence[str] | None = None) -> str:
    """A page that plays clips side by side, on one clock. Raises ClipError for none, too many, or
    clips without frames.
    """
    if labels is not None and len(labels) != len(clips):
        raise ClipError(
            f"{len(labels)} labels were given for {len(clips)} clips, expected one for each"
        )
    names = labels or _distinct([clip.name for clip in clips])
    return page_of([figure_of(clip, name) for clip, name in zip(clips, names, strict=True)])


def page_of(figures: Sequence[Figure]) -> str:
    """The page for figures. Raises ClipError for none or too many."""
    if not 1 <= len(figures) <= MOST_CLIPS:
        raise ClipError(
            f"{len(figures)} clips were given to show side by side, expected 1 to {MOST_CLIPS}"
        )
    folder = files("kinestyle.picture")
    notes = "".join(
        f'<div class="note">{html.escape(figure.note)}</div>' for figure in figures if figure.note
    )
    data = json.dumps(pack(figures), separators=(",", ":"), ensure_ascii=True)
    # a label must not end the script it stands in
    data = data.replace("<", "\\u003c")
    page = (folder / "player.html").read_text(encoding="utf-8")
    for placeholder, text in (
        ("__TITLE__", html.escape(", ".join(figure.label for figure in figures))),
        ("__NOTE__", notes),
        ("__SCRIPT__", (folder / "player.js").read_text(encoding="utf-8")),
        ("__DATA__", data),
    ):
        page = page.replace(placeholder, text, 1)
    return page


def _distinct(names: Sequence[str]) -> list[str]:
    """A clip and its restyled copy often have one name, to which a number is added."""
    total, count = Counter(names), Counter[str]()
    distinct = []
    for name in names:
        count[name] += 1
        distinct.append(name if total[name] == 1 else f"{name} ({count[name]})")
    return distinct


def pack(figures: Sequence[Figure]) -> dict[str, Any]:
    """The data of the page's script."""
    frame_bytes = sum(figure.position.shape[1] * 3 * 2 * 4 / 3 for figure in figures)
    longest = max(figure.duration_seconds for figure in figures)
    rate = next(
        (rate for rate in RATES if (longest * rate + 1.0) * frame_bytes <= MOST_BYTES), RATES[-1]
    )
    timed = [_at_rate(figure, rate) for figure in figures]
    paths = [follow_path([figure]) for figure in timed]
    right = three_quarter_axes()[0]
    half, tall = 0.5, 1.0
    for figure, path in zip(timed, paths, strict=True):
        away = np.abs((figure.position - path[:, None]) @ right) + figure.radius
        # not for one joint flung away
        half = max(half, float(np.percentile(away.max(axis=1), 98.0)))
        tall = max(
            tall, float(np.percentile((figure.position[..., 1] + figure.radius).max(axis=1), 98.0))
        )
    return {
        "camera": {
            "azimuth": AZIMUTH_RADIANS,
            "elevation": ELEVATION_RADIANS,
            "distance_m": DISTANCE_M,
            "nearest_share": NEAREST_SHARE,
        },
        "light": LIGHT.tolist(),
        "colours": {
            "top": PAPER_TOP,
            "bottom": PAPER_BOTTOM,
            "shadow": SHADOW,
            "planted": PLANTED,
        },
        "planted_radius_m": PLANTED_RADIUS_M,
        "seconds": longest,
        "half_m": min(half, 2.0),
        "tall_m": min(tall, 4.0),
        "clips": [
            _pack_one(figure, path, number)
            for number, (figure, path) in enumerate(zip(timed, paths, strict=True))
        ],
    }


def _at_rate(figure: Figure, rate: float) -> Figure:
    if figure.frame_count == 1 or rate >= 1.0 / figure.frame_time_seconds:
        return figure
    return figure.at(np.arange(int(figure.duration_seconds * rate + 1e-6) + 1) / rate)


def _pack_one(figure: Figure, path: Array, number: int) -> dict[str, Any]:
    unit_m = max(float(np.abs(figure.position).max()), 1.0) / 32767.0
    palette = palette_of(number)
    # the ball nearest to each foot
    feet = [
        int(
            np.argmin(
                np.median(
                    np.linalg.norm((figure.position - foot[:, None]) * [1.0, 0.0, 1.0], axis=-1),
                    axis=0,
                )
            )
        )
        for foot in np.moveaxis(figure.feet, 1, 0)
    ]
    return {
        "label": figure.label,
        "frames": figure.frame_count,
        "frame_seconds": round(figure.frame_time_seconds, 9),
        "unit_m": unit_m,
        "position": _base64(np.round(figure.position / unit_m).astype("<i2")),
        "radius": figure.radius.round(4).tolist(),
        "cones": figure.cones.tolist(),
        "cone_side": figure.cone_side.tolist(),
        "slabs": figure.slabs.tolist(),
        "slab_side": figure.slab_side.tolist(),
        "colours": [palette[side] for side in (MIDDLE, LEFT, RIGHT)],
        "path": path[:, [0, 2]].round(3).tolist(),
        "feet": feet,
        "contact": _base64((figure.contact > 0.5).astype(np.uint8)),
    }


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
