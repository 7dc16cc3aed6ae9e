"""The command line of the audience."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any, Final

from benchmarks.generator import Latencies, LoadFailed
from benchmarks.machine import raise_file_limit
from benchmarks.measurement import NS
from benchmarks.native import Toolchain, Unavailable
from benchmarks.viewers import Address, Audience, Crowd

_LEAD_SECONDS: Final = 0.2
_LOOPBACK: Final = ("127.0.0.1", "localhost")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/audience.py",
        description="Virtual low-latency DASH players on a live channel. The course is told on "
        "stderr, the result is one JSON object on stdout. Exit status 1: a player got wrong bytes, "
        "an error, or nothing.",
    )
    parser.add_argument("url", help="of the manifest: http://127.0.0.1:8080/live/live/manifest.mpd")
    parser.add_argument("--players", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60, help="from when all are there")
    parser.add_argument("--tracks", type=int, default=1, help="wait until the MPD has so many")
    parser.add_argument("--spread-ms", type=float, default=50, help="they ask within this time")
    parser.add_argument("--early-ms", type=float, default=25, help="the first, before it is due")
    parser.add_argument("--ramp-rate", type=float, default=200, help="that join in a second")
    parser.add_argument("--core", type=int, help="pin the players to a core")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Play; the exit status says whether all went well."""
    options = parse(arguments)
    raise_file_limit()
    try:
        result = _watch(options)
    except (LoadFailed, Unavailable, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 1 if any(_faults(result).values()) else 0


def _watch(options: argparse.Namespace) -> dict[str, Any]:
    address = Address.of(options.url)
    crowd = Crowd(
        viewers=options.players,
        early_ms=options.early_ms,
        spread_ms=options.spread_ms,
        ramp_rate=options.ramp_rate,
        sources=64 if address.host in _LOOPBACK else 1,
        tracks=options.tracks,
    )
    program = Toolchain.find().program("audience")
    with Audience(program, address, crowd, options.core) as audience:
        audience.join()
        print(f"joined: {options.players} players", file=sys.stderr, flush=True)
        start_ns = time.monotonic_ns() + int(_LEAD_SECONDS * NS)
        end_ns = start_ns + int(options.seconds * NS)
        audience.measure(start_ns, end_ns)
        while (left := (end_ns - time.monotonic_ns()) / NS) > 0:
            if (line := audience.hear(left)) is not None:
                print(line, file=sys.stderr, flush=True)
        result = audience.result()
    for name, histogram in result["latency_us"].items():
        result["latency_us"][name] = Latencies.of(histogram)
    return result


def _faults(result: dict[str, Any]) -> dict[str, int]:
    """What a player must not meet. A connection that was closed for being idle is none, nor is a
    gap in the timeline of an encoder."""
    faults: dict[str, int] = {**result["faults"], **result["checks"]}
    for name in ("reconnects", "retried", "chunks", "gaps"):
        del faults[name]
    missing = result["viewers"] - result["joined"]
    return {**faults, "crowded": result["segments"]["crowded"], "not joined": missing}
