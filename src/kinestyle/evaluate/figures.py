"""Figures of the benchmark, as .svg or .png. Only this module uses matplotlib, which `pip install
'kinestyle[train]'` brings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinestyle.evaluate.protocol import TestClip
from kinestyle.extras import needs_extra
from kinestyle.formats.table import read_motion
from kinestyle.label import Label
from kinestyle.motion.rotation import Array
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.stylizer import Stylizer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Neighbours:
    """What style codes tell of style and of content, in a number each.

    style: share of clips whose nearest code, among the clips of other contents, is of the same
        style: should be 1
    content: share of clips whose nearest code, among the clips of other styles, is of the same
        content: should be chance

    Clips of one's own cell, which may be cuts of the same take, never count.
    """

    bundle: str
    clips: int
    style: float
    content: float
    style_chance: float
    content_chance: float


def draw_strength_curve(curve: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw style against content accuracy as strength goes up: a panel for each judge, a line for
    each mode. Raises KinestyleError where matplotlib is missing.

    curve: what `report.benchmark` gives as "strength"
    """
    assert curve, "there are points to draw"
    judges = list(curve[0]["style"])
    modes = list(dict.fromkeys(point["mode"] for point in curve))
    figure = _figure(4.4 * len(judges), 4.0)
    axes = figure.subplots(1, len(judges), sharex=True, sharey=True, squeeze=False)[0]
    for axis, judge in zip(axes, judges, strict=True):
        for index, mode in enumerate(modes):
            points = [point for point in curve if point["mode"] == mode]
            _strength_line(axis, judge, index, sorted(points, key=itemgetter("strength")))
        axis.set_title(f"judge: {judge}", fontsize=10)
        axis.set_xlabel("content accuracy")
        axis.grid(color="0.9", lw=0.6)
        axis.set_axisbelow(True)
    axes[0].set_ylabel("style accuracy")
    axes[0].legend(
        fontsize=8,
        frameon=False,
        title="strength by each point",
        title_fontsize=8,
        loc="lower left",
    )
    _save(figure, path)


def _strength_line(axis: Axes, judge: str, index: int, points: Sequence[Mapping[str, Any]]) -> None:
    """index: of the mode, whose points these are in the order of strength"""
    content, style = ([point[what][judge] for point in points] for what in ("content", "style"))
    x, y = ([estimate["value"] for estimate in estimates] for estimates in (content, style))
    x_error, y_error = (
        [estimate["interval"] or 0.0 for estimate in estimates] for estimates in (content, style)
    )
    axis.errorbar(
        x,
        y,
        xerr=x_error,
        yerr=y_error,
        fmt="o-",
        ms=4,
        lw=1.4,
        elinewidth=0.5,
        color=f"C{index}",
        label=points[0]["mode"],
    )
    offset, side = ((-6, 4), "right") if index == 0 else ((6, -10), "left")
    for point, position in zip(points, zip(x, y, strict=True), strict=True):
        if point["strength"] % 0.5 == 0.0:  # the others can be read from these
            axis.annotate(
                f"{point['strength']:g}",
                position,
                offset,
                textcoords="offset points",
                ha=side,
                fontsize=7,
                color=f"C{index}",
            )


def draw_style_space(
    bundles: Sequence[Path | None], clips: Sequence[TestClip], path: Path
) -> list[Neighbours]:
    """Draw the likeliest style codes of real clips in several bundles side by side, each along its
    two main axes (PCA). Returns the numbers that stand above the panels.

    bundles: None is the one that ships

    The upper row is coloured by style, the lower, of the same points, by content: colours that lie
    apart there are content that leaked into the code. Raises KinestyleError where matplotlib is
    missing.
    """
    stylizers = [Stylizer.load(bundle) for bundle in bundles]
    codes = _codes(stylizers, clips)
    found = [
        neighbours(stylizer.bundle.path.stem, codes_of_one, clips)
        for stylizer, codes_of_one in zip(stylizers, codes, strict=True)
    ]
    figure = _figure(4.3 * len(stylizers) + 1.9, 7.6)
    panels = figure.subplots(2, len(stylizers), squeeze=False)
    for row, what, other in zip(panels, ("style", "content"), ("content", "style"), strict=True):
        labels = [getattr(clip, what) for clip in clips]
        for axis, codes_of_one, known in zip(row, codes, found, strict=True):
            _scatter(axis, main_axes(codes_of_one), labels)
            share, chance = getattr(known, what), getattr(known, f"{what}_chance")
            axis.set_title(
                f"{known.bundle}: nearest of another {other}\nhas the same {what} {share:.2f} "
                f"(chance {chance:.2f})",
                fontsize=9,
            )
        row[-1].legend(
            fontsize=8,
            frameon=False,
            title=what,
            title_fontsize=9,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            markerscale=1.6,
        )
    _save(figure, path)
    return found


def neighbours(bundle: str, codes: Array, clips: Sequence[TestClip]) -> Neighbours:
    """codes: (N, K), of N clips of at least two styles and two contents."""
    style, content = (
        np.array(labels)
        for labels in ([clip.style for clip in clips], [clip.content for clip in clips])
    )
    square = (codes**2).sum(axis=1)
    distance = square[:, None] + square - 2.0 * codes @ codes.T
    figures = []
    for asked, other in ((style, content), (content, style)):
        among = other[:, None] != other
        assert among.any(axis=1).all(), (
            "there are clips of another style and of another content to be near to"
        )
        nearest = np.where(among, distance, np.inf).argmin(axis=1)
        alike = (asked[:, None] == asked) & among
        figures += [
            float(np.mean(asked[nearest] == asked)),
            float((alike.sum(axis=1) / among.sum(axis=1)).mean()),
        ]
    return Neighbours(
        bundle,
        len(clips),
        style=figures[0],
        style_chance=figures[1],
        content=figures[2],
        content_chance=figures[3],
    )


def main_axes(codes: Array) -> Array:
    """(N, K) -> (N, 2) along the two axes with the most variance, each turned so that its longer
    tail is positive.
    """
    centred = codes - codes.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    along = centred @ axes[:2].T
    return along * np.where((along**3).sum(axis=0) < 0.0, -1.0, 1.0)


def _codes(stylizers: Sequence[Stylizer], clips: Sequence[TestClip]) -> list[Array]:
    """For each stylizer (N, K), the likeliest style code of every clip. A clip is read once for
    all.
    """
    motions = (read_motion(clip.path) for clip in clips)
    by_clip = [[s.style_of(Cue.of(like=motion)) for s in stylizers] for motion in motions]
    return [np.stack(codes).astype(float) for codes in zip(*by_clip, strict=True)]


def _scatter(axis: Axes, points: Array, labels: Sequence[str]) -> None:
    """points: (N, 2), coloured by label; the set's name is left out where all are of one."""
    names = sorted(set(labels))
    one_set = len({Label.parse(name).set for name in names}) == 1
    for i, name in enumerate(names):
        of_label = points[[label == name for label in labels]]
        marker = "ovs^D"[i // 10 % 5]
        axis.scatter(
            of_label[:, 0],
            of_label[:, 1],
            s=11,
            lw=0,
            alpha=0.8,
            color=f"C{i % 10}",
            marker=marker,
            label=Label.parse(name).name if one_set else name,
        )
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_color("0.8")


def _figure(width: float, height: float) -> Figure:
    """width, height: inches. Raises MissingExtraError where matplotlib is missing."""
    with needs_extra("train", "drawing figures"):
        from matplotlib.figure import Figure
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: Path) -> None:
    """Write the same file for the same figure: no date, and no random names in an .svg."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "kinestyle", "svg.fonttype": "none"}):
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
