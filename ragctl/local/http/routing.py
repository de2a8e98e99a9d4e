"""Which operation a request is for, and what its path says."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from ragctl.local.http.definition import Operation

_VARIABLE = re.compile(r"\{([^}+]+)(\+?)\}")
_REPEATED_SLASHES = re.compile("/{2,}")


@dataclass
class _Node:
    """A place in the tree of paths."""

    literal: dict[str, "_Node"] = field(default_factory=dict)
    variable: tuple[str, "_Node"] | None = None
    greedy: tuple[str, "_Node"] | None = None
    operations: dict[str, Operation] = field(default_factory=dict)  # by method


class Router:
    """Finds operations: a literal segment goes before a variable, a variable before a greedy one."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            self._place(operation.path).operations[operation.method] = operation

    def find(self, method: str, path: str) -> tuple[Operation, Mapping[str, str]] | None:
        """Return the operation and the values of its path's variables, or None: API Gateway has no 404 and no 405.

        A variable's value is decoded once, after the path was split: an encoded slash is part of a value.
        """
        found = _descend(self._root, _segments(path), {})
        if found is None:
            return None
        node, values = found
        operation = node.operations.get(method) or node.operations.get("ANY")
        return (operation, values) if operation else None

    def _place(self, path: str) -> _Node:
        node = self._root
        for segment in _segments(path):
            if variable := _VARIABLE.fullmatch(segment):
                name, greedy = variable.groups()
                known = node.greedy if greedy else node.variable
                place = known or (name, _Node())
                if greedy:
                    node.greedy = place
                else:
                    node.variable = place
                node = place[1]
            else:
                node = node.literal.setdefault(segment, _Node())
        return node


def _descend(node: _Node, segments: list[str], values: Mapping[str, str]) -> tuple[_Node, Mapping[str, str]] | None:
    if not segments:
        return (node, values) if node.operations else None
    first, rest = segments[0], segments[1:]
    if (literal := node.literal.get(unquote(first))) and (found := _descend(literal, rest, values)):
        return found
    if node.variable:
        name, below = node.variable
        if found := _descend(below, rest, {**values, name: unquote(first)}):
            return found
    if node.greedy:
        name, below = node.greedy
        return below, {**values, name: "/".join(map(unquote, segments))}
    return None


def _segments(path: str) -> list[str]:
    """Split a path; a slash at the end does not count, and several are one."""
    return _REPEATED_SLASHES.sub("/", path).strip("/").split("/") if path.strip("/") else []
