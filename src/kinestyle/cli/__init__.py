"""The command line. It only translates: options into calls, results into files and sentences,
exceptions into exit codes.
"""

from __future__ import annotations

from typing import Any

import click

from kinestyle import __version__
from kinestyle.cli.learning import train
from kinestyle.cli.looking import inspect, render
from kinestyle.cli.measuring import evaluate
from kinestyle.cli.restyling import styles, stylize
from kinestyle.cli.rigging import convert, map_rig, retarget
from kinestyle.cli.serving import studio
from kinestyle.errors import KinestyleError


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


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="kinestyle")
def main() -> None:
    """Restyle captured human motion: a clip in, the same rig out, in another manner."""


for _command in (
    stylize,
    retarget,
    convert,
    styles,
    inspect,
    map_rig,
    render,
    evaluate,
    train,
    studio,
):
    main.add_command(_command)
