"""What is measured: every scenario there is, in the order of the results."""

from __future__ import annotations

from typing import Final

from benchmarks.closed_loop import ClosedLoop
from benchmarks.family import AnyScenario
from benchmarks.fanout import Fanout
from benchmarks.ingest import Ingest
from benchmarks.live_edge import LiveEdge
from benchmarks.load import Media, Upload
from benchmarks.viewers import Crowd

_LOWER_HZ: Final = (
    "lower rate, for all servers alike: at 30 Hz even the C floor would need more than one core"
)

_FANOUT: Final = (
    Fanout(name="fanout-1", about="one player", players=1),
    Fanout(name="fanout-100", about="100 players, one channel", players=100),
    Fanout(name="fanout-1000", about="1000 players, one channel", players=1000),
    Fanout(
        name="fanout-5000",
        about=f"5000 players; {_LOWER_HZ}",
        players=5000,
        media=Media(hz=8, gop=8),
        load_processes=2,
    ),
    Fanout(
        name="fanout-10000",
        about=f"10,000 players; {_LOWER_HZ}",
        players=10000,
        media=Media(hz=3, gop=3),
        load_processes=2,
    ),
    Fanout(
        name="channels-10x100",
        about="10 channels of 100 players",
        players=1000,
        media=Media(channels=10),
    ),
    Fanout(
        name="late-join-1000",
        about="1000 players join at once, beside 100 that are there",
        players=100,
        late=1000,
        event_seconds=1,
        duration=5,
    ),
    Fanout(
        name="stalled-500-of-1000",
        about="500 of 1000 players do not read for 10 s; latency is that of the others",
        players=1000,
        stall=500,
        event_seconds=10,
        duration=14,
    ),
    Fanout(
        name="latency-1", about="in to out, one player", players=1, media=Media(hz=100), duration=5
    ),
    Fanout(
        name="latency-100",
        about="in to out, 100 players",
        players=100,
        media=Media(hz=100),
        duration=5,
    ),
    Fanout(name="latency-1000", about="in to out, 1000 players", players=1000, duration=5),
)

_SMALL: Final = Media(hz=2, gop=1, size=4096)
"""A segment is one chunk."""

_LARGE: Final = Media(hz=128, gop=64, size=6400)
"""A segment is 64 chunks: 1.6 Mbit/s if it were 2 s long; here it is shorter, to be soon there."""

_CLOSED_LOOP: Final = (
    ClosedLoop(
        name="segments-4k",
        about="complete segments of 4 KiB",
        sort="segments",
        size=4096,
        media=_SMALL,
    ),
    ClosedLoop(
        name="segments-400k",
        about="complete segments of 400 KiB, of 64 chunks",
        sort="segments",
        size=409_600,
        media=_LARGE,
    ),
    ClosedLoop(
        name="mpd-full", about="the MPD, with gzip", sort="manifest", size=1024, media=_SMALL
    ),
    ClosedLoop(
        name="mpd-304",
        about="the MPD, by players that have it: If-None-Match",
        sort="unchanged manifest",
        size=1024,
        media=_SMALL,
    ),
)

_LIVE_EDGE: Final = (
    LiveEdge(
        name="boundary-2000",
        about="boundary storm: all players ask for the next segment at once, half of them early",
        media=Media(hz=30, gop=60, size=4096),
        crowd=Crowd(viewers=2000, manifest_seconds=0, ramp_rate=1000),
    ),
    LiveEdge(
        name="audience-1000",
        about="LL-DASH players: video, audio, and the MPD once a second; one-frame chunks",
        media=Media(upload="tracks", hz=30, gop=60, size=1250),
        crowd=Crowd(viewers=1000, tracks=2),
    ),
)


def _ingest(channels: int, upload: Upload) -> Ingest:
    how = {"muxed": "video and audio in one upload", "tracks": "an upload per track"}[upload]
    return Ingest(
        name=f"ingest-{upload}-{channels}",
        about=f"{channels} channel(s), {how}, nobody plays",
        # Audio in chunks of three AAC frames' time: at one frame, a hundred channels are too much.
        media=Media(channels=channels, upload=upload, audio_hz=15.625, audio_size=834),
    )


_INGEST: Final = (
    *(_ingest(channels, "muxed") for channels in (1, 10, 100)),
    *(_ingest(channels, "tracks") for channels in (1, 10, 100)),
)

SCENARIOS: Final[tuple[AnyScenario, ...]] = (*_FANOUT, *_CLOSED_LOOP, *_LIVE_EDGE, *_INGEST)

SMOKE: Final[tuple[AnyScenario, ...]] = (
    Fanout(name="smoke-fanout", about="", players=50, warm_up=0.3, duration=1.5),
    ClosedLoop(
        name="smoke-segments",
        about="",
        sort="segments",
        size=4096,
        media=_SMALL,
        warm_up=0.1,
        duration=0.5,
    ),
    ClosedLoop(
        name="smoke-mpd",
        about="",
        sort="unchanged manifest",
        size=1024,
        media=_SMALL,
        warm_up=0.1,
        duration=0.5,
    ),
    LiveEdge(
        name="smoke-audience",
        about="",
        media=Media(upload="tracks", hz=30, gop=30, size=1250),
        crowd=Crowd(viewers=50, tracks=2),
        warm_up=0.2,
        duration=2.5,
    ),
    Ingest(
        name="smoke-muxed",
        about="",
        media=Media(channels=3, upload="muxed", gop=15),
        warm_up=1.5,
        duration=1,
    ),
    Ingest(
        name="smoke-tracks",
        about="",
        media=Media(channels=3, upload="tracks", gop=15),
        warm_up=1.5,
        duration=1,
    ),
)
"""That all of it runs."""


def select(names: list[str]) -> list[AnyScenario]:
    """Scenarios by name or by family (`latency`, `fanout`); none named: all of them.

    Raises:
        ValueError: there is no such scenario.
    """
    if not names:
        return list(SCENARIOS)
    unknown = [name for name in names if not any(_is(s, name) for s in SCENARIOS)]
    if unknown:
        known = ", ".join(scenario.name for scenario in SCENARIOS)
        raise ValueError(f"no such scenario: {', '.join(unknown)}; there are: {known}")
    return [s for s in SCENARIOS if any(_is(s, name) for name in names)]


def _is(scenario: AnyScenario, name: str) -> bool:
    return scenario.name == name or scenario.name.startswith(f"{name}-")
