"""The vector store of the local stack: Milvus Lite on disk, behind its own server."""

from pathlib import Path

from ragctl.local.account import HOST
from ragctl.local.services import Service


def start_milvus(data: Path, port: int, log: Path) -> Service:
    """Start a Milvus Lite server that keeps its collections in `data`."""
    data.parent.mkdir(parents=True, exist_ok=True)
    arguments = ["server", "--host", HOST, "--port", str(port), "--data-dir", str(data)]  # else it binds 0.0.0.0
    return Service("Milvus Lite", "ragctl.local.milvus_server", arguments, port, log)
