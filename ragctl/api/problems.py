"""How a call fails: the API's problem details (RFC 9457) as an error, and no answer at all as another."""

import msgspec

from ragctl.failure import Failure

_TYPE_PREFIX = "urn:serverless-rag:"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal as the API tells it."""

    type: str
    title: str
    status: int
    detail: str
    trace_id: str | msgspec.UnsetType = msgspec.UNSET


class ApiProblemError(Failure):
    """The API refuses, or failed. `retry_after` is in seconds, where it says when to come again."""

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        trace = f" (trace id {problem.trace_id})" if problem.trace_id else ""
        super().__init__(f"{problem.title} ({problem.status}): {problem.detail}{trace}")
        self.problem = problem
        self.retry_after = retry_after

    @property
    def name(self) -> str:
        """The problem's name, such as `not-allowed`."""
        return self.problem.type.removeprefix(_TYPE_PREFIX)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status


class ApiUnreachableError(Failure):
    """There was no answer, or none that this API would give."""
