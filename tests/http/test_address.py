"""What clients are called, whatever socket shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.http.address import is_loopback, read_address


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.200.3.4", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:7f00:1", True),
        ("::1%lo", True),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("169.254.0.1", False),
        ("::", False),
        ("::2", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("::127.0.0.1", False),
        ("localhost", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_this_machine_and_no_other(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@given(st.ip_addresses())
def test_an_address_is_read_as_it_is_written(address: object) -> None:
    assert read_address(str(address)) in (address, getattr(address, "ipv4_mapped", None))


@given(st.ip_addresses(v=4))
def test_who_comes_over_an_ipv6_socket_is_the_same(address: object) -> None:
    assert read_address(f"::ffff:{address}") == read_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4:80", "[::1]"])
def test_what_is_none(text: str) -> None:
    assert read_address(text) is None
