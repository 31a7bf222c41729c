"""What several commands share: options, and what is said or refused on the way."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kinestyle.errors import MotionFileError, one_line
from kinestyle.runtime.options import Choice, ClipRig, Option, options_of
from kinestyle.runtime.settings import Settings

if TYPE_CHECKING:
    from kinestyle.rig.rig_file import Rig

MOTION = click.Path(path_type=Path)
PATIENCE_SECONDS = 2.0
"""Work that takes longer shows its progress."""
_STEPS = 1000
"""Of a bar from nothing to all."""


def bundle_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--bundle",
        type=MOTION,
        help="A .kinestyle file, or the name of one that ships: bandai (the default) or "
        "unsupervised.",
    )(command)


class RigName(click.ParamType["Rig"]):
    """A rig's file, or the name of a preset."""

    name = "RIG"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Rig:
        from kinestyle.rig.presets import as_rig

        rig = as_rig(value)
        assert rig is not None, "click converts no value that is missing"
        return rig


class _Words(click.Choice[str]):
    """Lists the values in the help and completes them. `Settings` refuses others, in the words that
    it has everywhere.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)


def settings_options(
    without: Collection[str] = (),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option for each field of `Settings`, in their order. without: fields that have none"""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options_of(Settings)):
            if option.name not in without:
                command = _option(option)(command)
        return command

    return decorate


def _option(option: Option) -> Callable[[Callable[..., None]], Callable[..., None]]:
    kind: Any = option.value_type
    if isinstance(option, Choice):
        kind = _Words(tuple(option.choices))
    elif isinstance(option, ClipRig):
        kind = RigName()
    return click.option(
        option.flag,
        *option.aliases,
        option.name,
        type=kind,
        metavar="MODE" if isinstance(option, Choice) else None,
        default=option.default,
        show_default=True,
        help=option.sentence,
    )


def rig_option(
    name: str = "--rig", whose: str = "of IN"
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """For commands that look for a body in a clip, which the user may know better."""
    return click.option(
        name,
        type=RigName(),
        help=f"Which joint {whose} is which: a file of `kinestyle map`, or a family such as "
        f"mixamo.",
    )


def fps_option(
    name: str = "--fps", whose: str = "of IN"
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """For commands that read a clip, whose file may state no rate or a wrong one."""
    return click.option(
        name, type=float, help=f"Frames a second {whose}, where its file states them wrongly."
    )


def keep_input(target: Path, *inputs: Path) -> None:
    """Raises MotionFileError where writing would overwrite what was given."""
    if target.exists() and any(given.exists() and target.samefile(given) for given in inputs):
        raise MotionFileError(
            f"{target} is also an input; name another file for the result, so that nothing is lost"
        )


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float], None]]:
    """A bar for work that takes long, on a terminal only. What this yields takes the share that is
    done, 0 to 1.
    """
    began, seen = time.monotonic(), sys.stderr.isatty()
    with click.progressbar(length=_STEPS, label=label, file=sys.stderr, hidden=True) as bar:

        def show(share: float) -> None:
            bar.hidden = not seen or time.monotonic() - began < PATIENCE_SECONDS
            bar.update(round(_STEPS * share) - bar.pos)

        yield show


def say_warnings(warnings: Iterable[str]) -> None:
    for warning in warnings:
        click.echo(f"kinestyle: note: {one_line(warning)}", err=True)


def say_written(path: Path) -> None:
    """The path of a result, for programs to read: the very bytes of a name that is no text."""
    name = str(path)
    click.echo(name if name.isprintable() else os.fsencode(path))
