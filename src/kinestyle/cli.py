"""The command line. It only translates: options into calls, results into files and sentences, exceptions into exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kinestyle import __version__
from kinestyle.errors import DataError, KinestyleError, MotionFileError, StyleError
from kinestyle.runtime.root import ROOTS, Root

MOTION = click.Path(path_type=Path)


class Failure(click.ClickException):
    """A user's error: one sentence on stderr, exit code 1."""

    def show(self, file: Any = None) -> None:
        click.echo(f"kinestyle: {self.message}", err=True)


class Commands(click.Group):
    """Turns every KinestyleError of a command into its sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KinestyleError as error:
            raise Failure(str(error)) from error
        except KeyboardInterrupt:
            raise Failure("stopped; nothing half-written is left") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="kinestyle")
def main() -> None:
    """Restyle captured human motion: a clip in, the same rig out, in another manner."""


def _bundle_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--bundle", type=MOTION, help="A .kinestyle file, or the name of one that ships: bandai (the default) or unsupervised."
    )(command)


@main.command()
@click.argument("clip", type=MOTION, metavar="IN")
@click.option("--style", "names", multiple=True, help="A style that the bundle knows; see `kinestyle styles`.")
@click.option("--like", "likes", type=MOTION, multiple=True, metavar="REF", help="A clip, on any rig, whose manner is taken.")
@click.option("--mix", metavar="W1,W2,...", help="The share of each --style, then of each --like, such as 0.7,0.3.")
@click.option("--random", "at_random", is_flag=True, help="No cue: draws from all manners known, those of `unsupervised`.")
@click.option("-o", "--out", type=MOTION, required=True, help="Where the result goes.")
@click.option("--strength", default=1.0, show_default=True, help="0 changes nothing, 1 is the style, more exaggerates.")
@click.option("--seed", default=0, show_default=True, help="Which take: 0 is the middle of a style, all other numbers draws.")
@click.option("--samples", type=click.IntRange(1, 1000), help="Write this many takes (seed, seed + 1, ...), as OUT_1, OUT_2, ...")
@click.option(
    "--root",
    type=click.Choice(ROOTS),
    default=ROOTS[0],
    show_default=True,
    metavar="MODE",
    help="How it travels: planted (as planted feet carry it), predicted (as the networks say), copied (at the input's velocity) "
    "or keep (on the input's very path).",
)
@_bundle_option
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
    bundle: Path | None,
) -> None:
    """Give the clip IN another manner, on its own rig.

    The manner is that of a style (--style old), of a clip (--like REF.bvh), or drawn (--random). Several of --style and --like
    are mixed in equal shares, or in those of --mix. With --random every seed is a draw; a --bundle that has named styles draws
    one of them, and then from it.
    """
    from kinestyle.bundle import UNSUPERVISED
    from kinestyle.motion.formats import read_motion, write_motion, writer_of

    if not (names or likes or at_random):
        cues = "a style (--style old), a reference clip (--like REF.bvh) or no cue at all (--random)"
        raise StyleError(f"neither --style nor --like nor --random given; name {cues}")
    if at_random and (names or likes or mix is not None):
        raise StyleError("--random draws a manner without any cue; leave out --style, --like and --mix, or --random")
    weights = None if mix is None else _weights(mix)
    writer_of(out)
    targets = [out] if samples is None else [out.with_stem(f"{out.stem}_{i + 1}") for i in range(samples)]
    for target in targets:
        _keep_input(target, clip, *likes)
    source = read_motion(clip)
    references = [read_motion(like) for like in likes]

    from kinestyle.runtime.stylizer import Stylizer

    stylizer = Stylizer.load(Path(UNSUPERVISED) if at_random and bundle is None else bundle)
    manners = [*map(stylizer.bundle.style, names), *map(stylizer.reference_style, references)]

    def code(take: int) -> Any:
        return stylizer.random_code(take) if at_random else stylizer.mix([manner.take(take) for manner in manners], weights)

    code(seed)  # what is wrong with the request is said before the clip is analysed
    analysis = stylizer.analyse(source)
    _say_warnings(analysis.clip.warnings)
    _say_warnings(analysis.correspondence.mapping.warnings)
    _say_warnings(stylizer.fit(analysis).warnings)
    with click.progressbar(targets, label="restyling", file=sys.stderr, hidden=len(targets) < 3) as progress:
        for i, target in enumerate(progress):
            _say_warnings(write_motion(stylizer.apply(analysis, code(seed + i), strength, root), target))
    for target in targets:
        click.echo(target)


def _weights(text: str) -> list[float]:
    """ "0.7,0.3" -> its numbers. Raises StyleError."""
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        expected = "a number for each --style, then for each --like, with commas between them, such as 0.7,0.3"
        raise StyleError(f"--mix is {text!r}, expected {expected}") from None


def _keep_input(target: Path, *inputs: Path) -> None:
    """Raises MotionFileError where writing would overwrite what was given."""
    if target.exists() and any(given.exists() and target.samefile(given) for given in inputs):
        raise MotionFileError(f"{target} is also an input; name another file for the result, so that nothing is lost")


def _say_warnings(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        click.echo(f"kinestyle: note: {warning}", err=True)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_bundle_option
def styles(as_json: bool, bundle: Path | None) -> None:
    """List the styles that the bundle knows."""
    from kinestyle.bundle import Bundle

    opened = Bundle.open(bundle)
    if as_json:
        rows = [
            {"name": s.name, "label": s.label, "seconds": s.seconds, "default": opened.style(s.label) == s} for s in opened.styles
        ]
        click.echo(json.dumps({"bundle": str(opened.path), "sha256": opened.sha256, "styles": rows}, indent=2))
        return
    if not opened.styles:
        click.echo(f"{opened.path.stem} has no named styles; it takes the manner of a clip (--like) or draws one (--random)")
    else:
        click.echo(f"{'--style':<24}{'learned from':>14}")
    for style in sorted(opened.styles, key=lambda s: (s.label, -s.seconds)):
        name = style.label if opened.style(style.label) is style else style.name
        amount = f"{style.seconds / 60:.0f} min" if style.seconds >= 120 else f"{style.seconds:.0f} s"
        click.echo(f"{name:<24}{amount:>14}")
    click.echo(f"\n{opened.path.name}, {opened.manifest.get('licence', 'licence not stated')}")


@main.command()
@click.argument("clip", type=MOTION, metavar="IN")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def inspect(clip: Path, as_json: bool) -> None:
    """Say what is in the clip IN: rig, units, axes, rate, and which joint is taken for what, and how surely."""
    from kinestyle.inspection import inspect_clip
    from kinestyle.motion.formats import read_motion

    found = inspect_clip(read_motion(clip))
    click.echo(json.dumps(found.as_dict(), indent=2) if as_json else found.as_text())


@main.command()
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


@main.command()
@click.argument("bundle", type=MOTION, required=False)
@click.option("--data", type=MOTION, required=True, help="The folder with the unpacked data sets.")
@click.option("--json", "out", type=MOTION, help="Write all figures here as JSON.")
@click.option("--results", "page", type=MOTION, help="Write the page of results here; what follows its mark is kept.")
@click.option("--part", "parts", type=click.Choice(["p1", "p2", "p3", "p4"]), multiple=True, help="Only this; may be repeated.")
@click.option("--zero-shot", type=MOTION, metavar="BUNDLE", help="For p3: a bundle that never saw Bandai-Namco set 1.")
@click.option("--against", type=MOTION, metavar="BUNDLE", multiple=True, help="Only compare with this bundle, on a sample of p1.")
@click.option("--quick", is_flag=True, help="A sample: one clip of every content in every style, one repeat.")
@click.option("--targets", type=click.IntRange(1), help="Styles that every clip is given in one repeat.")
@click.option("--repeats", type=click.IntRange(1), help="How often targets, references and draws are taken anew.")
@click.option("--strength", default=1.0, show_default=True)
@click.option("--judge", type=MOTION, multiple=True, help="Other judges than those that ship.")
@click.option("--processes", type=click.IntRange(1), help="How many at once; without it, one for each core.")
@click.pass_context
def evaluate(
    context: click.Context,
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
    strength: float,
    judge: tuple[Path, ...],
    processes: int | None,
) -> None:
    """Restyle test clips with BUNDLE (none: the one that ships), measure and judge what comes out, and print the tables."""
    from kinestyle.evaluate import page as pages
    from kinestyle.evaluate.report import FULL, QUICK, Request, benchmark, compare
    from kinestyle.learn.splits import labelled_clips
    from kinestyle.storage import replace_bytes

    for path in (out, page):
        if path is not None and not path.parent.is_dir():
            raise MotionFileError(f"{path.name} cannot be written: there is no folder {path.parent}; create it first")
    if against and page is not None:
        raise DataError("a comparison (--against) makes no page of results; leave out --results")
    request = Request(
        data,
        labelled_clips(data),
        bundle,
        zero_shot,
        parts,
        replace(QUICK if quick else FULL, targets=targets, repeats=repeats or (1 if quick else None)),
        judge or None,
        strength,
        processes=processes or os.cpu_count() or 1,
        progress=lambda line: click.echo(line, err=True),
    )
    result: Any = compare(_named((bundle, *against)), request) if against else benchmark(request)
    if out is not None:
        replace_bytes(out, (json.dumps(result, indent=2) + "\n").encode())
    if page is not None:
        pages.write_page(pages.as_page(result, _as_typed(context)), page)
        _draw_figures(result, request, page.parent)
    click.echo(pages.as_comparison(result) if against else "\n".join(pages.as_tables(result)))


def _draw_figures(result: Any, request: Any, folder: Path) -> None:
    """The pictures that the page of results shows, beside it."""
    from kinestyle.evaluate import page as pages

    try:
        from kinestyle.evaluate.figures import draw_strength_curve, draw_style_space
    except ModuleNotFoundError as error:
        raise DataError(f"the page is written; its pictures need {error.name}: install the `train` extra") from None
    if result["strength"]:
        draw_strength_curve(result["strength"], folder / pages.STRENGTH_PICTURE)
        clips = [clip for clip in request.clips if clip.split == "test" and clip.set_name == "bandai2"]
        if min(len({clip.style for clip in clips}), len({clip.content for clip in clips})) > 1:
            draw_style_space((request.bundle, Path("unsupervised")), clips, folder / pages.STYLE_SPACE_PICTURE)


def _named(bundles: tuple[Path | None, ...]) -> dict[str, Path | None]:
    """Bundles by what their files are called, and by number where that is not enough. None: the one that ships."""
    names = ["the one that ships" if path is None else path.stem for path in bundles]
    return {n if names.count(n) == 1 else f"{n} ({i})": path for i, (n, path) in enumerate(zip(names, bundles, strict=True), 1)}


def _as_typed(context: click.Context) -> str:
    """The command as it was given, with files by their names and DATA for the folder of the data: so others can give it too."""
    words = ["kinestyle", str(context.info_name)]
    for parameter in context.command.params:
        given = context.params[parameter.name or ""]
        if context.get_parameter_source(parameter.name or "") == click.core.ParameterSource.DEFAULT:
            continue
        for value in given if isinstance(given, tuple) else (given,):
            shown = "DATA" if parameter.name == "data" else value.name if isinstance(value, Path) else str(value)
            words += [shown] if isinstance(parameter, click.Argument) else [parameter.opts[-1]] + [shown] * (value is not True)
    return " ".join(words)


@main.command()
@click.option("--data", type=MOTION, required=True, help="A folder of motion files, or the unpacked Bandai-Namco sets.")
@click.option("--run", "folder", type=MOTION, required=True, help="Where the run is kept; the same command continues it.")
@click.option("--preset", default="released", show_default=True, help="What is trained; `--preset list` names all.")
@click.option("--from", "shared", type=MOTION, metavar="RUN", help="Another run: its stages made the same way are taken.")
@click.option("--stage", help="Only this stage (and what it needs); without it, all.")
@click.option("--steps", type=click.IntRange(1), help="This many steps in every stage, to see that everything runs.")
@click.option("--dry-run", is_flag=True, help="Read the clips and say what was understood; train nothing.")
@click.option(
    "--labels",
    metavar="WHERE",
    help="Where styles come from: folders, names, none, a pattern like '{style}_{content}_{id}', or a CSV file.",
)
@click.option("--name", help="The bundle's name.")
@click.option("--licence", help="Under which terms the bundle of own clips may be used.")
def train(
    data: Path,
    folder: Path,
    preset: str,
    shared: Path | None,
    stage: str | None,
    steps: int | None,
    dry_run: bool,
    labels: str | None,
    name: str | None,
    licence: str | None,
) -> None:
    """Train every stage on motion files and write the bundle. Needs the `train` extra."""
    try:
        from kinestyle.learn.own_clips import OwnClips
        from kinestyle.learn.pipeline import Run, shortened
        from kinestyle.learn.presets import PRESETS
        from kinestyle.learn.processes import joined
    except ModuleNotFoundError as error:
        raise DataError(
            f"training needs {error.name}, which is not installed; install Kinestyle with its `train` extra"
        ) from None
    if preset not in PRESETS:
        known = "\n".join(f"  {name:<26}{known.about}" for name, known in PRESETS.items())
        if preset == "list":
            click.echo(known)
            return
        raise DataError(f"no preset is called {preset!r}; the presets are\n{known}")
    recipe = PRESETS[preset].recipe
    recipe = recipe if steps is None else shortened(recipe, steps)
    own = OwnClips(labels, name, licence)
    with joined() as processes:
        report = (lambda line: click.echo(line, err=True)) if processes.first else (lambda line: None)
        run = Run(recipe, data, folder, report, shared, own)
        stages = run.stages()
        if stage is not None and stage not in stages:
            raise DataError(f"no stage is called {stage!r}; the stages are {', '.join(stages)}")
        chosen = "corpus" if dry_run else stage
        for one in stages if chosen is None else [chosen]:
            stages[one]()
