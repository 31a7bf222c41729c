"""`stylize` and `styles`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kinestyle.cli.options import (
    MOTION,
    bundle_option,
    keep_input,
    open_all,
    own_styles_option,
    progress_bar,
    reading_options,
    rig_option,
    say_warnings,
    say_written,
    settings_options,
)
from kinestyle.errors import StyleError
from kinestyle.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kinestyle.bundle import Style
    from kinestyle.formats.reading import Reading
    from kinestyle.motion.window import Motion, Progress
    from kinestyle.rig.rig_file import Rig
    from kinestyle.runtime.analysis import Analysis
    from kinestyle.runtime.cue import Cue
    from kinestyle.runtime.stylizer import Stylizer


@click.command()
@click.argument("clip", type=MOTION, metavar="IN")
@click.option(
    "--style",
    multiple=True,
    metavar="STYLE[@PARTS]",
    help="A style that the bundle knows, see `kinestyle styles`, or a .style file; STYLE@PARTS, as "
    "old@spine,head, is for these parts of the body only.",
)
@click.option(
    "--like",
    type=MOTION,
    multiple=True,
    metavar="REF",
    help="A clip, on any rig, whose style is taken.",
)
@click.option(
    "--mix",
    metavar="W1,W2,...",
    help="The share of each --style, then of each --like, such as 0.7,0.3; TIME:W1,W2;... over the "
    "clip, as 0:1,0;4:0,1.",
)
@click.option(
    "--random",
    is_flag=True,
    help="No cue: draws from all styles known, those of `unsupervised`.",
)
@click.option("-o", "--out", type=MOTION, required=True, help="Where the result goes.")
@settings_options()
@click.option(
    "--samples",
    type=click.IntRange(1, 1000),
    help="Write this many variations (seed, seed + 1, ...), as OUT_1, OUT_2, ...",
)
@rig_option("--like-rig", "of every REF")
@reading_options(several=True)
@reading_options("of every REF", prefix="like")
@bundle_option
@own_styles_option
def stylize(
    clip: Path,
    style: tuple[str, ...],
    like: tuple[Path, ...],
    mix: str | None,
    random: bool,
    out: Path,
    samples: int | None,
    like_rig: Rig | None,
    reading: Reading,
    like_reading: Reading,
    bundle: Path | None,
    own_styles: tuple[Path, ...],
    **settings: Any,
) -> None:
    """Give the clip IN another style, on its own rig.

    The style is a named one (--style old), that of a clip (--like REF.bvh), or drawn (--random).
    Several of --style and --like are mixed in equal shares, or in those of --mix. With --random
    every seed is a draw; a --bundle that has named styles draws one of them, and then from it.
    """
    from kinestyle.formats.table import open_as, writer_of
    from kinestyle.runtime.cue import Cue

    weights = None if mix is None else _weights(mix)
    cue: Cue[Path] = Cue.of(style, like=like, weights=weights, random=random, like_rig=like_rig)
    wanted = Settings(**settings)
    variations = [replace(wanted, seed=wanted.seed + i) for i in range(samples or 1)]
    writer_of(out)
    keep_input(out, clip, *like)
    sources = open_all(clip, reading)
    targets = {name: _targets(out, name, samples) for name, _ in sources}
    for target in (target for several in targets.values() for target in several):
        keep_input(target, clip, *like)
    references = cue.map(lambda reference: open_as(reference, like_reading))

    from kinestyle.runtime.stylizer import Stylizer, bundle_for

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
        say_warnings(analysis.clip.warnings)
        say_warnings(analysis.correspondence.mapping.warnings)
        say_warnings(analysis.own_domain.notes(wanted))
        with progress_bar("restyling") as progress:
            wanted_here = dict(zip(targets[name], variations, strict=True))
            notes = _write(stylizer, analysis, known, wanted_here, progress)
        say_warnings(notes)
    for target in (target for several in targets.values() for target in several):
        say_written(target)


def _targets(out: Path, name: str, samples: int | None) -> list[Path]:
    """Where the results of one clip go. name: its animation's, "" where it is the only one"""
    out = out.with_stem(f"{out.stem}_{name}") if name else out
    return [out.with_stem(f"{out.stem}_{i + 1}") for i in range(samples or 0)] or [out]


def _write(
    stylizer: Stylizer,
    analysis: Analysis[Motion],
    cue: Cue[Style],
    variations: Mapping[Path, Settings],
    progress: Progress,
) -> list[str]:
    """Write the analysed clip in each variation of a style to its file. What the user is to know
    of the results, and what the files could not express.
    """
    from kinestyle.formats.table import write_motion
    from kinestyle.motion.window import part_of_progress

    notes: list[str] = []
    share = 1.0 / len(variations)
    for i, (target, settings) in enumerate(variations.items()):
        # of a long clip, about half of the work is done while its result is written
        applied = part_of_progress(progress, i * share, (i + 0.5) * share)
        written = part_of_progress(progress, (i + 0.5) * share, (i + 1) * share)
        code = stylizer.style_of(cue, settings.seed)
        result = stylizer.apply(analysis, code, settings, applied)
        notes += result.warnings[len(analysis.clip.warnings) :]
        notes += write_motion(_called(result, target, settings), target, written)
    return list(dict.fromkeys(notes))


def _called(result: Motion, target: Path, settings: Settings) -> Motion:
    """The result, called as its file where it is to be a further animation of that."""
    from kinestyle.motion.clip import Clip

    if settings.keep_original and isinstance(result, Clip) and result.animation:
        return replace(result, animation=target.stem)
    return result


def _weights(text: str) -> tuple[float, ...] | str:
    """ "0.7,0.3" -> its numbers; keys over time as they are. Raises StyleError."""
    if ":" in text:
        return text
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        expected = (
            "a number for each --style, then for each --like, with commas between them, "
            "such as 0.7,0.3"
        )
        raise StyleError(f"--mix is {text!r}, expected {expected}") from None


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
