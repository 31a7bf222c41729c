"""`studio`."""

from __future__ import annotations

import logging
import secrets
import sys
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kinestyle.cli.options import bundle_option, own_styles_option
from kinestyle.extras import needs_extra


def _limit(name: str, kind: Any, text: str) -> Any:
    """An option that is a limit: without it, the one of StudioConfig."""
    return click.option(
        f"--{name}",
        type=kind,
        envvar=f"KINESTYLE_STUDIO_{name.upper().replace('-', '_')}",
        help=text,
    )


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=7860,
    show_default=True,
    envvar="KINESTYLE_STUDIO_PORT",
    help="0: any free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    envvar="KINESTYLE_STUDIO_HOST",
    help="The address to listen at.",
)
@click.option("--no-open", is_flag=True, help="Do not open the page in a browser.")
@click.option(
    "--token",
    envvar="KINESTYLE_STUDIO_TOKEN",
    help="What clients have to show; made up where other machines can reach the server.",
)
@click.option(
    "--live",
    metavar="ADDRESS",
    envvar="KINESTYLE_STUDIO_LIVE",
    help="Hear a performer while they move, and show them: vmc://:39539 listens on this machine, "
    "vmc://0.0.0.0:39539 to others as well; what `kinestyle live --in` takes.",
)
@_limit(
    "workers", click.IntRange(1, 64), "Processes that work on clips; one more is for heavy ones."
)
@_limit("max-upload-mb", click.IntRange(1, 512), "The largest upload, in megabytes.")
@_limit(
    "job-seconds",
    click.FloatRange(1, 3600),
    "The longest that one clip may be worked on; heavy ones six times that.",
)
@_limit("queue", click.IntRange(1, 10_000), "Jobs that may wait.")
@_limit("keep-minutes", click.FloatRange(0.1, 100_000), "How long a clip is kept that nobody uses.")
@_limit("keep-mb", click.IntRange(16, 1_000_000), "Memory for kept clips, in megabytes.")
@_limit("worker-mb", click.IntRange(256, 1_000_000), "Memory of one worker, in megabytes.")
@bundle_option
@own_styles_option
def studio(
    port: int,
    host: str,
    no_open: bool,
    token: str | None,
    live: str | None,
    workers: int | None,
    max_upload_mb: int | None,
    job_seconds: float | None,
    queue: int | None,
    keep_minutes: float | None,
    keep_mb: int | None,
    worker_mb: int | None,
    bundle: Path | None,
    own_styles: tuple[Path, ...],
) -> None:
    """Serve the studio: restyling in the browser, and over HTTP for programs. Needs the `studio`
    extra.
    """
    with needs_extra("studio", "the studio"):
        from kinestyle.studio.config import StudioConfig
        from kinestyle.studio.serving import Server

    limits = {
        "workers": workers,
        "max_upload_bytes": max_upload_mb and max_upload_mb * 2**20,
        "job_seconds": job_seconds,
        "heavy_job_seconds": job_seconds and 6.0 * job_seconds,
        "queue_length": queue,
        "expiry_seconds": keep_minutes and 60.0 * keep_minutes,
        "kept_bytes": keep_mb and keep_mb * 2**20,
        "worker_bytes": worker_mb and worker_mb * 2**20,
    }
    given: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    config = StudioConfig(
        bundle=bundle, styles=own_styles, host=host, port=port, token=token, live=live, **given
    )
    if token is None and not config.is_loopback:
        config = replace(config, token=secrets.token_urlsafe(16))
    # a line a request is for those who keep a log; who looks at a terminal wants what is wrong
    watched = sys.stderr.isatty()
    logging.basicConfig(
        level=logging.WARNING if watched else logging.INFO, format="%(asctime)s %(message)s"
    )

    def on_start(addresses: list[str]) -> None:
        click.echo("\n".join(addresses))
        if not no_open:
            webbrowser.open(addresses[0])

    Server(config, on_start).run()
