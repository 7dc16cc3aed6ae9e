"""The control application."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sorgente.control.api import Api, refusal
from sorgente.control.metrics import OriginCollector
from sorgente.control.static import static_routes
from sorgente.control.status import ChannelSource, StatusSource
from sorgente.errors import OriginError

NO_STORE = {"Cache-Control": "no-store"}


def control_app(source: StatusSource, channels: ChannelSource, api: Api) -> Starlette:
    """``/healthz``, ``/readyz``, ``/metrics``, answered from what ``source`` and ``channels`` tell;
    the pages and their files; and ``api``."""
    registry = CollectorRegistry()
    registry.register(OriginCollector(source, channels))
    ProcessCollector(registry=registry)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n", headers=NO_STORE)

    async def readyz(_: Request) -> Response:
        if source().closing:
            return PlainTextResponse("shutting down\n", 503, headers=NO_STORE)
        return PlainTextResponse("ready\n", headers=NO_STORE)

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type, **NO_STORE})

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            *static_routes(),
            api.mount,
        ],
        exception_handlers={OriginError: refusal},
    )
