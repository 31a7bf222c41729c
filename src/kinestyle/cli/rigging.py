"""`retarget`, `map` and `convert`: motion from one rig to another, which joint is which, and from
one file format to another.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kinestyle.cli.options import (
    MOTION,
    NO_CLOBBER,
    at_work,
    format_option,
    keep_existing,
    keep_input,
    no_clobber_option,
    progress_bar,
    reading_options,
    rig_option,
    say_warnings,
    say_written,
    settings_options,
)
from kinestyle.cli.streams import as_files, is_stream
from kinestyle.errors import MotionFileError, one_line, sentence_of
from kinestyle.formats.reading import ALL
from kinestyle.runtime.settings import EDITS, Settings

if TYPE_CHECKING:
    from kinestyle.formats.reading import Reading
    from kinestyle.motion.window import Motion
    from kinestyle.rig.rig_file import Rig

_ABOUT = (
    "Which joint of the rig plays which role. Correct the names under joints, null where the rig "
    "has none; up, unit and "
    "metres_per_unit may be null to find them out; the rest is for you to read. Use it with "
    "--rig, for every file on this rig."
)


@click.command()
@click.argument("clip", type=MOTION, metavar="IN")
@click.option(
    "--to",
    "target",
    type=MOTION,
    required=True,
    metavar="RIG",
    help="A motion file of the other rig; it may hold one pose.",
)
@click.option("-o", "--out", type=MOTION, required=True, help="Where the result goes.")
@rig_option()
@rig_option("--to-rig", "of RIG")
@reading_options(several=True)
@reading_options("of RIG", prefix="to")
@click.option("--no-clobber", is_flag=True, help=NO_CLOBBER)
def retarget(
    clip: Path,
    target: Path,
    out: Path,
    rig: Rig | None,
    to_rig: Rig | None,
    reading: Reading,
    to_reading: Reading,
    no_clobber: bool,
) -> None:
    """Put the motion of the clip IN on the skeleton of another file, feet planted where they were,
    travel scaled to its legs.
    """
    from kinestyle.formats.every_animation import read_all, with_animation
    from kinestyle.formats.table import read_as, write_motion, writer_of
    from kinestyle.retarget.correspondence import correspond
    from kinestyle.retarget.transfer import transfer
    from kinestyle.rig.mapping import map_joints

    writer_of(out)
    keep_input(out, clip, target)
    with at_work("reading"):
        sources = read_all(clip, reading)
        wanted = read_as(target, to_reading)
        of_wanted = correspond(wanted, map_joints(wanted, to_rig))
    for name, source in sources:
        place = with_animation(out, name)
        keep_input(place, clip, target)
        if no_clobber:
            keep_existing(place)
        with at_work("retargeting"):
            of_source = correspond(source, map_joints(source, rig))
            result = transfer(source, wanted, of_source, of_wanted)
        say_warnings(result.warnings)
        with at_work("writing"):
            notes = write_motion(result, place)
        say_warnings(notes)
        say_written(place)


@click.command("map")
@click.argument("clip", type=MOTION, metavar="IN")
@click.option(
    "-o",
    "--out",
    type=MOTION,
    required=True,
    help="The rig, a .json file to edit and to give to --rig.",
)
@click.option(
    "--blank",
    is_flag=True,
    help="Look for nothing: an empty form with the names of all joints, to fill in.",
)
@rig_option()
@reading_options()
@no_clobber_option
def map_rig(clip: Path, out: Path, blank: bool, rig: Rig | None, reading: Reading) -> None:
    """Write down which joint of the clip IN is taken for what, to correct it by hand and to use it
    for every file on its rig.
    """
    from kinestyle.formats.table import read_as
    from kinestyle.rig.mapping import map_joints, rig_of
    from kinestyle.rig.rig_file import Rig, write_rig
    from kinestyle.storage import name_of

    if out.suffix.lower() != ".json":
        raise MotionFileError(f"{out} has the suffix {out.suffix!r}, expected .json for a rig")
    keep_input(out, clip)
    with at_work("reading"):
        source = read_as(clip, reading)
    if blank:
        if rig is not None:
            raise click.UsageError(
                "--blank and --rig both say what to start from; give one of them."
            )
        form = {
            "about": _ABOUT,
            "made_from": name_of(clip),
            "unit": None,
            "without_a_role": list(source.skeleton.names),
        }
        write_rig(Rig(out.name, {}), out, form)
    else:
        with at_work("looking for the body"):
            mapping = map_joints(source, rig)
        say_warnings(mapping.warnings)
        comments = {
            "about": _ABOUT,
            "made_from": name_of(clip),
            "family": mapping.family,
            "unit": mapping.unit,
            "confidence": mapping.confidence,
            "without_a_role": list(mapping.unmapped),
            "notes": list(mapping.warnings),
        }
        write_rig(rig_of(source, mapping), out, comments)
    say_written(out)


@click.command()
@click.argument("source", type=MOTION, metavar="IN")
@click.argument("target", type=MOTION, metavar="OUT")
@format_option("all files of a folder IN, or of - for OUT (--to .glb does the same)")
@click.option("--no-clobber", is_flag=True, help=NO_CLOBBER)
@settings_options(only=(*EDITS, "cycle", "feet"))
@rig_option()
@reading_options("of every file", several=True)
def convert(
    source: Path,
    target: Path,
    suffix: str | None,
    no_clobber: bool,
    rig: Rig | None,
    reading: Reading,
    **settings: Any,
) -> None:
    """Write the motion file IN, or every one in the folder IN, in another format: that of OUT's
    suffix, or --format. For IN and OUT - is standard input and output.

    Unless a part of it, a cycle, another place or rate is asked for, the motion stays as it is, and
    so does the rig.
    """
    from kinestyle.formats.table import writer_of

    if suffix is None and _is_format(settings["stop"]):
        suffix, settings["stop"] = f".{settings['stop'].removeprefix('.')}", None
    wanted = Settings(rig=rig, **settings)
    if not source.is_dir():
        if suffix is not None and not is_stream(target):
            raise click.UsageError(
                "--format is for folders and -; a single file gets the format of OUT's suffix."
            )
        if is_stream(target) and reading.animation == ALL:
            raise click.UsageError("standard output takes one result; name a file.")
        with as_files(source, target, suffix) as (given, place):
            writer_of(place)
            for written in _convert(given, place, wanted, reading, no_clobber):
                if not is_stream(target):
                    say_written(written)
        return
    if suffix is None:
        raise click.UsageError(
            "IN is a folder; say with --format which format its files get, such as --format .glb."
        )
    writer_of(Path("any").with_suffix(suffix))
    jobs = list(_jobs(source, target, suffix))
    if not jobs:
        raise MotionFileError(f"there is no motion file in {source}")
    failed = 0
    with click.progressbar(
        jobs, label="converting", file=sys.stderr, hidden=len(jobs) < 3
    ) as progress:
        for given, place in progress:
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                for written in _convert(given, place, wanted, reading, no_clobber):
                    say_written(written)
            except Exception as error:
                sentence = sentence_of(error)
                if sentence is None:
                    raise
                failed += 1
                click.echo(f"kinestyle: {one_line(str(given))}: {sentence}", err=True)
    if failed:
        raise MotionFileError(
            f"{failed} of {len(jobs)} files could not be converted; the others are in {target}"
        )


def _jobs(source: Path, target: Path, suffix: str) -> Iterator[tuple[Path, Path]]:
    """Every motion file below a folder, and where it goes. Two that would go to one place keep
    their own suffix in the name.
    """
    from kinestyle.formats.table import FORMATS

    files = sorted(
        path for path in source.rglob("*") if path.is_file() and path.suffix.lower() in FORMATS
    )
    places = [target / path.relative_to(source).with_suffix(suffix) for path in files]
    for path, place in zip(files, places, strict=True):
        alone = places.count(place) == 1
        yield path, place if alone else place.with_name(f"{path.name}{suffix}")


def _is_format(word: str | None) -> bool:
    """Whether what follows --to is a format and no time."""
    from kinestyle.formats.table import FORMATS

    return word is not None and f".{word.lower().removeprefix('.')}" in FORMATS


def _convert(
    source: Path, target: Path, wanted: Settings, reading: Reading, no_clobber: bool
) -> Iterator[Path]:
    """Write a file in another format, or one for each animation; yields where."""
    from kinestyle.formats.every_animation import open_all, with_animation
    from kinestyle.formats.table import write_motion
    from kinestyle.rig.mapping import stated_world
    from kinestyle.rig.rig_file import Rig

    keep_input(target, source)
    with at_work("reading"):
        opened = open_all(source, reading)
    for name, motion in opened:
        place = with_animation(target, name)
        keep_input(place, source)
        if no_clobber:
            keep_existing(place)
        say_warnings(motion.warnings)
        if isinstance(wanted.rig, Rig):
            wanted.rig.joints_in(motion.skeleton, motion.name)
            known: Any = motion
            motion = replace(known, world=stated_world(motion, wanted.rig))
        with at_work("editing"):
            edited = _edited(motion, wanted)
        say_warnings(edited.warnings[len(motion.warnings) :])
        with progress_bar("writing") as progress:
            notes = write_motion(edited, place, progress)
        say_warnings(notes)
        yield place


def _edited(motion: Motion, wanted: Settings) -> Motion:
    """The part, cycle, place and rate that are asked for."""
    if all(getattr(wanted, name) == getattr(Settings(), name) for name in EDITS):
        return motion
    from kinestyle.runtime.edits import edit

    return edit(motion, wanted)
