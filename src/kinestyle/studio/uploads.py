"""What clients send beside JSON: clips as the body of a request, or as parts of a form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from kinestyle.studio.clip_store import StatedRig
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.error_responses import RequestError
from kinestyle.studio.restyling import NamedFile
from kinestyle.studio.schemas import StylizeForm

MAX_FIELDS = 32
"""Parts of a form that are no files."""


async def sent_clip(
    request: Request, name: str | None, rig: str | None, config: StudioConfig
) -> tuple[list[NamedFile], StatedRig | None]:
    """The files of an upload and its rig: the body itself, or the parts called `file` and `rig`.
    Raises RequestError.

    name, rig: what the address says
    """
    rigs: list[str | NamedFile] = [] if rig is None else [rig]
    if not is_form(request):
        data = await request.body()
        if name is None:
            raise RequestError("the name of the clip is missing; add ?name=walk.bvh")
        return [(name, data)], stated_rig(rigs)
    parts = await _parts(request, config)
    rigs += [value for field, value in parts if field == "rig"]
    return [
        value for field, value in parts if field == "file" and not isinstance(value, str)
    ], stated_rig(rigs)


def stated_rig(found: Sequence[str | NamedFile]) -> StatedRig | None:
    """The rig among what a client states: names of families, and files. Raises RequestError where
    that is more than one.
    """
    if len(found) > 1:
        raise RequestError(
            f"{len(found)} rigs are stated where one can be; name a family, or send one file of "
            f"`kinestyle map`"
        )
    return next(
        (StatedRig(one) if isinstance(one, str) else StatedRig(*one) for one in found), None
    )


async def sent_form(
    request: Request, config: StudioConfig
) -> tuple[StylizeForm, dict[str, list[NamedFile]]]:
    """A form's fields, and its files by their fields. Raises RequestError."""
    if not is_form(request):
        raise RequestError(
            "the body is no form; send multipart/form-data, with the clip in the field `file`"
        )
    fields: dict[str, Any] = {}
    fields_of_files = "file", "like", "style", "rig", "like_rig"
    files: dict[str, list[NamedFile]] = {field: [] for field in fields_of_files}
    for field, value in await _parts(request, config):
        if isinstance(value, str):
            fields.setdefault(field, []).append(value)
        elif field in files:
            files[field].append(value)
        else:
            raise RequestError(
                f"a file is sent as {field!r}; send the clip as `file`, reference clips as "
                f"`like`, .style files as `style`, rigs as `rig`, `like_rig`"
            )
    several = {"style", "weights"}
    wanted = {field: values if field in several else values[-1] for field, values in fields.items()}
    if "weights" in wanted:
        said = ",".join(wanted["weights"])
        # keys over time are read with all else that is checked together
        wanted["weights"] = said if ":" in said else said.split(",")
    try:
        return StylizeForm.model_validate(wanted), files
    except ValidationError as error:
        raise RequestError(sentence(error.errors()[0], 0)) from None


def sentence(found: Any, skipped: int) -> str:
    """What pydantic found, in one sentence. skipped: how many parts of the path to the field a
    client does not know
    """
    field = ".".join(str(part) for part in found["loc"][skipped:]) or "the request"
    return f"{field}: {found['msg'][:1].lower()}{found['msg'][1:]}"


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


async def _parts(request: Request, config: StudioConfig) -> list[tuple[str, str | NamedFile]]:
    """The parts of a form: (field, text), or (field, (name, bytes)) for a file. Raises
    RequestError.
    """
    limits = {
        "max_files": config.max_files,
        "max_fields": MAX_FIELDS,
        "max_part_size": config.max_request_bytes,
    }
    try:
        form = await MultiPartParser(request.headers, request.stream(), **limits).parse()
    except MultiPartException as error:
        found = error.message.rstrip(".")
        raise RequestError(
            f"the form cannot be read ({found}); send it as a browser or curl does"
        ) from None
    try:
        return [
            (
                field,
                (value.filename or "", await value.read())
                if isinstance(value, UploadFile)
                else value,
            )
            for field, value in form.multi_items()
        ]
    finally:
        await form.close()
