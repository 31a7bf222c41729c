"""`inspect` and `render`: what a clip is, and what it looks like."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kinestyle.cli.options import (
    MOTION,
    at_work,
    keep_input,
    no_clobber_option,
    reading_options,
    rig_option,
    say_warnings,
    say_written,
)
from kinestyle.cli.streams import as_files
from kinestyle.errors import ClipError, MotionFileError
from kinestyle.storage import name_of

if TYPE_CHECKING:
    from kinestyle.formats.reading import Reading
    from kinestyle.picture.figure import Figure
    from kinestyle.picture.film import Shot
    from kinestyle.rig.rig_file import Rig


@click.command()
@click.argument("clip", type=MOTION, metavar="IN")
@rig_option()
@reading_options()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def inspect(clip: Path, rig: Rig | None, reading: Reading, as_json: bool) -> None:
    """Say what is in the clip IN, or in standard input for -: animations, rig, units, axes, rate,
    and which joint is taken for what, and how surely.
    """
    from kinestyle.formats.table import read_as
    from kinestyle.inspection.report import inspect_clip

    with as_files(clip, Path(), None) as (source, _), at_work("reading"):
        found = inspect_clip(read_as(source, reading), rig)
    click.echo(json.dumps(found.as_dict(), indent=2) if as_json else found.as_text())


class Size(click.ParamType[tuple[int, int]]):
    """WIDTHxHEIGHT in pixels."""

    name = "WxH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"\s*(\d{1,6})\s*[xX×*,]\s*(\d{1,6})\s*", value)
        if found is None:
            self.fail(f"{value!r} is no size in pixels, expected the like of 640x480", param, ctx)
        return int(found[1]), int(found[2])


_SHEET_OPTIONS = {"columns", "width"}
_FILM_OPTIONS = {"columns", "size", "fps", "start", "seconds", "stop", "camera", "overlay", "loop"}


@click.command()
@click.argument("clips", type=MOTION, metavar="IN [MORE ...]", nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    type=MOTION,
    required=True,
    help="A .png contact sheet, a film (.mp4, .webp, .gif), or a page that plays (.html).",
)
@click.option(
    "--labels",
    help='Names instead of those of the files, with commas between; "none" for no words at all.',
)
@click.option(
    "--columns",
    type=click.IntRange(1, 64),
    help="Poses in a row of a sheet (8), clips in a row of a film.",
)
@click.option("--width", type=click.IntRange(200, 8000), help="Of a sheet, in pixels (1600).")
@click.option("--size", type=Size(), help="Of a film, in pixels (640x480 for one clip).")
@click.option("--fps", type=float, help="Pictures a second (30).")
@click.option("--from", "start", type=float, help="Second to start a film at (0).")
@click.option("--to", "stop", type=float, help="Second to end it at (the end of the longest clip).")
@click.option("--seconds", type=float, help="How much to show, instead of --to.")
@click.option(
    "--camera",
    type=click.Choice(["follow", "fixed"]),
    help="Go along with the body (follow), or stand still.",
)
@click.option("--overlay", is_flag=True, help="All clips in one place instead of side by side.")
@rig_option(whose="of every clip")
@reading_options("of every clip", fps="--clip-fps")
@click.option(
    "--loop",
    is_flag=True,
    help="Show the part of a film that flows best from its end into its beginning.",
)
@no_clobber_option
@click.pass_context
def render(
    ctx: click.Context,
    /,
    clips: tuple[Path, ...],
    out: Path,
    labels: str | None,
    rig: Rig | None,
    reading: Reading,
    **options: Any,
) -> None:
    """Draw clips to compare by eye: a contact sheet with a row of poses for each, a film or a page
    with them side by side.
    """
    from kinestyle.formats.table import read_as
    from kinestyle.picture.figure import figure_of

    suffix = out.suffix.lower()
    kind, own_options = _kind_of(out)
    strange = {name for name, value in options.items() if value not in (None, False)} - own_options
    if strange:
        word = " and ".join(
            sorted(
                parameter.opts[0] for parameter in ctx.command.params if parameter.name in strange
            )
        )
        raise click.UsageError(f"{word} mean nothing for {kind}, {suffix}.")
    keep_input(out, *clips)
    names = _names(clips, labels)
    with at_work("reading"):
        figures = [
            figure_of(read_as(clip, reading), name, rig)
            for clip, name in zip(clips, names, strict=True)
        ]
    say_warnings(tuple(figure.note for figure in figures if figure.note))
    with at_work("drawing"):
        _draw(figures, out, labels=any(names), **options)
    say_written(out)


def _draw(figures: list[Figure], out: Path, *, labels: bool, **options: Any) -> None:
    """Write what the suffix asks for."""
    suffix = out.suffix.lower()
    if suffix == ".png":
        from kinestyle.picture.sheet import draw, write_sheet

        write_sheet(
            draw(figures, columns=options["columns"] or 8, width=options["width"] or 1600), out
        )
    elif suffix == ".html":
        from kinestyle.picture.notebook import write_page

        write_page(figures, out)
    else:
        from kinestyle.picture.film import plan_film
        from kinestyle.picture.video import write_film

        write_film(plan_film(figures, _shot(labels=labels, **options)), out)


def _shot(*, labels: bool, seconds: float | None, **options: Any) -> Shot:
    """How a film is to be taken. seconds: how long; labels: whether names are shown"""
    from kinestyle.picture.film import Shot

    start, stop = options["start"] or 0.0, options["stop"]
    if seconds is not None:
        if stop is not None:
            raise click.UsageError(
                "--seconds and --to both say where the film ends; give one of them."
            )
        stop = start + seconds
    return Shot(
        size_px=options["size"],
        frame_rate=30.0 if options["fps"] is None else options["fps"],
        start_seconds=start,
        stop_seconds=stop,
        camera=options["camera"] or "follow",
        overlay=options["overlay"],
        columns=options["columns"],
        labels=labels,
        loop=options["loop"],
    )


def _kind_of(out: Path) -> tuple[str, set[str]]:
    """What kind of picture the file's suffix asks for, and the options that this kind has."""
    suffix = out.suffix.lower()
    if suffix == ".png":
        return "a contact sheet", _SHEET_OPTIONS
    if suffix == ".html":
        return "a page", set()  # needs no extra, so that nothing of films is imported
    from kinestyle.picture.video import CONTAINERS

    if suffix in CONTAINERS:
        return "a film", _FILM_OPTIONS
    raise MotionFileError(
        f"{out} has the suffix {out.suffix!r}, expected .png for a contact sheet, "
        f"{', '.join(CONTAINERS)} for a film, or .html for a page that plays"
    )


def _names(clips: tuple[Path, ...], labels: str | None) -> list[str]:
    """What each clip is called in the picture; empty words where there are to be none."""
    if labels is None:
        return [Path(name_of(clip)).stem for clip in clips]
    names = [name.strip() for name in labels.split(",")]
    if labels.strip().lower() == "none":
        return [""] * len(clips)
    if len(names) != len(clips):
        raise ClipError(
            f"--labels has {len(names)} names for {len(clips)} clips, expected one for each, with "
            f"commas between"
        )
    return names
