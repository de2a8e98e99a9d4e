"""The Pointer port in a variable."""

from dataclasses import replace
from threading import Lock

from rag.index_pointer import IndexPointer, IndexTarget


class MemoryPointer:
    """Points to the collection that was deployed until another pointer is stored."""

    def __init__(self, default: IndexTarget) -> None:
        self._pointer = IndexPointer(default)
        self._lock = Lock()

    def read(self) -> IndexPointer:
        with self._lock:
            return self._pointer

    def store(self, pointer: IndexPointer) -> bool:
        with self._lock:
            if pointer.revision != self._pointer.revision:
                return False
            self._pointer = replace(pointer, revision=pointer.revision + 1)
            return True
