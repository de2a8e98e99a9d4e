"""Vectors as they travel: float32, unit length, base64 of little-endian bytes between states."""

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Iterable

from rag.errors import InvalidRequest, MalformedResponse

Vector = array  # array("f"): 4 bytes a component, indexable, and no numpy to import on the query path

_FLOAT32_BYTES = 4


def unit(components: Iterable[float]) -> "Vector[float]":
    """Return the vector of length 1 with the direction of `components`.

    Raises:
        MalformedResponse: a component is not finite, or all are zero.
    """
    vector = array("f", components)
    length = math.hypot(*vector)
    if not math.isfinite(length):
        raise MalformedResponse("The embedding model returned a vector that is not finite.")
    if length == 0:
        raise MalformedResponse("The embedding model returned a vector of zeros.")
    return array("f", (component / length for component in vector))


def to_bytes(vector: "Vector[float]") -> bytes:
    """Return the vector as little-endian float32."""
    return _little_endian(vector).tobytes()


def from_bytes(data: bytes) -> "Vector[float]":
    """Return the vector of little-endian float32 `data`.

    Raises:
        ValueError: the length is not a multiple of four bytes.
    """
    vector = array("f")
    vector.frombytes(data)
    return _little_endian(vector)


def encode(vector: "Vector[float]") -> str:
    """Return the vector as base64: 8 KB for 1,536 dimensions, where JSON numbers take 33 KB."""
    return base64.b64encode(to_bytes(vector)).decode("ascii")


def decode(text: str) -> "Vector[float]":
    """Return the vector that `encode` wrote.

    Raises:
        InvalidRequest: the text is not base64 of finite float32 numbers.
    """
    try:
        vector = from_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("vector is not base64 of float32 numbers.") from error
    if not vector or not all(map(math.isfinite, vector)):
        raise InvalidRequest("vector is empty or not finite.")
    return vector


def _little_endian(vector: "Vector[float]") -> "Vector[float]":
    if sys.byteorder == "big":
        vector = array("f", vector)
        vector.byteswap()
    return vector
