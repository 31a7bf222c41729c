"""`inspect` and `render`: what a clip is, and what it looks like."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kinestyle.cli.options import MOTION
from kinestyle.errors import MotionFileError


@click.command()
@click.argument("clip", type=MOTION, metavar="IN")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def inspect(clip: Path, as_json: bool) -> None:
    """Say what is in the clip IN: rig, units, axes, rate, and which joint is taken for what, and how surely."""
    from kinestyle.inspection import inspect_clip
    from kinestyle.motion.formats import read_motion

    found = inspect_clip(read_motion(clip))
    click.echo(json.dumps(found.as_dict(), indent=2) if as_json else found.as_text())


@click.command()
@click.argument("clips", type=MOTION, metavar="IN [MORE ...]", nargs=-1, required=True)
@click.option("-o", "--out", type=MOTION, required=True, help="The picture, a .png file.")
@click.option("--columns", type=click.IntRange(1, 64), default=8, show_default=True, help="Poses in a row.")
@click.option("--width", type=click.IntRange(200, 8000), default=1600, show_default=True, help="Pixels.")
def render(clips: tuple[Path, ...], out: Path, columns: int, width: int) -> None:
    """Draw a contact sheet: one row of poses for each clip, to compare by eye."""
    from kinestyle.contact_sheet import draw, row_of, write_sheet
    from kinestyle.motion.formats import read_motion

    if out.suffix.lower() != ".png":
        raise MotionFileError(f"{out} has the suffix {out.suffix!r}, expected .png for a picture")
    rows = [row_of(read_motion(clip), clip.stem) for clip in clips]
    write_sheet(draw(rows, columns=columns, width=width), out)
    click.echo(out)
