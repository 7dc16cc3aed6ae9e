"""What may be a key, and what is the same one."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.keys import MAX_LENGTH, MIN_LENGTH, Key

visible = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
texts = st.text(visible, min_size=MIN_LENGTH, max_size=MAX_LENGTH)


@given(texts, st.binary(max_size=300))
def test_a_key_opens_to_itself_and_to_nothing_else(text: str, other: bytes) -> None:
    key = Key(text)
    assert key.opens_to(text.encode())
    assert key.opens_to(other) is (other == text.encode())
    assert not key.opens_to(text.encode()[:-1])
    assert not key.opens_to(text.encode() + b"\0")


def test_what_is_compared_takes_as_long_whatever_is_offered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Digests, of one length, all of them by ``compare_digest``."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    key = Key("some-key-42")
    offers = [b"", b"s", b"some-key-4", b"some-key-42", b"some-key-421", b"x" * 300]
    assert [key.opens_to(each) for each in offers] == [False] * 3 + [True] + [False] * 2
    assert len(compared) == len(offers)
    assert {(len(one), len(other)) for one, other in compared} == {(32, 32)}


@pytest.mark.parametrize(
    "text",
    ["", "short", "x" * (MAX_LENGTH + 1), "with a space", "schlüssel-ß", "new\nline-key",
     "tab\tkeys", "trailing-newline\n", "del\x7fdel-del"],
)  # fmt: skip
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"key") as caught:
        Key(text)
    assert not text or text not in str(caught.value)


@given(texts)
def test_nothing_of_a_key_can_be_shown(text: str) -> None:
    key = Key(text)
    assert repr(key) == str(key) == f"{key}" == "Key(…)"
    assert all(text.encode() not in getattr(key, name) for name in Key.__slots__)
