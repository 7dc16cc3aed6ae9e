"""Claims: what they allow, and all that is no claim."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.errors import InsufficientScope, InvalidToken, OriginError
from sorgente.tokens.grant import LEEWAY_SECONDS, Action, Grant
from tests.support.tokens import NOW, WATCH


def grant(**claims: Any) -> Grant:
    return Grant.of(json.dumps(WATCH | claims).encode())


def refusal(of: Grant, channel: str = "live", action: Action = "watch", at: float = NOW) -> str:
    with pytest.raises((InvalidToken, InsufficientScope)) as caught:
        of.check(channel, action, at)
    return str(caught.value)


@pytest.mark.parametrize("channel", ["live", ["live"], ["a", "live"], "*", ["*"]])
@pytest.mark.parametrize("action", ["watch", ["watch", "publish"], ["download", "watch"]])
def test_it_may_be_one_or_several(channel: object, action: object) -> None:
    grant(channel=channel, action=action).check("live", "watch", NOW)


@pytest.mark.parametrize("channel", ["liv", "Live", "live ", "", [], "li*", ["a", "b"]])
def test_another_channel_is_another(channel: object) -> None:
    assert refusal(grant(channel=channel)) == "the token is for another channel"


@pytest.mark.parametrize("action", ["publish", "*", "", [], "Watch"])
def test_another_action_is_another(action: object) -> None:
    assert refusal(grant(action=action)) == "the token does not allow to watch"


def test_times_have_some_leeway() -> None:
    timed = grant(nbf=NOW, iat=NOW - 5, exp=NOW + 60)
    for at in (NOW - LEEWAY_SECONDS, NOW, NOW + 60 + LEEWAY_SECONDS - 0.001):
        timed.check("live", "watch", at)
    assert "not valid yet" in refusal(timed, at=NOW - LEEWAY_SECONDS - 0.001)
    assert "has expired" in refusal(timed, at=NOW + 60 + LEEWAY_SECONDS)
    assert "not valid yet" in refusal(grant(iat=NOW + 60, nbf=0))


def test_only_who_publishes_may_do_so_for_ever() -> None:
    claims = json.dumps({"channel": "live", "action": ["watch", "publish"]}).encode()
    for_ever = Grant.of(claims)
    for_ever.check("live", "publish", NOW + 1e9)
    assert "never expires" in refusal(for_ever)


@pytest.mark.parametrize("aud", ["sorgente", ["another", "sorgente"]])
def test_it_is_for_us(aud: object) -> None:
    grant(aud=aud).check("live", "watch", NOW)


@pytest.mark.parametrize("aud", ["another", [], ["another"]])
def test_it_is_for_somebody_else(aud: object) -> None:
    with pytest.raises(InvalidToken, match=r"\(aud\)"):
        grant(aud=aud)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"live"',
        b"{}",
        b'{"channel": "live"}',
        b'{"action": "watch"}',
        b'{"channel": 1, "action": "watch", "exp": 1}',
        b'{"channel": null, "action": "watch", "exp": 1}',
        b'{"channel": [null], "action": "watch", "exp": 1}',
        b'{"channel": "live", "action": {}, "exp": 1}',
        b'{"channel": "live", "action": "watch", "exp": "1"}',
        b'{"channel": "live", "action": "watch", "exp": null}',
        b'{"channel": "live", "action": "watch", "exp": true}',
        b'{"channel": "live", "action": "watch", "exp": NaN}',
        b'{"channel": "live", "action": "watch", "exp": Infinity}',
        b'{"channel": "live", "action": "watch", "exp": 1e999}',
        b'{"channel": "live", "action": "watch", "exp": 99999999999999999999}',
        b'{"channel": "live", "action": "watch", "exp": 1, "nbf": NaN}',
        b'{"channel": "live", "action": "watch", "exp": 1, "iat": -1}',
        b'{"channel": "live", "action": "watch", "exp": 1, "exp": 2}',
        b'{"channel": "live", "channel": "live", "action": "watch", "exp": 1}',
        b'{"channel": "live", "action": "watch", "exp": 1, "x": {"y": 1, "y": 2}}',
        b'{"channel": "\xff", "action": "watch", "exp": 1}',
        b'{"channel": "live", "action": "watch", "exp": 1',
        b"[" * 3000,
        b'{"channel":' * 300,
        b'{"exp":' + b"9" * 3000 + b"}",
    ],
)
def test_what_is_no_claim_is_no_token(payload: bytes) -> None:
    with pytest.raises(InvalidToken, match="are not a channel, an action and times"):
        Grant.of(payload)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)
names = st.sampled_from(["channel", "action", "exp", "nbf", "iat", "aud", "sub"])


@given(st.dictionaries(names, values), st.floats(0, 4e9))
def test_whatever_they_say_nothing_else_breaks(claims: dict[str, Any], at: float) -> None:
    try:
        read = Grant.of(json.dumps(claims).encode())
        read.check("live", "watch", at)
    except OriginError:
        return
    assert "live" in claims["channel"] or "*" in claims["channel"]
    assert at < claims["exp"] + LEEWAY_SECONDS < math.inf


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40), st.floats(0, 1 << 41))
def test_it_is_good_between_its_times_and_never_else(nbf: int, exp: int, at: float) -> None:
    timed = grant(nbf=nbf, exp=exp)
    inside = nbf - LEEWAY_SECONDS <= at < exp + LEEWAY_SECONDS
    try:
        timed.check("live", "watch", at)
    except InvalidToken:
        assert not inside
    else:
        assert inside
