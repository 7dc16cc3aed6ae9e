"""``GET /``: the channels, and the lines to publish and play, on one plain page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil

from sorgente.broker import FeedSnapshot
from sorgente.control.status import OriginStatus, SourceStatus

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8884; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem 1rem; background: #8881; border-radius: .5rem; }
.live, .running { color: #1a7f37; } .reconnecting, .restarting, .failed { color: #b35900; }
"""


def channels_page(status: OriginStatus, origin: str) -> str:
    """The page; ``origin`` is the scheme and authority it was asked under."""
    rows = "".join(map(_row, status.channels))
    table = (
        "<table><tr><th>channel<th>state<th>tracks<th>watching<th>window<th>encoder</tr>"
        f"{rows}</table>"
        if rows
        else "<p>No channel yet. Publish one:</p>"
    )
    base = escape(origin)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sorgente</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{STYLE}</style>
<h1>Sorgente</h1>
{table}
{_sources(status.sources)}<h2>Publish</h2>
<pre>ffmpeg -re -i input.mp4 -c:v libx264 -tune zerolatency -g 30 -c:a aac \\
  -f mp4 -movflags empty_moov+frag_keyframe+default_base_moof {base}/ingest/live</pre>
<h2>Play</h2>
<pre>ffplay {base}/play/live
curl -N {base}/play/live &gt; received.mp4
{base}/live/live/manifest.mpd    <i>low-latency DASH, for dash.js, Shaka, ExoPlayer …</i></pre>
<p><a href="/metrics">metrics</a> · version {escape(status.version)}</p>
</html>
"""


def _sources(sources: Sequence[SourceStatus]) -> str:
    """Those that the origin runs itself. Of what they are made is not for everybody."""
    if not sources:
        return ""
    rows = "".join(
        f'<tr><td>{escape(each.channel)}<td class="{each.state}">{each.state}'
        f"{f' in {ceil(each.wait)} s' if each.wait else ''}<td>{escape(each.line)}</tr>"
        for each in sources
    )
    return f"<h2>Sources</h2>\n<table><tr><th>channel<th>state<th></tr>{rows}</table>\n"


def _row(channel: FeedSnapshot) -> str:
    name = escape(channel.name)
    return (
        f'<tr><td><a href="/play/{name}">{name}</a>'
        f' · <a href="/live/{escape(channel.channel)}/manifest.mpd">MPD</a>'
        f'<td class="{channel.state}">{channel.state}'
        f"<td>{escape(', '.join(channel.tracks) or channel.content_type or '–')}"
        f"<td>{channel.watching}"
        f"<td>{channel.window_seconds:.0f} s, {channel.window_bytes / 1e6:.1f} MB"
        f"<td>{escape(channel.publisher or '–')}</tr>"
    )
