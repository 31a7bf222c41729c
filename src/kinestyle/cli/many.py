"""`stylize` into a folder: many clips, each in every style."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from kinestyle.cli.options import PATIENCE_SECONDS, say_warnings, say_written
from kinestyle.errors import one_line

if TYPE_CHECKING:
    from kinestyle.batch.manifest import Outcome
    from kinestyle.batch.order import Order
    from kinestyle.batch.run import Tally

SOME_MISSING = 3
"""Exit code of a run that could not make every result."""
_LOG_SECONDS = 30.0
"""From one line to the next where no terminal shows how far the work is."""
_NAMED = 5
"""Clips that are named on stderr where they cannot be restyled; the manifest names all."""


class Many(NamedTuple):
    """How results are written into a folder, and whether over what is there."""

    jobs: int | None
    ray: str | None
    shard: tuple[int, int] | None
    overwrite: bool
    no_clobber: bool

    def refuse_for_one_file(self) -> None:
        """Raises UsageError for what only folders have."""
        for name in ("jobs", "ray", "shard"):
            if getattr(self, name) is not None:
                raise click.UsageError(f"--{name} is for folders; name one, such as -o OUT/.")


class _Shard(click.ParamType[tuple[int, int]]):
    """I/N."""

    name = "I/N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        from kinestyle.batch.order import shard_of

        return value if isinstance(value, tuple) else shard_of(value)


def many_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of `Many`. The command gets them as one value, `many`."""

    @wraps(command)
    def packed(*arguments: Any, **given: Any) -> None:
        said = {name: given.pop(name) for name in Many._fields}
        if said["overwrite"] and said["no_clobber"]:
            raise click.UsageError("--overwrite and --no-clobber are both given; choose one.")
        command(*arguments, **given, many=Many(**said))

    for option in (
        click.option(
            "--no-clobber",
            is_flag=True,
            help="Replace no file that is there; in a folder, leave it and go on.",
        ),
        click.option(
            "--overwrite",
            is_flag=True,
            help="Make what is there already in a folder again; a single file is replaced anyway.",
        ),
        click.option(
            "--shard",
            type=_Shard(),
            help="Make this part of the clips only, such as 2/8, as one of N runs into one folder.",
        ),
        click.option(
            "--ray",
            metavar="ADDRESS",
            help="Make the results in a folder on a Ray cluster: its address, auto for the one "
            "that this machine belongs to, or local.",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1, 1024),
            metavar="N",
            help="How many processes make the results in a folder; without it, one a core.",
        ),
    ):
        packed = option(packed)
    return packed


def is_folder(clips: Sequence[str], out: str) -> bool:
    """Whether results go into a folder: there may be many then, else one file is asked for."""
    from kinestyle.formats.table import FORMATS

    if out.endswith(("/", os.sep)):
        return True
    path = Path(out)
    if path.suffix.lower() in FORMATS:
        return False
    if "://" in out:
        return True
    return path.is_dir() or any(is_many(clip) for clip in clips) or len(clips) > 1


def is_many(clip: str) -> bool:
    """Whether a name stands for several clips."""
    from kinestyle.batch.patterns import is_pattern

    return Path(clip).is_dir() or is_pattern(clip)


def stylize_folder(clips: Sequence[str], order: Order, out: str, many: Many) -> None:
    """Run an order, say how far it is, and exit with what came of it."""
    from kinestyle.batch.manifest import manifest_name
    from kinestyle.batch.patterns import is_url
    from kinestyle.batch.run import stylize_all

    said = _Progress()
    tally = stylize_all(clips, order, out, report=said.report, **many._asdict())
    said.end(tally)
    name = manifest_name(many.shard)
    if is_url(out):
        click.echo(f"{out.rstrip('/')}/{name}")
    else:
        say_written(Path(out) / name)
    if tally.missing:
        click.get_current_context().exit(SOME_MISSING)


class _Progress:
    """One line on a terminal, which changes; else a line now and then."""

    def __init__(self) -> None:
        self.seen, self.began, self.last = sys.stderr.isatty(), time.monotonic(), 0.0
        self.named: set[str] = set()

    def report(self, tally: Tally, outcome: Outcome | None) -> None:
        if outcome is None:
            say_warnings(tally.notes)
            if tally.left_out:
                say_warnings([f"{tally.left_out} clips are left out: they lie among the results"])
            self.last = time.monotonic()
            return
        if outcome.why and outcome.clip not in self.named and len(self.named) <= _NAMED:
            self.named.add(outcome.clip)
            self._clear()
            more = "; the manifest names the others" if len(self.named) > _NAMED else ""
            click.echo(f"kinestyle: {one_line(outcome.clip)}: {outcome.why}{more}", err=True)
        now = time.monotonic()
        pause = 0.2 if self.seen else _LOG_SECONDS
        if now - self.last >= pause and now - self.began >= PATIENCE_SECONDS:
            self.last = now
            self._clear()
            click.echo(_state(tally), err=True, nl=not self.seen)

    def end(self, tally: Tally) -> None:
        self._clear()
        words = [f"{tally.made} made"]
        for count, word in (
            (tally.before, "there already"),
            (tally.kept, "left as they were"),
            (tally.refused, "refused"),
            (tally.failed, "failed"),
        ):
            words += [f"{count} {word}"] if count else []
        took = _duration(time.monotonic() - tally.began)
        click.echo(f"kinestyle: {', '.join(words)}, in {took}", err=True)

    def _clear(self) -> None:
        if self.seen:
            click.echo("\r\x1b[K", err=True, nl=False)


def _state(tally: Tally) -> str:
    share = 100 * tally.done // max(1, tally.wanted)
    left = tally.seconds_left
    time_left = "" if left is None else f", {_duration(left)} left"
    gone = tally.refused + tally.failed
    return (
        f"kinestyle: {tally.done} of {tally.wanted} ({share} %)"
        f"{f', {gone} not made' if gone else ''}{time_left}"
    )


def _duration(seconds: float) -> str:
    """ "8 s", "3 min 5 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
