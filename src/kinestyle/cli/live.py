"""`live`."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kinestyle.cli.options import (
    bundle_option,
    keep_input,
    like_option,
    own_styles_option,
    say_warnings,
    settings_options,
    weights_of,
)
from kinestyle.live.settings import OF_CLIPS
from kinestyle.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from kinestyle.live.calibration import Calibration
    from kinestyle.live.performer import Frame
    from kinestyle.live.streaming import StreamingStylizer
    from kinestyle.motion.clip import Clip
    from kinestyle.runtime.stylizer import Stylizer


@click.command()
@click.option(
    "--in",
    "source",
    required=True,
    metavar="ADDRESS|CLIP",
    help="Where motion comes from: vmc://:39539 listens on this machine, vmc://0.0.0.0:39539 to "
    "others as well; or a clip.",
)
@click.option(
    "--out",
    "target",
    required=True,
    metavar="ADDRESS|FILE",
    help="Where the result goes: vmc://127.0.0.1:39540, or of a clip a motion file; - for BVH on "
    "the standard output.",
)
@click.option(
    "--style",
    multiple=True,
    metavar="STYLE[@PARTS]",
    help="As of `kinestyle stylize`; without it, motion goes on as it comes.",
)
@like_option
@click.option(
    "--mix",
    metavar="W1,W2,...",
    help="The share of each --style, then of each --like, such as 0.7,0.3.",
)
@click.option("--random", is_flag=True, help="No cue: a style drawn from all that are known.")
@click.option(
    "--calibrate",
    metavar="SECONDS|CLIP",
    default="3",
    show_default=True,
    help="What shows how the rig stands and moves: the first seconds of what comes, which go on as "
    "they come, or a clip on the same rig.",
)
@click.option(
    "--rate",
    type=click.FloatRange(10.0, 240.0),
    default=60.0,
    show_default=True,
    help="Frames a second that are sent of what comes from an address.",
)
@click.option(
    "--seconds", type=click.FloatRange(0.0), help="End after so long; without it, with Ctrl-C."
)
@settings_options(without=OF_CLIPS)
@bundle_option
@own_styles_option
def live(
    source: str,
    target: str,
    style: tuple[str, ...],
    like: tuple[Path, ...],
    mix: str | None,
    random: bool,
    calibrate: str,
    rate: float,
    seconds: float | None,
    bundle: Path | None,
    own_styles: tuple[Path, ...],
    **settings: Any,
) -> None:
    """Restyle motion while it is made: what comes in the VMC protocol goes out a quarter of a
    second later, in another style.
    """
    from kinestyle.errors import MotionFileError, StyleError
    from kinestyle.live.bridge import RECEIVE_PORT, SEND_PORT, parse_address

    wanted = Settings(**settings)
    listens, sends = parse_address(source, RECEIVE_PORT), parse_address(target, SEND_PORT)
    if listens is not None and sends is None:
        raise MotionFileError(
            f"--out is {target}, expected an address such as vmc://127.0.0.1:39540: what comes "
            f"from an address has no end"
        )
    named = bool(style or like or random)
    if not named and wanted.strength:
        raise StyleError(
            "none of --style, --like and --random is given; give one of them, or --strength 0"
        )

    from kinestyle.formats.table import open_motion
    from kinestyle.runtime.cue import Cue
    from kinestyle.runtime.stylizer import Stylizer

    stylizer = Stylizer.load(bundle, own_styles)
    code: np.ndarray | None = None
    if named:
        shares = None if mix is None else weights_of(mix, len(style) + len(like))
        cue: Cue[Path] = Cue.of(style, like=like, weights=shares, random=random)
        code = stylizer.style_of(cue.map(open_motion), wanted.seed)
        say_warnings(getattr(code, "notes", ()))
    if listens is None:
        _of_clip(stylizer, Path(source), target, code, wanted, calibrate)
        return
    assert sends is not None, "an address goes to an address"
    _between(stylizer, (listens, sends), code, wanted, calibrate, rate, seconds)


def _of_clip(
    stylizer: Stylizer,
    source: Path,
    target: str,
    code: np.ndarray | None,
    settings: Settings,
    calibrate: str,
) -> None:
    """Play a clip in, and take what comes out."""
    import socket

    import numpy as np

    from kinestyle.formats.bvh.writer import format_bvh
    from kinestyle.formats.table import read_motion, write_motion, writer_of
    from kinestyle.live.bridge import SEND_PORT, parse_address, play
    from kinestyle.live.performer import Frame
    from kinestyle.live.streaming import StreamingStylizer

    to = parse_address(target, SEND_PORT)
    if to is None and target != "-":
        writer_of(Path(target))
        keep_input(Path(target), source)
    clip = read_motion(source)
    known = _calibration(stylizer, calibrate, settings)
    stream = StreamingStylizer(stylizer, known or clip, settings, code)

    def frames() -> Iterator[Frame]:
        for rows in zip(clip.local_position, clip.local_rotation, strict=True):
            leaves = stream.push(Frame(*rows))
            if leaves is not None:
                yield leaves
        yield from stream.finish()

    if to is not None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            play(frames(), stream.calibration, sender, to)
        return
    every = list(frames())
    result = clip.with_motion(
        np.stack([frame.local_position for frame in every]),
        np.stack([frame.local_rotation for frame in every]),
    )
    if target == "-":
        text, notes = format_bvh(result, clip.name)
        click.echo(text, nl=False)
    else:
        notes = write_motion(result, Path(target))
    say_warnings(notes)


def _calibration(stylizer: Stylizer, said: str, settings: Settings) -> Calibration | None:
    """What a clip shows; None for a number of seconds."""
    from kinestyle.formats.table import read_motion
    from kinestyle.live.calibration import calibrate

    with suppress(ValueError):
        float(said)
        return None
    return calibrate(stylizer.graphs, read_motion(said), settings.rig)


def _between(
    stylizer: Stylizer,
    addresses: tuple[Any, Any],
    code: np.ndarray | None,
    settings: Settings,
    calibrate: str,
    rate: float,
    seconds: float | None,
) -> None:
    """From one address to another one, until it is to end."""
    import socket

    from kinestyle.live.bridge import Bridge, UdpOutlet, open_receiver
    from kinestyle.live.streaming import StreamingStylizer

    known = _calibration(stylizer, calibrate, settings)
    first = float(calibrate) if known is None else 0.0

    def say(text: str) -> None:
        click.echo(f"kinestyle: {text}", err=True)

    def make(clip: Clip) -> StreamingStylizer:
        stream = StreamingStylizer(stylizer, known or clip, settings, code)
        say(f"calibrated; frames leave {1e3 * stream.lookahead_seconds:.0f} ms after they came")
        return stream

    ends_at = None if seconds is None else time.monotonic() + seconds
    with ExitStack() as stack:
        receiver = stack.enter_context(open_receiver(addresses[0]))
        sender = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        bridge = Bridge(receiver, UdpOutlet(sender, addresses[1], rate), rate, first)
        host, port = receiver.getsockname()
        say(f"listening at {host}:{port}, sending to {addresses[1].host}:{addresses[1].port}")
        sys.stderr.flush()
        with suppress(KeyboardInterrupt):
            bridge.run(make, lambda: ends_at is not None and time.monotonic() >= ends_at)
        say(str(bridge.counts))
