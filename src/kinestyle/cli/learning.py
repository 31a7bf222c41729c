"""`train`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kinestyle.cli.options import MOTION, rig_option
from kinestyle.extras import needs_extra

if TYPE_CHECKING:
    from kinestyle.rig.rig_file import Rig


UNFINISHED = 75
"""Exit code of a training whose budget was spent before it was done: what systems call a temporary
failure.
"""


def _list_presets(ctx: click.Context, param: click.Parameter, name: str) -> str:
    """Names them all, without the options that training needs."""
    if name == "list":
        from kinestyle.learn.preset_names import listing

        click.echo(listing())
        ctx.exit()
    return name


@click.command()
@click.option(
    "--data",
    type=MOTION,
    required=True,
    help="A folder of motion files, or the unpacked Bandai-Namco sets.",
)
@click.option(
    "--run",
    "folder",
    type=MOTION,
    required=True,
    help="Where the run is kept; the same command continues it.",
)
@click.option(
    "--preset",
    default="released",
    show_default=True,
    is_eager=True,
    callback=_list_presets,
    help="What is trained; `--preset list` names all.",
)
@click.option(
    "--from",
    "shared",
    type=MOTION,
    metavar="RUN",
    help="Another run, whose stages of the same configuration are taken.",
)
@click.option(
    "--made-styles",
    type=click.IntRange(2),
    metavar="N",
    help="Learn from N made styles too, which restyle the clips in exact pairs.",
)
@click.option("--stage", help="Only this stage (and what it needs); without it, all.")
@click.option(
    "--steps",
    type=click.IntRange(1),
    help="This many steps in every stage, to see that everything runs.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, min_open=True),
    metavar="MINUTES",
    help="Stop after so long, done or not, with exit code 75; the same command goes on.",
)
@click.option(
    "--wait", is_flag=True, help="Wait for another process that trains in RUN, and go on after it."
)
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda", "mps"]),
    help="What to train with; without it a CUDA GPU where there is one, else the processor.",
)
@click.option(
    "--dry-run", is_flag=True, help="Read the clips and say what was understood; train nothing."
)
@click.option(
    "--labels",
    metavar="WHERE",
    help="Where styles come from: folders, names, none, a pattern like '{style}_{content}_{id}', "
    "or a CSV file.",
)
@rig_option(whose="of own clips")
@click.option("--name", help="The bundle's name.")
@click.option("--licence", help="Under which terms the bundle of own clips may be used.")
@click.option("--attribution", help="Whom it has to name, in a line.")
def train(
    data: Path,
    folder: Path,
    preset: str,
    shared: Path | None,
    made_styles: int | None,
    stage: str | None,
    steps: int | None,
    budget: float | None,
    wait: bool,
    device: str | None,
    dry_run: bool,
    labels: str | None,
    rig: Rig | None,
    name: str | None,
    licence: str | None,
    attribution: str | None,
) -> None:
    """Train every stage on motion files and write the bundle. Needs the `train` extra."""
    from kinestyle.learn.data.own_clips import OwnClips
    from kinestyle.learn.preset_names import require_preset
    from kinestyle.learn.run_folder import alone_in, read_clips

    began = time.monotonic()
    needs_labels = require_preset(preset).needs_labels
    own = OwnClips(labels, name, licence, rig, attribution)
    if dry_run:
        with alone_in(folder, _report):
            read_clips(data, folder, own, _report, shared, needs_labels)
        return
    with needs_extra("train", "training"):
        from kinestyle.learn.loop.process_group import process_group
        from kinestyle.learn.loop.training import OutOfTimeError
        from kinestyle.learn.pipeline import Run, shortened
        from kinestyle.learn.presets import RECIPES, with_made_styles
    recipe = RECIPES[preset]
    if made_styles is not None:
        recipe = with_made_styles(recipe, made_styles)
    if steps is not None:
        recipe = shortened(recipe, steps)
    with process_group(device) as group:
        report = _report if group.is_rank_zero else lambda line: None
        deadline = None if budget is None else began + 60.0 * budget
        try:
            run = Run(recipe, data, folder, report, shared, own, group, deadline)
            run.train(stage, wait)
        except OutOfTimeError as unfinished:
            report(str(unfinished))
            click.get_current_context().exit(UNFINISHED)


def _report(line: str) -> None:
    click.echo(line, err=True)
