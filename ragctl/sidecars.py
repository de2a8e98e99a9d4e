"""Sidecars as they are uploaded: what the command line says, merged with what stands beside the file."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from rag.models import Metadata
from ragctl.failure import Failure
from ragctl.sources import Source

_ATTRIBUTES: Final = "metadataAttributes"  # as Bedrock Knowledge Bases name it
_GROUPS: Final = "groups"


@dataclass(frozen=True)
class Description:
    """What the command line says about all files that it is given."""

    groups: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=dict)

    def of(self, source: Source) -> bytes | None:
        """Return the content of a file's sidecar, or None where nothing is said.

        Groups add up; where nobody names any, the document keeps those that it has. Of metadata, the command line's
        wins.

        Raises:
            Failure: the sidecar beside the file cannot be read, so that who may read the file is not known.
        """
        try:
            beside = source.sidecar()
        except OSError as error:
            raise Failure(f"The sidecar of {source.path} cannot be read: {error.strerror}.") from error
        if not self.groups and not self.metadata:
            return beside
        attributes: dict[str, Any] = _attributes(source.path, beside) if beside is not None else {}
        if self.groups:
            attributes[_GROUPS] = sorted({*attributes.get(_GROUPS, []), *self.groups})
        return json.dumps({_ATTRIBUTES: {**attributes, **self.metadata}}, ensure_ascii=False, sort_keys=True).encode()


def _attributes(path: str, content: bytes) -> dict[str, Any]:
    try:
        attributes = dict(json.loads(content)[_ATTRIBUTES])
        groups = attributes.get(_GROUPS, [])
    except (ValueError, TypeError, KeyError, RecursionError):
        attributes, groups = {}, None
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise Failure(
            f'The sidecar of {path} must hold {{"{_ATTRIBUTES}": {{...}}}}, in it perhaps "{_GROUPS}": ["..."].'
        )
    return attributes
