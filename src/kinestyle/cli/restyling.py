"""`stylize` and `styles`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kinestyle.cli.options import MOTION, bundle_option, keep_input, rig_option, say_warnings
from kinestyle.errors import StyleError
from kinestyle.runtime.beyond import BEYOND, Beyond
from kinestyle.runtime.root import ROOTS, Root

if TYPE_CHECKING:
    from kinestyle.rig.rig_file import Rig


@click.command()
@click.argument("clip", type=MOTION, metavar="IN")
@click.option(
    "--style", "names", multiple=True, help="A style that the bundle knows; see `kinestyle styles`."
)
@click.option(
    "--like",
    "likes",
    type=MOTION,
    multiple=True,
    metavar="REF",
    help="A clip, on any rig, whose manner is taken.",
)
@click.option(
    "--mix",
    metavar="W1,W2,...",
    help="The share of each --style, then of each --like, such as 0.7,0.3.",
)
@click.option(
    "--random",
    "at_random",
    is_flag=True,
    help="No cue: draws from all manners known, those of `unsupervised`.",
)
@click.option("-o", "--out", type=MOTION, required=True, help="Where the result goes.")
@click.option(
    "--strength",
    default=1.0,
    show_default=True,
    help="0 changes nothing, 1 is the style, more exaggerates.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Which take: 0 is the middle of a style, all other numbers draws.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 1000),
    help="Write this many takes (seed, seed + 1, ...), as OUT_1, OUT_2, ...",
)
@click.option(
    "--root",
    type=click.Choice(ROOTS),
    default=ROOTS[0],
    show_default=True,
    metavar="MODE",
    help="How it travels: planted (as planted feet carry it), predicted (as the networks say), "
    "copied (at the input's velocity) "
    "or keep (on the input's very path).",
)
@click.option(
    "--beyond",
    type=click.Choice(BEYOND),
    default=BEYOND[0],
    show_default=True,
    help="Where the clip is unlike all that was learned: fade the style out, or ignore that.",
)
@rig_option()
@rig_option("--like-rig", "of every REF")
@bundle_option
def stylize(
    clip: Path,
    names: tuple[str, ...],
    likes: tuple[Path, ...],
    mix: str | None,
    at_random: bool,
    out: Path,
    strength: float,
    seed: int,
    samples: int | None,
    root: Root,
    beyond: Beyond,
    rig: Rig | None,
    like_rig: Rig | None,
    bundle: Path | None,
) -> None:
    """Give the clip IN another manner, on its own rig.

    The manner is that of a style (--style old), of a clip (--like REF.bvh), or drawn (--random).
    Several of --style and --like are mixed in equal shares, or in those of --mix. With --random
    every seed is a draw; a --bundle that has named styles draws one of them, and then from it.
    """
    from kinestyle.bundle import UNSUPERVISED
    from kinestyle.formats.table import read_motion, write_motion, writer_of

    if not (names or likes or at_random):
        cues = (
            "a style (--style old), a reference clip (--like REF.bvh) or no cue at all (--random)"
        )
        raise StyleError(f"neither --style nor --like nor --random given; name {cues}")
    if at_random and (names or likes or mix is not None):
        raise StyleError(
            "--random draws a manner without any cue; leave out --style, --like and --mix, or "
            "--random"
        )
    weights = None if mix is None else _weights(mix)
    writer_of(out)
    targets = (
        [out] if samples is None else [out.with_stem(f"{out.stem}_{i + 1}") for i in range(samples)]
    )
    for target in targets:
        keep_input(target, clip, *likes)
    source = read_motion(clip)
    references = [read_motion(like) for like in likes]

    from kinestyle.runtime.stylizer import Stylizer

    stylizer = Stylizer.load(Path(UNSUPERVISED) if at_random and bundle is None else bundle)
    manners = [*map(stylizer.bundle.style, names)]
    manners += [stylizer.reference_style(reference, rig=like_rig) for reference in references]

    def code(take: int) -> Any:
        return (
            stylizer.random_code(take)
            if at_random
            else stylizer.mix([manner.take(take) for manner in manners], weights)
        )

    code(seed)  # what is wrong with the request is said before the clip is analysed
    analysis = stylizer.analyse(source, rig=rig)
    say_warnings(analysis.clip.warnings)
    say_warnings(analysis.correspondence.mapping.warnings)
    say_warnings(analysis.fit.notes(beyond))
    with click.progressbar(
        targets, label="restyling", file=sys.stderr, hidden=len(targets) < 3
    ) as progress:
        for i, target in enumerate(progress):
            say_warnings(
                write_motion(
                    stylizer.apply(analysis, code(seed + i), strength, root, beyond), target
                )
            )
    for target in targets:
        click.echo(target)


def _weights(text: str) -> list[float]:
    """ "0.7,0.3" -> its numbers. Raises StyleError."""
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        expected = (
            "a number for each --style, then for each --like, with commas between them, "
            "such as 0.7,0.3"
        )
        raise StyleError(f"--mix is {text!r}, expected {expected}") from None


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@bundle_option
def styles(as_json: bool, bundle: Path | None) -> None:
    """List the styles that the bundle knows."""
    from kinestyle.bundle import Bundle

    opened = Bundle.open(bundle)
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
        click.echo(
            f"{opened.path.stem} has no named styles; it takes the manner of a clip (--like) or "
            f"draws one (--random)"
        )
    else:
        click.echo(f"{'--style':<24}{'learned from':>14}")
    for style in sorted(opened.styles, key=lambda s: (s.label, -s.seconds)):
        name = style.label if opened.style(style.label) is style else style.name
        amount = (
            f"{style.seconds / 60:.0f} min" if style.seconds >= 120 else f"{style.seconds:.0f} s"
        )
        click.echo(f"{name:<24}{amount:>14}")
    click.echo(f"\n{opened.path.name}, {opened.manifest.get('licence', 'licence not stated')}")
