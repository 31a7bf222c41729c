"""Which settings a stream has. A further one has to be named here before a stream takes it.

This module loads no more than `kinestyle.runtime.settings` does: help texts are made from it.
"""

from __future__ import annotations

from kinestyle.errors import StyleError
from kinestyle.runtime.options import options_of
from kinestyle.runtime.settings import Settings

OF_STREAMS = (
    "strength",
    "parts",
    "keep",
    "seed",
    "root",
    "action",
    "reference",
    "out_of_domain",
    "feet",
    "rig",
)
"""The settings that a stream is restyled with."""

OF_CLIPS = tuple(option.name for option in options_of(Settings) if option.name not in OF_STREAMS)
"""Those that need a whole clip, or a file."""

_AS_STREAMS_ARE = {"cycle": "no"}
"""Values of those, beside the defaults, that say what a stream does anyhow."""


def check_for_stream(settings: Settings) -> None:
    """Raises StyleError for settings that need a clip."""
    if not isinstance(settings.strength, float):
        raise StyleError(
            "strength changes over a clip's time, which a stream has not; give a number, and "
            "another one when it is to change"
        )
    for option in options_of(Settings):
        value = getattr(settings, option.name)
        if option.name in OF_CLIPS and value not in (
            option.default,
            _AS_STREAMS_ARE.get(option.name, option.default),
        ):
            raise StyleError(
                f"{option.name} is for clips, and a stream is restyled without it; leave it out, "
                f"or restyle a clip with `kinestyle stylize`"
            )
