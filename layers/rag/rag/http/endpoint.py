"""One operation of the API: who calls is found out before anything else is looked at."""

from dataclasses import dataclass
from typing import Any, Protocol

from rag.http.callers import Caller, IdentifyCaller
from rag.http.exchange import HttpRequest, HttpResponse


class Operation(Protocol):
    """Answers one request of a caller that is known."""

    def __call__(self, caller: Caller, request: HttpRequest) -> HttpResponse:
        """Return the response.

        Raises:
            RagError: there is none; what the caller is told goes by the error's name.
        """
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation with the one way to tell who calls."""

    identify: IdentifyCaller
    operation: Operation

    def __call__(self, event: dict[str, Any]) -> HttpResponse:
        """Return the response to a proxy event.

        Raises:
            NotAllowed: nobody has said who calls.
            RagError: as the operation does.
        """
        request = HttpRequest.of(event)
        return self.operation(self.identify(request.context), request)
