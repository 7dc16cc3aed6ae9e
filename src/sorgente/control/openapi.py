"""The API's description (OpenAPI 3.1), made of the same table as its routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

Endpoint = Callable[[Request], Awaitable[Response]]

REFERENCE: Final = "#/components/schemas/{name}"

PARAMETERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "channel": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "examples": ["live"]},
    "track": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "examples": ["video"]},
    "number": {"type": "integer", "minimum": 1, "maximum": (1 << 53) - 1, "examples": [1]},
}
"""What stands in paths. Numbers are those that JavaScript counts exactly."""


SIGNATURE: Final[Sequence[tuple[str, str, Mapping[str, Any]]]] = (
    ("webhook-id", "The same with every try.", {"type": "string"}),
    ("webhook-timestamp", "Of this try: UTC, seconds since 1970.", {"type": "integer"}),
    (
        "webhook-signature",
        "v1, and base64 of the HMAC-SHA256 of id.timestamp.body, for each secret; spaces between.",
        {"type": "string"},
    ),
)
"""Headers of Standard Webhooks 1.0.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parameter behind the question mark."""

    name: str
    description: str
    default: int
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path."""

    method: str
    path: str
    name: str
    summary: str
    endpoint: Endpoint
    answer: type[msgspec.Struct] | str | None
    """A document; or a media type; or nothing (204)."""
    takes: type[msgspec.Struct] | None = None
    queries: Sequence[Query] = ()
    errors: Mapping[int, str] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """It takes the admin key, wherever it comes from."""
        return self.method not in ("GET", "HEAD")


def document(
    operations: Sequence[Operation],
    extra: Sequence[type],
    events: Sequence[type[msgspec.Struct]],
    version: str,
) -> bytes:
    """The description of ``operations``, as JSON; ``extra``: other documents to describe;
    ``events``: what receivers of hooks are told."""
    types = {each for op in operations for each in (op.answer, op.takes) if isinstance(each, type)}
    ordered = sorted([*types, *extra, *events], key=lambda each: each.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Sorgente",
                "version": version,
                "description": "Look after an origin. This machine may look without a key; all "
                "else takes the admin key. Errors are one line of text.",
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/api/v1"}],
            "paths": paths,
            "webhooks": {each.__struct_config__.tag: _webhook(each) for each in events},
            "components": {
                "schemas": components,
                "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": [{"key": []}] if operation.changes else [{}, {"key": []}],
        "parameters": [*_in_path(operation), *map(_in_query, operation.queries)],
        "responses": _responses(operation),
    }
    if operation.takes is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(operation.takes)}},
        }
    return described


def _webhook(event: type[msgspec.Struct]) -> dict[str, Any]:
    """A POST of ours to others."""
    headers = [
        {"name": name, "in": "header", "required": True, "description": text, "schema": schema}
        for name, text, schema in SIGNATURE
    ]
    return {
        "post": {
            "summary": " ".join((event.__doc__ or "").split()),
            "parameters": headers,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _reference(event)}},
            },
            "responses": {
                "2XX": {"description": "Taken. The body is not read"},
                "410": {"description": "No more of any, until the origin is started again"},
                "default": {"description": "Tried again, later"},
            },
        }
    }


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    parts = [part.strip("{}") for part in operation.path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "schema": PARAMETERS[name]} for name in parts
    ]


def _in_query(query: Query) -> dict[str, Any]:
    bounds = {"type": "integer", "minimum": 0, "maximum": query.maximum, "default": query.default}
    return {"name": query.name, "in": "query", "description": query.description, "schema": bounds}


def _responses(operation: Operation) -> dict[str, Any]:
    errors = {401: "The admin key is missing, or wrong", 403: "There is none", **operation.errors}
    responses: dict[str, Any] = {
        str(status): {
            "description": text,
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
        for status, text in errors.items()
    }
    match operation.answer:
        case None:
            responses["204"] = {"description": HTTPStatus.NO_CONTENT.phrase}
        case str(media_type):
            responses["200"] = {"description": "OK", "content": {media_type: {}}}
        case struct:
            content = {"application/json": {"schema": _reference(struct)}}
            responses["200"] = {"description": "OK", "content": content}
    return responses


def _reference(struct: type) -> dict[str, str]:
    return {"$ref": REFERENCE.format(name=struct.__name__)}
