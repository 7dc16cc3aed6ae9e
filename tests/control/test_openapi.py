"""The API does what its description says: schemathesis asks all there is to ask."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from starlette.responses import PlainTextResponse

from sorgente.errors import OriginError
from sorgente.hooks.event import (
    TYPES,
    Drifted,
    FirstViewer,
    LastViewer,
    Published,
    Resumed,
    Stalled,
    Unpublished,
    type_of,
)
from sorgente.http.admin import AdminAccess
from sorgente.http.asgi import AsgiApp, Message
from sorgente.http.request import Request
from sorgente.keys import Key
from tests.control.conftest import Stage
from tests.http.test_asgi import Receive, Send

EXAMPLES = 20
"""Requests for each operation, besides those at the edges of what is allowed."""

KEY = "of-the-operator"
BEARER = {"Authorization": f"Bearer {KEY}"}
ELSEWHERE = "192.0.2.1"

SCHEMA = schemathesis.openapi.from_asgi("/api/v1/openapi.json", Stage().app)


def guarded(app: AsgiApp) -> AsgiApp:
    """``app`` behind who decides who may use it, as if everybody came from elsewhere."""
    access = AdminAccess(Key(KEY))

    async def asked(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            query = scope["query_string"]
            headers = dict(scope["headers"])
            request = Request(scope["method"], b"/?" + query, "1.1", headers, True, ELSEWHERE)
            try:
                access.check(request, ELSEWHERE, reads=scope["method"] in ("GET", "HEAD"))
            except OriginError as error:
                answer = PlainTextResponse(str(error), error.status)
                answer.raw_headers += error.headers
                await answer(scope, receive, send)
                return
        await app(scope, receive, send)

    return asked


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    """One of the operations changes it."""
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


@SCHEMA.exclude(operation_id="listen").parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_an_operation_does_what_its_description_says(
    case: schemathesis.Case[Any], stage: Stage
) -> None:
    case.call_and_validate(app=guarded(stage.app), headers=BEARER)


def test_what_hooks_tell_is_as_it_is_described() -> None:
    """OpenAPI 3.1 §4.8.1.1, ``webhooks``: bodies are checked by JSON Schema 2020-12."""
    described = SCHEMA.raw_schema
    now = datetime(2026, 11, 23, 13, 37, tzinfo=UTC)
    events = [
        Published(now, "live", "127.0.0.1:5 (Lavf)"),
        Unpublished(now, "live", complete=False, reason="the connection was lost"),
        Stalled(now, "live", ["live/video"], "silent", 3.2),
        Resumed(now, "live"),
        Drifted(now, "live", -0.08, 1),
        FirstViewer(now, "live"),
        LastViewer(now, "live"),
    ]
    assert set(described["webhooks"]) == set(map(type_of, events)) == set(TYPES)
    for event in events:
        body = msgspec.json.decode(msgspec.json.encode(event))
        operation = described["webhooks"][body["type"]]["post"]
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        check = jsonschema_rs.validator_for(
            {"$ref": reference, "components": described["components"]}
        ).is_valid
        assert check(body), body
        assert not check(body | {"type": "channel.other"})
        assert not check({**body, "channel": 5})
