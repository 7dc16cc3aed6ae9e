"""``/api/v1``: look after an origin. Who may, ``http.admin`` decides before any of this is asked.

Not here yet, and where it goes: tokens that open one channel are read in ``http.admin``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from sorgente import __version__
from sorgente.broker import Broker
from sorgente.control import openapi, schema
from sorgente.control.events import DOCUMENTS, Events
from sorgente.control.openapi import Operation, Query
from sorgente.control.thumbnails import Thumbnails
from sorgente.control.view import View
from sorgente.errors import BadRequest, NotFound, OriginError, UnsupportedEncoding
from sorgente.hooks.event import EVENTS as HOOKS

NO_STORE: Final = {"Cache-Control": "no-store"}
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"

SUBSCRIBERS: Final = Query(name="limit", description="At most so many.", default=100, maximum=1000)
AFTER: Final = Query(
    name="after", description="Those with a greater number.", default=0, maximum=(1 << 53) - 1
)
UNKNOWN: Final = {404: "There is no such thing"}


class Api:
    """The operations."""

    def __init__(
        self,
        broker: Broker,
        now: Callable[[], float],
        view: View,
        thumbnails: Thumbnails,
        settings: Mapping[str, object],
    ) -> None:
        """``now``: seconds of a clock that only grows; ``settings``: as they may be shown."""
        self._broker = broker
        self._now = now
        self._view = view
        self._thumbnails = thumbnails
        self._settings = settings
        self._events = Events(view)
        operations = self._operations()
        self._openapi = openapi.document(operations, [*DOCUMENTS.values()], HOOKS, __version__)
        self.mount = Mount(
            "/api/v1", routes=[Route("/openapi.json", self._describe), *_routes(operations)]
        )

    def _operations(self) -> list[Operation]:
        one = "/channels/{channel}"
        return [
            Operation(
                method="GET", path="/origin", name="getOrigin", endpoint=self._origin,
                summary="The origin itself", answer=schema.Origin,
            ),
            Operation(
                method="GET", path="/channels", name="listChannels", endpoint=self._channels,
                summary="All channels that an encoder is, or was, at, with their tracks and with "
                "advice", answer=schema.Channels,
            ),
            Operation(
                method="GET", path=one, name="getChannel", endpoint=self._channel,
                summary="One channel", answer=schema.Channel, errors=UNKNOWN,
            ),
            Operation(
                method="DELETE", path=one, name="removeChannel", endpoint=self._remove,
                summary="Forget a channel at once, and all that is kept of it; its encoders and "
                "players are cut off", answer=None, errors=UNKNOWN,
            ),
            Operation(
                method="POST", path=f"{one}/end", name="endChannel", endpoint=self._end,
                summary="The event is over: encoders are told so, players get a clean end, what "
                "is kept stays to be seen", answer=None, errors=UNKNOWN,
            ),
            Operation(
                method="POST", path=f"{one}/takeover", name="takeOverChannel",
                endpoint=self._take_over,
                summary="Take the right to publish from whoever has it; players wait for the next "
                "encoder", answer=None, errors=UNKNOWN,
            ),
            Operation(
                method="GET", path=f"{one}/thumbnail.jpg", name="getThumbnail",
                endpoint=self._thumbnail, summary="A recent picture", answer="image/jpeg",
                errors={404: "There is no such channel, no picture, or no ffmpeg"},
            ),
            Operation(
                method="GET", path=f"{one}/tracks", name="listTracks", endpoint=self._tracks,
                summary="The tracks of a channel", answer=schema.Tracks, errors=UNKNOWN,
            ),
            Operation(
                method="GET", path=f"{one}/tracks/{{track}}", name="getTrack",
                endpoint=self._track, summary="One track", answer=schema.Track, errors=UNKNOWN,
            ),
            Operation(
                method="GET", path=f"{one}/subscribers", name="listSubscribers",
                endpoint=self._subscribers,
                summary="Players of progressive streams", answer=schema.Subscribers,
                queries=(SUBSCRIBERS, AFTER), errors={400: "No such number", **UNKNOWN},
            ),
            Operation(
                method="DELETE", path=f"{one}/subscribers/{{number}}", name="kickSubscriber",
                endpoint=self._kick, summary="Cut a player off", answer=None, errors=UNKNOWN,
            ),
            Operation(
                method="GET", path="/settings", name="getSettings", endpoint=self._in_force,
                summary="The settings in force, without keys", answer=schema.Settings,
            ),
            Operation(
                method="GET", path="/log-level", name="getLogLevel", endpoint=self._log_level,
                summary="What is worth a line in the log", answer=schema.LogLevel,
            ),
            Operation(
                method="PUT", path="/log-level", name="setLogLevel", endpoint=self._set_log_level,
                summary="Log more, or less, until the origin ends",
                takes=schema.LogLevel, answer=schema.LogLevelChanged,
                errors={400: "No such level", 415: "No JSON"},
            ),
            Operation(
                method="GET", path="/events", name="listen", endpoint=self._listen,
                summary="Server-sent events: snapshot, then changes", answer=EVENTS,
                errors={503: "Too many listen"},
            ),
        ]  # fmt: skip

    # Looking

    async def _describe(self, _: Request) -> Response:
        return Response(self._openapi, media_type=JSON, headers=NO_STORE)

    async def _origin(self, _: Request) -> Response:
        return _json(self._view.origin())

    async def _channels(self, _: Request) -> Response:
        return _json(schema.Channels(self._view.channels()))

    async def _channel(self, request: Request) -> Response:
        return _json(self._view.channel(_name(request)))

    async def _tracks(self, request: Request) -> Response:
        return _json(schema.Tracks(self._view.channel(_name(request)).tracks))

    async def _track(self, request: Request) -> Response:
        return _json(self._view.track(_name(request), request.path_params["track"]))

    async def _subscribers(self, request: Request) -> Response:
        after, limit = _number(request, AFTER), _number(request, SUBSCRIBERS)
        return _json(self._view.subscribers(_name(request), after, limit))

    async def _in_force(self, _: Request) -> Response:
        return _json(msgspec.convert({"settings": self._settings}, schema.Settings))

    async def _thumbnail(self, request: Request) -> Response:
        channel = self._view.known(_name(request))
        picture = await self._thumbnails.of(channel)
        if picture is None:
            raise NotFound(f"there is no picture of {channel.name}")
        return Response(picture, media_type="image/jpeg", headers=NO_STORE)

    async def _listen(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type=EVENTS, headers=NO_STORE)  # or it would never end
        return StreamingResponse(self._events.listen(), media_type=EVENTS, headers=NO_STORE)

    async def _log_level(self, _: Request) -> Response:
        return _json(schema.LogLevel(_level()))

    # Changing

    async def _set_log_level(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise UnsupportedEncoding(f"this takes {JSON}")
        try:
            wanted = msgspec.json.decode(await request.body(), type=schema.LogLevel)
        except msgspec.MsgspecError as error:
            raise BadRequest(str(error)) from None
        before = _level()
        logging.getLogger().setLevel(wanted.level.upper())
        return _json(schema.LogLevelChanged(before, wanted.level))

    async def _end(self, request: Request) -> Response:
        self._broker.end(_name(request), self._now())
        return _done()

    async def _remove(self, request: Request) -> Response:
        self._broker.drop(_name(request), self._now())
        return _done()

    async def _take_over(self, request: Request) -> Response:
        self._broker.release(_name(request), self._now())
        return _done()

    async def _kick(self, request: Request) -> Response:
        self._broker.kick(_name(request), request.path_params["number"])
        return _done()


async def refusal(_: Request, error: Exception) -> Response:
    """The answer to a request that cannot be granted: one line, as everywhere at an origin."""
    assert isinstance(error, OriginError)
    return PlainTextResponse(f"{error}\n", error.status, headers=NO_STORE)


def _routes(operations: Iterable[Operation]) -> Iterator[Route]:
    """One for each path, so that whoever uses a wrong method is told of all that are right."""
    paths: dict[str, dict[str, openapi.Endpoint]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method] = each.endpoint
    for path, endpoints in paths.items():
        # What Starlette has to know of parameters.
        typed = path.replace("{number}", "{number:int}")
        yield Route(typed, _choice(endpoints), methods=[*endpoints])


def _choice(endpoints: Mapping[str, openapi.Endpoint]) -> openapi.Endpoint:
    async def chosen(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return chosen


def _name(request: Request) -> str:
    return cast(str, request.path_params["channel"])


def _number(request: Request, query: Query) -> int:
    text = request.query_params.get(query.name)
    if text is None:
        return query.default
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= query.maximum):
        raise BadRequest(f"{query.name} is a number from 0 to {query.maximum}")
    return int(text)


def _level() -> schema.Level:
    """The nearest one that has a name here."""
    number = logging.getLogger().getEffectiveLevel()
    names: dict[int, Any] = {10: "debug", 20: "info", 30: "warning", 40: "error"}
    return cast(schema.Level, names[min(names, key=lambda each: abs(each - number))])


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), media_type=JSON, headers=NO_STORE)


def _done() -> Response:
    return Response(status_code=204, headers=NO_STORE)
