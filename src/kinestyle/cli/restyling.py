"""`stylize` and `styles`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kinestyle.cli.many import Many, is_folder, is_many, many_options, stylize_folder
from kinestyle.cli.options import (
    at_work,
    bundle_option,
    format_option,
    keep_existing,
    keep_input,
    like_option,
    own_styles_option,
    progress_bar,
    reading_options,
    rig_option,
    say_warnings,
    say_written,
    settings_options,
    weights_of,
)
from kinestyle.cli.streams import as_files, is_stream
from kinestyle.errors import MotionFileError
from kinestyle.formats.reading import ALL
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kinestyle.bundle import Style
    from kinestyle.formats.reading import Reading
    from kinestyle.rig.rig_file import Rig
    from kinestyle.runtime.analysis import Analysis
    from kinestyle.runtime.stylizer import Stylizer


@click.command()
@click.argument("clips", type=click.Path(), nargs=-1, required=True, metavar="IN...")
@click.option(
    "--style",
    multiple=True,
    metavar="STYLE[@PARTS]",
    help="A style that the bundle knows, see `kinestyle styles`, or a .style file; STYLE@PARTS, as "
    "old@spine,head, is for these parts of the body only.",
)
@like_option
@click.option(
    "--mix",
    metavar="W1,W2,...",
    help="The share of each --style, then of each --like, such as 0.7,0.3; TIME:W1,W2;... over the "
    "clip, as 0:1,0;4:0,1. In a folder OUT too they give one mixed result then.",
)
@click.option(
    "--random",
    is_flag=True,
    help="No cue: draws from all styles known, those of `unsupervised`.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(),
    required=True,
    help="Where the result goes: a file, - for standard output, or a folder, such as OUT/.",
)
@settings_options()
@click.option(
    "--samples",
    type=click.IntRange(1, 1000),
    help="Write this many variations, --seed and those that differ most, as OUT_1, OUT_2, ...; in "
    "a folder seed, seed + 1, ..., each with its seed in its name.",
)
@format_option("the results in a folder, or of standard output; without it, that of each clip")
@many_options
@rig_option("--like-rig", "of every REF")
@reading_options(several=True)
@reading_options("of every REF", prefix="like")
@bundle_option
@own_styles_option
def stylize(
    clips: tuple[str, ...],
    style: tuple[str, ...],
    like: tuple[Path, ...],
    mix: str | None,
    random: bool,
    out: str,
    samples: int | None,
    suffix: str | None,
    many: Many,
    like_rig: Rig | None,
    reading: Reading,
    like_reading: Reading,
    bundle: Path | None,
    own_styles: tuple[Path, ...],
    **settings: Any,
) -> None:
    """Give the clip IN another style, on its own rig.

    The style is a named one (--style old), that of a clip (--like REF.bvh), or drawn (--random).
    With --random every seed is a draw; a --bundle that has named styles draws one of them, and then
    from it.

    Where OUT is a file there is one result: several of --style and --like are mixed, in equal
    shares or in those of --mix. Where OUT is a folder (OUT/), IN may be several files, folders and
    patterns such as 'clips/**/*.bvh', and every clip is made in each --style and each --like;
    with --mix in their mix. The same command goes on where it was cut off. OUT/manifest.jsonl says
    what was made, and what was not and why; then the exit code is 3.
    """
    shares = None if mix is None else weights_of(mix, len(style) + len(like))
    wanted = Settings(**settings)
    if is_folder(clips, out):
        from kinestyle.batch.order import Order, cues_of

        order = Order(
            cues_of(style, like, shares, random, like_rig),
            wanted,
            samples or 1,
            suffix,
            reading,
            like_reading,
            None if bundle is None else str(bundle),
            tuple(map(str, own_styles)),
        )
        stylize_folder(clips, order, out, many)
        return
    clip = _only(clips, out)
    many.refuse_for_one_file()
    if suffix is not None and not is_stream(out):
        raise click.UsageError("--format is for folders and -; a file has the format of its name.")
    cue: Cue[Path] = Cue.of(style, like=like, weights=shares, random=random, like_rig=like_rig)
    variations = [replace(wanted, seed=wanted.seed + i) for i in range(samples or 1)]
    if is_stream(out) and (len(variations) > 1 or reading.animation == ALL):
        raise click.UsageError("standard output takes one result; name a file or a folder.")
    with as_files(clip, Path(out), suffix) as (source, target):
        written = _restyle(
            source,
            cue,
            target,
            variations,
            samples,
            reading,
            like_reading,
            bundle,
            own_styles,
            many,
        )
    for path in () if is_stream(out) else written:
        say_written(path)


def _only(clips: tuple[str, ...], out: str) -> Path:
    """The one clip whose result is one file."""
    if len(clips) > 1:
        raise click.UsageError(
            f"{len(clips)} clips are given for the one file {out}; name a folder, such as OUT/."
        )
    if "://" in clips[0] or "://" in out:
        raise click.UsageError("URLs are for results in a folder; name one, such as -o OUT/.")
    if is_many(clips[0]):
        raise MotionFileError(
            f"{clips[0]} is a folder, expected a motion file for the one file {out}; name a "
            f"folder for the results of many clips, such as {Path(out).with_suffix('')}/"
        )
    return Path(clips[0])


def _restyle(
    clip: Path,
    cue: Cue[Path],
    out: Path,
    variations: Sequence[Settings],
    samples: int | None,
    reading: Reading,
    like_reading: Reading,
    bundle: Path | None,
    own_styles: tuple[Path, ...],
    many: Many,
) -> list[Path]:
    """Write the results of one clip, and return where."""
    from kinestyle.formats.every_animation import open_all
    from kinestyle.formats.table import open_as, writer_of

    writer_of(out)
    keep_input(out, clip, *cue.like)
    with at_work("reading"):
        sources = open_all(clip, reading)
    targets = {name: _targets(out, name, samples) for name, _ in sources}
    every = [target for several in targets.values() for target in several]
    for target in every:
        keep_input(target, clip, *cue.like)
        if many.no_clobber:
            keep_existing(target)
    references = cue.map(lambda reference: open_as(reference, like_reading))

    from kinestyle.batch.result_file import clip_notes, make_result
    from kinestyle.motion.window import part_of_progress
    from kinestyle.runtime.stylizer import Stylizer, bundle_for

    wanted = variations[0]
    stylizer = Stylizer.load(bundle_for(cue, bundle), own_styles)
    with progress_bar("reading the style") as progress:
        known = stylizer.read_references(references, progress)
    # what is wrong with the cue is said before the clip is analysed
    say_warnings(stylizer.style_of(known).notes)
    for name, source in sources:
        with progress_bar("analysing") as progress:
            analysis = stylizer.analyse(
                source, rig=wanted.rig, progress=progress, cycle=wanted.cycle
            )
        say_warnings(clip_notes(analysis, wanted))
        if len(variations) > 1:
            variations = _takes(stylizer, analysis, known, variations)
        notes: list[str] = []
        share = 1.0 / len(variations)
        with progress_bar("restyling") as progress:
            for i, (target, settings) in enumerate(zip(targets[name], variations, strict=True)):
                part = part_of_progress(progress, i * share, (i + 1) * share)
                notes += make_result(stylizer, analysis, known, settings, target, part)[1]
        say_warnings(dict.fromkeys(notes))
    return every


def _takes(
    stylizer: Stylizer,
    analysis: Analysis[Any],
    cue: Cue[Style],
    variations: Sequence[Settings],
) -> list[Settings]:
    """As many variations that differ as far as they can, and a note of which they are."""
    from kinestyle.runtime.takes import choose_takes

    with progress_bar("choosing takes") as progress:
        seeds = choose_takes(stylizer, analysis, cue, len(variations), variations[0], progress)
    listed = ", ".join(map(str, seeds))
    say_warnings([f"the takes have the seeds {listed}; --seed {seeds[-1]} makes the last again"])
    return [replace(variations[0], seed=seed) for seed in seeds]


def _targets(out: Path, name: str, samples: int | None) -> list[Path]:
    """Where the results of one clip go. name: its animation's, "" where it is the only one"""
    from kinestyle.formats.every_animation import with_animation

    out = with_animation(out, name)
    return [out.with_stem(f"{out.stem}_{i + 1}") for i in range(samples or 0)] or [out]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@bundle_option
