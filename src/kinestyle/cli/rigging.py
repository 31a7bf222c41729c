"""`retarget`: motion from one rig to another."""

from __future__ import annotations

from pathlib import Path

import click

from kinestyle.cli.options import MOTION, keep_input, say_warnings


@click.command()
@click.argument("clip", type=MOTION, metavar="IN")
@click.option(
    "--to", "rig", type=MOTION, required=True, metavar="RIG", help="A motion file of the other rig; it may hold one pose."
)
@click.option("-o", "--out", type=MOTION, required=True, help="Where the result goes.")
def retarget(clip: Path, rig: Path, out: Path) -> None:
    """Put the motion of the clip IN on the skeleton of another file, feet planted where they were, travel scaled to its legs."""
    from kinestyle.motion.formats import read_motion, write_motion, writer_of
    from kinestyle.motion.transfer import transfer

    writer_of(out)
    keep_input(out, clip, rig)
    result = transfer(read_motion(clip), read_motion(rig))
    say_warnings(result.warnings)
    say_warnings(write_motion(result, out))
    click.echo(out)
