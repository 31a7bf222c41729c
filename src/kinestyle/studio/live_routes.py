"""The routes of a performer who is heard while they move, see `live_source`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from kinestyle.errors import StyleError
from kinestyle.studio.documentation import BINARY, documented_errors
from kinestyle.studio.error_responses import UnknownError
from kinestyle.studio.restyling import Studio
from kinestyle.studio.schemas import LiveAnswer, LiveRequest

if TYPE_CHECKING:
    from kinestyle.studio.live_source import LiveSource

_FRAMES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Frames as long as they come, in the format of docs/STUDIO.md",
        "content": {"application/octet-stream": BINARY},
    }
}


def add_live(app: FastAPI, studio: Studio, source: LiveSource | None) -> None:
    """source: None where the server hears nobody"""

    def heard() -> LiveSource:
        if source is None:
            raise UnknownError(
                "this studio hears nobody; start it with --live vmc://:39539 to show a performer"
            )
        return source

    @app.get("/api/live", responses=documented_errors())
    async def live() -> LiveAnswer:
        """Whom the server hears, and how they are restyled."""
        return LiveAnswer(source=None) if source is None else LiveAnswer(**source.state())

    @app.put("/api/live", responses=documented_errors(404))
    async def restyle(wanted: LiveRequest) -> LiveAnswer:
        """Restyle the performer otherwise from now on: the body takes half a second to pass."""
        source = heard()
        if wanted.like:
            raise StyleError(
                "a performer is restyled here by named styles; `kinestyle live --like` takes the "
                "style of a clip"
            )
        cue = wanted.cue()
        await source.restyle(cue, wanted.settings(), studio.styles_sent(cue))
        return LiveAnswer(**source.state())

    @app.get(
        "/api/live/frames",
        response_class=StreamingResponse,
        responses=documented_errors(404, 429) | _FRAMES,
    )
    async def frames(request: Request) -> StreamingResponse:
        """The performer as they came and as they are restyled, frame by frame."""
        found = heard().frames(request.is_disconnected)
        return StreamingResponse(found, media_type="application/octet-stream")
