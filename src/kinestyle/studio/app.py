"""The HTTP interface: translates requests into calls of `restyling.Studio` and its answers into responses."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from kinestyle import __version__
from kinestyle.bundle import Bundle
from kinestyle.errors import KinestyleError
from kinestyle.motion.formats import FORMATS
from kinestyle.studio import restyling
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.gate import Gate, error_body
from kinestyle.studio.refusals import RequestError, UnknownError, status_of
from kinestyle.studio.restyling import Studio
from kinestyle.studio.schemas import (
    JOB,
    ClipAnswer,
    Example,
    Formats,
    Health,
    JobAnswer,
    Styles,
    StylizeRequest,
)
from kinestyle.studio.shelf import KeptClip

PAGE = Path(str(resources.files("kinestyle"))) / "studio" / "page"


def make_app(config: StudioConfig) -> FastAPI:
    """The application of one server. Raises BundleError for a bundle that cannot be opened."""
    studio = Studio(config, Bundle.open(config.bundle))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await studio.pool.open()
        yield
        await studio.pool.close()

    off: Any = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
    app = FastAPI(
        title="Kinestyle studio",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        telemetry=off,
    )
    app.state.studio = studio
    _answer_errors(app)
    _add_about(app, studio)
    _add_clips(app, studio)
    _add_jobs(app, studio)
    if PAGE.is_dir():
        app.mount("/", StaticFiles(directory=PAGE, html=True))
    app.add_middleware(Gate, config=config)
    return app


def _answer_errors(app: FastAPI) -> None:
    """Every refusal in one form."""

    def failure(status: int, message: str) -> Response:
        headers = {"retry-after": "1"} if status == 429 else {}
        return Response(error_body(status, message), status, headers, "application/json")

    @app.exception_handler(KinestyleError)
    async def refused(_: Request, error: KinestyleError) -> Response:
        return failure(status_of(error), str(error))

    @app.exception_handler(HTTPException)
    async def framework(_: Request, error: HTTPException) -> Response:
        return failure(error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        found = error.errors()[0]
        place = ".".join(str(part) for part in found["loc"][1:]) or "the request"
        return failure(422, f"{place}: {found['msg'][:1].lower()}{found['msg'][1:]}")


def _add_about(app: FastAPI, studio: Studio) -> None:
    """What the server is and knows."""
    started, boot = time.monotonic(), secrets.token_urlsafe(8)

    @app.get("/api/health")
    async def health() -> Health:
        ready = sum(worker.is_ready for worker in studio.pool.workers)
        return Health(
            status="ok" if ready else "starting",
            version=__version__,
            bundle=studio.bundle.path.name,
            workers=ready,
            uptime_seconds=time.monotonic() - started,
            boot=boot,
        )

    @app.get("/api/limits")
    async def limits() -> dict[str, float]:
        return studio.config.limits()

    @app.get("/api/formats")
    async def formats() -> Formats:
        return Formats(read=list(FORMATS), write=[ending for ending, row in FORMATS.items() if row.write])

    @app.get("/api/styles")
    async def styles() -> Styles:
        known = studio.bundle
        rows: list[Any] = [
            {"name": s.name, "label": s.label, "seconds": s.seconds, "default": known.style(s.label) is s} for s in known.styles
        ]
        return Styles(bundle=known.path.name, styles=rows)

    @app.get("/api/examples")
    async def examples() -> list[Example]:
        return [Example(example=name, title=name.capitalize()) for name in restyling.examples()]

    @app.get("/api/previews/{style:path}")
    async def preview(style: str) -> Response:
        return Response(await studio.preview(style), media_type="application/octet-stream")


def _add_clips(app: FastAPI, studio: Studio) -> None:
    """Uploads and what becomes of them."""

    def answer(clip: KeptClip) -> ClipAnswer:
        content = clip.content
        return ClipAnswer(
            id=clip.id,
            name=content.name,
            format=Path(content.name).suffix.lower(),
            expires_in_seconds=studio.shelf.expires_in(clip),
            request=clip.request,
            of=clip.of,
            command=clip.command,
            **content.facts,
        )

    @app.post("/api/examples/{example}", status_code=201)
    async def take_example(example: str) -> ClipAnswer:
        return answer(await studio.take_example(example))

    @app.post("/api/clips", status_code=201)
    async def upload(
        request: Request,
        name: Annotated[str | None, Query(max_length=300)] = None,
        job: Annotated[str | None, Query(pattern=JOB)] = None,
    ) -> ClipAnswer:
        return answer(await studio.take(await _sent_files(request, name), job))

    @app.get("/api/clips/{clip_id}")
    async def show(clip_id: str) -> ClipAnswer:
        return answer(studio.shelf.get(clip_id))

    @app.delete("/api/clips/{clip_id}", status_code=204)
    async def delete(clip_id: str) -> None:
        studio.shelf.remove(studio.shelf.get(clip_id).id)

    @app.get("/api/clips/{clip_id}/motion")
    async def motion(clip_id: str) -> Response:
        return Response(studio.shelf.get(clip_id).content.motion, media_type="application/octet-stream")

    @app.post("/api/clips/{clip_id}/stylize")
    async def stylize(clip_id: str, wanted: StylizeRequest) -> ClipAnswer:
        clip = studio.shelf.get(clip_id)
        return answer(await studio.restyle(clip, _request(wanted), wanted.job))

    @app.get("/api/clips/{clip_id}/file")
    async def file(clip_id: str, format: str | None = None, job: Annotated[str | None, Query(pattern=JOB)] = None) -> Response:  # noqa: A002
        return _download(*await studio.write(studio.shelf.get(clip_id), format, job))


def _add_jobs(app: FastAPI, studio: Studio) -> None:
    """Work under way."""

    @app.get("/api/jobs/{job}")
    async def progress(job: str) -> JobAnswer:
        found = studio.pool.jobs.get(job)
        # whoever asks cannot know whether it has begun, or is done already: neither is an error
        return JobAnswer(stage="waiting", share=0.0) if found is None else JobAnswer(stage=found.stage, share=found.share)

    @app.delete("/api/jobs/{job}", status_code=204)
    async def cancel(job: str) -> None:
        if found := studio.pool.jobs.get(job):
            studio.pool.cancel(found)

    @app.get("/api/{rest:path}", include_in_schema=False)
    async def unknown(rest: str) -> JSONResponse:
        raise UnknownError("there is nothing at this place of the interface; see /api/docs")


def _request(wanted: StylizeRequest) -> restyling.Request:
    def names(given: str | list[str] | None) -> tuple[str, ...]:
        return () if given is None else (given,) if isinstance(given, str) else tuple(given)

    weights = None if wanted.weights is None else tuple(wanted.weights)
    return restyling.Request(
        names(wanted.style), names(wanted.like), wanted.random, weights, wanted.strength, wanted.seed, wanted.root
    )


async def _sent_files(request: Request, name: str | None) -> list[tuple[str, bytes]]:
    """Names and bytes of an upload: the body itself, or its parts called `file`."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        data = await request.body()
        if name is None:
            raise RequestError("the name of the clip is missing; add ?name=walk.bvh")
        return [(name, data)]
    found = []
    for field, value in await _parts(request):
        if field == "file" and isinstance(value, UploadFile):
            found.append((value.filename or name or "", await value.read()))
    return found


async def _parts(request: Request) -> list[tuple[str, UploadFile | str]]:
    """The parts of a multipart body. Raises RequestError."""
    config: StudioConfig = request.app.state.studio.config
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=config.max_files, max_fields=16, max_part_size=config.max_request_bytes
    )
    try:
        return (await parser.parse()).multi_items()
    except MultiPartException as error:
        raise RequestError(
            f"the multipart body cannot be read ({error.message.rstrip('.')}); send it as a browser or curl does"
        ) from None


def _download(name: str, data: bytes, notes: list[str]) -> Response:
    """A file to save, under a name without surprises."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-()") else "_" for c in name)
    headers = {"content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"}
    if notes:
        headers["x-kinestyle-notes"] = quote(" | ".join(notes), safe=" ,;:()'|")
    return Response(data, headers=headers, media_type="application/octet-stream")
