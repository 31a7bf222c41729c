"""What several commands share: options, and what is said or refused on the way."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kinestyle.errors import MotionFileError, one_line
from kinestyle.runtime.options import (
    Choice,
    ClipRig,
    Moment,
    Number,
    Option,
    Switch,
    options_of,
)
from kinestyle.runtime.settings import Settings

if TYPE_CHECKING:
    from kinestyle.rig.rig_file import Rig

MOTION = click.Path(path_type=Path)
PATIENCE_SECONDS = 2.0
"""Work that takes longer shows its progress."""
_STEPS = 1000
"""Of a bar from nothing to all."""
NO_CLOBBER = "Replace no file that is there."


def bundle_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--bundle",
        type=MOTION,
        help="A .kinestyle file, or the name of one that ships, bandai (the default), open (for "
        "commercial use) or unsupervised, or lies in a folder of KINESTYLE_BUNDLES.",
    )(command)


def like_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--like",
        type=MOTION,
        multiple=True,
        metavar="REF",
        help="A clip, on any rig, whose style is taken.",
    )(command)


def format_option(of: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """For commands that name their results themselves; the command gets `suffix`, with its dot."""

    def with_dot(ctx: click.Context, param: click.Parameter, given: str | None) -> str | None:
        return given if given is None or given.startswith(".") else f".{given}"

    return click.option(
        "--format",
        "suffix",
        metavar="SUFFIX",
        callback=with_dot,
        help=f"The format, such as .glb, of {of}.",
    )


def own_styles_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--styles",
        "own_styles",
        type=MOTION,
        multiple=True,
        envvar="KINESTYLE_STYLES",
        metavar="FOLDER",
        help="A folder of .style files, whose styles are known by name; see `kinestyle learn`.",
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


class _OverTime(click.ParamType[Any]):
    """A number, or keys over time, or a CSV file of them. `Settings` refuses others."""

    name = "FLOAT|CURVE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        with suppress(ValueError):
            return float(value)
        path = Path(value)
        if path.suffix.lower() == ".csv" or path.is_file():
            return path
        if ":" not in value:
            self.fail(
                f"{value!r} is neither a number, nor keys such as 0:0,1.5:1, nor a CSV file",
                param,
                ctx,
            )
        return value


def settings_options(
    without: Collection[str] = (), only: Collection[str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option for each field of `Settings`, in their order. without: fields that have none; only:
    those that have one
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options_of(Settings)):
            if option.name not in without and (only is None or option.name in only):
                command = _option(option)(command)
        return command

    return decorate


def _option(option: Option) -> Callable[[Callable[..., None]], Callable[..., None]]:
    kind: Any = option.value_type
    if isinstance(option, Choice):
        kind = _Words(tuple(option.choices))
    elif isinstance(option, ClipRig):
        kind = RigName()
    elif isinstance(option, Moment):
        kind = str
    elif isinstance(option, Number) and option.over_time:
        kind = _OverTime()
    if isinstance(option, Switch):
        return click.option(
            option.flag, option.name, is_flag=True, default=option.default, help=option.sentence
        )
    return click.option(
        option.flag,
        *option.aliases,
        option.name,
        type=kind,
        metavar={"choice": "MODE", "moment": "TIME"}.get(option.kind),
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


def reading_options(
    whose: str = "of IN", several: bool = False, prefix: str = "", fps: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """For commands that read a clip, whose file may leave a choice or be wrong: an option for each
    field of `Reading`. The command gets them as one value, `reading`, or with a prefix such as
    "like" as `like_reading`.

    several: whether all animations can be asked for, with "all"; fps: the option of the rate, where
    another one has its name
    """
    from kinestyle.formats.reading import Reading

    dashed = f"{prefix}-" if prefix else ""
    argument = f"{prefix}_reading" if prefix else "reading"
    every = '; "all" for a result of each' if several else ""
    switch = {"default": None, "is_flag": True}
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "fps": (
            f"Frames a second {whose}, where its file states them wrongly.",
            {"type": float},
        ),
        "animation": (
            f"Which animation {whose}, where its file holds several, see `inspect`{every}.",
            {"metavar": "NAME"},
        ),
        "up": (
            f"The axis that points up {whose}, such as +Z, where it is found wrongly.",
            {"metavar": "AXIS"},
        ),
        "swap_sides": (
            f"Whether left and right {whose} are swapped in its names, as in mirrored captures; "
            f"without it, knees that bend clearly tell.",
            switch,
        ),
        "level": (
            f"Whether to bring a tilted floor {whose} to level, as planted feet show it; without "
            f"it, that is done where they show it clearly.",
            switch,
        ),
        "character": (
            f"Which character {whose}, where its file holds several skeletons, persons or samples: "
            f"its number, see `inspect`.",
            {"type": click.IntRange(1), "metavar": "N"},
        ),
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def packed(*arguments: Any, **given: Any) -> None:
            said = {name: given.pop(f"{argument}_{name}") for name in Reading._fields}
            command(*arguments, **given, **{argument: Reading(**said)})

        for name in reversed(Reading._fields):
            help_, more = kinds[name]
            flag = f"{dashed}{name.replace('_', '-')}"
            words = f"--{flag}/--no-{flag}" if more is switch else f"--{flag}"
            if name == "fps" and fps is not None:
                words = fps
            packed = click.option(words, f"{argument}_{name}", help=help_, **more)(packed)
        return packed

    return decorate


def weights_of(text: str, count: int) -> tuple[float, ...] | str:
    """ "0.7,0.3" -> its numbers; keys over time as they are. count: of the styles and references.
    Raises StyleError.
    """
    from kinestyle.errors import StyleError

    if count == 1:
        raise StyleError(
            f"--mix is {text!r}, and there is one style only to take; name several, or say with "
            f"--strength how much of it there is to be"
        )
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


def keep_input(target: Path, *inputs: Path) -> None:
    """Raises MotionFileError where writing would overwrite what was given."""
    if target.exists() and any(given.exists() and target.samefile(given) for given in inputs):
        raise MotionFileError(
            f"{target} is also an input; name another file for the result, so that nothing is lost"
        )


def no_clobber_option(command: Callable[..., None]) -> Callable[..., None]:
    """For commands that write the one file `out`."""

    @wraps(command)
    def checked(*arguments: Any, no_clobber: bool, **given: Any) -> None:
        if no_clobber:
            keep_existing(given["out"])
        command(*arguments, **given)

    return click.option("--no-clobber", is_flag=True, help=NO_CLOBBER)(checked)


def keep_existing(
    target: Path, remedy: str = "leave out --no-clobber to replace it, or name another file"
) -> None:
    """Raises MotionFileError where a file is, which is not to be replaced."""
    if os.path.lexists(target):
        raise MotionFileError(f"{target} is there already; {remedy}")


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


@contextmanager
def at_work(label: str) -> Iterator[None]:
    """For work that cannot say how far it is: after a while, how long it has taken, on a terminal
    only.
    """
    if not sys.stderr.isatty():
        yield
        return
    import threading

    done, began = threading.Event(), time.monotonic()

    def show() -> None:
        pause = PATIENCE_SECONDS
        while not done.wait(pause):
            pause = 1.0
            click.echo(f"\r{label}, {time.monotonic() - began:.0f} s", err=True, nl=False)
        if pause == 1.0:
            click.echo("\r\x1b[K", err=True, nl=False)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def say_warnings(warnings: Iterable[str]) -> None:
    for warning in warnings:
        click.echo(f"kinestyle: note: {one_line(warning)}", err=True)


def say_written(path: Path) -> None:
    """The path of a result, for programs to read: the very bytes of a name that is no text."""
    name = str(path)
    click.echo(name if name.isprintable() else os.fsencode(path))
