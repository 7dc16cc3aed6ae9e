"""Tokens that come again."""

from __future__ import annotations

import pytest

from sorgente.errors import InvalidToken
from sorgente.tokens import desk as module
from sorgente.tokens.desk import MAX_TOKEN_BYTES, TokenDesk
from tests.support.tokens import NOW, WATCH, hs256, secret_keys


class Counting:
    """Keys that count how often they are asked."""

    def __init__(self) -> None:
        self.asked = 0
        self._keys = secret_keys()

    def payload_of(self, token: bytes) -> bytes:
        self.asked += 1
        return self._keys.payload_of(token)


@pytest.fixture
def keys() -> Counting:
    return Counting()


@pytest.fixture
def desk(keys: Counting) -> TokenDesk:
    return TokenDesk(keys)


def test_a_signature_is_checked_once(desk: TokenDesk, keys: Counting) -> None:
    for _ in range(3):
        desk.check(hs256(WATCH), "live", "watch", NOW)
    assert keys.asked == 1


def test_what_is_known_still_expires(desk: TokenDesk) -> None:
    desk.check(hs256(WATCH), "live", "watch", NOW)
    with pytest.raises(InvalidToken, match="expired"):
        desk.check(hs256(WATCH), "live", "watch", NOW + 1000)


def test_what_is_refused_is_not_kept(desk: TokenDesk, keys: Counting) -> None:
    for _ in range(2):
        with pytest.raises(InvalidToken):
            desk.check(hs256(WATCH, b"x" * 32), "live", "watch", NOW)
    assert (keys.asked, len(desk)) == (2, 0)


def test_the_longest_not_shown_is_forgotten(
    desk: TokenDesk, keys: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRANTS_KEPT", 2)
    one, two, three = (hs256({**WATCH, "n": n}) for n in range(3))
    for token in (one, two, one, three, one):
        desk.check(token, "live", "watch", NOW)
    assert (keys.asked, len(desk)) == (3, 2)
    desk.check(two, "live", "watch", NOW)
    assert keys.asked == 4


def test_new_keys_look_at_everything_again(desk: TokenDesk) -> None:
    desk.check(hs256(WATCH), "live", "watch", NOW)
    desk.change_keys(secret_keys("another"))
    with pytest.raises(InvalidToken, match="not signed with a key"):
        desk.check(hs256(WATCH), "live", "watch", NOW)


def test_a_long_one_is_not_looked_at(desk: TokenDesk, keys: Counting) -> None:
    for size in (MAX_TOKEN_BYTES + 1, 100_000):
        with pytest.raises(InvalidToken, match="4096 bytes"):
            desk.check(b"a" * size, "live", "watch", NOW)
    assert keys.asked == 0
