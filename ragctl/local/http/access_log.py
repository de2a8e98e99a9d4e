"""A line for each request: what happened to it, and nothing of what it said."""

import json
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import perf_counter

from ragctl.local.http.messages import Request, Response

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class AccessLog:
    """Appends to a file, from any thread."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("a", encoding="utf-8", buffering=1)
        self._lock = Lock()

    def write(self, request: Request, response: Response, resource: str, request_id: str, began: float) -> None:
        """Note a request that began at `began` of `perf_counter`; its path is told as the API declares it."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request_id": request_id,
            "method": request.method if request.method in _METHODS else "-",
            "resource": resource,
            "status": response.status,
            "bytes_in": len(request.body),
            "bytes_out": len(response.body),
            "milliseconds": round((perf_counter() - began) * 1_000, 1),
        }
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
