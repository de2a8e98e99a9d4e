"""How Pinecone words its requests and refusals."""

from typing import Any

from tests.fakes.faulty_http import Request, Response

Json = dict[str, Any]


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
