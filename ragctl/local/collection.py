"""The collection of the local stack's embedding model, made in a process of its own: the client is slow to import.

Run as a module, it takes the server's port, the model and its dimensions.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from ragctl.local.account import HOST
from ragctl.local.services import ServiceError, bound_to_this_process, listens

_LOOK_SECONDS = 0.05


class CreatingCollection:
    """A collection in the making, unless it is there already."""

    def __init__(self, port: int, parameters: Mapping[str, str], log: Path) -> None:
        arguments = [str(port), parameters["EmbeddingModel"], parameters["EmbeddingDimensions"]]
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                **bound_to_this_process("ragctl.local.collection", arguments),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def await_end(self) -> list[str]:
        """Return when the collection is there, with the lines that its owner should read.

        Raises:
            ServiceError: it cannot be made.
        """
        told: str = self._process.communicate()[0]
        if self._process.returncode != 0:
            last = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise ServiceError(f"The Milvus collection cannot be made: {''.join(last)} (see {self._log})")
        return told.splitlines()

    def stop(self) -> None:
        """End it if nobody waits for it any more."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def main(port: int, model: str, dimensions: int) -> None:
    """Make the collection as soon as the server listens; whoever started this ends it if that never happens.

    One that holds the words of another version is made anew: all that was in it can be had from the bucket.
    """
    from rag.adapters.milvus_schema import create_milvus_collection, drop_milvus_collection, holds_other_words
    from rag.identity import collection_name

    pause = Event()
    while not listens(port):
        pause.wait(_LOOK_SECONDS)
    uri, collection = f"http://{HOST}:{port}", collection_name(model, dimensions)
    if holds_other_words(None, uri, collection, dimensions):
        drop_milvus_collection(None, uri, collection)
        print(f"The collection {collection} held words of another version and is empty now. Fill it: rag doctor --fix")
    create_milvus_collection(None, uri, collection, dimensions)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
