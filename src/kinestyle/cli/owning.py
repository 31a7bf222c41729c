"""`learn`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kinestyle.cli.options import (
    MOTION,
    bundle_option,
    keep_input,
    no_clobber_option,
    progress_bar,
    reading_options,
    rig_option,
    say_written,
)
from kinestyle.errors import KinestyleError, StyleError
from kinestyle.extras import needs_extra

if TYPE_CHECKING:
    from collections.abc import Callable

    from kinestyle.formats.reading import Reading
    from kinestyle.learn.refining import Refined
    from kinestyle.motion.window import Motion
    from kinestyle.rig.rig_file import Rig
    from kinestyle.runtime.reference import ReferenceStyle
    from kinestyle.runtime.stylizer import Stylizer


@click.command()
@click.argument("clips", type=MOTION, nargs=-1, required=True, metavar="CLIPS...")
@click.option("--name", help="What the style is called; without it, as OUT is.")
@click.option(
    "-o", "--out", type=MOTION, required=True, help="The .style file that the style goes to."
)
@click.option(
    "--refine",
    is_flag=True,
    help="Learn from the clips for a minute or two, where that helps; needs the train extra.",
)
@rig_option("--rig", "of every clip")
@reading_options("of every clip")
@bundle_option
@no_clobber_option
def learn(
    clips: tuple[Path, ...],
    name: str | None,
    out: Path,
    refine: bool,
    rig: Rig | None,
    reading: Reading,
    bundle: Path | None,
) -> None:
    """Hear a style of your own in CLIPS, files or folders of such, and write it to a .style file.

    Some seconds to two minutes of motion will do, of whatever people do in that style. The file is
    named wherever a style is: --style goblin.style.

    With --refine the networks learn it too. Some of the clips, or their ends, are held out, and
    where they do not come out nearer to what they are, the style stays as it was heard.
    """
    # what is not installed is said before anything is read
    refine_style = _refining() if refine else None
    from kinestyle.runtime.cue import STYLE_FILE
    from kinestyle.runtime.own_styles import hear_style
    from kinestyle.runtime.style_files import own_name, write_style
    from kinestyle.runtime.stylizer import Stylizer
    from kinestyle.runtime.teaching import told

    if out.suffix.lower() != STYLE_FILE:
        raise StyleError(f"{out.name} is no name of a style file; call it {out.stem}{STYLE_FILE}")
    name = own_name(out.stem if name is None else name)
    keep_input(out, *clips)
    stylizer = Stylizer.load(bundle)
    motions, heard = _hear(stylizer, clips, rig, reading)
    style = hear_style(name, heard, stylizer.bundle.manifest.styles)
    lines = told(style, stylizer)
    if refine_style is not None:
        with progress_bar("refining") as progress:
            refined = refine_style(
                stylizer, style.name, motions, rig, progress=progress, heard=heard
            )
        style, lines = refined.style, [*lines, str(refined)]
    write_style(style, stylizer.bundle, out)
    for line in lines:
        click.echo(line)
    say_written(out)


def _refining() -> Callable[..., Refined]:
    """`refine_style`. Raises MissingExtraError where torch is missing."""
    with needs_extra("train", "refining a style"):
        from kinestyle.learn.refining import refine_style
    return refine_style


def _hear(
    stylizer: Stylizer, clips: tuple[Path, ...], rig: Rig | None, reading: Reading
) -> tuple[list[Motion], list[ReferenceStyle]]:
    """Each file that can be read, and its style. Raises StyleError where none can."""
    from kinestyle.formats.table import FORMATS, open_as
    from kinestyle.motion.window import part_of_progress

    files: list[Path] = []
    for place in clips:
        inside = sorted(place.rglob("*")) if place.is_dir() else []
        files += [path for path in inside if path.suffix.lower() in FORMATS]
        files += [] if place.is_dir() else [place]
    motions, heard = [], []
    with progress_bar("listening") as progress:
        for i, path in enumerate(files):
            part = part_of_progress(progress, i / len(files), (i + 1) / len(files))
            try:
                motion = open_as(path, reading)
                heard.append(stylizer.reference_style(motion, None, rig, part, posture=True))
                motions.append(motion)
            except KinestyleError as error:
                if len(files) == 1:
                    raise
                click.echo(f"left out: {error}", err=True)
    if not heard:
        places = ", ".join(map(str, clips))
        raise StyleError(f"no clip in {places} can be read; give motion files, or folders of them")
    return motions, heard
