"""Clips that play where they are looked at: in the output of a notebook's cell, or as a page of one
file.

Nothing is served and nothing is loaded: the page holds its own script and the motion, as whole
    steps of less than a millimetre.
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
from kinestyle.picture.camera import follow_path, three_quarter_axes
from kinestyle.picture.figure import Figure, figure_of
from kinestyle.picture.scene import palette_of
from kinestyle.storage import replace_bytes

HEIGHT_PX = 440
MOST_CLIPS = 8
MOST_BYTES = 900_000
"""Of a page's motion: a notebook that is saved holds all its outputs. What would be more is shown
with fewer frames a second.
"""
RATES = (30.0, 20.0, 15.0, 10.0, 5.0)
"""Frames a second, of which the most that fit are packed; between them the page interpolates."""


def show(*clips: Clip, labels: Sequence[str] | None = None) -> None:
    """Play clips side by side: below the notebook's cell, or outside of a notebook in the web
    browser.
    """
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
    """What a cell's output shows."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def in_notebook() -> bool:
    """Whether this runs in a kernel whose outputs are looked at in a page, without importing
    anything to find out.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def write_page(figures: Sequence[Figure], path: Path) -> None:
    """Write a page of one file that plays figures, with nothing loaded from elsewhere. Raises
    MotionFileError, ClipError.
    """
    replace_bytes(path, page_of(figures).encode())


def frame_html(clips: Sequence[Clip], labels: Sequence[str] | None = None) -> str:
    """The page as a frame within another page, whose styles and scripts it does not meet; a
    sentence for what cannot be shown.
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
    for place, text in (
        ("__TITLE__", html.escape(", ".join(figure.label for figure in figures))),
        ("__NOTE__", notes),
        ("__SCRIPT__", (folder / "player.js").read_text(encoding="utf-8")),
        ("__DATA__", data),
    ):
        page = page.replace(place, text, 1)
    return page


def _distinct(names: Sequence[str]) -> list[str]:
    """A clip and its restyled copy often have one name; a number then tells them apart."""
    often, met = Counter(names), Counter[str]()
    told = []
    for name in names:
        met[name] += 1
        told.append(name if often[name] == 1 else f"{name} ({met[name]})")
    return told


def pack(figures: Sequence[Figure]) -> dict[str, Any]:
    """Figures as the page's script takes them."""
    frame_bytes = sum(figure.position.shape[1] * 3 * 2 * 4 / 3 for figure in figures)
    longest = max(figure.duration_seconds for figure in figures)
    rate = next(
        (rate for rate in RATES if (longest * rate + 1.0) * frame_bytes <= MOST_BYTES), RATES[-1]
    )
    timed = [_at_rate(figure, rate) for figure in figures]
    ways = [follow_path([figure]) for figure in timed]
    right = three_quarter_axes()[0]
    half, tall = 0.5, 1.0
    for figure, way in zip(timed, ways, strict=True):
        away = np.abs((figure.position - way[:, None]) @ right) + figure.radius
        # not for one joint flung away
        half = max(half, float(np.percentile(away.max(axis=1), 98.0)))
        tall = max(
            tall, float(np.percentile((figure.position[..., 1] + figure.radius).max(axis=1), 98.0))
        )
    return {
        "seconds": longest,
        "half_m": min(half, 2.0),
        "tall_m": min(tall, 4.0),
        "clips": [
            _pack_one(figure, way, number)
            for number, (figure, way) in enumerate(zip(timed, ways, strict=True))
        ],
    }


def _at_rate(figure: Figure, rate: float) -> Figure:
    if figure.frame_count == 1 or rate >= 1.0 / figure.frame_time_seconds:
        return figure
    return figure.at(np.arange(int(figure.duration_seconds * rate + 1e-6) + 1) / rate)


def _pack_one(figure: Figure, way: Array, number: int) -> dict[str, Any]:
    unit_m = max(float(np.abs(figure.position).max()), 1.0) / 32767.0
    palette = palette_of(number)
    # which of the balls is at a foot: the nearest to it
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
        "way": way[:, [0, 2]].round(3).tolist(),
        "feet": feet,
        "contact": _base64((figure.contact > 0.5).astype(np.uint8)),
    }


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
