"""A request for which workers work: who asks, whether they are there, and files as answers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Query, Request, Response

from kinestyle.studio.error_responses import CancelledError
from kinestyle.studio.fair_shares import LABEL, Client
from kinestyle.studio.schemas import JOB

JobQuery = Annotated[
    str | None,
    Query(
        pattern=JOB, description="A name of the client's choice, to ask for progress or to cancel."
    ),
]
T = TypeVar("T")


def client_of(request: Request, job: str | None) -> Client:
    """Clients are told apart by their connections: on one machine all come from one address."""
    label = request.headers.get(LABEL, "")
    request.state.client = client = Client.at(request.client, job, label)
    return client


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do the work of a request whose body is read, unless the client goes away meanwhile."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise CancelledError("the client is gone")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


def download(name: str, data: bytes, notes: list[str]) -> Response:
    """A file to save, under a name without surprises."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-()") else "_" for c in name)
    headers = {
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    }
    if notes:
        headers["x-kinestyle-notes"] = quote(" | ".join(notes), safe=" ,;:()'|")
    return Response(data, headers=headers, media_type="application/octet-stream")
