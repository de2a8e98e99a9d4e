"""The Principals and Counts ports in dictionaries."""

from threading import Lock

from rag.http.callers import Caller


class MemoryPrincipals:
    """Knows the callers that it was told of."""

    def __init__(self, *callers: Caller) -> None:
        self._callers = {caller.id: caller for caller in callers}

    def find(self, caller_id: str) -> Caller | None:
        return self._callers.get(caller_id)

    def store(self, caller: Caller) -> None:
        self._callers[caller.id] = caller


class MemoryCounts:
    """Counts, and when each expires."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}
        self.expires_at: dict[str, int] = {}
        self._lock = Lock()

    def raised(self, key: str, by: int, limit: int, expires_at: int) -> bool:
        with self._lock:
            used = self.used.get(key, 0) + by
            if used > limit:
                return False
            self.used[key] = used
            self.expires_at[key] = expires_at
            return True

    def lowered(self, key: str, by: int) -> None:
        with self._lock:
            if self.used.get(key, 0) >= by:
                self.used[key] -= by
