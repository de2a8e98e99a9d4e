"""Transient errors are waited out, others are not, and patience ends."""

import pytest

from rag.errors import CredentialsRejected, RagError, UpstreamThrottled
from ragctl.patience import Patience


class Flaky:
    """Fails as often as it is told, then answers."""

    def __init__(self, failures: int, error: type[RagError] = UpstreamThrottled) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error("no")
        return "yes"


def test_a_transient_error_is_waited_out() -> None:
    pauses: list[float] = []
    call = Flaky(failures=5)

    assert Patience(attempts=6, sleep=pauses.append)(call) == "yes"
    assert len(pauses) == 5
    assert all(0 <= pause <= 30 for pause in pauses)


def test_patience_ends() -> None:
    call = Flaky(failures=9)

    with pytest.raises(UpstreamThrottled):
        Patience(attempts=3, sleep=lambda _: None)(call)

    assert call.calls == 3


def test_a_permanent_error_is_not_tried_again() -> None:
    call = Flaky(failures=1, error=CredentialsRejected)

    with pytest.raises(CredentialsRejected):
        Patience(sleep=lambda _: None)(call)

    assert call.calls == 1
