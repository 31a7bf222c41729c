"""What several commands share: options, and what is said or refused on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from kinestyle.errors import MotionFileError

MOTION = click.Path(path_type=Path)


def bundle_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--bundle", type=MOTION, help="A .kinestyle file, or the name of one that ships: bandai (the default) or unsupervised."
    )(command)


def keep_input(target: Path, *inputs: Path) -> None:
    """Raises MotionFileError where writing would overwrite what was given."""
    if target.exists() and any(given.exists() and target.samefile(given) for given in inputs):
        raise MotionFileError(f"{target} is also an input; name another file for the result, so that nothing is lost")


def say_warnings(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        click.echo(f"kinestyle: note: {warning}", err=True)
