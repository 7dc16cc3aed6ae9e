"""The command line: arguments, variables and ``sorgente.toml`` to settings to an exit code."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter
from cyclopts.config import Env, Toml
from cyclopts.types import ExistingFile

from sorgente import __version__
from sorgente.demo import DemoSettings, run_demo
from sorgente.http.ingest_path import DEFAULT_CHANNEL
from sorgente.http.tls import BadCertificate
from sorgente.journal import JsonFormatter, TextFormatter
from sorgente.server import Origin, serve
from sorgente.settings import LogSettings, QuietSettings, Settings
from sorgente.tokens.desk import BadTokenKey
from sorgente.tools.bench.settings import BenchSettings
from sorgente.tools.check.settings import CheckSettings
from sorgente.tools.errors import ToolError
from sorgente.tools.order import PushSettings
from sorgente.tools.push import push
from sorgente.tools.target import DEFAULT_URL
from sorgente.tools.token.order import TokenOrder

DEFAULT_MANIFEST = f"http://127.0.0.1:8080/live/{DEFAULT_CHANNEL}/manifest.mpd"

T = TypeVar("T")

VARIABLES = Env("SORGENTE_", command=False)

app = App(
    name="sorgente",
    help="A low-latency live origin: encoders send CMAF over HTTP, every player gets every chunk "
    "the moment it is whole.",
    version=__version__,
    config=VARIABLES,
)


@app.meta.default
def launcher(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config: ExistingFile | None = None,
) -> int:
    """Read the settings.

    Parameters
    ----------
    config
        A TOML file with any of the options of the command, spelt alike.
    """
    if config is not None:
        try:
            config.read_bytes()  # cyclopts would end with a traceback
        except OSError as error:
            return _complain(f"{config}: {error.strerror}", 2)
        app.config = (VARIABLES, Toml(config, must_exist=True, use_commands_as_keys=False))
    return app(tokens, result_action="return_value") or 0


@app.command(name="serve")
def serve_command(*, settings: Settings = Settings()) -> int:  # noqa: B008 - frozen
    """Run the origin."""
    announce = _announce if settings.log.log_format == "text" else _log_address

    def begun(origin: Origin) -> None:
        announce(origin, _publishers(origin, settings))

    return _on_air(settings, lambda: _run(serve(settings, begun)))


@app.command(name="demo")
def demo_command(
    *,
    demo: DemoSettings = DemoSettings(),  # noqa: B008 - frozen
    settings: QuietSettings = QuietSettings(),  # noqa: B008
) -> int:
    """Run the origin with a live test picture in it, and say where to watch."""
    # Not on uvloop: that starts no process group of its own.
    return _on_air(settings, lambda: asyncio.run(run_demo(settings, demo)))


@app.command(name="push")
def push_command(
    input_: Annotated[str, Parameter(name="INPUT")],
    url: Annotated[str, Parameter(name="URL")] = DEFAULT_URL,
    /,
    *,
    settings: PushSettings = PushSettings(),  # noqa: B008 - frozen
) -> int:
    """Put a file, a camera, a caller or a test picture on the air, with ffmpeg.

    Parameters
    ----------
    input_
        A file; test; /dev/video0, alsa:NAME, avfoundation:NAME; rtsp://, udp://, http://, srt://,
        rtmp://; or what waits for a caller: rtmp://0.0.0.0:1935/live/key?listen,
        srt://:9000?mode=listener.
    url
        A channel of an origin.
    """
    return push(input_, url, settings)


@app.command(name="token")
def token_command(*, settings: TokenOrder) -> int:
    """Print a token (JWT) to watch or to publish with, for an origin that has --token-key."""
    from sorgente.tools.token.issue import issue  # joserfc: 0.1 s

    try:
        print(issue(settings, time.time()))
    except BadTokenKey as error:
        return _complain(str(error), 2)
    return 0


@app.command(name="check")
def check_command(
    url: Annotated[str, Parameter(name="URL")] = DEFAULT_MANIFEST,
    /,
    *,
    settings: CheckSettings = CheckSettings(),  # noqa: B008 - frozen
) -> int:
    """Watch a low-latency DASH channel like a strict player, and say what is wrong with it.

    Exit code: 0 nothing players rely on, 1 there are problems, 2 there was nothing to look at.

    Parameters
    ----------
    url
        Its manifest, on any origin.
    """
    from sorgente.tools.check.command import (
        check,  # an HTTP client, which the origin has no use for
    )

    return check(url, settings)


@app.command(name="bench")
def bench_command(
    url: Annotated[str, Parameter(name="URL")] = DEFAULT_MANIFEST,
    /,
    *,
    settings: BenchSettings = BenchSettings(),  # noqa: B008 - frozen
) -> int:
    """Let virtual players watch a live channel, and measure what they go through.

    Exit code: 0 they watched, 1 not one of them got media, 2 there was nothing to watch.

    Parameters
    ----------
    url
        A low-latency DASH manifest (….mpd) or a progressive stream (/play/…), of any origin.
    """
    from sorgente.tools.bench.command import bench

    return bench(url, settings, _run)


def main() -> None:
    """The ``sorgente`` command."""
    sys.exit(app.meta(result_action="return_value"))


def _on_air(settings: Settings, run: Callable[[], None]) -> int:
    """Run an origin to its exit code. 1: it could not begin, or go on; 2: it is asked for what
    cannot be."""
    _set_up_logging(settings.log)
    try:
        run()
    except OSError as error:
        listen, why = settings.listen, error.strerror or error
        return _complain(f"cannot listen on {listen.host}:{listen.port}: {why}", 1)
    except ToolError as error:
        return _complain(str(error), 1)
    except (BadCertificate, BadTokenKey) as error:
        return _complain(str(error), 2)
    return 0


def _complain(line: str, code: int) -> int:
    print(f"sorgente: {line}", file=sys.stderr)
    return code


def _set_up_logging(settings: LogSettings) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)


def _run(main_coroutine: Coroutine[Any, Any, T]) -> T:
    """On uvloop, and on plain asyncio where it is missing."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None
    try:
        import uvloop
    except ImportError:
        logging.getLogger(__name__).warning("uvloop is missing: asyncio does, at half the speed")
        factory = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main_coroutine)


