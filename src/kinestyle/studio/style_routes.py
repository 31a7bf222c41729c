"""The routes of styles: those of the bundle, and one's own, sent as files or heard in clips."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response

from kinestyle.runtime.cue import STYLE_FILE
from kinestyle.studio import documentation, schemas
from kinestyle.studio.choices import refusal_to_refine, style_rows
from kinestyle.studio.clip_store import StoredClip
from kinestyle.studio.documentation import FILE, WORK, documented_errors
from kinestyle.studio.request_work import JobQuery, client_of, download, while_there
from kinestyle.studio.restyling import Studio
from kinestyle.studio.uploads import sent_clip

_OF_LEARNING = "said", "disagree", "left_out", "refined"


def add_styles(app: FastAPI, studio: Studio) -> None:
    @app.get("/api/styles", responses=documented_errors())
    async def styles() -> schemas.Styles:
        """The styles that the bundle knows."""
        return style_rows(studio.bundle)

    @app.post(
        "/api/styles",
        status_code=201,
        responses=documented_errors(*WORK),
        openapi_extra=documentation.STYLE_BODY,
    )
    async def keep_style(
        request: Request,
        name: Annotated[
            str | None, Query(max_length=300, description="What the file is called: goblin.style.")
        ] = None,
        job: JobQuery = None,
    ) -> schemas.SentStyle:
        """Send a `.style` file that `kinestyle learn` wrote, as the body or in a form. It is known
        by its id alone, and forgotten as clips are.
        """
        files, _ = await sent_clip(request, name, None, studio.config)
        work = studio.keep_style(files, client_of(request, job))
        kept = await while_there(request, work)
        return schemas.SentStyle(**_facts(studio, kept))

    @app.get(
        "/api/styles/{style_id}/file",
        response_class=Response,
        responses=documented_errors(404) | FILE,
    )
    async def style_file(style_id: str) -> Response:
        """A `.style` file that was sent, or made of clips."""
        content = studio.own_styles.get(style_id.removesuffix(STYLE_FILE)).content
        return download(content.name, content.upload.files[0][1], [])

    @app.get("/api/learn", responses=documented_errors())
    async def learning() -> schemas.Learning:
        """Whether styles can be refined here, and how many are being."""
        refusal = refusal_to_refine()
        return schemas.Learning(
            refine=refusal is None,
            reason=None if refusal is None else str(refusal),
            refinements=studio.pool.refinements,
        )

    @app.post("/api/learn", status_code=201, responses=documented_errors(*WORK))
    async def learn(request: Request, wanted: schemas.LearnRequest) -> schemas.LearnedStyle:
        """Hear a style of one's own in clips that are kept, as `kinestyle learn` does, and refine
        it if that is wanted: that takes a minute or two, and is done one at a time. The style is
        known by its id alone, and forgotten as clips are.
        """
        ids = [wanted.clips] if isinstance(wanted.clips, str) else wanted.clips
        clips = [studio.store.get(clip_id) for clip_id in ids]
        client = client_of(request, wanted.job)
        work = studio.learn(clips, wanted.name, wanted.refine, client)
        kept = await while_there(request, work)
        facts = {field: kept.content.facts[field] for field in _OF_LEARNING}
        return schemas.LearnedStyle(**_facts(studio, kept), **facts, command=kept.command)


def _facts(studio: Studio, kept: StoredClip) -> dict[str, Any]:
    facts = kept.content.facts
    return {
        "id": kept.id,
        "style": f"{kept.id}{STYLE_FILE}",
        "file": kept.content.name,
        "expires_in_seconds": studio.own_styles.expires_in(kept),
        **{field: facts[field] for field in ("name", "label", "seconds", "warnings")},
    }
