"""The description of the interface: OpenAPI for programs, and the same as a plain page that needs
nothing from elsewhere.
"""

from __future__ import annotations

import json
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

UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "array", "items": BINARY["schema"], "maxItems": 4},
                        "rig": RIG,
                    },
                }
            },
        },
    }
}
"""Of an upload."""


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
    """The description for people to read."""
    parts = [
        f"<h1>{escape(found['info']['title'])} {escape(found['info']['version'])}</h1>",
        f"<p>{escape(found['info'].get('description', ''))}</p>",
        '<p>For programs: <a href="/api/openapi.json">openapi.json</a></p>',
    ]
    for path, methods in found["paths"].items():
        for method, route in methods.items():
            parts.append(
                f"<h2><code>{method.upper()} "
                f"{escape(path)}</code></h2><p>{escape(route.get('description', ''))}</p>"
            )
            parts.append(
                _table(
                    ("parameter", "in", "what"),
                    [_parameter(one) for one in route.get("parameters", [])],
                )
            )
            for kind, body in route.get("requestBody", {}).get("content", {}).items():
                parts.append(
                    f"<h3>Body: {escape(kind)}</h3>{_fields(body.get('schema', {}), found)}"
                )
            rows = [
                (status, answer["description"], _answered(answer))
                for status, answer in route["responses"].items()
            ]
            parts.append(_table(("status", "what", "body"), rows))
    parts.append("<h1>Bodies</h1>")
    for name, schema in found["components"]["schemas"].items():
        parts.append(f'<h2 id="{escape(name)}">{escape(name)}</h2>{_fields(schema, found)}')
    return _PAGE.format(body="\n".join(parts))


def _parameter(one: dict[str, Any]) -> tuple[str, str, str]:
    return (
        one["name"] + ("" if one["required"] else " (optional)"),
        one["in"],
        one.get("description", ""),
    )


def _answered(answer: dict[str, Any]) -> str:
    names = [
        body.get("schema", {}).get("$ref", kind).split("/")[-1]
        for kind, body in answer.get("content", {}).items()
    ]
    return ", ".join(names)


def _fields(schema: dict[str, Any], found: dict[str, Any]) -> str:
    """A body's fields as a table."""
    if "$ref" in schema:
        schema = found["components"]["schemas"][schema["$ref"].split("/")[-1]]
    rows = [
        (name, _kind(field), field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]
    examples = [*schema.get("examples", []), *([schema["example"]] if "example" in schema else [])]
    shown = "".join(f"<pre>{escape(json.dumps(one))}</pre>" for one in examples)
    return f"<p>{escape(schema.get('description', ''))}</p>{_table(('field', 'type', 'what'), rows)}{shown}"


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"].split("/")[-1])
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"])
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    return str(field.get("format") or field.get("type", "anything"))


def _table(head: tuple[str, ...], rows: list[Any]) -> str:
    if not rows:
        return ""
    lines = ["<tr>" + "".join(f"<th>{escape(word)}</th>" for word in head) + "</tr>"]
    lines += [
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    ]
    return f"<table>{''.join(lines)}</table>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Kinestyle studio: the interface</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
body {{ color: #222; background: #fff }}
h2 {{ margin-top: 2.5rem; border-top: 1px solid #ddd; padding-top: 1rem; font-size: 1.1rem }} h3 {{ font-size: 1rem }}
table {{ border-collapse: collapse }} td, th {{ text-align: left; vertical-align: top; padding: .1rem 1.2rem .1rem 0 }}
th {{ font-weight: 600; color: #666 }} pre {{ background: #f4f4f4; padding: .5rem }}
</style></head><body>
{body}
</body></html>
"""