def _publishers(origin: Origin, settings: Settings) -> str:
    """Who may publish the channel of the banner."""
    if origin.access.asks(DEFAULT_CHANNEL):
        return "whoever has the KEY"
    if settings.tokens.authorize_url is not None:
        return "whoever is let in by whom --authorize-url asks"
    if settings.tokens.token_key:
        return "this machine without a token, others with one; --publish-key KEY asks all of them"
    return "this machine only; --publish-key KEY lets others"


def _announce(origin: Origin, publishers: str) -> None:
    url = origin.url
    asks = origin.access.asks(DEFAULT_CHANNEL)
    ingest = f"{url.replace('://', '://any:KEY@') if asks else url}/ingest/{DEFAULT_CHANNEL}"
    movflags = "empty_moov+frag_keyframe+default_base_moof"
    print(
        f"Sorgente {__version__} is on the air at {url}\n"
        f"\n"
        f"  publish   ffmpeg -re -i input.mp4 -c:v libx264 -tune zerolatency -g 30 -c:a aac \\\n"
        f"              -f mp4 -movflags {movflags} {ingest}\n"
        f"            curl -T input.mp4 {ingest}\n"
        f"            ({publishers})\n"
        f"  play      ffplay {url}/play/live\n"
        f"            curl -N {url}/play/live > received.mp4\n"
        f"  DASH      {url}/live/live/manifest.mpd\n"
        f"  look      {url}/watch/live   {url}/   {url}/metrics\n",
        flush=True,
    )


def _log_address(origin: Origin, publishers: str) -> None:
    log = logging.getLogger(__name__)
    log.info("listening at %s", origin.url)
    log.info("publishing is for %s", publishers)
