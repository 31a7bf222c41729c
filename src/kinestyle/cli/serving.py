"""`studio`."""

from __future__ import annotations

import logging
import secrets
import webbrowser
from dataclasses import replace
from pathlib import Path

import click

from kinestyle.cli.options import bundle_option
from kinestyle.errors import DataError


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=7860, show_default=True, envvar="KINESTYLE_STUDIO_PORT", help="0: any."
)
@click.option("--host", default="127.0.0.1", show_default=True, envvar="KINESTYLE_STUDIO_HOST", help="Where to listen.")
@click.option("--no-open", is_flag=True, help="Do not open the page in a browser.")
@click.option(
    "--token", envvar="KINESTYLE_STUDIO_TOKEN", help="What clients have to show; made up where others can reach the host."
)
@bundle_option
def studio(port: int, host: str, no_open: bool, token: str | None, bundle: Path | None) -> None:
    """Serve the studio: restyling in the browser, and over HTTP for programs. Needs the `studio` extra."""
    try:
        from kinestyle.studio.config import StudioConfig
        from kinestyle.studio.serving import serve
    except ModuleNotFoundError as error:
        raise DataError(
            f"the studio needs {error.name}, which is not installed; install Kinestyle with its `studio` extra"
        ) from None

    config = StudioConfig(bundle=bundle, host=host, port=port, token=token)
    if token is None and not config.is_loopback:
        config = replace(config, token=secrets.token_urlsafe(16))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    def on_start(address: str) -> None:
        click.echo(address)
        if not no_open:
            webbrowser.open(address)

    serve(config, on_start)