@own_styles_option
def styles(as_json: bool, bundle: Path | None, own_styles: tuple[Path, ...]) -> None:
    """List the styles that the bundle knows."""
    from kinestyle.bundle import Bundle
    from kinestyle.storage import name_of

    opened = Bundle.open(bundle)
    if own_styles:
        from kinestyle.runtime.style_files import with_own_styles

        opened = with_own_styles(opened, own_styles)
    if as_json:
        rows = [
            {
                "name": s.name,
                "label": s.label,
                "seconds": s.seconds,
                "default": opened.style(s.label) == s,
            }
            for s in opened.styles
        ]
        click.echo(
            json.dumps(
                {"bundle": str(opened.path), "sha256": opened.sha256, "styles": rows}, indent=2
            )
        )
        return
    if not opened.styles:
        stem = Path(name_of(opened.path)).stem
        click.echo(
            f"{stem} has no named styles; it takes the style of a clip (--like) or draws one "
            f"(--random)"
        )
    else:
        click.echo(f"{'--style':<24}{'learned from':>14}")
    for style in sorted(opened.styles, key=lambda s: (s.label, -s.seconds)):
        name = style.label if opened.style(style.label) is style else style.name
        amount = (
            f"{style.seconds / 60:.0f} min" if style.seconds >= 120 else f"{style.seconds:.0f} s"
        )
        click.echo(f"{name:<24}{amount:>14}")
    click.echo(f"\n{name_of(opened.path)}, {opened.manifest.licence or 'licence not stated'}")
