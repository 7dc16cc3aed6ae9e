"""Against the vector that the libraries of standard-webhooks/standard-webhooks are tested with
("sign function works" in all of them)."""

from __future__ import annotations

import pytest

from sorgente.hooks.signature import Secret, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NUMBER = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector() -> None:
    assert Secret(SECRET).sign(NUMBER, TIMESTAMP, BODY) == SIGNATURE


def test_the_three_headers_and_a_signature_for_each_secret() -> None:
    headers = signed_headers([Secret(OTHER), Secret(SECRET)], NUMBER, TIMESTAMP, BODY)
    assert headers["webhook-id"] == NUMBER
    assert headers["webhook-timestamp"] == "1614265330"
    first, second = headers["webhook-signature"].split(" ")
    assert second == SIGNATURE
    assert first != SIGNATURE
    assert first.startswith("v1,")


@pytest.mark.parametrize("changed", ["number", "timestamp", "body"])
def test_all_of_it_is_signed(changed: str) -> None:
    number = NUMBER + "x" * (changed == "number")
    timestamp = TIMESTAMP + (changed == "timestamp")
    body = BODY + b" " * (changed == "body")
    assert Secret(SECRET).sign(number, timestamp, body) != SIGNATURE


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "begins with whsec_"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!!", "not base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "not base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLäSw", "not base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La", "24 to 64 bytes"),
        ("whsec_" + "AAAA" * 22, "24 to 64 bytes"),
        ("whsec_", "24 to 64 bytes"),
    ],
)
def test_what_is_no_secret(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        Secret(text)
    assert "MfKQ9r8G" not in str(caught.value)


def test_a_secret_is_not_shown() -> None:
    assert repr(Secret(SECRET)) == str(Secret(SECRET)) == "Secret(…)"
