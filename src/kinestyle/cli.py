"""The command line. It only translates: options into calls, results into files and sentences, exceptions into exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kinestyle import __version__
from kinestyle.errors import DataError, KinestyleError, MotionFileError, StyleError

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
    return click.option("--bundle", type=MOTION, help="A .kinestyle file instead of the one that ships.")(command)


@main.command()
@click.argument("clip", type=MOTION, metavar="IN")
@click.option("--style", help="A style that the bundle knows; see `kinestyle styles`.")
@click.option("--like", type=MOTION, metavar="REF", help="A clip, on any rig, whose manner is taken.")
@click.option("-o", "--out", type=MOTION, required=True, help="Where the result goes.")
@click.option("--strength", default=1.0, show_default=True, help="0 changes nothing, 1 is the style, more exaggerates.")
@click.option("--seed", default=0, show_default=True, help="Which take: 0 is the middle of the style, any other number a draw.")
@click.option("--samples", type=click.IntRange(1, 1000), help="Write this many takes (seed, seed + 1, ...), as OUT_1, OUT_2, ...")
@_bundle_option
def stylize(
    clip: Path,
    style: str | None,
    like: Path | None,
    out: Path,
    strength: float,
    seed: int,
    samples: int | None,
    bundle: Path | None,
) -> None:
    """Give the clip IN another manner, on its own rig."""
    from kinestyle.motion.formats import format_of, read_motion, write_motion

    if (style is None) == (like is None):
        given = "neither --style nor --like" if style is None else "both --style and --like"
        raise StyleError(f"{given} given; name a style (--style old) or a reference clip (--like REF.bvh), one of the two")
    format_of(out)
    targets = [out] if samples is None else [out.with_stem(f"{out.stem}_{i + 1}") for i in range(samples)]
    for target in targets:
        _keep_input(target, clip, like)
    source = read_motion(clip)
    reference = read_motion(like) if like is not None else None

    from kinestyle.runtime.stylizer import Stylizer

    stylizer = Stylizer.load(bundle)
    if reference is not None:
        code = lambda take: stylizer.reference_code(reference, take)  # noqa: E731
    else:
        code = lambda take: stylizer.style_code(style or "", take)  # noqa: E731
    code(seed)  # an unknown style is said before the clip is analysed
    analysis = stylizer.analyse(source)
    _say_warnings(analysis.clip.warnings)
    _say_warnings(analysis.correspondence.mapping.warnings)
    with click.progressbar(targets, label="restyling", file=sys.stderr, hidden=len(targets) < 3) as progress:
        for i, target in enumerate(progress):
            _say_warnings(write_motion(stylizer.apply(analysis, code(seed + i), strength), target))
    for target in targets:
        click.echo(target)


def _keep_input(target: Path, *inputs: Path | None) -> None:
    """Raises MotionFileError where writing would overwrite what was given."""
    if target.exists() and any(given is not None and given.exists() and target.samefile(given) for given in inputs):
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
@click.option("--targets", type=click.IntRange(1), default=2, show_default=True, help="Styles that every test clip is given.")
@click.option("--strength", default=1.0, show_default=True)
@click.option("--judge", type=MOTION, help="Another judge than the one that ships.")
def evaluate(bundle: Path | None, data: Path, out: Path | None, targets: int, strength: float, judge: Path | None) -> None:
    """Restyle the test clips with BUNDLE (none: the one that ships), judge what comes out, and print the table."""
    from kinestyle.evaluate.report import as_markdown, benchmark
    from kinestyle.learn.splits import labelled_test_clips
    from kinestyle.storage import replace_bytes

    if out is not None and not out.parent.is_dir():
        raise MotionFileError(f"{out.name} cannot be written because the folder {out.parent} does not exist; create it first")
    result = benchmark(
        labelled_test_clips(data), bundle, judge, targets, strength=strength, progress=lambda line: click.echo(line, err=True)
    )
    if out is not None:
        replace_bytes(out, (json.dumps(result, indent=2) + "\n").encode())
    click.echo(as_markdown(result))


@main.command()
@click.option("--data", type=MOTION, required=True, help="The folder with the unpacked data sets.")
@click.option("--run", "folder", type=MOTION, required=True, help="Where the run is kept; the same command continues it.")
@click.option("--stage", help="Only this stage (and what it needs); without it, all.")
@click.option("--steps", type=click.IntRange(1), help="This many steps in every stage, to see that everything runs.")
def train(data: Path, folder: Path, stage: str | None, steps: int | None) -> None:
    """Train every stage on real motion and write the bundle. Needs the `train` extra."""
    try:
        from kinestyle.learn.pipeline import RELEASED, Run, shortened
    except ModuleNotFoundError as error:
        raise DataError(
            f"training needs {error.name}, which is not installed; install Kinestyle with its `train` extra"
        ) from None
    run = Run(RELEASED if steps is None else shortened(RELEASED, steps), data, folder, lambda line: click.echo(line, err=True))
    stages = run.stages()
    if stage is not None and stage not in stages:
        raise DataError(f"no stage is called {stage!r}; the stages are {', '.join(stages)}")
    for name in stages if stage is None else [stage]:
        stages[name]()
