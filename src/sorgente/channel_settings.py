"""What an operator may set of one channel: ``[channel.NAME]``, or ``--channel.NAME.…``.

cyclopts takes names apart at their dots, and names of channels may have some: here they are put
together again, and their options are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter, Token

from sorgente.errors import BadRequest
from sorgente.http.request import name as channel_name
from sorgente.keys import Key
from sorgente.tools.errors import InputRefused, UnusableArgument
from sorgente.tools.order import PushSettings, Treatment, make_order
from sorgente.tools.target import DEFAULT_URL


def _key(_: object, tokens: Sequence[Token]) -> Key:
    if len(tokens) != 1:
        raise ValueError(f"there is one key, not {len(tokens)}")
    return Key(tokens[0].value)


PublishKey = Annotated[Key, Parameter(converter=_key, n_tokens=1, accepts_keys=False)]

Watching = Literal["token", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings(Treatment):
    """What is different on one channel. How its source is treated is spelt as for ``push``."""

    source: str | None = None
    """An INPUT of ``sorgente push``, which the origin runs for it."""

    publish_key: PublishKey | None = None
    """Its own key to publish: --publish-key does not open it. Best in --config, [channel.NAME]; if
    there are any on the command line, those of the file do not count."""

    watch: Watching | None = None
    """Whether watching it takes a token. By default as --watch-tokens says."""


def read_channels(
    _: object, given: Mapping[str, Any] | Sequence[Token]
) -> dict[str, ChannelSettings]:
    """What cyclopts read of ``[channel.NAME]``: a tree, as it takes names apart at their dots."""
    channels: dict[str, dict[str, Any]] = {}
    for tokens in _leaves(given):
        *parts, option = tokens[0].keys or ("",)
        if tokens[0].implicit_value == {}:  # a section with nothing in it
            parts, option = [*parts, option], ""
        name = ".".join(parts)
        if not parts:
            raise ValueError(
                "a channel is a section, [channel.NAME], or --channel.NAME.publish-key"
            )
        try:
            channel_name(name.encode(), "channel")
        except BadRequest as error:
            raise ValueError(f"{name!r}: {error}") from None
        options = channels.setdefault(name, {})
        if not option:
            continue
        read = OPTIONS.get(option.replace("-", "_"))
        if read is None:
            has = ", ".join(each.replace("_", "-") for each in OPTIONS)
            raise ValueError(f"channel {name} has no {option}; it has {has}")
        try:
            options[option.replace("-", "_")] = read(option, tokens)
        except ValueError as error:
            raise ValueError(f"{tokens[0].keyword}: {error}") from None
    return {name: _channel(name, options) for name, options in channels.items()}


def _channel(name: str, options: Mapping[str, Any]) -> ChannelSettings:
    channel = ChannelSettings(**options)
    if channel.source is None:
        if alone := sorted(options.keys() - {"publish_key", "watch"}):
            raise ValueError(f"channel {name} has a {alone[0]}, but no source")
        return channel
    treatment = {each.name: getattr(channel, each.name) for each in fields(Treatment)}
    try:
        make_order(channel.source, DEFAULT_URL, PushSettings(**treatment))
    except UnusableArgument as error:
        raise ValueError(f"channel {name}: {error}") from None
    except InputRefused:  # a camera that is not there now may be there later
        pass
    return channel


def _leaves(tree: Mapping[str, Any] | Sequence[Token]) -> Iterator[Sequence[Token]]:
    if not isinstance(tree, Mapping):
        yield tree
        return
    for each in tree.values():
        yield from _leaves(each)


def _text(option: str, tokens: Sequence[Token]) -> str:
    if len(tokens) != 1:
        raise ValueError(f"there is one {option}, not {len(tokens)}")
    if not tokens[0].value.isprintable():
        raise ValueError(f"{option} has characters that cannot be printed")
    return tokens[0].value


def _texts(option: str, tokens: Sequence[Token]) -> tuple[str, ...]:
    return tuple(_text(option, [token]) for token in tokens)


def _flag(option: str, tokens: Sequence[Token]) -> bool:
    value = _text(option, tokens).lower()
    if value not in ("true", "false"):
        raise ValueError(f"{option} is true or false")
    return value == "true"


def _watching(option: str, tokens: Sequence[Token]) -> Watching:
    match _text(option, tokens):
        case "token":
            return "token"
        case "open":
            return "open"
    raise ValueError(f"{option} is token or open")


OPTIONS: Final[Mapping[str, Callable[[str, Sequence[Token]], Any]]] = {
    **{each.name: _flag if each.default is False else _text for each in fields(ChannelSettings)},
    "publish_key": _key,
    "watch": _watching,
    "ladder": _texts,
}
"""What may stand in ``[channel.NAME]``, and how it is read."""
