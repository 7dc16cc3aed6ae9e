from __future__ import annotations

from fractions import Fraction
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.dash import values
from sorgente.dash.xml import document, element
from tests.dash.reader import seconds, utc


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(2), "2"),
        (Fraction(1, 10), "0.1"),
        (Fraction("1.957333333333"), "1.957333333"),
        (Fraction(2, 3), "0.666666667"),
        (Fraction(1, 10**10), "0"),
        (Fraction(-1, 10**10), "0"),
        (Fraction(-5, 4), "-1.25"),
        (Fraction("1795348800.123456789"), "1795348800.123456789"),
    ],
)
def test_decimals(value: Fraction, text: str) -> None:
    assert values.decimal(value) == text


@given(st.integers(0, 2**80).map(lambda ns: Fraction(ns, 10**9)))
def test_whole_nanoseconds_are_exact(value: Fraction) -> None:
    assert seconds(values.duration(value)) == value


def test_a_duration_is_not_negative() -> None:
    with pytest.raises(ValueError, match="-1"):
        values.duration(Fraction(-1))


@given(st.fractions(0, 4 * 10**9))
def test_times_round_down_to_the_millisecond(value: Fraction) -> None:
    assert 0 <= value - utc(values.date_time(value)) < Fraction(1, 1000)


def test_a_time() -> None:
    assert values.date_time(Fraction("1795348800.0419")) == "2026-11-22T12:00:00.041Z"


def test_no_latency_is_zero_milliseconds() -> None:
    assert values.milliseconds(Fraction(1, 10**6)) == 1
    assert values.milliseconds(Fraction("0.2")) == 200


def test_ratios() -> None:
    assert values.ratio(1920, 1080) == "16:9"
    assert values.frame_rate(Fraction(30000, 1001)) == "30000/1001"
    assert values.frame_rate(Fraction(25)) == "25"


@given(st.text())
def test_xml_reads_back(first: str) -> None:
    kept = "".join(c for c in first if c in "\t\n\r" or c >= " ")
    kept = "".join(c for c in kept if c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
    made = fromstring(document(element("a", {"x": first, "none": None}, element("b"), None)))
    assert made.attrib == {"x": kept}
    assert [child.tag for child in made] == ["b"]


def test_xml_text_is_escaped() -> None:
    assert document(element("a", {"x": '<&">\n', "y": True, "z": 1})).splitlines()[1] == (
        b'<a x="&lt;&amp;&quot;&gt;&#10;" y="true" z="1"/>'
    )
