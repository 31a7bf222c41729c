"""`evaluate`."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from kinestyle.cli.options import MOTION, settings_options
from kinestyle.errors import DataError, MotionFileError
from kinestyle.runtime.settings import EDITS, Settings

if TYPE_CHECKING:
    from kinestyle.evaluate.report import Request


@click.command()
@click.argument("bundle", type=MOTION, required=False)
@click.option("--data", type=MOTION, required=True, help="The folder with the unpacked data sets.")
@click.option("--json", "out", type=MOTION, help="Write all figures here as JSON.")
@click.option(
    "--results",
    "page",
    type=MOTION,
    help="Write the page of results here; what follows its mark is kept.",
)
@click.option(
    "--part",
    "parts",
    type=click.Choice(["judges", "p1", "p2", "p3", "p4", "p5", "p6", "parts"]),
    multiple=True,
    help="Only this; may be repeated. What `parts` measures, parts of the body, is run where it is "
    "named.",
)
@click.option(
    "--zero-shot",
    type=MOTION,
    metavar="BUNDLE",
    help="For p3: a bundle that never saw Bandai-Namco set 1.",
)
@click.option(
    "--against",
    type=MOTION,
    metavar="BUNDLE",
    multiple=True,
    help="Only compare with this bundle, on the clips of p1, or with --quick on a sample.",
)
@click.option(
    "--quick", is_flag=True, help="A sample: one clip of every content in every style, one repeat."
)
@click.option(
    "--targets", type=click.IntRange(1), help="Styles that every clip gets in one repeat."
)
@click.option(
    "--repeats",
    type=click.IntRange(1),
    help="How often every clip gets other targets, references and draws.",
)
@settings_options(
    without=("seed", "rig", "keep_original", "t_pose", "parts", "keep", *EDITS, "output")
)
@click.option("--judge", type=MOTION, multiple=True, help="Other judges than those that ship.")
@click.option(
    "--processes", type=click.IntRange(1), help="How many at once; without it, one for each core."
)
@click.pass_context
def evaluate(
    context: click.Context,
    /,
    bundle: Path | None,
    data: Path,
    out: Path | None,
    page: Path | None,
    parts: tuple[str, ...],
    zero_shot: Path | None,
    against: tuple[Path, ...],
    quick: bool,
    targets: int | None,
    repeats: int | None,
    judge: tuple[Path, ...],
    processes: int | None,
    **settings: Any,
) -> None:
    """Restyle test clips with BUNDLE (none: the one that ships), measure and judge the results, and
    print the tables.
    """
    from kinestyle.evaluate import page as pages
    from kinestyle.evaluate.report import FULL, QUICK, Request, benchmark, compare
    from kinestyle.learn.data.bandai import labelled_clips
    from kinestyle.storage import replace_bytes

    for path in (out, page):
        if path is not None and not path.parent.is_dir():
            raise MotionFileError(
                f"{path.name} cannot be written: there is no folder {path.parent}; create it first"
            )
    if against and page is not None:
        raise DataError("a comparison (--against) makes no page of results; leave out --results")
    request = Request(
        data,
        labelled_clips(data),
        bundle,
        zero_shot,
        parts,
        replace(
            QUICK if quick else FULL, targets=targets, repeats=repeats or (1 if quick else None)
        ),
        judge or None,
        Settings(**settings),
        processes=processes or os.cpu_count() or 1,
        progress=lambda line: click.echo(line, err=True),
    )
    result: Any
    if against:
        result = compare(_named((bundle, *against)), request)
    else:
        with TemporaryDirectory(prefix="kinestyle-") as folder:
            result = benchmark(_with_made_styles(request, Path(folder)))
    if out is not None:
        replace_bytes(out, (json.dumps(result, indent=2) + "\n").encode())
    if page is not None:
        pages.write_page(pages.as_page(result, _as_typed(context)), page)
        _draw_figures(result, request, page.parent)
    click.echo(pages.as_comparison(result) if against else "\n".join(pages.as_tables(result)))


def _with_made_styles(request: Request, folder: Path) -> Request:
    """The request with made styles that nobody learns from, in files in a folder, if P6 is run."""
    from kinestyle.evaluate.protocol import one_of_each_cell
    from kinestyle.evaluate.unknown_actions import unknown_clips, unlabelled_files
    from kinestyle.learn.data.made_clips import held_out_set

    if request.parts and "p6" not in request.parts:
        return request
    bases = one_of_each_cell(clip for clip in request.clips if clip.split == "test")
    if next(unlabelled_files(request.data), None) is not None:
        bases += unknown_clips(request.data, len(bases), request.seed)
    request.progress("P6: clips in made styles")
    return replace(request, unseen=[held_out_set(bases, folder, seed=request.seed)])


def _draw_figures(result: Any, request: Any, folder: Path) -> None:
    """The pictures that the page of results shows, beside it."""
    from kinestyle.evaluate import page as pages
    from kinestyle.evaluate.figures import draw_strength_curve, draw_style_space

    if result.get("strength"):  # of P1, which may not have been asked for
        draw_strength_curve(result["strength"], folder / pages.STRENGTH_PICTURE)
        clips = [
            clip for clip in request.clips if clip.split == "test" and clip.set_name == "bandai2"
        ]
        if min(len({clip.style for clip in clips}), len({clip.content for clip in clips})) > 1:
            draw_style_space(
                (request.bundle, Path("unsupervised")), clips, folder / pages.STYLE_SPACE_PICTURE
            )


def _named(bundles: tuple[Path | None, ...]) -> dict[str, Path | None]:
    """Bundles by the names of their files, and by number where that is not enough. None: the one
    that ships.
    """
    names = ["the one that ships" if path is None else path.stem for path in bundles]
    return {
        n if names.count(n) == 1 else f"{n} ({i})": path
        for i, (n, path) in enumerate(zip(names, bundles, strict=True), 1)
    }


def _as_typed(context: click.Context) -> str:
    """The command as it was typed, with files by their names and DATA for the folder of the data:
    others can repeat it.
    """
    words = ["kinestyle", str(context.info_name)]
    for parameter in context.command.params:
        given = context.params[parameter.name or ""]
        if context.get_parameter_source(parameter.name or "") == click.core.ParameterSource.DEFAULT:
            continue
        for value in given if isinstance(given, tuple) else (given,):
            shown = (
                "DATA"
                if parameter.name == "data"
                else value.name
                if isinstance(value, Path)
                else str(value)
            )
            words += (
                [shown]
                if isinstance(parameter, click.Argument)
                else [next(o for o in parameter.opts if o.startswith("--"))]
                + [shown] * (value is not True)
            )
    return " ".join(words)
