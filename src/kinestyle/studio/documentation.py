"""The description of the interface: OpenAPI for programs, and a plain page for people, which loads
nothing from elsewhere.
"""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from kinestyle.studio.schemas import ErrorAnswer, StylizeForm

BINARY = {"schema": {"type": "string", "format": "binary"}}
MOTION: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The motion, in the format of docs/STUDIO.md",
        "content": {"application/octet-stream": BINARY},
    }
}
PART = MOTION | {204: {"description": "There is no part to show; ask for the whole."}}
MESH: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The mesh, in the format of docs/STUDIO.md",
        "content": {"application/octet-stream": BINARY},
    },
    204: {"description": "The file shows no character."},
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {"application/octet-stream": BINARY}}
}

_SAID: dict[int, str] = {
    400: "The request cannot be understood.",
    401: "The token is missing or wrong.",
    403: "The request comes from another site's page, or for another host.",
    404: "It is not, or no longer, there.",
    408: "The request arrives too slowly.",
    409: "The job was cancelled.",
    413: "More bytes, frames, joints, seconds or memory than `/api/limits` allows.",
    415: "The format is not known.",
    422: "The file or the request is not as it should be.",
    429: "Too much is waiting already; try again after the seconds in `Retry-After`.",
}


def documented_errors(*more: int) -> dict[int | str, dict[str, Any]]:
    """What any route may answer, and some more statuses."""
    return {
        status: {"model": ErrorAnswer, "description": _SAID[status]}
        for status in sorted({400, 401, 403, 408, 413, 422, *more})
    }


WORK = (404, 409, 415, 429)
"""What routes for which a worker works may answer beside."""

RIG: dict[str, Any] = {
    "anyOf": [{"type": "string"}, BINARY["schema"]],
    "description": "A family, see `/api/rigs`, or a file of `kinestyle map`.",
}
"""A part of a form."""

RIG_BODY = {
    "requestBody": {
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": {"rig": RIG}}}
        }
    },
}
"""Of a request for a clip that is there."""


def _body_or_form(parts: dict[str, Any]) -> dict[str, Any]:
    """Of a request that sends a file as its body, or in a form with these parts, as `file`."""
    form = {"type": "object", "required": ["file"], "properties": parts}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": BINARY,
                "multipart/form-data": {"schema": form},
            },
        }
    }


UPLOAD_BODY = _body_or_form(
    {"file": {"type": "array", "items": BINARY["schema"], "maxItems": 4}, "rig": RIG}
)
"""Of an upload."""

STYLE_BODY = _body_or_form({"file": BINARY["schema"]})
"""Of a style file."""


def form_body() -> dict[str, Any]:
    """Of a request that sends the clip along."""
    schema = StylizeForm.model_json_schema()
    files = {"type": "array", "items": BINARY["schema"]}
    schema["properties"] = {"file": files, "like": files} | schema["properties"]
    for field in ("rig", "like_rig"):
        schema["properties"][field] = RIG | {
            "description": schema["properties"][field]["description"]
        }
    schema["required"] = ["file"]
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }


def describe(app: FastAPI, has_token: bool) -> dict[str, Any]:
    """The OpenAPI description, made once."""
    if not app.openapi_schema:
        found = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
        )
        if has_token:
            found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{"token": []}]
        app.openapi_schema = found
    return app.openapi_schema


def as_page(found: dict[str, Any]) -> str:
    """The description for people to read: each address and what it takes. FastAPI's own page loads
    its scripts from elsewhere.
    """
    about = found["info"]
    parts = [f"<h1>{escape(about['title'])} {escape(about['version'])}</h1>"]
    parts.append(f"<p>{escape(about['description'])}</p>")
    for path, methods in found["paths"].items():
        for method, route in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>")
            parts.append(f"<p>{escape(route['description'])}</p>")
            taken = {one["name"]: one for one in route.get("parameters", [])}
            for body in route.get("requestBody", {}).get("content", {}).values():
                taken |= _resolved(body["schema"], found).get("properties", {})
            rows = [
                f"<dt><code>{escape(name)}</code><dd>{escape(one.get('description', ''))}"
                for name, one in taken.items()
            ]
            parts.append(f"<dl>{''.join(rows)}</dl>")
    return _PAGE.format(body="\n".join(parts))


def _resolved(schema: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """A schema, or the one that it refers to."""
    if "$ref" not in schema:
        return schema
    return dict(found["components"]["schemas"][schema["$ref"].split("/")[-1]])


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Kinestyle studio: the interface</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem;
  color-scheme: light dark }}
dl {{ display: grid; grid-template-columns: 9rem 1fr; gap: .2rem 1rem }} dd {{ margin: 0 }}
</style></head><body>
{body}
<p>Types, answers and errors: <a href="/api/openapi.json">openapi.json</a></p>
</body></html>
"""
