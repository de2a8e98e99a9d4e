"""What a caller is told when it is not answered: one table from names of errors to problems (RFC 9457).

The mapping templates of api/openapi.yaml hold the same table for what no function answers, and a test compares them.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from rag.errors import RagError

CONTENT_TYPE: Final = "application/problem+json"
OURS_TO_TELL: Final = frozenset({"InvalidRequest", "NoResults"})  # their sentences tell the caller of its own


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem. `retry_after` is in seconds, None where another attempt is of no use."""

    name: str
    status: int
    title: str
    detail: str
    retry_after: int | None = None

    @property
    def type(self) -> str:
        """The problem's URN: its name in kebab case."""
        return f"urn:serverless-rag:{re.sub('(?<!^)(?=[A-Z])', '-', self.name).lower()}"

    def body(self, trace_id: str | None = None, detail: str | None = None) -> dict[str, Any]:
        """Return the problem as a JSON object."""
        told = {"type": self.type, "title": self.title, "status": self.status, "detail": detail or self.detail}
        return {**told, "trace_id": trace_id} if trace_id else told


_BUSY: Final = "A service that this one needs cannot take the request now. Try again in a moment."
_BROKEN: Final = (
    "A service that this one needs refuses to work with it. Trying again is of no use before that is mended."
)
_TIMED_OUT: Final = Problem("TimedOut", 504, "Timed out", "The answer took too long. Try again, or ask for less.")

PROBLEMS: Final = {
    problem.name: problem
    for problem in (
        Problem("InvalidRequest", 400, "Invalid request", "The request does not fit its contract."),
        Problem("NotAllowed", 403, "Not allowed", "The caller may not do this."),
        Problem("NotFound", 404, "Not found", "There is no such thing, or the caller may not see it."),
        Problem("NoResults", 404, "No results here", "The batch has no results to be fetched apart."),
        Problem("Conflict", 409, "Conflict", "The idempotency key was used for another request."),
        Problem("TooLarge", 413, "Too large", "The body must be at most 200 KiB."),
        Problem("UnsupportedMediaType", 415, "Unsupported media type", "The body must be application/json."),
        Problem("AllowanceSpent", 429, "Allowance spent", "The questions of this day are used up.", 3600),
        Problem("UpstreamThrottled", 503, "Busy", _BUSY, 2),
        Problem("UpstreamUnavailable", 503, "Unavailable", _BUSY, 2),
        _TIMED_OUT,
        Problem("QuotaExhausted", 502, "Upstream failed", _BROKEN),
        Problem("CredentialsRejected", 502, "Upstream failed", _BROKEN),
        Problem("SecretUnavailable", 502, "Upstream failed", _BROKEN),
        Problem("IndexUnavailable", 502, "Upstream failed", _BROKEN),
        Problem("MalformedResponse", 502, "Upstream failed", _BROKEN),
        Problem("UpstreamRejected", 502, "Upstream failed", _BROKEN),
        Problem("InternalError", 500, "Internal error", "Something is wrong on this side."),
    )
} | {"UpstreamTimedOut": _TIMED_OUT}


def problem_of(error: RagError) -> tuple[Problem, str | None]:
    """Return what an error is to a caller, and the sentence to tell instead of the fixed one, where there is one."""
    name = type(error).__name__
    problem = PROBLEMS.get(name, PROBLEMS["InternalError"])
    return problem, str(error) if name in OURS_TO_TELL else None
