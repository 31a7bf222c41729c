"""`train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kinestyle.cli.options import MOTION, rig_option
from kinestyle.errors import DataError
from kinestyle.extras import needs_extra

if TYPE_CHECKING:
    from kinestyle.rig.rig_file import Rig


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
    help="What is trained; `--preset list` names all.",
)
@click.option(
    "--from",
    "shared",
    type=MOTION,
    metavar="RUN",
    help="Another run: its stages made the same way are taken.",
)
@click.option("--stage", help="Only this stage (and what it needs); without it, all.")
@click.option(
    "--steps",
    type=click.IntRange(1),
    help="This many steps in every stage, to see that everything runs.",
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
def train(
    data: Path,
    folder: Path,
    preset: str,
    shared: Path | None,
    stage: str | None,
    steps: int | None,
    dry_run: bool,
    labels: str | None,
    rig: Rig | None,
    name: str | None,
    licence: str | None,
) -> None:
    """Train every stage on motion files and write the bundle. Needs the `train` extra."""
    with needs_extra("train", "training"):
        from kinestyle.learn.data.own_clips import OwnClips
        from kinestyle.learn.loop.processes import joined
        from kinestyle.learn.pipeline import Run, shortened
        from kinestyle.learn.presets import PRESETS
    if preset not in PRESETS:
        known = "\n".join(f"  {name:<26}{known.about}" for name, known in PRESETS.items())
        if preset == "list":
            click.echo(known)
            return
        raise DataError(f"no preset is called {preset!r}; the presets are\n{known}")
    recipe = PRESETS[preset].recipe
    recipe = recipe if steps is None else shortened(recipe, steps)
    own = OwnClips(labels, name, licence, rig)
    with joined() as processes:
        report = (
            (lambda line: click.echo(line, err=True)) if processes.first else (lambda line: None)
        )
        run = Run(recipe, data, folder, report, shared, own)
        stages = run.stages()
        if stage is not None and stage not in stages:
            raise DataError(f"no stage is called {stage!r}; the stages are {', '.join(stages)}")
        chosen = "corpus" if dry_run else stage
        for one in stages if chosen is None else [chosen]:
            stages[one]()
