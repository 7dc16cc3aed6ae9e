"""Where an upload goes: the URL of a channel, and the key to it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from sorgente.tools.errors import UnusableArgument

DEFAULT_URL: Final = "http://127.0.0.1:8080/ingest/live"
DEFAULT_PATH: Final = "/ingest/live"
PORTS: Final = {"http": 80, "https": 443}
HOW_TO_WRITE: Final = (
    f"URL: write http://HOST:PORT{DEFAULT_PATH}, or https://…; "
    "a user and password in front of an @, what is neither letter nor digit of them as %XX"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A channel's place for uploads."""

    host: str
    port: int
    secure: bool
    path: str
    """Of the channel: without the track, without a slash at its end."""
    query: str = field(default="", repr=False)
    """May hold a key: not for logs."""
    authorization: str = field(default="", repr=False)
    """The value of the header; secret."""
    cacert: Path | None = None
    """The authority that signed its certificate; None: one that this machine knows."""

    @property
    def shown(self) -> str:
        """For people: no user, no key."""
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """For the ``Host`` header: without the port where it is the usual one (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = PORTS["https" if self.secure else "http"]
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def takes_over(self) -> bool:
        """It asks to end another publisher's upload."""
        return ("takeover", "1") in parse_qsl(self.query)

    def peaceful(self) -> Target:
        """The same without that wish. Two that both have it would throw each other out for ever,
        so it is for the first upload only."""
        rest = [pair for pair in parse_qsl(self.query, True) if pair[0] != "takeover"]
        return replace(self, query=urlencode(rest))

    def request_target(self, track: str) -> str:
        """What stands in the request line of an upload of ``track``."""
        path = f"{self.path}/{quote(track)}"
        return f"{path}?{self.query}" if self.query else path


def parse_target(url: str, key: str | None = None, cacert: Path | None = None) -> Target:
    """The channel at ``url``. ``key`` is sent as a Bearer token; without one, what stands before an
    ``@`` in ``url`` is sent as Basic credentials.

    Raises UnusableArgument, whose line holds neither.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:  # which says what it read, perhaps a password with a / in it
        raise UnusableArgument(HOW_TO_WRITE) from None
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.path:
        raise UnusableArgument(HOW_TO_WRITE)
    if any(ord(character) <= 0x20 or ord(character) > 0x7E for character in url + (key or "")):
        raise UnusableArgument("URL and key are visible ASCII characters, no spaces")
    return Target(
        parts.hostname,
        PORTS[parts.scheme] if port is None else port,
        parts.scheme == "https",
        parts.path.rstrip("/") or DEFAULT_PATH,
        parts.query,
        authorization(key, parts.username, parts.password),
        cacert,
    )


def authorization(key: str | None, user: str | None, password: str | None) -> str:
    """The value of the header; empty: there is nothing to say."""
    if key:
        return f"Bearer {key}"
    if user is None and password is None:
        return ""
    pair = f"{unquote(user or '')}:{unquote(password or '')}"
    return "Basic " + b64encode(pair.encode()).decode()
