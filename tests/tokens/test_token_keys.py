"""Signatures: which count, of which keys, and how these are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import example, given
from hypothesis import strategies as st

from sorgente.errors import InvalidToken
from sorgente.tokens.desk import BadTokenKey
from sorgente.tokens.keys import MAX_KEYS, TokenKeys, read_keys
from tests.support.tokens import (
    PRIVATE,
    PUBLIC_PEM,
    SECRET,
    WATCH,
    ed25519,
    hs256,
    public_keys,
    secret_keys,
    secret_of,
    text,
)

PUBLIC_RAW = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
PUBLIC_JWK = {"kty": "OKP", "crv": "Ed25519", "x": text(PUBLIC_RAW).decode()}
SECRET_JWK = {"kty": "oct", "k": text(SECRET).decode()}
PRIVATE_PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def counts(keys: TokenKeys, token: bytes) -> bool:
    try:
        return bool(json.loads(keys.payload_of(token)) == WATCH)
    except InvalidToken:
        return False


def test_a_secret_and_a_public_key() -> None:
    assert counts(secret_keys(), hs256(WATCH))
    assert counts(public_keys(), ed25519(WATCH))
    assert counts(public_keys(), ed25519(WATCH, "Ed25519"))
    assert not counts(secret_keys(), ed25519(WATCH))
    assert not counts(secret_keys(), hs256(WATCH, SECRET[:-1] + b"x"))


@pytest.mark.parametrize(
    "secret", [PUBLIC_PEM, PUBLIC_PEM.strip(), PUBLIC_RAW, b"", json.dumps(PUBLIC_JWK).encode()]
)
def test_a_public_key_is_no_secret(secret: bytes) -> None:
    """RFC 8725 §2.1: what everybody knows must sign nothing."""
    assert not counts(public_keys(), hs256(WATCH, secret))


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "", None, 1, True, [], ["HS256"], {}, "HS384", "HS512", "hs256",
            "RS256", "ES256", "Ed448", "dir", "EdDSA"],
)  # fmt: skip
def test_there_is_no_other_algorithm(alg: object) -> None:
    token = hs256(WATCH, header={"alg": alg})
    unsigned = token.rpartition(b".")[0] + b"."
    for each in (token, unsigned):
        assert not counts(secret_keys(), each)
        assert not counts(public_keys(), each)


@pytest.mark.parametrize("alg", ["HS256", "none", "Ed448", "ES256"])
def test_a_signature_of_another_name_is_none(alg: str) -> None:
    assert not counts(public_keys(), ed25519(WATCH, alg))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "crit": ["b64"], "b64": False},
        {"alg": "HS256", "b64": False},
        {"alg": "HS256", "b64": True},
        {"alg": "HS256", "crit": []},
        {"alg": "HS256", "crit": "x", "x": 1},
        {"alg": "HS256", "kid": 1},
        {"alg": "HS256", "kid": ["a"]},
        {"alg": "HS256", "pad": "x" * 600},
        {"typ": "JWT"},
        ["alg"],
        "alg",
        1,
    ],
)
def test_what_must_be_understood_and_is_not(header: object) -> None:
    assert not counts(secret_keys(), hs256(WATCH, header=header))


def test_what_need_not_be_understood_is_left() -> None:
    """RFC 7515 §4: unknown parameters are ignored."""
    header = {"alg": "HS256", "x": 1, "jku": "https://a/", "jwk": {"kty": "oct", "k": "AAAA"}}
    assert counts(secret_keys(), hs256(WATCH, header=header))
    bad = hs256(WATCH, b"\0\0\0", header=header)
    assert not counts(secret_keys(), bad), "its own key is not asked"


def test_keys_are_told_by_their_ids() -> None:
    keys = secret_keys("old", "new")
    for kid in ("old", "new"):
        named = {"alg": "HS256", "kid": kid}
        assert counts(keys, hs256(WATCH, secret_of(kid), named))
        assert counts(keys, hs256(WATCH, secret_of(kid))), "one after another"
    assert not counts(keys, hs256(WATCH, secret_of("old"), {"alg": "HS256", "kid": "new"}))
    assert not counts(keys, hs256(WATCH, secret_of("old"), {"alg": "HS256", "kid": "other"}))
    assert counts(secret_keys(), hs256(WATCH, header={"alg": "HS256", "kid": "any"}))


GARBAGE = [
    b"", b".", b"..", b"...", b"a.b.c", b"\xff\xfe", b"a" * 4096, b"." * 4096,
    text(b"{}") + b"..", text(b"[" * 380) + b"..", text(b'{"alg":"HS256"}') + b".!.!",
    b"a.b.c.d.e", hs256(b""), hs256(WATCH) + b"=", hs256(WATCH) + b".x", hs256(WATCH) + b"\n",
    hs256(WATCH).replace(b".", b".!"), b" " + hs256(WATCH),
]  # fmt: skip


@given(st.binary(max_size=80) | st.sampled_from(GARBAGE))
@example(hs256(WATCH)[:-1])
@example(b"eyJhbGciOiJIUzI1NiJ9." + b"A" * 100_000 + b".AAAA")
def test_what_is_not_signed_does_not_count(token: bytes) -> None:
    for keys in (secret_keys(), public_keys(), secret_keys("a", "b")):
        assert not counts(keys, token)


@given(st.data())
def test_no_bit_of_what_is_signed_may_change(data: st.DataObject) -> None:
    token = bytearray(data.draw(st.sampled_from([hs256(WATCH), ed25519(WATCH)])))
    end = token.rindex(b".")
    at = data.draw(st.integers(0, end - 1))
    token[at] ^= 1 << data.draw(st.integers(0, 6))
    assert not counts(secret_keys(), bytes(token))
    assert not counts(public_keys(), bytes(token))


# Files


def read(tmp_path: Path, *contents: bytes | dict[str, Any]) -> TokenKeys:
    files = []
    for number, each in enumerate(contents):
        file = tmp_path / f"key-{number}"
        file.write_bytes(each if isinstance(each, bytes) else json.dumps(each).encode())
        files.append(file)
    return read_keys(files)


@pytest.mark.parametrize(
    "content", [SECRET, SECRET + b"\n", SECRET + b"\r\n", SECRET_JWK, {"keys": [SECRET_JWK]}]
)
def test_files_with_a_secret(tmp_path: Path, content: bytes | dict[str, Any]) -> None:
    assert counts(read(tmp_path, content), hs256(WATCH))


@pytest.mark.parametrize(
    "content", [PUBLIC_PEM, b"\n" + PUBLIC_PEM + b"\n", PUBLIC_JWK, {"keys": [PUBLIC_JWK]}]
)
def test_files_with_a_public_key(tmp_path: Path, content: bytes | dict[str, Any]) -> None:
    keys = read(tmp_path, content)
    assert counts(keys, ed25519(WATCH))
    assert not counts(keys, hs256(WATCH, content if isinstance(content, bytes) else b"x" * 32))


def test_several_files_and_sets(tmp_path: Path) -> None:
    keys = read(tmp_path, PUBLIC_PEM, {"keys": [{**SECRET_JWK, "kid": "s"}]})
    assert counts(keys, ed25519(WATCH))
    assert counts(keys, hs256(WATCH, header={"alg": "HS256", "kid": "s"}))
    assert counts(keys, hs256(WATCH))
    assert SECRET.decode() not in repr(keys)


def pem(key: rsa.RSAPrivateKey | ed448.Ed448PrivateKey | x25519.X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "at least 32 bytes"),
        (SECRET[:-1], "at least 32 bytes"),
        (SECRET[:-1] + b"\n", "at least 32 bytes"),
        ({"kty": "oct", "k": text(SECRET[:-1]).decode()}, "at least 32 bytes"),
        ({"kty": "oct", "k": ""}, "must not be empty"),
        ({"kty": "oct"}, "no key|not in PEM|nor a JWK"),
        ({"kty": "EC", "crv": "P-256"}, "kty OKP or oct"),
        ({}, "kty OKP or oct"),
        ({"keys": [PUBLIC_JWK, {"kty": "RSA"}]}, "kty OKP or oct"),
        ({"keys": 1}, "not in PEM, nor a JWK"),
        ({"keys": ["x"]}, "not in PEM, nor a JWK"),
        (b'{"kty":', "not in PEM, nor a JWK"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, "no Ed25519 key"),
        ({"kty": "OKP", "crv": "Ed25519"}, "no Ed25519 key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no Ed25519 key"),
        (pem(rsa.generate_private_key(65537, 2048)), "no Ed25519 key"),
        (pem(ed448.Ed448PrivateKey.generate()), "no Ed25519 key"),
        (pem(x25519.X25519PrivateKey.generate()), "no Ed25519 key"),
        (PRIVATE_PEM, "needs the public one"),
        (b"x" * 70_000, "65536 bytes"),
        ({"keys": [SECRET_JWK] * (MAX_KEYS + 1)}, "there may be 16"),
    ],
)
def test_what_is_no_key_ends_the_start(
    tmp_path: Path, content: bytes | dict[str, Any], says: str
) -> None:
    with pytest.raises(BadTokenKey, match=says) as caught:
        read(tmp_path, content)
    line = str(caught.value)
    assert "\n" not in line
    assert SECRET[:-1].decode() not in line


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadTokenKey, match="No such file"):
        read_keys([tmp_path / "none"])
