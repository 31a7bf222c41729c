"""The command line. It only translates: options into calls, results into files and sentences,
exceptions into exit codes.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module
from typing import Any

import click

from kinestyle import __version__
from kinestyle.errors import sentence_of

_HOME = {
    "demo": "trying",
    "stylize": "restyling",
    "retarget": "rigging",
    "convert": "rigging",
    "styles": "restyling",
    "inspect": "looking",
    "map": "rigging",
    "render": "looking",
    "evaluate": "measuring",
    "train": "learning",
    "studio": "serving",
    "learn": "owning",
    "live": "live",
}
"""The module of each command, which is imported when the command is called."""


class Failure(click.ClickException):
    """A user's error: one sentence on stderr, exit code 1."""

    def show(self, file: Any = None) -> None:
        with contextlib.suppress(OSError):  # nobody can be told
            click.echo(f"kinestyle: {self.message}", err=True)


class Commands(click.Group):
    """Imports a command when it is called, and turns what goes wrong into a sentence and an exit
    code.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_HOME)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _HOME:
            return None
        home = import_module(f"{__name__}.{_HOME[cmd_name]}")
        command: click.Command = getattr(home, "map_rig" if cmd_name == "map" else cmd_name)
        return command

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().main(*arguments, **options)
        except OSError as error:  # of click itself: the help could not be printed
            Failure(sentence_of(error) or "").show()
            sys.exit(1)
        finally:
            _discard_unwritable()

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # who reads the output has enough of it, which click knows
        except KeyboardInterrupt:
            raise Failure("stopped; nothing half-written is left") from None
        except Exception as error:
            sentence = sentence_of(error)
            if sentence is None:
                raise
            raise Failure(sentence) from error


def _discard_unwritable() -> None:
    """Drop output that cannot be written, of which Python would complain once more at its end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="kinestyle")
def main() -> None:
    """Restyle captured human motion: a clip in, the same rig out, in another style."""
