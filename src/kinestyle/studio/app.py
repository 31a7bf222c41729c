"""The HTTP interface: translates requests into calls of `restyling.Studio` and its answers into
responses.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from kinestyle import __version__
from kinestyle.bundle import Bundle
from kinestyle.errors import KinestyleError
from kinestyle.formats.reading import Reading
from kinestyle.formats.table import FORMATS
from kinestyle.rig.presets import PRESETS
from kinestyle.runtime.cue import STYLE_FILE
from kinestyle.runtime.style_files import with_own_styles
from kinestyle.studio import documentation, restyling, schemas
from kinestyle.studio.choices import setting_rows
from kinestyle.studio.clip_store import Content, StoredClip
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.documentation import FILE, MESH, MOTION, PART, WORK, documented_errors
from kinestyle.studio.error_responses import (
    RequestError,
    UnknownError,
    error_body,
    kind_of,
    status_of,
)
from kinestyle.studio.live_routes import add_live
from kinestyle.studio.middleware import Refused, RequestGuard
from kinestyle.studio.request_work import JobQuery, client_of, download, while_there
from kinestyle.studio.restyling import Studio
from kinestyle.studio.schemas import ENDING, ClipAnswer, JobAnswer, StylizeRequest
from kinestyle.studio.style_routes import add_styles
from kinestyle.studio.uploads import sent_clip, sent_form, sentence, stated_rig

if TYPE_CHECKING:
    from kinestyle.studio.live_source import LiveSource

PAGE = Path(str(resources.files("kinestyle"))) / "studio" / "page"

_ABOUT = """Restyle captured human motion: a clip in, the same rig out, in another style. Clips are
kept in memory for a while, under ids that cannot be guessed. Every error is
{"error": {"status": ..., "message": "one sentence"}}."""

_SAID = {
    404: "there is nothing at this address; see /api/docs",
    405: "this address is not for this method; see /api/docs",
}

RigQuery = Annotated[
    schemas.RigName | None,
    Query(
        description="The family of the clip's rig, see `/api/rigs`; without it, it is found in "
        "the clip."
    ),
]
FpsQuery = Annotated[schemas.Fps | None, Query(description=schemas.FPS)]
AnimationQuery = Annotated[schemas.AnimationName | None, Query(description=schemas.ANIMATION)]
UpQuery = Annotated[schemas.UpAxis | None, Query(description=schemas.UP)]
SidesQuery = Annotated[bool | None, Query(description=schemas.SWAP_SIDES)]
CharacterQuery = Annotated[schemas.CharacterNumber | None, Query(description=schemas.CHARACTER)]
MomentQuery = Annotated[
    float, Query(ge=0.0, le=1e6, description="Seconds from the clip's first frame.")
]
CountQuery = Annotated[int, Query(ge=1, le=schemas.MOST_TAKES, description="How many takes.")]
LevelQuery = Annotated[bool | None, Query(description=schemas.LEVEL)]


def _reading(
    fps: FpsQuery = None,
    animation: AnimationQuery = None,
    up: UpQuery = None,
    swap_sides: SidesQuery = None,
    level: LevelQuery = None,
    character: CharacterQuery = None,
) -> Reading:
    return Reading(fps, animation, up, swap_sides, level, character)


ReadingQueries = Annotated[Reading, Depends(_reading)]
"""What is said of how a file is to be read."""


def make_app(config: StudioConfig) -> FastAPI:
    """The application of one server. Raises BundleError for a bundle that cannot be opened."""
    studio = Studio(config, with_own_styles(Bundle.open(config.bundle), config.styles))
    source = _live_source(config, studio.bundle)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await studio.pool.open()
        if source is not None:
            source.open()
        yield
        if source is not None:
            await source.close()
        await studio.pool.close()

    off: Any = {
        "tracing": False,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
    }
    app = FastAPI(
        title="Kinestyle studio",
        description=" ".join(_ABOUT.split()),
        version=__version__,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=off,
    )
    app.state.studio = studio
    app.openapi = lambda: documentation.describe(app, config.token is not None)  # type: ignore[method-assign]
    _answer_errors(app)
    _add_about(app, studio)
    _add_clips(app, studio)
    _add_results(app, studio)
    _add_jobs(app, studio)
    add_styles(app, studio)
    add_live(app, studio, source)

    @app.api_route(
        "/api/{rest:path}",
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        include_in_schema=False,
    )
    async def unknown(rest: str) -> None:
        raise UnknownError(_SAID[404])

    if PAGE.is_dir():
        app.mount("/", StaticFiles(directory=PAGE, html=True))
    app.add_middleware(RequestGuard, config=config)
    return app


def _live_source(config: StudioConfig, bundle: Bundle) -> LiveSource | None:
    """Raises DataError."""
    if config.live is None:
        return None
    from kinestyle.studio.live_source import LiveSource

    return LiveSource(config, bundle)


def _answer_errors(app: FastAPI) -> None:
    """Every error in one form."""

    def failure(status: int, message: str, kind: str, headers: Any = None) -> Response:
        more = {"retry-after": "1"} if status == 429 else {}
        body = error_body(status, message, kind)
        return Response(body, status, {**(headers or {}), **more}, "application/json")

    @app.exception_handler(KinestyleError)
    async def refused(_: Request, error: KinestyleError) -> Response:
        return failure(status_of(error), str(error), kind_of(type(error)))

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> Response:
        # which nobody hears
        return failure(400, "the request is not whole", kind_of(RequestError))

    @app.exception_handler(HTTPException)
    async def framework(_: Request, error: HTTPException) -> Response:
        said = (
            _SAID.get(error.status_code)
            if error.detail in ("Not Found", "Method Not Allowed")
            else None
        )
        kind = error.kind if isinstance(error, Refused) else kind_of(RequestError)
        return failure(error.status_code, said or str(error.detail), kind, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return failure(422, sentence(error.errors()[0], 1), kind_of(RequestError))


def _add_about(app: FastAPI, studio: Studio) -> None:
    """What the server is and knows."""
    started, boot = time.monotonic(), secrets.token_urlsafe(8)

    @app.get("/api/health", responses=documented_errors())
    async def health() -> schemas.Health:
        """Whether the server is there and can work. Needs no token."""
        ready = sum(worker.is_ready for worker in studio.pool.workers if worker.kind != "refining")
        return schemas.Health(
            status="ok" if ready else "starting",
            version=__version__,
            bundle=studio.bundle.path.name,
            workers=ready,
            uptime_seconds=time.monotonic() - started,
            boot=boot,
        )

    @app.get("/api/limits", responses=documented_errors())
    async def limits() -> dict[str, float]:
        """Every limit. Sizes are bytes, times seconds."""
        return studio.config.limits()

    @app.get("/api/formats", responses=documented_errors())
    async def formats() -> schemas.Formats:
        """Which formats can be sent and asked for."""
        return schemas.Formats(
            read=list(FORMATS), write=[ending for ending, row in FORMATS.items() if row.write]
        )

    @app.get("/api/rigs", responses=documented_errors())
    async def rigs() -> schemas.Rigs:
        """Which rigs are known by name, for clips in which the body is not found or is taken for
        another.
        """
        return schemas.Rigs(families=list(PRESETS))

    @app.get("/api/settings", responses=documented_errors())
    async def settings() -> list[schemas.Setting]:
        """How a clip can be restyled, to make the controls of a form from."""
        return setting_rows()

    @app.get("/api/examples", responses=documented_errors())
    async def examples() -> list[schemas.Example]:
        """Clips that ship with the server."""
        return [
            schemas.Example(example=name, title=name.capitalize()) for name in restyling.examples()
        ]

    @app.get(
        "/api/previews/{style:path}",
        response_class=Response,
        responses=documented_errors(*WORK) | MOTION,
    )
    async def preview(style: str) -> Response:
        """The example walk in a style, given by name or label."""
        return Response(await studio.preview(style), media_type="application/octet-stream")

    @app.get("/api/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(documentation.as_page(app.openapi()))


def _add_clips(app: FastAPI, studio: Studio) -> None:
    """Uploads, and clips that are kept."""

    @app.post(
        "/api/examples/{example}",
        status_code=201,
        responses=documented_errors(*WORK),
        openapi_extra=documentation.RIG_BODY,
    )
    async def keep_example(
        request: Request, example: str, rig: RigQuery = None, job: JobQuery = None
    ) -> ClipAnswer:
        """Keep an example clip, as if it were sent."""
        files = [(f"{example}.bvh", restyling.example(example))]
        _, stated = await sent_clip(request, example, rig, studio.config)
        return _answer(
            studio, await while_there(request, studio.keep(files, client_of(request, job), stated))
        )

    @app.post(
        "/api/clips",
        status_code=201,
        responses=documented_errors(*WORK),
        openapi_extra=documentation.UPLOAD_BODY,
    )
    async def upload(
        request: Request,
        reading: ReadingQueries,
        name: Annotated[
            str | None,
            Query(
                max_length=300, description="What the clip is called; its suffix says the format."
            ),
        ] = None,
        rig: RigQuery = None,
        job: JobQuery = None,
    ) -> ClipAnswer:
        """Send a clip: as the body, or as a form with the clip, and the files that belong to it, as
        `file`; its rig as `rig`.
        """
        files, stated = await sent_clip(request, name, rig, studio.config)
        work = studio.keep(files, client_of(request, job), stated, reading)
        return _answer(studio, await while_there(request, work))

    @app.post(
        "/api/clips/{clip_id}/read",
        status_code=201,
        responses=documented_errors(*WORK),
        openapi_extra=documentation.RIG_BODY,
    )
    async def read_again(
        request: Request,
        clip_id: str,
        reading: ReadingQueries,
        rig: RigQuery = None,
        job: JobQuery = None,
    ) -> ClipAnswer:
        """Read the files of a clip that is kept once more, on another rig or in another way, and
        keep what that gives as well.
        """
        upload = studio.store.get(clip_id).content.upload
        _, stated = await sent_clip(request, upload.name, rig, studio.config)
        work = studio.read_again(upload, client_of(request, job), stated, reading)
        return _answer(studio, await while_there(request, work))

    @app.get("/api/clips/{clip_id}", responses=documented_errors(404))
    async def show(clip_id: str) -> ClipAnswer:
        """What a clip is."""
        return _answer(studio, studio.store.get(clip_id))

    @app.delete("/api/clips/{clip_id}", status_code=204, responses=documented_errors(404))
    async def delete(clip_id: str) -> None:
        """Forget a clip."""
        studio.store.remove(studio.store.get(clip_id).id)

    @app.get(
        "/api/clips/{clip_id}/motion",
        response_class=Response,
        responses=documented_errors(404) | MOTION,
    )
    async def motion(clip_id: str) -> Response:
        """A clip's joints in metres, Y up, floor at 0, to draw them."""
        return Response(
            studio.store.get(clip_id).content.motion, media_type="application/octet-stream"
        )

    @app.get(
        "/api/clips/{clip_id}/mesh",
        response_class=Response,
        responses=documented_errors(*WORK) | MESH,
    )
    async def mesh(request: Request, clip_id: str, job: JobQuery = None) -> Response:
        """What the file of a clip, or of the one that a result was made from, shows of its
        character: triangles, materials, textures, and the joints that carry them. Nothing (204)
        where it shows none.
        """
        clip = studio.store.get(clip_id)
        found = await while_there(request, studio.mesh(clip, client_of(request, job)))
        if found is None:
            return Response(status_code=204)
        return Response(found, media_type="application/octet-stream")

    @app.get(
        "/api/clips/{clip_id}/file",
        response_class=Response,
        responses=documented_errors(*WORK) | FILE,
    )
    async def file(
        request: Request,
        clip_id: str,
        ending: Annotated[
            str | None,
            Query(
                alias="format",
                pattern=ENDING,
                description="Without it, the clip's own if it is written.",
            ),
        ] = None,
        job: JobQuery = None,
    ) -> Response:
        """A clip as a file. What the format cannot express is said in the header
        `X-Kinestyle-Notes`.
        """
        content = studio.store.get(clip_id).content
        return download(
            *await while_there(request, studio.write(content, ending, client_of(request, job)))
        )


