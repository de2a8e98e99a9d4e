"""Vectors survive their journey, and bad ones do not start it."""

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import vectors
from rag.errors import InvalidRequest, MalformedResponse

floats = st.floats(min_value=-1e6, max_value=1e6, width=32)


@given(st.lists(floats, min_size=1, max_size=64))
def test_what_is_encoded_is_decoded(components: list[float]) -> None:
    vector = array("f", components)
    assert vectors.decode(vectors.encode(vector)) == vector
    assert vectors.from_bytes(vectors.to_bytes(vector)) == vector


@given(st.lists(floats, min_size=1, max_size=64).filter(lambda components: any(abs(c) > 1e-3 for c in components)))
def test_a_unit_vector_has_length_one(components: list[float]) -> None:
    assert math.isclose(math.hypot(*vectors.unit(components)), 1, abs_tol=1e-5)


def test_bytes_are_little_endian() -> None:
    assert vectors.to_bytes(array("f", [1.0])) == b"\x00\x00\x80\x3f"


def test_3072_dimensions_take_16_kb() -> None:
    assert len(vectors.encode(array("f", [0.5] * 3072))) == 16_384


@pytest.mark.parametrize("components", [[0.0, 0.0], [], [math.nan, 1.0], [math.inf], [1e-60]])
def test_a_vector_without_direction_is_malformed(components: list[float]) -> None:
    with pytest.raises(MalformedResponse):
        vectors.unit(components)


@pytest.mark.parametrize("text", ["", "a", "!!!!", "AAA=", "AAAA", vectors.encode(array("f", [math.nan]))])
def test_what_is_no_vector_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="vector"):
        vectors.decode(text)
