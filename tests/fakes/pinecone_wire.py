"""How Pinecone words its requests and refusals."""

from array import array
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from tests.fakes.faulty_http import Request, Response

Json = dict[str, Any]
SPARSE_VALUES = 1_000


class Listed(Protocol):
    """Whatever has an id."""

    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=Listed)


class Refused(Exception):
    """A request that Pinecone refuses."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.body)
        self.response = response


def refused(message: str, status: int = 400, code: int = 3) -> Refused:
    """Return a refusal in the data plane's words."""
    return Refused(Response.of_json({"code": code, "message": message, "details": []}, status))


def json_object(request: Request) -> Json:
    try:
        body = request.json()
    except ValueError as error:
        raise refused("the body is not JSON") from error
    if not isinstance(body, dict):
        raise refused("the body must be an object")
    return body


def parameter(request: Request, name: str) -> str:
    """Return a parameter of the address, empty when it is not there."""
    return request.query.get(name, [""])[0]


def sparse_values(value: Any) -> dict[int, float]:
    """Return a sparse vector's weights by index, as 32-bit floats."""
    indices, values = (value.get("indices"), value.get("values")) if isinstance(value, dict) else (None, None)
    if not isinstance(indices, list) or not isinstance(values, list) or len(indices) != len(values):
        raise refused("Sparse vector must have as many indices as values")
    if not 1 <= len(indices) <= SPARSE_VALUES:
        raise refused(f"Sparse vector must contain 1 to {SPARSE_VALUES} values")
    if not all(isinstance(index, int) and 0 <= index < 2**32 for index in indices):
        raise refused("Sparse vector indices must be unsigned 32-bit integers")
    if len(set(indices)) != len(indices):
        raise refused("Sparse vector indices must be unique")
    if not all(isinstance(number, int | float) for number in values) or not any(values):
        raise refused("Sparse vector must contain at least one non-zero value")
    return dict(zip(indices, array("f", values), strict=True))


def page(items: Iterable[Item], limit: int, token: str) -> tuple[list[Item], Json]:
    """Return the items after the id that the token holds, and the answer's pagination, absent on the last page."""
    rest = sorted((item for item in items if item.id > token), key=lambda item: item.id)
    return rest[:limit], {"pagination": {"next": rest[limit - 1].id}} if len(rest) > limit else {}