def _add_results(app: FastAPI, studio: Studio) -> None:
    """Restyling."""

    @app.post("/api/clips/{clip_id}/stylize", responses=documented_errors(*WORK))
    async def stylize(request: Request, clip_id: str, wanted: StylizeRequest) -> ClipAnswer:
        """Restyle a clip that is kept. The result is kept as well."""
        clip = studio.store.get(clip_id)
        client = client_of(request, wanted.job)
        work = studio.restyle(clip, wanted.cue(), wanted.settings(), client)
        return _answer(studio, await while_there(request, work))

    @app.post(
        "/api/clips/{clip_id}/part",
        response_class=Response,
        responses=documented_errors(*WORK) | PART,
    )
    async def part(
        request: Request, clip_id: str, wanted: StylizeRequest, at: MomentQuery = 0.0
    ) -> Response:
        """The joints of the seconds around a moment, nearly as restyling the whole clip moves them,
        to be shown while that goes on; `first_frame` is the clip's frame with which they begin.
        Nothing (204) with edits, and with what changes over the clip.
        """
        clip, client = studio.store.get(clip_id), client_of(request, wanted.job)
        work = studio.part(clip, wanted.cue(), wanted.settings(), at, client)
        found = await while_there(request, work)
        if found is None:
            return Response(status_code=204)
        return Response(found, media_type="application/octet-stream")

    @app.post("/api/clips/{clip_id}/takes", responses=documented_errors(*WORK))
    async def takes(
        request: Request, clip_id: str, wanted: StylizeRequest, count: CountQuery = 8
    ) -> schemas.Takes:
        """Choose variations of what is asked for that differ as far as they can on this clip; the
        first is that of `seed`. Each is made by its number.
        """
        clip, client = studio.store.get(clip_id), client_of(request, wanted.job)
        work = studio.takes(clip, wanted.cue(), wanted.settings(), count, client)
        return schemas.Takes(seeds=await while_there(request, work))

    @app.get(
        "/api/clips/{clip_id}/previews/{style:path}",
        response_class=Response,
        responses=documented_errors(*WORK) | MOTION,
    )
    async def preview_of(request: Request, clip_id: str, style: str) -> Response:
        """Some seconds from the middle of a clip in a style, given by name or label, as its card
        shows them.
        """
        clip, client = studio.store.get(clip_id), client_of(request, None)
        found = await while_there(request, studio.preview_of(clip, style, client))
        return Response(found, media_type="application/octet-stream")

    @app.post(
        "/api/stylize",
        response_class=Response,
        responses=documented_errors(*WORK) | FILE,
        openapi_extra=documentation.form_body(),
    )
    async def stylize_at_once(request: Request) -> Response:
        """Send a clip and get it back restyled, for pipelines. Nothing is kept; warnings are in
        `X-Kinestyle-Notes`.
        """
        form, files = await sent_form(request, studio.config)
        client, settings = client_of(request, form.job), form.settings()
        rig, like_rig = (
            stated_rig([*filter(None, [name]), *files[field]])
            for field, name in (("rig", form.rig), ("like_rig", form.like_rig))
        )

        async def work() -> tuple[str, bytes, list[str]]:
            content = await studio.read(files["file"], client, rig, form.reading())
            references = [
                await studio.read([one], client, like_rig, form.like_reading())
                for one in files["like"]
            ]
            # called so that no name of a client's is one of the bundle's, or another's
            sent = {
                f"{i}{STYLE_FILE}": await studio.read_style([one], client)
                for i, one in enumerate(files["style"])
            }
            cue = form.model_copy(update={"style": [*form.style, *sent]}).cue(references)
            result = await studio.restyled(content, cue, settings, client, sent=sent)
            name, data, notes = await studio.write(result, form.format, client)
            return name, data, [*result.facts["warnings"], *notes]

        return download(*await while_there(request, work()))


def _add_jobs(app: FastAPI, studio: Studio) -> None:
    """Jobs. A client cannot know whether its job has begun, or is done: neither is an error."""

    @app.get("/api/jobs/{job}", responses=documented_errors())
    async def progress(job: str) -> JobAnswer:
        """How far a job is; one that is not running counts as waiting."""
        found = studio.pool.jobs.get(job)
        return (
            JobAnswer(stage="waiting", share=0.0)
            if found is None
            else JobAnswer(stage=found.stage, share=found.share)
        )

    @app.delete("/api/jobs/{job}", status_code=204, responses=documented_errors())
    async def cancel(job: str) -> None:
        """Cancel a job, if it is running; its own request is answered with 409."""
        if found := studio.pool.jobs.get(job):
            studio.pool.cancel(found)


def _answer(studio: Studio, clip: StoredClip) -> ClipAnswer:
    content: Content = clip.content
    return ClipAnswer(
        id=clip.id,
        name=content.name,
        format=Path(content.name).suffix.lower(),
        rig=content.upload.rig and content.upload.rig.name,
        reading=content.upload.reading.as_dict(),
        expires_in_seconds=studio.store.expires_in(clip),
        request=clip.request,
        of=clip.of,
        command=clip.command,
        **content.facts,
    )
