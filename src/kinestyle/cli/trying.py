"""`demo`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from kinestyle.cli.options import MOTION, at_work, keep_existing, say_written
from kinestyle.errors import MotionFileError
from kinestyle.storage import read_bytes, replace_bytes

EXAMPLE = "walk.bvh"
_STYLES = ("old", "proud")
_LIMIT_BYTES = 2**24


@click.command()
@click.option(
    "-o",
    "--out",
    "folder",
    type=MOTION,
    default=Path(),
    show_default="this folder",
    help="Where the files go.",
)
def demo(folder: Path) -> None:
    """Write an example clip, walk.bvh, restyle it twice, and make a page that plays all three."""
    from kinestyle.formats.table import read_motion, write_motion
    from kinestyle.picture.figure import figure_of
    from kinestyle.picture.notebook import write_page
    from kinestyle.runtime.stylizer import Stylizer

    with resources.as_file(resources.files("kinestyle") / "examples" / EXAMPLE) as shipped:
        example = read_bytes(shipped, _LIMIT_BYTES)
    walk = folder / EXAMPLE
    places = {style: folder / f"walk_{style}.bvh" for style in _STYLES}
    page = folder / "walk.html"
    _make_room(walk, example, [*places.values(), page])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MotionFileError(f"{folder} cannot be made: {error.strerror or error}") from None
    replace_bytes(walk, example)
    say_written(walk)
    clip = read_motion(walk)
    figures = [figure_of(clip, "walk", None)]
    with at_work("restyling"):
        for one in Stylizer.load().stylize_many([clip], _STYLES):
            assert one.result is not None, f"the example is restyled: {one.error}"
            place = places[one.style]
            write_motion(one.result, place)
            say_written(place)
            figures.append(figure_of(read_motion(place), one.style, None))
    write_page(figures, page)
    say_written(page)
    click.echo(
        f"\nOpen {page} in a web browser to see them. Then, on this clip or one of yours:\n\n"
        f"  kinestyle stylize {walk} --style tired -o {folder / 'walk_tired.bvh'}\n"
        f"  kinestyle styles\n"
        f"  kinestyle studio",
        err=True,
    )


def _make_room(walk: Path, example: bytes, others: list[Path]) -> None:
    """Raises MotionFileError where a file of the user's would be replaced: another walk.bvh than
    this one, or a result beside no example.
    """
    if walk.is_file() and read_bytes(walk, _LIMIT_BYTES) == example:
        return  # what the same command made before
    for place in (walk, *others):
        keep_existing(place, "name another folder with -o")
